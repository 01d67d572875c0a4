"""Nodes and namespaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mtop_tui.observations import Node, ObjectRef
from mtop_tui.serve.entries import Body, Entry
from mtop_tui.serve.objects.meta import managed, metadata, told
from mtop_tui.serve.objects.pod_status import host_address
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


def node_entry(
    node: Node,
    body: Mapping[str, Any] | None,
    *,
    created: float,
    since: float,
    cordoned: bool,
    scale: Timescale,
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
        moment, born = scale.stamp(since), scale.stamp(created)
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
        fields = [
            managed("kube-controller-manager", "v1", born, {"spec": spec}),
            managed("kubelet", "v1", born, {"status": status}, "status"),
        ]
        head = metadata(ref, born, labels=labels, managed=fields)
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
