"""Objects of the simulated cluster as an API server would return them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mtop_tui.observations import Condition, ObjectRef, Service


def with_identity(body: dict[str, Any], ref: ObjectRef) -> dict[str, Any]:
    """A manifest with the namespace and UID the cluster gave it."""
    given = {"uid": ref.uid}
    if ref.namespace:
        given["namespace"] = ref.namespace
    return body | {"metadata": body["metadata"] | given}


def with_status(body: dict[str, Any], service: Service) -> dict[str, Any]:
    """A manifest with the status its service has in the simulation."""
    metadata: dict[str, Any] = {"generation": service.generation}
    if service.created_at is not None:
        metadata["creationTimestamp"] = _timestamp(service.created_at)
    status: dict[str, Any] = {
        "conditions": [_condition(one) for one in service.conditions],
        "observedGeneration": service.observed_generation,
    }
    if service.applied_configs:
        status["appliedConfigs"] = [{"name": name} for name in service.applied_configs]
    workloads = {
        "prefill" if pool.role == "prefill" else "primary": {
            "replicas": pool.desired,
            "readyReplicas": pool.ready,
        }
        for pool in service.pools
    }
    if workloads:
        status["workloads"] = workloads
    return body | {"metadata": body["metadata"] | metadata, "status": status}


def _condition(one: Condition) -> dict[str, Any]:
    fields = {
        "type": one.type,
        "status": one.status,
        "reason": one.reason,
        "message": one.message,
        "severity": one.severity,
        "lastTransitionTime": None if one.changed_at is None else _timestamp(one.changed_at),
    }
    return {name: value for name, value in fields.items() if value}


def _timestamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
