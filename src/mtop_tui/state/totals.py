"""Counters and histograms of a pool: sums over its replicas that no restart makes fall.

Rates are taken per replica first and summed afterwards: a replica that restarts keeps what it had
counted, one that leaves keeps what it served, and a new one counts from its first sample on.
"""

from __future__ import annotations

import math
import operator
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from mtop_tui.domain import vocabulary as names
from mtop_tui.domain.counters import was_reset
from mtop_tui.observations import MetricSample, ObjectRef, PastStep, SampleLayout
from mtop_tui.state.rings import VectorRing

CHECKPOINT_SPACING = 4.0
"""Seconds between two checkpoints at least; a replica scraped each second makes no more."""

MINUTE, HOUR = 60.0, 3600.0
MINUTES_KEPT = 60

COUNTED = (
    names.FINISHED_REQUESTS,
    names.ABORTED_REQUESTS,
    names.FAILED_REQUESTS,
    names.PROMPT_TOKENS,
    names.GENERATION_TOKENS,
    names.PREEMPTIONS,
    names.PREFIX_QUERIES,
    names.PREFIX_HITS,
    names.REQUESTS,
)
"""Counters that figures are made of."""

LEVELS = (names.RUNNING, names.WAITING, names.KV_USAGE)
"""Gauges that figures are made of."""

VALUE_BYTES = 32
"""What a value of a sample takes that is kept as it came: a float, and a place in a tuple."""

WATCHED = (names.TTFT, names.ITL, names.TPOT)
"""Histograms that every round is asked about; the others are summed once a minute."""


class HistogramSlice(NamedTuple):
    """Where a histogram lies in a sample's cumulative values: its sum, then its buckets."""

    bounds: tuple[float, ...]
    sum_at: int
    start: int
    stop: int


class LayoutIndex:
    """Positions of the neutral names in the samples of one layout."""

    __slots__ = (
        "counted",
        "counters",
        "gauges",
        "histograms",
        "levels",
        "progress",
        "telltales",
        "watched",
        "width",
    )

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
        watched = [self.histograms[name].stop for name in WATCHED if name in self.histograms]
        self.watched = max(watched, default=len(layout.counters))
        """How many values, from the first on, hold the counters and what is watched."""
        telltales = [*range(len(layout.counters)), *(h.stop - 1 for h in self.histograms.values())]
        self.telltales: Callable[[Sequence[float]], tuple[float, ...]] = (
            itemgetter(*telltales, *telltales[:1] * 2) if telltales else _nothing
        )
        """Counters and histogram totals: whatever happens to a process shows in one of these."""
        self.counted = itemgetter(*(self.counters.get(name, -1) for name in COUNTED))
        """From `PoolTotals.increases`: what was added to each of `COUNTED`."""
        tokens, running = names.GENERATION_TOKENS in self.counters, names.RUNNING in self.gauges
        self.progress = (
            (self.counters[names.GENERATION_TOKENS], self.gauges[names.RUNNING])
            if tokens and running
            else None
        )
        """Where tokens are counted and where requests that run are; None if either is not told."""
        self.levels = _levels(self.gauges)
        """From a sample's gauges: each of `LEVELS`."""

    def fits(self, step: PastStep, until: float) -> bool:
        """Whether a step is past by then, has the layout's width, and a length up to an hour."""
        return (
            0 < step.at <= until
            and 0 < step.seconds <= HOUR
            and all(
                len(one.added) == self.width and len(one.gauges) in {0, len(self.gauges)}
                for one in step.pools
            )
        )


def _nothing(_row: Sequence[float]) -> tuple[float, ...]:
    return ()


def _levels(places: dict[str, int]) -> Callable[[Sequence[float]], tuple[float, ...]]:
    found = [places.get(name) for name in LEVELS]
    if None in found:
        return lambda row: tuple(math.nan if place is None else row[place] for place in found)
    return itemgetter(*found)


@lru_cache(maxsize=256)
def index_of(layout: SampleLayout) -> LayoutIndex:
    """The index of a layout; equal layouts share one."""
    return LayoutIndex(layout)


