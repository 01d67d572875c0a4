"""Merged KServe objects as the records mtop works with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from mtop_tui.kserve.gpus import gpu_count, gpu_of, mig_profiles
from mtop_tui.kserve.merge import Combined, is_stopped
from mtop_tui.kserve.pools import pools_of
from mtop_tui.kserve.schema import (
    DEFAULT_NAMESPACE,
    NODE_KIND,
    SERVICE_KIND,
    ClusterNode,
    LLMInferenceService,
    Metadata,
    ServiceSpec,
    StatusCondition,
    Workload,
)
from mtop_tui.observations import (
    Autoscaler,
    Condition,
    Node,
    ObjectRef,
    Role,
    RouteGroup,
    RouteMember,
    RouteShare,
    Service,
    ServiceKey,
)

OWN_DOMAIN = "mtop.dev/"
"""Annotations with this prefix are for mtop; others can be large and are left out."""

_SPOT = frozenset({"spot", "preemptible", "true"})
_ON_DEMAND = frozenset({"on-demand", "on_demand", "standard", "regular", "false"})
_CAPACITY_LABELS = (
    "karpenter.sh/capacity-type",
    "eks.amazonaws.com/capacityType",
    "cloud.google.com/gke-provisioning",
    "cloud.google.com/gke-spot",
    "kubernetes.azure.com/scalesetpriority",
)
_REGION_LABELS = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
_INSTANCE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")


def service_record(
    service: LLMInferenceService, combined: Combined, *, cluster: str, at: float
) -> Service:
    """What is known about `service`: its effective pools, its route, and its status if it has one.

    Without a status the only conditions are what merging its configs led to: PresetsCombined, and
    Ready when that is False. What no merge gives stays None.
    """
    spec = combined.typed or ServiceSpec()
    metadata = service.metadata
    model = spec.model
    status = service.status
    conditions = tuple(condition(one) for one in (status.conditions if status else None) or ())
    return Service(
        at=at,
        ref=_ref(cluster, metadata, SERVICE_KIND),
        model=(model.name if model else None) or metadata.name,
        model_uri=(model.uri if model else None) or "",
        labels=metadata.labels or {},
        annotations={
            name: value
            for name, value in (metadata.annotations or {}).items()
            if name.startswith(OWN_DOMAIN)
        },
        created_at=unix_time(metadata.creation_timestamp),
        generation=metadata.generation,
        observed_generation=status.observed_generation if status else None,
        stopped=is_stopped({"annotations": metadata.annotations or {}}),
        pools=pools_of(service, combined),
        conditions=conditions or _merge_conditions(combined),
        route=_route(spec),
        applied_configs=tuple(config.name for config in combined.applied),
        notes=tuple(_notes(service, spec, combined)),
    )


def node_record(node: ClusterNode, *, cluster: str, at: float) -> Node:
    """What is known about a node. Allocatable GPUs count; capacity where they are not stated."""
    metadata, status = node.metadata, node.status
    labels = metadata.labels or {}
    resources = (status.allocatable or status.capacity if status else None) or {}
    ready = {one.type: one.status for one in (status.conditions if status else None) or ()}
    return Node(
        at=at,
        ref=ObjectRef(cluster, "", NODE_KIND, metadata.name, metadata.uid or ""),
        ready=ready.get("Ready") == "True",
        gpus=gpu_count(resources),
        gpu_type=gpu_of(labels),
        instance_type=_first(labels, _INSTANCE_LABELS),
        region=_first(labels, _REGION_LABELS),
        capacity=_capacity(labels),
        labels=labels,
    )


def autoscalers(
    service: LLMInferenceService, combined: Combined, *, cluster: str, at: float
) -> tuple[Autoscaler, ...]:
    """One record per autoscaled pool, with its bounds; what it wants is not in a manifest."""
    spec = combined.typed or ServiceSpec()
    metadata = service.metadata
    key = _ref(cluster, metadata, SERVICE_KIND)
    roles: tuple[tuple[Role, str, Workload | None], ...] = (
        ("decode" if spec.prefill else "main", "kserve", spec),
        ("prefill", "kserve-prefill", spec.prefill),
    )
    records = []
    for role, suffix, pool in roles:
        scaling = pool.scaling if pool else None
        if scaling is None:
            continue
        keda = scaling.keda is not None or "keda" in (scaling.wva or {})
        kind, ending = ("ScaledObject", "keda") if keda else ("HorizontalPodAutoscaler", "hpa")
        name = f"{metadata.name}-{suffix}-{ending}"
        records.append(
            Autoscaler(
                at=at,
                ref=ObjectRef(cluster, key.namespace, kind, name),
                service=_service_key(key),
                role=role,
                minimum=scaling.min_replicas if scaling.min_replicas is not None else 1,
                maximum=scaling.max_replicas,
            )
        )
    return tuple(records)


def route_groups(services: Iterable[Service], *, at: float) -> tuple[RouteGroup, ...]:
    """The groups that services form by naming the same group in the same namespace."""
    groups: dict[ObjectRef, list[RouteMember]] = {}
    for service in services:
        if service.route is not None:
            cluster, namespace = service.ref.cluster, service.ref.namespace
            ref = ObjectRef(cluster, namespace, "RouteGroup", service.route.group)
            member = RouteMember(service.ref.name, service.route.weight, service.stopped)
            groups.setdefault(ref, []).append(member)
    return tuple(
        RouteGroup(at=at, ref=ref, members=tuple(sorted(members, key=lambda one: one.service)))
        for ref, members in groups.items()
    )


def condition(one: StatusCondition) -> Condition:
    """A status condition; any status Kubernetes does not define is Unknown."""
    status: Literal["True", "False", "Unknown"] = (
        "True" if one.status == "True" else "False" if one.status == "False" else "Unknown"
    )
    return Condition(
        type=one.type,
        status=status,
        reason=one.reason or "",
        message=one.message or "",
        severity=one.severity or "",
        changed_at=unix_time(one.last_transition_time),
    )


@lru_cache(maxsize=8_192)
def unix_time(text: str | None) -> float | None:
    """RFC 3339 text as Unix seconds; None when it is absent or no time.

    What belongs together is of the same second: most of what is asked is known.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _merge_conditions(combined: Combined) -> tuple[Condition, ...]:
    if combined.complete:
        return (Condition("PresetsCombined", "True"),)
    return tuple(
        Condition(kind, "False", combined.reason, combined.message)
        for kind in ("PresetsCombined", "Ready")
    )


