"""From an intent and what is there to a plan, or to the reason why there is none.

Always on the owner: KServe sets back what others change in the Deployments, pods and routes that it
makes of an LLMInferenceService.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from mtop_tui.actions import rollouts, routes
from mtop_tui.actions.bodies import (
    RESTARTED,
    STOP,
    desired,
    group_of,
    has_prefill,
    is_ready,
    is_stopped,
    items,
    name_of,
    part,
    section,
    uid_of,
    weight_of,
    whole,
    workloads_of,
)
from mtop_tui.actions.intents import Intent, Scene, Verb
from mtop_tui.actions.keepers import keepers
from mtop_tui.actions.plans import Change, Plan, Refused

LOADING_LIMIT: Final = 1800.0
"""Seconds in which a replica has loaded its model, or will hardly do so: KServe's start-up probe
gives it 600, before which come its place, its image and its weights."""

ENDING_LIMIT: Final = 600.0
"""Seconds in which replicas have ended."""


def plan(intent: Intent, scene: Scene, now: float) -> Plan | Refused:
    """What an intent comes to.

    Args:
        intent: what is wanted.
        scene: what is there, as far as `PARTS` of the verb says.
        now: Unix seconds.
    """
    if part(scene.service, "metadata", "deletionTimestamp"):
        return Refused(f"{name_of(scene.service)} is being deleted")
    found = _PLANNERS[intent.verb](intent, scene, now)
    return found if isinstance(found, Refused) else replace(found, at=now)


def _scale(intent: Intent, scene: Scene, now: float) -> Plan | Refused:  # noqa: ARG001 - one shape
    wanted, service = intent.number, scene.service
    prefill = intent.role == "prefill"
    if wanted is None or wanted < 0:
        return Refused("how many replicas? expected 0 or more")
    if prefill and not has_prefill(scene):
        return Refused(f"{name_of(service)} has no prefill pool")
    way = ("spec", "prefill") if prefill else ("spec",)
    scaling = part(service, *way, "scaling")
    if scaling is not None:
        return _autoscaled(f"{'.'.join(way)}.scaling is set", "an autoscaler", scaling)
    workloads = tuple(workloads_of(scene, prefill=prefill))
    for one in scene.autoscalers:
        aim = part(one, "spec", "scaleTargetRef", "name")
        if aim in {name_of(workload) for workload in workloads}:
            spec = section(one, "spec")
            return _autoscaled(f"{one.get('kind')} {name_of(one)} is there", "it", spec)
    stated = whole(service, *way, "replicas")
    present = stated if stated is not None else _sum(map(desired, workloads))
    if present == wanted:
        return Refused(f"{'.'.join(way)}.replicas is {wanted} already")
    change = Change(dict(service), patch=_nested((*way, "replicas"), wanted))
    half = "prefill of " if prefill else "decode of " if has_prefill(scene) else ""
    notes = list(_notes(scene))
    if is_stopped(service):
        notes.append("it is stopped: this holds once it is started")
    elif present is not None and 0 < wanted < present:
        notes.append(f"{present - wanted} of {present} replicas end, with what they work on")
    here = "" if present is None else f" from {present}"
    return Plan(
        intent,
        f"scale {half}{name_of(service)}{here} to {_counted(wanted)}",
        (change,),
        loses="" if wanted or is_stopped(service) else "all its replicas end: nobody serves",
        notes=tuple(notes),
        limit=LOADING_LIMIT if wanted > (present or 0) else ENDING_LIMIT,
        was=_uids(scene),
    )


def _autoscaled(why: str, who: str, bounds: Mapping[str, Any]) -> Refused:
    keys = (("minReplicas", "maxReplicas"), ("minReplicaCount", "maxReplicaCount"))
    found = [(bounds[low], bounds[high]) for low, high in keys if {low, high} <= bounds.keys()]
    held = f" between {found[0][0]} and {found[0][1]} replicas" if found else ""
    return Refused(
        f"{why}: {who} keeps it{held} and would set another number back",
        "change minReplicas and maxReplicas under spec.scaling in its manifest",
    )


def _restart(intent: Intent, scene: Scene, now: float) -> Plan | Refused:
    service = scene.service
    if is_stopped(service):
        return Refused(f"{name_of(service)} is stopped: there is nothing to restart", "start it")
    if not scene.pods:
        return Refused(f"{name_of(service)} has no replica to restart")
    mark = {"annotations": {RESTARTED: _stamp(now)}}
    spec: dict[str, Any] = {} if intent.role == "prefill" else dict(mark)
    if has_prefill(scene) and intent.role in {None, "prefill"}:
        spec["prefill"] = mark
    return Plan(
        intent,
        f"restart {name_of(service)}, replica by replica",
        (Change(dict(service), patch={"spec": spec}),),
        notes=(
            "KServe copies spec.annotations to its pods: each is replaced by one that loads anew",
            *_notes(scene),
        ),
        limit=LOADING_LIMIT,
        was=_uids(scene),
    )


def _stop(intent: Intent, scene: Scene, now: float) -> Plan | Refused:  # noqa: ARG001 - one shape
    service = scene.service
    if is_stopped(service):
        return Refused(f"{name_of(service)} is stopped already")
    notes = [f"it keeps its spec; `start` takes the annotation {STOP} away again"]
    if group := group_of(service):
        others = [name_of(one) for one in scene.members if not is_stopped(one) and weight_of(one)]
        takers = f" go to {', '.join(others)}" if others else ": nobody else serves it"
        notes.append(f"its requests in route group {group}{takers}")
    return Plan(
        intent,
        f"stop {name_of(service)}",
        (Change(dict(service), patch=_nested(("metadata", "annotations", STOP), "true")),),
        loses=f"all its replicas end: {_pods(len(scene.pods))}",
        notes=(*notes, *_notes(scene)),
        limit=ENDING_LIMIT,
        was=_uids(scene),
    )


def _start(intent: Intent, scene: Scene, now: float) -> Plan | Refused:  # noqa: ARG001 - one shape
    service = scene.service
    if not is_stopped(service):
        return Refused(f"{name_of(service)} is not stopped")
    return Plan(
        intent,
        f"start {name_of(service)}",
        (Change(dict(service), patch=_nested(("metadata", "annotations", STOP), None)),),
        notes=("its replicas start from nothing: place, image, weights", *_notes(scene)),
        limit=LOADING_LIMIT,
        was=_uids(scene),
    )


def _delete(intent: Intent, scene: Scene, now: float) -> Plan | Refused:  # noqa: ARG001 - one shape
    if intent.pod is None:
        return Refused("which pod?")
    name, uid = intent.pod.name, intent.pod.uid
    pod = next((one for one in scene.pods if name_of(one) == name), None)
    if pod is None:
        return Refused(f"pod {name} is not there any more")
    if uid not in {"", uid_of(pod)}:
        return Refused(f"pod {name} is another one by now than the one that was seen")
    if part(pod, "metadata", "deletionTimestamp"):
        return Refused(f"pod {name} is ending already")
    owners = items(pod, "metadata", "ownerReferences")
    if not owners:
        return Refused(f"pod {name} has no owner: nothing would replace it", "delete it by kubectl")
    owner = f"{owners[0].get('kind')} {owners[0].get('name')}"
    notes = [f"{owner} makes another one, which loads the model anew"]
    if "leaderworkerset.sigs.k8s.io/name" in section(pod, "metadata", "labels"):
        notes.append("it is one of a group of pods: all of its group are made anew")
    if is_ready(pod) and sum(map(is_ready, scene.pods)) == 1:
        notes.append("no other pod is ready: nobody serves until its successor does")
    return Plan(
        intent,
        f"delete pod {name} of {name_of(scene.service)}",
        (Change(dict(pod), method="delete"),),
        loses="its container ends, with what it works on",
        notes=tuple(notes),
        limit=LOADING_LIMIT,
        was=_uids(scene),
    )


def _notes(scene: Scene) -> Iterator[str]:
    yield from keepers(scene.service)
    yield from scene.unread


def _uids(scene: Scene) -> frozenset[str]:
    return frozenset(map(uid_of, scene.pods))


def _nested(path: tuple[str, ...], value: object) -> dict[str, Any]:
    for step in reversed(path):
        value = {step: value}
    assert isinstance(value, dict)
    return value


def _sum(numbers: Iterator[int]) -> int | None:
    """The sum of some numbers; None where there are none."""
    found = list(numbers)
    return sum(found) if found else None


def _stamp(now: float) -> str:
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _counted(replicas: int) -> str:
    return f"{replicas} replica" if replicas == 1 else f"{replicas} replicas"


def _pods(count: int) -> str:
    return f"{count} pod" if count == 1 else f"{count} pods"


_PLANNERS: Final[Mapping[Verb, Callable[[Intent, Scene, float], Plan | Refused]]] = {
    "scale": _scale,
    "restart": _restart,
    "weight": routes.weigh,
    "promote": rollouts.promote,
    "abort": rollouts.abort,
    "stop": _stop,
    "start": _start,
    "delete": _delete,
    "pause": rollouts.pause,
    "resume": rollouts.resume,
    "undo": rollouts.undo,
}
