"""Percentiles of a sample, and which of its values lie far from the others."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The percentile from 0 to 100, between the two values around it; None of no values.

    Linear interpolation: the definition R-7 of Hyndman and Fan (1996), numpy's default.

    Raises:
        ValueError: `percent` is not between 0 and 100.
    """
    if not 0 <= percent <= 100:
        raise ValueError(f"a percentile is from 0 to 100, not {percent}")
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = math.floor(place)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    # Rounding must not lead beyond the upper one.
    return min(low + (place - below) * (high - low), high)


def outliers(values: Sequence[float], factor: float) -> list[bool]:
    """Which values lie beyond the quartiles by more than `factor` times what is between these.

    Tukey's fences; his factors are 1.5 for what is out, and 3 for what is far out.
    """
    low, high = percentile(values, 25), percentile(values, 75)
    if low is None or high is None:
        return []
    reach = factor * (high - low)
    return [not low - reach <= value <= high + reach for value in values]
