"""The simulated fleet as its observer sees it."""

from __future__ import annotations

from typing import Any, TypeGuard

import pytest

from mtop_tui.engine.demand import UNSTATED, Demand
from mtop_tui.engine.deployment import SimulatedService
from mtop_tui.engine.fleet import BATCH, SimulatedFleet
from mtop_tui.engine.sampling import sample_interval
from mtop_tui.observations import (
    Condition,
    KubeEvent,
    MetricSample,
    Node,
    ObjectRef,
    Observation,
    Pool,
    Replica,
    RouteGroup,
    RouteShare,
    Service,
)

START = 1_800_000_000.0
HOUR = 3_600.0


def service(name: str, demand: Demand = UNSTATED, **facts: Any) -> SimulatedService:
    pools = facts.pop("pools", (Pool(role="main", desired=1, gpus_per_replica=1),))
    facts.setdefault("model", "meta-llama/Llama-3.1-8B")
    ref = ObjectRef("mock", "ns", "LLMInferenceService", name)
    return SimulatedService(Service(at=START, ref=ref, pools=pools, **facts), demand)


def nodes(count: int = 4, gpu_type: str = "H100") -> list[Node]:
    return [
        Node(
            at=START,
            ref=ObjectRef("mock", "", "Node", f"n{index}"),
            ready=True,
            gpus=8,
            gpu_type=gpu_type,
        )
        for index in range(count)
    ]


def observed(
    *services: SimulatedService, until: float = 0.0, on: list[Node] | None = None
) -> list[Observation]:
    fleet = SimulatedFleet(services, nodes() if on is None else on, seed=1, start=START)
    return [record for batch in fleet.advance(START + until) for record in batch]


def last(found: list[Observation], kind: type, name: str = "") -> Any:
    return [one for one in found if isinstance(one, kind) and one.ref.name.startswith(name)][-1]


def is_sample(record: Observation) -> TypeGuard[MetricSample]:
    """Whether it is a reading of a replica; those of endpoint pickers are something else."""
    return isinstance(record, MetricSample) and record.subject == "replica"


def served(found: list[Observation], name: str) -> float:
    """Requests per second over the observed time."""
    samples = [one for one in found if is_sample(one) and one.service.name == name]
    first: dict[ObjectRef, MetricSample] = {}
    total = 0.0
    for one in samples:
        first.setdefault(one.ref, one)
    for ref, begin in first.items():
        end = [one for one in samples if one.ref == ref][-1]
        total += (end.cumulative[0] - begin.cumulative[0]) / (end.at - begin.at)
    return total


def test_an_old_service_is_ready_and_has_a_history() -> None:
    found = observed(service("a", Demand(requests_per_second=5)))
    assert last(found, Replica).phase == "ready"
    ready = {one.type: one.status for one in last(found, Service).conditions}["Ready"]
    assert ready == "True"
    samples = [one for one in found if is_sample(one)]
    assert len(samples) >= 10
    assert {id(one.layout) for one in samples} == {id(samples[0].layout)}


def test_a_young_service_starts_up_before_our_eyes() -> None:
    found = observed(service("a", Demand(age=60)), until=120)
    reasons = [one.reason for one in found if isinstance(one, Replica)]
    assert reasons[0] == "ContainerCreating"
    assert reasons[-1] == "Running"
    assert found.index(next(one for one in found if isinstance(one, Service))) == len(nodes())
    conditions = [
        {one.type: one.status for one in record.conditions}["Ready"]
        for record in found
        if isinstance(record, Service)
    ]
    assert conditions == ["False", "True"]
    assert last(found, KubeEvent).reason == "LLMInferenceServiceReady"
    samples = [one for one in found if is_sample(one)]
    assert samples[0].cumulative[0] < 1_000


def test_weights_that_do_not_fit_crash_for_ever() -> None:
    big = service("big", Demand(age=HOUR), model="Llama-3.1-70B")
    found = observed(big, until=900, on=nodes(gpu_type="A100-40GB"))
    replica = last(found, Replica)
    assert replica.restarts > 5
    assert any(
        one.reason == "CrashLoopBackOff" and "CUDA out of memory" in one.message
        for one in found
        if isinstance(one, Replica)
    )
    assert not any(is_sample(one) for one in found)


