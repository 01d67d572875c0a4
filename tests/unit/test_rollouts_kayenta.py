"""Kayenta's own cases: what it would say of a metric and of a canary."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from mtop_tui.domain.rollouts.kayenta import (
    Direction,
    EffectSize,
    Label,
    Rules,
    Scored,
    classify,
    mean_ratio,
    score,
)

VECTORS = Path(__file__).parent / "vectors"
LABELS = json.loads((VECTORS / "kayenta_mann_whitney.json").read_text())["cases"]
STATS = {
    case["id"]: case for case in json.loads((VECTORS / "kayenta_stats.json").read_text())["cases"]
}
SCORES = json.loads((VECTORS / "kayenta_score.json").read_text())["cases"]


@pytest.mark.parametrize("case", LABELS, ids=lambda case: case["id"])
def test_kayentas_labels(case: dict[str, Any]) -> None:
    rules = Rules(
        direction=Direction(case["direction"]),
        tolerance=case["tolerance"],
        confidence=case["conf_level"],
        effect_size=EffectSize(case["effect_size_measure"]),
        allowed=tuple(case["effect_size_thresholds"]),
        critical=case["is_critical_metric"],
        critical_at=tuple(case["critical_thresholds"]),
        replace_missing=case["nan_strategy"] == "Replace",
    )
    got = classify(case["control"], case["experiment"], rules)
    if case["advisory"]:  # the exact shift is 0; Kayenta's root finder stops at 2e-5
        assert got.label is Label.PASS
        return
    assert got.label == case["expected"]
    if case["expected_critical"] is not None:
        assert got.critical == case["expected_critical"]


@pytest.mark.parametrize("case", SCORES, ids=lambda case: case["id"])
def test_kayentas_score(case: dict[str, Any]) -> None:
    metrics = [Scored(group, Label(label), critical) for group, label, critical in case["metrics"]]
    assert score(metrics, case["weights"]) == case["expected"]


def test_missing_values_are_left_out_or_zero() -> None:
    low, high = [1.0, 1.1, 1.2, 1.3, math.nan], [5.0, 5.1, 5.2, 5.3, 5.4]
    assert classify(low, high, Rules()).label is Label.HIGH
    assert classify([math.nan], high, Rules()).label is Label.NO_DATA
    assert classify([math.nan] * 5, high, Rules(replace_missing=True)) == (Label.HIGH, False)


def test_a_critical_metric_that_is_low_fails_the_canary() -> None:
    got = classify([5.0, 5.1, 5.2, 5.3, 5.4], [1.0, 1.1, 1.2, 1.3, 1.4], Rules(critical=True))
    assert got == (Label.LOW, True)


def test_a_critical_failure_or_no_metric_scores_nothing() -> None:
    metrics = [Scored("a", Label.PASS, True), Scored("a", Label.HIGH, True)]
    assert score(metrics, {}) == 0
    assert score([], {}) == 0


def test_values_far_from_the_others_can_be_left_out() -> None:
    usual, spiky = [1.0, 1.1, 1.2, 1.3, 1.2, 1.1], [1.0, 1.1, 1.2, 1.3, 1.2, 1.1, 90.0]
    worse = [2.0, 2.1, 2.2, 2.1, 2.0, 2.2]
    by_mean = Rules(allowed=(1.0, 1.2))
    assert classify(usual, worse, by_mean).label is Label.HIGH
    # One spike lifts the baseline's mean so far that the canary seems the smaller one.
    assert classify(spiky, worse, by_mean).label is Label.PASS
    left_out = Rules(allowed=(1.0, 1.2), outliers=3.0)
    assert classify(spiky, worse, left_out).label is Label.HIGH


def test_a_ratio_to_nothing_has_no_answer() -> None:
    case = STATS["mean-ratio-zero"]
    assert case["mean_ratio"] == "NaN"
    assert mean_ratio(case["experiment"], case["control"]) is None
    assert mean_ratio([], [1.0]) is None
    assert mean_ratio([3.0, 5.0], [2.0]) == 2.0
