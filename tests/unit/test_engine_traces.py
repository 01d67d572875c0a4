"""Recorded requests: reading them, complaining about them, and playing them again."""

from __future__ import annotations

import statistics
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtop_tui.engine.workload.changes import LoadChange, step
from mtop_tui.engine.workload.replay import TraceWorkload
from mtop_tui.engine.workload.source import RequestSource
from mtop_tui.engine.workload.traces import Trace, TraceError, read_trace

START = 1_800_000_000.0
EXCERPTS = Path(__file__).parent / "traces"
WHOLE = Path(__file__).parents[3] / "shared" / "data" / "traces"
HEADER = "at,prompt,output,tenant,cached"


def read(path: Path) -> Trace:
    with path.open(encoding="utf-8", newline="") as lines:
        return read_trace(lines, path.name)


def trace(*rows: str, header: str = HEADER) -> Trace:
    return read_trace([header, *rows], "mine.csv")


def complaint(*lines: str) -> str:
    with pytest.raises(TraceError) as caught:
        read_trace(lines, "mine.csv")
    return str(caught.value)


# Reading


def test_azures_trace() -> None:
    found = read(EXCERPTS / "azure2023_conv.csv")
    assert len(found.at) == 200
    assert (found.at[0], found.prompt[0], found.output[0]) == (0.0, 374, 44)
    assert found.at[1] == pytest.approx(4.3145790, abs=1e-6)
    assert found.tenants == ("",)
    assert set(found.cached) == {0}


def test_mooncakes_trace_tells_what_was_seen_before() -> None:
    found = read(EXCERPTS / "mooncake_conv.csv")
    assert len(found.at) == 200
    assert list(found.cached[:2]) == [0, 512]
    assert all(cached <= prompt for cached, prompt in zip(found.cached, found.prompt, strict=True))


def test_a_trace_of_ones_own_in_any_order_of_columns() -> None:
    found = trace("a, 10 ,0.5,3", "b,20,1.5,4", "a,30,1.5,5", header="tenant,prompt,at,output")
    assert list(found.at) == [0.0, 1.0, 1.0]
    assert list(found.prompt) == [10, 20, 30]
    assert [found.tenants[one] for one in found.tenant] == ["a", "b", "a"]


def test_line_ends_blank_lines_and_a_byte_order_mark_make_no_difference() -> None:
    plain = trace("0,1,2,a,0", "1,3,4,b,1")
    typed = read_trace(
        ["\ufeff" + HEADER + "\r\n", "\r\n", "0,1,2,a,0\r\n", '1,"3",4,b,1\r\n'], "x"
    )
    assert list(typed.at) == list(plain.at)
    assert list(typed.prompt) == list(plain.prompt)


@pytest.mark.skipif(not WHOLE.exists(), reason="the reference traces are not there")
@pytest.mark.parametrize(
    ("name", "rows", "rate", "lengths"),
    [
        ("azure2023_conv", 19_366, 5.53, (1_155, 211, 0.0)),
        ("azure2023_code", 8_819, 2.57, (2_048, 28, 0.0)),
        ("mooncake_conv", 12_031, 3.40, (12_035, 343, 0.37)),
        ("mooncake_synth", 3_993, 3.9, (15_325, 149, 0.65)),
    ],
)
def test_whole_traces_have_the_published_figures(
    name: str, rows: int, rate: float, lengths: tuple[float, float, float]
) -> None:
    load = TraceWorkload(read(WHOLE / f"{name}.csv"), START)
    found = load.requests(START, START + 4_000.0)
    assert len(found) == rows
    assert load.mean == pytest.approx(rate, rel=0.01)
    assert load.mean_lengths(START) == pytest.approx(lengths, rel=0.01)


