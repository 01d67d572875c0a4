"""What a comparison said lately, window by window, in a fixed number of bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from mtop_tui.domain.rollouts.canary import METRICS, Count, MetricVerdict, Verdict
from mtop_tui.domain.rollouts.comparable import Circumstance
from mtop_tui.domain.stats.intervals import Interval
from mtop_tui.state.rings import SeriesRing
from mtop_tui.state.sides import SideFigures

STEP, SLOTS = 15.0, 240
"""An hour, as the history of services keeps it."""

HOLD = 2
"""Steps for which what was said stands; a window may be a little longer than a step."""

_VERDICTS, _CIRCUMSTANCES = tuple(Verdict), tuple(Circumstance)
_METRIC_WIDTH = 10
_SIDE_WIDTH = len(SideFigures._fields)
_WIDTH = 2 + 2 * _SIDE_WIDTH + _METRIC_WIDTH * len(METRICS)


class Compared(NamedTuple):
    """Both sides at a time, and what could be said of them."""

    verdict: Verdict
    stable: SideFigures
    canary: SideFigures
    metrics: tuple[MetricVerdict, ...]


class ComparisonHistory:
    """The windows of the last hour. Of reasons, which circumstances differed is kept."""

    __slots__ = ("_ring",)

    def __init__(self) -> None:
        self._ring = SeriesRing(_WIDTH, SLOTS, STEP, HOLD)

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept."""
        return self._ring.nbytes

    def write(self, at: float, compared: Compared) -> None:
        """Remember what was said at a time."""
        unlike = {reason.partition(":")[0] for one in compared.metrics for reason in one.reasons}
        differ = sum(2**place for place, one in enumerate(_CIRCUMSTANCES) if one.value in unlike)
        row = [float(_VERDICTS.index(compared.verdict)), float(differ)]
        row += [*compared.stable, *compared.canary]
        said = {one.metric: one for one in compared.metrics}
        for metric in METRICS:
            found = said.get(metric.name)
            row += [math.nan] * _METRIC_WIDTH if found is None else _row_of(found)
        self._ring.write(at, row)

    def series(self, figure: str, at: float, count: int) -> tuple[list[float], list[float]]:
        """One of `SideFigures` of the stable and of the new side, step by step up to a time."""
        place = 2 + SideFigures._fields.index(figure)
        ring = self._ring
        return ring.series(place, at, count), ring.series(place + _SIDE_WIDTH, at, count)

    def at(self, at: float) -> Compared | None:
        """What was said at a time; None where nothing was, or it is not kept any more."""
        row = [self._ring.series(place, at, 1)[0] for place in range(_WIDTH)]
        if math.isnan(row[0]):
            return None
        unlike = [one for place, one in enumerate(_CIRCUMSTANCES) if int(row[1]) >> place & 1]
        stable, canary = row[2 : 2 + _SIDE_WIDTH], row[2 + _SIDE_WIDTH : 2 + 2 * _SIDE_WIDTH]
        metrics = []
        for index, metric in enumerate(METRICS):
            start = 2 + 2 * _SIDE_WIDTH + index * _METRIC_WIDTH
            values = row[start : start + _METRIC_WIDTH]
            if not math.isnan(values[0]):
                spoiled = [one.value for one in unlike if one in metric.spoiled_by]
                metrics.append(_verdict_of(metric.name, values, spoiled))
        return Compared(
            _VERDICTS[int(row[0])], SideFigures(*stable), SideFigures(*canary), tuple(metrics)
        )


def _row_of(said: MetricVerdict) -> list[float]:
    low, high = said.interval if said.interval is not None else (math.nan, math.nan)
    return [
        float(_VERDICTS.index(said.verdict)),
        *said.baseline,
        *said.canary,
        math.nan if said.effect is None else said.effect,
        low,
        high,
        math.nan if said.more_requests is None else float(said.more_requests),
        math.nan if said.more_seconds is None else said.more_seconds,
    ]


def _verdict_of(metric: str, row: Sequence[float], reasons: Sequence[str]) -> MetricVerdict:
    verdict, base_bad, base_total, bad, total, effect, low, high, more, seconds = row
    said = _VERDICTS[int(verdict)]
    return MetricVerdict(
        metric,
        said,
        Count(base_bad, base_total),
        Count(bad, total),
        _known(effect),
        None if math.isnan(low) else Interval(low, high),
        None if math.isnan(more) else int(more),
        _known(seconds),
        tuple(reasons) if said is Verdict.NOT_COMPARABLE else (),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
