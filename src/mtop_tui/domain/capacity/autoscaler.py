"""Two ways in which an autoscaler fails quietly: pinned at its maximum, and flapping.

Flapping is adding and removing replicas in turn. It comes from loading that takes longer than the
control period, so that the effect of one decision arrives after the next. Each start holds GPUs
that serve nobody while the model loads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from mtop_tui.domain.capacity.answers import non_negative

SECONDS_PER_HOUR = 3600

PINNED_AFTER = 600.0
"""Seconds at the maximum: shorter is a peak, for which the maximum is there."""

FLAPPING_REVERSALS = 3
"""Changes of direction in the window. One peak of load makes one, two peaks make three."""


class Scale(NamedTuple):
    """Replicas of a pool at a time in seconds: those that exist and those wanted.

    None is not known.
    """

    at: float
    replicas: int | None
    desired: int | None


class Pinned(NamedTuple):
    """Since when the autoscaler wants its maximum or more, and for how many seconds."""

    since: float
    seconds: float


class Thrash(NamedTuple):
    """How restless the number of replicas was in a window.

    `changes` are steps of any size, `started` the replicas added in them, `reversals` how often
    up turned to down or down to up. `gpu_hours_loading` went into loading what was added; None if
    the time to load is not known.
    """

    changes: int
    changes_per_hour: float
    started: int
    reversals: int
    gpu_hours_loading: float | None
    flapping: bool


def pinned_at_maximum(
    rows: Sequence[Scale], maximum: int, after: float = PINNED_AFTER
) -> Pinned | None:
    """Whether the last rows all want `maximum` replicas or more, for `after` seconds or longer.

    An autoscaler cannot want more than its maximum, so wanting it for long means that it would.
    A row whose `desired` is not known breaks the run, and so does a row that is older than the
    one before it: the clock went back. None if the run is shorter, or with a maximum below 1.
    """
    if maximum < 1:
        return None
    since: float | None = None
    last = -math.inf
    for row in rows:
        at_maximum = row.desired is not None and row.desired >= maximum
        if not at_maximum:
            since = None
        elif since is None or row.at < last:
            since = row.at
        last = row.at
    if since is None or last - since < after:
        return None
    return Pinned(since, last - since)


def thrash(
    rows: Sequence[Scale], gpus_per_replica: int, seconds_to_load: float | None
) -> Thrash | None:
    """Replica changes per hour over the time the rows span, and what the starts have cost.

    GPU-hours of loading = replicas added x GPUs per replica x time to load; the GPUs are held
    though nothing is served. Rows without replicas or not later than the one before are left out.
    None if fewer than two remain.

    Args:
        rows: oldest first, an hour of them for a start.
        gpus_per_replica: GPUs of all nodes of one replica.
        seconds_to_load: from the start of a replica until it is ready, as measured.

    Raises:
        FigureError: a negative time to load or number of GPUs.
    """
    non_negative("GPUs per replica", gpus_per_replica)
    counts = list(_in_order(rows))
    if len(counts) < 2:
        return None
    hours = (counts[-1][0] - counts[0][0]) / SECONDS_PER_HOUR
    steps = [later - earlier for (_, earlier), (_, later) in pairwise(counts) if later != earlier]
    started = sum(step for step in steps if step > 0)
    reversals = sum((earlier > 0) != (later > 0) for earlier, later in pairwise(steps))
    loading = None
    if seconds_to_load is not None:
        seconds = non_negative("time to load", seconds_to_load)
        loading = started * gpus_per_replica * seconds / SECONDS_PER_HOUR
    return Thrash(
        changes=len(steps),
        changes_per_hour=len(steps) / hours,
        started=started,
        reversals=reversals,
        gpu_hours_loading=loading,
        flapping=reversals >= FLAPPING_REVERSALS,
    )


def _in_order(rows: Iterable[Scale]) -> Iterable[tuple[float, int]]:
    """Times and known counts, without rows that are not later than the one before."""
    last = -math.inf
    for row in rows:
        if row.replicas is not None and row.at > last:
            last = row.at
            yield row.at, row.replicas
