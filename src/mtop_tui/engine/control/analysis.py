"""Judges a canary by its metrics as observed, and takes its traffic when it is worse.

The verdict is that of `mtop_tui.domain.rollouts.canary`, window by window, over what the replicas'
metrics pages said when they were last read.
"""

from __future__ import annotations

from collections.abc import Callable

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
)
from mtop_tui.domain.rollouts.comparable import Side, differences
from mtop_tui.engine import vllm
from mtop_tui.engine.kube_events import Said
from mtop_tui.engine.service_run import ServiceRun
from mtop_tui.engine.world import World
from mtop_tui.observations import MetricSample, ObjectRef, SampleLayout

ENOUGH_TO_CHOOSE = 200
"""Requests of the baseline from which on a bucket edge is chosen."""

_LATENCIES = ((TTFT, names.TTFT), (TPOT, names.DECODE_TIME))
"""Time per output token is judged by the time all of an answer took to decode: one observation per
request, where intervals between tokens are many per request and not independent."""

_COUNTERS = {name: index for index, name in enumerate(vllm.LAYOUT.counters)}


def _places() -> dict[str, tuple[int, tuple[float, ...]]]:
    """Where the buckets of each histogram stand among the cumulative values."""
    found, place = {}, len(vllm.LAYOUT.counters)
    for histogram in vllm.LAYOUT.histograms:
        found[histogram.name] = (place + 1, histogram.bounds)
        place += histogram.width
    return found


_HISTOGRAMS = _places()


def _columns_of(layout: SampleLayout) -> tuple[int, ...]:
    """Where the values of vLLM's usual page stand in another layout of it."""
    places, at = {}, len(layout.counters)
    for histogram in layout.histograms:
        places[histogram.name] = at
        at += histogram.width
    found = [layout.counters.index(name) for name in vllm.LAYOUT.counters]
    for histogram in vllm.LAYOUT.histograms:
        place = places[histogram.name]
        found += range(place, place + histogram.width)
    return tuple(found)


def _shared(sample: MetricSample) -> tuple[float, ...]:
    """What a sample has of the usual page: a decode replica tells of its transfers too."""
    if sample.layout is vllm.LAYOUT:
        return sample.cumulative
    return tuple(sample.cumulative[index] for index in _columns_of(sample.layout))


class _Totals:
    """What the replicas of a service have counted, those that are gone included."""

    def __init__(self) -> None:
        self._last: dict[ObjectRef, tuple[float, ...]] = {}
        self.values = [0.0] * sum(
            [len(vllm.LAYOUT.counters), *(one.width for one in vllm.LAYOUT.histograms)]
        )

    def read(self, run: ServiceRun) -> list[float]:
        """Take in what was last sampled, and return the sums."""
        for pool in run.pools:
            for replica in pool.replicas:
                if replica.gauges is None:
                    continue
                now = _shared(replica.gauges[1])
                before = self._last.get(replica.ref)
                if before is None or now[0] < before[0]:
                    before = (0.0,) * len(now)
                self._last[replica.ref] = now
                self.values = [
                    value + max(0.0, new - old)
                    for value, new, old in zip(self.values, now, before, strict=True)
                ]
        return list(self.values)


