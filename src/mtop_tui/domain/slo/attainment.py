"""How many events were good: counts, from histograms, counters or slices of time.

A histogram knows counts at its bucket edges only. Between two edges the number of good events lies
in an interval, and nothing here pretends to know it better. A `Count` is three plain sums, so
counts of minutes add up to hours and days, and those of pools to a service.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mtop_tui.domain.quantiles import Bounds
from mtop_tui.domain.slo.objectives import Budgeting, IdleSlices, Method

ROUNDING = 1e-9
"""Relative difference below which two ratios are the same, not one above the other."""


class Count(NamedTuple):
    """Events (or slices of time): at least and at most how many were good, and how many in all.

    Where exactly is known what was good, `good_low` and `good_high` are equal.
    """

    good_low: float
    good_high: float
    total: float


NOTHING = Count(0.0, 0.0, 0.0)


class Edges(NamedTuple):
    """Positions in a histogram's cumulative counts next to a threshold.

    `below` is that of the last edge at or below it (-1: none), `above` that of the first at or
    above it (the +Inf bucket if none).
    """

    below: int
    above: int


def edges_around(threshold: float, bounds: Sequence[float]) -> Edges:
    """Where a threshold lies among finite ascending bucket bounds; to be kept per layout.

    Prometheus buckets count what is at most their bound, so on an edge "at most the threshold" is
    known exactly. `domain.quantiles.fraction_bounds` gives the same as a share.
    """
    return Edges(bisect_right(bounds, threshold) - 1, bisect_left(bounds, threshold))


def count_within(edges: Edges, counts: Sequence[float]) -> Count | None:
    """The events at or below a threshold, in constant time.

    Args:
        edges: where the threshold lies, see `edges_around`.
        counts: cumulative counts, or increases of them, one per bound and one for +Inf.

    Returns:
        None when a count needed is negative or not finite. A count that is lower than one before
        it is raised to it, as Prometheus does.
    """
    low = counts[edges.below] if edges.below >= 0 else 0.0
    high, total = counts[edges.above], counts[-1]
    if not (0 <= low < math.inf and 0 <= high < math.inf and 0 <= total < math.inf):
        return None
    high = max(low, high)
    return Count(low, high, max(high, total))


def availability_count(
    finished: float | None,
    failed: float | None,
    aborted: float | None = None,
    *,
    count_aborts: bool = False,
) -> Count | None:
    """Requests that ended well, of those that ended.

    Requests that their client cancelled are left out of both, for nobody waited for them; with
    `count_aborts` they count as errors. None when a number needed is missing, negative or not
    finite: an engine that counts no errors has no availability.
    """
    needed = (finished, failed, aborted) if count_aborts else (finished, failed)
    known = [value for value in needed if value is not None and 0 <= value < math.inf]
    if len(known) < len(needed):
        return None
    return Count(known[0], known[0], sum(known))


def total_of(counts: Iterable[Count]) -> Count:
    """Counts added up: of pools, replicas, minutes or hours; `NOTHING` of none."""
    low = high = total = 0.0
    for count in counts:
        low += count[0]
        high += count[1]
        total += count[2]
    return Count(low, high, total)


def attainment(count: Count) -> Bounds | None:
    """Share of good events, 0 to 1; None without events: that is unknown, not 0 and not 1."""
    if not count.total > 0:
        return None
    return Bounds(count.good_low / count.total, count.good_high / count.total)


def meets(share: Bounds, target: float) -> bool | None:
    """Whether a share reaches the target; None when the buckets cannot tell."""
    if reaches(share.low, target):
        return True
    return None if reaches(share.high, target) else False


def reaches(share: float, target: float) -> bool:
    """Whether a share is at least the target, rounding aside."""
    return share >= target or math.isclose(share, target, rel_tol=ROUNDING)


def nearest_edge(threshold: float, bounds: Sequence[float]) -> float | None:
    """The bucket edge nearest to a threshold, at which attainment would be exact.

    Nearest by ratio, as edges of latency histograms grow; the upper one of two equally near. None
    without an edge above 0.
    """
    positive = [bound for bound in bounds if bound > 0]
    if not positive or not threshold > 0:
        return None
    return min(positive, key=lambda bound: (abs(math.log(bound / threshold)), -bound))


def slices_count(slices: Iterable[Count | None], budgeting: Budgeting) -> Count:
    """Good slices of all slices, for the methods Timeslices and RatioTimeslices.

    A slice that was not observed (None) is not counted. One without traffic is skipped or good, as
    `budgeting.idle` says. With Timeslices a slice is good when its share reaches the slice target;
    with RatioTimeslices it counts as its share. Source: OpenSLO v1, `budgetingMethod`.
    """
    low = high = total = 0.0
    for observed in slices:
        if observed is None:
            continue
        share = attainment(observed)
        if share is None:
            if budgeting.idle == "skip":
                continue
            share = Bounds(1.0, 1.0)
        elif budgeting.method is Method.TIMESLICES:
            met = meets(share, budgeting.slice_target or 1.0)
            share = Bounds(float(met is True), float(met is not False))
        low += share.low
        high += share.high
        total += 1
    return Count(low, high, total)


def throughput_count(
    rates: Iterable[float | None], floor: float, idle: IdleSlices = "skip"
) -> Count:
    """Slices of time in which the throughput reached its floor.

    `rates` are tokens per second of each slice; None for one in which nothing was asked for, which
    is skipped or good. A negative rate or NaN is not known and is skipped.
    """
    good = total = 0
    for rate in rates:
        if rate is None:
            good += idle == "good"
            total += idle == "good"
        elif rate >= 0:
            good += reaches(rate, floor)
            total += 1
    return Count(float(good), float(good), float(total))
