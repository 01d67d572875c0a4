"""Percentiles as R-7 has them, and Tukey's fences: Kayenta's figures, and what must always hold."""

import json
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.stats.outliers import outliers, percentile

VECTORS = Path(__file__).parent / "vectors"
CASES = {
    case["id"]: case for case in json.loads((VECTORS / "kayenta_stats.json").read_text())["cases"]
}
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


def test_a_percentile_lies_between_the_two_values_around_it() -> None:
    case = CASES["pct-nist"]
    assert percentile(case["data"], case["p"]) == pytest.approx(case["expected"], abs=1e-9)


def test_what_lies_beyond_the_fences_is_an_outlier() -> None:
    case = CASES["iqr-1"]
    assert outliers(case["data"], case["factor"]) == case["outliers"]
    assert outliers([], 1.5) == []
    assert outliers([4.0, 4.0, 4.0, 9.0], 0.0) == [False, False, False, True]


@given(VALUES)
def test_the_ends_and_the_middle_are_percentiles(values: list[float]) -> None:
    assert percentile(values, 0) == min(values)
    assert percentile(values, 100) == max(values)
    assert percentile(values, 50) == pytest.approx(median(values), rel=1e-9, abs=1e-9)


@given(VALUES, st.floats(0, 100), st.floats(0, 100))
def test_percentiles_rise_and_stay_within(values: list[float], one: float, other: float) -> None:
    low, high = (percentile(values, p) for p in sorted((one, other)))
    assert low is not None
    assert high is not None
    assert min(values) <= low <= high + 1e-9 * max(1.0, abs(high))
    assert high <= max(values)


def test_what_is_no_percentile_is_refused() -> None:
    assert percentile([], 50) is None
    for percent in (-1.0, 101.0, float("nan")):
        with pytest.raises(ValueError, match="from 0 to 100"):
            percentile([1.0], percent)
