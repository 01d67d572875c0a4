"""Which events and log lines still speak of what is, rather than of what was."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mtop_tui.domain.diagnosis.facts import LogHit, ReplicaFacts, ServiceFacts
from mtop_tui.domain.diagnosis.records import EventRecord
from mtop_tui.domain.diagnosis.signatures import match

EVENT_LIFE = 3600.0
"""Seconds an event counts: Kubernetes keeps it for an hour by default."""

LOG_LIFE = 3600.0
"""Seconds a log line counts."""


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

    That is the message of a replica's record and of its last exit. A line counts for an hour, and
    only until its replica is gone or has become ready.
    """
    for replica in facts.replicas:
        if replica.record.phase == "ready":
            continue
        for text in _last_words(replica):
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


def _last_words(replica: ReplicaFacts) -> Iterator[str]:
    yield replica.record.message
    if replica.last_exit is not None:
        yield replica.last_exit.message


def _ready_since(replica: ReplicaFacts, at: float) -> bool:
    record = replica.record
    return record.phase == "ready" and record.since is not None and record.since > at
