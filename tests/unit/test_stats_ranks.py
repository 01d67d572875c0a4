"""Mann-Whitney and Hodges-Lehmann, against scipy and published figures."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mtop_tui.domain.stats.ranks import hodges_lehmann, mann_whitney

VECTORS = Path(__file__).parent / "vectors"
REFERENCE = json.loads((VECTORS / "mann_whitney_reference.json").read_text())["cases"]
KAYENTA = {
    case["id"]: case for case in json.loads((VECTORS / "kayenta_stats.json").read_text())["cases"]
}


@pytest.mark.parametrize("case", REFERENCE, ids=lambda case: case["id"])
def test_reference_figures(case: dict[str, Any]) -> None:
    x, y = case["x"], case["y"]
    for exact, word in ((False, "asymptotic"), (True, "exact")):
        if f"p_{word}_two-sided" not in case:
            continue
        test = mann_whitney(x, y, exact=exact)
        assert test is not None
        assert test.u == case["U_x"]
        assert test.common_language_effect(len(x) * len(y)) == case["cles_x_over_y"]
        for side, value in (
            ("two-sided", test.two_sided),
            ("less", test.less),
            ("greater", test.greater),
        ):
            assert value == pytest.approx(case[f"p_{word}_{side}"], rel=1e-9)
    shift = hodges_lehmann(x, y)
    assert shift is not None
    assert shift.estimate == pytest.approx(case["hodges_lehmann"], rel=1e-9)


def test_kayentas_own_figures() -> None:
    case = KAYENTA["hl-4x4"]
    shift = hodges_lehmann(case["experiment"], case["control"], case["conf"])
    assert shift == (case["hl"], tuple(case["ci"]))
    case = KAYENTA["cles-same"]
    test = mann_whitney(case["experiment"], case["control"])
    assert test is not None
    assert test.common_language_effect(25) == case["cles"]


values = st.lists(st.integers(0, 30).map(float), min_size=2, max_size=25)


@given(values, values)
@settings(max_examples=60, deadline=None)
def test_p_values_are_scipys(x: list[float], y: list[float]) -> None:
    test = mann_whitney(x, y)
    assert test is not None
    if len({*x, *y}) == 1:
        assert test[1:4] == (1, 1, 1)
        return
    method = "exact" if test.exact else "asymptotic"
    for side, value in (
        ("two-sided", test.two_sided),
        ("less", test.less),
        ("greater", test.greater),
    ):
        expected = stats.mannwhitneyu(x, y, alternative=side, method=method)
        assert test.u == expected.statistic
        assert value == pytest.approx(expected.pvalue, rel=1e-9)


@given(values, values, st.integers(-50, 50))
@settings(deadline=None)
def test_a_shift_moves_with_its_sample(x: list[float], y: list[float], by: int) -> None:
    before, after = hodges_lehmann(x, y), hodges_lehmann([value + by for value in x], y)
    assert before is not None
    assert after is not None
    assert after.estimate == before.estimate + by
    assert hodges_lehmann([value + by for value in x], [value + by for value in y]) == before
    assert before.interval.low <= before.estimate <= before.interval.high


def test_exact_figures_need_few_values_without_ties() -> None:
    few = mann_whitney([1.0, 2.0], [3.0, 4.0])
    tied = mann_whitney([1.0, 2.0], [2.0, 4.0])
    many = mann_whitney([i + 0.5 for i in range(51)], [float(i) for i in range(51)])
    assert [test.exact for test in (few, tied, many) if test] == [True, False, False]


def test_an_interval_spans_all_where_samples_are_too_small_for_it() -> None:
    shift = hodges_lehmann([1.0, 5.0], [0.0, 2.0])
    assert shift is not None
    assert shift.interval == (-1, 5)


def test_an_empty_sample_has_no_answer() -> None:
    assert mann_whitney([], [1.0]) is None
    assert hodges_lehmann([1.0], []) is None


def test_nan_and_impossible_confidence_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        mann_whitney([math.nan], [1.0])
    with pytest.raises(ValueError, match="NaN"):
        hodges_lehmann([1.0], [math.nan])
    with pytest.raises(ValueError, match="confidence"):
        hodges_lehmann([1.0], [1.0], 1.0)
