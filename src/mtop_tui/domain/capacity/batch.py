"""How inter-token latency grows with the batch, and the largest batch that an objective allows.

Decoding one more sequence in the same step costs little, so ITL = base + slope x batch fits well
between the ends of what was observed. Source of the model: the parameter estimation tutorial of
llm-d-incubation/workload-variant-autoscaler, Apache-2.0, at 56a651b0. The line is Theil and Sen's:
the median of all pairwise slopes, which up to 29 % of wild points do not move.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import NamedTuple

from mtop_tui.domain.capacity.answers import NOISE, NotKnown, positive

NARROWEST_RATIO = 2.0
"""Largest over smallest batch seen; below it, noise decides the slope."""

MOST_POINTS = 200
"""Pairwise slopes grow with the square; more points than these are thinned evenly by batch."""


class BatchLine(NamedTuple):
    """ITL = `base` + `per_sequence` x batch, in the unit of the ITL given (seconds in mtop).

    Fitted to `points` points with batches from `smallest` to `largest`.
    """

    base: float
    per_sequence: float
    points: int
    smallest: float
    largest: float


class BatchLimit(NamedTuple):
    """The largest whole batch within an ITL objective; 0 if one sequence is already too slow.

    With `beyond_seen` it is larger than any batch observed: an extrapolation, to be shown as such.
    """

    batch: int
    beyond_seen: bool


def fit_itl(points: Sequence[tuple[float, float]]) -> BatchLine | NotKnown:
    """The line through `(batch, ITL)` points, batch being the sequences running at the time.

    Points with a batch or ITL that is not finite and positive are left out: an idle engine has no
    inter-token latency. Nothing is said if the largest batch is less than twice the smallest.
    """
    known = sorted(
        (batch, itl) for batch, itl in points if 0 < batch < math.inf and 0 < itl < math.inf
    )
    if len(known) < 2:
        return NotKnown("fewer than two samples with requests running")
    smallest, largest = known[0][0], known[-1][0]
    if largest < NARROWEST_RATIO * smallest:
        return NotKnown(f"batches from {smallest:g} to {largest:g} only: too narrow for a line")
    kept = known[:: math.ceil(len(known) / MOST_POINTS)]
    slope = median((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(kept, 2) if x2 > x1)
    base = median(itl - slope * batch for batch, itl in kept)
    return BatchLine(base, slope, len(known), smallest, largest)


def batch_limit(line: BatchLine, itl_objective: float) -> BatchLimit | NotKnown:
    """The largest batch whose ITL is within the objective, in the line's unit.

    Nothing is said if ITL does not grow with the batch: then the line sets no limit.

    Raises:
        FigureError: the objective is not above 0.
    """
    positive("ITL objective", itl_objective)
    if line.per_sequence <= 0:
        return NotKnown("ITL does not grow with the batch in what was seen")
    batch = math.floor((itl_objective - line.base) / line.per_sequence * (1 + NOISE))
    return BatchLimit(max(0, batch), beyond_seen=batch > line.largest)
