"""Where the time of a request goes: means over the last minutes, from the engines' histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from mtop_tui.domain import vocabulary as names
from mtop_tui.state.service import ServiceState
from mtop_tui.state.totals import MINUTE, PoolTotals

MINUTES = 5
"""How far back the means look."""


class LatencyPart(NamedTuple):
    """One part of a request's time, in order, and its mean in seconds."""

    name: str
    seconds: float


class Latency(NamedTuple):
    """The mean request of the last minutes; NaN where an engine does not say.

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
    serving, prefill = state.pools(prefill=False), state.pools(prefill=True)
    asked = [(_PREFILL_HALF, prefill), (_DECODE_HALF, serving)] if prefill else [(_WHOLE, serving)]
    parts = tuple(
        LatencyPart(label, mean)
        for wanted, pools in asked
        for label, name in wanted
        if not math.isnan(mean := _mean(pools, name, now))
    )
    return Latency(parts, _mean(serving, names.E2E, now)) if parts else None


def _mean(pools: Sequence[PoolTotals], name: str, now: float) -> float:
    total = count = 0.0
    last = int(now // MINUTE) - 1
    for pool in pools:
        found = pool.index.histograms.get(name)
        if found is not None:
            added = pool.minutes.total(last - MINUTES + 1, last)
            total += added[found.sum_at]
            count += added[found.stop - 1]
    return total / count if count > 0 else math.nan
