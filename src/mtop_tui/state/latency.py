"""Where the time of a request goes: means over the last minutes, from the engines' histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from mtop_tui.domain import vocabulary as names
from mtop_tui.state.service import ServiceState
from mtop_tui.state.totals import MINUTE, LayoutIndex, PoolTotals

MINUTES = 5
"""How far back the means look."""


class LatencyPart(NamedTuple):
    """One part of a request's time, in order, and its mean in seconds."""

    name: str
    seconds: float


class Latency(NamedTuple):
    """The mean request of the last minutes; NaN where an engine does not say.

    Of a service in halves no engine counts the whole: each begins when it is handed a request.

    `parts` need not add up to `total`: each is the mean over the requests that have it.
    """

    parts: tuple[LatencyPart, ...]
    total: float


_WHOLE = (
    ("queue", names.QUEUE_TIME),
    ("prefill", names.PREFILL_TIME),
    ("decode", names.DECODE_TIME),
)
_PREFILL_HALF = (("prefill queue", names.QUEUE_TIME), ("prefill", names.PREFILL_TIME))
_DECODE_HALF = (
    ("KV transfer", names.KV_TRANSFER_TIME),
    ("decode queue", names.QUEUE_TIME),
    ("decode", names.DECODE_TIME),
)


def latency_parts(state: ServiceState, now: float) -> Latency | None:
    """How long a request waits and is worked on, in the last whole minutes.

    None while no minute has passed, or when no engine of the service counts these times.
    """
    serving = _added(state.pools(prefill=False), now)
    prefill = _added(state.pools(prefill=True), now)
    asked = [(_PREFILL_HALF, prefill), (_DECODE_HALF, serving)] if prefill else [(_WHOLE, serving)]
    parts = tuple(
        LatencyPart(label, mean)
        for wanted, added in asked
        for label, name in wanted
        if not math.isnan(mean := _mean(added, name))
    )
    total = math.nan if prefill else _mean(serving, names.E2E)
    return Latency(parts, total) if parts else None


def request_time(state: ServiceState) -> float:
    """Mean seconds of a request from arrival to last token, over the last one to two minutes.

    NaN where no engine counts it, as of a service in halves.
    """
    if state.pools(prefill=True):
        return math.nan
    return _mean(_lately(state.pools(prefill=False)), names.E2E)


class FirstToken(NamedTuple):
    """Mean time to first token of the last one to two minutes, and what of it the engine knows.

    Seconds; NaN where an engine does not say.
    """

    ttft: float
    queue: float
    prefill: float


def first_token(state: ServiceState) -> FirstToken:
    """Where the time to the first token goes, up to now."""
    pools = state.pools(prefill=True) or state.pools(prefill=False)
    added = _lately(pools)
    return FirstToken(
        *(_mean(added, name) for name in (names.TTFT, names.QUEUE_TIME, names.PREFILL_TIME))
    )


_Added = Sequence[tuple[LayoutIndex, Sequence[float]]]


def _added(pools: Sequence[PoolTotals], now: float) -> _Added:
    last = int(now // MINUTE) - 1
    return [(pool.index, pool.minutes.total(last - MINUTES + 1, last)) for pool in pools]


def _lately(pools: Sequence[PoolTotals]) -> _Added:
    return [
        (pool.index, values) for pool in pools if (values := pool.added_since_minute()) is not None
    ]


def _mean(pools: _Added, name: str) -> float:
    total = count = 0.0
    for index, added in pools:
        found = index.histograms.get(name)
        if found is not None:
            total += added[found.sum_at]
            count += added[found.stop - 1]
    return total / count if count > 0 else math.nan
