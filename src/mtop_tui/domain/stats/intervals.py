"""Intervals for a proportion: how far the true share of bad requests may be from the one seen."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from mtop_tui.domain.stats import beta


class Interval(NamedTuple):
    """A range from `low` to `high`, both included."""

    low: float
    high: float


def wilson(bad: float, total: float, confidence: float = 0.95) -> Interval | None:
    """Wilson's score interval of `bad / total`: short, and good near 0 and 1.

    None without observations. Source: Wilson 1927, J. Am. Stat. Assoc. 22, 209-212.

    Raises:
        ValueError: see `check_proportion`.
    """
    check_proportion(bad, total, confidence)
    if total == 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = bad / total
    scale = 1 + z * z / total
    centre = (share + z * z / (2 * total)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low = 0.0 if bad == 0 else max(0.0, centre - half)
    high = 1.0 if bad == total else min(1.0, centre + half)
    return Interval(low, high)


def clopper_pearson(bad: float, total: float, confidence: float = 0.95) -> Interval | None:
    """The interval of `bad / total` that covers with at least `confidence`, whatever the truth.

    None without observations. Source: Clopper and Pearson 1934, Biometrika 26, 404-413; its ends
    are beta quantiles.

    Raises:
        ValueError: see `check_proportion`.
    """
    check_proportion(bad, total, confidence)
    if total == 0:
        return None
    tail, good = (1 - confidence) / 2, total - bad
    low = 0.0 if bad == 0 else beta.quantile(tail, bad, good + 1)
    high = 1.0 if good == 0 else beta.quantile(1 - tail, bad + 1, good)
    return Interval(low, high)


def jeffreys(bad: float, total: float, confidence: float = 0.95) -> Interval | None:
    """The central part of the posterior Beta(bad + 0.5, total - bad + 0.5).

    None without observations: the prior alone says nothing about the service. Source: Brown, Cai
    and DasGupta 2001, Statistical Science 16, 101-133; their cut of the interval to 0 or 1 at the
    ends is not made, so that it remains the posterior's.

    Raises:
        ValueError: see `check_proportion`.
    """
    check_proportion(bad, total, confidence)
    if total == 0:
        return None
    tail, a, b = (1 - confidence) / 2, bad + 0.5, total - bad + 0.5
    return Interval(beta.quantile(tail, a, b), beta.quantile(1 - tail, a, b))


def check_proportion(bad: float, total: float, confidence: float = 0.95) -> None:
    """Refuse what is no proportion.

    Raises:
        ValueError: a count is negative or not finite, `bad` exceeds `total`, or `confidence` is
            not between 0 and 1.
    """
    if not (math.isfinite(total) and 0 <= bad <= total):
        raise ValueError(f"{bad} of {total} is no proportion")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence between 0 and 1 is needed, not {confidence}")
