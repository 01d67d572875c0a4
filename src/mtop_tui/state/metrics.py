"""What a service's raw samples come to: rates, quantiles and levels at one time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from mtop_tui.domain import vocabulary as names
from mtop_tui.domain.quantiles import merged, quantile_of
from mtop_tui.state.totals import Member, PoolTotals

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
    counted = _Increases(serving, at)
    first_tokens = _Increases(prefill, at) if prefill else counted
    ttft, at_least = first_tokens.quantile(names.TTFT, TTFT_QUANTILE)
    finished = counted.counter(names.FINISHED_REQUESTS)
    failed = counted.counter(names.FAILED_REQUESTS)
    ended = _known_sum(finished, counted.counter(names.ABORTED_REQUESTS), failed)
    seconds = counted.seconds
    # Disaggregated, both halves may count the same prompts, or only the half that reads them.
    prompts = _larger(
        counted.counter(names.PROMPT_TOKENS), first_tokens.counter(names.PROMPT_TOKENS)
    )
    running = queue = 0.0
    kv_usage = -1.0
    heard = False
    for pool in (*serving, *prefill):
        gauges = pool.index.gauges
        run_at, wait_at = gauges.get(names.RUNNING), gauges.get(names.WAITING)
        kv_at = gauges.get(names.KV_USAGE)
        for member in pool.members.values():
            if member.at < fresh_since:
                continue
            heard = True
            running += _gauge(member, run_at)
            queue += _gauge(member, wait_at)
            kv_usage = max(kv_usage, _gauge(member, kv_at))
    return ServiceMetrics(
        request_rate=ended / seconds,
        prompt_token_rate=prompts / seconds,
        generation_token_rate=counted.counter(names.GENERATION_TOKENS) / seconds,
        ttft_p95=ttft,
        tpot=counted.mean(names.ITL),
        error_ratio=_ratio(failed, finished + failed),
        preemption_rate=counted.counter(names.PREEMPTIONS) / seconds,
        prefix_hit_ratio=_ratio(
            first_tokens.counter(names.PREFIX_HITS), first_tokens.counter(names.PREFIX_QUERIES)
        ),
        running=running if heard else math.nan,
        queue=queue if heard else math.nan,
        kv_usage=kv_usage if kv_usage >= 0 else math.nan,
        ttft_at_least=at_least,
    )


def _gauge(member: Member, index: int | None) -> float:
    return math.nan if index is None else member.gauges[index]


def _known_sum(*parts: float) -> float:
    """The sum of what is exposed; an engine that does not count something else still counts."""
    known = [part for part in parts if not math.isnan(part)]
    return sum(known) if known else math.nan


def _larger(a: float, b: float) -> float:
    return b if math.isnan(a) or b > a else a


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan


class _Increases:
    """Increases over the window of pools taken together; NaN where no pool exposes a name."""

    __slots__ = ("_bases", "_counters", "seconds")

    def __init__(self, pools: list[PoolTotals], at: float) -> None:
        bases = [(pool, pool.base(at, WINDOW)) for pool in pools]
        self._bases = [(pool, base[1]) for pool, base in bases if base is not None]
        self._counters = [
            (pool.index.counters, pool.increases(base, 0, len(pool.index.counters)))
            for pool, base in self._bases
        ]
        starts = [base[0] for _, base in bases if base is not None]
        self.seconds = at - min(starts) if starts else math.nan

    def counter(self, name: str) -> float:
        total = math.nan
        for positions, added in self._counters:
            index = positions.get(name)
            if index is not None:
                total = added[index] if math.isnan(total) else total + added[index]
        return total

    def mean(self, name: str) -> float:
        total = count = 0.0
        for pool, base in self._bases:
            found = pool.index.histograms.get(name)
            if found is not None:
                total += pool.increases(base, found.sum_at, found.sum_at + 1)[0]
                count += pool.increases(base, found.stop - 1, found.stop)[0]
        return _ratio(total, count)

    def quantile(self, name: str, q: float) -> tuple[float, float]:
        """The quantile, and 1.0 when it lies beyond the last bucket (else 0.0)."""
        bounds: tuple[float, ...] = ()
        counts: list[float] = []
        for pool, base in self._bases:
            found = pool.index.histograms.get(name)
            if found is None:
                continue
            added = pool.increases(base, found.start, found.stop)
            if counts:
                bounds, counts = merged(bounds, counts, found.bounds, added)
            else:
                bounds, counts = found.bounds, added
        if not bounds:
            return math.nan, 0.0
        quantile = quantile_of(q, bounds, counts)
        return quantile.value, float(quantile.at_least)
