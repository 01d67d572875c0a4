"""Deployments, ReplicaSets, LeaderWorkerSets and what they are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mtop_tui.observations import Condition, ObjectRef, Pool, Revision, Role
from mtop_tui.serve.entries import Body, Entry
from mtop_tui.serve.objects.facts import PodTemplate, ServiceFacts
from mtop_tui.serve.objects.meta import managed, metadata, owner, told
from mtop_tui.serve.resources import LWS
from mtop_tui.serve.timescale import Timescale

_REVISION = "deployment.kubernetes.io/revision"
_ROLLING = {
    "type": "RollingUpdate",
    "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
}


def deployment_entry(
    facts: ServiceFacts,
    pool: Pool,
    revisions: Sequence[Revision],
    *,
    generation: int,
    paused: bool,
    scale: Timescale,
) -> Entry:
    """The Deployment of a pool; `revisions` are its ReplicaSets, oldest first."""
    ref = facts.workload(pool.role, grouped=False)
    labels = facts.selector(pool.role)
    newest = revisions[-1] if revisions else None
    total = sum(one.desired or 0 for one in revisions)
    ready = sum(one.ready or 0 for one in revisions)
    desired = pool.desired or 0

    def make() -> Body:
        status = told(
            [
                ("observedGeneration", generation),
                ("replicas", total or None),
                ("updatedReplicas", (newest.desired if newest else 0) or None),
                ("readyReplicas", ready or None),
                ("availableReplicas", ready or None),
                ("unavailableReplicas", max(0, max(desired, total) - ready) or None),
                (
                    "conditions",
                    conditions_of(pool.conditions, facts.created_at, scale, updated=True),
                ),
            ]
        )
        spec = {
            "replicas": desired,
            "selector": {"matchLabels": labels},
            "template": _template(
                labels,
                facts.template(pool.role, image=pool.image or ""),
                facts.copied_annotations(pool.role),
            ),
            "strategy": _ROLLING,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        }
        if paused:
            spec["paused"] = True
        number = newest.number if newest else 1
        return _body(
            ref, facts, scale, spec, status,
            labels=labels,
            annotations={_REVISION: str(number)},
            generation=generation,
            owners=[facts.owner],
        )  # fmt: skip

    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def replica_set_entry(
    facts: ServiceFacts, revision: Revision, desired: int, scale: Timescale
) -> Entry:
    """The ReplicaSet of a revision."""
    role = revision.role
    parent = facts.workload(role, grouped=False)
    labels = facts.selector(role) | {"pod-template-hash": revision.ref.name.rpartition("-")[2]}
    count = revision.desired or 0

    def make() -> Body:
        status = told(
            [
                ("replicas", count),
                ("fullyLabeledReplicas", count or None),
                ("readyReplicas", revision.ready or None),
                ("availableReplicas", revision.ready or None),
                ("observedGeneration", 1),
            ]
        )
        spec = {
            "replicas": count,
            "selector": {"matchLabels": labels},
            "template": _template(labels, facts.template(role, image=revision.image)),
        }
        surge = -(-desired // 4)
        annotations = {
            "deployment.kubernetes.io/desired-replicas": str(desired),
            "deployment.kubernetes.io/max-replicas": str(desired + surge),
            _REVISION: str(revision.number),
        }
        return _body(
            revision.ref, facts, scale, spec, status,
            labels=labels,
            annotations=annotations,
            generation=1,
            owners=[owner("apps/v1", parent)],
            created=revision.created_at,
        )  # fmt: skip

    ref = revision.ref
    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def controller_revision_entry(facts: ServiceFacts, revision: Revision, scale: Timescale) -> Entry:
    """The ControllerRevision of a LeaderWorkerSet."""
    parent = facts.workload(revision.role, grouped=True)
    labels = {
        "leaderworkerset.sigs.k8s.io/name": parent.name,
        "leaderworkerset.sigs.k8s.io/template-revision-hash": revision.ref.name.rpartition("-")[2],
    }
    ref = revision.ref

    def make() -> Body:
        created = scale.stamp(revision.created_at or facts.created_at)
        head = metadata(ref, created, labels=labels, owners=[owner(f"{LWS}/v1", parent)])
        return {"metadata": head, "data": {}, "revision": revision.number}

    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def leader_worker_set_entry(
    facts: ServiceFacts,
    pool: Pool,
    revisions: Sequence[Revision],
    *,
    generation: int,
    scale: Timescale,
) -> Entry:
    """The LeaderWorkerSet of a pool whose replicas span nodes."""
    ref = facts.workload(pool.role, grouped=True)
    labels = facts.selector(pool.role)
    ready = sum(one.ready or 0 for one in revisions)
    total = sum(one.desired or 0 for one in revisions)

    def make() -> Body:
        image = pool.image or ""
        copied = facts.copied_annotations(pool.role)
        group = {
            "leaderTemplate": _template(
                facts.selector(pool.role, "leader"), facts.template(pool.role, image=image), copied
            ),
            "restartPolicy": "RecreateGroupOnPodRestart",
            "size": pool.nodes_per_replica,
            "workerTemplate": _template(
                facts.selector(pool.role, "worker"),
                facts.template(pool.role, "worker", image),
                copied,
            ),
        }
        spec = {
            "leaderWorkerTemplate": group,
            "networkConfig": {"subdomainPolicy": "Shared"},
            "replicas": pool.desired or 0,
            "rolloutStrategy": {
                "rollingUpdateConfiguration": {"maxSurge": 0, "maxUnavailable": 1, "partition": 0},
                "type": "RollingUpdate",
            },
            "startupPolicy": "LeaderCreated",
        }
        status = {
            "conditions": conditions_of(pool.conditions, facts.created_at, scale, updated=False),
            "hpaPodSelector": f"leaderworkerset.sigs.k8s.io/name={ref.name},"
            "leaderworkerset.sigs.k8s.io/worker-index=0",
            "observedGeneration": generation,
            "readyReplicas": ready,
            "replicas": total,
            "updatedReplicas": (revisions[-1].desired or 0) if revisions else 0,
        }
        return _body(
            ref, facts, scale, spec, status,
            labels=labels, generation=generation, owners=[facts.owner], manager="manager",
        )  # fmt: skip

    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def stateful_set_entry(
    facts: ServiceFacts,
    role: Role,
    name: str,
    *,
    group: str,
    wanted: int,
    ready: int,
    parent: Mapping[str, Any],
    scale: Timescale,
) -> Entry:
    """A StatefulSet under a LeaderWorkerSet: its leaders (no group), or a group's workers."""
    ref = facts.child("StatefulSet", name)
    part = "worker" if group else "leader"
    workload = facts.workload(role, grouped=True)
    labels = {"leaderworkerset.sigs.k8s.io/name": workload.name}
    if group:
        labels["leaderworkerset.sigs.k8s.io/group-index"] = group

    def make() -> Body:
        spec = {
            "replicas": wanted,
            "selector": {"matchLabels": labels},
            "template": _template(
                facts.selector(role, part), facts.template(role, "worker" if group else "")
            ),
            "serviceName": workload.name,
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "revisionHistoryLimit": 10,
        }
        status = {
            "observedGeneration": 1,
            "replicas": wanted,
            "readyReplicas": ready,
            "currentReplicas": wanted,
            "updatedReplicas": wanted,
            "availableReplicas": ready,
        }
        return _body(
            ref, facts, scale, spec, status, labels=labels, generation=1, owners=[parent]
        )  # fmt: skip

    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def scheduler_entries(facts: ServiceFacts, scale: Timescale) -> tuple[Entry, Entry, ObjectRef]:
    """Deployment and ReplicaSet of the endpoint picker, and the latter's identity."""
    ref = facts.named("Deployment", "-kserve-router-scheduler")
    digest = ref.uid.replace("-", "")[:10]
    below = facts.child("ReplicaSet", f"{ref.name}-{digest}")
    labels = facts.scheduler_labels
    hashed = labels | {"pod-template-hash": digest}
    template = facts.scheduler_template

    def deployment() -> Body:
        conditions = _complete(below.name)
        spec = {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": _template(labels, template),
            "strategy": _ROLLING,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        }
        status = {
            "observedGeneration": 1,
            "replicas": 1,
            "updatedReplicas": 1,
            "readyReplicas": 1,
            "availableReplicas": 1,
            "conditions": conditions_of(conditions, facts.created_at, scale, updated=True),
        }
        return _body(
            ref, facts, scale, spec, status,
            labels=labels, annotations={_REVISION: "1"}, generation=1, owners=[facts.owner],
        )  # fmt: skip

    def replica_set() -> Body:
        spec = {
            "replicas": 1,
            "selector": {"matchLabels": hashed},
            "template": _template(hashed, template),
        }
        status = {
            "replicas": 1,
            "fullyLabeledReplicas": 1,
            "readyReplicas": 1,
            "availableReplicas": 1,
            "observedGeneration": 1,
        }
        return _body(
            below, facts, scale, spec, status,
            labels=hashed,
            annotations={_REVISION: "1"},
            generation=1,
            owners=[owner("apps/v1", ref)],
        )  # fmt: skip

    return (
        Entry(ref.namespace, ref.name, ref.uid, labels, deployment),
        Entry(below.namespace, below.name, below.uid, hashed, replica_set),
        below,
    )


