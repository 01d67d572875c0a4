"""The members of a route group against its stable one, window by window.

Imported when a route group has been watched for a while.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from mtop_tui.domain import vocabulary as names
from mtop_tui.domain.rollouts.canary import (
    ERRORS,
    TPOT,
    TTFT,
    Comparison,
    Count,
    MetricVerdict,
    Verdict,
    best_edge,
    beyond,
    overall,
)
from mtop_tui.domain.rollouts.comparable import Circumstance, Side, differences
from mtop_tui.state.metrics import ServiceMetrics
from mtop_tui.state.service import ServiceState
from mtop_tui.state.totals import LayoutIndex

WINDOW = 15.0
"""Seconds of one window of the comparison at least; a scrape must fit into it."""

ENOUGH_TO_CHOOSE = 200
"""Requests of the stable member from which on a bucket edge is chosen."""

_LATENCIES = ((TTFT, names.TTFT), (TPOT, names.TPOT))


class CanaryVerdict(NamedTuple):
    """What is said of a member of a route group beside its stable one."""

    stable: str
    verdict: Verdict
    metrics: tuple[MetricVerdict, ...]


class _Side(NamedTuple):
    """What one side has counted so far, and with which layout."""

    layout: LayoutIndex
    counted: list[float]


class CanaryTrack:
    """One comparison, from when both members serve."""

    def __init__(self, stable: ServiceState, canary: ServiceState) -> None:
        self.stable, self.canary = stable, canary
        self._last: tuple[_Side, _Side] | None = None
        self._last_at = -math.inf
        self._edges: dict[str, float] = {}
        self._comparisons: dict[str, Comparison] = {}
        self._unlike: dict[Circumstance, str] = {}
        self._uncounted = ""

    def step(self, at: float) -> None:
        """End a window, if one has passed."""
        if at - self._last_at < WINDOW:
            return
        sides = _counted(self.stable), _counted(self.canary)
        if sides[0] is None or sides[1] is None:
            self._uncounted, self._last = "replicas of one side differ in what they expose", None
            return
        self._uncounted = ""
        last, self._last, self._last_at = self._last, (sides[0], sides[1]), at
        self._unlike = differences(_side(self.stable, at), _side(self.canary, at))
        if last is None or any(
            before.layout is not after.layout
            for before, after in zip(last, self._last, strict=True)
        ):
            return
        self._choose(last[0])
        added = [
            [now - then for now, then in zip(after.counted, before.counted, strict=True)]
            for before, after in zip(last, self._last, strict=True)
        ]
        for name, comparison in self._comparisons.items():
            if not comparison.metric.spoiled_by & self._unlike.keys():
                counts = [
                    self._count(name, side.layout, values)
                    for side, values in zip(self._last, added, strict=True)
                ]
                if None not in counts:
                    self._comparisons[name] = comparison.after(*counts)  # type: ignore[arg-type]

    def verdict(self) -> CanaryVerdict:
        """What can be said by now."""
        rate = self.canary.last_metrics.request_rate
        known = rate if rate > 0 else None
        found = tuple(one.verdict(self._unlike, known) for one in self._comparisons.values())
        said = Verdict.NOT_COMPARABLE if self._uncounted else overall(found)
        return CanaryVerdict(self.stable.key.name, said, found)

    def _choose(self, stable: _Side) -> None:
        """Choose once what to compare, from what the stable member served before."""
        if not self._comparisons:
            failed = _errors(stable.layout, stable.counted)
            if failed is not None:
                share = failed.bad / failed.total if failed.total else 0.0
                most = 0.9 / (1 + ERRORS.minimum_effect)
                self._comparisons[ERRORS.name] = Comparison.of(ERRORS, min(share, most))
        for metric, name in _LATENCIES:
            found = stable.layout.histograms.get(name)
            if metric.name in self._comparisons or found is None:
                continue
            buckets = stable.counted[found.start : found.stop]
            if buckets[-1] < ENOUGH_TO_CHOOSE:
                continue
            edge = best_edge(found.bounds, buckets)
            if edge is not None:
                self._edges[metric.name] = edge.bound
                self._comparisons[metric.name] = Comparison.of(metric, edge.slower)

    def _count(self, metric: str, layout: LayoutIndex, added: Sequence[float]) -> Count | None:
        if metric == ERRORS.name:
            return _errors(layout, added)
        found = layout.histograms.get(next(name for one, name in _LATENCIES if one.name == metric))
        if found is None:
            return None
        return beyond(self._edges[metric], found.bounds, added[found.start : found.stop])


def _errors(layout: LayoutIndex, values: Sequence[float]) -> Count | None:
    finished = layout.counters.get(names.FINISHED_REQUESTS)
    failed = layout.counters.get(names.FAILED_REQUESTS)
    if finished is None or failed is None:
        return None
    bad = max(0.0, values[failed])
    return Count(bad, bad + max(0.0, values[finished]))


def _counted(state: ServiceState) -> _Side | None:
    """What a service's replicas counted, when all of them count the same things in one place."""
    pools = state.serving_pools()
    if len(pools) != 1:
        return None
    return _Side(pools[0].index, pools[0].watched_total())


def _side(state: ServiceState, at: float) -> Side:
    metrics = state.last_metrics
    ready = [replica for replica in state.replicas.values() if replica.phase == "ready"]
    ages = [at - replica.since for replica in ready if replica.since is not None]
    serving = len(ready) or math.nan
    return Side(
        load=metrics.request_rate / serving,
        prompt_tokens=_per_request(metrics.prompt_token_rate, metrics),
        answer_tokens=_per_request(metrics.generation_token_rate, metrics),
        hit_ratio=metrics.prefix_hit_ratio,
        queue=metrics.queue / serving,
        ready_for=min(ages, default=None),
    )


def _per_request(rate: float, metrics: ServiceMetrics) -> float | None:
    return rate / metrics.request_rate if metrics.request_rate > 0 else None
