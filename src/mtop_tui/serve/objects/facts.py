"""One service as its children need to know it: names, labels, templates."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from mtop_tui.engine import naming
from mtop_tui.engine.deployment import DEFAULT_IMAGE
from mtop_tui.kserve.merge import Combined
from mtop_tui.observations import ObjectRef, Role, Service
from mtop_tui.serve.objects.meta import child, fields_of, owner
from mtop_tui.serve.resources import KSERVE

STORAGE: Final = "storage-initializer"
GATEWAY_NAME: Final = "kserve-ingress-gateway"
GATEWAY_NAMESPACE: Final = "kserve"

_STORAGE_IMAGE = "kserve/storage-initializer:v0.17.0"
_SIDECAR = "llm-d-routing-sidecar"
_NOT_DOWNLOADED = ("pvc://", "oci://")
_NAME, _PART_OF = "app.kubernetes.io/name", "app.kubernetes.io/part-of"
_COMPONENT, _KSERVE_COMPONENT = "app.kubernetes.io/component", "kserve.io/component"
_WORKLOAD = "llminferenceservice-workload"
_SCHEDULER = "llminferenceservice-router-scheduler"
PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")


class PodTemplate:
    """The spec that pods have in common, which is worked out once for all of them.

    Attributes:
        spec: as Kubernetes completes it. Not to be changed.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The set of its fields."""
        return fields_of(self.spec)


class ServiceFacts:
    """What follows from the spec of a service, its presets merged in.

    Args:
        service: the service; of its record only what never changes is used.
        combined: its merged spec.
        seed: of the simulation, which gives every child its uid.
        version: of the API its owner wrote it in.
    """

    def __init__(self, service: Service, combined: Combined, seed: int, version: str) -> None:
        self.ref = service.ref
        self.seed, self.version = seed, version
        self.created_at = service.created_at or service.at
        self.model, self.uri = service.model, service.model_uri
        self.spec = combined.spec
        self.complete = combined.complete
        self.applied = combined.applied
        router = self.spec.get("router")
        self.router: Mapping[str, Any] = router if isinstance(router, dict) else {}
        self.split = "prefill" in self.spec

    @cached_property
    def owner(self) -> dict[str, Any]:
        """The reference that its children have to it."""
        return owner(f"{KSERVE}/{self.version}", self.ref)

    def child(self, kind: str, name: str) -> ObjectRef:
        """The identity of a child of that name."""
        return child(self.seed, self.ref, kind, name)

    def named(self, kind: str, ending: str) -> ObjectRef:
        """The identity of a child with the usual name."""
        return self.child(kind, naming.child_name(self.ref.name, ending))

    # Workloads

    def workload(self, role: Role, *, grouped: bool) -> ObjectRef:
        """The Deployment or LeaderWorkerSet of a pool."""
        ending = "-kserve-mn" if grouped else "-kserve"
        name = naming.child_name(
            self.ref.name, f"{ending}-prefill" if role == "prefill" else ending
        )
        return self.child("LeaderWorkerSet" if grouped else "Deployment", name)

    def selector(self, role: Role, part: str = "") -> dict[str, str]:
        """Labels that the pods of a pool share; `part` is "leader" or "worker" in a group."""
        half = "-prefill" if role == "prefill" else ""
        return {
            _COMPONENT: f"{_WORKLOAD}{half}{f'-{part}' if part else ''}",
            _NAME: self.ref.name,
            _PART_OF: "llminferenceservice",
            _KSERVE_COMPONENT: "workload",
            "llm-d.ai/role": "both" if role == "main" else role,
        }

    def template(self, role: Role, part: str = "", image: str = "") -> PodTemplate:
        """The pod spec of a pool, with what Kubernetes fills in, and an image if one is stated."""
        key = f"{role}/{part}/{image}"
        found = self._templates.get(key)
        if found is None:
            pool = self.spec.get("prefill") if role == "prefill" else self.spec
            stated = (pool or {}).get("worker" if part == "worker" else "template") or {}
            found = PodTemplate(_with_image(_completed(stated, self._downloaded), image))
            self._templates[key] = found
        return found

    def copied_annotations(self, role: Role) -> Mapping[str, str]:
        """What the spec of a pool wants its pods to be annotated with."""
        pool = self.spec.get("prefill") if role == "prefill" else self.spec
        stated = (pool or {}).get("annotations")
        return stated if isinstance(stated, dict) else {}

    @cached_property
    def _templates(self) -> dict[str, PodTemplate]:
        return {}

    @property
    def _downloaded(self) -> str:
        """Where weights are fetched from before an engine starts; empty where they are not."""
        initializer = self.spec.get("storageInitializer")
        enabled = not isinstance(initializer, dict) or initializer.get("enabled", True)
        return "" if not enabled or self.uri.startswith(_NOT_DOWNLOADED) else self.uri

    # Scheduler and routing

    @property
    def scheduled(self) -> bool:
        """Whether an endpoint picker chooses among its replicas."""
        return self.complete and "scheduler" in self.router

    @property
    def routed(self) -> bool:
        """Whether the gateway has a route to it."""
        return self.complete and "route" in self.router

    @property
    def scheduler_labels(self) -> dict[str, str]:
        """Labels of the endpoint picker's pods."""
        return {
            _COMPONENT: _SCHEDULER,
            _NAME: self.ref.name,
            _PART_OF: "llminferenceservice",
        }

    @cached_property
    def scheduler_template(self) -> PodTemplate:
        """The pod spec of the endpoint picker."""
        scheduler = self.router.get("scheduler")
        stated = scheduler.get("template") if isinstance(scheduler, dict) else None
        return PodTemplate(_completed(stated or {"containers": [{"name": "main"}]}, ""))

    @property
    def url(self) -> str:
        """Where users reach it."""
        return f"http://gateway.example/{self.ref.namespace}/{self.ref.name}"


