"""Counts what happens in an engine into its metrics page, and rates of it for its log."""

from __future__ import annotations

from bisect import bisect_left

import msgspec

from mtop_tui.engine import vllm

_FIRST = vllm.REQUEST_EDGES[0]


class ReplicaStats(msgspec.Struct, frozen=True):
    """What an engine says about itself in its log. Rates are since the last call, per second."""

    running: int
    waiting: int
    kv_usage: float
    prompt_rate: float
    generation_rate: float
    prefix_hit_rate: float


class Meter:
    """Rates of a page's counters between two looks."""

    __slots__ = ("_at", "_seen")

    def __init__(self, at: float) -> None:
        self._at = at
        self._seen = (0.0, 0.0, 0.0)

    def read(self, page: vllm.Page, at: float) -> ReplicaStats:
        """The page's state, with rates since the last look."""
        counters = page.counters
        now = (
            counters[vllm.PROMPT_TOKENS],
            counters[vllm.GENERATION_TOKENS],
            counters[vllm.PREFIX_HITS],
        )
        prompt, generated, hits = (a - b for a, b in zip(now, self._seen, strict=True))
        elapsed = max(at - self._at, 1e-9)
        self._at, self._seen = at, now
        return ReplicaStats(
            running=int(page.running),
            waiting=int(page.waiting),
            kv_usage=page.kv_usage,
            prompt_rate=prompt / elapsed,
            generation_rate=generated / elapsed,
            prefix_hit_rate=hits / prompt if prompt else 0.0,
        )


def first_token(page: vllm.Page, queued: float, reading: float, total: float) -> None:
    """A request got its first token, after waiting and being read. Seconds."""
    buckets, sums, edges = page.buckets, page.sums, vllm.REQUEST_EDGES
    buckets[vllm.TTFT][bisect_left(vllm.TTFT_EDGES, total)] += 1
    sums[vllm.TTFT] += total
    # Most take less than the first edge, and looking for it costs more than counting.
    buckets[vllm.QUEUE_TIME][0 if queued <= _FIRST else bisect_left(edges, queued)] += 1
    sums[vllm.QUEUE_TIME] += queued
    buckets[vllm.PREFILL_TIME][0 if reading <= _FIRST else bisect_left(edges, reading)] += 1
    sums[vllm.PREFILL_TIME] += reading


def last_token(page: vllm.Page, total: float, decoding: float) -> None:
    """A request got its last token. Seconds since it arrived and since its first token."""
    buckets, sums, edges = page.buckets, page.sums, vllm.REQUEST_EDGES
    buckets[vllm.E2E][bisect_left(edges, total)] += 1
    sums[vllm.E2E] += total
    buckets[vllm.DECODE_TIME][bisect_left(edges, decoding)] += 1
    sums[vllm.DECODE_TIME] += decoding


def interval(page: vllm.Page, seconds: float, times: int) -> None:
    """So many requests waited as long for their next token."""
    page.buckets[vllm.ITL][bisect_left(vllm.TOKEN_EDGES, seconds)] += times
    page.sums[vllm.ITL] += seconds * times


def intervals(page: vllm.Page, running: int, first: float, slope: float, count: int) -> None:
    """A run of `count` steps in which all of `running` got a token, each `slope` slower."""
    last = first + slope * (count - 1)
    edges, buckets = vllm.TOKEN_EDGES, page.buckets[vllm.ITL]
    low = bisect_left(edges, first)
    page.sums[vllm.ITL] += running * count * (first + last) * 0.5
    if low == len(edges) or last <= edges[low]:
        buckets[low] += running * count
        return
    seen = 0
    while seen < count:
        upto = count
        if low < len(edges):
            upto = min(count, max(seen, int((edges[low] - first) / slope) + 1))
        buckets[low] += (upto - seen) * running
        seen, low = upto, low + 1
