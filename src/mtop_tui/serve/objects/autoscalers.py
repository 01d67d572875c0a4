"""HorizontalPodAutoscalers and KEDA's ScaledObjects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mtop_tui.observations import Autoscaler
from mtop_tui.serve.entries import Body, Entry
from mtop_tui.serve.objects.events import API_VERSIONS
from mtop_tui.serve.objects.facts import ServiceFacts
from mtop_tui.serve.objects.meta import managed, metadata
from mtop_tui.serve.objects.services import condition
from mtop_tui.serve.resources import Resource
from mtop_tui.serve.timescale import Timescale


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
