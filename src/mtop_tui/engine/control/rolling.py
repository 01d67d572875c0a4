"""How many replicas a rolling update may add and end at a time.

The rules of Kubernetes' Deployment controller (Apache-2.0, pkg/controller/deployment/rolling.go)
and its defaults: 25 % more, rounded up, and 25 % less, rounded down. A LeaderWorkerSet replaces one
group at a time and has none more.
"""

from __future__ import annotations

from typing import NamedTuple

from mtop_tui.domain.rollouts.pace import rolling_limits
from mtop_tui.engine.levers import Size

SCALE_DOWN_DELAY = 30.0
"""Seconds for which the old replicas stay after a blue-green switch, as Argo Rollouts has it."""


class Bounds(NamedTuple):
    """Replicas above and below the desired number that a rollout may have."""

    surge: int
    unavailable: int


class Counts(NamedTuple):
    """Replicas of the newest revision and of all older ones, those that end left out."""

    desired: int
    new: int
    new_ready: int
    old: int
    old_ready: int


class Moves(NamedTuple):
    """Replicas to add to the new revision, and to end of either: unready ones of the old first."""

    add: int = 0
    end_new: int = 0
    end_old_unready: int = 0
    end_old_ready: int = 0


def bounds(
    desired: int, *, grouped: bool, surge: Size | None = None, unavailable: Size | None = None
) -> Bounds:
    """What the bounds come to for so many replicas; None is the default."""
    return Bounds(*rolling_limits(desired, grouped=grouped, surge=surge, unavailable=unavailable))


def rolling_moves(counts: Counts, limits: Bounds) -> Moves:
    """The next moves of a rolling update, or of scaling when there is no older revision."""
    desired, new, new_ready, old, old_ready = counts
    if new > desired:
        return Moves(end_new=new - desired)
    if not old:
        return Moves(add=desired - new)
    total = new + old
    add = max(0, min(desired + limits.surge - total, desired - new))
    least = desired - limits.unavailable
    may_end = total - least - (new - new_ready)
    if may_end <= 0:
        return Moves(add=add)
    unready = min(may_end, old - old_ready)
    ready = max(0, min(new_ready + old_ready - least, old_ready, may_end - unready))
    return Moves(add, 0, unready, ready)


def bluegreen_moves(counts: Counts, *, over: bool) -> Moves:
    """The next moves where the new stand beside the old; `over` once nobody needs the old."""
    end_new = max(0, counts.new - counts.desired)
    add = max(0, counts.desired - counts.new)
    if not over:
        return Moves(add, end_new)
    return Moves(add, end_new, counts.old - counts.old_ready, counts.old_ready)


def recreate_moves(counts: Counts, ending: int) -> Moves:
    """The next moves where all old replicas end before new ones start; `ending` still end."""
    if counts.old:
        unready = counts.old - counts.old_ready
        return Moves(end_old_unready=unready, end_old_ready=counts.old_ready)
    if counts.new > counts.desired:
        return Moves(end_new=counts.new - counts.desired)
    return Moves(add=0 if ending else counts.desired - counts.new)
