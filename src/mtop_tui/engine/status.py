"""What KServe's controller reports about a service: its conditions, and how they depend.

Ready follows from WorkloadsReady and RouterReady, and those from one condition per workload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from mtop_tui.observations import Condition, Pool

READY = "Ready"
_PRESETS = "PresetsCombined"
_STOPPED = ("Stopped", "Service is stopped")
UNAVAILABLE = ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
"""Reason and message of a Deployment that lacks replicas."""
_LEADER_WORKER_SET = ("Progressing", "LWS is progressing")


class PoolStatus(msgspec.Struct, frozen=True):
    """How many replicas one workload has ready, and what else its conditions depend on.

    Attributes:
        pool: its spec.
        ready: replicas that serve.
        desired: replicas it should have.
        changed_at: since when it is available, or not.
        overdue: name of a ReplicaSet that did not get further within the deadline, or empty.
        scaling: why its autoscaler cannot work; None when it can.
        scaled: whether it has an autoscaler.
    """

    pool: Pool
    ready: int
    desired: int
    changed_at: float
    overdue: str = ""
    scaling: Condition | None = None
    scaled: bool = False


def combined(given: Sequence[Condition]) -> bool:
    """Whether the presets could be merged; if not, the controller creates no workload at all."""
    return all(one.status != "False" for one in given if one.type == _PRESETS)


def is_available(status: PoolStatus) -> bool:
    """Whether a workload counts as up.

    A Deployment may miss a quarter of its replicas (its default maxUnavailable, rounded down); a
    LeaderWorkerSet needs all.
    """
    if status.pool.nodes_per_replica > 1:
        return status.ready >= status.desired
    return status.ready >= status.desired - status.desired // 4


def conditions(
    pools: Sequence[PoolStatus],
    *,
    given: Sequence[Condition],
    stopped: bool,
    created_at: float,
) -> tuple[Condition, ...]:
    """All conditions of a service. What cannot be combined keeps the conditions it was given."""
    if not combined(given):
        return tuple(given)
    presets = Condition(_PRESETS, "True", changed_at=created_at)
    if stopped:
        kinds = [(_workload_type(one.pool), "Info") for one in pools]
        kinds += [("WorkloadsReady", ""), ("RouterReady", ""), (READY, "")]
        return (
            *(
                Condition(kind, "False", *_STOPPED, severity=severity, changed_at=created_at)
                for kind, severity in kinds
            ),
            presets,
        )
    workloads = [_workload(one) for one in pools]
    workloads += [_scaling(one) for one in pools if one.scaled]
    changed = max((one.changed_at for one in pools), default=created_at)
    broken = next((one for one in workloads if one.status == "False"), None)
    router = Condition("RouterReady", "True", changed_at=created_at)
    return (
        _parent(READY, broken, changed),
        presets,
        _parent("WorkloadsReady", broken, changed),
        *workloads,
        router,
    )


def unchanged_kept(
    new: tuple[Condition, ...], old: Mapping[str, Condition]
) -> tuple[Condition, ...]:
    """`new`, where a condition whose status is as before keeps the time it changed."""
    return tuple(
        old[one.type]
        if one.type in old
        and (old[one.type].status, old[one.type].reason, old[one.type].message)
        == (one.status, one.reason, one.message)
        else one
        for one in new
    )


def _workload_type(pool: Pool) -> str:
    worker = pool.nodes_per_replica > 1
    if pool.role == "prefill":
        return "PrefillWorkerWorkloadReady" if worker else "PrefillWorkloadReady"
    return "WorkerWorkloadReady" if worker else "MainWorkloadReady"


def _workload(status: PoolStatus) -> Condition:
    kind = _workload_type(status.pool)
    if is_available(status):
        return Condition(kind, "True", severity="Info", changed_at=status.changed_at)
    reason, message = _LEADER_WORKER_SET if status.pool.nodes_per_replica > 1 else UNAVAILABLE
    if status.overdue:
        reason = "ProgressDeadlineExceeded"
        message = f'ReplicaSet "{status.overdue}" has timed out progressing.'
    return Condition(kind, "False", reason, message, "Info", status.changed_at)


def _scaling(status: PoolStatus) -> Condition:
    kind = "PrefillScalingReady" if status.pool.role == "prefill" else "ScalingReady"
    broken = status.scaling
    if broken is None:
        return Condition(kind, "True", severity="Info", changed_at=status.changed_at)
    return Condition(kind, "False", broken.reason, broken.message, "Info", broken.changed_at)


def _parent(kind: str, broken: Condition | None, changed_at: float) -> Condition:
    if broken is None:
        return Condition(kind, "True", changed_at=changed_at)
    return Condition(kind, "False", broken.reason, broken.message, changed_at=broken.changed_at)
