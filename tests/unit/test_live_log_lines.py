"""Lines of a log from its bytes, and where to go on after a gap: none lost, none twice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.providers.live.logs.lines import LONGEST, NANO, Splitter, Stamped, parse
from mtop_tui.providers.live.logs.place import Place, since_time

BEGAN = 1_780_304_400


@given(st.lists(st.binary(max_size=9).filter(lambda one: b"\n" not in one)), st.data())
def test_lines_are_put_together_wherever_parts_end(lines: list[bytes], data):
    whole = b"".join(one + b"\n" for one in lines)
    ends = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    splitter = Splitter()
    found = []
    for start, end in zip([0, *ends], [*ends, len(whole)], strict=True):
        found += splitter.feed(whole[start:end])
    assert found == lines
    assert splitter.rest == b""


def test_of_a_line_without_an_end_only_so_much_is_kept():
    splitter = Splitter()
    for _ in range(5):
        assert splitter.feed(b"x" * LONGEST) == []
    assert splitter.feed(b"more\nnext") == [b"x" * LONGEST]
    assert splitter.rest == b"next"


@pytest.mark.parametrize(
    ("stamp", "nanoseconds"),
    [
        (b"2026-06-01T09:00:00Z", 0),
        (b"2026-06-01T09:00:00.5Z", 500_000_000),
        (b"2026-06-01T09:00:00.000001Z", 1_000),
        (b"2026-06-01T11:00:00.123456789+02:00", 123_456_789),
    ],
)
def test_times_as_kubelets_write_them(stamp: bytes, nanoseconds: int):
    line = parse(stamp + b" INFO  all is well\r")
    assert line is not None
    assert line.nanoseconds == BEGAN * NANO + nanoseconds
    assert line.text == "INFO  all is well"
    assert parse(stamp + b" ").text == parse(stamp).text == ""


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"unable to retrieve container logs for containerd://4d4f",
        b"2026-13-01T09:00:00Z no such month",
        b"2026-06-01T09:00:00Znothing between",
    ],
)
def test_what_has_no_time_is_no_line_of_the_container(raw: bytes):
    assert parse(raw) is None


def at(nanoseconds: int, text: str) -> Stamped:
    raw = f"{nanoseconds} {text}".encode()
    return Stamped(nanoseconds, raw, text)


_STEPS = st.sampled_from([0, 0, 1, 300, 400_000_000, NANO, 3 * NANO, -200, -400_000_000])


def written(steps: list[tuple[int, str]], *, apart: bool) -> list[Stamped]:
    """A log: times that mostly grow, with lines that are equal or (apart) none that are."""
    now, newest, lines = BEGAN * NANO, BEGAN * NANO, []
    for number, (step, text) in enumerate(steps):
        now = max(now + step, newest - NANO + 1)
        newest = max(newest, now)
        lines.append(at(now, f"{text}{number}" if apart else text))
    return lines


def followed(log: list[Stamped], gaps: list[int], gone: list[int]) -> list[Stamped]:
    """What is shown of a log that is read in pieces, `gone` of what was shown rotated away."""
    place, shown, read = Place(), [], 0
    for end, lost in zip([*gaps, len(log)], [*gone, 0], strict=True):
        place.resume()
        second = place.second
        begin = 0 if second is None else second * NANO
        there = [
            line
            for number, line in enumerate(log)
            if number < max(end, read) and number >= min(lost, read) and line.nanoseconds >= begin
        ]
        shown += [line for line in there if place.is_news(line)]
        read = max(read, end)
    return shown


@given(st.lists(st.tuples(_STEPS, st.sampled_from("ab")), max_size=30), st.data())
def test_after_any_gaps_no_line_is_lost_and_none_comes_twice(steps, data):
    log = written(steps, apart=False)
    gaps = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=5)))
    assert followed(log, gaps, [0] * len(gaps)) == log


@given(st.lists(st.tuples(_STEPS, st.sampled_from("ab")), max_size=30), st.data())
def test_nor_when_what_was_shown_is_rotated_away(steps, data):
    log = written(steps, apart=True)
    gaps = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=5)))
    gone = sorted(data.draw(st.lists(st.integers(0, len(log)), min_size=5, max_size=5)))
    assert followed(log, gaps, gone[: len(gaps)]) == log


_GAPS = st.lists(
    st.tuples(st.integers(0, 8), st.booleans(), st.tuples(*[st.booleans()] * 3)), max_size=5
)
"""Lines that are written in it, whether the container is restarted in their midst, and whether the
kubelet knows of that by each of three questions: predecessor, log, predecessor."""


@given(st.lists(st.sampled_from([0, 300, 400_000_000, NANO, 3 * NANO]), max_size=60), _GAPS)
def test_nor_when_the_container_is_restarted_whatever_its_kubelet_knows(steps, gaps):
    log = written([(step, "a") for step in steps], apart=True)
    place, shown, end, run_began = Place(), [], 0, 0
    before: list[Stamped] = []

    def take(lines: list[Stamped], *, last: bool = False) -> None:
        place.replay(last=last)
        shown.extend(one for one in lines if one.nanoseconds >= since and place.is_news(one))

    for more, restarts, knows in [(3, False, (True,) * 3), *gaps]:
        place.resume()
        since = (place.second or 0) * NANO
        middle, end = end + more // 2, min(end + more, len(log))
        old = log[run_began : middle if restarts else end]
        now = [(old, log[middle:end]) if known and restarts else (before, old) for known in knows]
        if restarts:
            now = sorted(now, key=lambda one: one[0] is old)  # what is known is not forgotten
        if shown:
            take(now[0][0])
        current = now[1][1]
        if shown:
            take(now[2][0])
        take(current, last=True)
        if restarts:
            if current is old:  # it ended with the container, and is opened once more
                place.resume()
                since = (place.second or 0) * NANO
                take(old)
                take(log[middle:end], last=True)
            before, run_began = old, min(middle, len(log))
    assert shown == log[:end]


def test_a_thread_is_lost_when_nothing_known_comes_again():
    place = Place()
    place.resume()
    assert place.is_news(at(BEGAN * NANO, "one"))
    assert not place.has_lost_the_thread
    place.resume()
    assert place.is_news(at((BEGAN + 9) * NANO, "after a rotation"))
    assert place.has_lost_the_thread
    place.resume()
    assert not place.is_news(at((BEGAN + 9) * NANO, "after a rotation"))
    assert not place.has_lost_the_thread


def test_what_was_shown_long_ago_is_forgotten():
    place = Place()
    for second in range(1000):
        place.is_news(at((BEGAN + second) * NANO, "x"))
    assert len(place._shown) == 2
    assert since_time(place.second) == "2026-06-01T09:16:38Z"
    assert datetime.fromtimestamp(BEGAN, UTC).isoformat() == "2026-06-01T09:00:00+00:00"
