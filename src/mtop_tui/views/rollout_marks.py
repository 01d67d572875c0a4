"""What happened in a rollout, in time order: what playback steps through."""

from __future__ import annotations

from collections.abc import Iterator

from mtop_tui.observations import RouteGroup
from mtop_tui.state.canary import CanaryTrack
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.routes import shares_of
from mtop_tui.state.service import ServiceState
from mtop_tui.state.versions import Version, Versions
from mtop_tui.views import format as fmt
from mtop_tui.views.timeline import Mark, marks_of

SIDE_ISSUES = frozenset(
    {
        "Created",
        "Killing",
        "Pulling",
        "ScalingReplicaSet",
        "Scheduled",
        "Started",
        "SuccessfulCreate",
        "SuccessfulDelete",
    }
)
"""Reasons of events that say again what the replicas that come and go say already."""


def rollout_marks(store: FleetStore, versions: Versions, track: CanaryTrack | None) -> list[Mark]:
    """Traffic, revisions, replicas, verdicts, scaling, events and notes, oldest first."""
    found = set(_traffic(store, versions))
    states = [
        state
        for key in dict.fromkeys(version.key for version in versions.all)
        if (state := store.service(key)) is not None
    ]
    told: set[Mark] = set()
    for state in states:
        lead = f"{state.key.name}: " if len(states) > 1 else ""
        own = {mark for mark in _of_service(store, state) if mark not in told}
        told |= own
        found |= {one if one.kind == "fault" else one._replace(text=lead + one.text) for one in own}
        found.update(_replicas(state, versions, lead))
    if track is not None:
        found.update(
            Mark(one.at, "verdict", f"{one.metric}: {one.verdict}") for one in track.changes
        )
    return sorted(found)


def _of_service(store: FleetStore, state: ServiceState) -> Iterator[Mark]:
    for mark in marks_of(store, state):
        if mark.text.partition(":")[0] not in SIDE_ISSUES:
            yield mark


def _replicas(state: ServiceState, versions: Versions, lead: str) -> Iterator[Mark]:
    """When a revision had another number of ready replicas."""
    shown = {one.revision for one in versions.all if one.revision is not None}
    before: dict[object, int] = {}
    for change in state.revision_log:
        if change.value is None or (shown and change.key not in shown):
            continue
        ready, desired = change.value.ready, change.value.desired
        if ready is None:
            continue
        known = before.get(change.key)
        before[change.key] = ready
        if known is not None and known != ready:
            name = Version(f"revision {change.value.number}", state.key).name
            text = f"{lead}{name}: {ready} of {fmt.whole(desired)} ready, before {known}"
            yield Mark(change.at, "ready", text)


def _traffic(store: FleetStore, versions: Versions) -> Iterator[Mark]:
    """When weights were set, and when copies began and ended."""
    log = None if versions.group is None else store.groups.log(versions.group)
    before: RouteGroup | None = None
    for change in log or ():
        if before is not None and change.value is not None:
            text = _weights(before, change.value)
            if text:
                yield Mark(change.at, "weight", text)
        before = change.value
    served = None if versions.stable is None else store.service(versions.stable.key)
    for copied in () if served is None else served.mirror_log:
        said = f"copies go to {copied.value}" if copied.value else "no more copies"
        yield Mark(copied.at, "weight", said)


def _weights(before: RouteGroup, after: RouteGroup) -> str:
    """What changed for whom."""
    old, new = shares_of(before.members), shares_of(after.members)
    stopped = {one.service for one in after.members if one.stopped}
    said = []
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) == new.get(name) and (name in old) == (name in new):
            continue
        if name in stopped:
            said.append(f"{name} stopped")
        elif name not in new:
            said.append(f"{name} left the group")
        elif name not in old:
            said.append(f"{name} joins with {fmt.whole_percent(new[name])}")
        else:
            said.append(f"{name} {fmt.whole_percent(old[name])} to {fmt.whole_percent(new[name])}")
    return ", ".join(said)
