"""Objectives: what may be promised, over which time, in which words, and from where."""

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain import vocabulary
from mtop_tui.domain.quantiles import Bounds
from mtop_tui.domain.slo.grammar import (
    MAX_LENGTH,
    GrammarError,
    indicator_text,
    objective_text,
    parse_objectives,
    percent_text,
    ratio_of_percent,
)
from mtop_tui.domain.slo.objectives import (
    LATENCIES,
    MINUTE_SLICES,
    Budgeting,
    Indicator,
    Kind,
    Method,
    Objective,
    ObjectiveError,
    Origin,
    objectives_for,
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

SETTINGS = Origin("settings")
MONTH = 30 * DAY


def naive(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day)  # noqa: DTZ001 - a local time, its zone stands beside it


JANUARY = naive(2026)


def parse(text: str) -> tuple[Objective, ...]:
    return parse_objectives(text, SETTINGS)


# --- what may be promised ---------------------------------------------------------------------


def test_every_event_good_is_refused_with_the_reason() -> None:
    with pytest.raises(
        ObjectiveError,
        match=r"^a target of 100 % leaves no error budget, so no burn rate can be computed; "
        r"expected below 100 %, for instance 99\.9 %$",
    ):
        Objective(Indicator(Kind.AVAILABILITY), 1.0)


@pytest.mark.parametrize("target", [0.0, -0.1, 1.1, math.nan])
def test_targets_out_of_range_are_refused(target: float) -> None:
    with pytest.raises(
        ObjectiveError,
        match=f"^expected a target above 0 % and below 100 %, not {100 * target:g} %$",
    ):
        Objective(Indicator(Kind.AVAILABILITY), target)


def test_the_error_budget_is_the_rest() -> None:
    assert Objective(Indicator(Kind.AVAILABILITY), 0.75).error_budget == 0.25


@pytest.mark.parametrize("threshold", [None, 0.0, -1.0, math.inf, math.nan])
@pytest.mark.parametrize("kind", [Kind.TTFT, Kind.TOKENS_PER_SECOND])
def test_thresholds_must_be_above_zero(kind: Kind, threshold: float | None) -> None:
    with pytest.raises(ObjectiveError, match=f"threshold for {kind} above 0"):
        Indicator(kind, threshold)


def test_latencies_are_called_as_their_histograms() -> None:
    assert set(vocabulary.HISTOGRAMS + vocabulary.EXTRA_HISTOGRAMS) >= LATENCIES


def test_availability_has_no_threshold_and_latency_no_aborts() -> None:
    with pytest.raises(ObjectiveError, match=r"^availability has no threshold; leave it out$"):
        Indicator(Kind.AVAILABILITY, 1.0)
    with pytest.raises(ObjectiveError, match=r"^only availability can count aborts; leave it out$"):
        Indicator(Kind.TTFT, 1.0, count_aborts=True)


def test_throughput_is_judged_by_slices() -> None:
    floor = Indicator(Kind.TOKENS_PER_SECOND, 500)
    with pytest.raises(ObjectiveError, match="Timeslices, not Occurrences"):
        Objective(floor, 0.99)
    assert Objective(floor, 0.99, budgeting=MINUTE_SLICES).budgeting.slice_seconds == 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((Method.OCCURRENCES, 60.0), "has no length of a time slice"),
        ((Method.TIMESLICES,), "needs length of a time slice"),
        ((Method.TIMESLICES, 60.0), "needs target of a time slice"),
        ((Method.RATIO_TIMESLICES, 60.0, 0.9), "has no target of a time slice"),
        ((Method.RATIO_TIMESLICES, 0.0), "expected a time slice above 0 seconds"),
        ((Method.RATIO_TIMESLICES, math.inf), "expected a time slice above 0 seconds"),
        (
            (Method.TIMESLICES, 60.0, 0.0),
            "expected a target of a time slice above 0 and at most 1",
        ),
        (
            (Method.TIMESLICES, 60.0, 1.1),
            "expected a target of a time slice above 0 and at most 1",
        ),
    ],
)
def test_slices_that_do_not_fit_the_method(arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ObjectiveError) as caught:
        Budgeting(*arguments)
    assert str(caught.value).endswith(said)
    assert str(caught.value).startswith(("expected", str(arguments[0])))


@pytest.mark.parametrize("seconds", [0.5, 1.0])
def test_slices_and_windows_may_be_short(seconds: float) -> None:
    assert Budgeting(Method.RATIO_TIMESLICES, seconds).slice_seconds == seconds
    assert RollingWindow(seconds).seconds == seconds


