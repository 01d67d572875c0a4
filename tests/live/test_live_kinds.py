"""From kinds that surround services to records: classic services, configs, rollouts, devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from test_live_objects import (
    AT,
    LATER,
    LATER_AT,
    LATEST,
    WORKLOAD,
    change,
    gone,
    node,
    pod,
    ready,
    running,
    service,
    told,
)

from mtop_tui.domain.startup import EngineStage
from mtop_tui.observations import Node, Removed, Replica, Revision, Service
from mtop_tui.providers.live.handover import Change
from mtop_tui.providers.live.kinds import BY_NAME, KINDS
from mtop_tui.providers.live.objects.fleet import Fleet

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "serving"


def named(name: str, **more: Any) -> Change:
    """A service with another name than usual."""
    return change("LLMInferenceService", name, spec={"model": {}, **more.pop("spec", {})}, **more)


def last(fleet: Fleet, kind: type, name: str = "") -> Any:
    """What was last told of a kind."""
    found = [
        one for one in fleet.told() if type(one) is kind and (not name or one.ref.name == name)
    ]
    return found[-1] if found else None


# Classic services


def classic(**more: Any) -> Change:
    predictor = {"model": {"runtime": "huggingface", "storageUri": "hf://org/m",
                           "resources": {"limits": {"nvidia.com/gpu": "1"}}}}  # fmt: skip
    return change("InferenceService", "old", spec={"predictor": predictor}, **more)


def predictor_pod(name: str, component: str = "predictor", **more: Any) -> Change:
    labels = {"serving.kserve.io/inferenceservice": "old", "component": component}
    container = {"name": "kserve-container", "image": "hf:1",
                 "resources": {"limits": {"nvidia.com/gpu": "1"}}}  # fmt: skip
    queue = {"name": "queue-proxy", "image": "queue:1"}
    return change("Pod", name, labels, spec={"nodeName": "n1", "containers": [queue, container]},
                  status={"phase": "Running", **more})  # fmt: skip


def test_a_classic_service_is_one_of_the_fleet():
    serves = {"containerStatuses": [{"name": "kserve-container", "state": running()}],
              **ready(LATER)}  # fmt: skip
    fleet = Fleet("c")
    fleet.apply([classic(), node(), predictor_pod("a", **serves), predictor_pod("b")], AT)
    fleet.apply([predictor_pod("t", "transformer", **serves)], AT)
    found = last(fleet, Service)
    assert (found.ref.kind, found.ref.name, found.model_uri) == (
        "InferenceService",
        "old",
        "hf://org/m",
    )
    pool = found.pools[0]
    assert (pool.desired, pool.ready, pool.gpus_per_replica, pool.image) == (None, 1, 1, "hf:1")
    assert "runtime huggingface" in found.notes
    replicas = {one.ref.name: one.phase for one in fleet.told() if type(one) is Replica}
    assert replicas == {"a": "ready", "b": "starting"}
    fleet.apply([gone(predictor_pod("a"))], AT)
    assert last(fleet, Service).pools[0].ready == 0


def test_a_model_that_could_not_be_loaded_is_noted():
    why = {"reason": "ModelLoadFailed", "message": "no such file"}
    failed = {"transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": why}
    found = told(classic(status={"modelStatus": failed}), kind=Service)
    assert "model BlockedByFailedLoad: ModelLoadFailed: no such file" in found.notes


def test_a_classic_service_gives_way_to_another_of_its_name():
    fleet = Fleet("c")
    fleet.apply([classic()], AT)
    other = named("old", uid="another")
    assert [type(one) for one in fleet.apply([other], AT)] == [Removed, Service]
    assert fleet.apply([classic(generation=2)], AT) == []
    assert fleet.apply([gone(classic())], AT) == []


# Configs


def config(name: str, spec: dict[str, Any], namespace: str = "shop") -> Change:
    return change("LLMInferenceServiceConfig", name, spec=spec, metadata={"namespace": namespace})


PRESET = config(
    "kserve-config-llm-template",
    {"template": {"containers": [{"name": "main", "image": "vllm:9", "args": ["{{ .Name }}"],
                                  "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}},
    "opendatahub",
)  # fmt: skip
TEAM = config("team", {"replicas": 3, "template": {"containers": [
    {"name": "main", "resources": {"limits": {"nvidia.com/gpu": "4"}}}]}})  # fmt: skip


def test_without_workloads_configs_say_what_a_service_will_be():
    fleet = Fleet("c")
    fleet.apply([service(spec={"baseRefs": [{"name": "team"}]}), PRESET, TEAM], AT)
    assert last(fleet, Service).pools[0].desired is None  # its workload may just not have come
    fleet.release()
    fleet.apply([], AT)
    pool = last(fleet, Service).pools[0]
    assert (pool.desired, pool.image, pool.gpus_per_replica) == (3, "vllm:9", 4)


def test_it_is_told_which_config_states_what():
    applied = [{"name": PRESET.metadata.name, "namespace": "opendatahub", "source": "Preset"},
               {"name": "team", "namespace": "shop", "source": "UserRef"}]  # fmt: skip
    fleet = Fleet("c")
    fleet.apply([service(status={"appliedConfigs": applied}), PRESET, TEAM], AT)
    fleet.release()
    fleet.apply([], AT)
    found = last(fleet, Service)
    assert found.applied_configs == ("kserve-config-llm-template", "team")
    assert found.origins == {
        "image": "kserve-config-llm-template", "gpus": "team", "replicas": "team",
    }  # fmt: skip
    own = {"replicas": 2}
    fleet.apply([service(spec=own, status={"appliedConfigs": applied}, uid="uid-llm")], AT)
    assert "replicas" not in last(fleet, Service).origins


def test_a_config_that_is_missing_leaves_things_unknown():
    fleet = Fleet("c")
    fleet.apply([service(spec={"baseRefs": [{"name": "absent"}]}), PRESET], AT)
    fleet.release()
    fleet.apply([], AT)
    assert last(fleet, Service).pools[0].desired is None


# Argo Rollouts


def replica_set(hash_: str, number: int, replicas: int) -> Change:
    labels = {**WORKLOAD, "rollouts-pod-template-hash": hash_}
    return change("ReplicaSet", f"llm-kserve-{hash_}", labels,
                  metadata={"annotations": {"rollout.argoproj.io/revision": str(number)}},
                  spec={"replicas": replicas}, status={"readyReplicas": replicas})  # fmt: skip


def rollout(**more: Any) -> Change:
    steps = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}]
    spec = {"replicas": 5, "workloadRef": {"kind": "Deployment", "name": "llm-kserve"},
            "strategy": {"canary": {"steps": steps}}}  # fmt: skip
    status = {"stableRS": "old", "currentPodHash": "new", "currentStepIndex": 1,
              "readyReplicas": 5, "updatedReplicas": 1, **more}  # fmt: skip
    return change("Rollout", "llm", spec=spec, status=status)


def test_a_rollout_moves_the_requests_of_a_service_in_steps():
    template = {"spec": {"containers": [{"name": "main", "image": "vllm:2"}]}}
    deployment = change(
        "Deployment", "llm-kserve", WORKLOAD, spec={"replicas": 0, "template": template}
    )
    fleet = Fleet("c")
    sets = [replica_set("old", 1, 4), replica_set("new", 2, 1)]
    paused = rollout(pauseConditions=[{"reason": "CanaryPauseStep"}])
    fleet.apply([service(), deployment, *sets, paused], AT)
    pool = last(fleet, Service).pools[0]
    assert (pool.desired, pool.ready, pool.image) == (5, 5, "vllm:2")
    steps = pool.canary
    assert (steps.stable, steps.canary, steps.share, steps.step, steps.steps, steps.state) == (
        "old", "new", 0.2, 1, 3, "paused",
    )  # fmt: skip
    assert {one.number for one in fleet.told() if type(one) is Revision} == {1, 2}
    fleet.apply([rollout(abort=True, message="aborted by hand")], AT)
    steps = last(fleet, Service).pools[0].canary
    assert (steps.state, steps.share, steps.said) == ("aborted", 0.0, "aborted by hand")
    fleet.apply([gone(rollout())], AT)
    assert last(fleet, Service).pools[0].canary is None


# GPUs as devices, and parts of GPUs


def claim(uid: str, *devices: str, driver: str = "gpu.nvidia.com", **more: Any) -> Change:
    results = [{"driver": driver, "pool": "n1", "device": one, "request": "r"} for one in devices]
    status = {"allocation": {"devices": {"results": results}},
              "reservedFor": [{"resource": "pods", "name": "p", "uid": uid}]}  # fmt: skip
    return change("ResourceClaim", f"claim-{uid}-{driver}", status=status, **more)


def offer(*devices: tuple[str, dict[str, str]], basic: bool = False) -> Change:
    listed: list[dict[str, Any]] = []
    for name, attributes in devices:
        said = {"attributes": {key: {"string": text} for key, text in attributes.items()}}
        listed.append({"name": name, **({"basic": said} if basic else said)})
    spec = {"driver": "gpu.nvidia.com", "nodeName": "n1", "pool": {"name": "n1"}, "devices": listed}
    return change("ResourceSlice", "n1-gpu", spec=spec)


H100 = {"productName": "NVIDIA H100 80GB HBM3", "type": "gpu"}
SLICE = {"productName": "NVIDIA H100 80GB HBM3", "type": "mig", "profile": "1g.10gb"}
BARE = {"containers": [{"name": "main"}], "nodeName": "n1"}


@pytest.mark.parametrize("basic", [False, True], ids=["v1", "v1beta1"])
def test_claimed_devices_are_the_gpus_of_a_replica(basic: bool):
    fleet = Fleet("c")
    fleet.apply([service(), pod(state=running(), spec=BARE)], AT)
    assert (last(fleet, Replica).gpus, last(fleet, Replica).gpu_type) == (0, None)
    uid = "uid-llm-kserve-1-a"
    network = claim(uid, "nic-0", driver="rdma.example")
    fleet.apply([claim(uid, "gpu-0", "gpu-1"), network], AT)
    fleet.apply([offer(("gpu-0", H100), ("gpu-1", H100), basic=basic)], AT)
    fleet.apply([pod(state=running(), spec=BARE, restarts=1)], AT)
    assert (last(fleet, Replica).gpus, last(fleet, Replica).gpu_type) == (2, "H100")
    fleet.apply([gone(claim(uid))], AT)
    assert last(fleet, Replica).gpus == 0


def test_a_device_that_is_a_part_of_a_gpu_says_so():
    fleet = Fleet("c")
    fleet.apply([offer(("gpu-0-mig-0", SLICE)), service(), pod(state=running(), spec=BARE)], AT)
    fleet.apply([claim("uid-llm-kserve-1-a", "gpu-0-mig-0")], AT)
    assert last(fleet, Replica).gpu_type == "H100 MIG-1g.10gb"


def test_a_claim_that_got_nothing_yet_asks_for_gpus():
    asks = [{"name": "g", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 4}},
            {"name": "n", "exactly": {"deviceClassName": "rdma.example"}}]  # fmt: skip
    waiting = change("ResourceClaim", "c", spec={"devices": {"requests": asks}}, status={
        "reservedFor": [{"resource": "pods", "uid": "uid-llm-kserve-1-a"}]})  # fmt: skip
    assert told(service(), waiting, pod(state=running(), spec=BARE)).gpus == 4


def test_a_node_has_the_gpus_that_are_offered_as_devices():
    plain = change("Node", "n1", status={"conditions": [{"type": "Ready", "status": "True"}]})
    slices = offer(("gpu-0", H100), ("gpu-1", H100), ("gpu-0-mig-0", SLICE))
    for order in ([plain, slices], [slices, plain]):
        fleet = Fleet("c")
        fleet.apply(order, AT)
        assert (last(fleet, Node).gpus, last(fleet, Node).gpu_type) == (2, "H100")


def test_a_replica_on_a_part_of_a_gpu_names_the_profile():
    limits = {"limits": {"nvidia.com/mig-1g.10gb": "1"}}
    parts = {"containers": [{"name": "main", "resources": limits}], "nodeName": "n1"}
    found = told(service(), node(), pod(state=running(), spec=parts))
    assert (found.gpus, found.gpu_type) == (1, "H100 MIG-1g.10gb")


# What engines say while they start


def test_an_engine_that_starts_says_what_it_is_at():
    fleet = Fleet("c")
    fleet.apply([service(), pod(state=running())], AT)
    ref = last(fleet, Replica).ref
    assert (last(fleet, Replica).reason, last(fleet, Replica).since) == ("Loading", LATER_AT)
    fleet.note_stage(ref, EngineStage("Loading", LATER_AT + 5, "9 of 19 shards"))
    fleet.apply([], AT)
    found = last(fleet, Replica)
    assert (found.reason, found.message, found.since) == ("Loading", "9 of 19 shards", LATER_AT)
    fleet.note_stage(ref, EngineStage("Compiling", LATER_AT + 30))
    fleet.apply([], AT)
    found = last(fleet, Replica)
    assert (found.phase, found.reason, found.since) == ("starting", "Compiling", LATER_AT + 30)
    assert found.deadline == LATER_AT + 600  # the probe counts from the start of the container
    fleet.apply([pod(state=running(LATEST), restarts=1)], AT)
    assert last(fleet, Replica).reason == "Loading"  # that was said by the container before


# Real objects


def real(path: Path, kind: str) -> list[Change]:
    found = []
    for body in yaml.load_all(path.read_text(), Loader=_Plain):
        if isinstance(body, dict) and body.get("kind") == kind:
            object_ = msgspec.convert(body, BY_NAME[kind].type)
            found.append(Change(kind, object_.metadata, object_))
    return found


class _Plain(yaml.CSafeLoader):
    """As JSON has it: times stay text."""


_Plain.yaml_implicit_resolvers = {
    key: [one for one in found if "timestamp" not in one[0]]
    for key, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the data of the field is not here")


@needs_data
@pytest.mark.parametrize(
    ("name", "stopped", "is_ready"),
    [("degraded", False, "False"), ("healthy_ocp", False, "True"), ("healthy_raw", False, "True"),
     ("progressing_ocp", False, "Unknown"), ("stopped", True, "False")],
)  # fmt: skip
def test_real_classic_services(name: str, stopped: bool, is_ready: str):
    path = DATA / "status" / "inferenceservice" / f"{name}.yaml"
    (one,) = real(path, "InferenceService")
    found = told(one, kind=Service)
    assert found.stopped is stopped
    assert next(c.status for c in found.conditions if c.type == "Ready") == is_ready


@needs_data
def test_real_rollouts():
    seen = {}
    for path in (DATA / "rollout").rglob("*.yaml"):
        for one in real(path, "Rollout"):
            body = one.body
            labelled = msgspec.structs.replace(
                one.metadata, labels=dict(WORKLOAD), namespace="shop"
            )
            moved = msgspec.structs.replace(body, metadata=labelled)
            found = told(service(), Change("Rollout", labelled, moved), kind=Service)
            steps = found.pools[0].canary
            seen[path.name] = (steps.state, steps.share, steps.step, steps.steps)
    assert seen["argo-rollout-canary_progressing_setWeightStep.yaml"] == ("progressing", 0.4, 3, 4)
    assert seen["argo-rollout-suspended_userPause.yaml"] == ("paused", 0.2, 1, 2)
    assert seen["canary-rollout.yaml"] == ("overdue", 0.2, 0, 8)
    assert seen["argo-rollout-degraded_abortedRollout.yaml"][0] == "aborted"


@needs_data
def test_real_configs_state_what_they_do():
    fleet = Fleet("c")
    presets = [
        one
        for path in (DATA / "presets").glob("*.yaml")
        for one in real(path, "LLMInferenceServiceConfig")
    ]
    homed = []
    for one in presets:
        metadata = msgspec.structs.replace(one.metadata, namespace="kserve", uid=one.metadata.name)
        homed.append(
            Change(one.kind, metadata, msgspec.structs.replace(one.body, metadata=metadata))
        )
    assert len(homed) >= 6
    fleet.apply([*homed, service(spec={"replicas": 2})], AT)
    fleet.release()
    fleet.apply([], AT)
    pool = last(fleet, Service).pools[0]
    assert pool.desired == 2
    assert (pool.image or "").startswith("ghcr.io/llm-d/llm-d-cuda")


def test_each_kind_has_its_own_place():
    places = [(kind.group, kind.plural, kind.selector) for kind in KINDS]
    assert len(set(places)) == len(places)
