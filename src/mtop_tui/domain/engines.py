"""What each engine calls the things mtop measures, and the translation into neutral names.

An engine's `/metrics` page is a list of series in a fixed order. `translation` looks at those
series once and compiles how their values become the counters, gauges and histograms of
`domain.vocabulary`; after that one sample costs a few microseconds. What an engine does not expose
is absent from the result, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal, NamedTuple

from mtop_tui.domain import vocabulary as neutral

Combine = Literal["sum", "max"]
Picker = Callable[[Sequence[float]], tuple[float, ...]]


class Series(NamedTuple):
    """One line of a metrics page without its value: a name and its labels."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()

    def label(self, name: str) -> str | None:
        """The value of a label, or None."""
        return next((value for key, value in self.labels if key == name), None)


@dataclass(frozen=True, slots=True)
class Match:
    """Series of one name, of which `label` (if given) has one of `values`; several add up.

    `combine` says how the series of several data-parallel ranks (label `engine`) become one:
    loads add up, a usage is that of the fullest rank.
    """

    name: str
    label: str | None = None
    values: tuple[str, ...] = ()
    combine: Combine = "sum"

    def fits(self, series: Series) -> bool:
        """Whether a series is one of these."""
        if series.name != self.name:
            return False
        return self.label is None or series.label(self.label) in self.values


@dataclass(frozen=True, slots=True)
class Engine:
    """What one engine calls the neutral counters, gauges and histogram families."""

    name: str
    counters: Mapping[str, Match]
    gauges: Mapping[str, Match]
    histograms: Mapping[str, str]


def _ended(*reasons: str) -> Match:
    return Match("vllm:request_success_total", "finished_reason", reasons)


VLLM = Engine(
    name="vllm",
    counters={
        neutral.FINISHED_REQUESTS: _ended("stop", "length", "repetition"),
        neutral.ABORTED_REQUESTS: _ended("abort"),
        neutral.FAILED_REQUESTS: _ended("error"),
        neutral.PROMPT_TOKENS: Match("vllm:prompt_tokens_total"),
        neutral.GENERATION_TOKENS: Match("vllm:generation_tokens_total"),
        neutral.PREEMPTIONS: Match("vllm:num_preemptions_total"),
        neutral.PREFIX_QUERIES: Match("vllm:prefix_cache_queries_total"),
        neutral.PREFIX_HITS: Match("vllm:prefix_cache_hits_total"),
    },
    gauges={
        neutral.RUNNING: Match("vllm:num_requests_running"),
        neutral.WAITING: Match("vllm:num_requests_waiting"),
        neutral.KV_USAGE: Match("vllm:kv_cache_usage_perc", combine="max"),
    },
    histograms={
        neutral.TTFT: "vllm:time_to_first_token_seconds",
        neutral.ITL: "vllm:inter_token_latency_seconds",
        neutral.E2E: "vllm:e2e_request_latency_seconds",
        neutral.QUEUE_TIME: "vllm:request_queue_time_seconds",
        neutral.PREFILL_TIME: "vllm:request_prefill_time_seconds",
        neutral.DECODE_TIME: "vllm:request_decode_time_seconds",
    },
)
"""vLLM's V1 engine, 0.11 and later. Names as in vLLM's metrics page; `_perc` is a ratio 0 to 1."""

ENGINES = (VLLM,)


def recognise(series: Sequence[Series]) -> Engine | None:
    """The engine whose names occur among the series, or None."""
    names = {one.name for one in series}
    for engine in ENGINES:
        if any(match.name in names for match in engine.gauges.values()):
            return engine
    return None


class _Source(NamedTuple):
    """Which values make one output value, and how."""

    indices: tuple[int, ...]
    combine: Combine = "sum"