class CanaryAnalysis:
    """One canary beside its baseline, looked at in windows that do not overlap.

    Args:
        world: where both run.
        stable, canary: the services compared.
        group: whose Events say what was decided.
        roll_back: takes the canary's traffic.
    """

    def __init__(
        self,
        world: World,
        stable: ServiceRun,
        canary: ServiceRun,
        group: ObjectRef,
        roll_back: Callable[[], object],
    ) -> None:
        self._world, self._stable, self._canary = world, stable, canary
        self._group, self._roll_back = group, roll_back
        self._totals = (_Totals(), _Totals())
        self._last: tuple[list[float], list[float]] | None = None
        self._comparisons: dict[str, Comparison] = {}
        self._edges: dict[str, float] = {}
        self._interval = 15.0

    def begin(self, interval: float) -> None:
        """Look every `interval` seconds from now on, until it is decided."""
        self._interval = interval
        self._look()

    def _look(self) -> None:
        world = self._world
        if {self._stable.key, self._canary.key} - world.services.keys():
            return
        now = (self._totals[0].read(self._stable), self._totals[1].read(self._canary))
        last, self._last = self._last, now
        if last is not None:
            added = tuple(
                [after - before for after, before in zip(side, old, strict=True)]
                for side, old in zip(now, last, strict=True)
            )
            self._compare(added[0], added[1], last[0])
        worse = [one for one in self._verdicts if one.verdict is Verdict.WORSE]
        if worse:
            self._decide(worse[0])
        else:
            world.after(self._interval, self._look)

    @property
    def _verdicts(self) -> list[MetricVerdict]:
        return [one.verdict() for one in self._comparisons.values()]

    def _compare(self, base: list[float], new: list[float], before: list[float]) -> None:
        self._choose(before)
        unlike = differences(self._side(self._stable, base), self._side(self._canary, new))
        for name, comparison in self._comparisons.items():
            if comparison.metric.spoiled_by & unlike.keys():
                continue
            counts = self._count(name, base), self._count(name, new)
            if counts[0] is not None and counts[1] is not None:
                self._comparisons[name] = comparison.after(counts[0], counts[1])

    def _choose(self, before: list[float]) -> None:
        """Choose what to compare at, from what the baseline served before the comparison."""
        if ERRORS.name not in self._comparisons:
            failed = _errors(before)
            share = failed.bad / failed.total if failed.total else 0.0
            self._comparisons[ERRORS.name] = Comparison.of(
                ERRORS, min(share, 0.9 / (1 + ERRORS.minimum_effect))
            )
        for metric, name in _LATENCIES:
            if metric.name in self._comparisons or name not in _HISTOGRAMS:
                continue
            place, bounds = _HISTOGRAMS[name]
            buckets = before[place : place + len(bounds) + 1]
            edge = best_edge(bounds, buckets) if buckets[-1] >= ENOUGH_TO_CHOOSE else None
            if edge is not None:
                self._edges[metric.name] = edge.bound
                self._comparisons[metric.name] = Comparison.of(metric, edge.slower)

    def _count(self, metric: str, added: list[float]) -> Count | None:
        if metric == ERRORS.name:
            return _errors(added)
        place, bounds = _HISTOGRAMS[next(name for one, name in _LATENCIES if one.name == metric)]
        return beyond(self._edges[metric], bounds, added[place : place + len(bounds) + 1])

    def _side(self, run: ServiceRun, added: list[float]) -> Side:
        serving = [one for pool in run.pools for one in pool.serving]
        if not serving:
            return Side()
        done = added[_COUNTERS[names.FINISHED_REQUESTS]]
        asked = added[_COUNTERS[names.PREFIX_QUERIES]]
        waiting = [one.gauges[1].gauges[1] for one in serving if one.gauges is not None]
        return Side(
            load=done / self._interval / len(serving),
            prompt_tokens=added[_COUNTERS[names.PROMPT_TOKENS]] / done if done else None,
            answer_tokens=added[_COUNTERS[names.GENERATION_TOKENS]] / done if done else None,
            hit_ratio=added[_COUNTERS[names.PREFIX_HITS]] / asked if asked else None,
            queue=sum(waiting) / len(waiting) if waiting else None,
            ready_for=min(self._world.now - one.life.stage.at for one in serving),
        )

    def _decide(self, verdict: MetricVerdict) -> None:
        world, canary = self._world, self._canary.key.name
        bad, total = verdict.canary
        base_bad, base_total = verdict.baseline
        text = (
            f"Canary {canary} is worse than {self._stable.key.name} by {verdict.metric}: "
            f"{bad:.0f} of {total:.0f} requests against {base_bad:.0f} of {base_total:.0f}; "
            "its weight is set to 0"
        )
        world.say(self._group, Said("Warning", "CanaryRolledBack", text))
        world.say(self._canary.service.ref, Said("Warning", "CanaryRolledBack", text))
        world.decide(f"rolled back {self._canary.key.namespace}/{canary}: {verdict.metric}")
        self._roll_back()


def _errors(values: list[float]) -> Count:
    bad = values[_COUNTERS[names.FAILED_REQUESTS]]
    return Count(bad, bad + values[_COUNTERS[names.FINISHED_REQUESTS]])
