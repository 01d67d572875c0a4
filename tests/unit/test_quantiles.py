"""Prometheus's own figures for quantiles of classic histograms, and the rules behind them."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.quantiles import histogram_quantile, quantile_of

VECTORS = json.loads((Path(__file__).parent / "vectors/prometheus_quantiles.json").read_text())


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
    ],
    ids=["q is NaN", "no +Inf", "one bucket", "none", "no observations"],
)
def test_what_cannot_be_known_is_nan(q: float, buckets: list[tuple[float, float]]) -> None:
    assert math.isnan(histogram_quantile(q, buckets).value)


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
