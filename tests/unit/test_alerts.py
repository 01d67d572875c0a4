"""Alerts go from pending to firing to resolved, and nothing unknown moves them."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.alerts import (
    RESOLVED_KEPT,
    RULES,
    AlertRule,
    AlertState,
    Limit,
    Readings,
    step,
)

BY_NAME = {rule.name: rule for rule in RULES}
QUEUE = AlertRule("queue", (Limit("queue", 1.0, 0.8),), 60.0, "ticket", "queue")


def run(rule: AlertRule, steps: Sequence[tuple[float, Readings]]) -> list[str]:
    state, phases = AlertState(), []
    for at, readings in steps:
        state = step(rule, state, readings, at)
        phases.append(state.phase)
    return phases


def queue(*values: float | None, every: float = 30.0) -> list[tuple[float, Readings]]:
    return [(every * index, {"queue": value}) for index, value in enumerate(values)]


def test_it_fires_after_its_duration_and_resolves_when_it_is_over() -> None:
    assert run(QUEUE, queue(0.5, 1.0, 1.2, 1.2, 1.5, 0.1, 0.1)) == [
        "inactive", "pending", "pending", "firing", "firing", "resolved", "resolved",
    ]  # fmt: skip


def test_a_pending_alert_that_ends_too_soon_never_fires() -> None:
    assert run(QUEUE, queue(1.2, 1.2, 0.9, 1.2, 1.2)) == [
        "pending", "pending", "inactive", "pending", "pending",
    ]  # fmt: skip


def test_around_its_threshold_a_firing_alert_does_not_flap() -> None:
    assert run(QUEUE, queue(1.1, 1.1, 1.1, 0.9, 1.1, 0.85, 0.79)) == [
        "pending", "pending", "firing", "firing", "firing", "firing", "resolved",
    ]  # fmt: skip


@pytest.mark.parametrize("unknown", [None, math.nan])
def test_what_is_not_known_changes_nothing_and_does_not_count(unknown: float | None) -> None:
    assert run(QUEUE, queue(1.1, unknown, unknown, unknown, 1.1, 1.1, 1.1)) == [
        "pending", "pending", "pending", "pending", "pending", "pending", "firing",
    ]  # fmt: skip
    assert run(QUEUE, queue(1.1, 1.1, 1.1, unknown, unknown))[-1] == "firing"
    assert run(QUEUE, queue(0.1, unknown)) == ["inactive", "inactive"]
    assert run(QUEUE, [(0.0, {})]) == ["inactive"]


def test_a_clock_that_goes_back_counts_as_no_time() -> None:
    assert run(QUEUE, [(t, {"queue": 2.0}) for t in (100.0, 130.0, 10.0, 50.0, 130.0, 160.0)]) == [
        "pending", "pending", "pending", "pending", "pending", "firing",
    ]  # fmt: skip


@pytest.mark.parametrize("now", [math.nan, math.inf])
def test_a_time_that_is_none_is_refused(now: float) -> None:
    with pytest.raises(ValueError, match="finite time"):
        step(QUEUE, AlertState(), {"queue": 1.0}, now)


def test_a_resolved_alert_fires_again_only_after_its_duration() -> None:
    assert run(QUEUE, queue(2, 2, 2, 0, 2, 2, 2)) == [
        "pending", "pending", "firing", "resolved", "pending", "pending", "firing",
    ]  # fmt: skip


def test_a_resolved_alert_is_forgotten_after_a_while() -> None:
    steps = [*queue(2, 2, 2, 0), (90.0 + RESOLVED_KEPT - 1, {"queue": 0.0})]
    assert run(QUEUE, steps)[-1] == "resolved"
    assert run(QUEUE, [*steps, (90.0 + RESOLVED_KEPT, {"queue": 0.0})])[-1] == "inactive"


def test_a_rule_without_duration_fires_at_once() -> None:
    assert run(BY_NAME["slo-page"], [(0, {"slo_page": True}), (1, {"slo_page": False})]) == [
        "firing",
        "resolved",
    ]


def test_not_ready_for_five_minutes() -> None:
    steps = [(60.0 * minute, {"not_ready": True}) for minute in range(7)]
    assert run(BY_NAME["not-ready"], steps) == ["pending"] * 5 + ["firing"] * 2


@pytest.mark.parametrize(
    ("usage", "preemptions", "phase"),
    [
        (0.97, 3.0, "firing"),
        (0.97, 0.0, "inactive"),
        (0.94, 3.0, "inactive"),
        (0.97, None, "inactive"),
        (None, 0.0, "inactive"),
    ],
)
def test_a_full_cache_alone_is_no_alert(
    usage: float | None, preemptions: float | None, phase: str
) -> None:
    readings: Readings = {"kv_usage": usage, "preemption_rate": preemptions}
    assert run(BY_NAME["kv-saturated"], [(60.0 * n, readings) for n in range(3)])[-1] == phase


def test_one_part_known_to_be_fine_resolves_whatever_the_other_is() -> None:
    full: Readings = {"kv_usage": 0.99, "preemption_rate": 1.0}
    steps = [(0.0, full), (60.0, full), (90.0, {"kv_usage": None, "preemption_rate": 0.0})]
    assert run(BY_NAME["kv-saturated"], steps) == ["pending", "firing", "resolved"]


def test_each_shipped_rule_fires_and_resolves() -> None:
    for rule in RULES:
        bad: Readings = {limit.reading: limit.fires_at for limit in rule.limits}
        fine: Readings = {limit.reading: 0.0 for limit in rule.limits}
        phases = run(rule, [(0.0, bad), (rule.hold, bad), (rule.hold + 1, fine)])
        assert phases[1:] == ["firing", "resolved"], rule.name


def test_shipped_thresholds_are_those_of_the_issue() -> None:
    assert BY_NAME["not-ready"].hold == 300
    assert BY_NAME["kv-saturated"].limits[0].fires_at == 0.95
    assert BY_NAME["slo-page"].severity == "page"
    assert BY_NAME["slo-ticket"].severity == "ticket"
    assert len(BY_NAME) == len(RULES)


def test_rules_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="clears_below"):
        Limit("queue", 1.0, 2.0)
    with pytest.raises(ValueError, match="clears_below"):
        Limit("queue", math.nan, 0.0)
    with pytest.raises(ValueError, match="hold"):
        AlertRule("queue", (Limit("queue", 1.0, 1.0),), -1.0, "page", "")
    with pytest.raises(ValueError, match="limit"):
        AlertRule("queue", (), 1.0, "page", "")


readings = st.none() | st.floats(0, 2) | st.just(math.nan)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), readings), max_size=30))
def test_firing_needs_the_whole_duration_known_and_exceeded(
    steps: list[tuple[float, float | None]],
) -> None:
    state, exceeded, last, previous = AlertState(), 0.0, -math.inf, False
    for at, value in steps:
        now = max(at, last)
        state = step(QUEUE, state, {"queue": value}, at)
        known = value is not None and not math.isnan(value)
        if known and value is not None:
            over = value >= (0.8 if state.phase == "firing" else 1.0)
            exceeded = exceeded + (now - last if previous else 0.0) if over else 0.0
            previous = over
        else:
            previous = False
        last = now
        if state.phase == "firing":
            assert exceeded >= QUEUE.hold
        if state.phase == "pending":
            assert exceeded < QUEUE.hold
