"""The versions that a rollout is about, each with what is known of it now or at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from mtop_tui.domain.cost.money import Dollars, total
from mtop_tui.observations import CanarySteps, ObjectRef, Revision, RouteGroup, ServiceKey
from mtop_tui.state.comparisons import SERVING_ROLES, by_age, has_replicas
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.routes import shares_of
from mtop_tui.state.service import ServiceState
from mtop_tui.state.sides import hash_of


class Manner(StrEnum):
    """How a new version is brought in."""

    BESIDE = "side by side"
    CANARY = "canary"
    BLUE_GREEN = "blue-green"
    SHADOW = "shadow"
    ROLLING = "rolling update"
    NONE = "no rollout"


class Version(NamedTuple):
    """What one version of a service is, and where it can be looked up.

    `revision` is None for a version that is a service of its own.
    """

    name: str
    key: ServiceKey
    revision: ObjectRef | None = None


class VersionFacts(NamedTuple):
    """What is known of a version at a time; None where it is not known.

    `share` is the part of the traffic it should get, 0 to 1. `desired` and `ready` are replicas.
    """

    image: str = ""
    share: float | None = None
    desired: int | None = None
    ready: int | None = None
    cost: Dollars | None = None
    stopped: bool = False


class Versions(NamedTuple):
    """Who is compared with whom, and how the new one is brought in.

    `all` is every version worth a line, `stable` and `canary` among them. With `over`, it is the
    last rollout there was. `group` is the route group whose weights share out the traffic, `steps`
    what a controller does that moves it from one revision to the other.
    """

    manner: Manner
    stable: Version | None
    canary: Version | None
    all: tuple[Version, ...]
    over: bool = False
    group: ObjectRef | None = None
    steps: CanarySteps | None = None

    @property
    def of_one_service(self) -> bool:
        """Whether these are revisions of one service, which replaces one by the other."""
        return self.canary is not None and self.canary.revision is not None


MOST_VERSIONS = 6
"""Lines for versions at most: a service keeps ten old revisions."""


def versions_of(store: FleetStore, state: ServiceState) -> Versions:
    """What is, or was last, rolled out of a service or beside it."""
    found = _grouped(store, state) or _shadowed(store, state)
    return found if found is not None else _revised(state)


def _grouped(store: FleetStore, state: ServiceState) -> Versions | None:
    group = store.groups.of(state.key)
    if group is None or len(group.members) < 2:
        return None
    stopped = {member.service for member in group.members if member.stopped}
    there = [
        other
        for member in group.members
        if (other := store.service(state.key._replace(name=member.service))) is not None
    ]
    there.sort(key=by_age)
    running = [one for one in there if one.key.name not in stopped]
    versions = tuple(Version(one.key.name, one.key) for one in there[:MOST_VERSIONS])
    if not versions:
        return None
    by_key = {one.key: one for one in versions}
    stable = by_key[(running or there)[0].key]
    # Of several members beside the stable one, what is asked about is shown, else the youngest.
    others = [one.key for one in running[1:] if one.key in by_key]
    canary = state.key if state.key in others else others[-1] if others else None
    over = canary is None
    if canary is None:  # the pair of the last one: who runs now took over from who was stopped
        gone = [one for one in versions if one != stable]
        stable, last = (gone[0], stable) if gone else (stable, None)
        canary = None if last is None else last.key
    return Versions(
        _manner(store, group),
        stable,
        None if canary is None else by_key[canary],
        versions,
        over,
        group.ref,
    )


def _manner(store: FleetStore, group: RouteGroup) -> Manner:
    """A canary once anybody got a part of the traffic; blue-green when all of it moved at once.

    Before either has been seen, nobody can tell.
    """
    log = store.groups.log(group.ref)
    changes = [] if log is None else [one.value for one in log if one.value is not None]
    all_shares = [shares_of(one.members) for one in changes]
    known = [one for shares in all_shares for one in shares.values() if one is not None]
    if any(0 < share < 1 for share in known):
        return Manner.CANARY
    favoured = {name for shares in all_shares for name, share in shares.items() if share == 1}
    return Manner.BLUE_GREEN if len(favoured) > 1 else Manner.BESIDE


def _shadowed(store: FleetStore, state: ServiceState) -> Versions | None:
    pair = _mirror_of(store, state)
    if pair is None:
        return None
    served, shadow, over = pair
    if over and state.has_two_revisions:
        return None
    versions = (Version(served.name, served), Version(shadow.name, shadow))
    return Versions(Manner.SHADOW, versions[0], versions[1], versions, over)


def _mirror_of(
    store: FleetStore, state: ServiceState
) -> tuple[ServiceKey, ServiceKey, bool] | None:
    """Who is, or was last, copied to whom; and whether that is over."""
    named = _last_mirror(state)
    if named is not None:
        return state.key, state.key._replace(name=named[0]), named[1]
    for other in store.services():
        if other.key[:2] == state.key[:2] and len(other.mirror_log):
            named = _last_mirror(other)
            if named is not None and named[0] == state.key.name:
                return other.key, state.key, named[1]
    return None


def _last_mirror(state: ServiceState) -> tuple[str, bool] | None:
    names = [change.value for change in state.mirror_log if change.value is not None]
    if not names:
        return None
    return names[-1], state.service is None or state.service.mirrors_to != names[-1]


def _revised(state: ServiceState) -> Versions:
    """The revisions of the pool that serves, newest last."""
    role = next(
        (one for one in SERVING_ROLES if any(r.role == one for r in state.revisions.values())), ""
    )
    found = sorted(
        (one for one in state.revisions.values() if one.role == role), key=lambda one: one.number
    )
    versions = tuple(_version(one) for one in found[-MOST_VERSIONS:])
    steps = steps_of(state)
    if steps is not None and steps.canary:
        by_hash = {hash_of(one): one for one in found}
        old, new = by_hash.get(steps.stable), by_hash.get(steps.canary)
        if old is not None and new is not None:
            stepped = Manner.CANARY, _version(old), _version(new)
            return Versions(*stepped, versions, steps=steps)
    live = [one for one in found if has_replicas(one)]
    if len(live) > 1:
        manner = _manner_of_revisions(state, live[-2].ref, live[-1].ref)
        return Versions(manner, _version(live[-2]), _version(live[-1]), versions)
    stable = _version(live[-1] if live else found[-1]) if found else None
    seen = [ref for ref in _seen_live(state) if ref in state.revisions]
    before = [ref for ref in seen if stable is not None and ref != stable.revision]
    if stable is None or not before:
        return Versions(Manner.NONE, stable, None, versions, over=True)
    last = state.revisions[before[-1]]
    manner = _manner_of_revisions(state, last.ref, live[-1].ref if live else found[-1].ref)
    return Versions(manner, _version(last), stable, versions, over=True)


def steps_of(state: ServiceState) -> CanarySteps | None:
    """How far the canary of the pool that serves is, where a controller moves it in steps."""
    pools = () if state.service is None else state.service.pools
    return next((one.canary for one in pools if one.canary is not None), None)


def _manner_of_revisions(state: ServiceState, old: ObjectRef, new: ObjectRef) -> Manner:
    """Blue-green where all of the new stand, or stood, beside all of the old, several of each."""
    wanted = {old: 0, new: 0}
    seen = [one for one in state.revision_log if one.key in wanted and one.value is not None]
    most = max((one.value.desired or 0 for one in seen if one.value is not None), default=0)
    for change in seen:
        wanted[change.key] = 0 if change.value is None else change.value.desired or 0
        if wanted[old] == wanted[new] == most > 1 and _ready(change.value) == most:
            return Manner.BLUE_GREEN
    return Manner.ROLLING


def _ready(revision: Revision | None) -> int:
    return 0 if revision is None else revision.ready or 0


def _seen_live(state: ServiceState) -> Iterable[ObjectRef]:
    """Revisions that had replicas since anybody looked, in the order in which they last did."""
    order: dict[ObjectRef, None] = {}
    for change in state.revision_log:
        if change.value is not None and has_replicas(change.value):
            order.pop(change.key, None)
            order[change.key] = None
    return order


def _version(revision: Revision) -> Version:
    return Version(f"revision {revision.number}", revision.service, revision.ref)


# What is known of one


class Course(NamedTuple):
    """How far a version was in use: `level` 0 to 1 from a time on; None while it was not there."""

    at: float
    level: float | None


def course_of(store: FleetStore, versions: Versions, version: Version) -> list[Course]:
    """How a version came and went: its share of the traffic, or else of the replicas."""
    state = store.service(version.key)
    log = None if versions.group is None else store.groups.log(versions.group)
    if log is not None:
        return [
            Course(one.at, shares_of(one.value.members).get(version.key.name))
            for one in log
            if one.value is not None
        ]
    if state is None:
        return []
    if version.revision is None:
        served = None if versions.stable is None else store.service(versions.stable.key)
        if version == versions.stable or served is None:
            since = state.revision_log.since
            return [] if since is None else [Course(since, 1.0)]
        since = served.revision_log.since
        start = [] if since is None else [Course(since, 0.0)]
        return [*start, *(Course(one.at, float(bool(one.value))) for one in served.mirror_log)]
    return list(_revision_course(state, version))


def _revision_course(state: ServiceState, version: Version) -> Iterator[Course]:
    log = state.revision_log
    most = max((one.value.desired or 0 for one in log if one.value is not None), default=0)
    for one in log:
        if one.key == version.revision:
            value = one.value
            there = value is not None and has_replicas(value)
            ready = 0 if value is None else value.ready or 0
            yield Course(one.at, min(ready / most, 1.0) if there and most else None)


def facts_of_version(
    store: FleetStore, version: Version, group: ObjectRef | None, at: float | None
) -> VersionFacts | None:
    """What is known of a version, now (None) or at a time; None where that is not kept."""
    state = store.service(version.key)
    if state is None:
        return None
    shares = _shares(store, group, at)
    share = None if shares is None else shares.get(version.key.name)
    if share is None and version.revision is not None and at is None:
        share = _stepped_share(state, version.revision)
    revisions = _revisions(state, at)
    if revisions is None:
        return None if shares is None else VersionFacts(share=share)
    if version.revision is not None:
        found = [one for ref, one in revisions.items() if ref == version.revision]
        names = {hash_of(one) for one in found}
    else:
        serving = [one for one in revisions.values() if has_replicas(one)]
        found, names = serving, None
    replicas = [
        one
        for one in state.replicas.values()
        if one.nodes and (names is None or one.revision in names)
    ]
    newest = max(found, key=lambda one: one.number, default=None)
    return VersionFacts(
        image=_image(state, version, newest),
        share=share,
        desired=_sum(one.desired for one in found) if found else 0,
        ready=_sum(one.ready for one in found) if found else 0,
        cost=total(map(store.cost_of, replicas)) if at is None else None,
        stopped=state.service is not None and state.service.stopped and at is None,
    )


def _stepped_share(state: ServiceState, revision: ObjectRef) -> float | None:
    """The part of the requests that a revision is to get by the steps of its controller."""
    steps, found = steps_of(state), state.revisions.get(revision)
    if steps is None or steps.share is None or found is None:
        return None
    name = hash_of(found)
    if name == steps.canary:
        return steps.share
    return 1.0 - steps.share if name == steps.stable else None


def _shares(
    store: FleetStore, group: ObjectRef | None, at: float | None
) -> dict[str, float | None] | None:
    """Shares by name of a group's members; None where there is no group, or it is not kept."""
    log = None if group is None else store.groups.log(group)
    if group is None or log is None:
        return None
    held = log.held(float("inf") if at is None else at)
    record = None if held is None else held.get(group)
    return None if record is None else shares_of(record.members)


def _revisions(state: ServiceState, at: float | None) -> dict[ObjectRef, Revision] | None:
    return state.revisions if at is None else state.revision_log.held(at)


def _image(state: ServiceState, version: Version, newest: Revision | None) -> str:
    if newest is not None and newest.image:
        return newest.image
    if version.revision is None and state.service is not None:
        return next((pool.image for pool in state.service.pools if pool.image), "")
    return ""


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
