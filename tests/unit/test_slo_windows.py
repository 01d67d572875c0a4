"""Windows of objectives, rolling and by the calendar, and when a budget ends, in words."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slo_times import BERLIN, JANUARY, MONTH, local, naive

from mtop_tui.domain.quantiles import Bounds
from mtop_tui.domain.slo.grammar import (
    objective_text,
)
from mtop_tui.domain.slo.objectives import (
    Indicator,
    Kind,
    Objective,
)
from mtop_tui.domain.slo.periods import (
    DAY,
    HOUR,
    CalendarWindow,
    PeriodError,
    RollingWindow,
    duration_text,
    parse_calendar_length,
    parse_duration,
    zone_of,
)
from mtop_tui.domain.slo.words import budget_end, moment, spent_in


@pytest.mark.parametrize(
    ("text", "seconds"), [("5m", 300), ("1h", 3600), ("30d", MONTH), ("2w", 14 * DAY), ("9s", 9)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0m", "1M", "1.5h", "-1d", "h", "1 d", "01d", "9" * 12 + "d"])
def test_durations_that_are_none(text: str) -> None:
    with pytest.raises(PeriodError, match="whole number above 0"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(MONTH, "30d"), (36 * HOUR, "36h"), (90, "90s"), (300, "5m"), (0.5, "0.5s")],
)
def test_durations_are_written_in_the_largest_unit(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize("seconds", [0, -1, 400 * DAY, math.nan])
def test_rolling_windows_have_a_length(seconds: float) -> None:
    with pytest.raises(PeriodError, match="above 0"):
        RollingWindow(seconds)


def test_a_rolling_window_ends_now() -> None:
    span = RollingWindow(DAY).span_at(1_000_000.0)
    assert span == (1_000_000.0 - DAY, 1_000_000.0)
    assert span.seconds == DAY


def test_calendar_lengths() -> None:
    assert parse_calendar_length("3M") == (3, "M")
    with pytest.raises(PeriodError, match="M, Q or Y"):
        parse_calendar_length("1h")


@pytest.mark.parametrize(
    ("length", "start", "now", "expected"),
    [
        ("1M", (2026, 1, 1), (2026, 2, 14), [(2026, 2, 1), (2026, 3, 1)]),
        ("1M", (2026, 1, 31), (2026, 2, 14), [(2026, 1, 31), (2026, 2, 28)]),
        ("1M", (2026, 1, 31), (2026, 3, 30), [(2026, 2, 28), (2026, 3, 31)]),
        ("1Q", (2026, 1, 1), (2026, 12, 31), [(2026, 10, 1), (2027, 1, 1)]),
        ("2M", (2025, 12, 15), (2026, 2, 14), [(2025, 12, 15), (2026, 2, 15)]),
        ("1Y", (2024, 2, 29), (2026, 2, 28), [(2026, 2, 28), (2027, 2, 28)]),
        ("1w", (2026, 1, 5), (2026, 3, 29), [(2026, 3, 23), (2026, 3, 30)]),
        ("1d", (2026, 1, 1), (2026, 10, 25), [(2026, 10, 25), (2026, 10, 26)]),
        ("3d", (2026, 1, 1), (2026, 1, 9), [(2026, 1, 7), (2026, 1, 10)]),
        ("2w", (2026, 1, 5), (2026, 1, 22), [(2026, 1, 19), (2026, 2, 2)]),
        ("1M", (2026, 5, 1), (2026, 2, 14), [(2026, 2, 1), (2026, 3, 1)]),
    ],
)
def test_calendar_periods(length: str, start: Any, now: Any, expected: Any) -> None:
    window = CalendarWindow(*parse_calendar_length(length), naive(*start), BERLIN)
    span = window.span_at(local(BERLIN, *now, 12))
    assert list(span) == [local(BERLIN, *border) for border in expected]


def test_a_day_of_the_clock_change_has_25_hours() -> None:
    window = CalendarWindow(1, "d", JANUARY, BERLIN)
    assert window.span_at(local(BERLIN, 2026, 10, 25, 12)).seconds == 25 * HOUR


def test_an_hour_that_comes_twice_belongs_to_the_day_begun_in_its_first() -> None:
    window = CalendarWindow(1, "d", datetime.fromisoformat("2026-01-01 02:30"), BERLIN)
    first = local(BERLIN, 2026, 10, 25, 2, 30)
    assert window.span_at(first + 40 * 60).start == first


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "America/New_York", "Asia/Tokyo"])
def test_a_month_begins_at_the_midnight_of_its_zone(zone: str) -> None:
    window = CalendarWindow(1, "M", naive(2026, 1, 15), zone)
    border = local(zone, 2026, 2, 15)
    assert window.span_at(border - 1).end == border
    assert window.span_at(border).start == border


@given(
    st.integers(1, 3),
    st.sampled_from(["d", "w", "M", "Q", "Y"]),
    st.datetimes(naive(2020), naive(2030)),
    st.floats(1.6e9, 1.9e9),
    st.sampled_from(["UTC", BERLIN, "America/New_York", "Asia/Kathmandu"]),
)
def test_a_moment_lies_in_its_calendar_period(
    count: int, unit: Any, start: datetime, now: float, zone: str
) -> None:
    window = CalendarWindow(count, unit, start, zone)
    span = window.span_at(now)
    assert span.start <= now < span.end
    assert window.span_at(span.end).start == span.end


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((0, "M", JANUARY, "UTC"), "^expected a calendar window such as 1w, 1M, 1Q or 1Y$"),
        ((1, "h", JANUARY, "UTC"), "^expected a calendar window such as 1w, 1M, 1Q or 1Y$"),
        ((1, "M", datetime(2026, 1, 1, tzinfo=UTC), "UTC"), "without a zone"),
        ((1, "M", JANUARY, "Mars/Base"), "IANA"),
        ((1, "M", JANUARY, "../etc/passwd"), "IANA"),
        ((1, "M", JANUARY, ""), "IANA"),
    ],
)
def test_calendar_windows_that_cannot_be(arguments: Any, said: str) -> None:
    with pytest.raises(PeriodError, match=said):
        CalendarWindow(*arguments)


def test_a_calendar_window_is_named_by_its_length() -> None:
    window = CalendarWindow(3, "M", JANUARY, "UTC")
    assert (
        objective_text(Objective(Indicator(Kind.TTFT, 0.2), 0.99, window)) == "ttft<=200ms@99%/3M"
    )


ZONE = zone_of(BERLIN)

NOW = local(BERLIN, 2026, 11, 21, 13, 0)  # a Saturday


def ends(rate: Bounds | None, left: float = 1.0, remaining: float = MONTH) -> str:
    return budget_end(
        rate, Bounds(left, left), period=MONTH, remaining=remaining, now=NOW, zone=ZONE
    )


def at_pace(hours: float) -> Bounds:
    rate = MONTH / (hours * HOUR)
    return Bounds(rate, rate)


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (2, "at this pace the budget ends 15:00"),
        (73 + 10 / 60, "at this pace the budget ends Tue 14:10"),
        (240, "at this pace the budget ends 1 Dec 13:00"),
        (719, "at this pace the budget ends 21 Dec 12:00"),
        (720, "at this pace the budget lasts"),
        (721, "at this pace the budget lasts"),
    ],
)
def test_the_end_of_the_budget(hours: float, said: str) -> None:
    assert ends(at_pace(hours)) == said


def test_a_calendar_budget_has_to_last_to_the_end_of_its_period() -> None:
    assert ends(at_pace(48), remaining=47 * HOUR) == "at this pace the budget lasts"
    assert ends(at_pace(48), remaining=49 * HOUR) == "at this pace the budget ends Mon 13:00"


def test_half_a_budget_ends_in_half_the_time() -> None:
    assert ends(at_pace(4), left=0.5) == "at this pace the budget ends 15:00"


def test_where_the_buckets_cannot_tell_so_do_the_words() -> None:
    slow, fast = at_pace(48).low, at_pace(24).low
    assert ends(Bounds(slow, fast)) == (
        "at this pace the budget ends between Sun 13:00 and Mon 13:00"
    )
    for last in (0.0, at_pace(720).low):
        assert ends(Bounds(last, fast)) == "at this pace the budget may end Sun 13:00, or last"


def test_no_errors_no_traffic_and_no_budget() -> None:
    assert ends(Bounds(0, 0)) == "at this pace the budget lasts"
    assert ends(None) == "no traffic, so the pace is unknown"
    assert ends(None, left=0) == "the budget is spent"
    assert ends(Bounds(9, 9), left=-0.2) == "the budget is spent"


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (Bounds(22.32, 22.32), "last hour spent 3.1 %"),
        (Bounds(0.72, 7.2), "last hour spent 0.1 to 1.0 %"),
        (Bounds(0, 0), "last hour spent 0 %"),
        (Bounds(360, 360), "last hour spent 50.0 %"),
        (None, "last hour: no traffic"),
    ],
)
def test_what_a_window_spent(rate: Bounds | None, said: str) -> None:
    assert spent_in("last hour", rate, HOUR, MONTH) == said


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (timedelta(hours=1), "14:00"),
        (timedelta(hours=-1), "12:00"),
        (timedelta(hours=11), "Sun 00:00"),
        (timedelta(days=6), "Fri 13:00"),
        (timedelta(days=7), "28 Nov 13:00"),
        (timedelta(days=-1), "20 Nov 13:00"),
        (timedelta(days=60), "20 Jan 2027"),
    ],
)
def test_moments(after: timedelta, said: str) -> None:
    assert moment(NOW + after.total_seconds(), NOW, ZONE) == said
