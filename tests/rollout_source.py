"""Rollouts made by hand: a canary that fails requests, and a rolling update that finds no GPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from fleet_source import START, health, key, node, replica, sample, service
from mtop_tui.observations import (
    Annotation,
    KubeEvent,
    MetricSample,
    Node,
    ObjectRef,
    Observation,
    Replica,
    Revision,
    RouteGroup,
    RouteMember,
    RouteShare,
    Service,
    ServiceKey,
)
from mtop_tui.state.fleet import FleetStore

STABLE, CANARY = key("assistant"), key("assistant-canary")
BEGIN = START - 900


def _service(name: str, age: float, desired: int) -> Service:
    route = RouteShare("assistant", 1)
    one = service(name, at=BEGIN, desired=desired, gpus=2, model="org/model", route=route)
    pool = msgspec.structs.replace(one.pools[0], ready=desired)
    return msgspec.structs.replace(one, created_at=BEGIN - age, pools=(pool,))


def _node(name: str) -> Node:
    return msgspec.structs.replace(node(name), at=BEGIN)


def _weights(canary: int, at: float) -> RouteGroup:
    return RouteGroup(
        at=at,
        ref=ObjectRef("test", "production", "RouteGroup", "assistant"),
        members=(RouteMember("assistant", 100 - canary), RouteMember("assistant-canary", canary)),
    )


def _revision(
    of: ServiceKey, counts: tuple[int, int], at: float, *, number: int = 1, tag: str = "v0.6.0"
) -> Revision:
    """A revision that has so many desired and ready replicas."""
    desired, ready = counts
    name = f"{of.name}-kserve-{number}"
    return Revision(
        at=at,
        ref=ObjectRef("test", of.namespace, "ReplicaSet", name, name),
        service=of,
        role="main",
        number=number,
        image=f"ghcr.io/llm-d/llm-d-cuda:{tag}",
        created_at=BEGIN - 7200 if number == 1 else START - 400,
        desired=desired,
        ready=ready,
    )


def _event(of: ServiceKey, reason: str, message: str, at: float) -> KubeEvent:
    return KubeEvent(
        at=at,
        ref=ObjectRef("test", of.namespace, "Event", f"{reason}-{at}", f"{reason}-{at}"),
        involved=ObjectRef("test", of.namespace, "LLMInferenceService", of.name),
        severity="Warning",
        reason=reason,
        message=message,
    )


def _served(one: Replica, rate: float, failing: float, since: float) -> Iterator[MetricSample]:
    """Steady traffic read every 5 s, of which every so many requests fail."""
    for step in range(int((START - BEGIN) / 5) + 1):
        at = BEGIN + 5 * step
        done = rate * max(0.0, at - since)
        failed = float(int(done * failing))
        yield sample(
            one,
            at,
            requests=done - failed,
            failed=failed,
            tokens=200 * done,
            running=4,
            kv=0.3,
        )


def tell(store: FleetStore, records: Iterable[Observation]) -> None:
    """Let a store see records as they come, a few seconds at a time."""
    ordered = sorted(records, key=lambda record: record.at)
    for _, batch in groupby(ordered, key=lambda record: record.at // 5):
        store.apply(list(batch))


def canary() -> list[Observation]:
    """A tenth of the traffic, then a quarter; one request in twenty fails on the new build."""
    old = [replica(STABLE, n, at=BEGIN, gpus=2, since=BEGIN - 7200) for n in range(3)]
    new = [
        replica(CANARY, 0, at=BEGIN, gpus=2, since=BEGIN - 7200, node="node-1", revision="1"),
    ]
    return [
        health(),
        _node("node-0"),
        _node("node-1"),
        _service("assistant", 90_000, 3),
        _service("assistant-canary", 7200, 1),
        *old,
        *new,
        _revision(STABLE, (3, 3), BEGIN),
        _revision(CANARY, (1, 1), BEGIN, tag="v0.6.1"),
        _weights(0, BEGIN),
        _weights(10, START - 600),
        _weights(25, START - 300),
        Annotation(at=START - 602, text="a tenth of the traffic: assistant-canary, weight 10"),
        _event(CANARY, "HighErrorRate", "5 % of requests end with status 500", START - 200),
        *(record for one in old for record in _served(one, 2.0, 0.001, BEGIN)),
        *_served(new[0], 1.4, 0.05, START - 600),
    ]


def rolling() -> list[Observation]:
    """A new image whose third pod finds no GPU, since the old ones hold them."""
    said = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    first = _revision(STABLE, (3, 3), BEGIN)
    steps = (
        (2, (1, 0), 400),
        (2, (1, 1), 300),
        (1, (2, 2), 299),
        (2, (2, 1), 298),
        (2, (2, 2), 180),
        (1, (1, 1), 179),
        (2, (3, 2), 170),
    )
    changes = [
        _revision(STABLE, counts, START - ago, number=number, tag=f"v0.6.{number - 1}")
        for number, counts, ago in steps
    ]
    pods = [
        replica(STABLE, 0, at=BEGIN, gpus=2, since=BEGIN - 7200, revision="1"),
        replica(STABLE, 1, at=START - 300, gpus=2, since=START - 300, revision="2"),
        replica(STABLE, 2, at=START - 180, gpus=2, since=START - 180, revision="2"),
        replica(
            STABLE,
            3,
            at=START - 170,
            gpus=2,
            phase="pending",
            reason="Unschedulable",
            message=said,
            node=None,
            since=START - 170,
            revision="2",
        ),
    ]
    alone = msgspec.structs.replace(_service("assistant", 90_000, 3), route=None)
    return [
        health(),
        _node("node-0"),
        alone,
        first,
        *changes,
        *pods,
        Annotation(at=START - 401, text="a new image: assistant, v0.6.1"),
        _event(STABLE, "FailedScheduling", said, START - 165),
        *(record for one in pods[:3] for record in _served(one, 2.0, 0.001, one.at)),
    ]
