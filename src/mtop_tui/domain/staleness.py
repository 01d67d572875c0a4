"""How long a sample may be taken for the present.

Sources: Prometheus staleness (docs/querying/basics.md, "Staleness"; model/value, `StaleNaN`).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from enum import Enum

LOOKBACK = 300.0
"""Seconds for which Prometheus goes on using a sample that nothing followed."""

SHORTEST_STALE = 15.0
STALE_ROUNDS = 3.0
"""A sample is stale after this many scrape intervals, but not before SHORTEST_STALE seconds."""

STALE_MARKER: float = struct.unpack(">d", bytes.fromhex("7ff0000000000002"))[0]
"""The NaN that Prometheus writes when a series ends; only its bits tell it from any other NaN."""

_MARKER_BITS = struct.pack(">d", STALE_MARKER)


class Freshness(Enum):
    """Whether a value can stand for now (live), only for back then (stale), or for nothing."""

    LIVE = "live"
    STALE = "stale"
    GONE = "gone"


def is_stale_marker(value: float) -> bool:
    """Whether this NaN says that the series ended, rather than that a value is not a number."""
    return math.isnan(value) and struct.pack(">d", value) == _MARKER_BITS


def instant_value(
    samples: Sequence[tuple[float, float]], at: float, lookback: float = LOOKBACK
) -> float | None:
    """What a Prometheus query at the time `at` sees of a series.

    The value of the newest sample in (at - lookback, at].

    Args:
        samples: `(time, value)`, oldest first, times in seconds.
        at: the time of the query, seconds.
        lookback: seconds.

    Returns:
        None if there is no such sample, or if it is the stale marker. NaN only if the server
        itself said NaN.
    """
    for time, value in reversed(samples):
        if time <= at:
            known = time > at - lookback and not is_stale_marker(value)
            return value if known else None
    return None


def stale_after(interval: float | None) -> float:
    """Seconds after which a sample scraped every `interval` seconds is stale.

    An interval that is unknown or not above 0 gives the shortest time.
    """
    rounds = STALE_ROUNDS * interval if interval is not None and math.isfinite(interval) else 0.0
    return max(SHORTEST_STALE, rounds)


def freshness(age: float | None, interval: float | None) -> Freshness:
    """Whether a sample `age` seconds old, scraped every `interval` seconds, is live, stale or gone.

    Live while at most STALE_ROUNDS scrapes can have been missed, gone when Prometheus would not
    show it any more, stale in between; with an interval so long that live outlasts Prometheus'
    lookback, never stale. An age below 0 is a clock that went back: such a sample is the newest
    there is, so it is live. None and NaN: there was no sample.
    """
    if age is None or math.isnan(age):
        return Freshness.GONE
    if age <= stale_after(interval):
        return Freshness.LIVE
    return Freshness.STALE if age < LOOKBACK else Freshness.GONE
