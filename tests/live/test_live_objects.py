"""From objects to records, object by object."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from mtop_tui.observations import Autoscaler, KubeEvent, Removed, Replica, Service
from mtop_tui.providers.live.handover import Change, Handover
from mtop_tui.providers.live.kinds import BY_NAME
from mtop_tui.providers.live.objects.fleet import Fleet
from mtop_tui.providers.live.objects.schema import Meta

AT = 1_780_000_000.0
CREATED, LATER, LATEST = "2026-05-28T20:00:00Z", "2026-05-28T20:05:00Z", "2026-05-28T20:06:00Z"
CREATED_AT, LATER_AT, LATEST_AT = AT - 1600, AT - 1300, AT - 1240
PART_OF = {"app.kubernetes.io/part-of": "llminferenceservice", "app.kubernetes.io/name": "llm"}
WORKLOAD = {**PART_OF, "app.kubernetes.io/component": "llminferenceservice-workload"}


def change(kind: str, name: str, labels: dict[str, str] | None = None, **body: Any) -> Change:
    """An object as an API server sends it, decoded as live mode decodes it."""
    metadata = {
        "name": name,
        "namespace": "" if kind == "Node" else "shop",
        "uid": body.pop("uid", f"uid-{name}"),
        "resourceVersion": "1",
        "creationTimestamp": CREATED,
        "labels": labels or {},
        **body.pop("metadata", {}),
    }
    found = msgspec.json.decode(
        json.dumps({"metadata": metadata, **body}).encode(), type=BY_NAME[kind].type
    )
    return Change(kind, found.metadata, found)


def gone(change: Change) -> Change:
    return change._replace(body=None)


def service(**more: Any) -> Change:
    spec = {"model": {"uri": "hf://org/llm"}, **more.pop("spec", {})}
    return change("LLMInferenceService", "llm", spec=spec, **more)


def pod(name: str = "llm-kserve-1-a", *, state: Any = None, **more: Any) -> Change:
    """A pod on a node; `state` is that of its main container."""
    main = {"name": "main", "state": state or {}, "restartCount": more.pop("restarts", 0)}
    main |= more.pop("main", {})
    labels = {**WORKLOAD, "pod-template-hash": "1", **more.pop("labels", {})}
    conditions = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": CREATED},
        {"type": "Ready", "status": "False", "lastTransitionTime": CREATED},
    ]
    status = {
        "phase": "Running",
        "startTime": CREATED,
        "conditions": conditions,
        "containerStatuses": [main],
        **more.pop("status", {}),
    }
    container = {
        "name": "main",
        "resources": {"limits": {"nvidia.com/gpu": "2"}},
        "startupProbe": {"periodSeconds": 10, "failureThreshold": 60},
    }
    spec = {"nodeName": "n1", "containers": [container], **more.pop("spec", {})}
    return change("Pod", name, labels, spec=spec, status=status, **more)


def node(*, ready: str = "True") -> Change:
    labels = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    conditions = [{"type": "Ready", "status": ready}]
    status = {"allocatable": {"nvidia.com/gpu": "8"}, "conditions": conditions}
    return change("Node", "n1", labels, status=status)


def event(reason: str, name: str = "llm-kserve-1-a", **more: Any) -> Change:
    about = {"kind": "Pod", "namespace": "shop", "name": name, "uid": f"uid-{name}"}
    return change(
        "Event", f"{name}.{reason}", involvedObject=about, type="Normal", reason=reason,
        lastTimestamp=LATER, **more,
    )  # fmt: skip


def told(*changes: Change, kind: type = Replica) -> Any:
    """The last record of a kind that follows from these changes."""
    found = [one for one in Fleet("c").apply(changes, AT) if type(one) is kind]
    return found[-1] if found else None


def running(since: str = LATER) -> dict[str, Any]:
    return {"running": {"startedAt": since}}


def ready(since: str) -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}]}


ENDED = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": LATER}}


@pytest.mark.parametrize(
    ("seen", "phase", "reason", "since", "deadline"),
    [
        (pod(status={"containerStatuses": []}), "starting", "ContainerCreating", CREATED_AT, None),
        (pod(state=running()), "starting", "Loading", LATER_AT, LATER_AT + 600),
        (pod(state=running(), status=ready(LATEST)), "ready", "Running", LATEST_AT, None),
        (
            pod(state=running(CREATED), status={"conditions": [
                {"type": "Ready", "status": "False", "lastTransitionTime": LATER}]}),
            "failed", "NotReady", LATER_AT, None,
        ),
        (
            pod(state={"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}}),
            "failed", "ImagePullBackOff", CREATED_AT, None,
        ),
        (
            pod(state={"waiting": {"reason": "CrashLoopBackOff"}}, main={"lastState": ENDED}),
            "failed", "CrashLoopBackOff", LATER_AT, None,
        ),
        (pod(state=ENDED), "failed", "OOMKilled", LATER_AT, None),
        (
            pod(status={"phase": "Failed", "reason": "Evicted", "containerStatuses": []}),
            "failed", "Evicted", CREATED_AT, None,
        ),
        (
            pod(spec={"nodeName": None}, status={"conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}),
            "pending", "Unschedulable", CREATED_AT, None,
        ),
        (
            pod(metadata={"deletionTimestamp": LATER, "deletionGracePeriodSeconds": 30}),
            "terminating", "Terminating", LATER_AT - 30, None,
        ),
        (
            pod(status={"initContainerStatuses": [
                {"name": "storage-initializer", "state": running()}]}),
            "starting", "Downloading", LATER_AT, None,
        ),
        (
            pod(status={"initContainerStatuses": [
                {"name": "storage-initializer", "state": ENDED}]}),
            "failed", "OOMKilled", LATER_AT, None,
        ),
    ],
)  # fmt: skip
def test_where_a_pod_is_in_its_life(seen, phase, reason, since, deadline):
    found = told(service(), node(), seen)
    assert (found.phase, found.reason, found.since, found.deadline) == (
        phase, reason, since, deadline,
    )  # fmt: skip


def test_a_crash_loop_says_what_the_engine_ended_with():
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting pod=x_y(z)"}
    ended = {"terminated": {**ENDED["terminated"], "message": "CUDA out of memory"}}
    found = told(service(), pod(state={"waiting": waiting}, restarts=4, main={"lastState": ended}))
    assert found.message == "back-off 10s restarting: CUDA out of memory"
    assert (found.restarts, found.last_exit.code, found.last_exit.at) == (4, 137, LATER_AT)


def test_a_replica_knows_its_gpus_by_its_node():
    found = told(service(), node(), pod(state=running()))
    assert (found.gpus, found.gpu_type, found.nodes) == (2, "H100", ("n1",))
    assert told(service(), pod(state=running())).gpu_type is None


def test_a_pod_on_a_lost_node_is_lost_and_comes_back():
    fleet = Fleet("c")
    fleet.apply([service(), node(), pod(state=running(), status=ready(LATER))], AT)
    lost = [one for one in fleet.apply([node(ready="Unknown")], AT) if type(one) is Replica]
    assert [(one.phase, one.reason) for one in lost] == [("failed", "NodeLost")]
    back = [one for one in fleet.apply([node()], AT) if type(one) is Replica]
    assert [one.phase for one in back] == ["ready"]


def test_events_tell_when_an_image_is_pulled():
    fleet = Fleet("c")
    fleet.apply([service(), pod(status={"containerStatuses": []})], AT)
    fleet.release()
    (replica,) = [one for one in fleet.apply([event("Pulling")], AT) if type(one) is Replica]
    assert (replica.message, replica.since) == ("pulling image", LATER_AT)
    (replica,) = [one for one in fleet.apply([event("Pulled")], AT) if type(one) is Replica]
    assert replica.message == ""


def test_a_group_is_one_replica_and_as_well_as_its_worst_pod():
    labels = {"leaderworkerset.sigs.k8s.io/name": "llm-kserve-mn",
              "leaderworkerset.sigs.k8s.io/group-index": "0"}  # fmt: skip
    index = "leaderworkerset.sigs.k8s.io/worker-index"
    leader = pod("llm-kserve-mn-0", state=running(), status=ready(LATER),
                 labels={**labels, index: "0"})  # fmt: skip
    worker = pod("llm-kserve-mn-0-1", state=running(), labels={**labels, index: "1"})
    found = told(service(), node(), worker, leader)
    assert (found.ref.name, found.phase, found.gpus) == ("llm-kserve-mn-0", "ready", 4)
    broken = pod("llm-kserve-mn-0-1", state=ENDED, labels={**labels, index: "1"})
    assert told(service(), node(), leader, broken).reason == "OOMKilled"


def test_what_belongs_to_a_service_comes_after_it():
    fleet = Fleet("c")
    assert not [one for one in fleet.apply([pod(state=running())], AT) if type(one) is Replica]
    kinds = [type(one) for one in fleet.apply([service()], AT)]
    assert kinds == [Service, Replica]


def test_a_service_of_the_same_name_is_another_one():
    fleet = Fleet("c")
    fleet.apply([service(), pod(state=running())], AT)
    again = fleet.apply([service(uid="another")], AT)
    assert [type(one) for one in again] == [Removed, Service, Replica]
    assert again[0].ref.uid == "uid-llm"
    assert [type(one) for one in fleet.apply([gone(service(uid="another"))], AT)] == [Removed]


def test_what_is_the_same_is_not_told_again():
    fleet = Fleet("c")
    assert fleet.apply([service(), pod(state=running())], AT)
    assert fleet.apply([service(), pod(state=running())], AT + 1) == []


def test_desired_replicas_image_and_gpus_are_those_of_the_children():
    template = {"spec": {"containers": [{
        "name": "main", "image": "vllm:1", "args": ["--tensor-parallel-size=2"],
        "resources": {"limits": {"nvidia.com/gpu": 2}}}]}}  # fmt: skip
    deployment = change(
        "Deployment", "llm-kserve", WORKLOAD,
        spec={"replicas": 3, "template": template}, status={"readyReplicas": 1},
    )  # fmt: skip
    alone = told(service(), kind=Service).pools[0]
    assert (alone.desired, alone.gpus_per_replica, alone.image) == (None, None, None)
    pool = told(service(), deployment, kind=Service).pools[0]
    assert (pool.desired, pool.ready, pool.gpus_per_replica) == (3, 1, 2)
    assert (pool.image, pool.tensor_parallel, pool.workload) == ("vllm:1", 2, "llm-kserve")


def test_gpus_that_are_claimed_by_devices_count():
    claims = {
        "serving.kserve.io/exp-dra-device-class": "gpu.nvidia.com",
        "serving.kserve.io/exp-dra-device-count": "4",
    }
    bare = {"containers": [{"name": "main"}]}
    found = told(service(metadata={"annotations": claims}), pod(state=running(), spec=bare))
    assert found.gpus == 4


def test_the_autoscaler_behind_a_scaled_object_is_not_another_one():
    scaled = change(
        "ScaledObject", "llm-keda", PART_OF,
        spec={"scaleTargetRef": {"name": "llm-kserve"}, "minReplicaCount": 1, "maxReplicaCount": 5},
    )  # fmt: skip
    owner = {"kind": "ScaledObject", "name": "llm-keda", "uid": "uid-llm-keda"}
    behind = change(
        "HorizontalPodAutoscaler", "keda-hpa-llm-keda", PART_OF,
        metadata={"ownerReferences": [owner]}, spec={"minReplicas": 1, "maxReplicas": 5},
        status={"currentReplicas": 2, "desiredReplicas": 4},
    )  # fmt: skip
    for order in ([scaled, behind], [behind, scaled]):
        records = Fleet("c").apply([service(), *order], AT)
        (found,) = [one for one in records if type(one) is Autoscaler]
        assert found.ref.kind == "ScaledObject"
        assert (found.minimum, found.maximum, found.current, found.desired) == (1, 5, 2, 4)


def test_events_wait_for_what_they_are_about():
    fleet = Fleet("c")
    assert fleet.apply([event("Scheduled")], AT) == []
    assert fleet.release() == []
    assert [type(one) for one in fleet.apply([service()], AT)] == [Service, KubeEvent]
    (again,) = fleet.apply([event("Started", count=7)], AT)
    assert (again.count, again.at) == (7, LATER_AT)
    assert fleet.apply([event("Started", name="strange-pod")], AT) == []


# What waits to be shown


def test_the_newest_state_of_an_object_is_what_waits():
    waiting = Handover()
    for restarts in range(5):
        waiting.put(pod(restarts=restarts))
    waiting.put(service())
    first, second = waiting.take(10)
    assert first.body.status.container_statuses[0].restart_count == 4
    assert second.kind == "LLMInferenceService"
    assert (len(waiting), waiting.dropped) == (0, 0)


def test_events_that_nobody_takes_are_bounded_and_counted():
    waiting = Handover("Event", 3)
    waiting.put(service())
    for number in range(10):
        waiting.put(Change("Event", Meta(name=f"e{number}", uid=f"e{number}"), object()))
    assert [one.metadata.name for one in waiting.take(99)] == ["llm", "e7", "e8", "e9"]
    assert waiting.dropped == 7
