"""KV caches on their way from prefill to decode: how long they take, and what vLLM counts of them.

vLLM's NIXL connector counts on the decode half, which fetches: families, bucket edges and labels
are those of its `NixlPromMetrics` (Apache-2.0, vLLM 0.11 to 0.25).
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import Final

from mtop_tui.domain.engines import VLLM, Series, translation
from mtop_tui.engine import vllm
from mtop_tui.observations import HistogramLayout, SampleLayout

LINK: Final = 40e9
"""Bytes per second that one replica sends to another: 400 Gbit/s of RDMA, less a fifth. Assumed; it
makes 8 us per token of a 70B model."""

SETUP: Final = 2e-3
"""Seconds until a transfer begins: finding the blocks and posting the reads. Assumed."""

EDGES: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 5.0)

_TIME = "vllm:nixl_xfer_time_seconds"


def transfer_seconds(tokens: int, bytes_per_token: float, link: float) -> float:
    """How long the KV cache of so many tokens takes over that share of a link."""
    return SETUP + tokens * bytes_per_token / (LINK * max(link, 1e-6))


class Transfers:
    """What one decode replica has fetched since its process began."""

    __slots__ = ("buckets", "failed", "seconds")

    def __init__(self) -> None:
        self.failed = 0.0
        self.seconds = 0.0
        self.buckets = [0.0] * (len(EDGES) + 1)

    def arrived(self, seconds: float) -> None:
        """A KV cache has been fetched, which took so long."""
        self.buckets[bisect_left(EDGES, seconds)] += 1
        self.seconds += seconds

    def values(self) -> list[float]:
        """All series, in the order in which they follow those of a page."""
        counts = list(accumulate(self.buckets))
        return [self.failed, 0.0, *counts, counts[-1], self.seconds]


def _series() -> tuple[Series, ...]:
    labels = (("engine", "0"), ("model_name", ""))
    edges = (*map(str, EDGES), "+Inf")
    return (
        Series("vllm:nixl_num_failed_transfers_total", labels),
        Series("vllm:nixl_num_kv_expired_reqs_total", labels),
        *(Series(f"{_TIME}_bucket", (*labels, ("le", edge))) for edge in edges),
        Series(f"{_TIME}_count", labels),
        Series(f"{_TIME}_sum", labels),
    )


TRANSLATION: Final = translation(VLLM, (*vllm.series(""), *_series()))

LAYOUT: Final = SampleLayout(
    engine=TRANSLATION.engine,
    counters=TRANSLATION.counters,
    gauges=TRANSLATION.gauges,
    histograms=tuple(HistogramLayout(name, bounds) for name, bounds in TRANSLATION.histograms),
)
"""The layout of simulated vLLM replicas that fetch KV caches."""
