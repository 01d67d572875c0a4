"""Counters and histograms of a pool: sums over its replicas that no restart makes fall.

Rates are taken per replica first and summed afterwards: a replica that restarts keeps what it had
counted, one that leaves keeps what it served, and a new one counts from its first sample on.
"""

from __future__ import annotations

import operator
from array import array
from collections import deque
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from mtop_tui.domain.counters import was_reset
from mtop_tui.observations import MetricSample, ObjectRef, SampleLayout
from mtop_tui.state.rings import VectorRing

CHECKPOINT_SPACING = 4.0
"""Seconds between two checkpoints at least; a replica scraped each second makes no more."""

MINUTE = 60.0
MINUTES_KEPT = 60


class HistogramSlice(NamedTuple):
    """Where a histogram lies in a sample's cumulative values: its sum, then its buckets."""

    bounds: tuple[float, ...]
    sum_at: int
    start: int
    stop: int


class LayoutIndex:
    """Positions of the neutral names in the samples of one layout."""

    __slots__ = ("counters", "gauges", "histograms", "telltales", "width")

    def __init__(self, layout: SampleLayout) -> None:
        self.counters = {name: index for index, name in enumerate(layout.counters)}
        self.gauges = {name: index for index, name in enumerate(layout.gauges)}
        self.histograms: dict[str, HistogramSlice] = {}
        position = len(layout.counters)
        for histogram in layout.histograms:
            end = position + histogram.width
            self.histograms[histogram.name] = HistogramSlice(
                histogram.bounds, position, position + 1, end
            )
            position = end
        self.width = position
        telltales = [*range(len(layout.counters)), *(h.stop - 1 for h in self.histograms.values())]
        self.telltales = itemgetter(*telltales, *telltales[:1] * 2)
        """Counters and histogram totals: a restarted process shows in one of these."""


@lru_cache(maxsize=256)
def index_of(layout: SampleLayout) -> LayoutIndex:
    """The index of a layout; equal layouts share one."""
    return LayoutIndex(layout)


class Member:
    """What is last known of one replica."""

    __slots__ = ("at", "gauges", "last", "layout", "pool", "ref", "round")

    def __init__(self, ref: ObjectRef, sample: MetricSample, pool: PoolTotals) -> None:
        self.ref = ref
        self.layout = sample.layout
        self.pool = pool
        self.last = array("d", sample.cumulative)
        self.gauges = sample.gauges
        self.at = sample.at
        self.round = -1


