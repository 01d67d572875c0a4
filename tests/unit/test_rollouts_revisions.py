"""What is being rolled out, read from objects of five kinds."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.rollouts.groups import (
    Member,
    group_members,
    group_rollout,
    reported_members,
    shares_of,
)
from mtop_tui.domain.rollouts.platforms import argo_rollout, inference_service_rollout
from mtop_tui.domain.rollouts.revisions import (
    Phase,
    Rollout,
    Step,
    deployment_rollout,
    leader_worker_set_rollout,
)

OBJECTS = json.loads((Path(__file__).parent / "vectors/rollout_objects.json").read_text())["cases"]
BY_ID = {case["id"]: case["object"] for case in OBJECTS}
READERS = {
    "Rollout": argo_rollout,
    "Deployment": lambda deployment: deployment_rollout(deployment, []),
}


@pytest.mark.parametrize("case", OBJECTS, ids=lambda case: case["id"])
def test_phases_of_real_objects(case: dict[str, Any]) -> None:
    rollout = READERS[case["object"]["kind"]](case["object"])
    assert rollout.phase == case["expected_phase"]
    assert rollout.name == case["object"]["metadata"]["name"]
    assert rollout.reason


def test_an_argo_rollout_at_its_last_pause() -> None:
    rollout = argo_rollout(BY_ID["argo-rollout-canary_progressing_setWeightStep"])
    assert (rollout.stable, rollout.canary) == ("df986d68", "6b566f47b7")
    assert dict(rollout.shares) == {"df986d68": 0.6, "6b566f47b7": 0.4}
    assert rollout.step == Step(3, 4)
    assert (rollout.desired, rollout.updated, rollout.ready) == (5, 2, 5)


def test_an_aborted_argo_rollout_sends_the_canary_nothing() -> None:
    rollout = argo_rollout(BY_ID["argo-rollout-degraded_abortedRollout"])
    assert dict(rollout.shares) == {"645d5dbc4c": 1.0, "6758949f55": 0.0}


def argo(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "r", "generation": 7},
        "spec": {
            "replicas": 4,
            "strategy": {"canary": {"steps": [{"pause": {}}, {"setWeight": 30}]}},
        },
        "status": {"stableRS": "a", "currentPodHash": "b", "observedGeneration": "7", **status},
    }


@pytest.mark.parametrize(
    ("status", "phase", "shares"),
    [
        ({"currentStepIndex": 0}, Phase.PROGRESSING, {"a": 1.0, "b": 0.0}),
        ({"currentStepIndex": 1}, Phase.PROGRESSING, {"a": 0.7, "b": 0.3}),
        ({"currentStepIndex": 2}, Phase.PROGRESSING, {"a": 0.0, "b": 1.0}),
        (
            {"currentStepIndex": 1, "canary": {"weights": {"canary": {"weight": 10}}}},
            Phase.PROGRESSING,
            {"a": 0.9, "b": 0.1},
        ),
        ({"pauseConditions": [{"reason": "CanaryPauseStep"}]}, Phase.PAUSED, {}),
        ({"currentPodHash": "a"}, Phase.COMPLETE, {"a": 1.0}),
        ({"observedGeneration": "6", "currentPodHash": "a"}, Phase.UNSEEN, {"a": 1.0}),
    ],
)
def test_argo_weights_follow_the_steps(
    status: dict[str, Any], phase: Phase, shares: dict[str, float]
) -> None:
    rollout = argo_rollout(argo(**status))
    assert rollout.phase is phase
    assert dict(rollout.shares) == pytest.approx(shares)


def replica_set(digest: str, revision: str, replicas: int) -> dict[str, Any]:
    return {
        "metadata": {
            "labels": {"pod-template-hash": digest},
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
        "spec": {"replicas": replicas},
    }


def deployment(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "d",
            "generation": 4,
            "annotations": {"deployment.kubernetes.io/revision": "10"},
        },
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 4, **status},
    }


SETS = [replica_set("old", "8", 0), replica_set("v2", "10", 1), replica_set("v1", "9", 2)]


def test_a_deployment_between_two_revisions() -> None:
    running = {"replicas": 3, "updatedReplicas": 1, "readyReplicas": 2}
    rollout = deployment_rollout(deployment(**running), SETS)
    assert rollout == Rollout(
        "Deployment", "d", Phase.PROGRESSING, "v1", "v2", desired=2, updated=1, ready=2
    )


def test_a_finished_deployment_has_no_canary() -> None:
    done = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
    rollout = deployment_rollout(deployment(**done), SETS)
    assert (rollout.phase, rollout.stable, rollout.canary) == (Phase.COMPLETE, "v2", None)


def test_counts_that_the_api_leaves_out_are_zero_but_without_status_unknown() -> None:
    assert deployment_rollout(deployment(), SETS).ready == 0
    bare = deployment() | {"status": {}}
    rollout = deployment_rollout(bare, SETS)
    assert (rollout.phase, rollout.ready, rollout.updated) == (Phase.UNKNOWN, None, None)


@pytest.mark.parametrize(
    ("change", "phase"),
    [
        ({"metadata": {"generation": 5}}, Phase.UNSEEN),
        ({"spec": {"replicas": 2, "paused": True}}, Phase.PAUSED),
        ({"spec": {"replicas": 0}}, Phase.STOPPED),
    ],
)
def test_deployments_that_do_not_move(change: dict[str, Any], phase: Phase) -> None:
    rollout = deployment_rollout(deployment() | change, [])
    assert rollout.phase is phase
    assert rollout.reason


def leader(digest: str, created: str, worker: str = "0") -> dict[str, Any]:
    labels = {
        "leaderworkerset.sigs.k8s.io/template-revision-hash": digest,
        "leaderworkerset.sigs.k8s.io/worker-index": worker,
    }
    return {"metadata": {"labels": labels, "creationTimestamp": created}}


PODS = [
    leader("new", "2026-11-02T00:00:00Z"),
    leader("old", "2026-11-01T00:00:00Z"),
    leader("other", "2026-11-03T00:00:00Z", worker="1"),
]


def leader_worker_set(partition: int, ready: int) -> dict[str, Any]:
    return {
        "metadata": {"name": "g", "generation": 1},
        "spec": {
            "replicas": 3,
            "rolloutStrategy": {"rollingUpdateConfiguration": {"partition": partition}},
        },
        "status": {"replicas": 3, "updatedReplicas": 1, "readyReplicas": ready},
    }


def test_a_leader_worker_set_counts_groups_and_names_the_leaders_revisions() -> None:
    rollout = leader_worker_set_rollout(leader_worker_set(0, 3), PODS)
    assert (rollout.phase, rollout.stable, rollout.canary) == (Phase.PROGRESSING, "old", "new")
    assert (rollout.desired, rollout.updated, rollout.ready) == (3, 1, 3)


def test_a_partition_holds_groups_back_on_purpose() -> None:
    held = leader_worker_set_rollout(leader_worker_set(2, 3), PODS)
    assert held.phase is Phase.PAUSED
    assert "partition 2" in held.reason
    assert leader_worker_set_rollout(leader_worker_set(2, 2), PODS).phase is Phase.PROGRESSING


def member_object(name: str, weight: Any, group: str = "chat", stop: str = "") -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "creationTimestamp": f"2026-01-01T00:00:0{name[-1]}Z",
            "annotations": {"serving.kserve.io/stop": stop},
        },
        "spec": {"router": {"route": {"group": group, "weight": weight}}},
    }


def test_weights_of_a_group_are_proportional() -> None:
    services = [
        member_object("v2", 1),
        member_object("v1", 9),
        member_object("v3", 5, group="other"),
        member_object("v4", 90, stop="true"),
    ]
    members = group_members(services, "chat")
    assert shares_of(members) == {"v2": 0.1, "v1": 0.9, "v4": 0.0}
    rollout = group_rollout("chat", members)
    assert (rollout.phase, rollout.stable, rollout.canary) == (Phase.PROGRESSING, "v1", "v2")
    assert dict(rollout.shares)["v1"] == 0.9
    assert not rollout.reason


def test_a_group_whose_weights_are_all_zero_receives_nothing() -> None:
    members = [Member("v1", 0), Member("v2", 0)]
    assert shares_of(members) == {"v1": 0.0, "v2": 0.0}
    assert "no member receives requests" in group_rollout("chat", members).reason


def test_a_group_with_one_member_left_or_none() -> None:
    members = [Member("v1", 9, stopped=True), Member("v2", 1)]
    assert group_rollout("chat", members).phase is Phase.COMPLETE
    assert dict(group_rollout("chat", members).shares) == {"v1": 0.0, "v2": 1.0}
    assert group_rollout("chat", members[:1]).phase is Phase.STOPPED
    assert group_rollout("chat", []).phase is Phase.STOPPED


def test_a_weight_that_is_left_out_is_one_and_a_wrong_one_nothing() -> None:
    assert group_members([member_object("v1", None)], "chat")[0].weight == 1
    assert shares_of([Member("v1", -3), Member("v2", float("nan")), Member("v3", 2)]) == {
        "v1": 0.0,
        "v2": 0.0,
        "v3": 1.0,
    }


def test_members_as_the_status_reports_them() -> None:
    service = {
        "status": {
            "router": {
                "group": {
                    "name": "chat",
                    "members": [
                        {"name": "v1", "weight": 9},
                        {"name": "v2", "stopped": True},
                        {"weight": 3},
                    ],
                }
            }
        }
    }
    assert reported_members(service) == [Member("v1", 9), Member("v2", 1, stopped=True)]


@given(st.lists(st.tuples(st.integers(0, 1_000_000), st.booleans()), max_size=6))
def test_shares_add_up_to_one_or_nothing(weights: list[tuple[int, bool]]) -> None:
    members = [Member(f"v{i}", weight, stop) for i, (weight, stop) in enumerate(weights)]
    total = sum(shares_of(members).values())
    assert total == pytest.approx(1 if any(w and not s for w, s in weights) else 0)


def inference_service(**predictor: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "i", "generation": 2},
        "status": {"observedGeneration": 2, "components": {"predictor": predictor}},
    }


TRAFFIC = [
    {"revisionName": "i-00002", "percent": 20, "latestRevision": True},
    {"revisionName": "i-00001", "percent": 80, "tag": "prev"},
]


def test_an_inference_service_splits_by_percent() -> None:
    service = inference_service(
        traffic=TRAFFIC, latestReadyRevision="i-00002", latestCreatedRevision="i-00002"
    )
    rollout = inference_service_rollout(service)
    assert (rollout.phase, rollout.stable, rollout.canary) == (
        Phase.PROGRESSING,
        "i-00001",
        "i-00002",
    )
    assert dict(rollout.shares) == {"i-00002": 0.2, "i-00001": 0.8}


def test_an_inference_service_whose_new_revision_is_not_ready() -> None:
    service = inference_service(
        traffic=[{"revisionName": "i-00001", "percent": 100}, {"percent": 5}],
        latestRolledoutRevision="i-00001",
        latestReadyRevision="i-00001",
        latestCreatedRevision="i-00002",
    )
    rollout = inference_service_rollout(service)
    assert rollout.canary == "i-00002"
    assert rollout.reason == "revision i-00002 is not ready"
    assert dict(rollout.shares) == {"i-00001": 1.0}


def test_inference_services_without_a_canary() -> None:
    service = inference_service(latestReadyRevision="a", latestCreatedRevision="a")
    assert inference_service_rollout(service).phase is Phase.COMPLETE
    assert inference_service_rollout(inference_service()).phase is Phase.UNKNOWN
    service["metadata"]["generation"] = 3
    assert inference_service_rollout(service).phase is Phase.UNSEEN
    service["metadata"]["annotations"] = {"serving.kserve.io/stop": "true"}
    assert inference_service_rollout(service).phase is Phase.STOPPED


strange = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "spec", "status", "labels", "replicas", "conditions", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
mappings = st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), strange, max_size=3)


@given(mappings)
def test_strange_objects_raise_nothing(thing: dict[str, Any]) -> None:
    for rollout in (
        deployment_rollout(thing, [thing]),
        leader_worker_set_rollout(thing, [thing]),
        inference_service_rollout(thing),
        argo_rollout(thing),
        group_rollout("g", [*group_members([thing], "g"), *reported_members(thing)]),
    ):
        assert isinstance(rollout.phase, Phase)


def test_a_revision_that_is_no_number_is_no_revision() -> None:
    for text in ("x", "", "9" * 5000):
        rollout = deployment_rollout(
            deployment()
            | {"metadata": {"annotations": {"deployment.kubernetes.io/revision": text}}},
            SETS,
        )
        assert rollout.stable is None