class Translation:
    """Turns the values of one series list, in its order, into neutral flat tuples.

    Attributes:
        engine: name of the engine.
        counters: neutral counters, in the order of `cumulative`.
        gauges: neutral gauges, in the order of `gauge_values`.
        histograms: neutral name and finite upper bounds of each histogram.
    """

    def __init__(
        self,
        engine: str,
        counters: Mapping[str, _Source],
        gauges: Mapping[str, _Source],
        histograms: Mapping[str, tuple[tuple[float, ...], tuple[_Source, ...]]],
        width: int,
    ) -> None:
        self.engine = engine
        self.counters = tuple(counters)
        self.gauges = tuple(gauges)
        self.histograms = tuple((name, bounds) for name, (bounds, _) in histograms.items())
        self._cumulative = _compile(
            [*counters.values(), *(one for _, sources in histograms.values() for one in sources)],
            width,
        )
        self._gauges = _compile(list(gauges.values()), width)

    def cumulative(self, values: Sequence[float]) -> tuple[float, ...]:
        """The counters, then each histogram's sum, finite buckets and +Inf bucket."""
        return self._cumulative(values)

    def gauge_values(self, values: Sequence[float]) -> tuple[float, ...]:
        """The gauges."""
        return self._gauges(values)


def translation(engine: Engine, series: Sequence[Series]) -> Translation:
    """Compile how the values of `series` become neutral ones.

    Histograms of several data-parallel ranks are merged on the bucket edges they share. A family
    without its sum or its count is left out, since no mean or quantile of it would be right.
    """
    histograms: dict[str, tuple[tuple[float, ...], tuple[_Source, ...]]] = {}
    by_name: dict[str, list[int]] = {}
    for index, one in enumerate(series):
        by_name.setdefault(one.name, []).append(index)
    for name, family in engine.histograms.items():
        found = _histogram(family, series, by_name)
        if found:
            histograms[name] = found
    return Translation(
        engine.name,
        _matched(engine.counters, series, by_name),
        _matched(engine.gauges, series, by_name),
        histograms,
        len(series),
    )


def _matched(
    matches: Mapping[str, Match], series: Sequence[Series], by_name: Mapping[str, list[int]]
) -> dict[str, _Source]:
    sources = {}
    for name, match in matches.items():
        fitting = [index for index in by_name.get(match.name, ()) if match.fits(series[index])]
        if fitting:
            sources[name] = _Source(tuple(fitting), match.combine)
    return sources


def _histogram(
    family: str, series: Sequence[Series], by_name: Mapping[str, list[int]]
) -> tuple[tuple[float, ...], tuple[_Source, ...]] | None:
    sums = by_name.get(f"{family}_sum", [])
    counts = by_name.get(f"{family}_count", [])
    buckets: dict[float, list[int]] = {}
    for index in by_name.get(f"{family}_bucket", ()):
        edge = series[index].label("le")
        if edge is not None:
            buckets.setdefault(float(edge), []).append(index)
    if not sums or not counts:
        return None
    bounds = tuple(
        edge
        for edge in sorted(buckets)
        if math.isfinite(edge) and len(buckets[edge]) == len(counts)
    )
    return bounds, (
        _Source(tuple(sums)),
        *(_Source(tuple(buckets[edge])) for edge in bounds),
        _Source(tuple(counts)),
    )


def _compile(sources: Sequence[_Source], width: int) -> Picker:
    # Combined values are appended behind the raw ones, so that one itemgetter, which runs in C,
    # picks everything in one go.
    combined: list[tuple[Picker, Callable[[tuple[float, ...]], float]]] = []
    positions: list[int] = []
    for source in sources:
        if len(source.indices) == 1:
            positions.append(source.indices[0])
        else:
            positions.append(width + len(combined))
            reduce: Callable[[tuple[float, ...]], float] = sum if source.combine == "sum" else max
            combined.append((itemgetter(*source.indices), reduce))
    if not positions:
        return lambda _values: ()
    pick: Picker = itemgetter(*positions, positions[0])

    def picked(values: Sequence[float]) -> tuple[float, ...]:
        extra = [reduce(part(values)) for part, reduce in combined]
        return pick([*values, *extra])[:-1]

    return picked
