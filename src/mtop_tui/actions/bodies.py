"""Reading of objects that may lack anything, or hold something else than expected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mtop_tui.actions.intents import Body, Scene

STOP: Final = "serving.kserve.io/stop"
"""The annotation by which a service is stopped; KServe's own."""

RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
"""The annotation by which `kubectl rollout restart` makes a pod template differ."""

_COMPONENT: Final = "app.kubernetes.io/component"
_PREFILL: Final = "-prefill"


def part(body: Body, *path: str) -> Any:
    """What stands at a path, None where there is nothing."""
    found: Any = body
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def section(body: Body, *path: str) -> dict[str, Any]:
    """The mapping that stands at a path, an empty one where there is none."""
    found = part(body, *path)
    return found if isinstance(found, dict) else {}


def items(body: Body, *path: str) -> list[dict[str, Any]]:
    """The mappings in the list at a path."""
    found = part(body, *path)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def whole(body: Body, *path: str) -> int | None:
    """The whole number at a path."""
    found = part(body, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def name_of(body: Body) -> str:
    """Its name."""
    return str(part(body, "metadata", "name") or "")


def uid_of(body: Body) -> str:
    """Its uid."""
    return str(part(body, "metadata", "uid") or "")


def is_stopped(service: Body) -> bool:
    """Whether its owner stopped it."""
    return str(section(service, "metadata", "annotations").get(STOP)).lower() == "true"


def is_prefill(child: Body) -> bool:
    """Whether a workload or a pod belongs to the prefill half of its service."""
    labels = section(child, "metadata", "labels")
    component = str(labels.get(_COMPONENT, ""))
    return component.endswith(_PREFILL) or labels.get("llm-d.ai/role") == "prefill"


def runs_engines(child: Body) -> bool:
    """Whether it runs engines, rather than an endpoint picker or a tokenizer."""
    component = str(section(child, "metadata", "labels").get(_COMPONENT, ""))
    return not component or "workload" in component


def has_prefill(scene: Scene) -> bool:
    """Whether a service is split into two halves, by its own spec or by one merged into it."""
    return "prefill" in section(scene.service, "spec") or any(map(is_prefill, scene.workloads))


def workloads_of(scene: Scene, *, prefill: bool) -> Iterator[Body]:
    """The workloads of one half; of a service with one half, all."""
    return (one for one in scene.workloads if is_prefill(one) == prefill)


def desired(workload: Body) -> int:
    """Replicas it shall have; Kubernetes takes one where none are stated."""
    stated = whole(workload, "spec", "replicas")
    return 1 if stated is None else stated


def is_ready(pod: Body) -> bool:
    """Whether a pod serves."""
    if part(pod, "metadata", "deletionTimestamp"):
        return False
    conditions = items(pod, "status", "conditions")
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def group_of(service: Body) -> str:
    """The route group a service is in, by its spec or, where a config says so, by its status."""
    stated = part(service, "spec", "router", "route", "group")
    return str(stated or part(service, "status", "router", "group", "name") or "")


def weight_of(service: Body) -> int:
    """Its weight in its group; nothing stated is nothing."""
    return whole(service, "spec", "router", "route", "weight") or 0
