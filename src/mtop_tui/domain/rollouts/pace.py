"""How fast a rollout goes, when it ends at that pace, and how many replicas it may move at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mtop_tui.domain.rollouts import objects


class Limits(NamedTuple):
    """Replicas above and below the desired number that a rollout may have at a time."""

    surge: int
    unavailable: int


Size = int | str
"""Replicas, or a share of the desired ones such as "25%"."""


def rolling_limits(
    desired: int, *, grouped: bool, surge: Size | None = None, unavailable: Size | None = None
) -> Limits:
    """What the bounds of a rolling update come to; None is Kubernetes' default.

    A Deployment may have 25 % more, rounded up, and 25 % less, rounded down; a LeaderWorkerSet
    (`grouped`) replaces one group at a time and has none more. Where both come to 0, one may be
    missing, for nothing could ever move.
    """
    usual: tuple[Size, Size] = (0, 1) if grouped else ("25%", "25%")
    most = _resolved(usual[0] if surge is None else surge, desired, up=True)
    least = _resolved(usual[1] if unavailable is None else unavailable, desired, up=False)
    return Limits(most, least or (0 if most else 1))


def _resolved(size: Size, desired: int, *, up: bool) -> int:
    if isinstance(size, int):
        return size
    share = objects.whole(size.removesuffix("%")) or 0
    return -(-share * desired // 100) if up else share * desired // 100


class Pace(NamedTuple):
    """Seconds that one replica takes on average, and seconds until the last is ready.

    `left` is None when the next replica takes longer than those before: then the pace says nothing.
    """

    per_replica: float
    left: float | None


def pace(began: float, ready_at: Sequence[float], desired: int, now: float) -> Pace | None:
    """The pace of a rollout from when its replicas became ready, one time for each, ascending.

    None before the first is ready: nothing is known of how long one takes.
    """
    if not ready_at:
        return None
    per_replica = max(0.0, ready_at[-1] - began) / len(ready_at)
    missing = max(0, desired - len(ready_at))
    if not missing:
        return Pace(per_replica, 0.0)
    waited = now - ready_at[-1]
    left = missing * per_replica - waited
    return Pace(per_replica, left if left > 0 else None)
