"""Places on nodes, the life of a replica, names, and conditions."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mtop_tui.engine import lifecycle, naming, status
from mtop_tui.engine.cluster import UNREACHABLE, Ask, Cluster, Quotas, Seat
from mtop_tui.engine.lifecycle import Life, Limits, Stage, Start, start_up_seconds
from mtop_tui.observations import Condition, Node, ObjectRef, Pool


def node(name: str, gpus: int, gpu_type: str | None = "H100", *, ready: bool = True) -> Node:
    ref = ObjectRef("c", "", "Node", name, "u")
    return Node(at=0.0, ref=ref, ready=ready, gpus=gpus, gpu_type=gpu_type)


def names(seats: tuple[Seat, ...] | None) -> list[str]:
    return [one.node for one in seats or ()]


def test_replicas_are_packed_and_refused_when_full() -> None:
    cluster = Cluster([node("a", 8), node("b", 4), node("t", 4, "T4")])
    assert names(cluster.place(Ask(4, gpu_type="H100"))) == ["b"]
    assert names(cluster.place(Ask(8, gpu_type="H100"))) == ["a"]
    assert cluster.place(Ask(1, gpu_type="H100")) is None
    assert cluster.refusal(Ask(1, gpu_type="H100")) == (
        "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
        "2 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available: "
        "1 Preemption is not helpful for scheduling, 2 No preemption victims found for "
        "incoming pod."
    )


def test_a_replica_of_several_nodes_takes_all_or_none() -> None:
    cluster = Cluster([node("a", 8), node("b", 8)])
    assert cluster.place(Ask(8, nodes=3)) is None
    assert names(cluster.place(Ask(8, nodes=2))) == ["a", "b"]
    assert cluster.place(Ask(1)) is None


def test_nodes_that_are_not_ready_take_nothing_and_are_said_so() -> None:
    cluster = Cluster([node("a", 8, ready=False)])
    assert cluster.place(Ask(1)) is None
    assert "1 node(s) had untolerated taint" in cluster.refusal(Ask(1))
    assert Cluster([]).refusal(Ask(1)) == "no nodes available to schedule pods"


def test_a_type_without_its_memory_is_any_of_them() -> None:
    cluster = Cluster([node("a", 1, "A100-80GB")])
    assert names(cluster.place(Ask(1, gpu_type="A100"))) == ["a"]


def test_a_replica_without_gpus_goes_where_there_are_none() -> None:
    cluster = Cluster([node("a", 8), node("cpu", 0, None)])
    assert names(cluster.place(Ask(0))) == ["cpu"]


def test_gpus_are_free_again_when_their_replica_is_gone() -> None:
    cluster = Cluster([node("a", 4)])
    first, second = cluster.place(Ask(2)), cluster.place(Ask(2))
    assert (first, second) == ((Seat("a", (0, 1)),), (Seat("a", (2, 3)),))
    cluster.release(first or ())
    assert cluster.place(Ask(2)) == (Seat("a", (0, 1)),)


def test_nothing_new_comes_onto_a_cordoned_or_lost_node() -> None:
    cluster = Cluster([node("a", 8), node("b", 8)])
    cluster.cordon("a", True)
    cluster.taint("b", UNREACHABLE)
    refusal = cluster.refusal(Ask(1))
    assert "1 node(s) were unschedulable" in refusal
    assert "1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }" in refusal
    assert cluster.place(Ask(1)) is None
    cluster.cordon("a", False)
    assert names(cluster.place(Ask(1))) == ["a"]


def test_a_lost_gpu_is_missing_until_it_is_mended() -> None:
    cluster = Cluster([node("a", 2)])
    held = cluster.place(Ask(1))
    cluster.lose_gpu("a", 0)
    cluster.release(held or ())
    assert cluster.hosts["a"].node.gpus == 1
    assert cluster.place(Ask(2)) is None
    cluster.mend("a")
    assert cluster.place(Ask(2)) == (Seat("a", (0, 1)),)


def test_a_namespace_gets_no_more_gpus_than_its_quota() -> None:
    quotas = Quotas()
    quotas.limit("ns", 8)
    assert quotas.request("ns", 6) == ""
    assert "used: requests.nvidia.com/gpu=6, limited" in quotas.request("ns", 4)
    quotas.give_back("ns", 6)
    assert quotas.request("ns", 4) == ""


def lived(start: Start, until: float, limits: Limits = lifecycle.NO_LIMITS) -> list[Stage]:
    """All stages of a replica that has a place from the beginning."""
    life = Life(0.0)
    life.place(0.0, start, limits)
    found = [life.stage]
    while life.due is not None and life.due <= until:
        life.step()
        found.append(life.stage)
    return found


def test_life_of_a_replica_that_starts() -> None:
    start = Start(image=12e9, weights=140e9, layers=80)
    life = lived(start, 1_000.0)
    assert [one.reason for one in life] == [
        lifecycle.CREATING,
        lifecycle.DOWNLOADING,
        lifecycle.LOADING,
        lifecycle.COMPILING,
        lifecycle.SERVING,
    ]
    assert life[-1].at == pytest.approx(start_up_seconds(start))
    assert life[2].at == pytest.approx(60 + 140)
    assert life[2].deadline == life[2].at + lifecycle.PROBE_LIMIT
    assert life[-1].deadline is None


def test_weights_from_a_volume_are_not_downloaded() -> None:
    life = lived(Start(image=0, weights=1e9, layers=10, downloads=False), 100.0)
    assert lifecycle.DOWNLOADING not in {one.reason for one in life}


def test_an_image_that_cannot_be_pulled_is_tried_again_ever_more_seldom() -> None:
    life = lived(Start(image=6e9, weights=1e9, layers=1), 2_000.0, Limits(pull_fault="gone"))
    assert {one.reason for one in life[1:]} >= {lifecycle.PULL_ERROR, lifecycle.PULL_BACK_OFF}
    backing = [one.at for one in life if one.reason == lifecycle.PULL_BACK_OFF]
    gaps = [after - before for before, after in pairwise(backing)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == pytest.approx(300, abs=10)


def test_a_slower_source_delays_what_is_under_way() -> None:
    life = Life(0.0)
    life.place(0.0, Start(image=0, weights=100e9, layers=10))
    life.step()
    assert life.stage.reason == lifecycle.DOWNLOADING
    life.limit(50.0, Limits(weights=0.1e9))
    assert life.due == pytest.approx(50 + 50e9 / 0.1e9)
    life.limit(60.0, Limits(weights=0.0))
    assert life.due is None
    life.limit(70.0, Limits())
    assert life.due == pytest.approx(70 + 49)


def test_crashes_back_off_exponentially_up_to_five_minutes() -> None:
    fault = "CUDA out of memory"
    start = Start(image=0, weights=20e9, layers=32, downloads=False, load_fault=fault)
    life = lived(start, 2_000.0)
    waits = [
        after.at - crash.at
        for crash, after in pairwise(life)
        if crash.reason == lifecycle.CRASH_LOOP
    ]
    assert waits[:7] == pytest.approx([10, 20, 40, 80, 160, 300, 300])
    crashes = [one for one in life if one.reason == lifecycle.CRASH_LOOP]
    assert "back-off 5m0s restarting failed container=main: CUDA" in crashes[-1].message


def test_old_crash_loops_are_counted_not_lived_through() -> None:
    year = 365 * 86_400.0
    life = Life(0.0)
    life.place(0.0, Start(image=0, weights=20e9, layers=32, load_fault="CUDA out of memory"))
    life.settle(year)
    assert life.restarts > 90_000
    assert life.due is not None
    assert life.stage.at <= year < life.due
    assert life.last_exit is not None
    assert (life.last_exit.code, life.last_exit.message) == (1, "CUDA out of memory")


def test_what_loads_too_long_is_killed_by_its_probe() -> None:
    life = lived(Start(image=0, weights=2_000e9, layers=61, downloads=False), 700.0)
    crash = next(one for one in life if one.phase == "failed")
    assert crash.at == pytest.approx(600)
    assert "failed startup probe" in crash.message


def test_a_container_that_ran_long_is_restarted_soon() -> None:
    life = Life(0.0)
    life.place(0.0, Start(image=0, weights=1e9, layers=10))
    life.settle(10_000.0)
    for at in (10_000.0, 10_100.0, 10_200.0):
        life.crash(at, "Error", 1, "died")
        life.settle(at + 90)
    assert life.restarts == 3
    life.crash(20_000.0, "OOMKilled", 137, "")
    assert life.due == 20_010.0


def test_names_are_legal_stable_and_shortened_with_a_hash() -> None:
    long = "a" * 60
    assert naming.child_name("short", "-kserve") == "short-kserve"
    child = naming.child_name(long, "-kserve-prefill")
    assert len(child) == 63
    assert child.endswith("-kserve-prefill")
    assert child != naming.child_name(long + "b", "-kserve-prefill")
    assert len(naming.generated_name(child, "1")) <= 63
    ref = ObjectRef("c", "ns", "Pod", "p")
    assert naming.uid_of(1, ref) == naming.uid_of(1, ref) != naming.uid_of(2, ref)
    assert naming.identified(1, ref._replace(uid="given")).uid == "given"


def conditions(*pools: status.PoolStatus, **facts: bool) -> dict[str, Condition]:
    found = status.conditions(pools, given=(), stopped=facts.get("stopped", False), created_at=1.0)
    return {one.type: one for one in found}


def test_ready_follows_from_the_workload() -> None:
    found = conditions(status.PoolStatus(Pool(role="main"), 0, 1, 5.0))
    for kind in ("MainWorkloadReady", "WorkloadsReady", "Ready"):
        assert (found[kind].status, found[kind].reason) == ("False", "MinimumReplicasUnavailable")
    assert found["RouterReady"].status == "True"
    assert conditions(status.PoolStatus(Pool(role="main"), 1, 1, 5.0))["Ready"].status == "True"


def test_a_deployment_may_miss_a_quarter_a_leader_worker_set_none() -> None:
    single, grouped = Pool(role="main"), Pool(role="main", nodes_per_replica=2)
    assert conditions(status.PoolStatus(single, 3, 4, 5.0))["Ready"].status == "True"
    found = conditions(status.PoolStatus(grouped, 3, 4, 5.0))
    assert found["WorkerWorkloadReady"].message == "LWS is progressing"
    assert found["Ready"].status == "False"


def test_both_halves_have_to_be_ready() -> None:
    found = conditions(
        status.PoolStatus(Pool(role="decode"), 1, 1, 5.0),
        status.PoolStatus(Pool(role="prefill"), 0, 1, 5.0),
    )
    assert found["MainWorkloadReady"].status == "True"
    assert found["PrefillWorkloadReady"].status == found["Ready"].status == "False"


def test_stopped_is_a_reason_of_its_own() -> None:
    found = conditions(status.PoolStatus(Pool(role="main"), 0, 0, 5.0), stopped=True)
    assert found["Ready"].reason == found["MainWorkloadReady"].reason == "Stopped"


def test_presets_that_cannot_be_combined_win() -> None:
    given = (Condition("PresetsCombined", "False", "ConfigNotFound"),)
    assert not status.combined(given)
    assert status.conditions((), given=given, stopped=False, created_at=0.0) == given
