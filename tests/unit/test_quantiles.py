"""Prometheus's own figures for quantiles and shares of classic histograms, and the rules."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.quantiles import (
    Bounds,
    Merged,
    fraction_bounds,
    fraction_of,
    histogram_fraction,
    histogram_quantile,
    merge_all,
    merged,
    quantile_of,
)

FOLDER = Path(__file__).parent / "vectors"
VECTORS = json.loads((FOLDER / "prometheus_quantiles.json").read_text())
SLO_BOUNDS = json.loads((FOLDER / "latency_slo_bounds.json").read_text())
MULTI_POD = {
    case["id"]: case for case in json.loads((FOLDER / "multi_pod.json").read_text())["cases"]
}


def number(value: float | str) -> float:
    return float(value)


def buckets_of(case: dict[str, Any]) -> list[tuple[float, float]]:
    return [(number(bound), number(count)) for bound, count in case["buckets"]]


@pytest.mark.parametrize("case", VECTORS["quantile"], ids=lambda case: case["id"])
def test_prometheus_quantiles(case: dict[str, Any]) -> None:
    expected = number(case["expected"])
    got = histogram_quantile(number(case["q"]), buckets_of(case)).value
    assert got == pytest.approx(expected, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("case", VECTORS["monotonicity"], ids=lambda case: case["id"])
def test_prometheus_monotonicity(case: dict[str, Any]) -> None:
    for expected in case["expected"]:
        got = histogram_quantile(expected["q"], buckets_of(case))
        assert got.value == pytest.approx(expected["value"], abs=1e-12)
        assert got.repaired == case["forced_monotonic"]


@pytest.mark.parametrize("case", VECTORS["fraction"], ids=lambda case: case["id"])
def test_prometheus_fractions(case: dict[str, Any]) -> None:
    got = histogram_fraction(number(case["lower"]), number(case["upper"]), buckets_of(case))
    assert got == pytest.approx(number(case["expected"]), rel=1e-9, nan_ok=True)


def test_a_quantile_in_the_last_bucket_is_at_least_its_bound() -> None:
    quantile = histogram_quantile(0.95, [(0.5, 1), (1.0, 2), (math.inf, 100)])
    assert quantile.value == 1.0
    assert quantile.at_least


@pytest.mark.parametrize(
    ("q", "buckets"),
    [
        (math.nan, [(1.0, 1), (math.inf, 1)]),
        (0.5, [(1.0, 1), (2.0, 2)]),
        (0.5, [(math.inf, 3)]),
        (0.5, []),
        (0.5, [(1.0, 0), (math.inf, 0)]),
        (0.5, [(1.0, math.nan), (math.inf, 2)]),
        (0.5, [(1.0, 2), (math.inf, math.nan)]),
        (0.5, [(1.0, 2), (math.inf, math.inf)]),
        (0.5, [(1.0, -3), (math.inf, -1)]),
    ],
    ids=[
        *("q is NaN", "no +Inf", "one bucket", "none", "no observations", "a count is NaN"),
        *("the total is NaN", "the total is infinite", "all are negative"),
    ],
)
def test_what_cannot_be_known_is_nan(q: float, buckets: list[tuple[float, float]]) -> None:
    assert math.isnan(histogram_quantile(q, buckets).value)


@pytest.mark.parametrize(
    "buckets",
    [
        [(1.0, 1), (2.0, 2)],
        [],
        [(1.0, 0), (math.inf, 0)],
        [(1.0, math.nan), (math.inf, 2)],
        [(1.0, 2), (math.inf, math.nan)],
        [(1.0, -3), (math.inf, -1)],
    ],
    ids=["no +Inf", "none", "no observations", "a count is NaN", "the total is NaN", "negative"],
)
def test_a_share_of_nothing_known_is_nan(buckets: list[tuple[float, float]]) -> None:
    assert math.isnan(histogram_fraction(0, 1, buckets))


def test_a_bound_that_is_no_edge_is_left_out() -> None:
    sane = [(0.2, 1.0), (1.0, 4.0), (math.inf, 4.0)]
    odd = [*sane, (math.nan, 7.0), (-math.inf, 1.0)]
    assert histogram_quantile(0.5, odd) == histogram_quantile(0.5, sane)
    assert histogram_fraction(0, 0.6, odd) == histogram_fraction(0, 0.6, sane)


def test_counts_that_fall_are_raised_and_it_is_told() -> None:
    fallen = [(1.0, 10.0), (2.0, 6.0), (math.inf, 20.0)]
    raised = [(1.0, 10.0), (2.0, 10.0), (math.inf, 20.0)]
    assert histogram_quantile(0.25, fallen).value == histogram_quantile(0.25, raised).value == 0.5
    assert histogram_quantile(0.25, fallen).repaired
    assert not histogram_quantile(0.25, raised).repaired
    assert histogram_fraction(0, 2, fallen) == 0.5


@pytest.mark.parametrize(
    ("q", "bounds", "counts", "expected"),
    [
        (0.9, (1.0, 2.0), (10.0, 6.0, 20.0), (2.0, True, True)),
        (0.5, (-1.0, 2.0), (10.0, 6.0, 20.0), (-1.0, False, True)),
        (0.0, (1.0, 2.0, 3.0), (0.0, 4.0, 2.0, 8.0), (0.0, False, True)),
        (0.5, (1.0, 2.0), (2.0, 1.0, 4.0), (1.0, False, True)),
    ],
    ids=["beyond the last edge", "below zero", "q is 0", "inside"],
)
def test_a_repair_is_told_wherever_the_quantile_lies(
    q: float, bounds: tuple[float, ...], counts: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    assert quantile_of(q, bounds, counts) == expected


def test_a_repair_is_told_even_if_nothing_is_left() -> None:
    quantile = quantile_of(0.5, (1.0,), (-2.0, -1.0))
    assert math.isnan(quantile.value)
    assert quantile.repaired is True


@pytest.mark.parametrize("first", [0.0, 0.5])
def test_rounding_is_no_repair(first: float) -> None:
    quantile = quantile_of(1.0, (0.5, 1.0, 2.0, 3.0), (first, first, 10.0, 10.0 - 1e-13, 10.0))
    assert quantile == (2.0, False, False)


def test_less_than_one_observation_per_second_is_some() -> None:
    assert quantile_of(0.5, (1.0,), (0.5, 0.5)).value == 0.5
    assert fraction_of(0, 0.5, (1.0,), (0.5, 0.5)) == 0.5


def test_a_negative_count_is_raised_to_zero_and_it_is_told() -> None:
    quantile = histogram_quantile(0.5, [(1.0, -4.0), (2.0, 8.0), (math.inf, 8.0)])
    assert quantile == (1.5, False, True)
    assert fraction_of(-math.inf, 1.0, (1.0, 2.0), (-4.0, 8.0, 8.0)) == 0.0


def test_a_histogram_without_finite_edges_has_no_quantile() -> None:
    assert math.isnan(quantile_of(0.5, (), [5.0]).value)
    assert fraction_of(-math.inf, math.inf, (), [5.0]) == 1.0


@pytest.mark.parametrize("case", SLO_BOUNDS["cases"], ids=lambda case: case["id"])
def test_what_is_known_of_a_share_when_the_threshold_is_no_edge(case: dict[str, Any]) -> None:
    *finite, last = buckets_of(case)
    bounds = [bound for bound, _ in finite]
    counts = [count for _, count in (*finite, last)]
    threshold = case["threshold"]
    known = fraction_bounds(threshold, bounds, counts)
    estimate = fraction_of(-math.inf, threshold, bounds, counts)
    if case["lower"] is None:
        assert known is None
        assert math.isnan(estimate)
    else:
        assert known == pytest.approx((case["lower"], case["upper"]))
        assert estimate == pytest.approx(case["interpolated"])


@pytest.mark.parametrize(
    ("threshold", "known"),
    [
        (0.05, Bounds(0.0, 0.25)),
        (0.1, Bounds(0.25, 0.25)),
        (0.5, Bounds(0.75, 0.75)),
        (0.6, Bounds(0.75, 1.0)),
        (math.inf, Bounds(1.0, 1.0)),
        (math.nan, None),
    ],
)
def test_the_edges_around_a_threshold_bound_the_share(
    threshold: float, known: Bounds | None
) -> None:
    assert fraction_bounds(threshold, (0.1, 0.5), (1.0, 3.0, 4.0)) == known


def test_without_finite_edges_a_share_can_be_anything() -> None:
    assert fraction_bounds(1.0, (), (4.0,)) == Bounds(0.0, 1.0)


def test_pods_with_other_edges_are_merged_on_the_common_ones() -> None:
    case = MULTI_POD["edges-differ"]
    pods = [[(number(edge), count) for edge, count in pod] for pod in case["pods"].values()]
    pairs = [(tuple(e for e, _ in pod[:-1]), [count for _, count in pod]) for pod in pods]
    total = merge_all(pairs)
    assert total is not None
    expected = [(number(edge), count) for edge, count in case["common_edges"]]
    assert list(zip((*total.bounds, math.inf), total.counts, strict=True)) == expected
    assert total.edges_differed
    quantiles = [quantile_of(q, total.bounds, total.counts) for q in case["q"]]
    assert [quantile.value for quantile in quantiles] == pytest.approx(case["common_value"])
    assert [quantile.at_least for quantile in quantiles] == [False, True]


def test_like_histograms_are_merged_without_loss() -> None:
    pair = ((0.1, 0.5), [1.0, 2.0, 3.0])
    assert merge_all([pair, pair, pair]) == Merged((0.1, 0.5), [3.0, 6.0, 9.0], False)
    assert merge_all([pair]) == Merged(*pair, False)
    assert merge_all([]) is None


def test_one_odd_histogram_of_many_is_told() -> None:
    pair = ((0.1, 0.5), [1.0, 2.0, 3.0])
    odd = ((0.1, 0.5, 1.0), [1.0, 2.0, 3.0, 3.0])
    for order in ([odd, pair, pair], [pair, odd, pair], [pair, pair, odd]):
        assert merge_all(order) == Merged((0.1, 0.5), [3.0, 6.0, 9.0], True)


def test_histograms_without_a_common_edge_keep_their_total_only() -> None:
    assert merged((0.1,), [1.0, 2.0], (0.2,), [3.0, 4.0]) == ((), [6.0])


def test_the_lowest_quantile_above_an_empty_first_bucket_is_where_that_begins() -> None:
    assert histogram_quantile(0, [(1.0, 0.0), (2.0, 5.0), (math.inf, 5.0)]).value == 0.0


def test_quantiles_out_of_range_are_infinite() -> None:
    buckets = [(1.0, 1.0), (math.inf, 1.0)]
    assert histogram_quantile(-0.1, buckets).value == -math.inf
    assert histogram_quantile(1.1, buckets).value == math.inf


def test_equal_bounds_are_merged() -> None:
    split = [(0.2, 1.0), (0.2, 2.0), (1.0, 4.0), (math.inf, 4.0)]
    merged = [(0.2, 3.0), (1.0, 4.0), (math.inf, 4.0)]
    assert histogram_quantile(0.9, split) == histogram_quantile(0.9, merged)


counts = st.lists(st.integers(0, 1000), min_size=2, max_size=12)


@given(counts, st.floats(0, 1))
def test_the_quantile_lies_in_the_bucket_that_holds_it(increments: list[int], q: float) -> None:
    cumulative = [float(sum(increments[: i + 1])) for i in range(len(increments))]
    bounds = [float(i + 1) for i in range(len(increments) - 1)]
    quantile = quantile_of(q, bounds, cumulative)
    if cumulative[-1] == 0:
        assert math.isnan(quantile.value)
        return
    assert 0 <= quantile.value <= bounds[-1]
    below = sum(n for bound, n in zip(bounds, increments, strict=False) if bound < quantile.value)
    assert below <= q * cumulative[-1] + 1e-6


@given(counts)
def test_quantiles_never_fall_as_q_rises(increments: list[int]) -> None:
    cumulative = [float(sum(increments[: i + 1])) for i in range(len(increments))]
    bounds = [float(i + 1) for i in range(len(increments) - 1)]
    values = [quantile_of(q / 20, bounds, cumulative).value for q in range(21)]
    if not math.isnan(values[0]):
        assert values == sorted(values)


@given(counts, st.floats(-1, 14), st.floats(-1, 14))
def test_a_share_lies_between_its_bounds_and_shares_add_up(
    increments: list[int], a: float, b: float
) -> None:
    cumulative = [float(sum(increments[: i + 1])) for i in range(len(increments))]
    bounds = [float(i + 1) for i in range(len(increments) - 1)]
    low, high = sorted((a, b))
    below, within, above = (
        fraction_of(*ends, bounds, cumulative)
        for ends in ((-math.inf, low), (low, high), (high, math.inf))
    )
    known = fraction_bounds(low, bounds, cumulative)
    if known is None:
        assert cumulative[-1] == 0
        assert math.isnan(within)
        return
    assert known.low - 1e-12 <= below <= known.high + 1e-12
    assert below + within + above == pytest.approx(1)
    assert 0 <= within <= 1


@given(counts, st.floats(0.001, 1))
def test_the_share_up_to_a_quantile_is_its_q(increments: list[int], q: float) -> None:
    cumulative = [float(sum(increments[: i + 1])) for i in range(len(increments))]
    bounds = [float(i + 1) for i in range(len(increments) - 1)]
    quantile = quantile_of(q, bounds, cumulative)
    share = fraction_of(-math.inf, quantile.value, bounds, cumulative)
    if cumulative[-1] == 0:
        assert math.isnan(share)
    elif quantile.at_least:
        assert share <= q + 1e-9
    else:
        assert share == pytest.approx(q)
