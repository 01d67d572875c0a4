"""Wald's test, and evidence on an odds ratio that may be looked at after every window."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nchypergeom_fisher

from mtop_tui.domain.stats.sequential import ODDS_RATIOS, OddsEvidence, SprtDesign, sprt

VECTORS = json.loads((Path(__file__).parent / "vectors/sprt_bernoulli.json").read_text())["cases"]
DECISIONS = {"good": "accept_h0", "bad": "accept_h1", "continue": "continue"}


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["id"])
def test_walds_test(case: dict[str, Any]) -> None:
    design = SprtDesign(case["p0"], case["p1"], case["alpha"], case["beta"])
    result = sprt(case["observations"], design)
    assert DECISIONS[result.decision] == case["decision"]
    assert result.decided_after == case["decided_after"]
    assert result.log_ratio == pytest.approx(case["llr"], rel=1e-9)
    assert design.upper == pytest.approx(case["upper"], rel=1e-9)
    assert design.lower == pytest.approx(case["lower"], rel=1e-9)
    assert design.expected_if_good() == pytest.approx(case["expected_n_h0"], rel=1e-9)
    assert design.expected_if_bad() == pytest.approx(case["expected_n_h1"], rel=1e-9)


def test_walds_test_accepts_bad_after_a_few_failures() -> None:
    result = sprt([True, False, True, True], SprtDesign(0.01, 0.05))
    assert (result.decision, result.decided_after) == ("bad", 3)


@pytest.mark.parametrize(
    "design",
    [
        SprtDesign(0.05, 0.01),
        SprtDesign(0, 0.1),
        SprtDesign(0.1, 1),
        SprtDesign(0.01, 0.05, 0, 0.1),
        SprtDesign(0.01, 0.05, 0.6, 0.5),
        SprtDesign(math.nan, 0.05),
    ],
)
def test_walds_test_refuses_an_impossible_design(design: SprtDesign) -> None:
    with pytest.raises(ValueError, match="needed"):
        sprt([], design)


sides = st.tuples(st.integers(0, 60), st.integers(1, 60)).map(lambda s: (s[0], s[0] + s[1]))


@given(sides, sides, st.sampled_from(ODDS_RATIOS))
@settings(max_examples=60, deadline=None)
def test_one_window_weighs_as_fishers_noncentral_hypergeometric(
    baseline: tuple[int, int], canary: tuple[int, int], ratio: float
) -> None:
    evidence = OddsEvidence.none().after(*baseline, *canary)
    total, bad = baseline[1] + canary[1], baseline[0] + canary[0]
    log_likelihood = (
        nchypergeom_fisher.logpmf(canary[0], total, bad, canary[1], odds) for odds in (ratio, 1.0)
    )
    expected = next(log_likelihood) - next(log_likelihood)
    assert evidence.against(1.0, [ratio]) == pytest.approx(expected, rel=1e-6, abs=1e-8)


@given(sides, sides)
@settings(max_examples=40)
def test_swapping_the_sides_turns_the_interval_round(
    baseline: tuple[int, int], canary: tuple[int, int]
) -> None:
    there = OddsEvidence.none().after(*baseline, *canary).interval()
    back = OddsEvidence.none().after(*canary, *baseline).interval()
    turned = (1 / back.high, 1 / back.low if back.low else math.inf)
    assert tuple(there) == pytest.approx(turned)


@pytest.mark.parametrize("window", [(0, 0, 3, 10), (3, 10, 0, 0), (0, 9, 0, 9), (9, 9, 9, 9)])
def test_a_window_that_compares_nothing_says_nothing(window: tuple[int, int, int, int]) -> None:
    evidence = OddsEvidence.none().after(*window)
    assert evidence.against(1.0, [2.0, 5.0]) == pytest.approx(0, abs=1e-12)
    assert evidence.interval() == (0, math.inf)


def test_the_interval_closes_in_on_the_true_odds_ratio() -> None:
    draws = random.Random(3)
    evidence = OddsEvidence.none()
    for _ in range(100):
        bad = [sum(draws.random() < share for _ in range(100)) for share in (0.2, 1 / 3)]
        evidence = evidence.after(bad[0], 100, bad[1], 100)
    low, high = evidence.interval()
    assert 1.5 < low < 2.0 < high < 2.6


def test_a_drift_that_both_sides_share_is_no_evidence() -> None:
    evidence = OddsEvidence.none()
    for baseline, canary in (((0, 90), (0, 10)), ((5, 50), (5, 50)), ((5, 10), (45, 90))):
        evidence = evidence.after(*baseline, *canary)  # ever more canary while all gets worse
    assert evidence.against(1.0, [2.0, 3.0]) < 0


def test_counts_that_are_no_proportion_are_refused() -> None:
    with pytest.raises(ValueError, match="no proportion"):
        OddsEvidence.none().after(2, 1, 0, 5)
    with pytest.raises(ValueError, match="no proportion"):
        OddsEvidence.none().after(0, 1, -1, 5)
