"""What was derived lately, in a fixed number of bytes per service."""

from __future__ import annotations

import math

from mtop_tui.state.metrics import SERIES, ServiceMetrics
from mtop_tui.state.rings import SeriesRing

FINE_STEP, FINE_SLOTS = 1.0, 300
COARSE_STEP, COARSE_SLOTS = 15.0, 240
HOLD_SECONDS = 45
"""A value stands for what follows it this long; scrapes are at most 15 s apart."""


class ServiceHistory:
    """All series of a service: 5 minutes at 1 s and an hour at 15 s."""

    __slots__ = ("_closed", "coarse", "fine")

    def __init__(self) -> None:
        self.fine = SeriesRing(len(SERIES), FINE_SLOTS, FINE_STEP, HOLD_SECONDS)
        self.coarse = SeriesRing(len(SERIES), COARSE_SLOTS, COARSE_STEP, 3)
        self._closed: int | None = None

    def record(self, at: float, metrics: ServiceMetrics) -> None:
        """Store the figures derived at a time."""
        self.fine.write(at, metrics)
        slot = int(at // COARSE_STEP)
        if self._closed is not None and slot > self._closed:
            self.coarse.write(self._closed * COARSE_STEP, self._means(slot * COARSE_STEP - 1))
        self._closed = slot

    def _means(self, at: float) -> list[float]:
        means = []
        for index in range(len(SERIES)):
            known = [
                value
                for value in self.fine.series(index, at, int(COARSE_STEP))
                if not math.isnan(value)
            ]
            means.append(sum(known) / len(known) if known else math.nan)
        return means

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept."""
        return self.fine.nbytes + self.coarse.nbytes


class HourlyCounts:
    """Good and total events per hour over 30 days: what an error budget is computed from."""

    __slots__ = ("_ring",)

    HOURS = 720

    def __init__(self) -> None:
        self._ring = SeriesRing(2, self.HOURS, 3600.0, 0)

    def add(self, at: float, good: float, total: float) -> None:
        """Count events into the hour of a time."""
        held_good, held_total = (self._ring.series(index, at, 1)[0] for index in (0, 1))
        self._ring.write(
            at,
            (
                good + (0.0 if math.isnan(held_good) else held_good),
                total + (0.0 if math.isnan(held_total) else held_total),
            ),
        )

    def over(self, at: float, hours: int) -> tuple[float, float]:
        """Good and total events of the last `hours` hours, the current one included."""
        good, total = (
            [value for value in self._ring.series(index, at, hours) if not math.isnan(value)]
            for index in (0, 1)
        )
        return sum(good), sum(total)

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept."""
        return self._ring.nbytes
