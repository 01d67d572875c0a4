"""What a user may type to narrow a log, and what is said of what cannot be used."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.views.log_filter import (
    LONGEST_PATTERN,
    FilterError,
    LogFilter,
    parse_pattern,
    parse_range,
)
from mtop_tui.views.log_lines import Level
from mtop_tui.views.time_limit import TakesTooLong, time_limit

NOW = 1_800_000_000.0
"""A Friday, 08:00 UTC."""


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def wants(typed: str, text: str) -> bool:
    pattern = parse_pattern(typed)
    assert pattern is not None
    return pattern.wants(text)


def test_a_pattern_and_its_inverse() -> None:
    assert wants("out of mem", "CUDA Out Of Memory")
    assert not wants("!out of mem", "CUDA out of memory")
    assert wants("!oom", "fine")


def test_a_capital_makes_case_matter() -> None:
    assert wants("cuda", "CUDA error")
    assert not wants("CUDA e", "cuda error")


def test_nothing_typed_is_no_pattern() -> None:
    assert parse_pattern("") is None
    assert parse_pattern("!") is None


def test_json_is_searched_as_it_is_shown() -> None:
    line = '{"msg":"routed","user":"ann"}'
    assert wants("user=ann", line)
    assert not wants('"user"', line)


@pytest.mark.parametrize(
    ("typed", "column"),
    [("(a", 1), ("!(a", 2), ("ab[", 3), ("a**", 3), ("a" * (LONGEST_PATTERN + 1), 201), ("x\\", 2)],
)
def test_what_is_no_pattern_is_named_with_its_column(typed: str, column: int) -> None:
    with pytest.raises(FilterError) as raised:
        parse_pattern(typed)
    assert raised.value.column == column
    assert str(raised.value).startswith(f"column {column}: ")


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_a_pattern_or_an_error(typed: str, text: str) -> None:
    column = 1
    pattern = None
    try:
        pattern = parse_pattern(typed)
    except FilterError as error:
        column = error.column
    assert column >= 1
    if pattern is not None:
        assert all(0 <= first < last <= len(text) for first, last in pattern.spans(text))
        try:
            with time_limit():
                pattern.wants(text)
        except TakesTooLong:
            pass


@pytest.mark.parametrize("typed", ["(a+)+$", "(a|aa)+$", ".*.*.*.*.*=x"])
def test_a_search_without_end_is_ended(typed: str) -> None:
    pattern = parse_pattern(typed)
    assert pattern is not None
    text = "a" * 4000 + "b"
    with pytest.raises(TakesTooLong), time_limit(0.02):
        pattern.wants(text)
    assert pattern.spans("a" * 60 + "b") in ([], [(0, 60)])


def test_the_time_limit_leaves_nothing_behind() -> None:
    import signal

    before = signal.getsignal(signal.SIGVTALRM)
    with time_limit():
        assert re.search("a", "ba")
    assert signal.getsignal(signal.SIGVTALRM) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_a_match_is_marked_and_an_inverse_one_is_not() -> None:
    pattern, inverse = parse_pattern("b+"), parse_pattern("!b+")
    assert pattern is not None
    assert inverse is not None
    assert pattern.spans("abbab") == [(1, 3), (4, 5)]
    assert inverse.spans("abbab") == []
    empty = parse_pattern("x*")
    assert empty is not None
    assert empty.spans("abc") == []


def ago(seconds: float) -> float:
    return NOW - seconds


@pytest.mark.parametrize(
    ("typed", "since", "until"),
    [
        ("", None, None),
        ("15m", ago(900), None),
        ("-15m", ago(900), None),
        ("1h..30m", ago(3600), ago(1800)),
        ("..30m", None, ago(1800)),
        ("07:45", ago(900), None),
        ("07:45:30..07:50", ago(870), ago(600)),
        (" 07:45 .. 07:50 ", ago(900), ago(600)),
        ("09:00", ago(23 * 3600), None),
        ("2027-01-14 08:00..2027-01-15T07:00", ago(86_400), ago(3600)),
    ],
)
def test_time_ranges(typed: str, since: float | None, until: float | None) -> None:
    found = parse_range(typed, NOW)
    assert (found.since, found.until) == (since, until)


@pytest.mark.parametrize(
    ("typed", "column"),
    [("soon", 1), ("  soon", 3), ("15m..x", 6), ("25:00", 1), ("30m..1h", 6), ("15", 1), ("1y", 1)],
)
def test_what_is_no_range_is_named_with_its_column(typed: str, column: int) -> None:
    with pytest.raises(FilterError) as raised:
        parse_range(typed, NOW)
    assert raised.value.column == column


@given(st.text(alphabet="0123456789:-. Thmsd", max_size=24))
def test_any_text_is_a_range_or_an_error(typed: str) -> None:
    found, column = None, 1
    try:
        found = parse_range(typed, NOW)
    except FilterError as error:
        column = error.column
    assert 1 <= column <= len(typed) + 1
    if found is not None and found.since is not None and found.until is not None:
        assert found.since < found.until


def test_levels_and_times_make_candidates() -> None:
    wanted = LogFilter(level=Level.WARN, since=10.0, until=20.0)
    assert wanted.is_candidate(10.0, Level.ERROR)
    assert not wanted.is_candidate(20.0, Level.ERROR)
    assert not wanted.is_candidate(9.0, Level.ERROR)
    assert not wanted.is_candidate(15.0, Level.UNKNOWN)
    assert LogFilter(level=Level.INFO).is_candidate(0.0, Level.UNKNOWN)
    assert not LogFilter(level=Level.INFO).is_candidate(0.0, Level.DEBUG)
    assert LogFilter().is_open
    assert not LogFilter(until=5.0).is_open
