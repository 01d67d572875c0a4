"""The rules of Kubernetes' horizontal pod autoscaler, apart from where its metric comes from.

autoscaling/v2 with its default behaviour (Kubernetes, Apache-2.0, pkg/controller/podautoscaler):
up at once, by at most 4 pods or 100 % in a minute, whichever is more; down to the highest
recommendation of the last five minutes.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

SYNC = 15.0
"""Seconds between two looks (--horizontal-pod-autoscaler-sync-period)."""

TOLERANCE = 0.1
"""A ratio of metric to target this near to 1 changes nothing."""

DOWN_WINDOW = 300.0
"""Seconds of recommendations of which the highest holds when scaling down."""

UP_PERIOD = 60.0
_UP_PODS, _UP_TIMES = 4, 2

_NOISE = 1e-9


class Decision(NamedTuple):
    """Replicas to have, what was wanted without bounds, and what held it back.

    `limited` is "TooManyReplicas", "TooFewReplicas", "ScaleUpLimit" or empty; `stabilised` whether
    an earlier, higher recommendation holds.
    """

    replicas: int
    wanted: int
    limited: str
    stabilised: bool


def by_ratio(current: int, ratio: float) -> int:
    """Replicas that bring a metric to its target, of which it is `ratio` now."""
    if abs(ratio - 1.0) <= TOLERANCE + _NOISE:
        return current
    return math.ceil(current * ratio - _NOISE)


class Behaviour:
    """What a horizontal pod autoscaler remembers: recommendations and changes of late."""

    def __init__(self) -> None:
        self._wanted: deque[tuple[float, int]] = deque()
        self._added: deque[tuple[float, int]] = deque()

    def decide(self, at: float, current: int, wanted: int, least: int, most: int) -> Decision:
        """How many replicas to have, when the metric alone wants so many.

        Args:
            at: Unix seconds.
            current: replicas it has now.
            wanted: replicas the metric asks for.
            least, most: bounds of the autoscaler.
        """
        self._wanted.append((at, wanted))
        while self._wanted[0][0] <= at - DOWN_WINDOW:
            self._wanted.popleft()
        while self._added and self._added[0][0] <= at - UP_PERIOD:
            self._added.popleft()
        held = max(count for _, count in self._wanted)
        stabilised = wanted < current and held > wanted
        replicas = min(held, current) if wanted < current else wanted
        limited = ""
        if replicas > current:
            before = current - sum(count for _, count in self._added)
            ceiling = max(before + _UP_PODS, before * _UP_TIMES, current)
            if replicas > ceiling:
                replicas, limited = ceiling, "ScaleUpLimit"
        if replicas > most or (wanted > most and replicas >= most):
            replicas, limited = most, "TooManyReplicas"
        elif replicas < least or (wanted < least and replicas <= least):
            replicas, limited = least, "TooFewReplicas"
        if replicas > current:
            self._added.append((at, replicas - current))
        return Decision(replicas, wanted, limited, stabilised)
