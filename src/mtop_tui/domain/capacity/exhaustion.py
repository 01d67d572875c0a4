"""When something that fills up will be full: KV cache, a disk, an error budget.

A least-squares line through the samples is followed to the capacity, as Prometheus'
`predict_linear` does, but only as far as the samples can carry it: what they leave open is given as
a range, and where they say nothing, nothing is said and why.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from mtop_tui.domain.capacity.answers import FigureError, NotKnown
from mtop_tui.domain.durations import short_duration
from mtop_tui.domain.regression import Line, least_squares

DAY = 86_400.0

FEWEST_POINTS = 5
FURTHEST_IN_WINDOWS = 4
"""How far ahead to look, in lengths of the window that was observed."""

STUDENT_T: tuple[tuple[int, float], ...] = (
    (3, 3.182446),
    (4, 2.776445),
    (5, 2.570582),
    (6, 2.446912),
    (7, 2.364624),
    (8, 2.306004),
    (9, 2.262157),
    (10, 2.228139),
    (12, 2.178813),
    (15, 2.131450),
    (20, 2.085963),
    (30, 2.042272),
    (60, 2.000298),
    (120, 1.979930),
)
"""Degrees of freedom and the 97.5 % quantile of Student's t, for a 95 % interval.

Between two rows the upper one is used, which makes the interval a little wider.
"""


class Exhaustion(NamedTuple):
    """Seconds from the last sample until it is full, and the 95 % range of the slope alone.

    All are 0 if it is full already. `points` and `window` (seconds) are what it rests on.
    """

    seconds: float
    earliest: float
    latest: float
    points: int
    window: float


def seconds_to_capacity(points: Sequence[tuple[float, float]], capacity: float) -> float | None:
    """Seconds from the last sample until the least-squares line reaches the capacity.

    (capacity - fitted value now) / slope; 0 if that is already reached. None if the line does not
    rise, or with fewer than two samples: then it is never full, or nothing is known. This is the
    bare formula; `time_to_exhaustion` says whether it can be trusted.

    Args:
        points: `(time, value)`, oldest first, times in seconds; values not finite are left out.
        capacity: the value at which it is full, in the unit of the samples.

    Raises:
        FigureError: the capacity is not finite.
    """
    _check(capacity)
    line = _line_from_now(_known(points))
    return None if line is None else _crossing(line, line.slope, capacity)


def time_to_exhaustion(
    points: Sequence[tuple[float, float]], capacity: float, horizon: float = DAY
) -> Exhaustion | NotKnown:
    """When it is full, as a range; or why that cannot be said.

    Nothing is said with fewer than 5 samples, times that go back, a line that does not rise, a
    slope whose 95 % interval holds 0, a prediction more than four times as far ahead as the
    samples reach back, or a range that begins later than the horizon.

    Args:
        points: as in `seconds_to_capacity`.
        capacity: as there.
        horizon: seconds ahead that are of interest.

    Raises:
        FigureError: the capacity is not finite.
    """
    _check(capacity)
    known = _known(points)
    if len(known) < FEWEST_POINTS:
        return NotKnown(f"{len(known)} samples: {FEWEST_POINTS} are needed")
    if any(later[0] < earlier[0] for earlier, later in pairwise(known)):
        return NotKnown("the clock went back between samples")
    window = known[-1][0] - known[0][0]
    if known[-1][1] >= capacity:
        return Exhaustion(0.0, 0.0, 0.0, len(known), window)
    line = _line_from_now(known)
    if line is None:
        return NotKnown("all samples are of one moment")
    seconds = _crossing(line, line.slope, capacity)
    if seconds is None:
        return NotKnown("it is not filling up")
    margin = _student_t(len(known) - 2) * line.slope_error
    latest = _crossing(line, line.slope - margin, capacity)
    earliest = _crossing(line, line.slope + margin, capacity)
    if latest is None or earliest is None:
        return NotKnown("it may be filling up, or not: the samples scatter too much")
    if FURTHEST_IN_WINDOWS * window < min(seconds, horizon):
        reach = short_duration(FURTHEST_IN_WINDOWS * window)
        return NotKnown(f"{short_duration(window)} of samples cannot tell further than {reach}")
    if earliest > horizon:
        return NotKnown(f"not within {short_duration(horizon)}")
    return Exhaustion(seconds, earliest, latest, len(known), window)


def _check(capacity: float) -> None:
    if not math.isfinite(capacity):
        raise FigureError(f"capacity must be a number, got {capacity}")


def _known(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(at, value) for at, value in points if math.isfinite(at) and math.isfinite(value)]


def _line_from_now(points: Sequence[tuple[float, float]]) -> Line | None:
    """The line over seconds since the last sample, so that its intercept is the value now."""
    if not points:
        return None
    now = points[-1][0]
    return least_squares([(at - now, value) for at, value in points])


def _crossing(line: Line, slope: float, capacity: float) -> float | None:
    """Seconds until the line's present value grows to the capacity at this slope."""
    if not slope > 0:
        return None
    return max(0.0, (capacity - line.intercept) / slope)


def _student_t(degrees: int) -> float:
    return next(value for least, value in reversed(STUDENT_T) if least <= degrees)