class PoolTotals:
    """The summed counters of the replicas of one pool that speak one layout."""

    __slots__ = (
        "_changed",
        "_checkpoints",
        "_departed",
        "_minute",
        "_minute_total",
        "_whole",
        "index",
        "members",
        "minutes",
    )

    def __init__(self, layout: SampleLayout) -> None:
        self.index = index_of(layout)
        self.members: dict[ObjectRef, Member] = {}
        self.minutes = VectorRing(self.index.width, MINUTES_KEPT, MINUTE)
        self._departed = array("d", bytes(8 * self.index.width))
        self._checkpoints: deque[tuple[float, array[float]]] = deque()
        self._changed = True
        self._whole: list[float] | None = None
        self._minute: int | None = None
        self._minute_total = self._departed

    def join(self, ref: ObjectRef, sample: MetricSample) -> Member:
        """Begin to count a replica: what it counted before its first sample is not ours."""
        member = Member(ref, sample, self)
        self._departed = array("d", map(operator.sub, self._departed, member.last))
        self.members[ref] = member
        self._note_change()
        return member

    def leave(self, ref: ObjectRef) -> None:
        """Stop counting a replica and keep what it served."""
        member = self.members.pop(ref, None)
        if member is not None:
            self._keep(member.last)
            self._note_change()

    def update(self, member: Member, sample: MetricSample) -> bool:
        """Take a replica's next sample; returns whether it says anything new."""
        values = array("d", sample.cumulative)
        news = values.tobytes() != member.last.tobytes()
        if news:
            telltales = self.index.telltales
            if was_reset(telltales(member.last), telltales(values)):
                self._keep(member.last)
            member.last = values
            self._note_change()
        if sample.gauges != member.gauges:
            member.gauges = sample.gauges
            news = True
        member.at = sample.at
        return news

    def _keep(self, served: array[float]) -> None:
        self._departed = array("d", map(operator.add, self._departed, served))

    def _note_change(self) -> None:
        self._changed = True
        self._whole = None

    def total(self, start: int, stop: int) -> list[float]:
        """The sum over all replicas of the values in [start, stop)."""
        if self._whole is not None:
            return self._whole[start:stop]
        parts = [self._departed[start:stop]]
        parts += [member.last[start:stop] for member in self.members.values()]
        return list(map(sum, zip(*parts, strict=True)))

    def add_up(self) -> None:
        """Sum everything once, because everything is about to be asked for."""
        if self._whole is None:
            self._whole = self.total(0, self.index.width)

    def is_quiet(self, at: float, window: float, /) -> bool:
        """Whether nothing was counted since the last checkpoint nor in the window before it."""
        base = self.base(at, window)
        return not self._changed and base is not None and base[1] is self._checkpoints[-1][1]

    def close_round(self, at: float, window: float, /) -> list[float] | None:
        """Remember the totals at a time, so that windows may begin there.

        Returns:
            What the minute that has just ended added, when one has and it added something.
        """
        checkpoints = self._checkpoints
        if checkpoints and at - checkpoints[-1][0] < CHECKPOINT_SPACING:
            return None
        if self._changed or not checkpoints:
            self.add_up()
            checkpoints.append((at, array("d", self._whole or ())))
            self._changed = False
        elif len(checkpoints) > 1 and checkpoints[-2][1] is checkpoints[-1][1]:
            checkpoints[-1] = (at, checkpoints[-1][1])  # a flat stretch is its two ends
        else:
            checkpoints.append((at, checkpoints[-1][1]))
        while len(checkpoints) > 2 and checkpoints[1][0] <= at - window:
            checkpoints.popleft()
        return self._close_minute(at, checkpoints[-1][1])

    def _close_minute(self, at: float, total: array[float]) -> list[float] | None:
        minute = self.minutes.slot(at)
        added = None
        if self._minute is None:
            self._minute_total = total
        elif minute > self._minute and self._minute_total is not total:
            added = list(map(operator.sub, total, self._minute_total))
            self.minutes.write(self._minute, added)
            self._minute_total = total
        self._minute = minute
        return added

    def base(self, at: float, window: float, /) -> tuple[float, array[float]] | None:
        """The newest checkpoint at or before `at - window`, else the oldest; None without one."""
        chosen = None
        for checkpoint in self._checkpoints:
            if chosen is not None and checkpoint[0] > at - window:
                break
            chosen = checkpoint
        return chosen if chosen is not None and chosen[0] < at else None

    def increases(self, base: array[float], start: int, stop: int) -> list[float]:
        """What was added to the values in [start, stop) since a checkpoint."""
        return list(map(operator.sub, self.total(start, stop), base[start:stop]))

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept."""
        vectors = 2 + len(self.members) + len(self._checkpoints)
        return vectors * 8 * self.index.width + self.minutes.nbytes


class WindowedTotals(PoolTotals):
    """Increases that a source such as Prometheus already took over a window of its own."""

    __slots__ = ("_window",)

    def __init__(self, layout: SampleLayout) -> None:
        super().__init__(layout)
        self._window = MINUTE

    def join(self, ref: ObjectRef, sample: MetricSample) -> Member:
        """Begin to count: the first increase is already one."""
        member = Member(ref, sample, self)
        self.members[ref] = member
        self._window = sample.window or MINUTE
        return member

    def leave(self, ref: ObjectRef) -> None:
        """Stop counting."""
        self.members.pop(ref, None)

    def update(self, member: Member, sample: MetricSample) -> bool:
        """Take the next window; it replaces the one before."""
        member.last = array("d", sample.cumulative)
        member.gauges = sample.gauges
        member.at = sample.at
        self._window = sample.window or MINUTE
        return True

    def add_up(self) -> None:
        """Nothing is asked for twice."""

    def is_quiet(self, _at: float, _window: float, /) -> bool:
        """Every window may differ."""
        return False

    def close_round(self, _at: float, _window: float, /) -> list[float] | None:
        """Windows overlap, so they do not add up to minutes; there is nothing to remember."""
        return None

    def base(self, at: float, _window: float, /) -> tuple[float, array[float]] | None:
        """Nothing at the start of the source's own window."""
        return at - self._window, array("d", bytes(8 * self.index.width))
