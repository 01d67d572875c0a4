"""What a diagnosis says, as lines: in short above the charts, and in full on a page."""

from __future__ import annotations

from collections.abc import Sequence

from mtop_tui.domain.diagnosis.findings import Finding
from mtop_tui.domain.diagnosis.ranking import why_line
from mtop_tui.views.table import Cell, Tone
from mtop_tui.views.words import cells, wrapped

Line = tuple[Cell, ...]

LEAD = " why  "
TONES: dict[str, Tone] = {"critical": "bad", "warning": "warn", "info": "normal"}


def in_short(findings: Sequence[Finding], otherwise: Cell, width: int, height: int) -> list[Line]:
    """The first finding in `height` lines at most: its causes, what it rests on, what to do.

    `otherwise` is said where nothing was found.
    """
    if not findings:
        return [(Cell(LEAD, "quiet"), otherwise)]
    first = findings[0]
    room = max(width - len(LEAD) - 1, 1)
    more = f"1 of {len(findings)}, w all" if len(findings) > 1 else "w more"
    chain = Cell(why_line(findings, max(room - len(more) - 2, 1)), TONES[first.severity])
    lines = [_ended(LEAD, chain, more, width)]
    left = height - len(lines)
    told = _block("next", [first.next_step], room, "normal", min(2, left - 1)) if left > 1 else []
    left -= len(told)
    if left > 0:
        lines += _block("", [first.sentence], room, "normal", min(2, left))
    left = height - len(lines) - len(told)
    if left > 0:
        lines += _block("seen", ["   ".join(_evidence(first))], room, "quiet", min(2, left))
    return lines + told


def in_full(findings: Sequence[Finding], otherwise: Cell, width: int) -> list[Line]:
    """Every cause with what it rests on, what it explains and what to do, ranked."""
    if not findings:
        return [(Cell(" "), otherwise)]
    lines: list[Line] = []
    room = width - len(LEAD)
    for number, finding in enumerate(findings, 1):
        lines += [
            (Cell(f" {number:>2}.  ", "quiet"), Cell(text, TONES[finding.severity]))
            if not index
            else (Cell(" " * len(LEAD)), Cell(text, TONES[finding.severity]))
            for index, text in enumerate(wrapped(finding.sentence, room))
        ]
        about = f"{finding.severity}, {finding.confidence}, rule {finding.id}"
        if finding.subjects:
            about += f", about {', '.join(finding.subjects)}"
        lines += _block("", [about], room, "quiet")
        lines += _block("seen", _evidence(finding), room, "normal")
        said = [one.short for one in finding.symptoms]
        lines += _block("thus", said, room, "normal")
        lines += _block("next", [finding.next_step], room, "normal")
        lines.append(())
    return lines


def _evidence(finding: Finding) -> list[str]:
    return [f"{one.what} {one.value} ({one.source})" for one in finding.evidence]


def _block(label: str, texts: Sequence[str], width: int, tone: Tone, most: int = 0) -> list[Line]:
    lines: list[Line] = []
    for text in texts:
        for part in wrapped(text, width, most):
            lead = f" {label:<{len(LEAD) - 1}}" if not lines else " " * len(LEAD)
            lines.append((Cell(lead, "quiet"), Cell(part, tone)))
    return lines


def _ended(lead: str, said: Cell, end: str, width: int) -> Line:
    spare = width - len(lead) - cells(said.text) - len(end) - 1
    if spare < 2:
        return Cell(lead, "quiet"), said
    return Cell(lead, "quiet"), said, Cell(" " * spare + end, "quiet")
