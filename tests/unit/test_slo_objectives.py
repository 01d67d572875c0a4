"""What may be promised, where objectives come from, and how they are written."""

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slo_times import MONTH, parse

from mtop_tui.domain import vocabulary
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
    RollingWindow,
)


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