# --- where objectives come from ---------------------------------------------------------------


def named(name: str, layer: Any, service: str = "*") -> Objective:
    return Objective(
        Indicator(Kind.AVAILABILITY), 0.99, name=name, service=service, origin=Origin(layer, "f")
    )


FILE = named("from file", "file", "prod/chat")
ANNOTATION = named("from annotation", "annotation")
DEFAULT = named("from settings", "settings")


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ({"file": [FILE], "annotation": [ANNOTATION], "settings": [DEFAULT]}, [FILE]),
        ({"annotation": [ANNOTATION], "settings": [DEFAULT]}, [ANNOTATION]),
        ({"settings": [DEFAULT]}, [DEFAULT]),
        ({}, []),
        ({"file": [named("other", "file", "draw")], "settings": [DEFAULT]}, [DEFAULT]),
    ],
)
def test_the_first_layer_that_names_the_service_wins(
    layers: dict[str, list[Objective]], expected: list[Objective]
) -> None:
    assert list(objectives_for("prod", "chat", **layers)) == expected


@pytest.mark.parametrize(
    ("service", "is_for"), [("*", True), ("chat", True), ("prod/chat", True), ("dev/chat", False)]
)
def test_a_service_is_named_with_or_without_its_namespace(service: str, is_for: bool) -> None:
    assert named("x", "file", service).is_for("prod", "chat") is is_for


def test_the_origin_is_shown() -> None:
    texts = [objective.origin.text for objective in (FILE, ANNOTATION, DEFAULT)]
    assert texts == ["--slo f", "annotation mtop.dev/slo", "settings"]


# --- the text of an objective -----------------------------------------------------------------


def test_several_objectives_in_one_line() -> None:
    ttft, availability, floor = parse(
        " ttft <= 1s @ 99 % / 7d,availability+aborts@99.9%, tokens_per_second>=500@95%"
    )
    assert ttft.indicator == Indicator(Kind.TTFT, 1.0)
    assert ttft.target == 0.99
    assert ttft.window == RollingWindow(7 * DAY)
    assert ttft.name == "ttft<=1s"
    assert availability.indicator == Indicator(Kind.AVAILABILITY, count_aborts=True)
    assert availability.target == 0.999
    assert availability.window == RollingWindow(MONTH)
    assert floor.indicator == Indicator(Kind.TOKENS_PER_SECOND, 500)
    assert floor.budgeting == MINUTE_SLICES


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_blank_text_has_no_objective(text: str) -> None:
    assert parse(text) == ()


@pytest.mark.parametrize(
    ("text", "position", "expected", "found"),
    [
        ("ttf<=1s@99%", 1, "expected one of ttft, tpot, itl, e2e", "'ttf'"),
        ("<=1s@99%", 1, "expected one of ttft", "'<=1s@99%'"),
        ("ttft<1s@99%", 5, "expected `<=` and a threshold", "'<1s@99%'"),
        ("ttft>=1s@99%", 5, "expected `<=`", "'>=1s@99%'"),
        ("tokens_per_second<=5@99%", 18, "expected `>=`", "'<=5@99%'"),
        ("ttft<=fast@99%", 7, "expected a number as threshold", "'fast@99%'"),
        ("ttft<=500@99%", 10, "expected `ms` or `s`", "'@99%'"),
        ("ttft<=5min@99%", 8, "expected `ms` or `s`", "'min'"),
        ("ttft<=0s@99%", 7, "above 0 seconds", ""),
        ("ttft<=1s", 9, "expected `@` and a target", "'the end'"),
        ("ttft<=1s@p99", 10, "expected a target in percent", "'p99'"),
        ("ttft<=1s@0.99", 14, "expected `%`", "'the end'"),
        ("ttft<=1s@ 100%", 11, "leaves no error budget", ""),
        ("ttft<=1s@0%", 10, "above 0 %", ""),
        ("ttft<=1s@99%/month", 14, "expected a window such as", "'month'"),
        ("ttft<=1s@99%/1M", 14, "a unit of s, m, h, d or w", "'1M'"),
        ("ttft<=1s@99%/0d", 14, "above 0", "'0d'"),
        ("ttft<=1s@99%/900d", 14, "at most 366d", "'900d'"),
        ("ttft<=1s@99% itl<=1s@99%", 14, "expected `,` or the end", "'itl<=1s@99%'"),
        ("ttft<=1s@99%,", 14, "expected one of", "'the end'"),
        ("ttft<=1s@99%, ttft<=1000ms@95%", 15, "each indicator once", ""),
        ("availability+errors@99%", 14, "expected `aborts`", "'errors'"),
        ("availability+@99%", 14, "expected `aborts`", "'@99%'"),
        ("x" * (MAX_LENGTH + 1), MAX_LENGTH + 1, "at most", ""),
    ],
)
def test_complaints_name_position_and_expectation(
    text: str, position: int, expected: str, found: str
) -> None:
    with pytest.raises(GrammarError) as caught:
        parse(text)
    assert caught.value.position == position
    said = str(caught.value).removeprefix(f"position {position}: ")
    assert said != str(caught.value)
    assert expected in said
    assert said.startswith("expected") or "error budget" in said
    assert found in str(caught.value)


