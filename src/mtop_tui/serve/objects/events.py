"""Events, in both APIs that have them."""

from __future__ import annotations

from collections.abc import Mapping

from mtop_tui.observations import KubeEvent, ObjectRef
from mtop_tui.serve.entries import Body, Entry
from mtop_tui.serve.objects.meta import managed, metadata, told
from mtop_tui.serve.resources import KSERVE, LWS, Resource
from mtop_tui.serve.timescale import Timescale

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
