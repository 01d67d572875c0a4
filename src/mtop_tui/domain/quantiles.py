"""Quantiles and shares from classic histogram buckets, exactly as Prometheus computes them.

Source: Prometheus `histogram_quantile` and `histogram_fraction` (docs/querying/functions.md,
promql/quantile.go). Where a share is asked of counts that fall, they are made monotonic first, as
for quantiles; Prometheus does not.

A histogram in normal form is its finite upper bounds, ascending, and its cumulative counts, one
per bound and one more for the +Inf bucket.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SMALL_DELTA = 1e-12
"""Difference of neighbouring counts, as a share of their sum, that is rounding and no error."""


class Quantile(NamedTuple):
    """A quantile and what is to be said of it.

    `value` is NaN without observations. With `at_least`, the quantile lies in the +Inf bucket and
    `value` is that bucket's lower bound: the true value is that or more. With `repaired`, a
    cumulative count was below its predecessor's and was raised to it.
    """

    value: float
    at_least: bool = False
    repaired: bool = False


class Bounds(NamedTuple):
    """The least and the most that a share of observations can be, 0 to 1."""

    low: float
    high: float


class Merged(NamedTuple):
    """Histograms added up, in normal form.

    With `edges_differed` some of them had edges that others lack: `bounds` are the common ones,
    and what is said of the sum is coarser than what could be said of each.
    """

    bounds: tuple[float, ...]
    counts: Sequence[float]
    edges_differed: bool


NO_QUANTILE = Quantile(math.nan)


def histogram_quantile(q: float, buckets: Iterable[tuple[float, float]]) -> Quantile:
    """The q-quantile (0 to 1) of `(upper bound, cumulative count)` buckets in any order.

    Equal bounds are merged, a missing +Inf bucket gives NaN, and so do fewer than two buckets and
    a count that is not finite; q below 0 gives -Inf and above 1 +Inf. A bound of NaN or -Inf is
    no edge and left out.
    """
    if math.isnan(q):
        return NO_QUANTILE
    if q < 0:
        return Quantile(-math.inf)
    if q > 1:
        return Quantile(math.inf)
    bounds, counts = _normal_form(buckets)
    return quantile_of(q, bounds, counts)


def histogram_fraction(low: float, high: float, buckets: Iterable[tuple[float, float]]) -> float:
    """The estimated share of observations within (low, high]; see `fraction_of`.

    Takes buckets like `histogram_quantile`; NaN also without a +Inf bucket.
    """
    bounds, counts = _normal_form(buckets)
    return fraction_of(low, high, bounds, counts)


def quantile_of(q: float, bounds: Sequence[float], counts: Sequence[float]) -> Quantile:
    """The q-quantile, q within 0 to 1, of a histogram in normal form, without NaN in it.

    NaN without observations, or with the +Inf bucket alone. A negative count is raised to 0.
    """
    repaired = False
    if counts[0] < 0 or sorted(counts) != list(counts):
        counts, repaired = _made_monotonic(counts)
    total = counts[-1]
    if not total > 0 or not bounds:
        return Quantile(math.nan, repaired=repaired)
    rank = q * total
    index = bisect_left(counts, rank, 0, len(counts) - 1)
    if index == len(bounds):
        return Quantile(bounds[-1], at_least=True, repaired=repaired)
    upper = bounds[index]
    if index == 0:
        if upper <= 0:
            return Quantile(upper, repaired=repaired)
        lower, below = 0.0, 0.0
    else:
        lower, below = bounds[index - 1], counts[index - 1]
    inside = counts[index] - below
    if inside == 0:  # only q = 0 in an empty first bucket: the distribution begins at its start
        return Quantile(lower, repaired=repaired)
    return Quantile(lower + (upper - lower) * (rank - below) / inside, repaired=repaired)


def fraction_of(low: float, high: float, bounds: Sequence[float], counts: Sequence[float]) -> float:
    """The estimated share (0 to 1) of observations within (low, high].

    Observations are taken as spread evenly within a bucket, as in `quantile_of`. Nothing is
    known of their place inside the +Inf bucket, nor inside a first bucket whose bound is 0 or
    less: they count only from, or up to, that bucket's finite edge.

    The ends may be infinite; 0 if `high` is not above `low`. NaN without observations, if a count
    is not finite, or if an end is NaN.
    """
    usable = _usable(counts)
    if usable is None or math.isnan(low) or math.isnan(high):
        return math.nan
    if low >= high:
        return 0.0
    return (_rank_of(high, bounds, usable) - _rank_of(low, bounds, usable)) / usable[-1]


def fraction_bounds(
    threshold: float, bounds: Sequence[float], counts: Sequence[float]
) -> Bounds | None:
    """Between which shares (0 to 1) the share of observations <= `threshold` must lie.

    Nothing is assumed of where observations are within a bucket. So both are the same when the
    threshold is a bucket's edge, and otherwise they are what is known at the edges around it: 0
    below the first one, 1 above the last.

    Takes a histogram in normal form. None without observations, if a count is not finite, or if
    the threshold is NaN.
    """
    usable = _usable(counts)
    if usable is None or math.isnan(threshold):
        return None
    total = usable[-1]
    at = bisect_left(bounds, threshold)
    if threshold == math.inf or (at < len(bounds) and bounds[at] == threshold):
        return Bounds(usable[at] / total, usable[at] / total)
    return Bounds(usable[at - 1] / total if at else 0.0, usable[at] / total)


def merged(
    bounds: tuple[float, ...],
    counts: Sequence[float],
    other_bounds: tuple[float, ...],
    other_counts: Sequence[float],
) -> tuple[tuple[float, ...], list[float]]:
    """Two histograms in normal form added up.

    Engines and versions differ in their bucket edges. Only at edges that both have is the
    cumulative count of both known, so the sum has the common edges and +Inf.
    """
    if bounds == other_bounds:
        return bounds, list(map(operator.add, counts, other_counts))
    mine = dict(zip(bounds, counts, strict=False))
    other = dict(zip(other_bounds, other_counts, strict=False))
    common = tuple(bound for bound in bounds if bound in other)
    added = [mine[bound] + other[bound] for bound in common]
    return common, [*added, counts[-1] + other_counts[-1]]


def merge_all(
    histograms: Iterable[tuple[tuple[float, ...], Sequence[float]]],
) -> Merged | None:
    """Any number of histograms in normal form added up, and whether edges were lost by it.

    None for no histogram.
    """
    found = list(histograms)
    if not found:
        return None
    bounds, counts = found[0]
    for other_bounds, other_counts in found[1:]:
        bounds, counts = merged(bounds, counts, other_bounds, other_counts)
    return Merged(bounds, counts, any(other != bounds for other, _ in found))


def _normal_form(
    buckets: Iterable[tuple[float, float]],
) -> tuple[tuple[float, ...], Sequence[float]]:
    """Bounds and counts of buckets in any order; no observation where they make no histogram."""
    added: dict[float, float] = {}
    for bound, count in buckets:
        if bound > -math.inf:
            added[bound] = added.get(bound, 0.0) + count
    bounds = tuple(sorted(added))
    if math.inf not in added or not all(map(math.isfinite, added.values())):
        return (), (math.nan,)
    return bounds[:-1], [added[bound] for bound in bounds]


def _usable(counts: Sequence[float]) -> Sequence[float] | None:
    """Counts that never decrease, or None if they say nothing."""
    if not all(map(math.isfinite, counts)):
        return None
    if counts[0] < 0 or sorted(counts) != list(counts):
        counts, _ = _made_monotonic(counts)
    return counts if counts[-1] > 0 else None


def _rank_of(value: float, bounds: Sequence[float], counts: Sequence[float]) -> float:
    """How many observations are estimated to be <= `value`."""
    if value == math.inf:
        return counts[-1]
    at = bisect_left(bounds, value)
    if at == len(bounds):
        return counts[at - 1] if bounds else 0.0
    if bounds[at] == value:
        return counts[at]
    if at:
        lower, below = bounds[at - 1], counts[at - 1]
    elif bounds[0] > 0 and value > 0:
        lower, below = 0.0, 0.0
    else:
        return 0.0
    return below + (counts[at] - below) * (value - lower) / (bounds[at] - lower)


def _made_monotonic(counts: Sequence[float]) -> tuple[list[float], bool]:
    """Counts from 0 up that never decrease, and whether one was raised by more than rounding."""
    result = list(counts)
    repaired = result[0] < 0
    highest = result[0] = max(0.0, result[0])
    for index in range(1, len(result)):
        count = result[index]
        rounding = abs(highest - count) <= SMALL_DELTA * (highest + count)
        if count > highest and not rounding:
            highest = count
            continue
        result[index] = highest
        repaired = repaired or not rounding
    return result, repaired
