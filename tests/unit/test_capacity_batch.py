"""The line of inter-token latency over batch size, and the batch an objective allows."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from mtop_tui.domain.capacity.answers import FigureError, NotKnown
from mtop_tui.domain.capacity.batch import BatchLimit, BatchLine, batch_limit, fit_itl

VECTORS = json.loads((Path(__file__).parent / "vectors/capacity_wva.json").read_text())["cases"]
CASE = next(case for case in VECTORS if case["id"] == "itl-fit")


def fitted(points: list[tuple[float, float]]) -> BatchLine:
    line = fit_itl(points)
    assert isinstance(line, BatchLine)
    return line


def test_two_benchmark_runs_give_the_published_line() -> None:
    line = fitted([(batch, itl) for batch, itl in CASE["points"]])
    assert line.base == pytest.approx(CASE["alpha"], rel=1e-9)
    assert line.per_sequence == pytest.approx(CASE["beta"], rel=1e-9)
    assert round(line.base, 3) == CASE["published"][0]
    assert round(line.per_sequence, 3) == CASE["published"][1]
    assert (line.points, line.smallest, line.largest) == (2, 1, 64)


def test_the_limit_beyond_what_was_seen_is_marked() -> None:
    line = fitted([(1, 7.0), (64, 8.7)])
    assert batch_limit(line, 10) == BatchLimit(112, beyond_seen=True)
    assert batch_limit(line, 8) == BatchLimit(38, beyond_seen=False)


def test_a_limit_that_fits_exactly_is_not_rounded_down() -> None:
    assert batch_limit(BatchLine(7.0, 0.1, 9, 1, 64), 10.0) == BatchLimit(30, beyond_seen=False)


def test_an_objective_below_the_first_sequence_allows_none() -> None:
    assert batch_limit(BatchLine(7.0, 0.1, 9, 1, 64), 5.0) == BatchLimit(0, beyond_seen=False)


def test_a_line_that_does_not_rise_sets_no_limit() -> None:
    for slope in (0.0, -0.1):
        assert isinstance(batch_limit(BatchLine(7.0, slope, 9, 1, 64), 10.0), NotKnown)


@pytest.mark.parametrize("objective", [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_objective_is_refused(objective: float) -> None:
    with pytest.raises(FigureError, match="objective"):
        batch_limit(BatchLine(7.0, 0.1, 9, 1, 64), objective)


def test_stalls_do_not_move_the_line() -> None:
    clean = [(float(batch), 7 + 0.03 * batch) for batch in range(1, 65)]
    wild = [(batch, 400.0) if batch % 5 == 0 else (batch, itl) for batch, itl in clean]
    line = fitted(wild)
    assert line.base == pytest.approx(7, rel=0.01)
    assert line.per_sequence == pytest.approx(0.03, rel=0.1)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(8.0, 7.0)],
        [(30.0, 7.0), (33.0, 7.5), (36.0, 7.6)],
        [(8.0, 7.0), (8.0, 7.1), (8.0, 7.2)],
        [(1.0, math.nan), (64.0, 8.7), (0.0, 7.0)],
    ],
    ids=["none", "one", "narrow", "one size", "invalid"],
)
def test_too_little_is_said_to_be_too_little(points: list[tuple[float, float]]) -> None:
    assert isinstance(fit_itl(points), NotKnown)


def test_a_day_of_samples_is_thinned_evenly() -> None:
    line = fitted([(float(1 + i % 64), 7 + 0.03 * (1 + i % 64)) for i in range(5760)])
    assert line.points == 5760
    assert line.per_sequence == pytest.approx(0.03)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # of scipy, in its interval
@given(st.lists(st.tuples(st.integers(1, 256), st.floats(1, 500)), min_size=2, max_size=40))
def test_scipy_agrees(points: list[tuple[int, float]]) -> None:
    batches = [batch for batch, _ in points]
    assume(max(batches) >= 2 * min(batches))
    line = fitted([(float(batch), itl) for batch, itl in points])
    slope, base, _, _ = stats.theilslopes([itl for _, itl in points], batches, method="joint")
    assert line.per_sequence == pytest.approx(slope, rel=1e-9, abs=1e-9)
    assert line.base == pytest.approx(base, rel=1e-9, abs=1e-9)
