"""Which versions stand beside one another, and what is said of each pair.

Imported when there are two versions of something.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from mtop_tui.observations import Revision, RouteGroup, ServiceKey
from mtop_tui.state.canary import CanaryTrack
from mtop_tui.state.service import ServiceState
from mtop_tui.state.sides import CostOf, MemberSide, RevisionSide, Serving

Find = Callable[[ServiceKey], ServiceState | None]

AT_ONCE = 4
"""Pairs that are looked at with one batch of records: about two milliseconds."""

SERVING_ROLES = ("main", "decode", "prefill")
"""Of which pool the revisions are compared: the first of these that has two."""


class Subject(NamedTuple):
    """What is compared with its elder: a service, or the newest revision of one."""

    key: ServiceKey
    is_revision: bool = False


class Beside(NamedTuple):
    """Where pairs come from.

    `find` gives a service by its key, None when it is not there; of `groups`, members are compared
    with the oldest, of `mirrored` services those that get their copies with them, of `rolling` ones
    their two revisions.
    """

    find: Find
    groups: Iterable[RouteGroup]
    mirrored: Collection[ServiceKey]
    rolling: Collection[ServiceKey]


class Comparisons:
    """Every pair there is now, and the last of each service that is over.

    A few at a time are looked at, so that many pairs do not hold up everything else.
    """

    def __init__(self, cost_of: CostOf) -> None:
        self._cost_of = cost_of
        self._tracks: dict[Subject, CanaryTrack] = {}
        self._waiting: deque[CanaryTrack] = deque()

    def pair(self, at: float, beside: Beside) -> None:
        """Follow which pairs there are now."""
        seen = set()
        pairs = (
            *_members(beside.groups, beside.find),
            *_shadows(beside.mirrored, beside.find),
            *_revisions(beside.rolling, beside.find),
        )
        for subject, stable, canary in pairs:
            track = self._tracks.get(subject)
            if track is None or (track.stable.identity, track.canary.identity) != (
                stable.identity,
                canary.identity,
            ):
                track = self._tracks[subject] = CanaryTrack(stable, canary, self._cost_of)
            track.ended = None
            seen.add(subject)
        for subject, track in self._tracks.items():
            if subject not in seen and track.ended is None:
                track.ended = at

    def step(self, at: float) -> None:
        """End a window of a few pairs of which one has passed."""
        if not self._waiting:
            self._waiting.extend(
                one for one in self._tracks.values() if one.ended is None and one.is_due(at)
            )
        for _ in range(min(AT_ONCE, len(self._waiting))):
            track = self._waiting.popleft()
            if track.ended is None:
                track.step(at)

    def of(self, subject: Subject) -> CanaryTrack | None:
        """The comparison of a service or its newest revision, the last one if it is over."""
        return self._tracks.get(subject)

    def forget(self, key: ServiceKey) -> None:
        """The service is gone, and what was said of it."""
        for subject in (Subject(key), Subject(key, is_revision=True)):
            track = self._tracks.pop(subject, None)
            if track is not None:
                track.ended = track.began


Pair = tuple[Subject, Serving, Serving]


def _members(groups: Iterable[RouteGroup], find: Find) -> Iterator[Pair]:
    """Each member of a route group that serves, and the oldest, which is stable."""
    for group in groups:
        keys = [
            ServiceKey(group.ref.cluster, group.ref.namespace, member.service)
            for member in group.members
            if not member.stopped
        ]
        serving = [state for key in keys if (state := find(key)) is not None]
        serving.sort(key=by_age)
        for canary in serving[1:]:
            yield Subject(canary.key), MemberSide(serving[0]), MemberSide(canary)


def _shadows(mirrored: Iterable[ServiceKey], find: Find) -> Iterator[Pair]:
    for key in mirrored:
        state = find(key)
        if state is None or state.service is None:
            continue
        shadow = find(key._replace(name=state.service.mirrors_to))
        if shadow is not None:
            yield Subject(shadow.key), MemberSide(state), MemberSide(shadow)


def _revisions(rolling: Iterable[ServiceKey], find: Find) -> Iterator[Pair]:
    for key in rolling:
        state = find(key)
        pair = None if state is None else revision_pair(state)
        if state is not None and pair is not None:
            stable, canary = (RevisionSide(state, one) for one in pair)
            yield Subject(key, is_revision=True), stable, canary


def by_age(state: ServiceState) -> tuple[float, str]:
    """The oldest first; what does not say when it was created comes last."""
    created = None if state.service is None else state.service.created_at
    return math.inf if created is None else created, state.key.name


def revision_pair(state: ServiceState) -> tuple[Revision, Revision] | None:
    """The newest revision with replicas and the one before, of the pool that serves."""
    for role in SERVING_ROLES:
        live = sorted(
            (one for one in state.revisions.values() if one.role == role and has_replicas(one)),
            key=lambda one: one.number,
        )
        if len(live) > 1:
            return live[-2], live[-1]
    return None


def has_replicas(revision: Revision) -> bool:
    """Whether a revision has replicas or should have some."""
    return bool(revision.desired or revision.ready)
