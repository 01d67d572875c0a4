"""A new version against the one it stands beside, window by window.

Imported when there are two versions of something.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType
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
from mtop_tui.domain.rollouts.comparable import Circumstance, differences
from mtop_tui.state.canary_history import Compared, ComparisonHistory
from mtop_tui.state.sides import CostOf, Counted, Serving, figures_now, side_of
from mtop_tui.state.totals import HistogramSlice, LayoutIndex

WINDOW = 15.0
"""Seconds of one window of the comparison at least; a scrape must fit into it."""

ENOUGH_TO_CHOOSE = 200
"""Requests of the stable member from which on a bucket edge is chosen."""

_LATENCIES = ((TTFT, (names.TTFT,)), (TPOT, (names.TPOT, names.DECODE_TIME)))
"""By which histogram each is judged: the first that is exposed. Each counts a request once; the
intervals between tokens are many per request and not independent."""


VERDICT_CHANGES_KEPT = 50

_DECIDED = (Verdict.WORSE, Verdict.BETTER, Verdict.PASS)


class CanaryVerdict(NamedTuple):
    """What is said of a new version beside the stable one, which is named."""

    stable: str
    verdict: Verdict
    metrics: tuple[MetricVerdict, ...]


class VerdictChange(NamedTuple):
    """When something else was decided of a metric than before."""

    at: float
    metric: str
    verdict: Verdict


class CanaryTrack:
    """One comparison, from when both serve.

    Attributes:
        stable, canary: both sides.
        began, ended: when it was first and last looked at; `ended` is None while it goes on.
        changes: of verdicts, oldest first.
    """

    def __init__(self, stable: Serving, canary: Serving, cost_of: CostOf) -> None:
        self.stable, self.canary = stable, canary
        self.began: float | None = None
        self.ended: float | None = None
        self.changes: deque[VerdictChange] = deque(maxlen=VERDICT_CHANGES_KEPT)
        self._cost_of = cost_of
        self._history = ComparisonHistory()
        self._said: dict[str, Verdict] = {}
        self._last: tuple[Counted, Counted] | None = None
        self._last_at = -math.inf
        self._edges: dict[str, float] = {}
        self._comparisons: dict[str, Comparison] = {}
        self._unlike: dict[Circumstance, str] = {}
        self._uncounted = ""

    @property
    def edges(self) -> Mapping[str, float]:
        """Beyond how many seconds a request counts as slow, by metric."""
        return MappingProxyType(self._edges)

    @property
    def last_worse(self) -> tuple[str, ...]:
        """The metrics of which WORSE is what was decided last."""
        return tuple(name for name, said in self._said.items() if said is Verdict.WORSE)

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept of its past."""
        return self._history.nbytes

    def is_due(self, at: float) -> bool:
        """Whether a window has passed."""
        return at - self._last_at >= WINDOW

    def step(self, at: float) -> None:
        """End a window, if one has passed."""
        if not self.is_due(at):
            return
        if self.began is None:
            self.began = at
        stable, canary = self.stable.counted(), self.canary.counted()
        if stable is None or canary is None:
            self._uncounted, self._last = "replicas of one side differ in what they expose", None
            return
        self._uncounted = ""
        last, self._last, self._last_at = self._last, (stable, canary), at
        self._unlike = differences(side_of(self.stable, at), side_of(self.canary, at))
        if last is not None and all(
            before.layout is after.layout for before, after in zip(last, self._last, strict=True)
        ):
            self._compare(last, self._last)
        self._remember(at)

    def _compare(self, last: tuple[Counted, Counted], now: tuple[Counted, Counted]) -> None:
        """Add what was counted since the last window."""
        self._choose(last[0])
        added = [
            [new - old for new, old in zip(after.values, before.values, strict=True)]
            for before, after in zip(last, now, strict=True)
        ]
        for name, comparison in self._comparisons.items():
            if not comparison.metric.spoiled_by & self._unlike.keys():
                counts = [
                    self._count(name, side.layout, values)
                    for side, values in zip(now, added, strict=True)
                ]
                if None not in counts:
                    self._comparisons[name] = comparison.after(*counts)  # type: ignore[arg-type]

    def verdict(self) -> CanaryVerdict:
        """What can be said by now."""
        rate = self.canary.metrics().request_rate
        known = rate if rate > 0 else None
        found = tuple(one.verdict(self._unlike, known) for one in self._comparisons.values())
        said = Verdict.NOT_COMPARABLE if self._uncounted else overall(found)
        return CanaryVerdict(self.stable.name, said, found)

    def standing(self, *metrics: str) -> Verdict | None:
        """The gravest of what stands of these metrics; None where none of them is compared.

        Windows in which the sides are not comparable say nothing, so that WORSE stands through
        them.
        """
        stands = {
            Verdict.WORSE
            if one.verdict is Verdict.NOT_COMPARABLE and one.metric in self.last_worse
            else one.verdict
            for one in self.verdict().metrics
            if one.metric in metrics
        }
        return next((verdict for verdict in Verdict if verdict in stands), None)

    def now(self, at: float) -> Compared:
        """Both sides as they are at this time, and what can be said by now."""
        said = self.verdict()
        return Compared(
            said.verdict,
            figures_now(self.stable, self._cost_of, at),
            figures_now(self.canary, self._cost_of, at),
            said.metrics,
        )

    def at(self, at: float) -> Compared | None:
        """The same at a time of the last hour; None where it is not kept."""
        return self._history.at(at)

    def series(self, figure: str, at: float, count: int) -> tuple[list[float], list[float]]:
        """One figure of both sides in steps of `canary_history.STEP` up to a time."""
        return self._history.series(figure, at, count)

    def _remember(self, at: float) -> None:
        compared = self.now(at)
        for one in compared.metrics:
            if one.verdict in _DECIDED and one.verdict is not self._said.get(one.metric):
                self.changes.append(VerdictChange(at, one.metric, one.verdict))
                self._said[one.metric] = one.verdict
        self._history.write(at, compared)

    def _choose(self, stable: Counted) -> None:
        """Choose once what to compare, from what the stable member served before."""
        if not self._comparisons:
            failed = _errors(stable.layout, stable.values)
            if failed is not None:
                share = failed.bad / failed.total if failed.total else 0.0
                most = 0.9 / (1 + ERRORS.minimum_effect)
                self._comparisons[ERRORS.name] = Comparison.of(ERRORS, min(share, most))
        for metric, wanted in _LATENCIES:
            found = _histogram(stable.layout, wanted)
            if metric.name in self._comparisons or found is None:
                continue
            buckets = stable.values[found.start : found.stop]
            if buckets[-1] < ENOUGH_TO_CHOOSE:
                continue
            edge = best_edge(found.bounds, buckets)
            if edge is not None:
                self._edges[metric.name] = edge.bound
                self._comparisons[metric.name] = Comparison.of(metric, edge.slower)

    def _count(self, metric: str, layout: LayoutIndex, added: Sequence[float]) -> Count | None:
        if metric == ERRORS.name:
            return _errors(layout, added)
        wanted = next(wanted for one, wanted in _LATENCIES if one.name == metric)
        found = _histogram(layout, wanted)
        if found is None:
            return None
        return beyond(self._edges[metric], found.bounds, added[found.start : found.stop])


def _histogram(layout: LayoutIndex, wanted: Sequence[str]) -> HistogramSlice | None:
    return next((layout.histograms[name] for name in wanted if name in layout.histograms), None)


def _errors(layout: LayoutIndex, values: Sequence[float]) -> Count | None:
    finished = layout.counters.get(names.FINISHED_REQUESTS)
    failed = layout.counters.get(names.FAILED_REQUESTS)
    if finished is None or failed is None:
        return None
    bad = max(0.0, values[failed])
    return Count(bad, bad + max(0.0, values[finished]))
