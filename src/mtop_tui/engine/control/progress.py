"""How far the rollout of a workload has come, in the conditions that its controller reports.

Deployments as Kubernetes' own controller has it (Apache-2.0, pkg/controller/deployment, file
progress.go): a rollout that is complete stays so, whatever becomes of its pods, until the next one
begins; one that gets no further for 600 s is overdue, and goes on all the same. LeaderWorkerSets
have no deadline (Apache-2.0, pkg/controllers/leaderworkerset_controller.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from mtop_tui.engine.status import UNAVAILABLE
from mtop_tui.observations import Condition

if TYPE_CHECKING:
    from mtop_tui.engine.service_run import PoolRun

DEADLINE = 600.0
"""Seconds without progress after which a Deployment says so (its default)."""

Stage = Literal["created", "found", "paused", "resumed", "updated", "complete", "overdue"]

_REASONS: dict[Stage, tuple[Literal["True", "False", "Unknown"], str, str]] = {
    "created": ("True", "NewReplicaSetCreated", 'Created new replica set "{}"'),
    "found": ("True", "FoundNewReplicaSet", 'Found new replica set "{}"'),
    "paused": ("Unknown", "DeploymentPaused", "Deployment is paused"),
    "resumed": ("Unknown", "DeploymentResumed", "Deployment is resumed"),
    "updated": ("True", "ReplicaSetUpdated", 'ReplicaSet "{}" is progressing.'),
    "complete": ("True", "NewReplicaSetAvailable", 'ReplicaSet "{}" has successfully progressed.'),
    "overdue": (
        "False",
        "ProgressDeadlineExceeded",
        'ReplicaSet "{}" has timed out progressing.',
    ),
}


class Reached(NamedTuple):
    """Replicas of the newest revision and of older ones, and how many of all serve."""

    updated: int
    old: int
    ready: int


class Progress:
    """The rollout of one workload.

    Attributes:
        stage: where it is.
        at: when it last got further.
        changed_at: since when the status of its condition is what it is.
    """

    __slots__ = ("_reached", "at", "changed_at", "stage")

    def __init__(self, at: float) -> None:
        self.stage: Stage = "created"
        self.at = self.changed_at = at
        self._reached = Reached(0, 0, 0)

    def begin(self, at: float, *, again: bool) -> None:
        """A revision is to be rolled out; `again` one that was there before."""
        updated, old, ready = self._reached
        self._reached = Reached(0, updated + old, ready)
        self._enter("found" if again else "created", at)

    def hold(self, at: float, *, paused: bool) -> None:
        """The rollout is held on purpose, or goes on."""
        self._enter("paused" if paused else "resumed", at)

    def look(self, at: float, reached: Reached, desired: int) -> bool:
        """Take note of how many replicas there are; whether it got further, or is over by that."""
        before, self._reached = self._reached, reached
        if self.stage == "paused" or (self.stage == "complete" and not reached.old):
            return False
        if reached == (desired, 0, desired):
            self._enter("complete", at)
            return True
        if (
            reached.updated > before.updated
            or reached.old < before.old
            or reached.ready > before.ready
        ):
            self._enter("updated", at)
            return True
        return False

    def expire(self, at: float) -> None:
        """The deadline has passed."""
        last = self.at
        self._enter("overdue", at)
        self.at = last

    def condition(self, replica_set: str) -> Condition:
        """The Progressing condition of a Deployment whose newest ReplicaSet has this name."""
        status, reason, message = _REASONS[self.stage]
        return Condition(
            "Progressing", status, reason, message.format(replica_set), "", self.changed_at
        )

    def _enter(self, stage: Stage, at: float) -> None:
        if _REASONS[stage][0] != _REASONS[self.stage][0]:
            self.changed_at = at
        self.stage, self.at = stage, at


def workload_conditions(pool: PoolRun) -> tuple[Condition, ...]:
    """What the controller of a pool's Deployment or LeaderWorkerSet reports."""
    if pool.grouped:
        return _group_conditions(pool)
    minimum = _true("Available", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    if not pool.available:
        minimum = Condition("Available", "False", *UNAVAILABLE)
    minimum = msgspec.structs.replace(minimum, changed_at=pool.changed_at)
    found = (minimum, pool.progress.condition(pool.newest.ref.name))
    if not pool.refused:
        return found
    return (*found, _true("ReplicaFailure", "FailedCreate", pool.refused))


def _group_conditions(pool: PoolRun) -> tuple[Condition, ...]:
    if not pool.settled:
        return (_true("UpdateInProgress", "GroupsUpdating", "Rolling Upgrade is in progress"),)
    if pool.ready < pool.desired:
        said = _true("Progressing", "GroupsProgressing", "Replicas are progressing")
    else:
        said = _true("Available", "AllGroupsReady", "All replicas are ready")
    return (msgspec.structs.replace(said, changed_at=pool.changed_at),)


def _true(kind: str, reason: str, message: str) -> Condition:
    return Condition(kind, "True", reason, message)
