"""What controllers, the kubelet and the levers of a simulated fleet do, as an observer sees it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from mtop_tui.engine.control.hpa import Behaviour, by_ratio
from mtop_tui.engine.control.rolling import Bounds, Counts, Moves, bounds, rolling_moves
from mtop_tui.engine.demand import Demand
from mtop_tui.engine.deployment import SimulatedService
from mtop_tui.engine.fleet import SimulatedFleet
from mtop_tui.engine.levers import LeverError, Plan, Selector
from mtop_tui.engine.serving.requests import Factors
from mtop_tui.engine.workload.changes import LoadChange, step
from mtop_tui.observations import (
    Autoscaler,
    GpuReading,
    KubeEvent,
    LogLines,
    MetricSample,
    Node,
    ObjectRef,
    Observation,
    Pool,
    Removed,
    Replica,
    Revision,
    RouteGroup,
    RouteShare,
    Service,
    ServiceKey,
    encode,
)

START = 1_800_000_000.0
ROOT = Path(__file__).parents[2]


def service(name: str, replicas: int = 1, rate: float = 1.0, **facts: Any) -> SimulatedService:
    pool = facts.pop("pool", {})
    pools = (Pool(role="main", desired=replicas, **({"gpus_per_replica": 1} | pool)),)
    facts.setdefault("model", "meta-llama/Llama-3.1-8B")
    ref = ObjectRef("mock", "ns", "LLMInferenceService", name)
    demand = Demand(requests_per_second=rate, prompt_tokens=400, output_tokens=100)
    return SimulatedService(Service(at=START, ref=ref, pools=pools, **facts), demand)


def nodes(count: int = 2, gpus: int = 4, **facts: Any) -> list[Node]:
    facts.setdefault("gpu_type", "H100")
    refs = [ObjectRef("mock", "", "Node", f"n{index}") for index in range(count)]
    return [Node(at=START, ref=ref, ready=True, gpus=gpus, **facts) for ref in refs]


def key(name: str) -> ServiceKey:
    return ServiceKey("mock", "ns", name)


class Watched:
    """A fleet with all that was seen of it."""

    def __init__(self, *services: SimulatedService, on: list[Node] | None = None) -> None:
        cluster = nodes() if on is None else on
        self.fleet = SimulatedFleet(services, cluster, seed=1, start=START, history=20)
        self.levers = self.fleet.levers
        self.seen: list[Observation] = []
        self.run(0)

    def run(self, seconds: float) -> list[Observation]:
        """Let time pass; what was seen of it."""
        now = max(self.levers.now, START)
        found = [one for batch in self.fleet.advance(now + seconds) for one in batch]
        self.seen += found
        return found

    def events(self, reason: str) -> list[KubeEvent]:
        return [one for one in self.seen if isinstance(one, KubeEvent) and one.reason == reason]

    def replicas(self) -> dict[str, Replica]:
        """The replicas that are there, by name."""
        found: dict[str, Replica] = {}
        for one in self.seen:
            if isinstance(one, Replica):
                found[one.ref.name] = one
            elif isinstance(one, Removed):
                found.pop(one.ref.name, None)
        return found

    def ready(self) -> int:
        return sum(one.phase == "ready" for one in self.replicas().values())

    def last(self, kind: type) -> Any:
        return [one for one in self.seen if isinstance(one, kind)][-1]


def reasons(found: Iterable[Observation]) -> list[str]:
    return [one.reason for one in found if isinstance(one, Replica)]


def test_scaling_up_starts_replicas_and_scaling_down_ends_them() -> None:
    fleet = Watched(service("a"))
    fleet.levers.scale(key("a"), None, 3)
    fleet.run(200)
    assert fleet.ready() == 3
    assert fleet.last(Service).pools[0].desired == 3
    fleet.levers.scale(key("a"), "main", 1)
    assert "Terminating" in reasons(fleet.run(60))
    assert len(fleet.replicas()) == 1
    assert [one.message for one in fleet.events("ScalingReplicaSet")][-1].endswith("from 2 to 1")


def test_a_pod_without_a_place_gets_one_when_another_ends() -> None:
    fleet = Watched(service("a", 4), service("b", 0), on=nodes(1))
    fleet.levers.scale(key("b"), None, 1)
    fleet.run(10)
    waiting = next(one for one in fleet.replicas().values() if one.phase == "pending")
    assert "1 Insufficient nvidia.com/gpu" in waiting.message
    fleet.levers.scale(key("a"), None, 3)
    fleet.run(120)
    assert fleet.replicas()[waiting.ref.name].phase == "ready"


def test_an_oom_killed_container_restarts_and_says_how_it_ended() -> None:
    fleet = Watched(service("a", 2))
    [name] = fleet.levers.crash_pods(Selector(names=("a",), mode="one"), "OOMKilled", 137)
    fleet.run(1)
    crashed = fleet.replicas()[name]
    assert (crashed.reason, crashed.last_exit and crashed.last_exit.code) == (
        "CrashLoopBackOff",
        137,
    )
    fleet.run(120)
    assert (fleet.replicas()[name].phase, fleet.replicas()[name].restarts) == ("ready", 1)


def test_a_rolling_update_keeps_the_service_up_and_the_old_replica_set() -> None:
    fleet = Watched(service("a", 4))
    assert fleet.levers.roll_out(key("a"), image="engine:v2") == 2
    found = fleet.run(600)
    assert {one.image for one in found if isinstance(one, Revision)} >= {"engine:v2"}
    assert all(
        condition.status == "True"
        for one in found
        if isinstance(one, Service)
        for condition in one.conditions
        if condition.type == "Ready"
    )
    latest = {one.number: one for one in fleet.seen if isinstance(one, Revision)}
    assert {number: (one.desired, one.ready) for number, one in latest.items()} == {
        1: (0, 0),
        2: (4, 4),
    }


def test_a_revision_that_cannot_start_is_held_and_undone() -> None:
    fleet = Watched(service("a", 4))
    fleet.levers.roll_out(key("a"), start_fails="ValueError: no such argument")
    fleet.run(900)
    crashing = [one for one in fleet.replicas().values() if one.reason == "CrashLoopBackOff"]
    assert crashing
    assert crashing[0].last_exit is not None
    assert fleet.ready() == 3
    fleet.levers.undo(key("a"))
    fleet.run(300)
    assert fleet.ready() == 4
    assert len({one.revision for one in fleet.replicas().values()}) == 1


def test_a_paused_rollout_waits() -> None:
    fleet = Watched(service("a", 4))
    fleet.levers.roll_out(key("a"), image="engine:v2")
    fleet.run(1)
    fleet.levers.pause_rollout(key("a"))
    fleet.run(400)
    assert len({one.revision for one in fleet.replicas().values()}) == 2
    fleet.levers.resume_rollout(key("a"))
    fleet.run(400)
    assert len({one.revision for one in fleet.replicas().values()}) == 1


def test_recreate_ends_all_before_it_starts_any() -> None:
    fleet = Watched(service("a", 2))
    fleet.levers.roll_out(key("a"), plan=Plan("recreate"))
    fleet.run(400)
    assert fleet.ready() == 2
    statuses = [
        condition.status
        for one in fleet.seen
        if isinstance(one, Service)
        for condition in one.conditions
        if condition.type == "Ready"
    ]
    assert "False" in statuses


def test_a_group_of_nodes_restarts_as_a_whole() -> None:
    pool = {"nodes_per_replica": 2, "gpus_per_replica": 8}
    fleet = Watched(service("a", pool=pool, model="meta-llama/Llama-3.1-70B"))
    before = fleet.replicas()["a-kserve-mn-0"]
    fleet.levers.crash_pods(Selector())
    found = fleet.run(60)
    assert any(isinstance(one, Removed) and one.ref == before.ref for one in found)
    after = fleet.replicas()["a-kserve-mn-0"]
    assert (after.ref.uid != before.ref.uid, after.restarts) == (True, 1)
    assert "Downloading" in reasons(found)


def test_a_lost_node_is_noticed_and_its_pods_move_after_the_toleration() -> None:
    fleet = Watched(service("a", 2), on=nodes(2, gpus=2))
    [node] = {one.nodes[0] for one in fleet.replicas().values()}
    fleet.levers.fail_node(node)
    fleet.run(35)
    assert not fleet.events("NodeNotReady")
    fleet.run(10)
    assert not fleet.last(Node).ready
    assert set(reasons(fleet.seen)) >= {"NodeLost"}
    fleet.run(500)
    alive = [one for one in fleet.replicas().values() if one.phase == "ready"]
    assert {one.nodes[0] for one in alive} == {"n0", "n1"} - {node}
    fleet.levers.recover_node(node)
    fleet.run(5)
    assert fleet.last(Node).ready
    assert len(fleet.replicas()) == 2


def test_a_spot_node_taken_back_is_replaced_by_another() -> None:
    fleet = Watched(service("a"), on=nodes(1, capacity="spot"))
    fleet.levers.reclaim_node("n0", 60.0)
    fleet.run(70)
    assert fleet.events("SpotInterruption")
    assert any(isinstance(one, Removed) and one.ref.name == "n0" for one in fleet.seen)
    fleet.run(600)
    assert fleet.last(Node).ref.name != "n0"
    assert fleet.ready() == 1


def test_an_xid_that_ends_the_program_is_told_by_dcgm_and_the_kernel() -> None:
    fleet = Watched(service("a"), on=nodes(1))
    fleet.levers.raise_xid("n0", 0, 79)
    fleet.run(40)
    assert fleet.last(Node).gpus == 3
    assert {one.xid for one in fleet.seen if isinstance(one, GpuReading)} >= {0, 79}
    assert any(isinstance(one, LogLines) for one in fleet.seen)
    assert all(one.restarts or one.phase == "failed" for one in fleet.replicas().values())


def test_a_quota_refuses_pods_until_it_is_lifted() -> None:
    fleet = Watched(service("a"))
    fleet.levers.set_quota("ns", 1)
    fleet.levers.scale(key("a"), None, 2)
    fleet.run(40)
    assert "exceeded quota: gpu-quota" in fleet.events("FailedCreate")[-1].message
    fleet.levers.set_quota("ns", None)
    fleet.run(200)
    assert fleet.ready() == 2


def test_slow_weights_hold_up_a_start_until_the_probe_ends_it() -> None:
    fleet = Watched(service("a", model_uri="pvc://weights"))
    fleet.levers.set_weights_rate(Selector(), 0.01e9)
    fleet.levers.kill_pods(Selector())
    fleet.run(700)
    assert fleet.events("Unhealthy")
    assert fleet.replicas().popitem()[1].restarts >= 0
    fleet.levers.set_weights_rate(Selector())
    fleet.run(400)
    assert fleet.ready() == 1


def test_a_hung_collective_ends_by_its_watchdog() -> None:
    fleet = Watched(service("a", rate=5.0))
    fleet.levers.set_factors("hang", Selector(), Factors(hung=True))
    fleet.run(300)
    assert fleet.ready() == 1
    fleet.run(310)
    last = fleet.replicas().popitem()[1].last_exit
    assert last is not None
    assert "Watchdog caught" in last.message
    fleet.run(200)
    assert fleet.ready() == 1


def test_factors_take_effect_and_are_taken_back_by_name() -> None:
    def errors(found: list[Observation]) -> float:
        samples = [
            one for one in found if isinstance(one, MetricSample) and one.subject == "replica"
        ]
        place = samples[0].layout.counters.index("failed_requests")
        return samples[-1].cumulative[place] - samples[0].cumulative[place]

    fleet = Watched(service("a", rate=5.0))
    fleet.levers.set_factors("bad", Selector(), Factors(error_rate=0.5))
    assert errors(fleet.run(60)) > 50
    assert fleet.levers.set_factors("bad", Selector(names=("nobody",)), None)
    fleet.run(5)
    assert errors(fleet.run(60)) == 0


def test_weights_of_a_route_group_move_traffic() -> None:
    fleet = Watched(
        service("stable", route=RouteShare("g", 9), rate=10.0),
        service("canary", route=RouteShare("g", 1), rate=0.0),
    )
    fleet.levers.promote(key("canary"))
    fleet.run(1)
    weights = {one.service: one.weight for one in fleet.last(RouteGroup).members}
    assert weights == {"canary": 100, "stable": 0}
    before = fleet.fleet.truth().services[key("stable")].arrived
    fleet.run(30)
    assert fleet.fleet.truth().services[key("stable")].arrived - before <= 20


def test_a_shadow_serves_the_same_requests_too() -> None:
    fleet = Watched(service("a", rate=5.0), service("shadow", rate=0.0))
    fleet.levers.mirror(key("a"), key("shadow"))
    fleet.run(60)
    assert fleet.fleet.truth().services[key("shadow")].finished > 100


@pytest.mark.parametrize(("error_rate", "weight"), [(0.2, 0), (0.0, 1)])
def test_a_canary_is_rolled_back_only_if_it_fails(error_rate: float, weight: int) -> None:
    fleet = Watched(
        service("stable", 2, route=RouteShare("g", 3), rate=8.0),
        service("canary", route=RouteShare("g", 1), rate=0.0),
    )
    if error_rate:
        fleet.levers.roll_out(key("canary"), factors=Factors(error_rate=error_rate))
        fleet.run(120)
    fleet.levers.watch_canary("ns", "g", "canary")
    fleet.run(600)
    assert fleet.fleet.truth().services[key("canary")].weight == weight
    assert bool(fleet.events("CanaryRolledBack")) is bool(error_rate)


def scaler(name: str, kind: str, least: int, most: int) -> Autoscaler:
    ref = ObjectRef("mock", "ns", kind, f"{name}-kserve-hpa")
    return Autoscaler(
        at=START, ref=ref, service=key(name), role="main", minimum=least, maximum=most
    )


def test_an_autoscaler_adds_replicas_under_load_up_to_its_maximum() -> None:
    fleet = Watched(service("a"), on=nodes(1, gpus=4, gpu_type="L4"))
    fleet.levers.set_scaling(key("a"), None, 1, 3)
    fleet.levers.set_workload_change(key("a"), step(fleet.levers.now, 40.0))
    fleet.run(900)
    last = fleet.last(Autoscaler)
    assert last.desired == 3
    assert len(fleet.replicas()) == 3
    assert fleet.events("SuccessfulRescale")
    limited = {one.type: one.reason for one in last.conditions}["ScalingLimited"]
    assert limited == "TooManyReplicas"


def test_keda_scales_to_zero_and_starts_again_when_somebody_asks() -> None:
    fleet = Watched(service("a", rate=1.0))
    fleet.levers.set_scaling(key("a"), None, 0, 2, scaled_object=True)
    quiet = LoadChange(fleet.levers.now, fleet.levers.now + 600, rate=0.0)
    fleet.levers.set_workload_change(key("a"), quiet)
    fleet.run(590)
    assert fleet.replicas() == {}
    assert fleet.last(Autoscaler).desired == 0
    fleet.run(240)
    assert fleet.ready() == 1
    assert fleet.events("KEDAScaleTargetActivated")
    assert fleet.fleet.truth().services[key("a")].held == 0


def test_stop_and_start() -> None:
    fleet = Watched(service("a"))
    fleet.levers.stop(key("a"))
    fleet.run(60)
    assert fleet.replicas() == {}
    assert {one.type: one.reason for one in fleet.last(Service).conditions}["Ready"] == "Stopped"
    fleet.levers.stop(key("a"), False)
    fleet.run(240)
    assert fleet.ready() == 1


def test_a_removed_service_is_gone_with_all_that_is_its() -> None:
    fleet = Watched(service("a"), service("b"))
    fleet.levers.remove_service(key("a"))
    fleet.run(60)
    gone = {one.ref.kind for one in fleet.seen if isinstance(one, Removed)}
    assert gone == {"Pod", "ReplicaSet", "LLMInferenceService"}
    assert list(fleet.fleet.truth().services) == [key("b")]
    fleet.levers.add_service(service("c"))
    fleet.run(120)
    assert fleet.ready() == 2


def test_replicas_on_one_gpu_by_time_slices_share_it() -> None:
    labels = {"nvidia.com/gpu.replicas": "4"}
    alone, shared = (
        Watched(service("a", count, rate=2.0 * count), on=nodes(1, gpus=4, labels=labels))
        for count in (1, 4)
    )

    def decode_time(fleet: Watched) -> float:
        fleet.run(60)
        sample = [
            one for one in fleet.seen if isinstance(one, MetricSample) and one.subject == "replica"
        ][-1]
        place, layout = len(sample.layout.counters), sample.layout
        for histogram in layout.histograms:
            if histogram.name == "itl":
                break
            place += histogram.width
        return sample.cumulative[place] / sample.cumulative[place + histogram.width - 1]

    assert decode_time(shared) > 3 * decode_time(alone)


def test_levers_name_what_is_not_there() -> None:
    fleet = Watched(service("a"))
    for wrong, words in (
        (lambda: fleet.levers.scale(key("b"), None, 1), "no service ns/b"),
        (lambda: fleet.levers.scale(key("a"), "prefill", 1), "no prefill pool"),
        (lambda: fleet.levers.fail_node("n9"), "no node n9"),
        (lambda: fleet.levers.set_weights("ns", "g", {}), "no route group ns/g"),
        (lambda: fleet.levers.kill_pods(Selector(names=("b",))), "no replica fits: service b"),
        (lambda: fleet.levers.undo(key("a")), "no earlier revision"),
    ):
        with pytest.raises(LeverError, match=words):
            wrong()


def test_rolling_updates_stay_within_their_bounds() -> None:
    assert bounds(4, grouped=False) == Bounds(1, 1)
    assert bounds(1, grouped=False) == Bounds(1, 0)
    assert bounds(3, grouped=True) == Bounds(0, 1)
    # One replica and full GPUs: nothing may end before the new one is ready.
    assert rolling_moves(Counts(1, 1, 0, 1, 1), Bounds(1, 0)) == Moves()
    assert rolling_moves(Counts(4, 0, 0, 4, 4), Bounds(1, 1)) == Moves(1, 0, 0, 1)
    assert rolling_moves(Counts(4, 1, 0, 4, 3), Bounds(1, 1)) == Moves(0, 0, 1, 0)


def test_the_horizontal_autoscaler_goes_up_at_once_and_down_late() -> None:
    rules = Behaviour()
    assert by_ratio(10, 1.09) == 10
    assert by_ratio(10, 1.5) == 15
    assert rules.decide(0.0, 2, 20, 1, 100).replicas == 6
    assert rules.decide(15.0, 6, 20, 1, 100).replicas == 6
    assert rules.decide(60.0, 6, 20, 1, 10).replicas == 10
    assert rules.decide(75.0, 10, 3, 1, 10).stabilised
    for at in range(90, 360, 15):
        assert rules.decide(float(at), 10, 3, 1, 10).replicas == 10
    assert rules.decide(361.0, 10, 3, 1, 10).replicas == 3


def story_digest() -> str:
    """A hash over all that is observed of a story with many levers."""
    fleet = Watched(service("a", 3, rate=5.0), service("b", 2, rate=3.0))
    levers = fleet.levers
    levers.at(START + 10, lambda: levers.crash_pods(Selector(mode="one")))
    levers.at(START + 20, lambda: levers.roll_out(key("a"), image="engine:v2"))
    levers.at(START + 30, lambda: levers.fail_node("n1"))
    levers.at(START + 90, lambda: levers.kill_pods(Selector(mode="fixed-percent", value=40)))
    fleet.run(200)
    found = hashlib.sha256()
    for record in fleet.seen:
        found.update(encode(record))
    return found.hexdigest()


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_a_story_is_the_same_in_another_process(hash_seed: str) -> None:
    program = "from test_engine_control import story_digest; print(story_digest())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ
        | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{ROOT / 'tests/unit'}:{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == story_digest()