def _with_image(template: Mapping[str, Any], image: str) -> dict[str, Any]:
    """A pod spec whose main container has this image."""
    if not image:
        return dict(template)
    containers = [
        {**one, "image": image} if one["name"] == "main" else one for one in template["containers"]
    ]
    return {**template, "containers": containers}


def _completed(stated: Mapping[str, Any], downloaded: str) -> dict[str, Any]:
    """A pod spec as the API server and KServe complete it."""
    spec: dict[str, Any] = dict(stated)
    containers = [
        _container(one) for one in stated.get("containers") or () if isinstance(one, dict)
    ]
    initial = [
        _container(one) for one in stated.get("initContainers") or () if isinstance(one, dict)
    ]
    # The routing sidecar starts before the engine and stays beside it.
    first = [
        {"restartPolicy": "Always", **one} if one["name"] == _SIDECAR else one for one in initial
    ]
    volumes = list(stated.get("volumes") or ())
    if downloaded:
        mount = {"name": "model-cache", "mountPath": "/mnt/models"}
        volumes.append({"name": "model-cache", "emptyDir": {}})
        first.append(
            _container(
                {
                    "name": STORAGE,
                    "image": _STORAGE_IMAGE,
                    "args": [downloaded, "/mnt/models"],
                    "resources": {
                        "limits": {"cpu": "1", "memory": "4Gi"},
                        "requests": {"cpu": "1", "memory": "4Gi"},
                    },
                    "volumeMounts": [mount],
                }
            )
        )
        containers = [
            {**one, "volumeMounts": [*one.get("volumeMounts", ()), {**mount, "readOnly": True}]}
            for one in containers
        ]
    if volumes:
        spec["volumes"] = volumes
    if first:
        spec["initContainers"] = first
    spec["containers"] = containers or [_container({"name": "main"})]
    return {
        **spec,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": stated.get("terminationGracePeriodSeconds", 30),
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "securityContext": stated.get("securityContext", {}),
        "schedulerName": "default-scheduler",
    }


def _container(stated: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"image": DEFAULT_IMAGE, **stated}
    if "ports" in found:
        found["ports"] = [{**one, "protocol": one.get("protocol", "TCP")} for one in found["ports"]]
    for name in PROBES:
        if isinstance(found.get(name), dict):
            found[name] = _probe(found[name])
    return {
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        **found,
    }


def _probe(stated: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    probe = {**defaults, **stated}
    if isinstance(probe.get("httpGet"), dict):
        probe["httpGet"] = {"scheme": "HTTP", **probe["httpGet"]}
    return probe