# Complaints


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "mine.csv:1: at: expected a header such as at,prompt,output,tenant,cached, got an"),
        (["", " "], "mine.csv:1: at: expected a header"),
        ([HEADER], "mine.csv:2: expected a request below the header, got none"),
        (["at,prompt"], "mine.csv:1: output: expected a header such as"),
        (["at,prompt,output,tennant"], "mine.csv:1: 'tennant': no such column; known are at, "),
        (["at,at,prompt,output"], "mine.csv:1: at: expected each column once"),
        ([HEADER, "0,1,2,a,0", "1,2,3"], "mine.csv:3: tenant: expected 5 fields as in the header"),
        ([HEADER, "0,1,2,a,0,9"], "mine.csv:2: cached: expected 5 fields as in the header, got 6"),
        ([HEADER, "soon,1,2,a,0"], "mine.csv:2: at: expected seconds of 0 or more, such as 12.5, "),
        ([HEADER, "-1,1,2,a,0"], "mine.csv:2: at: expected seconds of 0 or more"),
        ([HEADER, "nan,1,2,a,0"], "mine.csv:2: at: expected seconds of 0 or more"),
        ([HEADER, "inf,1,2,a,0"], "mine.csv:2: at: expected seconds of 0 or more"),
        ([HEADER, "0,many,2,a,0"], "mine.csv:2: prompt: expected a whole number from 1 to"),
        ([HEADER, "0,-5,2,a,0"], "mine.csv:2: prompt: expected a whole number from 1 to"),
        ([HEADER, "0,5,2.5,a,0"], "mine.csv:2: output: expected a whole number from 1 to"),
        ([HEADER, "0,5,0,a,0"], "mine.csv:2: output: expected a whole number from 1 to"),
        ([HEADER, f"0,{'9' * 5_000},2,a,0"], "mine.csv:2: prompt: expected a whole number"),
        ([HEADER, "0,5,,a,0"], "mine.csv:2: output: expected a whole number from 1 to"),
        ([HEADER, "0,5,2,a,6"], "mine.csv:2: cached: expected at most the 5 tokens"),
        ([HEADER, f"0,5,2,{'a' * 300},1"], "mine.csv:2: tenant: expected a name of at most 253"),
        ([HEADER, "5,1,2,a,0", "4,1,2,a,0"], "mine.csv:3: at: expected no time before that of the"),
        ([HEADER, '0,"1,2,a,0'], "mine.csv:2: expected CSV, got"),
        (
            ["TIMESTAMP,ContextTokens,GeneratedTokens", "noon,1,2"],
            "mine.csv:2: TIMESTAMP: expected a time such as 2023-11-16 18:15:46.6805900, got ",
        ),
    ],
)
def test_complaints_name_file_line_field_and_what_was_expected(lines: list[str], said: str) -> None:
    found = complaint(*lines)
    assert found.startswith(said)
    assert len(found) < 250
    assert "\n" not in found


def test_a_complaint_has_its_parts() -> None:
    with pytest.raises(TraceError) as caught:
        trace("0,x,2,a,0")
    error = caught.value
    assert (error.name, error.line, error.field) == ("mine.csv", 2, "prompt")


@settings(max_examples=150)
@given(st.lists(st.text(max_size=40), max_size=6))
def test_any_text_is_a_trace_or_a_complaint(lines: list[str]) -> None:
    for header in ([], [HEADER], ["TIMESTAMP,ContextTokens,GeneratedTokens"]):
        try:
            read_trace([*header, *lines], "mine.csv")
        except TraceError as error:
            assert str(error).startswith("mine.csv:")  # noqa: PT017


# Playing

FOUR = ("0,10,1,a,0", "1,20,2,b,16", "4,30,3,a,16", "9,40,4,a,32")


def test_requests_come_as_recorded() -> None:
    found = TraceWorkload(trace(*FOUR), START).requests(START - 10.0, START + 100.0)
    assert [one.at - START for one in found] == [0.0, 1.0, 4.0, 9.0]
    assert [(one.prompt, one.output, one.cached) for one in found][-1] == (40, 4, 32)
    assert [(one.group, one.tenant) for one in found][:2] == [(1, "a"), (2, "b")]