KINDS = "ttft, tpot, itl, e2e, availability, tokens_per_second"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ttf<=1s@99%", f"position 1: expected one of {KINDS}, not 'ttf'"),
        ("<=1s@99%", f"position 1: expected one of {KINDS}, not '<=1s@99%'"),
        ("ttft<=0s@99%", "position 7: expected a threshold for ttft above 0 seconds, not 0.0"),
        (
            "tokens_per_second>=0@9%",
            "position 20: expected a threshold for tokens_per_second above 0 tokens per second, "
            "not 0.0",
        ),
        ("ttft<=1s@0.99", "position 14: expected `%` after the target, not 'the end'"),
        ("availability+all@9%", "position 14: expected `aborts` after `+`, not 'all'"),
        (
            "ttft<=1s@99% itl<=1000ms@99%",
            "position 14: expected `,` or the end, not 'itl<=1000ms@'",
        ),
    ],
)
def test_a_complaint_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(GrammarError) as caught:
        parse(text)
    assert str(caught.value) == said


def test_a_text_may_be_as_long_as_the_longest() -> None:
    assert len(parse("ttft<=1s@99%".ljust(MAX_LENGTH))) == 1


def test_objectives_of_an_annotation_say_so() -> None:
    (objective,) = parse_objectives("ttft<=1s@99%", Origin("annotation"))
    assert objective.origin == Origin("annotation")


milliseconds = st.integers(1, 10_000_000)
indicators = st.one_of(
    st.builds(
        lambda kind, ms: Indicator(kind, ms / 1000),
        st.sampled_from([Kind.TTFT, Kind.TPOT, Kind.ITL, Kind.E2E]),
        milliseconds,
    ),
    st.builds(lambda aborts: Indicator(Kind.AVAILABILITY, count_aborts=aborts), st.booleans()),
    st.builds(lambda floor: Indicator(Kind.TOKENS_PER_SECOND, floor / 10), milliseconds),
)


@given(indicators, st.integers(1, 99_999), st.integers(1, 366 * 24 * 60))
def test_objectives_read_back_as_they_are_written(
    indicator: Indicator, target: int, minutes: int
) -> None:
    floor = indicator.kind is Kind.TOKENS_PER_SECOND
    objective = Objective(
        indicator,
        target / 100_000,
        RollingWindow(minutes * 60.0),
        MINUTE_SLICES if floor else Budgeting(),
    )
    text = objective_text(objective)
    (read,) = parse(text)
    assert (read.indicator, read.target) == (objective.indicator, objective.target)
    assert (read.window, read.budgeting) == (objective.window, objective.budgeting)
    assert objective_text(read) == text


@given(st.text(max_size=60))
def test_any_text_is_objectives_or_a_complaint(text: str) -> None:
    with suppress(GrammarError):
        assert all(0 < objective.target < 1 for objective in parse(text))


def test_percentages_have_no_rounding_noise() -> None:
    assert ratio_of_percent(99.9) == 0.999
    assert percent_text(0.999) == "99.9%"
    assert percent_text(0.5) == "50%"


def test_large_numbers_keep_their_zeros() -> None:
    assert (
        indicator_text(Indicator(Kind.TOKENS_PER_SECOND, 1e16)) == f"tokens_per_second>=1{'0' * 16}"
    )


# --- windows ----------------------------------------------------------------------------------


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


def local(zone: str, *parts: int) -> float:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp()  # type: ignore[arg-type, misc]


BERLIN = "Europe/Berlin"


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


# --- in words ---------------------------------------------------------------------------------

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
