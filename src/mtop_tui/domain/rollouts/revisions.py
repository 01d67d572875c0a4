"""What is being rolled out, read from Kubernetes objects into one neutral record.

Deployments and LeaderWorkerSets are read here, route groups in `groups`, InferenceServices and
Argo Rollouts in `platforms`. Objects are plain mappings as the API server sends them. Whatever is
missing or of another type than the API promises is read as not known; nothing raises on a strange
object. Field names: Kubernetes apps/v1, LeaderWorkerSet v1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from mtop_tui.domain.rollouts import objects
from mtop_tui.domain.rollouts.objects import Object

_DEPLOYMENT_REVISION = "deployment.kubernetes.io/revision"
_LWS_REVISION = "leaderworkerset.sigs.k8s.io/template-revision-hash"
_LWS_WORKER = "leaderworkerset.sigs.k8s.io/worker-index"


class Phase(StrEnum):
    """How far a rollout is."""

    UNSEEN = "unseen"
    PROGRESSING = "progressing"
    PAUSED = "paused"
    OVERDUE = "overdue"
    ABORTED = "aborted"
    COMPLETE = "complete"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


class Step(NamedTuple):
    """The step a rollout is at, from 0, of how many in all; at `total` every one is done."""

    at: int
    total: int


@dataclass(frozen=True)
class Rollout:
    """One rollout, whatever carries it out.

    `stable` and `canary` name the two revisions (pod-template hash, revision name or service);
    `canary` is None when nothing new is under way. `shares` is the part of the traffic, 0 to 1,
    that each should receive, where the platform sets one. `desired`, `updated` and `ready` count
    replicas (groups of pods for multi-node), None when not known. `reason` is in the words of the
    platform, or says why a share is what it is.
    """

    kind: str
    name: str
    phase: Phase
    stable: str | None = None
    canary: str | None = None
    shares: tuple[tuple[str, float], ...] = ()
    step: Step | None = None
    desired: int | None = None
    updated: int | None = None
    ready: int | None = None
    reason: str = ""


def deployment_rollout(deployment: Object, replica_sets: Iterable[Object]) -> Rollout:
    """The rollout of a Deployment with the ReplicaSets that it owns.

    The new revision is the ReplicaSet with the Deployment's own revision annotation; the stable
    one is the highest earlier revision that still has replicas.
    """
    number = _revision(deployment)
    hashes = {
        _revision(owned): (
            objects.label(owned, "pod-template-hash"),
            objects.count(objects.at(owned, "spec"), "replicas"),
        )
        for owned in replica_sets
    }
    earlier = [
        (revision, name)
        for revision, (name, replicas) in hashes.items()
        if revision is not None and number is not None and revision < number and replicas
    ]
    newest = hashes.get(number, (None, None))[0] if number is not None else None
    older = max(earlier)[1] if earlier else None
    return _of_two_revisions("Deployment", deployment, older, newest)


def leader_worker_set_rollout(workload: Object, pods: Iterable[Object]) -> Rollout:
    """The rollout of a LeaderWorkerSet; replicas are groups.

    Revisions are the template-revision hashes of its leader pods, the newest pod's being new. A
    partition holds groups back on purpose: the rollout is paused once the others are updated.
    """
    leaders = [pod for pod in pods if objects.label(pod, _LWS_WORKER) in {"0", None}]
    leaders.sort(
        key=lambda pod: objects.text(objects.at(pod, "metadata"), "creationTimestamp") or ""
    )
    names = [name for pod in leaders if (name := objects.label(pod, _LWS_REVISION)) is not None]
    newest = names[-1] if names else None
    older = next((name for name in reversed(names) if name != newest), None)
    partition = objects.count(
        objects.at(workload, "spec", "rolloutStrategy", "rollingUpdateConfiguration"), "partition"
    )
    rollout = _of_two_revisions("LeaderWorkerSet", workload, older, newest)
    if rollout.phase is Phase.PROGRESSING and partition and rollout.desired is not None:
        updated = rollout.updated or 0
        if updated >= rollout.desired - partition and rollout.ready == rollout.desired:
            reason = f"partition {partition} keeps {partition} groups at the old revision"
            return replace(rollout, phase=Phase.PAUSED, reason=reason)
    return rollout


def _workload_phase(workload: Object) -> tuple[Phase, str]:
    spec, status = objects.at(workload, "spec"), objects.at(workload, "status")
    if not status:
        return Phase.UNKNOWN, ""
    if objects.unseen(workload):
        return Phase.UNSEEN, "the controller has not seen the last change"
    if spec.get("paused") is True:
        return Phase.PAUSED, "paused in the spec"
    desired = _desired(spec)
    if desired == 0:
        return Phase.STOPPED, "0 replicas are wanted"
    progressing = objects.condition(status, "Progressing")
    if objects.text(progressing, "reason") == "ProgressDeadlineExceeded":
        return Phase.OVERDUE, objects.text(progressing, "message") or ""
    counts = [
        objects.count(status, key) or 0 for key in ("replicas", "updatedReplicas", "readyReplicas")
    ]
    if counts == [desired] * 3:
        return Phase.COMPLETE, ""
    return Phase.PROGRESSING, objects.text(progressing, "message") or ""


def _of_two_revisions(
    kind: str, workload: Object, older: str | None, newest: str | None
) -> Rollout:
    """With both revisions while it is under way, and the newest as stable when it is not."""
    phase, reason = _workload_phase(workload)
    if older is None or phase is Phase.COMPLETE:
        older, newest = newest or older, None
    status = objects.at(workload, "status")
    known = bool(status)
    return Rollout(
        kind,
        objects.name_of(workload),
        phase,
        older,
        newest,
        desired=_desired(objects.at(workload, "spec")),
        updated=(objects.count(status, "updatedReplicas") or 0) if known else None,
        ready=(objects.count(status, "readyReplicas") or 0) if known else None,
        reason=reason,
    )


def _desired(spec: Object) -> int:
    replicas = objects.count(spec, "replicas")
    return 1 if replicas is None else replicas  # the API's own default


def _revision(workload: Object) -> int | None:
    return objects.whole(objects.annotation(workload, _DEPLOYMENT_REVISION))
