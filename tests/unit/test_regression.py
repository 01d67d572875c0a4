"""Lines through samples: Prometheus's figures, scipy's, and what a line cannot say."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import linregress

from mtop_tui.domain.regression import Line, deriv, least_squares, predict_linear

VECTORS = json.loads((Path(__file__).parent / "vectors/prometheus_regression.json").read_text())


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["id"])
def test_prometheus_trends(case: dict[str, Any]) -> None:
    end = float(case["eval_at"])
    start = end - case["window"]
    if case["fn"] == "deriv":
        got = deriv(case["samples"], start, end)
    else:
        got = predict_linear(case["samples"], start, end, case["horizon"])
    assert got == pytest.approx(case["expected"], rel=1e-9)


POINTS = st.lists(
    st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000)), min_size=3, max_size=30
)


@given(POINTS)
def test_lines_are_those_of_scipy(points: list[tuple[float, float]]) -> None:
    xs, ys = zip(*points, strict=True)
    assume(len(set(xs)) > 1 and len(set(ys)) > 1)
    line = least_squares(points)
    assert line is not None
    expected = linregress(xs, ys)
    assert line.slope == pytest.approx(expected.slope, abs=1e-9)
    assert line.intercept == pytest.approx(expected.intercept, abs=1e-6)
    assert line.slope_error == pytest.approx(expected.stderr, rel=1e-6, abs=1e-5)


@given(
    st.integers(-50, 50), st.integers(-50, 50), st.sets(st.integers(0, 99), min_size=3, max_size=9)
)
def test_points_on_a_line_give_that_line(slope: int, intercept: int, xs: set[int]) -> None:
    line = least_squares([(x, intercept + slope * x) for x in xs])
    assert line == pytest.approx((slope, intercept, 0), abs=1e-6)


def test_a_flat_series_is_exactly_flat() -> None:
    line = least_squares([(at * 0.1, 0.1) for at in range(10)])
    assert line == Line(0.0, 0.1, 0.0)


def test_two_points_make_a_line_of_unknown_error() -> None:
    assert least_squares([(0, 1), (2, 5)]) == Line(2.0, 1.0, math.inf)


def test_the_time_of_a_wall_clock_costs_no_digits() -> None:
    now = 1.8e9
    samples = [(now - 60 + at, 0.5 + at * 1e-6) for at in range(61)]
    assert deriv(samples, now - 61, now) == pytest.approx(1e-6, rel=1e-6)
    assert predict_linear(samples, now - 61, now, 1000) == pytest.approx(0.50106, rel=1e-9)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(1.0, 2.0)],
        [(1.0, 2.0), (1.0, 3.0)],
        [(1.0, 2.0), (2.0, math.nan)],
        [(0.0, -1e308), (1.0, 1e308), (2.0, -1e308)],
        [(-1e308, 0.0), (1e308, 1.0)],
    ],
    ids=["none", "one", "one instant", "one known", "y too large", "x too large"],
)
def test_what_makes_no_line_is_none(points: list[tuple[float, float]]) -> None:
    assert least_squares(points) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_points_that_are_not_known_are_left_out(bad: float) -> None:
    points = [(0.0, 1.0), (1.0, 2.0), (2.0, 4.0)]
    assert least_squares([*points, (3.0, bad), (bad, 3.0)]) == least_squares(points)


def test_one_sample_in_the_window_says_nothing() -> None:
    samples = [(0.0, 1.0), (60.0, 2.0)]
    assert deriv(samples, 0, 60) is None
    assert predict_linear(samples, 0, 60, 60) is None
