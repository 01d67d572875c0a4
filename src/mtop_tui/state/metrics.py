"""What a service's raw samples come to: rates, quantiles and levels at one time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mtop_tui.domain import vocabulary as names
from mtop_tui.domain.quantiles import merged, quantile_of
from mtop_tui.observations import PastStep
from mtop_tui.state.totals import COUNTED, LayoutIndex, Member, PoolTotals

WINDOW = 60.0
"""Seconds over which rates and quantiles are taken."""

TTFT_QUANTILE = 0.95


class ServiceMetrics(NamedTuple):
    """Derived figures of one service; NaN where nothing can be said.

    Rates are per second over `WINDOW`, durations seconds, ratios 0 to 1. `ttft_at_least` tells
    that the quantile lies beyond the engine's last bucket. `kv_usage` is that of the fullest
    replica. `tpot` is the mean time per output token, weighted by tokens.
    """

    request_rate: float = math.nan
    prompt_token_rate: float = math.nan
    generation_token_rate: float = math.nan
    ttft_p95: float = math.nan
    tpot: float = math.nan
    error_ratio: float = math.nan
    preemption_rate: float = math.nan
    prefix_hit_ratio: float = math.nan
    running: float = math.nan
    queue: float = math.nan
    kv_usage: float = math.nan
    ttft_at_least: float = 0.0

    @property
    def token_rate(self) -> float:
        """Prompt and generated tokens per second."""
        return self.prompt_token_rate + self.generation_token_rate


NO_METRICS = ServiceMetrics()
SERIES = ServiceMetrics._fields
"""Names of the series kept in history, in order."""


def derive(
    serving: Iterable[PoolTotals], prefill: Iterable[PoolTotals], at: float, fresh_since: float
) -> ServiceMetrics:
    """The figures of a service at the time of its latest sample.

    Args:
        serving: pools that finish requests: the only one, or the decode half.
        prefill: the prefill half, which produces first tokens; empty when not disaggregated.
        at: the time of the latest sample.
        fresh_since: replicas not heard of since then have no say in the levels.
    """
    serving, prefill = list(serving), list(prefill)
    counted = _window(serving, at)
    levels = [
        pool.index.levels(member.gauges)
        for pool in (*serving, *prefill)
        for member in pool.members.values()
        if member.at >= fresh_since
    ]
    return _figures(counted, _window(prefill, at) if prefill else counted, levels)


def figures_of(members: Iterable[Member]) -> ServiceMetrics:
    """The figures of some replicas over the last one to two minutes, as far as they were counted.

    A replica that has restarted since, or was not there, has no say in the rates.
    """
    members = list(members)
    added = []
    longest = math.nan
    for member in members:
        since = member.pool.added_by(member)
        if since is not None:
            seconds, values = since
            longest = seconds if math.isnan(longest) else max(longest, seconds)
            added.append((member.pool.index, values))
    counted = _Increases(added, longest)
    return _figures(counted, counted, [one.pool.index.levels(one.gauges) for one in members])


def past_figures(index: LayoutIndex, step: PastStep) -> ServiceMetrics:
    """The figures of one step of the past."""
    prefill = [one for one in step.pools if one.role == "prefill"]
    serving = [one for one in step.pools if one.role != "prefill"]
    counted, first_tokens = (
        _Increases([(index, [*one.added, math.nan]) for one in pools], step.seconds)
        for pools in (serving, prefill)
    )
    levels = [index.levels(one.gauges) for one in step.pools if one.gauges]
    return _figures(counted, first_tokens if prefill else counted, levels)


def _figures(
    counted: _Increases, first_tokens: _Increases, levels: list[tuple[float, ...]]
) -> ServiceMetrics:
    ttft, at_least = first_tokens.quantile(names.TTFT, TTFT_QUANTILE)
    finished, aborted, failed, prompts, generated, preempted, queries, hits, requests = (
        counted.counters
    )
    seconds = counted.seconds
    if first_tokens is not counted:
        *_, prefill_prompts, _, _, queries, hits, _ = first_tokens.counters
        # Both halves may count the same prompts, or only the half that reads them.
        prompts = _larger(prompts, prefill_prompts)
    # Some engines count requests by how they ended, others all that came.
    ended = requests if math.isnan(finished) else _known_sum(finished, aborted, failed)
    tpot = counted.mean(names.ITL)
    if math.isnan(tpot):
        tpot = counted.mean(names.TPOT)
    running, queue, kv_usage = zip(*levels, strict=True) if levels else NO_LEVELS
    return ServiceMetrics(
        request_rate=ended / seconds,
        prompt_token_rate=prompts / seconds,
        generation_token_rate=generated / seconds,
        ttft_p95=ttft,
        tpot=tpot,
        error_ratio=_ratio(failed, ended - _or_zero(aborted)),
        preemption_rate=preempted / seconds,
        prefix_hit_ratio=_ratio(hits, queries),
        running=sum(running),
        queue=sum(queue),
        kv_usage=_largest(kv_usage),
        ttft_at_least=at_least,
    )


def _known_sum(*parts: float) -> float:
    """The sum of what is exposed; an engine that does not count something else still counts."""
    total = sum(parts)
    if not math.isnan(total):
        return total
    known = [part for part in parts if not math.isnan(part)]
    return sum(known) if known else math.nan


def _largest(values: Sequence[float]) -> float:
    """The largest of what is known."""
    if not math.isnan(sum(values)):
        return max(values)
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _larger(a: float, b: float) -> float:
    return b if math.isnan(a) or b > a else a


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan


NOT_COUNTED = (math.nan,) * len(COUNTED)
NO_LEVELS = ((math.nan,),) * 3


def _window(pools: list[PoolTotals], at: float) -> _Increases:
    """What pools added over the window that ends at a time."""
    added = []
    start = math.inf
    for pool in pools:
        base = pool.base(at, WINDOW)
        if base is not None:
            start = min(start, base[0])
            added.append((pool.index, pool.increases(base[1])))
    return _Increases(added, at - start if added else math.nan)


class _Increases:
    """What was added within so many seconds; NaN where nobody exposes a name."""

    __slots__ = ("_added", "counters", "seconds")

    def __init__(self, added: list[tuple[LayoutIndex, list[float]]], seconds: float) -> None:
        self._added = added
        self.seconds = seconds
        self.counters: tuple[float, ...] = NOT_COUNTED
        for index, values in added:
            counters = index.counted(values)
            if len(added) > 1:
                counters = tuple(map(_known_sum, self.counters, counters))
            self.counters = counters

    def mean(self, name: str) -> float:
        total = count = 0.0
        for index, added in self._added:
            found = index.histograms.get(name)
            if found is not None:
                total += added[found.sum_at]
                count += added[found.stop - 1]
        return _ratio(total, count)

    def quantile(self, name: str, q: float) -> tuple[float, float]:
        """The quantile, and 1.0 when it lies beyond the last bucket (else 0.0)."""
        bounds: tuple[float, ...] = ()
        counts: list[float] = []
        for index, added in self._added:
            found = index.histograms.get(name)
            if found is None:
                continue
            buckets = added[found.start : found.stop]
            if counts:
                bounds, counts = merged(bounds, counts, found.bounds, buckets)
            else:
                bounds, counts = found.bounds, buckets
        if not bounds:
            return math.nan, 0.0
        quantile = quantile_of(q, bounds, counts)
        return quantile.value, float(quantile.at_least)
