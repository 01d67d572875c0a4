"""Which events and log lines still speak of what is, rather than of what was."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mtop_tui.domain.diagnosis.facts import LastExit, LogHit, ReplicaFacts, ServiceFacts
from mtop_tui.domain.diagnosis.signatures import match
from mtop_tui.domain.records import EventRecord

EVENT_LIFE = 3600.0
"""Seconds an event counts: Kubernetes keeps it for an hour by default."""

LOG_LIFE = 3600.0
"""Seconds a log line counts."""

RECENT = 900.0
"""Seconds for which what ended is worth saying though it is over: a container runs again, a node
was replaced. It may happen again, and what waited meanwhile still does."""


def live_events(facts: ServiceFacts, reasons: Collection[str]) -> Iterator[EventRecord]:
    """Events of these reasons that still count.

    One about a pod counts while the pod is there and has not become ready since; when no replica
    is known at all, it counts.
    """
    for event in facts.events:
        if event.reason not in reasons or facts.now - event.at > EVENT_LIFE:
            continue
        if event.involved.kind == "Pod" and facts.replicas:
            replica = facts.replica(event.involved.name)
            if replica is None or _ready_since(replica, event.at):
                continue
        yield event


def live_hits(facts: ServiceFacts, names: Collection[str]) -> Iterator[LogHit]:
    """Log signatures that still count; what a container said as it ended comes first.

    That is the message of a replica's record while it is not ready, and of its last exit until it
    is ready for `RECENT` seconds. A line counts for an hour, and only until its replica is gone or
    has become ready.
    """
    for replica in facts.replicas:
        for text in _last_words(replica, facts.now):
            found = match(text)
            if found is not None and found.signature in names:
                yield LogHit(
                    signature=found.signature,
                    text=found.text,
                    origin=replica.name,
                    values=found.values,
                )
    for hit in facts.logs:
        if hit.signature not in names:
            continue
        if hit.at is not None and facts.now - hit.at > LOG_LIFE:
            continue
        if _gone(facts, hit.origin):
            continue
        origin = facts.replica(hit.origin)
        if origin is not None and hit.at is not None and _ready_since(origin, hit.at):
            continue
        yield hit


def _gone(facts: ServiceFacts, origin: str) -> bool:
    """Whether a line is of a replica that is no more; kernel lines are of nodes."""
    if not origin or not facts.replicas or facts.replica(origin) is not None:
        return False
    nodes = {node.name for node in facts.cluster.nodes}
    return origin not in nodes.union(*(one.record.nodes for one in facts.replicas))


def _last_words(replica: ReplicaFacts, now: float) -> Iterator[str]:
    ready = replica.record.phase == "ready"
    if not ready:
        yield replica.record.message
    last = replica.last_exit
    if last is not None and (not ready or ended_lately(last, now)):
        yield last.message


def ended_lately(last: LastExit | None, now: float) -> bool:
    """Whether a container ended within the last `RECENT` seconds."""
    return last is not None and last.finished_at is not None and now - last.finished_at <= RECENT


def _ready_since(replica: ReplicaFacts, at: float) -> bool:
    record = replica.record
    return record.phase == "ready" and record.since is not None and record.since > at
