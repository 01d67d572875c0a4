"""What raises alerts in the typical fleet."""

from __future__ import annotations

from fleet_source import START, key, service
from mtop_tui.observations import Condition, GpuReading, ObjectRef, Service

PLACES = {"qwen2-5-7b": "development", "mixtral-8x7b": "staging"}
"""Namespaces of those that are not in production."""


def down(name: str, namespace: str, since: float, at: float = START) -> Service:
    """A service that is not ready since then."""
    found = service(name, namespace, at=at, ready=False)
    condition = Condition("Ready", "False", "MinimumReplicasUnavailable", changed_at=since)
    return Service(
        at=at, ref=found.ref, model=found.model, pools=found.pools, conditions=(condition,)
    )


def xid(name: str, number: int, at: float) -> GpuReading:
    """A reading of a GPU of a service: the error it has, or 0."""
    return GpuReading(
        at=at,
        ref=ObjectRef("test", "", "Gpu", f"GPU-{name}"),
        node="node-1",
        service=key(name, PLACES.get(name, "production")),
        xid=number,
    )
