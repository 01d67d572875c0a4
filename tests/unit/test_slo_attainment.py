"""How many events were good: exact on bucket edges, an interval between, unknown without any."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.counters import increase
from mtop_tui.domain.quantiles import Bounds, fraction_bounds, fraction_of
from mtop_tui.domain.slo.attainment import (
    NOTHING,
    Count,
    attainment,
    availability_count,
    count_within,
    edges_around,
    meets,
    nearest_edge,
    slices_count,
    throughput_count,
    total_of,
)
from mtop_tui.domain.slo.goodput import good_requests, goodput, joint_share
from mtop_tui.domain.slo.objectives import Budgeting, Method

FOLDER = Path(__file__).parent / "vectors"
BOUNDS = json.loads((FOLDER / "slo_latency_bounds.json").read_text())
GOODPUT = [
    case
    for case in json.loads((FOLDER / "slo_latency_definitions.json").read_text())["cases"]
    if "slo" in case
]


def counted(threshold: float, bounds: list[float], counts: list[float]) -> Count | None:
    return count_within(edges_around(threshold, bounds), counts)


@pytest.mark.parametrize("case", BOUNDS["cases"], ids=lambda case: case["id"])
def test_what_vllm_buckets_can_tell(case: dict[str, Any]) -> None:
    bounds = [float(bound) for bound, _ in case["buckets"][:-1]]
    counts = [float(count) for _, count in case["buckets"]]
    count = counted(case["threshold"], bounds, counts)
    assert count is not None
    share = attainment(count)
    assert share == fraction_bounds(case["threshold"], bounds, counts)
    if case["lower"] is None:
        assert share is None
        return
    assert share == pytest.approx((case["lower"], case["upper"]), rel=1e-9)
    between = fraction_of(-math.inf, case["threshold"], bounds, counts)
    assert between == pytest.approx(case["interpolated"], rel=1e-9)


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.05, Count(0, 10, 20)),
        (0.1, Count(10, 10, 20)),
        (0.2, Count(10, 15, 20)),
        (0.5, Count(15, 15, 20)),
        (9.0, Count(15, 20, 20)),
    ],
)
def test_thresholds_on_and_between_edges(threshold: float, expected: Count) -> None:
    assert counted(threshold, [0.1, 0.5], [10, 15, 20]) == expected


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_counts_that_cannot_be_are_unknown(wrong: float, place: int) -> None:
    counts = [10.0, 15.0, 20.0]
    counts[place] = wrong
    assert counted(0.2, [0.1, 0.5], counts) is None


def test_falling_counts_are_raised() -> None:
    assert counted(0.2, [0.1, 0.5], [10, 8, 9]) == Count(10, 10, 10)


def test_a_histogram_with_only_inf_tells_nothing_but_the_total() -> None:
    assert counted(0.2, [], [7]) == Count(0, 7, 7)


increments = st.lists(st.integers(0, 1000), min_size=2, max_size=10)


@given(increments, st.floats(0.01, 20))
def test_it_agrees_with_the_fraction_of_a_histogram(parts: list[int], threshold: float) -> None:
    counts = [float(sum(parts[: index + 1])) for index in range(len(parts))]
    bounds = [float(index + 1) for index in range(len(parts) - 1)]
    count = counted(threshold, bounds, counts)
    assert count is not None
    assert attainment(count) == fraction_bounds(threshold, bounds, counts)


@given(increments, increments, st.floats(0.01, 20))
def test_counts_of_pools_add_up(one: list[int], other: list[int], threshold: float) -> None:
    bounds = [1.0]
    pools = [[float(sum(parts[:1])), float(sum(parts))] for parts in (one, other)]
    counts = [counted(threshold, bounds, pool) for pool in pools]
    summed = counted(threshold, bounds, [a + b for a, b in zip(*pools, strict=True)])
    assert total_of(count for count in counts if count) == summed


def test_nothing_adds_up_to_nothing() -> None:
    assert total_of([]) == NOTHING
    assert attainment(NOTHING) is None


# --- availability -----------------------------------------------------------------------------


def test_cancelled_requests_are_no_errors() -> None:
    assert availability_count(98, 2, 50) == Count(98, 98, 100)


def test_cancelled_requests_count_as_errors_when_asked() -> None:
    assert availability_count(98, 2, 50, count_aborts=True) == Count(98, 98, 150)


def test_an_engine_without_aborts_still_has_an_availability() -> None:
    assert availability_count(98, 2) == Count(98, 98, 100)
    assert availability_count(98, 2, count_aborts=True) is None


@pytest.mark.parametrize("wrong", [None, math.nan, -1.0, math.inf])
def test_an_engine_that_counts_no_errors_has_no_availability(wrong: float | None) -> None:
    assert availability_count(98, wrong) is None
    assert availability_count(wrong, 2) is None


def test_a_deploy_that_resets_the_counters_loses_no_requests() -> None:
    steady = [(t * 15.0, 100.0 + t * 30) for t in range(5)]
    restarted = [(0.0, 100.0), (15.0, 130.0), (30.0, 10.0), (45.0, 40.0), (60.0, 70.0)]
    pods = [increase(pod, -1, 60) for pod in (steady, restarted)]
    total = total_of(count for pod in pods if (count := availability_count(pod, 0.0)))
    assert attainment(total) == Bounds(1, 1)
    assert total.total == pytest.approx((120 + 100) * 61 / 60)


# --- meeting a target -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "target", "expected"),
    [
        (Bounds(0.6, 0.9), 0.5, True),
        (Bounds(0.6, 0.9), 0.8, None),
        (Bounds(0.6, 0.9), 0.95, False),
        (Bounds(0.1 + 0.2, 0.1 + 0.2), 0.3, True),
        (Bounds(0.3 - 1e-16, 0.3), 0.3, True),
    ],
)
def test_a_target_is_met_missed_or_undecided(
    share: Bounds, target: float, expected: bool | None
) -> None:
    assert meets(share, target) is expected


@pytest.mark.parametrize(
    ("threshold", "expected"), [(0.2, 0.25), (0.12, 0.1), (0.25, 0.25), (1e9, 2560), (1e-9, 0.001)]
)
def test_the_nearest_edge_of_vllm(threshold: float, expected: float) -> None:
    assert nearest_edge(threshold, BOUNDS["vllm_ttft_edges"]) == expected


def test_no_edge_is_near_nothing() -> None:
    assert nearest_edge(0.2, []) is None
    assert nearest_edge(0.2, [-1.0, 0.0]) is None
    assert nearest_edge(0.0, [1.0]) is None


def test_of_two_equally_near_edges_it_is_the_upper() -> None:
    assert nearest_edge(2.0, [1.0, 4.0]) == 4.0


# --- slices of time ---------------------------------------------------------------------------

SLICES = [Count(99, 99, 100), Count(90, 90, 100), Count(90, 99, 100), Count(0, 0, 0), None]


def test_good_slices_are_counted() -> None:
    budgeting = Budgeting(Method.TIMESLICES, 60, 0.95)
    assert slices_count(SLICES, budgeting) == Count(1, 2, 3)


@pytest.mark.parametrize(
    ("slice_", "expected"),
    [
        (Count(99, 99, 100), Count(1, 1, 1)),
        (Count(90, 90, 100), Count(0, 0, 1)),
        (Count(90, 99, 100), Count(0, 1, 1)),
    ],
)
def test_a_slice_is_good_bad_or_undecided(slice_: Count, expected: Count) -> None:
    assert slices_count([slice_], Budgeting(Method.TIMESLICES, 60, 0.95)) == expected


def test_slices_that_say_nothing_end_no_count() -> None:
    budgeting = Budgeting(Method.TIMESLICES, 60, 0.95)
    assert slices_count([None, NOTHING, *SLICES], budgeting) == slices_count(SLICES, budgeting)


def test_idle_slices_are_good_when_asked() -> None:
    budgeting = Budgeting(Method.TIMESLICES, 60, 0.95, idle="good")
    assert slices_count(SLICES, budgeting) == Count(2, 3, 4)


def test_ratio_slices_are_averaged() -> None:
    count = slices_count(SLICES, Budgeting(Method.RATIO_TIMESLICES, 60))
    assert count == pytest.approx((0.99 + 0.9 + 0.9, 0.99 + 0.9 + 0.99, 3))


def test_throughput_is_judged_by_the_minute() -> None:
    rates = [500.0, 499.0, 0.0, None, math.nan, -1.0]
    assert throughput_count(rates, 500) == Count(1, 1, 3)
    assert throughput_count(rates, 500, idle="good") == Count(2, 2, 4)


# --- goodput ----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", GOODPUT, ids=lambda case: case["id"])
def test_requests_that_keep_all_limits(case: dict[str, Any]) -> None:
    assert good_requests(case["requests"], case["slo"]) == case["good"]


def test_a_latency_that_does_not_exist_breaks_no_limit() -> None:
    requests = [{"tpot": None, "ttft": 1.0}, {"ttft": 1.0}, {"tpot": math.nan, "ttft": 1.0}]
    assert good_requests(requests, {"tpot": 0.1, "ttft": 1.0}) == 2


def test_without_limits_there_is_no_goodput() -> None:
    assert good_requests([{"ttft": 1.0}], {}) is None
    assert joint_share([]) is None
    assert goodput(10, []) is None


def test_marginals_allow_an_interval() -> None:
    three_quarters = Bounds(0.75, 0.75)
    assert joint_share([three_quarters, three_quarters]) == Bounds(0.5, 0.75)
    assert goodput(8, [three_quarters, three_quarters]) == Bounds(4, 6)
    assert joint_share([Bounds(0.6, 0.9), three_quarters]) == pytest.approx((0.35, 0.75))
    assert joint_share([Bounds(0.1, 0.1), Bounds(0.1, 0.2)]) == Bounds(0, 0.1)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_few_requests_have_a_goodput(rate: float) -> None:
    assert goodput(rate, [Bounds(0.5, 1)]) == Bounds(rate / 2, rate)


@pytest.mark.parametrize("rate", [math.nan, -1.0, math.inf])
def test_rates_that_cannot_be_have_no_goodput(rate: float) -> None:
    assert goodput(rate, [Bounds(1, 1)]) is None


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_the_true_joint_share_lies_between_the_bounds(requests: list[tuple[bool, ...]]) -> None:
    total = len(requests)
    each = [sum(column) / total for column in zip(*requests, strict=True)]
    joint = joint_share([Bounds(share, share) for share in each])
    assert joint is not None
    assert joint.low - 1e-9 <= sum(map(all, requests)) / total <= joint.high + 1e-9