def test_a_trace_can_run_faster() -> None:
    load = TraceWorkload(trace(*FOUR), START, speed=10.0)
    found = load.requests(START, START + 100.0)
    assert [round(one.at - START, 6) for one in found] == [0.0, 0.1, 0.4, 0.9]
    assert load.mean == pytest.approx(10 * TraceWorkload(trace(*FOUR), START).mean)


def test_a_trace_can_begin_anew() -> None:
    load = TraceWorkload(trace(*FOUR), START, repeat=True)
    found = load.requests(START, START + 120.0)
    assert [one.at - START for one in found[:5]] == [0.0, 1.0, 4.0, 9.0, 12.0]
    assert len(found) == 40


@pytest.mark.parametrize("repeat", [False, True])
@settings(max_examples=40)
@given(cuts=st.lists(st.floats(0.0, 60.0), max_size=12))
def test_slices_make_no_difference(cuts: list[float], repeat: bool) -> None:
    source = trace(*FOUR)
    times = [START, *(START + one for one in sorted(cuts)), START + 60.0]
    load = TraceWorkload(source, START, repeat=repeat)
    whole = TraceWorkload(source, START, repeat=repeat).requests(times[0], times[-1])
    assert [one for cut in pairwise(times) for one in load.requests(*cut)] == whole


@given(start=st.floats(-50.0, 200.0))
def test_who_begins_late_misses_what_was_before(start: float) -> None:
    source = trace(*FOUR)
    every = TraceWorkload(source, START, repeat=True).requests(START - 60.0, START + 300.0)
    late = TraceWorkload(source, START, repeat=True).requests(START + start, START + 300.0)
    assert late == [one for one in every if one.at >= START + start]


@pytest.mark.parametrize("times", [0.0, 0.5, 1.0, 2.5])
def test_a_changed_rate_repeats_or_leaves_out_requests_evenly(times: float) -> None:
    source = read(EXCERPTS / "azure2023_conv.csv")
    load = TraceWorkload(source, START)
    load.change(step(START, times))
    found = load.requests(START, START + 1_000.0)
    assert len(found) == 200 * times
    assert load.rate(START + 10.0) == TraceWorkload(source, START).rate(START + 10.0) * times


def test_longer_prompts_for_a_while() -> None:
    load = TraceWorkload(trace(*FOUR), START)
    load.change(LoadChange(START + 1.0, START + 5.0, prompt=10.0, cached=0.0))
    found = load.requests(START, START + 10.0)
    assert [(one.prompt, one.cached) for one in found] == [(10, 0), (200, 0), (300, 0), (40, 32)]


def test_what_falls_into_a_pause_is_lost() -> None:
    load = TraceWorkload(trace(*FOUR), START)
    load.requests(START, START + 0.5)
    load.pause()
    assert load.requests(START + 0.5, START + 5.0) == []
    assert load.rate(START + 5.0) == 0.0
    load.pause(False)
    assert [one.at - START for one in load.requests(START + 5.0, START + 10.0)] == [9.0]


def test_the_rate_is_that_of_the_minute() -> None:
    load = TraceWorkload(read(EXCERPTS / "azure2023_conv.csv"), START)
    assert load.rate(START - 100.0) == 0.0
    assert load.rate(START + 1e6) == 0.0
    rates = [load.rate(START + 0.25 * second) for second in range(160)]
    assert statistics.fmean(rates) == pytest.approx(load.mean, rel=0.2)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_time_goes_forward(speed: float) -> None:
    with pytest.raises(ValueError, match="a speed above 0"):
        TraceWorkload(trace(*FOUR), START, speed=speed)


def test_one_request_is_a_trace_too() -> None:
    load: RequestSource = TraceWorkload(trace("7,1,1,a,0"), START, repeat=True)
    assert [one.at - START for one in load.requests(START, START + 3.0)] == [0.0, 1.0, 2.0]
