"""When it is full, or why that is not said; and the smoothed trend."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mtop_tui.domain.capacity.answers import FigureError, NotKnown
from mtop_tui.domain.capacity.exhaustion import (
    STUDENT_T,
    Exhaustion,
    seconds_to_capacity,
    time_to_exhaustion,
)
from mtop_tui.domain.capacity.trend import LevelAndTrend, holt_linear

VECTORS = Path(__file__).parent / "vectors"
CASES = json.loads((VECTORS / "time_to_exhaustion.json").read_text())["cases"]
HOLT = next(
    case
    for case in json.loads((VECTORS / "change_and_trend.json").read_text())["cases"]
    if case["method"] == "holt_linear"
)

Points = list[tuple[float, float]]


def rising(count: int, step: float, slope: float, start: float = 0.2, noise: float = 0) -> Points:
    draw = random.Random(7)
    return [
        (i * step, start + slope * i * step + (draw.gauss(0, noise) if noise else 0))
        for i in range(count)
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_bare_formula(case: dict[str, Any]) -> None:
    points = [(at, value) for at, value in case["points"]]
    expected = case["expected"]
    got = seconds_to_capacity(points, case["capacity"])
    assert got == (None if expected is None else pytest.approx(expected, rel=1e-9))


def test_a_full_one_is_full_now() -> None:
    points = rising(10, 60, 1e-3, start=0.9)
    assert seconds_to_capacity(points, 0.95) == 0
    assert time_to_exhaustion(points, 0.95) == Exhaustion(0, 0, 0, 10, 540)


def test_no_sample_no_answer() -> None:
    assert seconds_to_capacity([], 1) is None


def test_a_clean_line_has_a_narrow_range() -> None:
    result = time_to_exhaustion(rising(31, 60, 1e-4), 1.0)
    assert isinstance(result, Exhaustion)
    assert result.seconds == pytest.approx((0.8 - 0.18) / 1e-4)
    assert result.earliest == pytest.approx(result.seconds)
    assert result.latest == pytest.approx(result.seconds)
    assert (result.points, result.window) == (31, 1800)


def test_noise_widens_the_range() -> None:
    result = time_to_exhaustion(rising(61, 60, 1e-4, noise=0.02), 1.0)
    assert isinstance(result, Exhaustion)
    assert result.earliest < result.seconds < result.latest


def test_the_range_is_that_of_the_slope() -> None:
    points = rising(32, 60, 1e-4, noise=0.02)
    line = stats.linregress(
        [at - points[-1][0] for at, _ in points], [value for _, value in points]
    )
    margin = stats.t.ppf(0.975, 30) * line.stderr
    result = time_to_exhaustion(points, 1.0)
    assert isinstance(result, Exhaustion)
    left = 1.0 - line.intercept
    assert result.earliest == pytest.approx(left / (line.slope + margin), rel=1e-6)
    assert result.latest == pytest.approx(left / (line.slope - margin), rel=1e-6)


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (rising(4, 60, 1e-3), "4 samples"),
        (rising(10, 60, math.nan), "0 samples"),
        (rising(10, 60, 0.0), "not filling"),
        (rising(10, 60, -1e-4), "not filling"),
        (rising(10, 60, 1e-6, noise=0.1), "scatter"),
        (rising(10, 60, 1e-4), "9m of samples cannot tell further than 36m"),
        (rising(10, 0, 0.0), "one moment"),
        ([*rising(10, 60, 1e-3), (30.0, 0.3)], "clock went back"),
        (rising(200, 600, 1e-6), "not within 1d"),
    ],
    ids=["few", "NaN", "flat", "falling", "scatter", "short", "no time", "clock", "far"],
)
def test_silence_has_a_reason(points: Points, reason: str) -> None:
    result = time_to_exhaustion(points, 1.0)
    assert isinstance(result, NotKnown)
    assert reason in result.reason


def test_the_horizon_is_asked_for() -> None:
    points = rising(200, 600, 1e-6)
    result = time_to_exhaustion(points, 1.0, horizon=1e7)
    assert isinstance(result, NotKnown)
    assert "cannot tell further" in result.reason
    nearer = time_to_exhaustion(points, 0.4, horizon=2e5)
    assert isinstance(nearer, Exhaustion)


def test_samples_without_a_value_are_left_out() -> None:
    points = rising(31, 60, 1e-4)
    holes: Points = [(at + 1, math.nan) for at, _ in points]
    assert time_to_exhaustion(sorted(points + holes, key=lambda p: p[0]), 1.0) == (
        time_to_exhaustion(points, 1.0)
    )


@pytest.mark.parametrize("capacity", [math.nan, math.inf])
def test_an_impossible_capacity_is_refused(capacity: float) -> None:
    for question in (seconds_to_capacity, time_to_exhaustion):
        with pytest.raises(FigureError, match="capacity"):
            question([(0.0, 0.1), (1.0, 0.2)], capacity)


@pytest.mark.parametrize(("degrees", "value"), STUDENT_T)
def test_the_table_of_student_t(degrees: int, value: float) -> None:
    assert value == pytest.approx(stats.t.ppf(0.975, degrees), abs=1e-6)


@given(st.lists(st.floats(0, 1), min_size=5, max_size=40))
def test_the_range_holds_the_prediction(values: list[float]) -> None:
    points = [(60.0 * i, value) for i, value in enumerate(values)]
    result = time_to_exhaustion(points, 2.0, horizon=1e9)
    if isinstance(result, Exhaustion):
        assert 0 <= result.earliest <= result.seconds <= result.latest < math.inf


def test_holt_reproduces_the_handbook() -> None:
    got = holt_linear(HOLT["data"], HOLT["alpha"], HOLT["gamma"])
    assert got[0].trend == pytest.approx(HOLT["initial_trend"], rel=1e-9)
    for (level, trend), expected in zip(got, HOLT["level_trend"], strict=True):
        assert level == pytest.approx(expected[0], abs=1e-6)
        assert trend == pytest.approx(expected[1], abs=1e-6)
    assert [round(level, 1) for level, _ in got] == HOLT["published_smoothed"]


def test_holt_goes_on_through_a_gap() -> None:
    got = holt_linear([1.0, 2.0, 3.0, math.nan, 5.0], 0.5, 0.5)
    assert got[3] == LevelAndTrend(4.0, 1.0)
    assert got[4] == LevelAndTrend(5.0, 1.0)


def test_holt_of_nothing() -> None:
    assert holt_linear([], 0.5, 0.5) == []
    assert holt_linear([math.nan], 0.5, 0.5) == []
    assert holt_linear([math.nan, 3.0], 0.5, 0.5) == [LevelAndTrend(3.0, 0.0)]
    assert holt_linear([3.0, 3.0], 1.0, 1.0, initial_trend=2.0)[0] == LevelAndTrend(3.0, 2.0)


@pytest.mark.parametrize(("alpha", "gamma"), [(-0.1, 0.5), (0.5, 1.1), (math.nan, 0.5)])
def test_holt_refuses_a_weight_out_of_range(alpha: float, gamma: float) -> None:
    with pytest.raises(FigureError):
        holt_linear([1.0], alpha, gamma)


@given(
    st.floats(-100, 100),
    st.floats(-10, 10),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(2, 30),
)
def test_holt_follows_a_straight_line(
    start: float, slope: float, alpha: float, gamma: float, count: int
) -> None:
    values = [start + slope * i for i in range(count)]
    level, trend = holt_linear(values, alpha, gamma)[-1]
    assert level == pytest.approx(values[-1], abs=1e-6)
    assert trend == pytest.approx(slope, abs=1e-6)
