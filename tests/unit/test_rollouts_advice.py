"""The pace of a rollout, and what is advised."""

from __future__ import annotations

import pytest

from mtop_tui.domain.rollouts.advice import Situation, next_step
from mtop_tui.domain.rollouts.canary import Count, MetricVerdict, Verdict
from mtop_tui.domain.rollouts.pace import pace, rolling_limits
from mtop_tui.domain.rollouts.stuck import Cause, Progress, State

MOVING = Progress(State.MOVING, None, "")


def verdict(metric: str, said: Verdict, *reasons: str, seconds: float | None = None):
    return MetricVerdict(
        metric, said, Count(1, 100), Count(2, 100), 1.0, None, 500, seconds, reasons
    )


def test_the_pace_is_the_mean_time_per_replica_so_far() -> None:
    found = pace(100.0, [220.0, 340.0], 5, 400.0)
    assert found is not None
    assert found.per_replica == 120
    assert found.left == 3 * 120 - 60


def test_before_the_first_replica_there_is_no_pace_and_a_late_one_has_no_end() -> None:
    assert pace(0.0, [], 3, 500.0) is None
    late = pace(0.0, [100.0], 2, 300.0)
    assert late is not None
    assert late.left is None
    over = pace(0.0, [100.0, 200.0], 2, 900.0)
    assert over is not None
    assert over.left == 0


@pytest.mark.parametrize(
    ("desired", "grouped", "limits"),
    [
        (1, False, (1, 0)),
        (3, False, (1, 0)),
        (4, False, (1, 1)),
        (9, False, (3, 2)),
        (4, True, (0, 1)),
    ],
)
def test_limits_are_those_of_kubernetes(desired: int, grouped: bool, limits) -> None:
    assert rolling_limits(desired, grouped=grouped) == limits


def test_limits_that_are_stated_come_first_and_never_stop_everything() -> None:
    assert rolling_limits(8, grouped=False, surge=2, unavailable="50%") == (2, 4)
    assert rolling_limits(8, grouped=False, surge="1%", unavailable=0) == (1, 0)
    assert rolling_limits(8, grouped=False, surge=0, unavailable="1%") == (0, 1)


def advised(**more) -> str:
    return next_step(Situation("old", "new", more.pop("progress", MOVING), **more))


def test_what_is_worse_loses_its_traffic_however_it_got_it() -> None:
    worse = [verdict("errors", Verdict.WORSE), verdict("TTFT", Verdict.PASS)]
    assert advised(canary_share=0.1, verdicts=worse) == (
        "new is worse by errors: take its traffic back, set its weight to 0."
    )
    assert "give it no traffic" in advised(canary_share=0.0, verdicts=worse)
    assert "roll back" in advised(verdicts=worse)
    assert "do not roll it out" in advised(verdicts=worse, mirrored=True)


def test_what_was_worse_is_given_no_traffic_just_because_it_gets_none_to_be_compared_by() -> None:
    unlike = [verdict("errors", Verdict.NOT_COMPARABLE, "prompt length: differs")]
    said = advised(canary_share=0.0, verdicts=unlike, was_worse=["errors"])
    assert said == "new was worse by errors: give it no traffic before the cause is found."
    passed = [verdict("errors", Verdict.PASS)]
    assert "more traffic" in advised(canary_share=0.1, verdicts=passed, was_worse=["errors"])


def test_what_is_stuck_comes_before_any_verdict() -> None:
    stuck = Progress(State.STUCK, Cause.NO_GPU, "")
    worse = [verdict("errors", Verdict.WORSE)]
    assert "Free GPUs" in advised(progress=stuck, canary_share=0.1, verdicts=worse)


def test_a_canary_without_traffic_needs_some_and_one_with_all_ends_the_old() -> None:
    assert "some traffic" in advised(canary_share=0.0)
    assert advised(canary_share=1.0).startswith("Stop old")


def test_too_little_data_is_waited_for_with_the_time_it_takes() -> None:
    wait = [verdict("errors", Verdict.NOT_ENOUGH_DATA, seconds=120.0)]
    assert "about 2m" in advised(canary_share=0.1, verdicts=wait)


def test_unlike_sides_are_to_be_made_alike_unless_something_can_be_compared() -> None:
    unlike = verdict("TTFT", Verdict.NOT_COMPARABLE, "load per replica: canary 1, baseline 4")
    alone = advised(canary_share=0.1, verdicts=[unlike])
    assert alone.startswith("Make both sides alike")
    assert "load per replica" in alone
    beside = advised(canary_share=0.1, verdicts=[unlike, verdict("errors", Verdict.PASS)])
    assert beside.startswith("Nothing speaks against it")


def test_no_second_version_is_nothing_to_do() -> None:
    assert next_step(Situation("old", None, MOVING)) == "Nothing: one version serves."