def conditions_of(
    conditions: Sequence[Condition], created: float, scale: Timescale, *, updated: bool
) -> list[dict[str, str]]:
    """Conditions of a workload; those of a Deployment also say when they were last updated."""
    found = []
    for one in conditions:
        since = scale.stamp(created if one.changed_at is None else one.changed_at)
        told = {"type": one.type, "status": one.status}
        if updated:
            told["lastUpdateTime"] = since
        told |= {"lastTransitionTime": since, "reason": one.reason, "message": one.message}
        found.append(told)
    return found


def _complete(replica_set: str) -> tuple[Condition, ...]:
    """Conditions of a Deployment that has all it wants."""
    text = f'ReplicaSet "{replica_set}" has successfully progressed.'
    return (
        Condition(
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        ),
        Condition("Progressing", "True", "NewReplicaSetAvailable", text),
    )


def _template(
    labels: Mapping[str, str],
    template: PodTemplate,
    annotations: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    metadata = {"labels": dict(labels)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"metadata": metadata, "spec": template.spec}


def _body(
    ref: ObjectRef,
    facts: ServiceFacts,
    scale: Timescale,
    spec: dict[str, Any],
    status: dict[str, Any],
    *,
    labels: Mapping[str, str],
    generation: int,
    owners: Sequence[Mapping[str, Any]],
    annotations: Mapping[str, str] | None = None,
    created: float | None = None,
    manager: str = "kube-controller-manager",
) -> Body:
    moment = scale.stamp(facts.created_at if created is None else created)
    version = f"{LWS}/v1" if ref.kind == "LeaderWorkerSet" else "apps/v1"
    fields = [
        managed(manager, version, moment, {"spec": spec}),
        managed(manager, version, moment, {"status": status}, "status"),
    ]
    head = metadata(
        ref,
        moment,
        labels=labels,
        annotations=annotations,
        owners=owners,
        generation=generation,
        managed=fields,
    )
    return {"metadata": head, "spec": spec, "status": status}
