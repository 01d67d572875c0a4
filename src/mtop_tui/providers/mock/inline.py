"""Services and nodes that a recipe states in a few words, as objects in the real schema."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

from mtop_tui.engine.demand import (
    AGE,
    BURSTINESS,
    CACHED,
    DIURNAL,
    KIND,
    MEAN_OUTPUT,
    MEAN_PROMPT,
    REQUEST_RATE,
    TENANTS,
)
from mtop_tui.kserve.pools import MAIN_CONTAINER
from mtop_tui.kserve.schema import DEFAULT_NAMESPACE, KSERVE_VERSIONS, NODE_KIND, SERVICE_KIND

if TYPE_CHECKING:
    from mtop_tui.config.recipe_cluster import NodePool, ServiceSpec
    from mtop_tui.config.recipe_scenario import Load

Body = dict[str, Any]

_GPU = "nvidia.com/gpu"
_PRODUCT = "nvidia.com/gpu.product"
_SLO = "mtop.dev/slo"


class Machine(NamedTuple):
    """What a GPU is usually rented in."""

    product: str
    instance: str
    gpus: int


MACHINES = {
    "T4": Machine("Tesla-T4", "g4dn.12xlarge", 4),
    "A10G": Machine("NVIDIA-A10G", "g5.12xlarge", 4),
    "L4": Machine("NVIDIA-L4", "g6.12xlarge", 4),
    "L40S": Machine("NVIDIA-L40S", "g6e.12xlarge", 4),
    "A100-40GB": Machine("NVIDIA-A100-SXM4-40GB", "p4d.24xlarge", 8),
    "A100-80GB": Machine("NVIDIA-A100-SXM4-80GB", "p4de.24xlarge", 8),
    "H100": Machine("NVIDIA-H100-80GB-HBM3", "p5.48xlarge", 8),
    "H200": Machine("NVIDIA-H200", "p5en.48xlarge", 8),
    "B200": Machine("NVIDIA-B200", "p6-b200.48xlarge", 8),
}


def split_name(name: str) -> tuple[str, str]:
    """Namespace and name of a service as recipes write it."""
    namespace, _, short = name.rpartition("/")
    return namespace or DEFAULT_NAMESPACE, short


def merged(body: Any, patch: Any) -> Any:
    """`patch` merged over `body` by RFC 7386: mappings merge, null removes, the rest replaces."""
    if not isinstance(patch, Mapping):
        return deepcopy(patch)
    found = dict(body) if isinstance(body, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def service_body(spec: ServiceSpec, copied: Body | None) -> Body:
    """The LLMInferenceService that `spec` says; `copied` is the manifest it starts from."""
    namespace, name = split_name(spec.name)
    body: Body = copied or _service(spec) if spec.manifest is None else spec.manifest
    stated: Body = {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": None,
            "labels": spec.labels,
            "annotations": _annotations(spec),
        }
    }
    body = merged(body, stated)
    if copied is not None:
        body = merged(body, {"spec": _changes(spec)})
        if spec.image:
            body["spec"] = with_image(body["spec"], spec.image)
    return dict(merged(body, spec.patch))


def asked(body: Body, load: Load) -> Body:
    """A service with the load that a recipe states, as its manifest would."""
    stated = {
        REQUEST_RATE: load.rps,
        MEAN_PROMPT: load.prompt,
        MEAN_OUTPUT: load.output,
        KIND: load.kind,
        BURSTINESS: load.cv,
        DIURNAL: load.diurnal,
        TENANTS: load.tenants,
        CACHED: load.cached,
    }
    hints = {
        name: value if isinstance(value, str) else f"{value:g}"
        for name, value in stated.items()
        if value is not None
    }
    return dict(merged(body, {"metadata": {"annotations": hints}}))


def node_bodies(pool: NodePool) -> list[Body]:
    """The nodes of a pool."""
    machine = MACHINES.get(pool.gpu.upper())
    labels = {
        "topology.kubernetes.io/region": pool.region,
        "topology.kubernetes.io/zone": f"{pool.region}a",
        "karpenter.sh/capacity-type": pool.capacity,
        "mtop.dev/pool": pool.pool,
    }
    allocatable = {"cpu": "190", "memory": "1990Gi", "pods": "110"}
    if instance := pool.instance or (machine.instance if machine else ""):
        labels["node.kubernetes.io/instance-type"] = instance
    if pool.gpu:
        count = str(pool.gpus)
        labels[_PRODUCT] = machine.product if machine else pool.gpu
        labels["nvidia.com/gpu.count"] = count
        allocatable[f"nvidia.com/mig-{pool.mig}" if pool.mig else _GPU] = count
    return [
        {
            "apiVersion": "v1",
            "kind": NODE_KIND,
            "metadata": {"name": f"{pool.pool}-{number}", "labels": labels},
            "status": {
                "allocatable": allocatable,
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            },
        }
        for number in range(1, pool.count + 1)
    ]


def _service(spec: ServiceSpec) -> Body:
    body: Body = {
        "apiVersion": KSERVE_VERSIONS[-1],
        "kind": SERVICE_KIND,
        "metadata": {},
        "spec": {
            "model": {"uri": f"hf://{spec.model}", "name": spec.model},
            "router": {"route": {}, "gateway": {}, "scheduler": {}},
            "template": _pod(spec),
            **({"parallelism": {"tensor": spec.gpus}} if spec.gpus > 1 and not spec.mig else {}),
        },
    }
    if spec.prefill is not None:
        prefill = {"replicas": spec.prefill, "template": _pod(spec)}
        if spec.gpus > 1:
            prefill["parallelism"] = {"tensor": spec.gpus}
        body["spec"]["prefill"] = prefill
    return dict(merged(body, {"spec": _changes(spec)}))


def _changes(spec: ServiceSpec) -> Body:
    """What is said of replicas and route."""
    changes: Body = {}
    if spec.replicas is not None:
        changes |= {"replicas": spec.replicas, "scaling": None}
    if spec.scaling is not None:
        driver: Body = {"wva": {"hpa": {}}} if spec.scaling.by == "hpa" else {"keda": {}}
        bounds = {"minReplicas": spec.scaling.least, "maxReplicas": spec.scaling.most}
        changes |= {"replicas": None, "scaling": bounds | driver}
    if spec.route is not None:
        changes["router"] = {"route": {"group": spec.route.group, "weight": spec.route.weight}}
    return changes


def with_image(spec: Body, image: str) -> Body:
    """The spec of a service whose pools all run another image, everything else being the same."""
    found = dict(spec)
    if isinstance(found.get("prefill"), Mapping):
        found["prefill"] = with_image(found["prefill"], image)
    for part in ("template", "worker"):
        pod = found.get(part)
        if isinstance(pod, Mapping) or (part == "template" and "worker" not in found):
            found[part] = dict(pod or {}) | {"containers": _running(pod or {}, image)}
    return found


def _running(pod: Body, image: str) -> list[Any]:
    """The containers of a pod, with an image for the one that serves."""
    containers = list(pod.get("containers") or [{"name": MAIN_CONTAINER}])
    names = [one.get("name") for one in containers if isinstance(one, Mapping)]
    place = names.index(MAIN_CONTAINER) if MAIN_CONTAINER in names else 0
    containers[place] = dict(containers[place]) | {"image": image}
    return containers


def _pod(spec: ServiceSpec) -> Body:
    pod: Body = {"containers": [_container(spec)]}
    if spec.gpu:
        machine = MACHINES.get(spec.gpu.upper())
        pod["nodeSelector"] = {_PRODUCT: machine.product if machine else spec.gpu}
    return pod


def _container(spec: ServiceSpec) -> Body:
    container: Body = {"name": MAIN_CONTAINER}
    if spec.gpus:
        gpus = {f"nvidia.com/mig-{spec.mig}" if spec.mig else _GPU: str(spec.gpus)}
        container["resources"] = {"limits": gpus, "requests": gpus}
    if spec.image:
        container["image"] = spec.image
    return container


def _annotations(spec: ServiceSpec) -> Body:
    # A copy brings no users of its own: those of its original would be counted twice.
    annotations: Body = {} if spec.copy_of is None else {REQUEST_RATE: "0"}
    if spec.slo:
        annotations[_SLO] = spec.slo
    if spec.age is not None:
        annotations[AGE] = f"{spec.age:g}s"
    return annotations