def test_what_finds_no_gpu_waits_with_the_schedulers_words() -> None:
    pool = Pool(role="main", desired=2, gpus_per_replica=8, gpu_type="H100")
    found = observed(service("a", pools=(pool,)), on=nodes(1))
    replicas = [one for one in found if isinstance(one, Replica)]
    assert sorted(one.phase for one in replicas) == ["pending", "ready"]
    pending = next(one for one in replicas if one.phase == "pending")
    assert "1 Insufficient nvidia.com/gpu" in pending.message
    assert pending.nodes == ()
    assert last(found, KubeEvent).reason == "FailedScheduling"


def test_an_image_that_cannot_be_pulled() -> None:
    found = observed(service("a", Demand(image_pull_fails=True)))
    assert last(found, Replica).reason == "ImagePullBackOff"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"stopped": True}, "Stopped"),
        (
            {
                "conditions": (
                    Condition("PresetsCombined", "False", "ConfigNotFound"),
                    Condition("Ready", "False", "ConfigNotFound"),
                )
            },
            "ConfigNotFound",
        ),
    ],
)
def test_services_without_replicas(facts: dict[str, Any], reason: str) -> None:
    found = observed(service("a", **facts))
    assert not any(isinstance(one, Replica) for one in found)
    conditions = {one.type: one.reason for one in last(found, Service).conditions}
    assert conditions["Ready"] == reason


def test_a_route_group_splits_its_traffic_by_weight() -> None:
    found = observed(
        service("stable", Demand(requests_per_second=20), route=RouteShare("g", 9)),
        service("canary", route=RouteShare("g", 1)),
        until=300,
    )
    group = last(found, RouteGroup)
    assert [(one.service, one.weight) for one in group.members] == [("canary", 1), ("stable", 9)]
    ratio = served(found, "stable") / served(found, "canary")
    assert ratio == pytest.approx(9, rel=0.25)
    assert served(found, "stable") == pytest.approx(18, rel=0.5)


def test_a_stopped_member_receives_nothing_and_the_others_all() -> None:
    found = observed(
        service("stable", Demand(requests_per_second=20), route=RouteShare("g", 1)),
        service("canary", route=RouteShare("g", 1), stopped=True),
        until=300,
    )
    assert served(found, "stable") == pytest.approx(20, rel=0.4)


def test_more_load_means_longer_first_tokens() -> None:
    def ttft(rate: float) -> float:
        found = observed(service("a", Demand(rate, 500, 200)), until=60)
        sample = [one for one in found if is_sample(one)][-1]
        layout = sample.layout
        place = len(layout.counters)
        return float(sample.cumulative[place] / sample.cumulative[place + 23])

    assert ttft(1) < ttft(10) < ttft(200)


def test_multi_node_replicas_span_nodes() -> None:
    pool = Pool(role="main", desired=1, nodes_per_replica=2, gpus_per_replica=16)
    found = observed(service("a", pools=(pool,), model="deepseek-r1"))
    replica = last(found, Replica)
    assert len(replica.nodes) == 2
    assert replica.ref.name == "a-kserve-mn-0"


def test_batches_are_small_and_times_go_forward() -> None:
    fleet = SimulatedFleet(
        [service(f"s{index}") for index in range(20)], nodes(), seed=1, start=START
    )
    batches = list(fleet.advance(START + 30))
    assert max(map(len, batches)) <= BATCH
    times = [record.at for batch in batches for record in batch]
    assert times == sorted(times)


def test_looking_often_or_seldom_sees_the_same() -> None:
    def records(step: float) -> list[Observation]:
        fleet = SimulatedFleet([service("a"), service("b")], nodes(), seed=3, start=START)
        found, now = [], START
        while now <= START + 40:
            found += [record for batch in fleet.advance(now) for record in batch]
            now += step
        return found

    assert records(0.5) == records(20)


@pytest.mark.parametrize(("replicas", "seconds"), [(10, 2), (301, 5), (5_000, 5), (40_000, 15)])
def test_larger_fleets_are_sampled_less_often(replicas: int, seconds: float) -> None:
    assert sample_interval(replicas) == seconds


def test_nothing_at_all_is_a_fleet_too() -> None:
    fleet = SimulatedFleet([], [], seed=1, start=START)
    assert list(fleet.advance(START)) == []
    assert fleet.next_due() is None


def test_a_service_that_names_no_gpu_gets_one_it_fits_into() -> None:
    mixed = [*nodes(1, "T4"), *[n for n in nodes(2) if n.ref.name == "n1"]]
    pool = Pool(role="main", desired=1, gpus_per_replica=4)
    found = observed(service("a", pools=(pool,), model="Llama-3.1-70B"), on=mixed)
    assert last(found, Replica).gpu_type == "H100"
    assert last(found, Replica).phase == "ready"
