"""What alert rules read: of one service, and of one source. None is "not known"."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from mtop_tui.domain.alerts import Readings
from mtop_tui.domain.readiness import is_ready
from mtop_tui.domain.slo.objectives import Kind
from mtop_tui.observations import GpuReading, Replica, ServiceKey, SourceHealth
from mtop_tui.state.contact import last_heard
from mtop_tui.state.metrics import ServiceMetrics
from mtop_tui.state.service import ServiceState

PATIENCE = 10.0
"""Seconds for which a request may wait where no time to its first token is promised."""

GPU_SECONDS = 120.0
"""Age from which on nobody knows whether a GPU still has the error it had."""

OVERDUE = "ProgressDeadlineExceeded"


def service_readings(
    state: ServiceState, at: float, xids: Mapping[ServiceKey, int | None]
) -> Readings:
    """What the rules read of a service at a time (Unix seconds).

    `xids` are the latest XID errors of GPUs, by the service that has them.
    """
    metrics = None if state.last_at is None or state.is_stale(at) else state.last_metrics
    return {
        "slo_page": state.fires("page"),
        "slo_ticket": state.fires("ticket"),
        "not_ready": _not_ready(state),
        "rollout_stuck": _rollout_stuck(state, at),
        "kv_usage": None if metrics is None else metrics.kv_usage,
        "preemption_rate": None if metrics is None else metrics.preemption_rate,
        "queue_to_capacity": None if metrics is None else _queue_to_capacity(state, metrics),
        "xid": xids.get(state.key),
    }


def known_since(state: ServiceState, reading: str) -> float | None:
    """Since when a reading has been what it is, where an object says so itself."""
    if reading != "not_ready" or state.service is None:
        return None
    for condition in state.service.conditions:
        if condition.type == "Ready":
            return condition.changed_at
    return None


def latest_xids(gpus: Iterable[GpuReading], at: float) -> dict[ServiceKey, int | None]:
    """The XID error of each service's GPUs: 0 where all are well, None where not all say so.

    A GPU that has fallen silent may be the one that has the error.
    """
    found: dict[ServiceKey, int | None] = {}
    for gpu in gpus:
        if gpu.service is None:
            continue
        xid = gpu.xid if at - gpu.at <= GPU_SECONDS else None
        worst = found.get(gpu.service, 0)
        if xid or worst:
            found[gpu.service] = max(xid or 0, worst or 0)
        else:
            found[gpu.service] = None if None in (xid, worst) else 0
    return found


def source_readings(health: SourceHealth, latest: float | None, now: float) -> Readings:
    """What the rules read of a source; `latest` is when it last said anything, as far as known.

    One that has come to its end, or that has yet to begin, is not late.
    """
    heard = last_heard(health, latest)
    if health.state in ("ended", "connecting") or heard is None:
        return {"source_age": None}
    return {"source_age": max(0.0, now - heard)}


def allowed_wait(state: ServiceState) -> float:
    """Seconds for which a request may wait for its first token."""
    return state.promised(Kind.TTFT) or PATIENCE


def _not_ready(state: ServiceState) -> bool | None:
    service = state.service
    if service is None:
        return None
    if service.stopped:
        return False
    ready = is_ready(service.conditions)
    return None if ready is None else not ready


def _queue_to_capacity(state: ServiceState, metrics: ServiceMetrics) -> float | None:
    """While requests wait, those that end are all that the service can do."""
    if math.isnan(metrics.queue) or math.isnan(metrics.request_rate):
        return None
    if metrics.queue == 0:
        return 0.0
    served = metrics.request_rate * allowed_wait(state)
    return metrics.queue / served if served > 0 else math.inf


def _rollout_stuck(state: ServiceState, at: float) -> bool | None:
    """Whether its controller does not get on, or a replica of the newest revision does not.

    That is one that fails, waits, or loads too long. `state.rollout` knows more, and takes longer.
    """
    service = state.service
    if service is None:
        return None
    if service.generation is not None and (service.observed_generation or 0) < service.generation:
        return True
    if any(one.reason == OVERDUE and one.status == "False" for one in service.conditions):
        return True
    revisions = {replica.revision for replica in state.replicas.values() if replica.revision}
    if len(revisions) < 2:
        return False
    numbers = {ref.name.rpartition("-")[2]: one.number for ref, one in state.revisions.items()}
    newest = max(revisions, key=lambda revision: numbers.get(revision, 0))
    return any(
        _is_held(replica, at) for replica in state.replicas.values() if replica.revision == newest
    )


def _is_held(replica: Replica, at: float) -> bool:
    late = replica.deadline is not None and at > replica.deadline
    return replica.phase in ("failed", "pending") or (replica.phase == "starting" and late)
