"""Straight lines through samples: trend, its uncertainty, and what it predicts.

Sources: ordinary least squares (any statistics text); Prometheus `deriv` and `predict_linear`
(docs/querying/functions.md, promql/functions.go, `linearRegression`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Line(NamedTuple):
    """The line `intercept + slope * x`.

    `slope_error` is the standard error of the slope, in the slope's unit. It is infinite for a
    line through two points: they leave nothing over to judge the fit by.
    """

    slope: float
    intercept: float
    slope_error: float


def least_squares(points: Sequence[tuple[float, float]]) -> Line | None:
    """The line with the least sum of squared vertical distances from `(x, y)` points.

    slope = Sxy / Sxx, and its standard error is sqrt(residual sum of squares / (n - 2) / Sxx).
    Points with a coordinate that is not finite are left out: they are not known. None if fewer
    than two different x remain, or if the figures are too large for a float.

    The intercept is the line's value at x = 0. For times, pass seconds from a moment near the
    samples: at 0 of a wall clock the intercept has lost its digits.
    """
    known = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if len(known) < 2:
        return None
    # Seen from the first point, equal values are exactly 0 apart, so a flat series has slope 0.
    first_x, first_y = known[0]
    xs = [x - first_x for x, _ in known]
    ys = [y - first_y for _, y in known]
    count = len(known)
    mean_x, mean_y = sum(xs) / count, sum(ys) / count
    spread = sum((x - mean_x) * (x - mean_x) for x in xs)
    if spread == 0:
        return None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    misses = [y - mean_y - slope * (x - mean_x) for x, y in zip(xs, ys, strict=True)]
    slope_error = math.inf
    if count > 2:
        slope_error = math.sqrt(sum(miss * miss for miss in misses) / (count - 2) / spread)
    intercept = first_y + mean_y - slope * (first_x + mean_x)
    if not (math.isfinite(spread) and math.isfinite(slope) and math.isfinite(intercept)):
        return None
    return Line(slope, intercept, slope_error)


def deriv(samples: Sequence[tuple[float, float]], start: float, end: float) -> float | None:
    """How fast a gauge moves, per second, over the window (start, end].

    The slope of the least-squares line through the `(time, value)` samples in the window, times
    in seconds. None with fewer than two; samples that are NaN are left out (Prometheus answers
    NaN). A counter's resets are not added back: this is for gauges.
    """
    line = _line_seen_from(end, samples, start, end)
    return None if line is None else line.slope


def predict_linear(
    samples: Sequence[tuple[float, float]], start: float, end: float, horizon: float
) -> float | None:
    """What a gauge will be `horizon` seconds after `end` if it goes on along its line.

    The line is that of `deriv`, so is what is said of samples. None with fewer than two.
    """
    line = _line_seen_from(end, samples, start, end)
    return None if line is None else line.intercept + line.slope * horizon


def _line_seen_from(
    origin: float, samples: Sequence[tuple[float, float]], start: float, end: float
) -> Line | None:
    return least_squares([(at - origin, value) for at, value in samples if start < at <= end])
