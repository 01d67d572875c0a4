"""What is looked at once a minute: a request's time, how busy GPUs were, and what it all cost."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from mtop_tui.domain.cost.money import Dollars
from mtop_tui.observations import GpuReading, ServiceKey
from mtop_tui.state.rings import SeriesRing

MINUTE_STEP, MINUTE_SLOTS = 60.0, 60
LONG_STEP, LONG_SLOTS = 240.0, 90


class MinuteFigures(NamedTuple):
    """Of one service at one time; NaN where it is not known.

    `e2e` is the mean time of a request of the last one to two minutes, from its arrival to its
    last token, in seconds; `gpu_utilisation` the mean over the GPUs of its replicas, 0 to 1.
    `usd_per_hour` is not known while a part of it has no price.
    """

    e2e: float = math.nan
    gpu_utilisation: float = math.nan
    usd_per_hour: float = math.nan


MINUTE_SERIES = MinuteFigures._fields
"""Names of the series, in order."""


class MinuteHistory:
    """An hour by the minute and six hours by 4 min."""

    __slots__ = ("hour", "latest", "long")

    def __init__(self) -> None:
        self.hour = SeriesRing(len(MINUTE_SERIES), MINUTE_SLOTS, MINUTE_STEP, 2)
        self.long = SeriesRing(len(MINUTE_SERIES), LONG_SLOTS, LONG_STEP, 1)
        self.latest = MinuteFigures()

    def record(self, at: float, figures: MinuteFigures) -> None:
        """Remember the figures of a time."""
        self.latest = figures
        self.hour.write(at, figures)
        self.long.write(at, figures)

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept."""
        return self.hour.nbytes + self.long.nbytes


def priced(cost: Dollars) -> float:
    """USD per hour, or NaN while a part of it has no price."""
    return math.nan if cost.unpriced else float(cost.usd)


def busy_by_service(gpus: Iterable[GpuReading]) -> dict[ServiceKey, float]:
    """Mean utilisation of the GPUs of each service that has any reading."""
    sums: dict[ServiceKey, tuple[float, int]] = {}
    for one in gpus:
        if one.service is not None and one.utilization is not None:
            total, count = sums.get(one.service, (0.0, 0))
            sums[one.service] = total + one.utilization, count + 1
    return {service: total / count for service, (total, count) in sums.items()}
