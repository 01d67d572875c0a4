"""Increase and rate of counters, exactly as Prometheus computes them.

Source: Prometheus `increase` and `rate` (docs/querying/functions.md, promql/functions.go,
`extrapolatedRate`). Windows are left-open: a sample at the very start of one is outside it.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

EXTRAPOLATION_LIMIT = 1.1
"""A gap to the window's edge above this many mean intervals means the series began or ended."""


def increase(samples: Sequence[tuple[float, float]], start: float, end: float) -> float | None:
    """How much a counter grew over the window (start, end], in the counter's unit.

    Resets are added back, and the growth seen between the first and last sample is extrapolated
    to the edges of the window: fully when the series goes on there, by half a mean interval when
    it seems to begin or end inside, and never to before the counter was 0.

    Args:
        samples: `(time, value)`, oldest first, times in seconds; those outside the window are
            ignored.
        start: the window's open start.
        end: the window's closed end.

    Returns:
        None with fewer than two samples in the window: nothing can be said.
    """
    inside = [sample for sample in samples if start < sample[0] <= end]
    if len(inside) < 2:
        return None
    first_time, first_value = inside[0]
    last_time, last_value = inside[-1]
    grown = last_value - first_value
    previous = first_value
    for _, value in inside:
        if value < previous:
            grown += previous
        previous = value
    covered = last_time - first_time
    if covered <= 0:
        return None
    interval = covered / (len(inside) - 1)
    limit = interval * EXTRAPOLATION_LIMIT
    before = first_time - start
    if before >= limit:
        before = interval / 2
    if grown > 0 and first_value >= 0:
        before = min(before, covered * (first_value / grown))
    after = end - last_time
    if after >= limit:
        after = interval / 2
    return grown * (covered + before + after) / covered


def rate(samples: Sequence[tuple[float, float]], start: float, end: float) -> float | None:
    """Mean growth per second over the window (start, end]; see `increase`."""
    grown = increase(samples, start, end)
    return None if grown is None else grown / (end - start)


def was_reset(previous: Sequence[float], current: Sequence[float]) -> bool:
    """Whether any counter of a process fell, which means that the process began again."""
    return any(map(operator.lt, current, previous))
