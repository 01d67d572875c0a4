"""A rollout as the domain asks about it: how far it is, what holds it, what may go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from mtop_tui.domain.rollouts.advice import Situation, next_step
from mtop_tui.domain.rollouts.groups import Member, group_rollout
from mtop_tui.domain.rollouts.pace import Pace, pace
from mtop_tui.domain.rollouts.revisions import Phase
from mtop_tui.domain.rollouts.risk import Risk, risks
from mtop_tui.domain.rollouts.stuck import Facts, NewPod, Progress, progress
from mtop_tui.observations import Condition, Replica, Service
from mtop_tui.state.canary import CanaryTrack
from mtop_tui.state.canary_history import Compared
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.rollout_plan import limits_of, rollout_plan, serving_pool
from mtop_tui.state.service import ServiceState
from mtop_tui.state.versions import (
    Manner,
    Version,
    VersionFacts,
    Versions,
    facts_of_version,
    versions_of,
)

_MOVING, _PAUSED, _REFUSED = "Progressing", "DeploymentPaused", "ReplicaFailure"
"""What a Deployment's conditions and their reasons are called."""


class RolloutState(NamedTuple):
    """All that is known of a rollout now.

    `facts` has one entry per version of `versions.all`. `began` is when it began, `ended` when it
    was over, `seen_since` from when on rollouts of it are known, Unix seconds; None where that is
    not known. `wanted` is how many replicas a rolling
    update is to replace.
    """

    versions: Versions
    facts: tuple[VersionFacts | None, ...]
    progress: Progress
    pace: Pace | None
    risks: Sequence[Risk]
    next_step: str
    track: CanaryTrack | None
    compared: Compared | None
    began: float | None
    ended: float | None
    wanted: int | None
    seen_since: float | None


def rollout_state(store: FleetStore, state: ServiceState, now: float) -> RolloutState:
    """What is known of the rollout of a service, or the last one of it."""
    versions = versions_of(store, state)
    facts = tuple(facts_of_version(store, one, versions.group, None) for one in versions.all)
    by_version = dict(zip(versions.all, facts, strict=True))
    track = comparison_of(store, versions)
    compared = None if track is None else _said(track, now, over=versions.over)
    owner, pods = _new(store, versions)
    moved = _progress(store, owner, pods, versions, now)
    speed = _pace(store, versions, now)
    stable, canary = (
        None if one is None else by_version.get(one) for one in (versions.stable, versions.canary)
    )
    step = next_step(
        Situation(
            stable="" if versions.stable is None else versions.stable.name,
            canary=None if versions.canary is None or versions.over else versions.canary.name,
            progress=moved,
            stable_share=None if stable is None else stable.share,
            canary_share=None if canary is None else canary.share,
            verdicts=() if compared is None else compared.metrics,
            was_worse=() if track is None else track.last_worse,
            mirrored=versions.manner is Manner.SHADOW,
            at_once=versions.manner is Manner.BLUE_GREEN,
        )
    )
    return RolloutState(
        versions,
        facts,
        moved,
        speed,
        ()
        if versions.over or owner is None
        else risks(rollout_plan(store, owner, versions, (stable, canary), speed)),
        step,
        track,
        compared,
        *_times(store, versions, track),
        None if owner is None or owner.service is None else serving_pool(owner.service).desired,
        state.revision_log.since,
    )


def comparison_of(store: FleetStore, versions: Versions) -> CanaryTrack | None:
    """The comparison of the two versions, if there is or was one."""
    if versions.canary is None:
        return None
    of_revisions = versions.canary.revision is not None
    return store.comparison(versions.canary.key, of_revisions=of_revisions)


def _said(track: CanaryTrack, now: float, *, over: bool) -> Compared:
    """What is said now; of what is over, what was said last."""
    last = track.at(track.ended) if over and track.ended is not None else None
    return track.now(now) if last is None else last


def _new(store: FleetStore, versions: Versions) -> tuple[ServiceState | None, list[Replica]]:
    """The service of the new version, and its replicas."""
    version = versions.canary or versions.stable
    state = None if version is None else store.service(version.key)
    if version is None or state is None:
        return None, []
    name = "" if version.revision is None else version.revision.name.rpartition("-")[2]
    found = [one for one in state.replicas.values() if not name or one.revision == name]
    return state, [one for one in found if one.phase != "terminating"]


def _progress(
    store: FleetStore,
    owner: ServiceState | None,
    pods: Sequence[Replica],
    versions: Versions,
    now: float,
) -> Progress:
    service = None if owner is None else owner.service
    if owner is None or service is None:
        return progress(Facts(Phase.UNKNOWN))
    pool = serving_pool(service)
    limits = limits_of(pool)
    since = _last_progress(owner, versions)
    said = {one.type: one for one in pool.conditions}
    refused, moving = said.get(_REFUSED), said.get(_MOVING)
    return progress(
        Facts(
            phase=_phase(store, versions, service),
            pods=[_pod(one, now) for one in pods],
            since_progress=None if since is None else now - since,
            surge=limits.surge,
            unavailable=limits.unavailable,
            quota="" if refused is None else refused.message,
            reason=_said_of(versions, moving),
        )
    )


