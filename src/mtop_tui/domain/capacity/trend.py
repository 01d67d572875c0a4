"""Where a series is and how fast it moves, smoothed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from mtop_tui.domain.capacity.answers import FigureError


class LevelAndTrend(NamedTuple):
    """The smoothed level, in the unit of the values, and its change per step."""

    level: float
    trend: float


def holt_linear(
    values: Sequence[float], alpha: float, gamma: float, initial_trend: float | None = None
) -> list[LevelAndTrend]:
    """Holt's linear smoothing (Prometheus: double exponential smoothing), one entry per value.

    level = alpha x value + (1 - alpha) x (previous level + previous trend)
    trend = gamma x (level - previous level) + (1 - gamma) x previous trend

    The first level is the first value. A value that is not finite is not known: level and trend
    go on as they were. Values before the first known one have no entry; an empty result means
    that nothing is known. Values must be equally spaced in time.

    Source: NIST/SEMATECH e-Handbook of Statistical Methods, 6.4.3.3 (public domain).

    Args:
        values: the series, oldest first.
        alpha: weight of a new value in the level, 0 to 1.
        gamma: weight of a new difference in the trend, 0 to 1.
        initial_trend: the first trend; by default the mean of the first three differences
            between known neighbours, or of as many as there are, 0 without any.

    Raises:
        FigureError: a weight is outside 0 to 1.
    """
    for name, weight in (("alpha", alpha), ("gamma", gamma)):
        if not 0 <= weight <= 1:
            raise FigureError(f"{name} must be within 0 to 1, got {weight}")
    start = next((place for place, value in enumerate(values) if math.isfinite(value)), None)
    if start is None:
        return []
    now = LevelAndTrend(
        values[start], _first_trend(values) if initial_trend is None else initial_trend
    )
    result = [now]
    for value in values[start + 1 :]:
        expected = now.level + now.trend
        if math.isfinite(value):
            level = alpha * value + (1 - alpha) * expected
            now = LevelAndTrend(level, gamma * (level - now.level) + (1 - gamma) * now.trend)
        else:
            now = LevelAndTrend(expected, now.trend)
        result.append(now)
    return result


def _first_trend(values: Sequence[float]) -> float:
    differences = [
        later - earlier
        for earlier, later in pairwise(values)
        if math.isfinite(earlier) and math.isfinite(later)
    ][:3]
    return sum(differences) / len(differences) if differences else 0.0
