"""Prometheus's own figures for increase and rate, and resets."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.counters import increase, rate, was_reset

VECTORS = json.loads((Path(__file__).parent / "vectors/prometheus_counters.json").read_text())
FUNCTIONS = {"increase": increase, "rate": rate}


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["id"])
def test_prometheus_counters(case: dict[str, Any]) -> None:
    samples = [(float(at), float(value)) for at, value in case["samples"]]
    end = float(case["eval_at"])
    got = FUNCTIONS[case["fn"]](samples, end - case["window"], end)
    if case["expected"] is None:
        assert got is None
    else:
        assert got == pytest.approx(case["expected"], rel=1e-9)


def test_one_sample_says_nothing() -> None:
    assert increase([(10.0, 5.0)], 0, 60) is None


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
