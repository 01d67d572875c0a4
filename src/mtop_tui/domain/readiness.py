"""The state of a service in a few words: from its conditions and its replicas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from mtop_tui.domain.durations import short_duration
from mtop_tui.domain.records import ConditionRecord, ReplicaRecord

# From the root to the leaves of KServe's condition tree. The last failing one is the deepest, and
# the nearest to the cause.
CONDITION_ORDER = (
    "Ready",
    "IngressReady",
    "PredictorReady",
    "PredictorRouteReady",
    "PredictorConfigurationReady",
    "RouterReady",
    "WorkloadsReady",
    "TokenizerReady",
    "HTTPRoutesReady",
    "GatewaysReady",
    "InferencePoolReady",
    "SchedulerWorkloadReady",
    "ScalingReady",
    "PrefillScalingReady",
    "PrefillWorkloadReady",
    "PrefillWorkerWorkloadReady",
    "MainWorkloadReady",
    "WorkerWorkloadReady",
    "PresetsCombined",
)

REASON_WORDS = {
    "Unschedulable": "no GPU",
    "ImagePullBackOff": "image pull fails",
    "ErrImagePull": "image pull fails",
    "CrashLoopBackOff": "crash loop",
    "OOMKilled": "out of memory",
    "ContainerCreating": "starting",
    "Pulling": "pulling image",
    "Downloading": "downloading",
    "Loading": "loading",
    "Compiling": "compiling",
    "Warming": "warming up",
    "ConfigNotFound": "config not found",
    "CombineBaseError": "configs do not merge",
    "InvalidRenderedConfig": "config invalid",
    "MinimumReplicasUnavailable": "replicas unavailable",
    "ProgressDeadlineExceeded": "rollout stuck",
    "WaitingForGateway": "waiting for gateway",
    "GatewaysNotReady": "gateway not ready",
    "HTTPRoutesNotReady": "route not ready",
    "InferencePoolNotReady": "pool not ready",
}
"""What Kubernetes and KServe say, in the words an operator would use."""


class Health(IntEnum):
    """How a service fares, in the order in which one wants to see them."""

    FINE = 0
    STOPPED = 1
    UNKNOWN = 2
    PROGRESSING = 3
    FAILING = 4


class Status(NamedTuple):
    """How a service fares and why, in a few words."""

    health: Health
    text: str


def is_ready(conditions: Iterable[ConditionRecord]) -> bool | None:
    """Whether the condition Ready holds; None when it is absent or Unknown."""
    for condition in conditions:
        if condition.type == "Ready" and condition.status in ("True", "False"):
            return condition.status == "True"
    return None


def deepest_failing(conditions: Iterable[ConditionRecord]) -> ConditionRecord | None:
    """The failing condition nearest to the cause, or None when none fails."""
    failing = [
        condition
        for condition in conditions
        if condition.status == "False" and condition.type in CONDITION_ORDER
    ]
    return max(failing, key=lambda found: CONDITION_ORDER.index(found.type), default=None)


def status_of(
    conditions: Sequence[ConditionRecord],
    replicas: Sequence[ReplicaRecord],
    *,
    stopped: bool,
    now: float,
) -> Status:
    """The state of a service at a time, in Unix seconds; only the text depends on the time.

    A service that is stopped on purpose is not failing; one whose replicas still start is
    progressing. Where a replica tells more than the condition above it, the replica is quoted.
    """
    if stopped:
        return Status(Health.STOPPED, "stopped")
    ready = is_ready(conditions)
    troubled = _worst(replicas)
    if ready:
        if troubled is None:
            return Status(Health.FINE, "ready")
        health = Health.FAILING if _is_stuck(troubled) else Health.PROGRESSING
        return Status(health, _describe(troubled, now))
    if troubled is not None:
        health = Health.FAILING if _is_stuck(troubled) else Health.PROGRESSING
        return Status(health, _describe(troubled, now))
    failing = deepest_failing(conditions)
    if failing is not None:
        return Status(Health.FAILING, _words(failing.reason) or f"{failing.type} is False")
    if ready is None:
        return Status(Health.UNKNOWN, "no status yet")
    return Status(Health.FAILING, "not ready")


def _is_stuck(replica: ReplicaRecord) -> bool:
    return replica.phase in ("failed", "pending")


def _worst(replicas: Sequence[ReplicaRecord]) -> ReplicaRecord | None:
    order = {"failed": 3, "pending": 2, "starting": 1}
    troubled = [replica for replica in replicas if replica.phase in order]
    return max(troubled, key=lambda replica: order[replica.phase], default=None)


def _describe(replica: ReplicaRecord, now: float) -> str:
    # To the kubelet a container is being created while its image is pulled, which takes minutes.
    pulls = replica.reason == "ContainerCreating" and replica.message.startswith("pulling image")
    words = _words("Pulling" if pulls else replica.reason) or replica.phase
    if replica.phase != "starting" or replica.since is None:
        return words
    elapsed = short_duration(now - replica.since)
    if replica.deadline is None:
        return f"{words} {elapsed}"
    return f"{words} {elapsed}/{short_duration(replica.deadline - replica.since)}"


def _words(reason: str) -> str:
    return REASON_WORDS.get(reason, reason)
