"""LLMInferenceServices and their configs, in both versions of their API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mtop_tui.kserve.merge import STOP_ANNOTATION
from mtop_tui.observations import Condition, ObjectRef, Pool, RouteGroup, Service
from mtop_tui.serve.entries import Body, Entry
from mtop_tui.serve.objects.facts import GATEWAY_NAME, GATEWAY_NAMESPACE, ServiceFacts
from mtop_tui.serve.objects.meta import managed, metadata, told
from mtop_tui.serve.resources import GATEWAY, INFERENCE, KSERVE, Resource
from mtop_tui.serve.timescale import Timescale

HINTS = "sim.mtop.dev/"
"""Annotations that tell the simulation what to do; no real object has them."""

_ONLY_V1ALPHA2 = ("appliedConfigs", "workloads")
_ADDRESS_V1ALPHA2 = ("models", "origin")


def service_entry(
    body: Mapping[str, Any],
    service: Service,
    facts: ServiceFacts,
    *,
    generation: int,
    group: RouteGroup | None,
    scale: Timescale,
) -> Entry:
    """A service: what its owner wrote, as it was changed since, and the status it has."""
    stated: Mapping[str, Any] = body.get("metadata") or {}
    labels = dict(stated.get("labels") or {})

    def make() -> Body:
        spec = _spec(body.get("spec") or {}, service)
        annotations = _annotations(stated.get("annotations") or {}, service)
        created = scale.stamp(service.created_at or service.at)
        status = _status(service, facts, group, scale, generation)
        version = f"{KSERVE}/{facts.version}"
        fields = [
            managed(
                "kubectl-client-side-apply",
                version,
                created,
                {
                    "metadata": told([("annotations", annotations), ("labels", labels)]),
                    "spec": spec,
                },
            ),
            managed(
                "llmisvc-controller", version, scale.stamp(service.at), {"status": status}, "status"
            ),
        ]
        head = metadata(
            service.ref,
            created,
            labels=labels,
            annotations=annotations,
            generation=generation,
            managed=fields,
        )
        return _sorted({"metadata": head, "spec": spec, "status": status})

    ref = service.ref
    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def new_service_entry(body: Mapping[str, Any], ref: ObjectRef, created: str, manager: str) -> Entry:
    """A service that was just created: no controller has seen it yet."""
    stated: Mapping[str, Any] = body.get("metadata") or {}
    labels = dict(stated.get("labels") or {})

    def make() -> Body:
        annotations = dict(stated.get("annotations") or {})
        spec = body.get("spec") or {}
        written = {
            "metadata": told([("annotations", annotations), ("labels", labels)]),
            "spec": spec,
        }
        fields = [managed(manager, str(body.get("apiVersion")), created, written)]
        head = metadata(
            ref, created, labels=labels, annotations=annotations, generation=1, managed=fields
        )
        return _sorted({"metadata": head, "spec": spec})

    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def config_entry(body: Mapping[str, Any], ref: ObjectRef, created: str) -> Entry:
    """A config, as it was written."""
    stated: Mapping[str, Any] = body.get("metadata") or {}
    labels = dict(stated.get("labels") or {})

    def make() -> Body:
        annotations = dict(stated.get("annotations") or {})
        fields = [
            managed("kserve", f"{KSERVE}/v1alpha2", created, {"spec": body.get("spec") or {}})
        ]
        head = metadata(
            ref, created, labels=labels, annotations=annotations, generation=1, managed=fields
        )
        return _sorted({"metadata": head, "spec": body.get("spec") or {}})

    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def convert(body: Body, resource: Resource) -> Body:
    """A stored object in a version of the API: v1alpha1 has less in its status."""
    status = body.get("status")
    if resource.version != "v1alpha1" or not isinstance(status, dict):
        return body
    kept = {name: value for name, value in status.items() if name not in _ONLY_V1ALPHA2}
    if "addresses" in kept:
        kept["addresses"] = [
            {name: value for name, value in one.items() if name not in _ADDRESS_V1ALPHA2}
            for one in kept["addresses"]
        ]
    if "router" in kept:
        kept["router"] = {name: one for name, one in kept["router"].items() if name != "group"}
    return {**body, "status": kept}


def condition(one: Condition, scale: Timescale) -> dict[str, Any]:
    """A condition as Knative's library writes it: empty fields are left out."""
    since = None if one.changed_at is None else scale.stamp(one.changed_at)
    return told(
        [
            ("lastTransitionTime", since),
            ("message", one.message),
            ("reason", one.reason),
            ("severity", one.severity),
            ("status", one.status),
            ("type", one.type),
        ]
    )


def _sorted(body: Body) -> Body:
    """Custom resources are stored as free-form JSON, whose keys an API server sorts."""
    return {name: body[name] for name in sorted(body)} | {
        "metadata": dict(sorted(body["metadata"].items()))
    }


def _spec(stated: Mapping[str, Any], service: Service) -> dict[str, Any]:
    """The spec with what was changed in it since it was written."""
    spec = dict(stated)
    for pool in service.pools:
        if not pool.workload:
            continue
        if pool.role == "prefill":
            spec["prefill"] = _workload(dict(spec.get("prefill") or {}), pool, service)
        else:
            spec = _workload(spec, pool, service)
    if service.route is not None:
        router = dict(spec.get("router") or {})
        router["route"] = {**(router.get("route") or {}), "weight": service.route.weight}
        spec["router"] = router
    return spec