def _said_of(versions: Versions, moving: Condition | None) -> str:
    """What the controller says of how it gets on."""
    if versions.steps is not None:
        return versions.steps.said
    return "" if moving is None else moving.message


def _phase(store: FleetStore, versions: Versions, service: Service) -> Phase:
    pool = serving_pool(service)
    is_whole = pool.desired is not None and pool.ready is not None and pool.ready >= pool.desired
    if service.stopped:
        return Phase.STOPPED
    if versions.over and (is_whole or versions.manner is not Manner.NONE):
        return Phase.COMPLETE
    if service.generation is not None and (service.observed_generation or 0) < service.generation:
        return Phase.UNSEEN
    if versions.steps is not None:
        return Phase(versions.steps.state)
    moving = next((one for one in pool.conditions if one.type == _MOVING), None)
    if moving is not None and moving.reason == _PAUSED:
        return Phase.PAUSED
    if moving is not None and moving.status == "False":
        return Phase.OVERDUE
    group = None if versions.canary is None else store.groups.of(versions.canary.key)
    if versions.group is not None and group is not None:
        members = [Member(one.service, one.weight, one.stopped) for one in group.members]
        return group_rollout(group.ref.name, members).phase
    return Phase.PROGRESSING


def _pod(replica: Replica, now: float) -> NewPod:
    elapsed = None if replica.since is None else now - replica.since
    allowed = (
        None
        if replica.deadline is None or replica.since is None
        else replica.deadline - replica.since
    )
    pending = replica.phase == "pending"
    unplaced = pending and not replica.nodes
    return NewPod(
        replica.ref.name,
        ready=replica.phase == "ready",
        waiting="" if pending else replica.reason,
        unschedulable=(replica.message or replica.reason) if unplaced else "",
        short_of_gpus=unplaced and "gpu" in replica.message.lower(),
        pending_for=elapsed if pending else None,
        running_for=elapsed if allowed is not None else None,
        probe_limit=allowed,
        restarts=replica.restarts,
    )


def ready_times(state: ServiceState, version: Version) -> list[float]:
    """When each replica of a revision that is ready became so, as far as it is kept."""
    times: list[float] = []
    for change in state.revision_log:
        if change.key == version.revision and change.value is not None:
            ready = change.value.ready or 0
            del times[ready:]
            times += [change.at] * (ready - len(times))
    return times


def _last_progress(state: ServiceState, versions: Versions) -> float | None:
    version = versions.canary
    if version is None or version.revision is None:
        return None
    times = ready_times(state, version)
    if times:
        return times[-1]
    revision = state.revisions.get(version.revision)
    return None if revision is None else revision.created_at


def _pace(
    store: FleetStore,
    versions: Versions,
    now: float,
) -> Pace | None:
    version = versions.canary
    if version is None or version.revision is None:
        return None
    state = store.service(version.key)
    began = None if state is None else _began(state, version)
    if state is None or state.service is None or began is None:
        return None
    desired = serving_pool(state.service).desired or 0
    return pace(began, ready_times(state, version), desired, now)


def _began(state: ServiceState, version: Version) -> float | None:
    """When a revision was first seen to be wanted."""
    return next(
        (
            change.at
            for change in state.revision_log
            if change.key == version.revision and change.value is not None and change.value.desired
        ),
        None,
    )


def _times(
    store: FleetStore, versions: Versions, track: CanaryTrack | None
) -> tuple[float | None, float | None]:
    """When the rollout began and ended, if that was seen."""
    canary = versions.canary
    state = None if canary is None else store.service(canary.key)
    if canary is None or state is None:
        return None, None
    ended = track.ended if track is not None and versions.over else None
    if canary.revision is not None:
        stable = versions.stable
        last = [one.at for one in state.revision_log if stable and one.key == stable.revision]
        return _began(state, canary), last[-1] if versions.over and last else None
    log = None if versions.group is None else store.groups.log(versions.group)
    if versions.group is not None and log is not None:
        sizes = [(one.at, len(one.value.members)) for one in log if one.value is not None]
        joined = [at for (_, before), (at, size) in pairwise(sizes) if before < 2 <= size]
        return (joined[-1] if joined else None), ended
    served = None if versions.stable is None else store.service(versions.stable.key)
    began = [] if served is None else [one.at for one in served.mirror_log if one.value]
    return (began[-1] if began else None), ended