class Member:
    """What is last known of one replica.

    Twice a minute apart, what it had counted is set aside, so that a replica can be compared with
    its peers over one to two minutes. `stalled_since` is when it was first seen that requests run
    and no token comes; None while tokens do, or nothing runs.
    """

    __slots__ = (
        "_bases",
        "at",
        "gauges",
        "last",
        "layout",
        "pool",
        "ref",
        "round",
        "stalled_since",
        "telltales",
    )

    def __init__(self, ref: ObjectRef, sample: MetricSample, pool: PoolTotals) -> None:
        self.ref = ref
        self.layout = sample.layout
        self.pool = pool
        self.last = sample.cumulative
        self.telltales: tuple[float, ...] = pool.index.telltales(sample.cumulative)
        self.gauges = sample.gauges
        self.at = sample.at
        self.stalled_since: float | None = None
        self.round = -1
        self._bases: tuple[tuple[float, array[float]], ...] = ()
        self.set_base()

    def set_base(self) -> None:
        """Set aside what is counted by now; the base before is kept, older ones are not."""
        watched = array("d", self.last[: self.pool.index.watched])
        self._bases = (*self._bases[-1:], (self.at, watched))

    def forget_bases(self) -> None:
        """Begin anew: the process has restarted and counts from 0."""
        self._bases = ((self.at, array("d", bytes(8 * self.pool.index.watched))),)

    @property
    def base(self) -> tuple[float, array[float]]:
        """When the older base was set aside, and what was counted of what is watched."""
        return self._bases[0]


