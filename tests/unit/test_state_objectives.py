"""Objectives of a service: counted by the minute, from where they are written to what burns."""

import msgspec
import pytest

from fleet_source import START, key, replica, sample, service
from mtop_tui.config.promises import promises
from mtop_tui.config.settings import Settings
from mtop_tui.domain.slo.objectives import Kind
from mtop_tui.observations import MetricSample, Service
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.objectives import Count, CountRing, ObjectiveStatus
from mtop_tui.state.service import ServiceState

CHAT = key("chat")
ONE = replica(CHAT, 0)
BEGIN = START // 3600 * 3600
"""A full hour, so that minutes and hours are easy to count."""


def promised(annotation: str, name: str = "chat") -> Service:
    return msgspec.structs.replace(service(name), annotations={"mtop.dev/slo": annotation})


def minutes(
    count: int, *, rate: float = 10, failing: float = 0, ttft: float = 0.2, start: int = 0
) -> list[MetricSample]:
    """Samples every 10 s from a minute on; `failing` is the share of requests that fail."""
    return [
        sample(
            ONE,
            BEGIN + start * 60 + t,
            requests=rate * t * (1 - failing),
            failed=rate * t * failing,
            tokens=100 * rate * t,
            ttft=ttft,
        )
        for t in range(0, 60 * count + 1, 10)
    ]


def observed(
    what: Service, samples: list[MetricSample], settings: Settings | None = None
) -> tuple[FleetStore, ServiceState]:
    store = FleetStore(promises=promises(settings or Settings(), None))
    store.apply([what, ONE, *samples])
    state = store.service(what.key)
    assert state is not None
    return store, state


def only(state: ServiceState) -> ObjectiveStatus:
    (status,) = state.objectives()
    return status


def test_requests_of_each_minute_count_towards_the_objective() -> None:
    _, state = observed(promised("availability@99%"), minutes(10, failing=0.02))
    status = only(state)
    assert status.events.total == pytest.approx(10 * 60 * 9, rel=0.15)
    assert status.burn[3600.0] == pytest.approx((2.0, 2.0), rel=0.01)
    assert status.budget is not None
    assert status.budget.observed == pytest.approx(540, abs=61)


def test_a_service_without_an_objective_has_none() -> None:
    store, state = observed(service("chat"), minutes(5))
    assert state.objectives() == []
    assert store.totals().burning is None


def test_an_annotation_wins_over_the_settings() -> None:
    settings = Settings(objectives="availability@99.9%")
    _, state = observed(promised("ttft<=500ms@99%"), minutes(5), settings)
    assert only(state).objective.indicator.kind is Kind.TTFT
    _, other = observed(service("chat"), minutes(5), settings)
    assert only(other).objective.origin.text == "settings"


def test_an_annotation_that_cannot_be_read_promises_nothing_and_says_why() -> None:
    _, state = observed(promised("ttft<1s@99"), minutes(5))
    assert state.objectives() == []
    assert "mtop.dev/slo" in state.slo_problem
    assert "position" in state.slo_problem


def test_a_total_outage_pages_within_minutes_and_is_counted_as_burning() -> None:
    store, state = observed(promised("availability@99.9%"), minutes(10, failing=1.0))
    assert only(state).pages
    assert state.is_burning
    assert store.totals().burning == 1


def test_a_threshold_between_two_bucket_edges_gives_an_interval() -> None:
    _, state = observed(promised("ttft<=700ms@99%"), minutes(5, ttft=0.6))
    status = only(state)
    assert status.events.good_low == 0
    assert status.events.good_high == status.events.total > 0
    assert status.untold


def test_no_traffic_is_unknown_not_a_burn_of_zero() -> None:
    _, state = observed(promised("availability@99%"), minutes(5, rate=0))
    status = only(state)
    assert status.burn[3600.0] is None
    assert status.budget is None


def test_throughput_is_counted_in_minutes() -> None:
    _, state = observed(promised("tokens_per_second>=500@95%"), minutes(10))
    assert only(state).events.total == pytest.approx(9, abs=1)
    assert only(state).burn[3600.0] == (0.0, 0.0)


def test_objectives_follow_a_change_of_the_annotation() -> None:
    store, state = observed(promised("availability@99%"), minutes(5))
    store.apply([promised("ttft<=1s@90%"), *minutes(10)[31:]])
    assert only(state).objective.target == 0.9


class TestCountRing:
    def test_windows_hold_the_steps_that_make_them_up(self) -> None:
        ring = CountRing(360, 60)
        for minute in range(400):
            ring.count(minute * 60, Count(9, 9, 10), 60)
        assert ring.counted(300, 399 * 60) == (Count(45, 45, 50), 300)
        assert ring.counted(360 * 60, 399 * 60) == (Count(3240, 3240, 3600), 21600)

    def test_steps_that_were_not_observed_are_not_counted_as_seen(self) -> None:
        ring = CountRing(60, 60)
        ring.count(0, Count(1, 1, 1), 60)
        ring.count(600, Count(1, 1, 1), 60)
        assert ring.counted(3600, 600) == (Count(2, 2, 2), 120)
        assert ring.counted(300, 600) == (Count(1, 1, 1), 60)

    def test_what_is_older_than_the_ring_is_gone(self) -> None:
        ring = CountRing(10, 60)
        ring.count(0, Count(1, 1, 1), 60)
        ring.count(10_000, Count(2, 2, 2), 60)
        assert ring.counted(600, 10_000) == (Count(2, 2, 2), 60)
        assert ring.counted(600, 20_000) == (Count(0, 0, 0), 0)

    def test_a_clock_that_goes_back_changes_nothing(self) -> None:
        ring = CountRing(10, 60)
        ring.count(600, Count(2, 2, 2), 60)
        ring.count(0, Count(1, 1, 1), 60)
        assert ring.counted(600, 600) == (Count(2, 2, 2), 60)
