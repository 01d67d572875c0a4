"""Objects that actions are about, as an API server has them, and intents about them."""

from __future__ import annotations

from typing import Any

from mtop_tui.actions.intents import Intent, Scene, Verb
from mtop_tui.actions.planning import plan
from mtop_tui.actions.plans import Plan, Refused
from mtop_tui.observations import ServiceKey

Body = dict[str, Any]

NAME = "assistant"
NOW = 1_800_000_000.0


def service(name: str = NAME, *, status: Body | None = None, **spec: Any) -> Body:
    """A service of generation 2 that its controller has seen."""
    return {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "resourceVersion": "17",
            "generation": 2,
            "annotations": {},
            "labels": {},
        },
        "spec": {"model": {"uri": "hf://org/model"}, **spec},
        "status": {"observedGeneration": 2, **(status or {})},
    }


def stopped(body: Body) -> Body:
    annotations = {"serving.kserve.io/stop": "true"}
    return {**body, "metadata": {**body["metadata"], "annotations": annotations}}


def marked(body: Body, **metadata: Any) -> Body:
    """The same with other metadata."""
    return {**body, "metadata": {**body["metadata"], **metadata}}


def member(name: str, weight: int, **more: Any) -> Body:
    """A service of route group chat."""
    return service(name, router={"route": {"group": "chat", "weight": weight}}, **more)


def _labels(prefill: bool) -> dict[str, str]:
    half = "-prefill" if prefill else ""
    return {"app.kubernetes.io/component": f"llminferenceservice-workload{half}"}


def workload(
    replicas: int = 3,
    *,
    ready: int | None = None,
    there: int | None = None,
    prefill: bool = False,
    **status: Any,
) -> Body:
    """A Deployment; all its replicas are ready and new unless said otherwise."""
    there = replicas if there is None else there
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": f"{NAME}-kserve{'-prefill' if prefill else ''}",
            "labels": _labels(prefill),
            "generation": 4,
        },
        "spec": {"replicas": replicas},
        "status": {
            "observedGeneration": 4,
            "replicas": there,
            "updatedReplicas": there,
            "readyReplicas": there if ready is None else ready,
            **status,
        },
    }


def pod(number: int, *, ready: bool = True, prefill: bool = False, **metadata: Any) -> Body:
    """A pod of a ReplicaSet."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{NAME}-{number}",
            "namespace": "shop",
            "uid": f"pod-{number}",
            "resourceVersion": "5",
            "labels": _labels(prefill),
            "ownerReferences": [{"kind": "ReplicaSet", "name": "made-it", "controller": True}],
            **metadata,
        },
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def scene(body: Body | None = None, *, replicas: int = 3, **more: Any) -> Scene:
    """A service with its Deployment and pods."""
    around = {
        "workloads": (workload(replicas),),
        "pods": tuple(map(pod, range(replicas))),
    }
    return Scene(body or service(replicas=replicas), **{**around, **more})


def intent(verb: Verb, **more: Any) -> Intent:
    return Intent(verb, ServiceKey("c", "shop", NAME), **more)


def merged(body, patch):
    """An object with a merge patch applied."""
    if not isinstance(patch, dict) or not isinstance(body, dict):
        return patch
    made = {**body, **{name: merged(body.get(name), one) for name, one in patch.items()}}
    return {name: one for name, one in made.items() if one is not None}


def planned(wanted: Intent, around: Scene) -> Plan:
    """It is not refused."""
    found = plan(wanted, around, NOW)
    assert isinstance(found, Plan), found
    return found


def refused(wanted: Intent, around: Scene) -> str:
    """Why it is."""
    found = plan(wanted, around, NOW)
    assert isinstance(found, Refused), found
    return found.sentence


def patches(found: Plan) -> list[tuple[str, Body]]:
    """What it sends, by the names of objects."""
    return [(one.name, one.patch) for one in found.changes]