class PoolTotals:
    """The summed counters of the replicas of one pool that speak one layout."""

    __slots__ = (
        "_changed",
        "_checkpoints",
        "_departed",
        "_minute",
        "_minute_total",
        "_watched",
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
        self._watched: list[float] | None = None
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
        progress = self.index.progress
        if progress is not None:
            tokens, running = progress
            if sample.cumulative[tokens] != member.last[tokens] or not sample.gauges[running]:
                member.stalled_since = None
            elif member.stalled_since is None:
                member.stalled_since = sample.at
        telltales: tuple[float, ...] = self.index.telltales(sample.cumulative)
        news = telltales != member.telltales
        if news:
            if was_reset(member.telltales, telltales):
                self._keep(member.last)
                member.forget_bases()
            member.last = sample.cumulative
            member.telltales = telltales
            self._note_change()
        if sample.gauges != member.gauges:
            member.gauges = sample.gauges
            news = True
        member.at = sample.at
        return news

    def _keep(self, served: Sequence[float]) -> None:
        self._departed = array("d", map(operator.add, self._departed, served))

    def _note_change(self) -> None:
        self._changed = True
        self._watched = None

    def _total(self, count: int) -> list[float]:
        """The sum over all replicas of the first `count` values."""
        parts: list[Sequence[float]] = [self._departed[:count]]
        parts += [member.last[:count] for member in self.members.values()]
        return list(map(sum, zip(*parts, strict=True)))

    def added_by(self, member: Member) -> tuple[float, list[float]] | None:
        """Over how many seconds a replica is looked at, and what it added, as `increases`.

        None when nothing was heard of it since.
        """
        at, base = member.base
        if member.at <= at:
            return None
        return member.at - at, [*map(operator.sub, member.last, base), math.nan]

    def watched_total(self) -> list[float]:
        """The counters and what is watched, over all replicas; never falls."""
        if self._watched is None:
            self._watched = self._total(self.index.watched)
        return self._watched

    def total(self) -> list[float]:
        """All that is cumulative, over all replicas; never falls."""
        return self._total(self.index.width)

    def is_quiet(self, at: float, window: float, /) -> bool:
        """Whether nothing was counted since the last checkpoint nor in the window before it."""
        base = self.base(at, window)
        return not self._changed and base is not None and base[1] is self._checkpoints[-1][1]

    def close_round(self, at: float, window: float, /) -> None:
        """Remember the totals at a time, so that windows may begin there."""
        checkpoints = self._checkpoints
        if checkpoints and at - checkpoints[-1][0] < CHECKPOINT_SPACING:
            return
        if self._changed or not checkpoints:
            checkpoints.append((at, array("d", self.watched_total())))
            self._changed = False
        elif len(checkpoints) > 1 and checkpoints[-2][1] is checkpoints[-1][1]:
            checkpoints[-1] = (at, checkpoints[-1][1])  # a flat stretch is its two ends
        else:
            checkpoints.append((at, checkpoints[-1][1]))
        while len(checkpoints) > 2 and checkpoints[1][0] <= at - window:
            checkpoints.popleft()

    def close_minute(self, at: float) -> Sequence[float] | None:
        """What the minute that has ended by `at` added; None while it goes on.

        The first call begins to count.
        """
        minute = self.minutes.slot(at)
        if minute == self._minute:
            return None
        for member in self.members.values():
            member.set_base()
        total = array("d", self._total(self.index.width))
        added: Sequence[float] | None = None
        if self._minute is not None:
            if total == self._minute_total:
                added = array("d", bytes(8 * self.index.width))
            else:
                added = list(map(operator.sub, total, self._minute_total))
                self.minutes.write(self._minute, added)
        self._minute, self._minute_total = minute, total
        return added

    def added_since_minute(self) -> Sequence[float] | None:
        """What the last whole minute added and what came since; None before one has passed."""
        if self._minute is None:
            return None
        last = self.minutes.total(self._minute - 1, self._minute - 1)
        since = map(operator.sub, self._total(self.index.width), self._minute_total)
        return list(map(operator.add, last, since))

    def base(self, at: float, window: float, /) -> tuple[float, array[float]] | None:
        """The newest checkpoint at or before `at - window`, else the oldest; None without one."""
        chosen = None
        for checkpoint in self._checkpoints:
            if chosen is not None and checkpoint[0] > at - window:
                break
            chosen = checkpoint
        return chosen if chosen is not None and chosen[0] < at else None

    def increases(self, base: array[float]) -> list[float]:
        """What was added since a checkpoint to the counters and what is watched, and NaN.

        The NaN at the end is what a counter added that this engine does not expose.
        """
        added = list(map(operator.sub, self.watched_total(), base))
        added.append(math.nan)
        return added

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept."""
        members, width, watched = len(self.members), self.index.width, self.index.watched
        sums = 8 * (2 * width + watched * (len(self._checkpoints) + 2 * members))
        return sums + VALUE_BYTES * width * members + self.minutes.nbytes


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
        self._note_change()
        return member

    def leave(self, ref: ObjectRef) -> None:
        """Stop counting."""
        self.members.pop(ref, None)
        self._note_change()

    def update(self, member: Member, sample: MetricSample) -> bool:
        """Take the next window; it replaces the one before."""
        member.last = sample.cumulative
        member.gauges = sample.gauges
        member.at = sample.at
        self._window = sample.window or MINUTE
        self._note_change()
        return True

    def is_quiet(self, _at: float, _window: float, /) -> bool:
        """Every window may differ."""
        return False

    def close_round(self, _at: float, _window: float, /) -> None:
        """Every sample is a window already; there is nothing to remember."""

    def close_minute(self, at: float) -> Sequence[float] | None:
        """Windows overlap, so a minute is taken from the latest, at its pace."""
        minute = self.minutes.slot(at)
        if minute == self._minute:
            return None
        added = None
        if self._minute is not None:
            share = MINUTE / self._window
            added = [value * share for value in self._total(self.index.width)]
            self.minutes.write(self._minute, added)
        self._minute = minute
        return added

    def added_by(self, member: Member) -> tuple[float, list[float]] | None:
        """The window as it is."""
        return self._window, [*member.last[: self.index.watched], math.nan]

    def base(self, at: float, _window: float, /) -> tuple[float, array[float]] | None:
        """Nothing at the start of the source's own window."""
        return at - self._window, array("d", bytes(8 * self.index.watched))
