"""From pods to replicas: where each is in its life, why, since when, and until when.

What Kubernetes cannot tell, the engine's own log may: to Kubernetes one that loads weights looks
just like one that compiles, so without a log both are `Loading`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from mtop_tui.domain.startup import EngineStage, Work
from mtop_tui.kserve.gpus import gpu_count, mig_profiles
from mtop_tui.kserve.pools import MAIN_CONTAINER
from mtop_tui.kserve.records import unix_time
from mtop_tui.kserve.schema import StatusCondition
from mtop_tui.observations import (
    ContainerExit,
    Node,
    ObjectRef,
    Phase,
    Replica,
    Role,
    ServiceKey,
)
from mtop_tui.providers.live.objects.devices import Claimed
from mtop_tui.providers.live.objects.names import revision_of
from mtop_tui.providers.live.objects.schema import (
    ContainerStatus,
    LiveContainer,
    Pod,
    Probe,
    Terminated,
)

_ORDINARY: Final = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Reasons for which a container waits though nothing is wrong."""

MAIN_CONTAINERS: Final = frozenset({MAIN_CONTAINER, "kserve-container"})
"""What the container that serves is called, in services and in classic ones."""

LOADING: Final = "Loading"
_AT_WORK: Final[dict[Work, str]] = {
    "Loading": "weights are being read",
    "Compiling": "kernels are being compiled",
    "Warming": "memory is profiled and graphs are captured",
}
_GRACE: Final = 1.0
_SIDECAR: Final = "Always"
_WORST_FIRST: Final[tuple[Phase, ...]] = ("terminating", "failed", "pending", "starting", "ready")


class Stage(NamedTuple):
    """Where a pod is in its life, as `Replica` has it."""

    phase: Phase
    reason: str
    message: str = ""
    since: float | None = None
    deadline: float | None = None


def replica_record(
    parts: Sequence[Pod],
    *,
    cluster: str,
    service: ServiceKey,
    role: Role,
    nodes: Mapping[str, Node],
    pulling: Mapping[str, float],
    devices: Claimed | None,
    claimed: int | None,
    logged: EngineStage | None,
    at: float,
) -> Replica:
    """A replica as its pods are.

    Args:
        parts: its pods, the leader first.
        cluster, service, role: whose it is.
        nodes: of the cluster, by name, as far as they may be read.
        pulling: since when the image of a pod is pulled, by the pod's uid.
        devices: GPUs that its pods claim as such.
        claimed: GPUs per replica that the service asks for in other ways than as resources.
        logged: what its engine says it is at while it starts.
        at: the observed time.
    """
    leader = parts[0]
    stages = [
        _lost(stage_of(pod, pulling.get(pod.metadata.uid or "")), pod, nodes) for pod in parts
    ]
    # A group serves once its leader is ready: its workers may have no probe at all.
    worst = min(stages[1:] or stages, key=lambda one: _WORST_FIRST.index(one.phase))
    is_worse = worst.phase in {"failed", "pending"} and stages[0].phase != "terminating"
    stage = worst if is_worse else _at_work(stages[0], logged)
    placed = tuple(pod.spec.node_name for pod in parts if pod.spec.node_name)
    gpus = sum(map(pod_gpus, parts)) or (devices.gpus if devices else claimed)
    gpu_type = devices.gpu_type if devices else None
    if gpu_type is None and gpus:
        gpu_type = _gpu_type({nodes[name].gpu_type for name in placed if name in nodes}, parts)
    metadata = leader.metadata
    return Replica(
        at=at,
        ref=ObjectRef(cluster, metadata.namespace or "", "Pod", metadata.name, metadata.uid or ""),
        service=service,
        role=role,
        phase=stage.phase,
        reason=stage.reason,
        message=stage.message,
        since=stage.since,
        deadline=stage.deadline,
        created_at=unix_time(metadata.creation_timestamp),
        revision=revision_of(metadata),
        nodes=placed,
        gpus=gpus if gpus is not None else 0,
        gpu_type=gpu_type,
        restarts=sum(main.restart_count for pod in parts if (main := _main_status(pod))),
        last_exit=_last_exit(parts),
    )


