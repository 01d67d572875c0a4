"""Counts what happens in an engine into its metrics page, and rates of it for its log."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import fsum

import msgspec

from mtop_tui.engine import vllm

_LENGTH_SHARE, _ABORT_SHARE = 0.08, 0.002


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
        prompt, generated, hits = now = (
            counters[vllm.PROMPT_TOKENS],
            counters[vllm.GENERATION_TOKENS],
            counters[vllm.PREFIX_HITS],
        )
        before = self._seen
        elapsed = max(at - self._at, 1e-9)
        self._at, self._seen = at, now
        read = prompt - before[0]
        return ReplicaStats(
            running=int(page.running),
            waiting=int(page.waiting),
            kv_usage=page.kv_usage,
            prompt_rate=read / elapsed,
            generation_rate=(generated - before[1]) / elapsed,
            prefix_hit_rate=(hits - before[2]) / read if read else 0.0,
        )


class Latencies:
    """Latencies of requests that the page does not count yet, in seconds.

    Finding a bucket costs more than noting a number, and far less when many are found at once
    than when a page that was not touched for a while is fetched for each.

    Args:
        owed: what is left over of answers ended by their length, and of those aborted, 0 to 1.

    Attributes:
        of_started: of each request that got its first token, one after the other: how long it
            waited, and how long it was read.
        of_ended: of each that got its last token: since it came, and since its first token.
    """

    __slots__ = ("_owed_abort", "_owed_length", "of_ended", "of_started")

    def __init__(self, owed: tuple[float, float]) -> None:
        self._owed_length, self._owed_abort = owed
        self.of_started: list[float] = []
        self.of_ended: list[float] = []

    def count(self, page: vllm.Page, added: float) -> None:
        """Count all into the page; first tokens come `added` seconds later."""
        if self.of_started:
            _count_started(page, self.of_started, added)
            self.of_started.clear()
        if self.of_ended:
            self._count_ended(page)
            self.of_ended.clear()

    def _count_ended(self, page: vllm.Page) -> None:
        totals, decodings = self.of_ended[::2], self.of_ended[1::2]
        _count(page, vllm.E2E, vllm.REQUEST_EDGES, totals)
        _count(page, vllm.DECODE_TIME, vllm.REQUEST_EDGES, decodings)
        counters, ended = page.counters, len(totals)
        self._owed_length += _LENGTH_SHARE * ended
        self._owed_abort += _ABORT_SHARE * ended
        by_length = int(self._owed_length)
        aborted = min(int(self._owed_abort), ended - by_length)
        self._owed_length -= by_length
        self._owed_abort -= aborted
        counters[vllm.LENGTH] += by_length
        counters[vllm.ABORT] += aborted
        counters[vllm.STOP] += ended - by_length - aborted


def _count_started(page: vllm.Page, values: list[float], added: float) -> None:
    waits, readings = values[::2], values[1::2]
    totals = [wait + reading + added for wait, reading in zip(waits, readings, strict=True)]
    _count(page, vllm.TTFT, vllm.TTFT_EDGES, totals)
    _count(page, vllm.QUEUE_TIME, vllm.REQUEST_EDGES, waits)
    _count(page, vllm.PREFILL_TIME, vllm.REQUEST_EDGES, readings)


def _count(page: vllm.Page, histogram: int, edges: tuple[float, ...], values: list[float]) -> None:
    # Exact, so that no version of Python adds them up otherwise.
    page.sums[histogram] += fsum(values)
    buckets = page.buckets[histogram]
    values.sort()
    seen, count = 0, len(values)
    low = bisect_left(edges, values[0])
    while seen < count:
        upto = bisect_right(values, edges[low], seen) if low < len(edges) else count
        buckets[low] += upto - seen
        seen, low = upto, low + 1


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
