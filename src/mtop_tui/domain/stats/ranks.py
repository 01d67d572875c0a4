"""Two samples compared by ranks: the Mann-Whitney test and the Hodges-Lehmann shift."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from statistics import NormalDist, median
from typing import NamedTuple

from mtop_tui.domain.stats.intervals import Interval

MOST_FOR_EXACT = 50
"""Samples up to this size without ties get exact figures, as in R's wilcox.test."""


class MannWhitney(NamedTuple):
    """The test's result.

    `u` counts the pairs with x above y, ties as half. `less`, `greater` and `two_sided` are the
    p-values of "x tends to be less", "greater" and "different". `exact` says how they were made.
    """

    u: float
    less: float
    greater: float
    two_sided: float
    exact: bool

    def common_language_effect(self, pairs: int) -> float:
        """P(x > y) + P(x = y) / 2, from the number of pairs."""
        return self.u / pairs


class Shift(NamedTuple):
    """By how much x lies above y: the median of all differences, with its interval."""

    estimate: float
    interval: Interval


def mann_whitney(
    x: Sequence[float], y: Sequence[float], *, exact: bool | None = None
) -> MannWhitney | None:
    """Mann-Whitney's U test of two independent samples. None if one is empty.

    Exact p-values without ties and with at most `MOST_FOR_EXACT` values a side, else the normal
    approximation with the correction for ties and for continuity; `exact` forces either. Exact
    p-values do not know ties. Samples of one single value have p-values of 1. Sources: Mann and
    Whitney 1947, Ann. Math. Stat. 18, 50-60; Lehmann, Nonparametrics, 1975, for the ties.

    Raises:
        ValueError: a value is NaN.
    """
    _refuse_nan(x, y)
    if not x or not y:
        return None
    u = _pairs_above(x, y)
    pairs = len(x) * len(y)
    if _can_be_exact(x, y) if exact is None else exact:
        counts = _null_counts(len(x), len(y))
        every = sum(counts)
        less = sum(counts[: math.floor(u) + 1]) / every
        greater = sum(counts[math.ceil(u) :]) / every
        return MannWhitney(u, less, greater, min(1.0, 2 * min(less, greater)), True)
    deviation = _deviation(x, y)
    if deviation == 0:
        return MannWhitney(u, 1.0, 1.0, 1.0, False)
    less = _tail((pairs / 2 - u - 0.5) / deviation)
    greater = _tail((u - pairs / 2 - 0.5) / deviation)
    two_sided = 2 * _tail((abs(u - pairs / 2) - 0.5) / deviation)
    return MannWhitney(u, less, greater, min(1.0, two_sided), False)


def hodges_lehmann(
    x: Sequence[float], y: Sequence[float], confidence: float = 0.95
) -> Shift | None:
    """The shift of x against y in their unit, and its interval. None if a sample is empty.

    The ends of the interval are differences of the rank that the Mann-Whitney test (exact or
    approximate, by the same rule) leaves in its tails; where samples are too small for the
    confidence, it spans all differences. Takes len(x) * len(y) differences. Source: Hodges and
    Lehmann 1963, Ann. Math. Stat. 34, 598-611; Bauer 1972, J. Am. Stat. Assoc. 67, 687-690.

    Raises:
        ValueError: a value is NaN, or `confidence` is not between 0 and 1.
    """
    _refuse_nan(x, y)
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence between 0 and 1 is needed, not {confidence}")
    if not x or not y:
        return None
    differences = sorted(a - b for a in x for b in y)
    tail = (1 - confidence) / 2
    if _can_be_exact(x, y):
        rank = _null_quantile(tail, len(x), len(y))
    else:
        z = NormalDist().inv_cdf(1 - tail)
        rank = math.floor(len(differences) / 2 - z * _deviation(x, y) + 0.5)
    rank = max(rank, 1)
    ends = Interval(differences[rank - 1], differences[-rank])
    return Shift(median(differences), ends)


def _refuse_nan(x: Sequence[float], y: Sequence[float]) -> None:
    if any(map(math.isnan, x)) or any(map(math.isnan, y)):
        raise ValueError("a NaN has no rank; leave missing values out")


def _can_be_exact(x: Sequence[float], y: Sequence[float]) -> bool:
    return max(len(x), len(y)) <= MOST_FOR_EXACT and len({*x, *y}) == len(x) + len(y)


def _pairs_above(x: Sequence[float], y: Sequence[float]) -> float:
    ordered = sorted(y)
    return sum((bisect_left(ordered, a) + bisect_right(ordered, a)) / 2 for a in x)


def _deviation(x: Sequence[float], y: Sequence[float]) -> float:
    """Standard deviation of U if both samples are of one distribution, with their ties."""
    n = len(x) + len(y)
    ties = sum(t**3 - t for t in Counter([*x, *y]).values())
    return math.sqrt(len(x) * len(y) / 12 * (n + 1 - ties / (n * (n - 1))))


def _tail(z: float) -> float:
    """P(Z > z) of the standard normal, exact far out too."""
    return math.erfc(z / math.sqrt(2)) / 2


def _null_counts(m: int, n: int) -> list[int]:
    """How many orders of m and n distinct values have U = 0, 1, ... m n.

    They are the coefficients of the Gaussian binomial, the product of
    (1 - q^(n+i)) / (1 - q^i) for i from 1 to m.
    """
    counts = [1] + [0] * (m * n)
    for i in range(1, m + 1):
        for u in range(m * n, n + i - 1, -1):
            counts[u] -= counts[u - n - i]
        for u in range(i, m * n + 1):
            counts[u] += counts[u - i]
    return counts


def _null_quantile(p: float, m: int, n: int) -> int:
    """The smallest u with P(U <= u) >= p."""
    counts = _null_counts(m, n)
    enough = p * sum(counts)
    return next(u for u, below in enumerate(accumulate(counts)) if below >= enough)