def _at_work(stage: Stage, logged: EngineStage | None) -> Stage:
    """A stage as the engine itself tells it; what an earlier container wrote says nothing of it."""
    if logged is None or stage.reason != LOADING or logged.since < (stage.since or 0.0) - _GRACE:
        return stage
    said = logged.said or _AT_WORK[logged.work]
    since = stage.since if logged.work == LOADING else logged.since
    return stage._replace(reason=logged.work, message=said, since=since)


def _gpu_type(of_nodes: set[str | None], parts: Iterable[Pod]) -> str | None:
    """The GPU that nodes have; of a slice of one, with the profile that the pods ask for."""
    found = of_nodes.pop() if len(of_nodes) == 1 else None
    profiles = {
        profile
        for pod in parts
        for one in pod.spec.containers or ()
        if one.resources is not None
        for profile in mig_profiles(one.resources.limits or one.resources.requests or {})
    }
    if found is None or not profiles or " MIG-" in found:
        return found
    return f"{found} MIG-{profiles.pop()}" if len(profiles) == 1 else None


def pod_gpus(pod: Pod) -> int:
    """GPUs that the containers of a pod have as resources."""
    return sum(
        gpu_count(one.resources.limits or {}) or gpu_count(one.resources.requests or {})
        for one in pod.spec.containers or ()
        if one.resources is not None
    )


def main_container(pod: Pod) -> LiveContainer | None:
    """The container that serves."""
    containers = pod.spec.containers or ()
    named = (one for one in containers if one.name in MAIN_CONTAINERS)
    return next(named, containers[0] if containers else None)


def stage_of(pod: Pod, pulling: float | None = None) -> Stage:
    """Where a pod is in its life; `pulling` says since when its image is pulled, if it is."""
    metadata, status = pod.metadata, pod.status
    if metadata.deletion_timestamp is not None:
        ends = unix_time(metadata.deletion_timestamp)
        grace = metadata.deletion_grace_period_seconds or 0.0
        return Stage("terminating", "Terminating", "", None if ends is None else ends - grace)
    conditions = {one.type: one for one in status.conditions or ()}
    if status.phase in {"Failed", "Succeeded"}:
        return _ended(pod, conditions)
    scheduled = conditions.get("PodScheduled")
    if scheduled is not None and scheduled.status != "True":
        created = unix_time(metadata.creation_timestamp)
        return Stage(
            "pending", scheduled.reason or "Unschedulable", scheduled.message or "", created
        )
    if not pod.spec.node_name:
        return Stage("pending", "Unschedulable", "", unix_time(metadata.creation_timestamp))
    return _initial(pod) or _main(pod, conditions, pulling)


def _ended(pod: Pod, conditions: Mapping[str, StatusCondition]) -> Stage:
    status = pod.status
    main = _main_status(pod)
    ended = main.state.terminated if main and main.state else None
    since = unix_time(ended.finished_at) if ended else _changed(conditions, "Ready")
    if status.phase == "Succeeded":
        return Stage("failed", "Completed", "its containers ended by themselves", since)
    reason = status.reason or (ended.reason if ended else "") or "Failed"
    return Stage("failed", reason, status.message or (ended.message if ended else "") or "", since)


def _initial(pod: Pod) -> Stage | None:
    """The stage of a pod whose init containers are not done; None when they are."""
    stays = {one.name for one in pod.spec.init_containers or () if one.restart_policy == _SIDECAR}
    for one in pod.status.init_container_statuses or ():
        state = one.state
        if state is None:
            continue
        waiting, ended = state.waiting, state.terminated
        if waiting is not None and (waiting.reason or "") not in _ORDINARY:
            return Stage("failed", waiting.reason or "", _waiting_text(one), _since_exit(one))
        if ended is not None and ended.exit_code:
            said = ended.message or f"{one.name} ended with exit code {ended.exit_code}"
            return Stage("failed", ended.reason or "Error", said, unix_time(ended.finished_at))
        if one.name in stays:
            continue
        if state.running is not None:
            text = f"{one.name} fetches what the engine needs"
            return Stage("starting", "Downloading", text, unix_time(state.running.started_at))
    return None