def _route(spec: ServiceSpec) -> RouteShare | None:
    route = spec.router.route if spec.router else None
    if route is None or route.group is None:
        return None
    # A member without a weight gets no traffic; that is what the controller makes of it.
    return RouteShare(route.group, route.weight or 0)


def _notes(service: LLMInferenceService, spec: ServiceSpec, combined: Combined) -> Iterable[str]:
    if combined.message and service.status is not None and service.status.conditions:
        yield f"shown without its configs: {combined.message}"
    lora = spec.model.lora if spec.model else None
    if adapters := (lora.adapters if lora else None) or []:
        yield f"LoRA: {', '.join(adapter.name or adapter.uri or '?' for adapter in adapters)}"
    for name, pool in (("", spec), ("prefill ", spec.prefill)):
        if pool is None:
            continue
        if pool.scaling is not None:
            least = pool.scaling.min_replicas or 1
            driver = "keda" if pool.scaling.keda is not None else "wva"
            yield f"{name}autoscaled {least} to {pool.scaling.max_replicas} ({driver})"
        if profiles := sorted(_mig(pool)):
            yield f"{name}MIG slices: {', '.join(profiles)}"


def _mig(pool: Workload) -> set[str]:
    return {
        profile
        for pod in (pool.template, pool.worker)
        for container in (pod.containers if pod else None) or ()
        if container.resources is not None
        for profile in mig_profiles(container.resources.limits or {})
    }


def _service_key(ref: ObjectRef) -> ServiceKey:
    return ServiceKey(ref.cluster, ref.namespace, ref.name)


def _ref(cluster: str, metadata: Metadata, kind: str) -> ObjectRef:
    namespace = metadata.namespace or DEFAULT_NAMESPACE
    return ObjectRef(cluster, namespace, kind, metadata.name, metadata.uid or "")


def _first(labels: Mapping[str, str], keys: Iterable[str]) -> str | None:
    return next((labels[key] for key in keys if labels.get(key)), None)


def _capacity(labels: Mapping[str, str]) -> Literal["on-demand", "spot"] | None:
    for label in _CAPACITY_LABELS:
        value = labels.get(label, "").lower()
        if value in _SPOT:
            return "spot"
        if value in _ON_DEMAND:
            return "on-demand"
    return None
