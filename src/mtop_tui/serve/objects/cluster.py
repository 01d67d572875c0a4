"""Nodes, namespaces, Events and autoscalers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mtop_tui.observations import Autoscaler, KubeEvent, Node, ObjectRef
from mtop_tui.serve.entries import Body, Entry
from mtop_tui.serve.objects.facts import ServiceFacts
from mtop_tui.serve.objects.meta import managed, metadata, told
from mtop_tui.serve.objects.pods import host_address
from mtop_tui.serve.objects.services import condition
from mtop_tui.serve.resources import KSERVE, LWS, Resource
from mtop_tui.serve.timescale import Timescale

_PRESSURES = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)
_LOST = "Kubelet stopped posting node status."
_NODE_INFO = {
    "bootID": "",
    "kernelVersion": "6.8.0-1029-aws",
    "osImage": "Ubuntu 24.04.2 LTS",
    "containerRuntimeVersion": "containerd://2.1.4",
    "kubeletVersion": "v1.36.2",
    "kubeProxyVersion": "",
    "operatingSystem": "linux",
    "architecture": "amd64",
}

API_VERSIONS: Mapping[str, str] = {
    "Pod": "v1",
    "Node": "v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "LeaderWorkerSet": f"{LWS}/v1",
    "LLMInferenceService": f"{KSERVE}/v1alpha2",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "ScaledObject": "keda.sh/v1alpha1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
}
"""The API versions that Events name the objects of a kind in."""

_BY_REASON = {
    "FailedScheduling": "default-scheduler",
    "Scheduled": "default-scheduler",
    "TaintManagerEviction": "taint-eviction-controller",
    "NodeNotReady": "node-controller",
    "NodeReady": "node-controller",
    "RemovingNode": "node-controller",
    "RegisteredNode": "node-controller",
    "SpotInterruption": "aws-node-termination-handler",
}
_BY_KIND = {
    "Pod": "kubelet",
    "Node": "kubelet",
    "Deployment": "deployment-controller",
    "ReplicaSet": "replicaset-controller",
    "LeaderWorkerSet": "leaderworkerset",
    "LLMInferenceService": "llmisvc-controller",
    "HorizontalPodAutoscaler": "horizontal-pod-autoscaler",
    "ScaledObject": "keda-operator",
    "HTTPRoute": "canary-analysis",
}
_OF_CONTAINER = frozenset(
    {"Pulling", "Pulled", "Failed", "BackOff", "Created", "Started", "Unhealthy", "Killing"}
)


def node_entry(
    node: Node, body: Mapping[str, Any] | None, *, cordoned: bool, since: float, scale: Timescale
) -> Entry:
    """A node; `since` is when its readiness last changed."""
    ref = node.ref
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": ref.name,
        "kubernetes.io/os": "linux",
        **node.labels,
    }

    def make() -> Body:
        stated: Mapping[str, Any] = (body or {}).get("status") or {}
        moment = scale.stamp(since)
        spec = told(
            [
                (
                    "providerID",
                    f"aws:///{labels.get('topology.kubernetes.io/zone', '')}/{ref.name}",
                ),
                ("taints", list(_taints(node, cordoned, moment))),
                ("unschedulable", cordoned or None),
            ]
        )
        allocatable = _resources(stated.get("allocatable") or {}, node)
        status = {
            "capacity": {**allocatable, **(stated.get("capacity") or {})},
            "allocatable": allocatable,
            "conditions": list(_node_conditions(node, moment, scale.stamp(node.at))),
            "addresses": [
                {"type": "InternalIP", "address": host_address(ref.name)},
                {"type": "Hostname", "address": ref.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {**_NODE_INFO, "machineID": ref.uid, "systemUUID": ref.uid},
        }
        created = scale.stamp(min(since, node.at))
        fields = [
            managed("kube-controller-manager", "v1", created, {"spec": spec}),
            managed("kubelet", "v1", created, {"status": status}, "status"),
        ]
        head = metadata(ref, created, labels=labels, managed=fields)
        return {"metadata": head, "spec": spec, "status": status}

    return Entry("", ref.name, ref.uid, labels, make)


def namespace_entry(ref: ObjectRef, created: str) -> Entry:
    """A namespace."""
    labels = {"kubernetes.io/metadata.name": ref.name}

    def make() -> Body:
        return {
            "metadata": metadata(ref, created, labels=labels),
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        }

    return Entry("", ref.name, ref.uid, labels, make)


def event_entry(event: KubeEvent, involved: ObjectRef, host: str, scale: Timescale) -> Entry:
    """An Event, as the older of its two APIs has it. `host` is the node of the pod it is about."""
    ref = event.ref._replace(namespace=event.ref.namespace or "default")
    component = _BY_REASON.get(event.reason) or _BY_KIND.get(involved.kind, "")

    def make() -> Body:
        first = scale.stamp(event.first_at if event.first_at is not None else event.at)
        about = {
            "kind": involved.kind,
            "namespace": involved.namespace,
            "name": involved.name,
            "uid": involved.uid,
            "apiVersion": API_VERSIONS.get(involved.kind, "v1"),
        }
        if involved.kind == "Pod" and event.reason in _OF_CONTAINER:
            about["fieldPath"] = "spec.containers{main}"
        source = {"component": component}
        if component == "kubelet" and host:
            source["host"] = host
        head = metadata(ref, first)
        set_here = {
            "count",
            "firstTimestamp",
            "involvedObject",
            "lastTimestamp",
            "message",
            "reason",
        }
        fields = managed(
            component or "kubelet", "v1", scale.stamp(event.at), dict.fromkeys(sorted(set_here))
        )
        return {
            "metadata": {**head, "generateName": f"{involved.name}.", "managedFields": [fields]},
            "involvedObject": told(about.items()),
            "reason": event.reason,
            "message": event.message,
            "source": source,
            "firstTimestamp": first,
            "lastTimestamp": scale.stamp(event.at),
            "count": event.count,
            "type": event.severity,
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": source.get("host", ""),
        }

    return Entry(ref.namespace, ref.name, ref.uid, {}, make)


def convert_event(body: Body, resource: Resource) -> Body:
    """An Event in the version of a resource: `events.k8s.io` has other names for its fields."""
    if not resource.group:
        return body
    return {
        "metadata": body["metadata"],
        "eventTime": None,
        "reportingController": body["reportingComponent"],
        "reportingInstance": body["reportingInstance"],
        "reason": body["reason"],
        "regarding": body["involvedObject"],
        "note": body["message"],
        "type": body["type"],
        "deprecatedSource": body["source"],
        "deprecatedFirstTimestamp": body["firstTimestamp"],
        "deprecatedLastTimestamp": body["lastTimestamp"],
        "deprecatedCount": body["count"],
    }


def autoscaler_entry(
    scaler: Autoscaler, facts: ServiceFacts, *, grouped: bool, scale: Timescale
) -> Entry:
    """A HorizontalPodAutoscaler or a ScaledObject."""
    ref = scaler.ref
    target = facts.workload(scaler.role, grouped=grouped)
    labels = facts.scheduler_labels | {"app.kubernetes.io/component": "llminferenceservice-scaling"}

    def make() -> Body:
        created = scale.stamp(facts.created_at)
        aim = {
            "kind": target.kind,
            "name": target.name,
            "apiVersion": API_VERSIONS[target.kind],
        }
        conditions = [
            {name: value for name, value in condition(one, scale).items() if name != "severity"}
            for one in scaler.conditions
        ]
        if ref.kind == "ScaledObject":
            spec, status = _scaled_object(scaler, aim, conditions)
        else:
            spec, status = _hpa(scaler, aim, conditions, ref.name)
        version = API_VERSIONS[ref.kind]
        fields = [
            managed("llmisvc-controller", version, created, {"spec": spec}),
            managed("kube-controller-manager", version, created, {"status": status}, "status"),
        ]
        head = metadata(
            ref, created, labels=labels, owners=[facts.owner], generation=1, managed=fields
        )
        return {"metadata": head, "spec": spec, "status": status}

    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def convert_autoscaler(body: Body, resource: Resource) -> Body:
    """An autoscaler in the version of a resource; v1 keeps what it has no field for aside."""
    if resource.version == "v2":
        return body
    spec, status = body["spec"], body["status"]
    kept = {
        name: spec[name]
        for name in ("scaleTargetRef", "minReplicas", "maxReplicas")
        if name in spec
    }
    counts = {name: status.get(name, 0) for name in ("currentReplicas", "desiredReplicas")}
    return {"metadata": body["metadata"], "spec": kept, "status": counts}


def _hpa(
    scaler: Autoscaler, aim: Mapping[str, str], conditions: list[dict[str, Any]], name: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    metric = {
        "name": "wva_desired_replicas",
        "selector": {"matchLabels": {"variant_name": name}},
    }
    spec = {
        "scaleTargetRef": aim,
        "minReplicas": 1 if scaler.minimum is None else scaler.minimum,
        "maxReplicas": scaler.maximum or 1,
        "metrics": [
            {
                "type": "External",
                "external": {
                    "metric": metric,
                    "target": {"type": "AverageValue", "averageValue": "1"},
                },
            }
        ],
    }
    status = {
        "currentReplicas": scaler.current or 0,
        "desiredReplicas": scaler.desired or 0,
        "currentMetrics": [
            {
                "type": "External",
                "external": {"metric": metric, "current": {"averageValue": "1"}},
            }
        ],
        "conditions": conditions,
    }
    return spec, status


def _scaled_object(
    scaler: Autoscaler, aim: Mapping[str, str], conditions: list[dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    spec = {
        "maxReplicaCount": scaler.maximum or 1,
        "minReplicaCount": 1 if scaler.minimum is None else scaler.minimum,
        "scaleTargetRef": dict(aim),
        "triggers": [
            {
                "metadata": {
                    "query": "sum(vllm:num_requests_waiting)",
                    "serverAddress": "http://prometheus.monitoring:9090",
                    "threshold": "4",
                },
                "type": "prometheus",
            }
        ],
    }
    status = {
        "conditions": conditions,
        "hpaName": f"keda-hpa-{scaler.ref.name}",
        "scaleTargetGVKR": {
            "group": aim["apiVersion"].partition("/")[0],
            "kind": aim["kind"],
            "resource": f"{aim['kind'].lower()}s",
            "version": "v1",
        },
        "scaleTargetKind": f"{aim['apiVersion']}.{aim['kind']}",
    }
    return spec, status


def _taints(node: Node, cordoned: bool, since: str) -> Any:
    if cordoned:
        yield {
            "effect": "NoSchedule",
            "key": "node.kubernetes.io/unschedulable",
            "timeAdded": since,
        }
    if not node.ready:
        for effect in ("NoSchedule", "NoExecute"):
            yield {"effect": effect, "key": "node.kubernetes.io/unreachable", "timeAdded": since}


def _resources(stated: Mapping[str, Any], node: Node) -> dict[str, str]:
    """What a node has to give, with the GPUs that are left of those it was built with."""
    found = {name: str(value) for name, value in stated.items()}
    for name in found:
        if name.endswith(".com/gpu"):
            found[name] = str(node.gpus)
    return {"ephemeral-storage": "3580496068Ki", **found}


def _node_conditions(node: Node, since: str, beat: str) -> Any:
    unknown = ("Unknown", "NodeStatusUnknown", _LOST)
    for kind, reason, message in _PRESSURES:
        status, why, said = ("False", reason, message) if node.ready else unknown
        yield _node_condition(kind, status, why, said, since, beat)
    ready = ("True", "KubeletReady", "kubelet is posting ready status")
    yield _node_condition("Ready", *(ready if node.ready else unknown), since, beat)


def _node_condition(  # noqa: PLR0917 - its fields in order
    kind: str, status: str, reason: str, message: str, since: str, beat: str
) -> dict[str, str]:
    return {
        "type": kind,
        "status": status,
        "lastHeartbeatTime": beat,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
