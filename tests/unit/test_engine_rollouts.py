"""Rollouts of a simulated workload: what its controller reports of them, and who gets requests."""

from __future__ import annotations

from test_engine_control import Watched, key, nodes, service

from mtop_tui.domain.cost.prices import PriceBook
from mtop_tui.domain.diagnosis.ranking import diagnose
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
