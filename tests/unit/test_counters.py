"""Prometheus's own figures for increase, rate and resets, several replicas, and bad samples."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.counters import Total, growth, increase, rate, resets, summed, was_reset
from mtop_tui.domain.staleness import STALE_MARKER

FOLDER = Path(__file__).parent / "vectors"
VECTORS = json.loads((FOLDER / "prometheus_counters.json").read_text())
MULTI_POD = [
    case
    for case in json.loads((FOLDER / "multi_pod.json").read_text())["cases"]
    if "right_sum_of_increase" in case
]
FUNCTIONS = {"increase": increase, "rate": rate, "resets": resets}


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["id"])
def test_prometheus_counters(case: dict[str, Any]) -> None:
    samples = [(float(at), float(value)) for at, value in case["samples"]]
    end = float(case["eval_at"])
    got = FUNCTIONS[case["fn"]](samples, end - case["window"], end)
    if case["expected"] is None:
        assert got is None
    else:
        assert got == pytest.approx(case["expected"], rel=1e-9)


@pytest.mark.parametrize("case", MULTI_POD, ids=lambda case: case["id"])
def test_growth_is_told_per_pod_and_then_added(case: dict[str, Any]) -> None:
    pods = case["pods"].values()
    assert summed(growth(pod, -1, 180) for pod in pods) == Total(case["right_sum_of_increase"])
    if "wrong_increase_of_sum" in case:
        together = [(pod[0][0], sum(value for _, value in pod)) for pod in zip(*pods, strict=True)]
        assert growth(together, -1, 180) == case["wrong_increase_of_sum"]


def test_a_pod_that_left_keeps_what_it_served() -> None:
    steady = [(0.0, 0.0), (60.0, 100.0), (120.0, 200.0), (180.0, 300.0)]
    left = [(0.0, 0.0), (60.0, 80.0)]
    assert summed(growth(pod, -1, 180) for pod in (steady, left)) == Total(380.0)


def test_a_pod_with_one_sample_makes_the_sum_a_least_value() -> None:
    pods = ([(0.0, 0.0), (60.0, 100.0)], [(60.0, 7.0)])
    assert summed(growth(pod, -1, 60) for pod in pods) == Total(100.0, unknown=1)


def test_a_sum_of_nothing_known_is_not_zero() -> None:
    assert summed([None, None]) is None
    assert summed([]) is None


def test_a_gap_in_the_scrapes_loses_nothing() -> None:
    whole = [(at * 15.0, at * 30.0) for at in range(9)]
    gap = [whole[0], whole[1], *whole[6:]]
    assert growth(gap, -1, 120) == growth(whole, -1, 120) == 240.0


def test_one_sample_says_nothing() -> None:
    assert increase([(10.0, 5.0)], 0, 60) is None
    assert rate([(10.0, 5.0)], 0, 60) is None
    assert growth([(10.0, 5.0)], 0, 60) is None


def test_one_sample_has_not_fallen_but_none_says_nothing() -> None:
    assert resets([(10.0, 5.0)], 0, 60) == 0
    assert resets([], 0, 60) is None


def test_an_empty_or_reversed_window_says_nothing() -> None:
    samples = [(10.0, 5.0), (20.0, 6.0)]
    for start, end in ((20.0, 20.0), (30.0, 0.0), (math.nan, 60.0), (0.0, math.nan)):
        assert increase(samples, start, end) is None
        assert resets(samples, start, end) is None


def test_a_window_without_beginning_has_growth_but_no_rate() -> None:
    samples = [(10.0, 5.0), (20.0, 6.0)]
    assert increase(samples, -math.inf, 20.0) == 1.5
    assert rate(samples, -math.inf, 20.0) is None


CLEAN = [(0.0, 10.0), (15.0, 20.0), (30.0, 5.0), (45.0, 15.0)]


@pytest.mark.parametrize(
    "bad",
    [
        *((20.0, value) for value in (math.nan, STALE_MARKER, math.inf, -math.inf, -3.0)),
        (15.0, 21.0),
        (15.0, 20.0),
        (3.0, 400.0),
    ],
    ids=[
        *("NaN", "stale marker", "+Inf", "-Inf", "negative", "another value at the same time"),
        *("a duplicate", "a clock that went back"),
    ],
)
def test_a_sample_that_no_counter_has_is_left_out(bad: tuple[float, float]) -> None:
    samples = [*CLEAN[:2], bad, *CLEAN[2:]]
    assert increase(samples, -1, 50) == increase(CLEAN, -1, 50)
    assert growth(samples, -1, 50) == growth(CLEAN, -1, 50) == 25.0
    assert resets(samples, -1, 50) == resets(CLEAN, -1, 50) == 1


def test_a_clock_that_went_back_is_waited_for() -> None:
    samples = [(100.0, 1.0), (110.0, 2.0), (50.0, 3.0), (60.0, 4.0), (120.0, 9.0)]
    assert growth(samples, 0, 200) == 8.0


def test_a_sample_at_the_open_start_is_outside() -> None:
    assert increase([(0.0, 0.0), (60.0, 6.0)], 0, 60) is None


def test_samples_at_one_instant_say_nothing() -> None:
    assert increase([(10.0, 1.0), (10.0, 2.0)], 0, 60) is None


def test_a_restart_is_added_back() -> None:
    samples = [(0.0, 90.0), (10.0, 100.0), (20.0, 4.0), (30.0, 8.0)]
    assert increase(samples, -1, 30) == pytest.approx((10 + 4 + 4) * 31 / 30)


def test_rate_then_sum_counts_a_restarted_pod_once() -> None:
    steady = [(t * 15.0, 100.0 + t * 30) for t in range(5)]
    restarted = [(0.0, 100.0), (15.0, 130.0), (30.0, 10.0), (45.0, 40.0), (60.0, 70.0)]
    apart = sum(increase(pod, -1, 60) or 0 for pod in (steady, restarted))
    summed = [(t, a + b) for (t, a), (_, b) in zip(steady, restarted, strict=True)]
    assert apart == pytest.approx((120 + 100) * 61 / 60)
    assert increase(summed, -1, 60) != pytest.approx(apart)


def test_was_reset() -> None:
    assert was_reset((5.0, 6.0), (0.0, 7.0))
    assert not was_reset((5.0, 6.0), (5.0, 6.0))


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=20))
def test_growth_is_never_negative(values: list[float]) -> None:
    samples = [(float(i), value) for i, value in enumerate(values)]
    grown = increase(samples, -1, len(values) - 1)
    assert grown is not None
    assert grown >= -1e-6
