"""Rollouts of a simulated workload: what its controller reports of them, and who gets requests."""

from __future__ import annotations

import pytest
from test_engine_control import START, Watched, key, nodes, service

from mtop_tui.domain.cost.prices import PriceBook
from mtop_tui.domain.diagnosis.ranking import diagnose
from mtop_tui.engine import vllm
from mtop_tui.engine.control.rolling import bounds
from mtop_tui.engine.fleet import SimulatedFleet
from mtop_tui.engine.levers import Plan
from mtop_tui.engine.workload.changes import LoadChange
from mtop_tui.observations import Condition, Service
from mtop_tui.state.facts import service_facts
from mtop_tui.state.fleet import FleetStore


def progressing(fleet: Watched) -> list[str]:
    """The reasons of the Progressing condition, as often as they changed."""
    found: list[str] = []
    for one in fleet.seen:
        if isinstance(one, Service):
            reason = condition(one, "Progressing").reason
            if not found or found[-1] != reason:
                found.append(reason)
    return found


def condition(record: Service, kind: str) -> Condition:
    return next(one for one in record.pools[0].conditions if one.type == kind)


def last(fleet: Watched, kind: str) -> Condition:
    return condition(fleet.last(Service), kind)


def test_a_rollout_is_created_gets_on_and_is_complete() -> None:
    fleet = Watched(service("a", 2))
    assert progressing(fleet) == ["NewReplicaSetAvailable"]
    since = last(fleet, "Progressing").changed_at
    fleet.levers.roll_out(key("a"))
    fleet.run(300)
    assert progressing(fleet)[-2:] == ["ReplicaSetUpdated", "NewReplicaSetAvailable"]
    found = last(fleet, "Progressing")
    newest = fleet.fleet.world.services[key("a")].pools[0].newest.ref.name
    assert found.message == f'ReplicaSet "{newest}" has successfully progressed.'
    assert (found.status, found.changed_at) == ("True", since)


def test_what_was_there_before_anybody_looked_is_available_since_its_beginning() -> None:
    fleet = Watched(service("a", 2))
    found = fleet.last(Service)
    assert last(fleet, "Available").changed_at == found.created_at
    ready = next(one for one in found.conditions if one.type == "Ready")
    assert (ready.status, ready.changed_at) == ("True", found.created_at)


def test_a_rollout_without_progress_is_overdue_while_the_service_stays_available() -> None:
    fleet = Watched(service("a", 4), on=nodes(1))
    fleet.levers.roll_out(key("a"), start_fails="ValueError: no")
    fleet.run(500)
    assert last(fleet, "Progressing").reason == "ReplicaSetUpdated"
    fleet.run(200)
    overdue = last(fleet, "Progressing")
    assert (overdue.status, overdue.reason) == ("False", "ProgressDeadlineExceeded")
    assert overdue.message.endswith("has timed out progressing.")
    assert last(fleet, "Available").status == "True"
    fleet.levers.undo(key("a"))
    fleet.run(300)
    assert progressing(fleet)[-1] == "NewReplicaSetAvailable"


def test_a_stuck_rollout_is_diagnosed_although_the_service_is_ready() -> None:
    fleet = Watched(service("a", 4), on=nodes(1))
    fleet.levers.cordon("n0")
    fleet.levers.roll_out(key("a"))
    fleet.run(700)
    store = FleetStore(PriceBook())
    store.apply(fleet.seen)
    state = store.service(key("a"))
    assert state is not None
    found = diagnose(service_facts(store, state, fleet.levers.now))
    said = {one.id for finding in found for one in (finding, *finding.symptoms)}
    assert "rollout-stuck" in said
    assert store.summary(state).ready


def test_neither_a_crash_nor_scaling_makes_a_complete_rollout_overdue() -> None:
    fleet = Watched(service("a", 2), on=nodes(1, 2))
    fleet.levers.scale(key("a"), None, 4)
    fleet.run(900)
    assert fleet.ready() == 2
    assert progressing(fleet) == ["NewReplicaSetAvailable"]
    assert last(fleet, "Available").reason == "MinimumReplicasUnavailable"


