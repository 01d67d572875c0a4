"""What was derived lately, in a fixed number of bytes per service."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

from mtop_tui.state.metrics import SERIES, ServiceMetrics
from mtop_tui.state.rings import SeriesRing

FINE_STEP, FINE_SLOTS = 1.0, 300
COARSE_STEP, COARSE_SLOTS = 15.0, 240
LONG_STEP, LONG_SLOTS = 240.0, 90
HOLD_SECONDS = 45
"""A value stands for what follows it this long; scrapes are at most 15 s apart."""

REWRITE_SECONDS = 20
"""What stays the same is written this often only; the ring holds it in between."""


class _Means:
    """A ring that is given the means of each of its steps, once the step is over.

    The rows of a step stand in one array: as objects, they would take as much as the ring.
    """

    __slots__ = ("_rows", "_slot", "ring")

    def __init__(self, ring: SeriesRing) -> None:
        self.ring = ring
        self._slot: int | None = None
        self._rows = array("d")

    def add(self, at: float, row: Sequence[float]) -> tuple[float, Sequence[float]] | None:
        """Take a row; returns when the step before began, and its means, if that is now over."""
        slot = int(at // self.ring.step)
        over = None
        if self._slot is not None and slot > self._slot:
            over = self._slot * self.ring.step, _means(self._rows)
            self.ring.write(*over)
            del self._rows[:]
        self._slot = slot
        self._rows.extend(row)
        return over


class ServiceHistory:
    """All series of a service: 5 minutes at 1 s, an hour at 15 s and six hours at 4 min.

    Attributes:
        since: when figures were first derived from samples; what is older was told afterwards.
        begin: of when the oldest figures are.
    """

    __slots__ = (
        *("_coarse", "_long", "_written", "_written_at"),
        *("begin", "coarse", "fine", "long", "since"),
    )

    def __init__(self) -> None:
        self.fine = SeriesRing(len(SERIES), FINE_SLOTS, FINE_STEP, HOLD_SECONDS)
        self.coarse = SeriesRing(len(SERIES), COARSE_SLOTS, COARSE_STEP, 3)
        self.long = SeriesRing(len(SERIES), LONG_SLOTS, LONG_STEP, 2)
        self.since = self.begin = math.inf
        self._coarse, self._long = _Means(self.coarse), _Means(self.long)
        self._written: ServiceMetrics | None = None
        self._written_at = 0.0

    def record(self, at: float, metrics: ServiceMetrics) -> None:
        """Store the figures derived at a time; 15 s of them are kept as their means."""
        if metrics is not self._written or at - self._written_at > REWRITE_SECONDS:
            self.fine.write(at, metrics)
            self._written, self._written_at = metrics, at
        self.since = min(self.since, at)
        self.begin = min(self.begin, at)
        over = self._coarse.add(at, metrics)
        if over is not None:
            self._long.add(*over)

    def fill(self, at: float, metrics: ServiceMetrics, *, now: float = math.inf) -> None:
        """Store figures of before the first samples, where nothing is known yet.

        Those of the last minutes before `now` stand for each second of their step.
        """
        if at < self.since:
            if now - at < FINE_SLOTS * FINE_STEP:
                for back in reversed(range(int(COARSE_STEP / FINE_STEP))):
                    self.fine.fill(at - back * FINE_STEP, metrics)
            self.coarse.fill(at, metrics)
            self.long.fill(at, metrics)
            self.begin = min(self.begin, at)

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept."""
        return self.fine.nbytes + self.coarse.nbytes + self.long.nbytes


def _means(rows: array[float]) -> Sequence[float]:
    width = len(SERIES)
    return rows[:] if len(rows) == width else [_mean(rows[one::width]) for one in range(width)]


def _mean(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    if mean == mean:  # noqa: PLR0124 - NaN, at half the cost
        return mean
    known = [value for value in values if value == value]  # noqa: PLR0124 - NaN, at half the cost
    return sum(known) / len(known) if known else math.nan
