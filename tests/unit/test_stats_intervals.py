"""Intervals of a share, and the beta distribution below them, against scipy."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from mtop_tui.domain.stats import beta
from mtop_tui.domain.stats.intervals import clopper_pearson, jeffreys, wilson
from mtop_tui.domain.stats.proportions import fisher_exact, probability_higher

VECTORS = Path(__file__).parent / "vectors"
INTERVALS = json.loads((VECTORS / "error_rate_intervals.json").read_text())["cases"]
PAIRS = json.loads((VECTORS / "error_rate_ab.json").read_text())["cases"]
ALL = (wilson, clopper_pearson, jeffreys)


@pytest.mark.parametrize("case", INTERVALS, ids=lambda case: case["id"])
def test_reference_intervals(case: dict[str, Any]) -> None:
    errors, total = case["errors"], case["total"]
    posterior = case["jeffreys_posterior"]
    if total == 0:
        assert all(interval(errors, total) is None for interval in ALL)
    else:
        close = {"rel": 1e-9, "abs": 1e-15}
        assert wilson(errors, total) == pytest.approx(case["wilson95"], **close)
        assert clopper_pearson(errors, total) == pytest.approx(case["clopper_pearson95"], **close)
        expected = (posterior["q025"], posterior["q975"])
        assert jeffreys(errors, total) == pytest.approx(expected, **close)
    above = 1 - beta.cumulative(0.001, posterior["a"], posterior["b"])
    assert above == pytest.approx(posterior["p_rate_gt_0_001"], rel=1e-9)


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case["id"])
def test_reference_comparisons(case: dict[str, Any]) -> None:
    sides = (*case["baseline"], *case["canary"])
    assert probability_higher(*sides) == pytest.approx(case["p_canary_worse"], rel=1e-9)
    expected = case["fisher_two_sided"]
    assert fisher_exact(*sides) == pytest.approx(1 if expected is None else expected, rel=1e-8)


shapes = st.floats(0.2, 1e4)
counts = st.integers(0, 400)


@given(st.floats(1e-6, 1 - 1e-6), shapes, shapes)
@settings(max_examples=60)
def test_the_beta_distribution_is_scipys(x: float, a: float, b: float) -> None:
    expected = stats.beta.cdf(x, a, b)
    assert beta.cumulative(x, a, b) == pytest.approx(expected, rel=1e-8, abs=1e-13)


@given(st.floats(0.001, 0.999), st.floats(0.5, 1e4), st.floats(0.5, 1e4))
@settings(max_examples=60)
def test_a_quantile_undoes_the_cumulative_probability(p: float, a: float, b: float) -> None:
    assert beta.cumulative(beta.quantile(p, a, b), a, b) == pytest.approx(p, rel=1e-7)
    assert beta.quantile(p, a, b) == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-8)


def test_the_beta_distribution_at_its_ends() -> None:
    assert beta.cumulative(-1, 2, 3) == beta.quantile(0, 2, 3) == 0
    assert beta.cumulative(2, 2, 3) == beta.quantile(1, 2, 3) == 1
    assert beta.quantile(1e-40, 0.1, 2) == 0  # 1e-400 is no number any more
    assert beta.quantile(1e-300, 3, 4) == pytest.approx(3.684e-101, rel=1e-3)


@given(counts, counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_intervals_agree_with_scipy_and_hold_the_share(bad: int, good: int, level: float) -> None:
    total = bad + good
    if total == 0:
        return
    for interval, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        got = interval(bad, total, level)
        expected = stats.binomtest(bad, total).proportion_ci(level, method)
        assert got == pytest.approx((expected.low, expected.high), rel=1e-7, abs=1e-12)
        assert got is not None
        assert 0 <= got.low <= bad / total <= got.high <= 1


@given(counts, counts, counts, counts)
@example(0, 0, 99, 152)
@example(0, 0, 378, 372)
@settings(max_examples=40, deadline=None)
def test_comparisons_agree_with_scipy_and_with_their_mirror(a: int, b: int, c: int, d: int) -> None:
    expected = stats.fisher_exact([[a, b], [c, d]]).pvalue
    assert fisher_exact(a, a + b, c, c + d) == pytest.approx(expected, rel=1e-6)
    higher = probability_higher(a, a + b, c, c + d)
    assert higher + probability_higher(c, c + d, a, a + b) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    ("bad", "total"), [(-1, 5), (6, 5), (math.nan, 5), (1, math.nan), (1, math.inf)]
)
def test_what_is_no_proportion_is_refused(bad: float, total: float) -> None:
    for interval in ALL:
        with pytest.raises(ValueError, match="no proportion"):
            interval(bad, total)
    with pytest.raises(ValueError, match="no proportion"):
        probability_higher(1, 2, bad, total)


@pytest.mark.parametrize("confidence", [0, 1, math.nan, 95])
def test_a_confidence_lies_between_0_and_1(confidence: float) -> None:
    for interval in ALL:
        with pytest.raises(ValueError, match="confidence"):
            interval(1, 2, confidence)


def test_the_beta_distribution_refuses_what_it_does_not_know() -> None:
    for x, a, b in ((0.5, 0, 1), (0.5, 1, -1), (math.nan, 1, 1), (0.5, math.nan, 1)):
        with pytest.raises(ValueError, match="Beta"):
            beta.cumulative(x, a, b)
    for p in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="probability"):
            beta.quantile(p, 1, 1)