def test_a_rollout_that_is_held_says_so_and_has_no_deadline() -> None:
    fleet = Watched(service("a", 4))
    fleet.levers.roll_out(key("a"))
    fleet.run(5)
    fleet.levers.pause_rollout(key("a"))
    fleet.run(900)
    assert last(fleet, "Progressing").status == "Unknown"
    fleet.levers.resume_rollout(key("a"))
    fleet.run(300)
    assert progressing(fleet)[-4:] == [
        "DeploymentPaused",
        "DeploymentResumed",
        "ReplicaSetUpdated",
        "NewReplicaSetAvailable",
    ]


def test_pods_that_are_refused_are_a_replica_failure() -> None:
    fleet = Watched(service("a", 2))
    fleet.levers.set_quota("ns", 2)
    fleet.levers.scale(key("a"), None, 3)
    fleet.run(10)
    failure = last(fleet, "ReplicaFailure")
    assert (failure.status, failure.reason) == ("True", "FailedCreate")
    assert "exceeded quota" in failure.message


def test_a_group_of_nodes_reports_as_a_leader_worker_set() -> None:
    fleet = Watched(service("a", 2, pool={"nodes_per_replica": 2, "gpus_per_replica": 2}))
    assert last(fleet, "Available").reason == "AllGroupsReady"
    fleet.levers.roll_out(key("a"))
    fleet.run(20)
    assert last(fleet, "UpdateInProgress").reason == "GroupsUpdating"


def received(fleet: Watched, seconds: float) -> dict[str, float]:
    """Requests that each revision answered while so many seconds passed, by its number."""
    run = fleet.fleet.world.services[key("a")]

    def answered() -> dict[str, float]:
        found: dict[str, float] = {}
        for one in run.pools[0].replicas:
            if one.server is not None:
                number = str(one.revision.number)
                found[number] = found.get(number, 0.0) + sum(one.server.page.counters[5:])
        return found

    before = answered()
    fleet.run(seconds)
    return {number: count - before.get(number, 0.0) for number, count in answered().items()}


@pytest.mark.parametrize(
    ("desired", "surge", "unavailable", "expected"),
    [
        (4, None, None, (1, 1)),
        (10, "25%", "25%", (3, 2)),
        (3, 2, 0, (2, 0)),
        (1, None, None, (1, 0)),
        (1, 0, 0, (0, 1)),
        (8, "100%", "0%", (8, 0)),
    ],
)
def test_bounds_of_a_rolling_update_are_those_of_kubernetes(
    desired, surge, unavailable, expected
) -> None:
    found = bounds(desired, grouped=False, surge=surge, unavailable=unavailable)
    assert found == expected


def test_a_service_without_room_for_more_updates_in_place_if_its_spec_says_so() -> None:
    in_place = {"max_surge": 0, "max_unavailable": 1}
    stuck = Watched(service("a", 2), on=nodes(1, 2))
    free = Watched(service("a", 2, pool=in_place), on=nodes(1, 2))
    for fleet in (stuck, free):
        fleet.levers.roll_out(key("a"))
        fleet.run(400)
    assert len(stuck.fleet.world.services[key("a")].pools[0].newest.live) == 1
    assert last(stuck, "Progressing").reason == "ReplicaSetUpdated"
    assert last(free, "Progressing").reason == "NewReplicaSetAvailable"


def test_bounds_can_be_stated_with_the_rollout() -> None:
    fleet = Watched(service("a", 2), on=nodes(1, 2))
    fleet.levers.roll_out(key("a"), plan=Plan(surge=0, unavailable="50%"))
    fleet.run(400)
    assert last(fleet, "Progressing").reason == "NewReplicaSetAvailable"


def test_blue_green_moves_all_requests_at_once_when_all_of_green_serves() -> None:
    fleet = Watched(service("a", 2, rate=5.0))
    fleet.levers.roll_out(key("a"), plan=Plan("bluegreen"))
    while fleet.ready() < 4:
        # Whatever of green is up gets nothing while some of it is not.
        assert received(fleet, 1).get("2", 0.0) == 0.0 or fleet.ready() == 4
        assert fleet.levers.now < START + 300
    assert received(fleet, 5)["2"] >= 0
    after = received(fleet, 15)
    assert after["2"] > 30
    assert after["1"] == 0
    assert fleet.ready() == 4
    fleet.run(60)
    assert fleet.ready() == 2
    assert last(fleet, "Progressing").reason == "NewReplicaSetAvailable"


