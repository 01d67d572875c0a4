"""How one service fares against its objectives: counts of good events, burn rates, budget, alerts.

Imported when the first minute has passed: nothing can be said of an objective before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, inf
from typing import NamedTuple

from mtop_tui.domain import vocabulary as names
from mtop_tui.domain.quantiles import Bounds
from mtop_tui.domain.slo.attainment import (
    Count,
    Edges,
    availability_count,
    count_within,
    edges_around,
    slices_count,
    throughput_count,
    total_of,
)
from mtop_tui.domain.slo.burn import Budget, budget_of, burn_rate
from mtop_tui.domain.slo.burn_alerts import BurnAlert, Reading, Severity, is_firing, read_alert
from mtop_tui.domain.slo.objectives import Kind, Method, Objective
from mtop_tui.observations import Service
from mtop_tui.state.rings import SumRing
from mtop_tui.state.totals import LayoutIndex

MINUTE, HOUR = 60.0, 3600.0
MINUTES_KEPT, HOURS_KEPT = 360, 720


class Promise(NamedTuple):
    """An objective, and the alerts on its burn rate."""

    objective: Objective
    alerts: tuple[BurnAlert, ...]


class Promised(NamedTuple):
    """What is promised of a service, or why that could not be read."""

    promises: tuple[Promise, ...] = ()
    problem: str = ""


Promises = Callable[[Service], Promised]
"""Looks up what is promised of a service."""


class PoolMinute(NamedTuple):
    """What one pool of a service added to its counters and buckets within a minute."""

    is_prefill: bool
    layout: LayoutIndex
    added: Sequence[float]


class ObjectiveStatus(NamedTuple):
    """One objective at a time.

    Attributes:
        objective: what was promised.
        events: over the objective's period, as far as it was observed.
        budget: what is used of the error budget; None without events.
        burn: burn rate over each window (seconds) that an alert looks at; None without events.
        firing: the alerts that fire, the most urgent first.
        untold: whether the buckets are too coarse to tell if an alert fires.
        since: from when on events were counted, Unix seconds; infinite before any was.
    """

    objective: Objective
    events: Count
    budget: Budget | None
    burn: dict[float, Bounds | None]
    firing: tuple[BurnAlert, ...]
    untold: bool
    since: float

    @property
    def pages(self) -> bool:
        """Whether an alert that wakes somebody fires."""
        return any(alert.severity == "page" for alert in self.firing)

    @property
    def tickets(self) -> bool:
        """Whether an alert fires that can wait."""
        return any(alert.severity != "page" for alert in self.firing)


class CountRing(SumRing):
    """Counts of the last steps, and how many seconds of each were observed."""

    __slots__ = ()

    def __init__(self, slots: int, step: float) -> None:
        super().__init__(4, slots, step)

    def count(self, at: float, events: Count, observed: float) -> None:
        """Add events to the step of a time, and the seconds that were observed of it."""
        self.add(at, (*events, observed))

    def count_late(self, at: float, events: Count, observed: float) -> None:
        """The same for a time that may be long ago."""
        self.add_late(at, (*events, observed))

    def counted(self, window: float, at: float) -> tuple[Count, float]:
        """Events of the steps that make up a window before a time, and the seconds observed."""
        low, high, total, seen = self.over(window, at)
        return Count(low, high, total), seen


class ObjectiveTrack:
    """One objective of one service, from the first minute on."""

    __slots__ = (
        *("_edges", "_firing", "_hours", "_minutes", "_pending", "_pending_from"),
        *("promise", "since"),
    )

    def __init__(self, promise: Promise) -> None:
        self.promise = promise
        self.since = inf
        self._minutes = CountRing(MINUTES_KEPT, MINUTE)
        self._hours = CountRing(HOURS_KEPT, HOUR)
        self._edges: dict[LayoutIndex, Edges | None] = {}
        self._firing = dict.fromkeys(promise.alerts, False)
        self._pending: list[Count] = []
        self._pending_from = 0.0

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept."""
        return self._minutes.nbytes + self._hours.nbytes

    def close_minute(self, at: float, pools: Sequence[PoolMinute]) -> None:
        """Count what a minute (any time in it) added, and see whether an alert begins or ends."""
        count = self._count(pools)
        if count is None:
            return
        budgeting = self.promise.objective.budgeting
        if budgeting.method is not Method.OCCURRENCES:
            sliced = self._slice(at, count)
            if sliced is None:
                return
            count = sliced
        self.since = min(self.since, at // MINUTE * MINUTE)
        self._minutes.count(at, count, MINUTE)
        self._hours.count(at, count, MINUTE)
        for alert in self.promise.alerts:
            self._firing[alert] = is_firing(self._firing[alert], self._read(alert, at))

    def fill_hour(
        self, start: float, seconds: float, pools: Sequence[PoolMinute], now: float
    ) -> None:
        """Count so many seconds of an hour of the past, of which `pools` are the mean minute."""
        count = self._count(pools)
        budgeting = self.promise.objective.budgeting
        if count is None or seconds <= 0:
            return
        by_minute = self.promise.objective.indicator.kind is Kind.TOKENS_PER_SECOND
        if budgeting.method is not Method.OCCURRENCES and not by_minute:
            minutes = (budgeting.slice_seconds or MINUTE) / MINUTE
            count = _times(slices_count([_times(count, minutes)], budgeting), 1 / minutes)
        self.since = min(self.since, start)
        minutes = seconds / MINUTE
        self._hours.count_late(start, _times(count, minutes), seconds)
        if start + seconds <= now - MINUTES_KEPT * MINUTE:
            return
        for minute in range(int(start // MINUTE), ceil((start + seconds) / MINUTE)):
            begin = max(start, minute * MINUTE)
            part = min(start + seconds, (minute + 1) * MINUTE) - begin
            self._minutes.count_late(begin, _times(count, part / MINUTE), part)

    def status(self, at: float) -> ObjectiveStatus:
        """How the objective fares at a time."""
        objective, alerts = self.promise
        span = objective.window.span_at(at)
        period = span.end - span.start
        count, observed = self._hours.counted(at - span.start, at)
        windows = sorted({window for alert in alerts for window in (alert.long, alert.short)})
        return ObjectiveStatus(
            objective,
            count,
            budget_of(count, objective.target, observed, period) if observed > 0 else None,
            {window: self._burn(window, at) for window in windows},
            tuple(alert for alert in alerts if self._firing[alert]),
            any(self._read(alert, at) is Reading.CANNOT_TELL for alert in alerts),
            self.since,
        )

    @property
    def is_burning(self) -> bool:
        """Whether any alert fires."""
        return any(self._firing.values())

    def fires(self, severity: Severity) -> bool:
        """Whether an alert of this severity fires."""
        return any(is_on for alert, is_on in self._firing.items() if alert.severity == severity)

    def _burn(self, window: float, at: float) -> Bounds | None:
        ring = self._minutes if window <= MINUTES_KEPT * MINUTE else self._hours
        return burn_rate(ring.counted(window, at)[0], self.promise.objective.target)

    def _read(self, alert: BurnAlert, at: float) -> Reading:
        return read_alert(alert.factor, self._burn(alert.long, at), self._burn(alert.short, at))

    def _count(self, pools: Sequence[PoolMinute]) -> Count | None:
        indicator = self.promise.objective.indicator
        reads = [pool for pool in pools if pool.is_prefill]
        if indicator.kind is Kind.TTFT and reads:
            pools = reads  # disaggregated, the prefill half gives the first token
        else:
            pools = [pool for pool in pools if not pool.is_prefill]
        if indicator.kind is Kind.AVAILABILITY:
            counts = [self._availability(pool) for pool in pools]
        elif indicator.kind is Kind.TOKENS_PER_SECOND:
            return self._throughput(pools)
        else:
            counts = [self._latency(pool) for pool in pools]
        known = [count for count in counts if count is not None]
        return total_of(known) if known else None

    def _availability(self, pool: PoolMinute) -> Count | None:
        finished, failed, aborted = (
            _added(pool, name)
            for name in (names.FINISHED_REQUESTS, names.FAILED_REQUESTS, names.ABORTED_REQUESTS)
        )
        return availability_count(
            finished, failed, aborted, count_aborts=self.promise.objective.indicator.count_aborts
        )

    def _latency(self, pool: PoolMinute) -> Count | None:
        indicator = self.promise.objective.indicator
        found = pool.layout.histograms.get(indicator.kind.value)
        if found is None or not found.bounds or indicator.threshold is None:
            return None
        edges = self._edges.get(pool.layout)
        if edges is None:
            edges = self._edges[pool.layout] = edges_around(indicator.threshold, found.bounds)
        return count_within(edges, pool.added[found.start : found.stop])

    def _throughput(self, pools: Sequence[PoolMinute]) -> Count | None:
        tokens = [_added(pool, names.GENERATION_TOKENS) for pool in pools]
        known = [value for value in tokens if value is not None]
        objective = self.promise.objective
        if not known or objective.indicator.threshold is None:
            return None
        rate = sum(known) / MINUTE
        return throughput_count(
            [rate if rate > 0 else None], objective.indicator.threshold, objective.budgeting.idle
        )

    def _slice(self, at: float, count: Count) -> Count | None:
        """The slice of time that this minute ends, as one event; None while it goes on."""
        objective = self.promise.objective
        if objective.indicator.kind is Kind.TOKENS_PER_SECOND:
            return count  # throughput is counted in minutes already
        if not self._pending:
            self._pending_from = at
        self._pending.append(count)
        length = objective.budgeting.slice_seconds or MINUTE
        if at + MINUTE - self._pending_from < length:
            return None
        whole, self._pending = total_of(self._pending), []
        return slices_count([whole], objective.budgeting)


def _times(count: Count, factor: float) -> Count:
    return Count(*(value * factor for value in count))


def _added(pool: PoolMinute, name: str) -> float | None:
    place = pool.layout.counters.get(name)
    return None if place is None else pool.added[place]
