"""Increase and rate of counters, exactly as Prometheus computes them.

Source: Prometheus `increase`, `rate` and `resets` (docs/querying/functions.md,
promql/functions.go, `extrapolatedRate`). Windows are left-open: a sample at the very start of one
is outside it.

Samples are `(time, value)`, oldest first, times in seconds. Left out are samples not later than
one before them, which Prometheus refuses to store: a clock that went back is waited for. Left out
are also values that no counter has: NaN (the stale marker, as in Prometheus, and any other),
infinite and negative ones, with which Prometheus would go on reckoning.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import NamedTuple

EXTRAPOLATION_LIMIT = 1.1
"""A gap to the window's edge above this many mean intervals means the series began or ended."""


class Total(NamedTuple):
    """A sum over replicas. With `unknown` replicas left out, the true one is `value` or more."""

    value: float
    unknown: int = 0


def increase(samples: Sequence[tuple[float, float]], start: float, end: float) -> float | None:
    """How much a counter grew over the window (start, end], in the counter's unit.

    Resets are added back, and the growth seen between the first and last sample is extrapolated
    to the edges of the window: fully when the series goes on there, by half a mean interval when
    it seems to begin or end inside, and never to before the counter was 0.

    None with fewer than two samples in the window: nothing can be said.
    """
    inside = _within(samples, start, end)
    if len(inside) < 2:
        return None
    grown = _growth_of(inside)
    first_time, first_value = inside[0]
    last_time, _ = inside[-1]
    covered = last_time - first_time
    interval = covered / (len(inside) - 1)
    limit = interval * EXTRAPOLATION_LIMIT
    before = first_time - start
    if before >= limit:
        before = interval / 2
    if grown > 0:
        before = min(before, covered * (first_value / grown))
    after = end - last_time
    if after >= limit:
        after = interval / 2
    return grown * (covered + before + after) / covered


def rate(samples: Sequence[tuple[float, float]], start: float, end: float) -> float | None:
    """Mean growth per second over the window (start, end]; see `increase`.

    None also over a window without beginning or end.
    """
    grown = increase(samples, start, end)
    seconds = end - start
    return None if grown is None or math.isinf(seconds) else grown / seconds


def growth(samples: Sequence[tuple[float, float]], start: float, end: float) -> float | None:
    """How much a counter grew between its first and last sample in the window (start, end].

    As `increase`, but nothing is extrapolated: only what was counted. A gap between samples
    loses nothing. None with fewer than two samples in the window.
    """
    inside = _within(samples, start, end)
    return _growth_of(inside) if len(inside) > 1 else None


def resets(samples: Sequence[tuple[float, float]], start: float, end: float) -> int | None:
    """How often a counter fell in the window (start, end]; None without a sample in it."""
    values = [value for _, value in _within(samples, start, end)]
    return sum(map(operator.gt, values, values[1:])) if values else None


def summed(figures: Iterable[float | None]) -> Total | None:
    """Growths or rates of replicas added up. None if none is known.

    Resets are only seen in each replica's own counter, so rates come first and the sum after. A
    replica that left counts with what it served while it was there.
    """
    known = unknown = 0
    value = 0.0
    for figure in figures:
        if figure is None:
            unknown += 1
        else:
            known += 1
            value += figure
    return Total(value, unknown) if known else None


def was_reset(previous: Sequence[float], current: Sequence[float]) -> bool:
    """Whether any counter of a process fell, which means that the process began again.

    A NaN on either side says nothing.
    """
    return any(map(operator.lt, current, previous))


def _within(
    samples: Sequence[tuple[float, float]], start: float, end: float
) -> list[tuple[float, float]]:
    """Samples in the window that can be a counter's, each later than the one before."""
    inside: list[tuple[float, float]] = []
    latest = start
    for time, value in samples:
        if latest < time <= end and 0 <= value < math.inf:
            inside.append((time, value))
            latest = time
    return inside


def _growth_of(samples: Sequence[tuple[float, float]]) -> float:
    grown = samples[-1][1] - samples[0][1]
    previous = samples[0][1]
    for _, value in samples:
        if value < previous:
            grown += previous
        previous = value
    return grown
