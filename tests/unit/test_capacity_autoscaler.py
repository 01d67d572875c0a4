"""An autoscaler pinned at its maximum, and one that flaps."""

import math

import pytest

from mtop_tui.domain.capacity.answers import FigureError
from mtop_tui.domain.capacity.autoscaler import Pinned, Scale, pinned_at_maximum, thrash


def minutes(desired: list[int | None], step: float = 60) -> list[Scale]:
    return [Scale(i * step, count, count) for i, count in enumerate(desired)]


def test_wanting_the_maximum_for_long_is_pinned() -> None:
    assert pinned_at_maximum(minutes([3, 5, 8, *[8] * 12]), 8) == Pinned(120, 720)


def test_wanting_more_than_the_maximum_is_pinned_too() -> None:
    rows = [Scale(60.0 * i, 8, 12) for i in range(11)]
    assert pinned_at_maximum(rows, 8) == Pinned(0, 600)


@pytest.mark.parametrize(
    "desired",
    [
        [],
        [8],
        [8] * 10,
        [*[8] * 20, 7],
        [*[8] * 10, 7, *[8] * 10],
        [*[8] * 10, None, *[8] * 10],
    ],
    ids=["none", "one", "short", "over", "interrupted", "gap"],
)
def test_a_peak_is_not_pinned(desired: list[int | None]) -> None:
    assert pinned_at_maximum(minutes(desired), 8) is None


def test_after_the_clock_went_back_the_time_counts_anew() -> None:
    rows = [*minutes([8] * 15), Scale(100, 8, 8), Scale(500, 8, 8)]
    assert pinned_at_maximum(rows, 8) is None
    assert pinned_at_maximum([*rows, Scale(700, 8, 8)], 8) == Pinned(100, 600)


def test_an_autoscaler_without_a_maximum_is_not_pinned() -> None:
    assert pinned_at_maximum(minutes([0] * 60), 0) is None


def test_up_and_down_in_turn_is_flapping() -> None:
    result = thrash(minutes([2, 4, 4, 2, 5, 2, 2, 2, 2, 2, 2]), 2, seconds_to_load=180)
    assert result is not None
    assert result.changes == 4
    assert result.changes_per_hour == 24
    assert result.started == 5
    assert result.reversals == 3
    assert result.gpu_hours_loading == 0.5
    assert result.flapping


@pytest.mark.parametrize("counts", [[2, 3, 4, 8], [2, 8, 8, 2], [3, 3, 3], [8, 4, 2]])
def test_following_one_peak_of_load_is_not_flapping(counts: list[int | None]) -> None:
    result = thrash(minutes(counts), 2, seconds_to_load=None)
    assert result is not None
    assert not result.flapping
    assert result.gpu_hours_loading is None


def test_rows_that_say_nothing_are_left_out() -> None:
    rows = [Scale(0, 2, 2), Scale(60, None, 3), Scale(30, 9, 9), Scale(20, 1, 1), Scale(3600, 3, 3)]
    result = thrash(rows, 1, 60)
    assert result is not None
    assert result.changes == result.changes_per_hour == 2
    assert result.started == 7
    assert result.reversals == 1


def test_less_than_two_rows_say_nothing() -> None:
    assert thrash([], 1, 60) is None
    assert thrash([Scale(0, 2, 2), Scale(0, 3, 3)], 1, 60) is None


@pytest.mark.parametrize(("gpus", "seconds"), [(-1, 60.0), (1, -1.0), (1, math.nan)])
def test_impossible_figures_are_refused(gpus: int, seconds: float) -> None:
    with pytest.raises(FigureError):
        thrash(minutes([1, 2]), gpus, seconds)
