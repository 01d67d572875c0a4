"""How KV caches get from the prefill to the decode half of a service, as its engines count it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mtop_tui.domain import vocabulary as names
from mtop_tui.state.metrics import WINDOW
from mtop_tui.state.service import ServiceState
from mtop_tui.state.totals import PoolTotals

_MINUTE = 60.0
_BASELINE, _RECENT = 60, 5
"""A baseline is of the minutes of the last hour without the last ones."""


class Transfers(NamedTuple):
    """Mean seconds of a transfer, in the last two full minutes and before; failed ones per second.

    None where no engine says, nothing was transferred, or there is no past to compare with.
    """

    time: float | None = None
    baseline: float | None = None
    failure_rate: float | None = None


def transfers(state: ServiceState, now: float) -> Transfers:
    """What is known of a service's transfers at a time (Unix seconds)."""
    pools = [
        pool
        for pool in state.pools(prefill=False)
        if names.KV_TRANSFER_TIME in pool.index.histograms
    ]
    last = int(now // _MINUTE) - 1
    return Transfers(
        _mean(pools, last - 1, last),
        _mean(pools, last - _BASELINE + 1, last - _RECENT),
        _failures(pools, state.last_at or now),
    )


def _mean(pools: Iterable[PoolTotals], first: int, last: int) -> float | None:
    seconds = count = 0.0
    for pool in pools:
        added = pool.minutes.total(first, last)
        found = pool.index.histograms[names.KV_TRANSFER_TIME]
        seconds += added[found.sum_at]
        count += added[found.stop - 1]
    return seconds / count if count > 0 else None


def _failures(pools: Iterable[PoolTotals], at: float) -> float | None:
    rates = []
    for pool in pools:
        base, place = pool.base(at, WINDOW), pool.index.counters.get(names.KV_TRANSFER_FAILURES)
        if base is not None and place is not None:
            rates.append(pool.increases(base[1])[place] / (at - base[0]))
    return sum(rates) if rates else None
