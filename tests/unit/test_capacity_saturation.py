"""The llm-d autoscaler's rule of saturation, its targets, and headroom as observed."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.capacity.answers import FigureError
from mtop_tui.domain.capacity.headroom import LoadWindow, headroom, observed_envelope
from mtop_tui.domain.capacity.saturation import (
    EPP_THRESHOLDS,
    WVA_THRESHOLDS,
    ReplicaLoad,
    Saturation,
    Spare,
    Thresholds,
    Variant,
    is_saturated,
    saturation,
    targets,
    threshold_differences,
)

VECTORS = json.loads((Path(__file__).parent / "vectors/capacity_wva.json").read_text())["cases"]
CASES: dict[str, dict[str, Any]] = {case["id"]: case for case in VECTORS}


def seen(case: dict[str, Any]) -> Saturation:
    queue = case.get("queue", [0] * len(case["kv"]))
    return saturation(
        map(ReplicaLoad, case["kv"], queue),
        Thresholds(case["kv_threshold"], case.get("queue_threshold", 5)),
        Spare(case.get("spare_trigger", 0.1), case.get("queue_spare_trigger", 3)),
    )


def test_the_mean_spare_decides_on_more_replicas() -> None:
    case = CASES["wva-no"]
    result = seen(case)
    assert result.spare is not None
    assert result.spare.kv == pytest.approx(case["avg_spare"], rel=1e-9)
    assert result.scale_up is case["scale_up"]


def test_at_the_trigger_is_not_below_it() -> None:
    case = CASES["wva-boundary"]
    result = seen(case)
    assert result.spare is not None
    assert result.spare.kv == pytest.approx(case["avg_spare"], rel=1e-9)
    assert not result.scale_up


@pytest.mark.parametrize("kv", [[0.7], [0.7, 0.7, 0.7], [0.6, 0.8 - 1e-6, 0.7], [0.65, 0.75, 0.7]])
def test_rounding_does_not_scale_up(kv: list[float]) -> None:
    assert not saturation([ReplicaLoad(value) for value in kv]).scale_up


def test_one_replica_less_is_safe_with_spare_left() -> None:
    case = CASES["wva-down-safe"]
    expected = case["scale_down"]
    result = seen(case)
    assert result.after_removal is not None
    assert result.after_removal.kv == pytest.approx(expected["spare_kv"], rel=1e-9)
    assert result.after_removal.queue == pytest.approx(expected["spare_queue"], rel=1e-9)
    assert result.scale_down_safe is expected["safe"]


def test_the_last_replica_is_never_given_up() -> None:
    case = CASES["wva-one-replica"]
    result = seen(case)
    assert result.scale_down_safe is case["scale_down"]["safe"]
    assert result.after_removal is None


def test_the_five_replicas_of_the_documentation() -> None:
    result = saturation(map(ReplicaLoad, [0.70, 0.75, 0.60, 0.65, 0.55], [2, 3, 1, 2, 1]))
    assert result.spare == pytest.approx((0.15, 3.2))
    assert result.after_removal is not None
    assert 0.8 - result.after_removal.kv == pytest.approx(0.8125)
    assert not result.scale_up
    assert not result.scale_down_safe


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (ReplicaLoad(0.80, 0), True),
        (ReplicaLoad(0.7999, 4.9), False),
        (ReplicaLoad(0.1 * 8, 0), True),
        (ReplicaLoad(sum([0.1] * 8), 0), True),
        (ReplicaLoad(0.0, 5), True),
    ],
)
def test_saturated_is_at_the_threshold(load: ReplicaLoad, expected: bool) -> None:
    assert is_saturated(load) is expected


def test_saturated_replicas_are_out_of_the_mean() -> None:
    result = saturation([ReplicaLoad(0.95, 20), ReplicaLoad(0.3, 1)])
    assert (result.replicas, result.saturated) == (2, 1)
    assert result.spare == pytest.approx((0.5, 4))
    assert not result.scale_up


def test_all_saturated_means_more_replicas() -> None:
    result = saturation([ReplicaLoad(0.95), ReplicaLoad(0.9)])
    assert result.spare == (0, 0)
    assert result.scale_up
    assert not result.scale_down_safe


def test_a_short_queue_spare_is_enough_to_scale_up() -> None:
    assert saturation([ReplicaLoad(0.1, 3)]).scale_up


def test_nothing_seen_wants_nothing() -> None:
    result = saturation([])
    assert result.spare is None
    assert not result.scale_up
    assert not result.scale_down_safe


def test_replicas_without_valid_figures_are_counted_apart() -> None:
    result = saturation([ReplicaLoad(math.nan), ReplicaLoad(-0.1), ReplicaLoad(0.2, math.inf)])
    assert (result.replicas, result.unread) == (0, 3)
    assert result.spare is None


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 10)), max_size=8))
def test_more_and_less_are_never_wanted_together(loads: list[tuple[float, int]]) -> None:
    result = saturation([ReplicaLoad(*load) for load in loads])
    assert not (result.scale_up and result.scale_down_safe)


UP = saturation([ReplicaLoad(0.75)])
DOWN = saturation([ReplicaLoad(0.1)] * 4)
STEADY = saturation([ReplicaLoad(0.5)])


def test_the_cheapest_variant_grows_and_one_underway_is_kept() -> None:
    case = CASES["wva-targets"]
    variants = [
        Variant(v["name"], v["cost"], v["current"], v["desired"], v["pending"])
        for v in case["variants"]
    ]
    assert UP.scale_up is case["scale_up"]
    assert targets(variants, UP) == case["targets"]


def test_a_tie_is_decided_by_name() -> None:
    variants = [Variant("b", 10, 2), Variant("a", 10, 2), Variant("c", 10, 2)]
    assert targets(variants, UP) == {"a": 3, "b": 2, "c": 2}
    assert targets(variants, DOWN) == {"a": 2, "b": 2, "c": 1}


def test_the_dearest_shrinks_but_not_below_one() -> None:
    assert targets([Variant("dear", 20, 1), Variant("cheap", 5, 3)], DOWN) == {
        "dear": 1,
        "cheap": 2,
    }
    assert targets([Variant("only", 20, 1)], DOWN) == {"only": 1}


def test_a_variant_that_still_loads_does_not_grow_again() -> None:
    variants = [Variant("cheap", 5, 3, pending=1), Variant("dear", 20, 2)]
    assert targets(variants, UP) == {"cheap": 3, "dear": 3}
    assert targets(variants[:1], UP) == {"cheap": 3}


def test_a_target_not_yet_reached_is_kept() -> None:
    variants = [Variant("a", 5, 2, desired=4), Variant("b", 20, 3, desired=3)]
    assert targets(variants, UP) == {"a": 4, "b": 4}
    assert targets(variants, DOWN) == {"a": 4, "b": 2}


def test_nothing_to_do_keeps_what_is_there() -> None:
    assert targets([Variant("a", 5, 2), Variant("b", 20, 3)], STEADY) == {"a": 2, "b": 3}


@pytest.mark.parametrize(
    "variants",
    [
        [Variant("a", 5, 1), Variant("a", 6, 1)],
        [Variant("a", -5, 1)],
        [Variant("a", math.nan, 1)],
        [Variant("a", 5, -1)],
    ],
    ids=["same name", "negative cost", "NaN cost", "negative count"],
)
def test_impossible_variants_are_refused(variants: list[Variant]) -> None:
    with pytest.raises(FigureError):
        targets(variants, STEADY)


def test_equal_thresholds_have_no_difference() -> None:
    assert threshold_differences(WVA_THRESHOLDS, EPP_THRESHOLDS) == []
    assert threshold_differences(Thresholds(0.1 + 0.7, 5), EPP_THRESHOLDS) == []


def test_unequal_thresholds_say_what_comes_of_it() -> None:
    first, second = threshold_differences(Thresholds(0.7, 15), EPP_THRESHOLDS)
    assert (first.name, first.wva, first.epp) == ("KV cache", 0.7, 0.8)
    assert "still sent" in first.consequence
    assert (second.name, second.wva, second.epp) == ("queue", 15, 5)
    assert "turned away" in second.consequence


def test_headroom_is_what_is_left_of_the_highest_load_that_held() -> None:
    envelope = observed_envelope(
        [LoadWindow(8, True), LoadWindow(11, True), LoadWindow(12.5, False), LoadWindow(30, None)]
    )
    assert envelope == (11, 12.5, 3)
    assert envelope is not None
    result = headroom(8.25, envelope)
    assert result.fraction == pytest.approx(0.25)
    assert result.seen_up_to == 11
    assert not result.at_least


def test_without_a_miss_there_may_be_more_headroom() -> None:
    envelope = observed_envelope([LoadWindow(11, True)])
    assert envelope is not None
    assert headroom(0, envelope) == (1, True, 11)


def test_load_above_what_held_is_negative_headroom() -> None:
    envelope = observed_envelope([LoadWindow(10, True), LoadWindow(12, False)])
    assert envelope is not None
    assert headroom(12, envelope).fraction == pytest.approx(-0.2)


@pytest.mark.parametrize(
    "windows",
    [
        [],
        [LoadWindow(9, False)],
        [LoadWindow(math.nan, True)],
        [LoadWindow(0, True)],
        [LoadWindow(5, None)],
    ],
)
def test_without_load_that_held_there_is_no_envelope(windows: list[LoadWindow]) -> None:
    assert observed_envelope(windows) is None


@pytest.mark.parametrize("load", [math.nan, -1.0, math.inf])
def test_headroom_refuses_an_impossible_load(load: float) -> None:
    envelope = observed_envelope([LoadWindow(10, True)])
    assert envelope is not None
    with pytest.raises(FigureError, match="load"):
        headroom(load, envelope)
