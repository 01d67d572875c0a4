"""The buffer of a log against a plain sorted list, and the index against a plain filter."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtop_tui.observations import LogLine, LogLines, ObjectRef
from mtop_tui.views import log_buffer
from mtop_tui.views.log_buffer import LogBuffer
from mtop_tui.views.log_filter import LogFilter, parse_pattern
from mtop_tui.views.log_index import LogIndex
from mtop_tui.views.log_lines import Level


def record(pod: str, *lines: tuple[float, str], dropped: int = 0, cut: int = 0) -> LogLines:
    ref = ObjectRef("test", "ns", "Pod", pod, pod)
    told = tuple(LogLine(at, text) for at, text in lines)
    return LogLines(at=0.0, ref=ref, container="main", lines=told, dropped=dropped, cut=cut)


def contents(buffer: LogBuffer) -> list[tuple[float, str]]:
    lines = [buffer.line(number) for number in range(buffer.start, buffer.end)]
    return [(line.at, line.text) for line in lines]


def test_replicas_are_merged_in_time_order() -> None:
    buffer = LogBuffer()
    buffer.add(record("a", (1.0, "a1"), (4.0, "a4")))
    assert buffer.settle() is None
    buffer.add(record("b", (2.0, "b2"), (3.0, "b3"), (5.0, "b5")))
    moved = buffer.settle()
    assert contents(buffer) == [(1, "a1"), (2, "b2"), (3, "b3"), (4, "a4"), (5, "b5")]
    assert moved is not None
    assert moved.first == 1
    assert [moved.number(old) for old in range(6)] == [0, 3, 1, 2, 4, 5]


def test_lines_of_one_moment_stay_in_the_order_they_came() -> None:
    buffer = LogBuffer()
    for pod in "abc":
        buffer.add(record(pod, (1.0, f"{pod}1"), (1.0, f"{pod}2")))
    buffer.settle()
    assert [text for _, text in contents(buffer)] == ["a1", "a2", "b1", "b2", "c1", "c2"]


def test_what_was_lost_let_go_and_cut_is_counted() -> None:
    with patch.object(log_buffer, "UNSETTLED", 0):
        buffer = LogBuffer(most_lines=512)
        for start in range(0, 1024, 128):
            lines = [(float(at), f"line {at}") for at in range(start, start + 128)]
            buffer.add(record("a", *lines, dropped=1, cut=2))
            buffer.settle()
    assert (buffer.start, buffer.end) == (512, 1024)
    assert (buffer.lost, buffer.dropped, buffer.cut) == (8, 520, 16)
    assert buffer.line(512).text == "line 512"
    for number in (511, 1024, -1):
        with pytest.raises(IndexError):
            buffer.line(number)


def test_bytes_are_bounded_too() -> None:
    import random

    draw = random.Random(1)
    buffer = LogBuffer(most_bytes=300_000)
    for at in range(8192):
        buffer.add(record("a", (float(at), f"{draw.getrandbits(1600):x}")))
        buffer.settle()
    assert buffer.nbytes <= 300_000
    assert 0 < buffer.start < buffer.end == 8192


def test_text_of_any_script_comes_back() -> None:
    texts = ["日本語", "e\u0301", "שלום", "[bold]x[/]", "", "␛␊", "a" * 4096]
    with patch.object(log_buffer, "UNSETTLED", 0):
        buffer = LogBuffer()
        for at in range(300):
            buffer.add(record("a", (float(at), texts[at % len(texts)])))
        buffer.settle()
    assert [text for _, text in contents(buffer)] == [texts[i % len(texts)] for i in range(300)]


def test_a_container_goes_on_at_the_level_of_its_own_line() -> None:
    buffer = LogBuffer()
    buffer.add(record("a", (1.0, "ERROR boom")))
    buffer.add(record("b", (1.1, "INFO fine"), (1.2, "  of b")))
    buffer.add(record("a", (1.3, "  of a")))
    buffer.settle()
    assert [buffer.line(n).level for n in range(4)] == [
        Level.ERROR,
        Level.INFO,
        Level.INFO,
        Level.ERROR,
    ]


TEXTS = ("INFO plain", "ERROR boom", "WARN slow", '{"level":"error","msg":"json"}', "quiet")
steps = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.lists(st.tuples(st.integers(0, 40), st.sampled_from(TEXTS)), max_size=5),
    ),
    max_size=25,
)
filters = st.sampled_from(
    [
        LogFilter(),
        LogFilter(level=Level.WARN),
        LogFilter(pattern=parse_pattern("boom|json")),
        LogFilter(pattern=parse_pattern("!plain"), since=5.0, until=35.0),
    ]
)


@settings(max_examples=200, deadline=None)
@given(steps, filters, st.booleans())
def test_the_index_is_what_a_plain_filter_finds(steps, wanted: LogFilter, lagging: bool) -> None:
    with patch.multiple(log_buffer, BLOCK=4, UNSETTLED=6):
        buffer = LogBuffer(most_lines=24)
        index = LogIndex(buffer, wanted)
        watched: dict[int, tuple[float, str]] = {}
        for pod, lines in steps:
            buffer.add(record(pod, *((float(at), text) for at, text in lines)))
            if lagging:
                index.advance()
            moved = buffer.settle()
            if moved is not None:
                index.renumber(moved)
                watched = {moved.number(old): what for old, what in watched.items()}
            if buffer.end > buffer.start:
                last = buffer.line(buffer.end - 1)
                watched.setdefault(last.number, (last.at, last.text))
            while not lagging and not index.is_complete:
                index.advance()
        while not index.is_complete:
            index.advance()
        for number, what in watched.items():
            if number >= buffer.start:
                line = buffer.line(number)
                assert (line.at, line.text) == what
        there = [buffer.line(number) for number in range(buffer.start, buffer.end)]
        expected = [
            line.number
            for line in there
            if wanted.is_candidate(line.at, line.level)
            and (wanted.pattern is None or wanted.pattern.wants(line.text))
        ]
        assert [index.number(row) for row in range(len(index))] == expected
        assert index.hidden == len(there) - len(expected)
        assert [index.row(number) for number in expected] == list(range(len(expected)))
        errors = [n for n in expected if buffer.line(n).level >= Level.ERROR]
        for number in range(buffer.start - 1, buffer.end + 1):
            after = [n for n in errors if n > number]
            before = [n for n in errors if n < number]
            assert index.error_after(number) == (after[0] if after else None)
            assert index.error_before(number) == (before[-1] if before else None)


def test_lines_later_than_all_that_may_move_stay_where_they_came() -> None:
    with patch.multiple(log_buffer, BLOCK=4, UNSETTLED=4):
        buffer = LogBuffer()
        buffer.add(record("a", *((float(at), f"{at}") for at in range(10, 30))))
        buffer.settle()
        buffer.add(record("b", (1.0, "late")))
        buffer.settle()
        texts = [text for _, text in contents(buffer)]
    assert sorted(texts) == sorted([*map(str, range(10, 30)), "late"])
    assert texts[:12] == [str(at) for at in range(10, 22)]
