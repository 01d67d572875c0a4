"""Places on nodes, the life of a replica, names, and conditions."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest

from mtop_tui.engine import lifecycle, naming, status
from mtop_tui.engine.cluster import Ask, Cluster
from mtop_tui.engine.lifecycle import Start, stages, start_up_seconds
from mtop_tui.observations import Condition, Node, ObjectRef, Pool


def node(name: str, gpus: int, gpu_type: str | None = "H100", *, ready: bool = True) -> Node:
    ref = ObjectRef("c", "", "Node", name, "u")
    return Node(at=0.0, ref=ref, ready=ready, gpus=gpus, gpu_type=gpu_type)


def names(nodes: tuple[Node, ...] | None) -> list[str]:
    return [one.ref.name for one in nodes or ()]


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


def test_life_of_a_replica_that_starts() -> None:
    start = Start(pull=60, weights=140e9, layers=80)
    life = list(stages(100.0, start, since=0.0))
    assert [one.reason for one in life] == [
        lifecycle.CREATING,
        lifecycle.DOWNLOADING,
        lifecycle.LOADING,
        lifecycle.COMPILING,
        lifecycle.SERVING,
    ]
    assert life[-1].at == pytest.approx(100 + start_up_seconds(start))
    assert life[2].at == pytest.approx(100 + 60 + 140)
    assert life[2].deadline == life[2].at + lifecycle.PROBE_LIMIT
    assert life[-1].deadline is None


def test_weights_from_a_volume_are_not_downloaded() -> None:
    life = stages(0.0, Start(pull=0, weights=1e9, layers=10, downloads=False), since=0.0)
    assert lifecycle.DOWNLOADING not in {one.reason for one in life}


def test_an_image_that_cannot_be_pulled_ends_in_back_off() -> None:
    life = list(stages(0.0, Start(pull=30, weights=1e9, layers=1, pull_fault="gone"), since=0.0))
    assert [one.reason for one in life][1:] == [lifecycle.PULL_ERROR, lifecycle.PULL_BACK_OFF]
    assert life[-1].phase == "failed"


def test_crashes_back_off_exponentially_up_to_five_minutes() -> None:
    start = Start(pull=0, weights=20e9, layers=32, downloads=False, load_fault="CUDA out of memory")
    life = list(islice(stages(0.0, start, since=0.0), 1, 17))
    waits = [
        after.at - crash.at
        for crash, after in pairwise(life)
        if crash.reason == lifecycle.CRASH_LOOP
    ]
    assert waits == pytest.approx([10, 20, 40, 80, 160, 300, 300])
    assert life[-1].restarts == 7
    assert "back-off 5m0s restarting failed container=main: CUDA" in life[-1].message


def test_old_crash_loops_are_counted_not_lived_through() -> None:
    start = Start(pull=0, weights=20e9, layers=32, load_fault="CUDA out of memory")
    year = 365 * 86_400.0
    stage = next(one for one in stages(0.0, start, since=year) if one.at > year - 1_000)
    assert stage.restarts > 90_000


def test_what_loads_too_long_is_killed_by_its_probe() -> None:
    life = stages(0.0, Start(pull=0, weights=2_000e9, layers=61, downloads=False), since=0.0)
    crash = next(one for one in life if one.phase == "failed")
    assert "failed startup probe" in crash.message


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
