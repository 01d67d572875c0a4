"""When a sample stops standing for the present: Prometheus' rule, and mtop's."""

import math
import struct

import pytest

from mtop_tui.domain.staleness import (
    STALE_MARKER,
    Freshness,
    freshness,
    instant_value,
    is_stale_marker,
    stale_after,
)

SERIES = [(0.0, 1.0), (60.0, 2.0), (120.0, 3.0)]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (-1.0, None),
        (0.0, 1.0),
        (59.0, 1.0),
        (60.0, 2.0),
        (119.9, 2.0),
        (419.9, 3.0),
        (420.0, None),
    ],
)
def test_a_query_sees_the_newest_sample_of_the_last_five_minutes(
    at: float, expected: float | None
) -> None:
    assert instant_value(SERIES, at) == expected


def test_a_series_that_ended_is_not_seen_from_its_marker_on() -> None:
    ended = [*SERIES, (180.0, STALE_MARKER)]
    assert instant_value(ended, 179.0) == 3.0
    assert instant_value(ended, 180.0) is None
    assert instant_value([*ended, (240.0, 5.0)], 240.0) == 5.0


def test_a_nan_that_a_server_said_is_a_value() -> None:
    value = instant_value([(0.0, math.nan)], 1.0)
    assert value is not None
    assert math.isnan(value)


def test_nothing_is_seen_of_no_samples() -> None:
    assert instant_value([], 0.0) is None


def test_the_lookback_can_be_another() -> None:
    assert instant_value(SERIES, 130.0, lookback=10.0) is None
    assert instant_value(SERIES, 130.0, lookback=10.1) == 3.0


def test_the_marker_is_the_nan_that_prometheus_writes() -> None:
    assert struct.pack(">d", STALE_MARKER).hex() == "7ff0000000000002"
    assert is_stale_marker(STALE_MARKER)
    assert not is_stale_marker(math.nan)
    assert not is_stale_marker(0.0)


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [
        (1.0, 15.0),
        (5.0, 15.0),
        (10.0, 30.0),
        (60.0, 180.0),
        (None, 15.0),
        (0.0, 15.0),
        (-60.0, 15.0),
        (math.nan, 15.0),
        (math.inf, 15.0),
    ],
)
def test_three_missed_scrapes_make_a_sample_stale(interval: float | None, seconds: float) -> None:
    assert stale_after(interval) == seconds


@pytest.mark.parametrize(
    ("age", "interval", "expected"),
    [
        (0.0, 15.0, Freshness.LIVE),
        (45.0, 15.0, Freshness.LIVE),
        (45.1, 15.0, Freshness.STALE),
        (299.9, 15.0, Freshness.STALE),
        (300.0, 15.0, Freshness.GONE),
        (math.inf, 15.0, Freshness.GONE),
        (359.0, 120.0, Freshness.LIVE),
        (360.1, 120.0, Freshness.GONE),
        (16.0, None, Freshness.STALE),
        (-5.0, 15.0, Freshness.LIVE),
        (None, 15.0, Freshness.GONE),
        (math.nan, 15.0, Freshness.GONE),
    ],
)
def test_a_sample_is_live_then_stale_then_gone(
    age: float | None, interval: float | None, expected: Freshness
) -> None:
    assert freshness(age, interval) is expected
