"""How requests get to a service: Services, endpoints, pools, routes and the gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mtop_tui.observations import ObjectRef, RouteGroup
from mtop_tui.serve.entries import Body, Entry
from mtop_tui.serve.objects.facts import GATEWAY_NAME, GATEWAY_NAMESPACE, ServiceFacts
from mtop_tui.serve.objects.meta import address, managed, metadata, owner
from mtop_tui.serve.objects.services import route_name
from mtop_tui.serve.resources import GATEWAY, INFERENCE
from mtop_tui.serve.timescale import Timescale

Ports = tuple[tuple[str, int], ...]
WORKLOAD_PORTS: Ports = (("https", 8000),)
PICKER_PORTS: Ports = (("grpc-ext-proc", 9002), ("grpc-health", 9003), ("metrics", 9090))
_CONTROLLER = "inference.networking.k8s.io/gateway-api-inference-extension"


class Backend(NamedTuple):
    """A pod behind a Service."""

    ref: ObjectRef
    node: str
    ready: bool


def workload_service(facts: ServiceFacts, scale: Timescale) -> Entry:
    """The Service in front of all engines."""
    selector = {
        "app.kubernetes.io/name": facts.ref.name,
        "app.kubernetes.io/part-of": "llminferenceservice",
        "kserve.io/component": "workload",
    }
    ref = facts.named("Service", "-kserve-workload-svc")
    return _service(ref, facts, selector, WORKLOAD_PORTS, scale)


def picker_service(facts: ServiceFacts, scale: Timescale) -> Entry:
    """The Service in front of the endpoint picker."""
    ref = facts.named("Service", "-epp-service")
    return _service(ref, facts, facts.scheduler_labels, PICKER_PORTS, scale)


def endpoints_entry(
    service: Entry, ports: Ports, backends: Sequence[Backend], created: str
) -> Entry:
    """Endpoints of a Service."""

    def make() -> Body:
        told = [
            {
                name: [_target(one) for one in backends if one.ready is ready]
                for name, ready in (("addresses", True), ("notReadyAddresses", False))
            }
        ]
        subsets = [
            {name: found for name, found in one.items() if found}
            | {"ports": [{"name": name, "port": port, "protocol": "TCP"} for name, port in ports]}
            for one in told
            if any(one.values())
        ]
        ref = ObjectRef("", service.namespace, "Endpoints", service.name, _uid(service.uid, "e"))
        body: Body = {"metadata": metadata(ref, created, labels=service.labels)}
        return body | ({"subsets": subsets} if subsets else {})

    return Entry(service.namespace, service.name, _uid(service.uid, "e"), service.labels, make)


def endpoint_slice_entry(
    service: Entry, ports: Ports, backends: Sequence[Backend], created: str
) -> Entry:
    """The EndpointSlice of a Service."""
    name, uid = f"{service.name[:57]}-{service.uid[:5]}", _uid(service.uid, "f")
    labels = {
        **service.labels,
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": service.name,
    }

    def make() -> Body:
        ref = ObjectRef("", service.namespace, "EndpointSlice", name, uid)
        parent = ObjectRef("", service.namespace, "Service", service.name, service.uid)
        return {
            "metadata": metadata(
                ref, created, labels=labels, owners=[owner("v1", parent)], generation=1
            ),
            "addressType": "IPv4",
            "endpoints": [
                {
                    "addresses": [address(one.ref.uid)],
                    "conditions": {"ready": one.ready, "serving": one.ready, "terminating": False},
                    "targetRef": _target(one)["targetRef"],
                    "nodeName": one.node,
                }
                for one in backends
            ],
            "ports": [{"name": name, "protocol": "TCP", "port": port} for name, port in ports],
        }

    return Entry(service.namespace, name, uid, labels, make)


def inference_pool_entry(facts: ServiceFacts, scale: Timescale) -> Entry:
    """The InferencePool whose endpoints the picker chooses among."""
    ref = facts.named("InferencePool", "-inference-pool")
    labels = facts.scheduler_labels

    def make() -> Body:
        created = scale.stamp(facts.created_at)
        selector = {
            "app.kubernetes.io/name": facts.ref.name,
            "app.kubernetes.io/part-of": "llminferenceservice",
            "kserve.io/component": "workload",
        }
        spec = {
            "endpointPickerRef": {
                "failureMode": "FailOpen",
                "group": "",
                "kind": "Service",
                "name": facts.named("Service", "-epp-service").name,
                "port": {"number": 9002},
            },
            "selector": {"matchLabels": selector},
            "targetPorts": [{"number": 8000}],
        }
        parents = {
            "conditions": _accepted(created),
            "controllerName": _CONTROLLER,
            "parentRef": _gateway_ref(),
        }
        return _custom(
            ref,
            created,
            spec,
            {"parents": [parents]},
            version=f"{INFERENCE}/v1",
            labels=labels,
            owners=[facts.owner],
        )

    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def route_entry(facts: ServiceFacts, scale: Timescale, shadow: ServiceFacts | None = None) -> Entry:
    """The HTTPRoute of a service of its own; `shadow` gets a copy of each request."""
    ref = facts.named("HTTPRoute", "-kserve-route")
    backend = [_backend(facts, 1)]
    path = f"/{facts.ref.namespace}/{facts.ref.name}"
    return _route(ref, path, backend, facts, scale, shadow=shadow)


def group_route_entry(
    group: RouteGroup, members: Mapping[str, ServiceFacts], scale: Timescale
) -> Entry | None:
    """The HTTPRoute that members of a group share by weight; None while none of them is there."""
    first = next((members[one.service] for one in group.members if one.service in members), None)
    if first is None:
        return None
    backends = [
        _backend(members[one.service], 0 if one.stopped else one.weight)
        for one in group.members
        if one.service in members
    ]
    ref = first.child("HTTPRoute", route_name(first, group))
    return _route(ref, f"/{group.ref.namespace}/{group.ref.name}", backends, first, scale)


def gateway_entry(ref: ObjectRef, created: str) -> Entry:
    """The gateway of the cluster."""

    def make() -> Body:
        spec = {
            "gatewayClassName": "istio",
            "listeners": [
                {
                    "allowedRoutes": {"namespaces": {"from": "All"}},
                    "name": "http",
                    "port": 80,
                    "protocol": "HTTP",
                }
            ],
        }
        status = {
            "addresses": [{"type": "Hostname", "value": "gateway.example"}],
            "conditions": _accepted(created, "Programmed"),
            "listeners": [],
        }
        version = f"{GATEWAY}/v1"
        return _custom(ref, created, spec, status, version=version, labels={}, owners=())

    return Entry(ref.namespace, ref.name, ref.uid, {}, make)


def gateway_ref(seed_child: ObjectRef) -> ObjectRef:
    """The identity of the gateway, from any object of its cluster."""
    return seed_child._replace(
        namespace=GATEWAY_NAMESPACE, kind="Gateway", name=GATEWAY_NAME, uid=""
    )


def _service(
    ref: ObjectRef,
    facts: ServiceFacts,
    selector: Mapping[str, str],
    ports: Ports,
    scale: Timescale,
) -> Entry:
    labels = {
        "app.kubernetes.io/component": selector.get(
            "app.kubernetes.io/component", "llminferenceservice-workload"
        ),
        "app.kubernetes.io/name": facts.ref.name,
        "app.kubernetes.io/part-of": "llminferenceservice",
    }

    def make() -> Body:
        created = scale.stamp(facts.created_at)
        own = address(ref.uid, 10)
        spec = {
            "ports": [
                {"name": name, "protocol": "TCP", "port": port, "targetPort": port}
                for name, port in ports
            ],
            "selector": dict(selector),
            "clusterIP": own,
            "clusterIPs": [own],
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
        }
        fields = [managed("llmisvc-controller", "v1", created, {"spec": spec})]
        head = metadata(ref, created, labels=labels, owners=[facts.owner], managed=fields)
        return {"metadata": head, "spec": spec, "status": {"loadBalancer": {}}}

    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def _route(
    ref: ObjectRef,
    path: str,
    backends: Sequence[Mapping[str, Any]],
    facts: ServiceFacts,
    scale: Timescale,
    *,
    shadow: ServiceFacts | None = None,
) -> Entry:
    labels = {
        "app.kubernetes.io/component": "llminferenceservice-router",
        "app.kubernetes.io/name": facts.ref.name,
        "app.kubernetes.io/part-of": "llminferenceservice",
    }

    def make() -> Body:
        created = scale.stamp(facts.created_at)
        mirrors = []
        if shadow is not None:
            copied = {"backendRef": _backend(shadow)}
            mirrors.append({"type": "RequestMirror", "requestMirror": copied})
        rewrite = {"path": {"replacePrefixMatch": "/v1", "type": "ReplacePrefixMatch"}}
        rule = {
            "backendRefs": list(backends),
            "filters": [{"type": "URLRewrite", "urlRewrite": rewrite}, *mirrors],
            "matches": [{"path": {"type": "PathPrefix", "value": f"{path}/v1"}}],
            "timeouts": {"backendRequest": "0s", "request": "0s"},
        }
        spec = {"parentRefs": [_gateway_ref()], "rules": [rule]}
        parent = {
            "conditions": _accepted(created, "ResolvedRefs"),
            "controllerName": "istio.io/gateway-controller",
            "parentRef": _gateway_ref(),
        }
        return _custom(
            ref,
            created,
            spec,
            {"parents": [parent]},
            version=f"{GATEWAY}/v1",
            labels=labels,
            owners=[facts.owner],
        )

    return Entry(ref.namespace, ref.name, ref.uid, labels, make)


def _backend(facts: ServiceFacts, weight: int | None = None) -> dict[str, Any]:
    """Where requests of a service go; without a weight as a mirror names it."""
    weighed = {} if weight is None else {"weight": weight}
    if facts.scheduled:
        pool = facts.named("InferencePool", "-inference-pool").name
        return {"group": INFERENCE, "kind": "InferencePool", "name": pool, "port": 8000, **weighed}
    name = facts.named("Service", "-kserve-workload-svc").name
    return {"group": "", "kind": "Service", "name": name, "port": 8000, **weighed}


def _gateway_ref() -> dict[str, str]:
    return {
        "group": GATEWAY,
        "kind": "Gateway",
        "name": GATEWAY_NAME,
        "namespace": GATEWAY_NAMESPACE,
    }


def _accepted(since: str, *more: str) -> list[dict[str, Any]]:
    return [
        {
            "lastTransitionTime": since,
            "message": "",
            "observedGeneration": 1,
            "reason": kind,
            "status": "True",
            "type": kind,
        }
        for kind in ("Accepted", *more)
    ]


def _custom(
    ref: ObjectRef,
    created: str,
    spec: Mapping[str, Any],
    status: Mapping[str, Any],
    *,
    version: str,
    labels: Mapping[str, str],
    owners: Sequence[Mapping[str, Any]],
) -> Body:
    fields = [
        managed("llmisvc-controller", version, created, {"spec": spec}),
        managed("istio", version, created, {"status": status}, "status"),
    ]
    head = metadata(ref, created, labels=labels, owners=owners, generation=1, managed=fields)
    return {"metadata": head, "spec": spec, "status": status}


def _target(one: Backend) -> dict[str, Any]:
    return {
        "ip": address(one.ref.uid),
        "nodeName": one.node,
        "targetRef": {
            "kind": "Pod",
            "namespace": one.ref.namespace,
            "name": one.ref.name,
            "uid": one.ref.uid,
        },
    }


def _uid(uid: str, mark: str) -> str:
    """The uid of an object that goes with another one."""
    return f"{uid[:-1]}{mark}"