def _main(pod: Pod, conditions: Mapping[str, StatusCondition], pulling: float | None) -> Stage:
    started_at = unix_time(pod.status.start_time)
    main = _main_status(pod)
    state = main.state if main else None
    if main is None or state is None or (state.waiting is None and state == type(state)()):
        return _creating(started_at, pulling)
    if state.waiting is not None:
        reason = state.waiting.reason or ""
        if reason in _ORDINARY:
            return _creating(started_at, pulling)
        since = _since_exit(main) or pulling or started_at
        return Stage("failed", reason, _waiting_text(main), since)
    if state.terminated is not None:
        ended = state.terminated
        return Stage(
            "failed", ended.reason or "Error", ended.message or "", unix_time(ended.finished_at)
        )
    running = unix_time(state.running.started_at) if state.running else None
    changed = _changed(conditions, "Ready")
    ready = conditions.get("Ready")
    if ready is not None and ready.status == "True":
        return Stage("ready", "Running", "", changed)
    if None not in {running, changed} and (changed or 0.0) > (running or 0.0) + _GRACE:
        # It was ready since its container started: a probe fails, or its node fell silent.
        said = (ready.message if ready else "") or ""
        return Stage("failed", "NotReady", said, changed)
    container = main_container(pod)
    probe = container.startup_probe if container else None
    text = "the engine starts: it loads weights or compiles"
    return Stage("starting", LOADING, text, running, _deadline(running, probe))


def _creating(since: float | None, pulling: float | None) -> Stage:
    if pulling is not None:
        return Stage("starting", "ContainerCreating", "pulling image", pulling)
    return Stage("starting", "ContainerCreating", "", since)


def _lost(stage: Stage, pod: Pod, nodes: Mapping[str, Node]) -> Stage:
    """A pod on a node that does not answer is not what its last status says."""
    node = nodes.get(pod.spec.node_name or "")
    if node is None or node.ready or stage.phase not in {"ready", "starting", "failed"}:
        return stage
    changed = _changed({one.type: one for one in pod.status.conditions or ()}, "Ready")
    return Stage("failed", "NodeLost", f"node {node.ref.name} is not ready", changed)


def _deadline(started: float | None, probe: Probe | None) -> float | None:
    """When the start-up probe gives up; Kubernetes' defaults where it leaves something open."""
    if started is None or probe is None:
        return None
    period = 10.0 if probe.period_seconds is None else probe.period_seconds
    tries = 3 if probe.failure_threshold is None else probe.failure_threshold
    return started + (probe.initial_delay_seconds or 0.0) + period * tries


def _waiting_text(status: ContainerStatus) -> str:
    """Why a container waits; of a crash loop also what it ended with."""
    waiting = status.state.waiting if status.state else None
    said = (waiting.message if waiting else "") or ""
    ended = _previous(status)
    if waiting is None or waiting.reason != "CrashLoopBackOff" or ended is None:
        return said
    # The kubelet names pod and uid at the end, which is clear from where this stands.
    back_off = said.partition(" pod=")[0]
    return f"{back_off}: {ended.message}" if ended.message else back_off


def _since_exit(status: ContainerStatus) -> float | None:
    ended = _previous(status)
    return unix_time(ended.finished_at) if ended else None


def _previous(status: ContainerStatus) -> Terminated | None:
    if status.state is not None and status.state.terminated is not None:
        return status.state.terminated
    return status.last_state.terminated if status.last_state else None


def _last_exit(parts: Iterable[Pod]) -> ContainerExit | None:
    """How a serving container of a replica last ended; of a group, the latest."""
    exits = [
        ContainerExit(
            main.name,
            ended.reason or "",
            ended.exit_code,
            ended.message or "",
            unix_time(ended.finished_at),
        )
        for pod in parts
        if (main := _main_status(pod)) and (ended := _previous(main))
    ]
    return max(exits, key=lambda one: one.at or 0.0, default=None)


def _main_status(pod: Pod) -> ContainerStatus | None:
    statuses = pod.status.container_statuses or ()
    named = (one for one in statuses if one.name in MAIN_CONTAINERS)
    return next(named, statuses[0] if statuses else None)


def _changed(conditions: Mapping[str, StatusCondition], kind: str) -> float | None:
    found = conditions.get(kind)
    return unix_time(found.last_transition_time) if found else None
