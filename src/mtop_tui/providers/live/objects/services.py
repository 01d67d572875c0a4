"""From a service and its children to what it effectively is.

A stored LLMInferenceService holds what its owner wrote. Image, GPUs, replicas and parallelism may
come from configs, so they are read from the Deployments and LeaderWorkerSets that KServe made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from mtop_tui.kserve.merge import Combined
from mtop_tui.kserve.records import condition, service_record, unix_time
from mtop_tui.kserve.schema import (
    Parallelism,
    Workload,
    WorkloadsStatus,
    WorkloadStatus,
)
from mtop_tui.observations import (
    Autoscaler,
    KubeEvent,
    ObjectRef,
    Pool,
    Revision,
    Role,
    Service,
    ServiceKey,
)
from mtop_tui.providers.live.objects.names import ARGO_REVISION, REVISION
from mtop_tui.providers.live.objects.pods import main_container
from mtop_tui.providers.live.objects.schema import (
    ControllerRevision,
    Event,
    LiveService,
    LiveServiceStatus,
    LiveWorkload,
    Meta,
    Pod,
    Scaler,
)

W = TypeVar("W", bound=Workload)


def reference(cluster: str, kind: str, metadata: Meta) -> ObjectRef:
    """The identity of an object."""
    return ObjectRef(cluster, metadata.namespace or "", kind, metadata.name, metadata.uid or "")


def effective_service(
    service: LiveService,
    children: Mapping[Role, LiveWorkload],
    *,
    cluster: str,
    at: float,
    merged: Combined | None = None,
) -> Service:
    """A service as its children make it; what they do not say yet is not known.

    Args:
        service: as its owner wrote it, with its status.
        children: its workloads by pool; "main" or "decode", and "prefill".
        cluster: its cluster.
        at: the observed time.
        merged: it with its configs, which says what its children will be.
    """
    first = children.get("decode") or children.get("main")
    second = children.get("prefill")
    wanted = merged.typed if merged is not None and merged.typed is not None else service.spec
    spec = _as_made(wanted, first)
    if wanted.prefill is not None or second is not None:
        half = _as_made(wanted.prefill or Workload(), second)
        spec = msgspec.structs.replace(spec, prefill=half)
    complete = merged is not None or (
        first is not None and (spec.prefill is None or second is not None)
    )
    unknown = frozenset(
        path
        for path in (merged.unknown if merged is not None else ())
        if (second if path.startswith("prefill.") else first) is None
    )
    status = service.status or LiveServiceStatus()
    reported = status.workloads or WorkloadsStatus()
    ready = WorkloadsStatus(
        primary=_ready(first) or reported.primary, prefill=_ready(second) or reported.prefill
    )
    seen = msgspec.structs.replace(service, status=msgspec.structs.replace(status, workloads=ready))
    record = service_record(
        seen, Combined({}, spec, unknown, complete=complete), cluster=cluster, at=at
    )
    return msgspec.structs.replace(
        record,
        pools=tuple(_with_child(pool, children.get(pool.role)) for pool in record.pools),
        conditions=tuple(condition(one) for one in status.conditions or ()),
        applied_configs=tuple(one.name for one in status.applied_configs or ()),
    )


def _as_made(pool: W, child: LiveWorkload | None) -> W:
    """A pool as KServe made it a workload."""
    if child is None:
        return pool
    spec = child.spec
    replicas = 1 if spec.replicas is None else spec.replicas
    group = spec.leader_worker_template
    if group is None:
        template = spec.template.spec if spec.template else None
        return msgspec.structs.replace(pool, replicas=replicas, template=template, worker=None)
    own = pool.parallelism or Parallelism()
    return msgspec.structs.replace(
        pool,
        replicas=replicas,
        template=group.leader_template.spec if group.leader_template else None,
        worker=group.worker_template.spec if group.worker_template else None,
        # Whatever it was for, the size of the group is what counts.
        parallelism=Parallelism(tensor=own.tensor, pipeline=max(group.size or 1, 1)),
    )


def _ready(child: LiveWorkload | None) -> WorkloadStatus | None:
    return (
        None if child is None else WorkloadStatus(ready_replicas=child.status.ready_replicas or 0)
    )


def _with_child(pool: Pool, child: LiveWorkload | None) -> Pool:
    if child is None:
        return pool
    rolling = child.spec.strategy.rolling_update if child.spec.strategy else None
    return msgspec.structs.replace(
        pool,
        workload=child.metadata.name,
        conditions=tuple(condition(one) for one in child.status.conditions or ()),
        max_surge=pool.max_surge if rolling is None else rolling.max_surge,
        max_unavailable=pool.max_unavailable if rolling is None else rolling.max_unavailable,
    )


def revision_record(
    found: LiveWorkload, *, cluster: str, service: ServiceKey, role: Role, at: float
) -> Revision:
    """The revision that a ReplicaSet is."""
    stated = found.metadata.annotations or {}
    number = stated.get(REVISION, "") or stated.get(ARGO_REVISION, "")
    containers = (
        found.spec.template.spec.containers
        if found.spec.template and found.spec.template.spec
        else None
    ) or []
    main = next((one for one in containers if one.name == "main"), None)
    image = main or (containers[0] if containers else None)
    return Revision(
        at=at,
        ref=reference(cluster, "ReplicaSet", found.metadata),
        service=service,
        role=role,
        number=int(number) if number.isdecimal() else 0,
        image=(image.image if image else None) or "",
        created_at=unix_time(found.metadata.creation_timestamp),
        desired=found.spec.replicas,
        ready=found.status.ready_replicas or 0,
    )


def group_revision_record(
    found: ControllerRevision,
    replicas: Sequence[tuple[Pod, bool]],
    *,
    cluster: str,
    service: ServiceKey,
    role: Role,
    at: float,
) -> Revision:
    """The revision of a LeaderWorkerSet, counted by its leaders and whether each is ready."""
    image = next((main.image for pod, _ in replicas if (main := main_container(pod))), None)
    return Revision(
        at=at,
        ref=reference(cluster, "ControllerRevision", found.metadata),
        service=service,
        role=role,
        number=found.revision,
        image=image or "",
        created_at=unix_time(found.metadata.creation_timestamp),
        desired=len(replicas),
        ready=sum(ready for _, ready in replicas),
    )


def autoscaler_record(
    found: Scaler,
    behind: Scaler | None,
    *,
    cluster: str,
    kind: str,
    service: ServiceKey,
    role: Role,
    at: float,
) -> Autoscaler:
    """An autoscaler; `behind` is the one that KEDA made for a ScaledObject, if there is one."""
    spec, counted = found.spec, (behind or found).status
    least = spec.min_replicas if spec.min_replicas is not None else spec.min_replica_count
    return Autoscaler(
        at=at,
        ref=reference(cluster, kind, found.metadata),
        service=service,
        role=role,
        minimum=least,
        maximum=spec.max_replicas if spec.max_replicas is not None else spec.max_replica_count,
        desired=counted.desired_replicas,
        current=counted.current_replicas,
        conditions=tuple(condition(one) for one in found.status.conditions or ()),
    )


def event_record(event: Event, *, cluster: str, at: float) -> KubeEvent:
    """An Event; `at` stands in where it states no time."""
    involved = event.involved_object
    series = event.series
    times = (
        series.last_observed_time if series else None,
        event.last_timestamp,
        event.event_time,
        event.metadata.creation_timestamp,
    )
    last = next((moment for text in times if (moment := unix_time(text)) is not None), at)
    first = unix_time(event.first_timestamp) or unix_time(event.event_time)
    return KubeEvent(
        at=last,
        ref=reference(cluster, "Event", event.metadata),
        involved=ObjectRef(cluster, involved.namespace, involved.kind, involved.name, involved.uid),
        severity="Warning" if event.type == "Warning" else "Normal",
        reason=event.reason or "",
        message=event.message or "",
        count=(series.count if series else None) or event.count or 1,
        first_at=first,
    )
