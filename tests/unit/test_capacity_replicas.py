"""Replicas a load needs, and the GPU-hours held above what a perfect autoscaler would hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.capacity.answers import FigureError
from mtop_tui.domain.capacity.replicas import (
    AutoscalingLine,
    Gap,
    Stretch,
    autoscaling_line,
    replicas_needed,
)


def line(stretches: list[Stretch], goodput: float = 4.0, gpus: int = 2) -> AutoscalingLine:
    result = autoscaling_line(stretches, goodput, gpus)
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("load", "goodput", "headroom", "expected"),
    [
        (40, 4.0, 0.2, 12),
        (40, 9.0, 0.2, 6),
        (0, 4.0, 0.2, 0),
        (0.01, 4.0, 0, 1),
        (0.3, 0.1, 0, 3),
        (1.1 * 3, 1.1, 0, 3),
        (4.0001, 4.0, 0, 2),
    ],
)
def test_replicas_needed(load: float, goodput: float, headroom: float, expected: int) -> None:
    assert replicas_needed(load, goodput, headroom) == expected


def test_the_minimum_is_kept_without_load() -> None:
    assert replicas_needed(0, 4, minimum=2) == 2
    assert replicas_needed(40, 4, minimum=2) == 10


@pytest.mark.parametrize(
    ("load", "goodput", "headroom"),
    [
        (math.nan, 4, 0),
        (-1, 4, 0),
        (math.inf, 4, 0),
        (1, 0, 0),
        (1, math.nan, 0),
        (1, 4, -0.1),
        (1e308, 1e-308, 0),
    ],
)
def test_impossible_figures_are_refused(load: float, goodput: float, headroom: float) -> None:
    with pytest.raises(FigureError):
        replicas_needed(load, goodput, headroom)


@given(st.just(0.0) | st.floats(1e-9, 1e4), st.floats(0.01, 1e3), st.floats(0, 1))
def test_the_replicas_carry_the_load_and_one_less_would_not(
    load: float, goodput: float, headroom: float
) -> None:
    needed = replicas_needed(load, goodput, headroom)
    wanted = load * (1 + headroom)
    assert needed * goodput >= wanted * (1 - 1e-8)
    assert needed == 0 or (needed - 1) * goodput < wanted


def test_a_fleet_that_follows_the_load_has_no_gap() -> None:
    result = line([Stretch(3600, 4, busy=1), Stretch(1800, 12, busy=3)])
    assert result.peak_gpus == 6
    assert result.gpu_hours == result.used_gpu_hours == 5
    assert result.mean_gpus == pytest.approx(5 / 1.5)
    assert result.ratio == 1
    assert result.gap == Gap()


def test_the_gap_is_split_by_cause() -> None:
    result = line([Stretch(3600, 8, busy=3, idle=2, loading=1, free_gpus=5)])
    assert result.gpu_hours == 4
    assert result.used_gpu_hours == 17
    assert result.gap == Gap(node_idle=5, loading=2, service_idle=4, headroom=2)
    assert result.ratio == 4.25


def test_an_idle_replica_that_the_load_needs_is_not_idle() -> None:
    assert line([Stretch(3600, 8, busy=1, idle=1)]).gap == Gap()


def test_replicas_that_are_missing_are_a_shortfall() -> None:
    result = line([Stretch(3600, 16, busy=1, loading=2)])
    assert result.gap == Gap(loading=4, shortfall=6)
    assert result.ratio == 0.75


def test_without_load_nothing_is_needed_and_there_is_no_ratio() -> None:
    result = line([Stretch(3600, 0, busy=0, idle=2)])
    assert result.gpu_hours == 0
    assert result.ratio is None
    assert result.gap == Gap(service_idle=4)


def test_time_of_unknown_load_is_apart() -> None:
    result = line([Stretch(3600, None, busy=9), Stretch(1800, math.nan, busy=9), Stretch(60, 4, 1)])
    assert result.unknown_hours == 1.5
    assert result.ratio == 1


@pytest.mark.parametrize("stretches", [[], [Stretch(3600, None, busy=2)], [Stretch(0, 4, busy=2)]])
def test_without_observed_time_there_is_no_line(stretches: list[Stretch]) -> None:
    assert autoscaling_line(stretches, 4, 1) is None


@pytest.mark.parametrize(
    "stretch",
    [
        Stretch(-1, 4, busy=1),
        Stretch(math.nan, 4, busy=1),
        Stretch(60, -4, busy=1),
        Stretch(60, 4, busy=-1),
        Stretch(60, 4, busy=1, free_gpus=-2),
    ],
)
def test_an_impossible_stretch_is_refused(stretch: Stretch) -> None:
    with pytest.raises(FigureError):
        autoscaling_line([stretch], 4, 1)


small = st.integers(0, 20)
a_stretch = st.builds(Stretch, st.floats(1, 86_400), st.floats(0, 100), small, small, small, small)


@given(st.lists(a_stretch, min_size=1, max_size=10), st.floats(0.1, 20), st.integers(1, 16))
def test_the_causes_add_up_to_the_gap(stretches: list[Stretch], goodput: float, gpus: int) -> None:
    result = line(stretches, goodput, gpus)
    gap = result.gap
    explained = gap.node_idle + gap.loading + gap.service_idle + gap.headroom - gap.shortfall
    assert explained == pytest.approx(result.used_gpu_hours - result.gpu_hours, rel=1e-9, abs=1e-6)
    assert min(gap) >= 0
