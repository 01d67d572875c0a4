"""What was derived lately, in a fixed number of bytes per service."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from mtop_tui.state.metrics import SERIES, ServiceMetrics
from mtop_tui.state.rings import SeriesRing

FINE_STEP, FINE_SLOTS = 1.0, 300
COARSE_STEP, COARSE_SLOTS = 15.0, 240
HOLD_SECONDS = 45
"""A value stands for what follows it this long; scrapes are at most 15 s apart."""

REWRITE_SECONDS = 20
"""What stays the same is written this often only; the ring holds it in between."""


class ServiceHistory:
    """All series of a service: 5 minutes at 1 s and an hour at 15 s.

    Attributes:
        since: when figures were first derived from samples; what is older was told afterwards.
    """

    __slots__ = ("_slot", "_slot_rows", "_written", "_written_at", "coarse", "fine", "since")

    def __init__(self) -> None:
        self.fine = SeriesRing(len(SERIES), FINE_SLOTS, FINE_STEP, HOLD_SECONDS)
        self.coarse = SeriesRing(len(SERIES), COARSE_SLOTS, COARSE_STEP, 3)
        self.since = math.inf
        self._slot: int | None = None
        self._slot_rows: list[ServiceMetrics] = []
        self._written: ServiceMetrics | None = None
        self._written_at = 0.0

    def record(self, at: float, metrics: ServiceMetrics) -> None:
        """Store the figures derived at a time; 15 s of them are kept as their means."""
        if metrics is not self._written or at - self._written_at > REWRITE_SECONDS:
            self.fine.write(at, metrics)
            self._written, self._written_at = metrics, at
        self.since = min(self.since, at)
        slot = int(at // COARSE_STEP)
        if self._slot is not None and slot > self._slot:
            self.coarse.write(self._slot * COARSE_STEP, _means(self._slot_rows))
            self._slot_rows.clear()
        self._slot = slot
        self._slot_rows.append(metrics)

    def fill(self, at: float, metrics: ServiceMetrics) -> None:
        """Store figures of before the first samples, where nothing is known yet."""
        if at < self.since:
            self.coarse.fill(at, metrics)

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept."""
        return self.fine.nbytes + self.coarse.nbytes


def _means(rows: list[ServiceMetrics]) -> Iterable[float]:
    if all(row is rows[0] for row in rows):
        return rows[0]
    return [_mean(column) for column in zip(*rows, strict=True)]


def _mean(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    if mean == mean:  # noqa: PLR0124 - NaN, at half the cost
        return mean
    known = [value for value in values if value == value]  # noqa: PLR0124 - NaN, at half the cost
    return sum(known) / len(known) if known else math.nan
