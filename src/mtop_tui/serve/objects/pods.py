"""Pods of replicas and of endpoint pickers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mtop_tui.engine import lifecycle
from mtop_tui.observations import ObjectRef, Replica, ServiceKey
from mtop_tui.serve.entries import Entry
from mtop_tui.serve.objects.facts import PodTemplate, ServiceFacts
from mtop_tui.serve.objects.meta import child, managed_set, metadata, owner
from mtop_tui.serve.objects.pod_status import PodTimes, pod_status, status_fields
from mtop_tui.serve.timescale import Timescale

_TOLERATIONS = [
    {
        "key": f"node.kubernetes.io/{why}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }
    for why in ("not-ready", "unreachable")
]


class PodPart(NamedTuple):
    """One pod of a replica: all of it, or one of a group.

    Attributes:
        ref: of the pod.
        number: 0 for the leader.
        of: pods of the replica.
        node: where it is, or empty.
    """

    ref: ObjectRef
    number: int
    of: int
    node: str


def parts_of(replica: Replica, nodes: int, seed: int) -> Iterator[PodPart]:
    """The pods of a replica."""
    for index in range(nodes):
        ref = replica.ref
        if index:
            # A group made anew has pods of the same names and other uids.
            name = f"{ref.name}-{index}"
            ref = child(seed, ref._replace(namespace=ref.namespace), "Pod", name)
            ref = ref._replace(uid=_mixed(ref.uid, replica.ref.uid))
        node = replica.nodes[index] if index < len(replica.nodes) else ""
        yield PodPart(ref, index, nodes, node)


def pod_entry(
    part: PodPart,
    replica: Replica,
    times: PodTimes,
    facts: ServiceFacts,
    *,
    image: str,
    scale: Timescale,
) -> Entry:
    """A pod of a replica as it is; `image` is that of its revision."""
    grouped = part.of > 1
    role = replica.role
    kind = ("worker" if part.number else "leader") if grouped else ""
    labels = facts.selector(role, kind)
    workload = facts.workload(role, grouped=grouped)
    if grouped:
        group = replica.ref.name.rpartition("-")[2]
        labels |= {
            "leaderworkerset.sigs.k8s.io/name": workload.name,
            "leaderworkerset.sigs.k8s.io/group-index": group,
            "leaderworkerset.sigs.k8s.io/worker-index": str(part.number),
            "leaderworkerset.sigs.k8s.io/template-revision-hash": replica.revision,
        }
        parent = child(
            facts.seed,
            facts.ref,
            "StatefulSet",
            replica.ref.name if part.number else workload.name,
        )
    else:
        labels["pod-template-hash"] = replica.revision
        parent = child(facts.seed, facts.ref, "ReplicaSet", f"{workload.name}-{replica.revision}")
    template = facts.template(role, kind if kind == "worker" else "", image)

    def make() -> dict[str, Any]:
        created = replica.created_at if replica.created_at is not None else replica.at
        status = pod_status(
            part.ref, part.node, replica, times, template=template.spec, scale=scale
        )
        head = metadata(
            part.ref,
            scale.stamp(created),
            labels=labels,
            owners=[owner("apps/v1", parent)],
            generation=1,
            managed=_managed(
                scale.stamp(created),
                scale.stamp(replica.at),
                parent.uid,
                labels=labels,
                template=template,
                status=status,
            ),
        )
        if times.ended is not None:
            grace = template.spec["terminationGracePeriodSeconds"]
            head["deletionTimestamp"] = scale.stamp(times.ended + grace)
            head["deletionGracePeriodSeconds"] = grace
        return {"metadata": head, "spec": _spec(template.spec, part.node), "status": status}

    return Entry(part.ref.namespace, part.ref.name, part.ref.uid, labels, make)


def scheduler_pod(
    ref: ObjectRef, parent: ObjectRef, node: str, facts: ServiceFacts, scale: Timescale
) -> Entry:
    """The pod of an endpoint picker, which runs as long as its service is there."""
    labels = facts.scheduler_labels | {"pod-template-hash": parent.name.rpartition("-")[2]}
    at = facts.created_at
    replica = Replica(
        at=at,
        ref=ref,
        service=ServiceKey(*facts.ref[:2], facts.ref.name),
        role="main",
        phase="ready",
        reason=lifecycle.SERVING,
        since=at,
        created_at=at,
        nodes=(node,),
    )
    times = PodTimes(at, at, at, at)
    part = PodPart(ref, 0, 1, node)
    template = facts.scheduler_template

    def make() -> dict[str, Any]:
        status = pod_status(
            part.ref, part.node, replica, times, template=template.spec, scale=scale
        )
        created = scale.stamp(at)
        fields = _managed(
            created, created, parent.uid, labels=labels, template=template, status=status
        )
        head = metadata(
            ref, created, labels=labels, owners=[owner("apps/v1", parent)], generation=1,
            managed=fields,
        )  # fmt: skip
        return {"metadata": head, "spec": _spec(template.spec, node), "status": status}

    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def _spec(template: Mapping[str, Any], node: str) -> dict[str, Any]:
    placed = {"nodeName": node} if node else {}
    return {
        **template,
        **placed,
        "tolerations": [*template.get("tolerations", ()), *_TOLERATIONS],
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }


def _mixed(uid: str, other: str) -> str:
    """A uid that follows from two."""
    return f"{uid[:24]}{other[24:]}"


def _managed(
    created: str,
    changed: str,
    parent: str,
    *,
    labels: Mapping[str, str],
    template: PodTemplate,
    status: Mapping[str, Any],
) -> list[dict[str, Any]]:
    owned: dict[str, Any] = {".": {}, f'k:{{"uid":"{parent}"}}': {}}
    head: dict[str, Any] = {"f:labels": {".": {}, **{f"f:{name}": {} for name in labels}}}
    fields = {"f:metadata": {**head, "f:ownerReferences": owned}, "f:spec": template.fields}
    return [
        managed_set("kube-controller-manager", "v1", created, fields),
        managed_set("kubelet", "v1", changed, {"f:status": status_fields(status)}, "status"),
    ]
