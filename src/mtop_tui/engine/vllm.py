"""The metrics page of a simulated vLLM engine: V1 families, their labels and bucket edges.

Holds the families that mtop reads. A page is a flat list of values in the order of `series`, so
that the same translation as for a real page turns it into a sample.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import Final

from mtop_tui.domain.engines import VLLM, Series, translation
from mtop_tui.observations import HistogramLayout, SampleLayout

TTFT_EDGES: Final = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0),
)
TOKEN_EDGES: Final = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
)
REQUEST_EDGES: Final = (
    *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0),
    *(40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0),
)

PREFIX_QUERIES, PREFIX_HITS, PREEMPTIONS, PROMPT_TOKENS, GENERATION_TOKENS = range(5)
STOP, LENGTH, ABORT, ERROR, REPETITION = range(5, 10)
COUNTERS: Final = (
    "vllm:prefix_cache_queries_total",
    "vllm:prefix_cache_hits_total",
    "vllm:num_preemptions_total",
    "vllm:prompt_tokens_total",
    "vllm:generation_tokens_total",
)
REASONS: Final = ("stop", "length", "abort", "error", "repetition")
GAUGES: Final = (
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:kv_cache_usage_perc",
)

TTFT, ITL, E2E, QUEUE_TIME, PREFILL_TIME, DECODE_TIME = range(6)
HISTOGRAMS: Final = (
    ("vllm:time_to_first_token_seconds", TTFT_EDGES),
    ("vllm:inter_token_latency_seconds", TOKEN_EDGES),
    ("vllm:e2e_request_latency_seconds", REQUEST_EDGES),
    ("vllm:request_queue_time_seconds", REQUEST_EDGES),
    ("vllm:request_prefill_time_seconds", REQUEST_EDGES),
    ("vllm:request_decode_time_seconds", REQUEST_EDGES),
)

_EDGES: Final = tuple(edges for _, edges in HISTOGRAMS)


class Page:
    """The values of one engine process, counting from 0 at its start.

    Attributes:
        running, waiting: requests.
        kv_usage: 0 to 1.
        counters: as in `COUNTERS`, then `REASONS`.
        buckets, sums: of each histogram; buckets count what is in them alone.
    """

    __slots__ = ("buckets", "counters", "kv_usage", "running", "sums", "waiting")

    def __init__(self) -> None:
        self.running = 0.0
        self.waiting = 0.0
        self.kv_usage = 0.0
        self.counters = [0.0] * (len(COUNTERS) + len(REASONS))
        self.sums = [0.0] * len(HISTOGRAMS)
        self.buckets = [[0.0] * (len(edges) + 1) for edges in _EDGES]

    def observe(self, histogram: int, value: float, times: float) -> None:
        """Count `times` observations of `value`."""
        self.buckets[histogram][bisect_left(_EDGES[histogram], value)] += times
        self.sums[histogram] += value * times

    def values(self) -> list[float]:
        """All series in the order of `series`."""
        values = [self.running, self.waiting, self.kv_usage, *self.counters]
        for buckets, total in zip(self.buckets, self.sums, strict=True):
            values += accumulate(buckets)
            values.append(values[-1])
            values.append(total)
        return values


def series(model_name: str) -> tuple[Series, ...]:
    """The series of a page, with the labels a single-process engine gives them."""
    labels = (("engine", "0"), ("model_name", model_name))
    page = [Series(name, labels) for name in (*GAUGES, *COUNTERS)]
    page += [
        Series("vllm:request_success_total", (*labels, ("finished_reason", reason)))
        for reason in REASONS
    ]
    for family, edges in HISTOGRAMS:
        page += [
            Series(f"{family}_bucket", (*labels, ("le", edge)))
            for edge in (*map(str, edges), "+Inf")
        ]
        page += [Series(f"{family}_count", labels), Series(f"{family}_sum", labels)]
    return tuple(page)


TRANSLATION: Final = translation(VLLM, series(""))
"""The same for every model: labels that differ between replicas do not matter to it."""

LAYOUT: Final = SampleLayout(
    engine=TRANSLATION.engine,
    counters=TRANSLATION.counters,
    gauges=TRANSLATION.gauges,
    histograms=tuple(HistogramLayout(name, bounds) for name, bounds in TRANSLATION.histograms),
)
"""The one layout all simulated vLLM replicas share."""