def test_a_held_blue_green_rollout_waits_for_promotion() -> None:
    fleet = Watched(service("a", 2, rate=5.0))
    fleet.levers.roll_out(key("a"), plan=Plan("bluegreen", hold=True))
    fleet.run(300)
    assert fleet.ready() == 4
    assert last(fleet, "Progressing").status == "Unknown"
    assert received(fleet, 20)["2"] == 0
    fleet.levers.promote(key("a"))
    fleet.run(10)
    assert received(fleet, 15)["2"] > 30
    fleet.run(60)
    assert fleet.ready() == 2


def test_an_aborted_blue_green_rollout_never_takes_requests_from_blue() -> None:
    fleet = Watched(service("a", 2, rate=5.0))
    fleet.levers.roll_out(key("a"), plan=Plan("bluegreen", hold=True))
    fleet.run(200)
    fleet.levers.abort(key("a"))
    after = received(fleet, 20)
    assert after["3"] > 60
    fleet.run(60)
    assert fleet.ready() == 2
    assert fleet.fleet.world.services[key("a")].refused == 0


def test_undo_after_the_switch_gives_blue_its_requests_back_at_once() -> None:
    fleet = Watched(service("a", 2, rate=5.0))
    fleet.levers.roll_out(key("a"), plan=Plan("bluegreen"))
    while fleet.ready() < 4:
        fleet.run(1)
    fleet.run(5)
    fleet.levers.undo(key("a"))
    after = received(fleet, 20)
    assert after["3"] > 60
    assert fleet.fleet.world.services[key("a")].refused == 0


def test_a_green_that_never_starts_is_undone_if_asked_for() -> None:
    fleet = Watched(service("a", 2, rate=5.0))
    plan = Plan("bluegreen", auto_undo=True)
    fleet.levers.roll_out(key("a"), plan=plan, start_fails="ValueError: no")
    fleet.run(590)
    assert received(fleet, 5)["1"] > 10
    fleet.run(120)
    assert any("overdue and undone" in text for _, text in fleet.fleet.world.decisions)
    assert len(fleet.replicas()) == 2
    assert last(fleet, "Progressing").reason == "NewReplicaSetAvailable"


def test_by_formulas_green_gets_nothing_before_the_switch_either() -> None:
    fleet = SimulatedFleet([service("a", 2, rate=5.0)], nodes(), seed=1, start=START, fluid=True)
    list(fleet.advance(START))
    fleet.levers.roll_out(key("a"), plan=Plan("bluegreen", hold=True))
    list(fleet.advance(START + 200))
    pool = fleet.world.services[key("a")].pools[0]
    green = [one.server for one in pool.newest.live]
    assert all(one is not None and sum(one.page.counters[5:]) == 0 for one in green)
    fleet.levers.promote(key("a"))
    list(fleet.advance(START + 260))
    assert all(one is not None and sum(one.page.counters[5:]) > 0 for one in green)


def test_by_formulas_longer_prompts_are_read_for_longer_too() -> None:
    fleet = SimulatedFleet([service("a", 2, rate=5.0)], nodes(), seed=1, start=START, fluid=True)

    def prompt_tokens(seconds: float) -> float:
        (pool,) = fleet.world.services[key("a")].pools
        pages = [one.server.page for one in pool.live if one.server is not None]
        before = sum(page.counters[vllm.PROMPT_TOKENS] for page in pages)
        list(fleet.advance(fleet.world.now + seconds))
        return sum(page.counters[vllm.PROMPT_TOKENS] for page in pages) - before

    list(fleet.advance(START + 60.0))
    plain = prompt_tokens(300.0)
    fleet.levers.set_workload_change(key("a"), LoadChange(fleet.world.now, prompt=3.0))
    assert prompt_tokens(300.0) == pytest.approx(3 * plain, rel=0.15)