def _workload(spec: dict[str, Any], pool: Pool, service: Service) -> dict[str, Any]:
    stated = 1 if spec.get("replicas") is None else spec["replicas"]
    if (
        pool.desired is not None
        and pool.desired != stated
        and not spec.get("scaling")
        and not service.stopped
    ):
        spec["replicas"] = pool.desired
    template = spec.get("template")
    containers = template.get("containers") if isinstance(template, dict) else None
    if pool.image and isinstance(template, dict) and isinstance(containers, list):
        spec["template"] = {
            **template,
            "containers": [
                {**one, "image": pool.image}
                if one.get("name") == "main" and one.get("image") not in (None, pool.image)
                else one
                for one in containers
            ],
        }
    return spec


def _annotations(stated: Mapping[str, str], service: Service) -> dict[str, str]:
    found = {name: value for name, value in stated.items() if not name.startswith(HINTS)}
    if service.stopped:
        found[STOP_ANNOTATION] = "true"
    else:
        found.pop(STOP_ANNOTATION, None)
    return found


def _status(
    service: Service,
    facts: ServiceFacts,
    group: RouteGroup | None,
    scale: Timescale,
    generation: int,
) -> dict[str, Any]:
    url = facts.url if facts.routed else None
    conditions = [condition(one, scale) for one in (*service.conditions, *_routing(service, facts))]
    status = [
        ("addresses", [_address(facts)] if url else []),
        (
            "appliedConfigs",
            [
                {"name": one.name, "namespace": one.namespace, "source": one.source}
                for one in facts.applied
            ],
        ),
        ("conditions", conditions),
        ("observedGeneration", _observed(service, generation)),
        ("router", _router(facts, group)),
        ("url", url),
        ("workloads", _workloads(service, facts)),
    ]
    return told(status)


def _observed(service: Service, generation: int) -> int | None:
    """The generation its controller has seen: it also looks at what means nothing to engines."""
    if service.observed_generation is None:
        return None
    return service.observed_generation + generation - (service.generation or 1)


def _routing(service: Service, facts: ServiceFacts) -> Iterator[Condition]:
    """What RouterReady is made of; the gateway and the picker are always sound here."""
    router = next((one for one in service.conditions if one.type == "RouterReady"), None)
    if router is None:
        return
    asked = {
        "GatewaysReady": "gateway" in facts.router,
        "HTTPRoutesReady": facts.routed,
        "InferencePoolReady": facts.scheduled,
        "SchedulerWorkloadReady": facts.scheduled,
    }
    for kind, there in asked.items():
        if there:
            yield Condition(
                kind, router.status, router.reason, router.message, "Info", router.changed_at
            )


def _address(facts: ServiceFacts) -> dict[str, Any]:
    return {
        "models": [{"name": facts.model}],
        "name": "gateway-external",
        "origin": {
            "group": GATEWAY,
            "kind": "Gateway",
            "name": GATEWAY_NAME,
            "namespace": GATEWAY_NAMESPACE,
        },
        "url": facts.url,
    }


def _router(facts: ServiceFacts, group: RouteGroup | None) -> dict[str, Any]:
    namespace = facts.ref.namespace
    found: dict[str, Any] = {}
    if facts.routed:
        route = {
            "group": GATEWAY,
            "kind": "HTTPRoute",
            "name": route_name(facts, group),
            "namespace": namespace,
        }
        found["gateways"] = [
            {
                "group": GATEWAY,
                "httpRoutes": [route],
                "kind": "Gateway",
                "listeners": ["http"],
                "name": GATEWAY_NAME,
                "namespace": GATEWAY_NAMESPACE,
            }
        ]
    if group is not None:
        found["group"] = {
            "members": [
                told(
                    [
                        ("name", one.service),
                        ("stopped", one.stopped or None),
                        ("weight", one.weight),
                    ]
                )
                for one in group.members
            ],
            "name": group.ref.name,
        }
    if facts.scheduled:
        pool = facts.named("InferencePool", "-inference-pool")
        picker = facts.named("Service", "-epp-service")
        found["scheduler"] = {
            "inferencePool": {
                "group": INFERENCE,
                "kind": "InferencePool",
                "name": pool.name,
                "namespace": namespace,
            },
            "service": {"kind": "Service", "name": picker.name, "namespace": namespace},
        }
    return found


def route_name(facts: ServiceFacts, group: RouteGroup | None) -> str:
    """The HTTPRoute that leads to a service: its group's, or its own."""
    if group is not None:
        return f"{group.ref.name}-kserve-group-route"
    return facts.named("HTTPRoute", "-kserve-route").name


def _workloads(service: Service, facts: ServiceFacts) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pool in service.pools if facts.complete else ():
        grouped = pool.nodes_per_replica > 1
        ref = facts.workload(pool.role, grouped=grouped)
        found["prefill" if pool.role == "prefill" else "primary"] = told(
            [
                ("apiGroup", "leaderworkerset.x-k8s.io" if grouped else "apps"),
                ("kind", ref.kind),
                ("name", ref.name),
                ("readyReplicas", pool.ready),
            ]
        )
    if facts.scheduled:
        ref = facts.named("Deployment", "-kserve-router-scheduler")
        found["scheduler"] = {
            "apiGroup": "apps",
            "kind": "Deployment",
            "name": ref.name,
            "readyReplicas": 1,
        }
    if found:
        ref = facts.named("Service", "-kserve-workload-svc")
        found["service"] = {"kind": "Service", "name": ref.name}
    return found
