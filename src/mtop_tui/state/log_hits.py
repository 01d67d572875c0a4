"""Known faults in log lines: what was seen, how often, and when last."""

from __future__ import annotations

from mtop_tui.domain.diagnosis.facts import LogHit
from mtop_tui.domain.diagnosis.signatures import match
from mtop_tui.observations import LogLines

KEPT = 40
"""Signatures and origins kept per service; those not seen for longest go first."""


def note_hits(hits: dict[tuple[str, str], LogHit], record: LogLines) -> None:
    """Add what the lines of one container say to what was seen of a service before."""
    origin = record.ref.name
    for line in record.lines:
        found = match(line.text)
        if found is None:
            continue
        before = hits.pop((found.signature, origin), None)
        hits[found.signature, origin] = LogHit(
            signature=found.signature,
            text=found.text,
            origin=origin,
            count=1 if before is None else before.count + 1,
            at=line.at,
            values=found.values,
        )
    while len(hits) > KEPT:
        del hits[next(iter(hits))]
