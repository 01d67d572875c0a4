"""How far a change has got, by what the cluster says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from mtop_tui.actions.bodies import (
    desired,
    group_of,
    is_prefill,
    is_stopped,
    items,
    name_of,
    part,
    uid_of,
    whole,
)
from mtop_tui.actions.differences import not_taken
from mtop_tui.actions.intents import Body, Scene, Verb
from mtop_tui.actions.plans import Plan
from mtop_tui.actions.rollouts import rollout_of
from mtop_tui.actions.waiting import troubles

State = Literal["going", "done", "failed", "open"]
"""How it stands; "open" is one that was not watched to its end."""


class Progress(msgspec.Struct, frozen=True):
    """How far it has got, in one line."""

    state: State
    text: str


class _Count(msgspec.Struct, frozen=True):
    """Replicas of the workloads that a plan is about."""

    wanted: int
    there: int
    updated: int
    ready: int

    @property
    def is_whole(self) -> bool:
        return self.ready == self.there == self.updated == self.wanted

    @property
    def words(self) -> str:
        return f"{self.ready} of {self.wanted} ready"


def progress(plan: Plan, scene: Scene) -> Progress:
    """How far a plan that was carried out has got."""
    service = scene.service
    if part(service, "metadata", "deletionTimestamp"):
        return Progress("failed", f"{name_of(service)} is being deleted")
    if plan.intent.verb != "delete" and not _is_seen(service):
        return Progress("going", "KServe has not seen the change yet")
    if failed := _set_back(plan, scene) or _overdue(plan, scene):
        return Progress("failed", failed)
    found = _PROGRESS[plan.intent.verb](plan, scene)
    held = troubles(one for one in scene.pods if _is_meant(plan, one))
    if found.state == "going" and held and plan.intent.verb != "stop":
        return Progress("going", f"{found.text}; {held}")
    return found


def _set_back(plan: Plan, scene: Scene) -> str:
    """Who was faster, or stays stronger: GitOps and other owners; empty where nobody was."""
    there = {name_of(one): one for one in (scene.service, *scene.members)}
    for change in plan.changes:
        body = there.get(change.name)
        if change.kind != "LLMInferenceService" or body is None:
            continue
        if lost := not_taken(change.patch, body):
            return f"somebody has set {lost[0]} of {change.name} back"
    return ""


def _is_seen(service: Body) -> bool:
    """Whether the controller has looked at the service since it was changed."""
    generation = whole(service, "metadata", "generation")
    observed = whole(service, "status", "observedGeneration")
    return generation is None or observed is None or observed >= generation


def _overdue(plan: Plan, scene: Scene) -> str:
    """What a Deployment says that has given up on getting further; empty where none has."""
    if plan.intent.verb in {"stop", "delete"}:
        return ""
    for one in filter(_is_seen, scene.workloads):
        for condition in items(one, "status", "conditions"):
            if condition.get("reason") == "ProgressDeadlineExceeded":
                return f"{name_of(one)} does not get further: {condition.get('message', '')}"
    return ""


def _scaled(plan: Plan, scene: Scene) -> Progress:
    if is_stopped(scene.service):
        return Progress("done", "written; it is stopped")
    count = _count(plan, scene)
    if count is None or count.wanted != plan.intent.number:
        return Progress("going", "its workload has another number yet")
    if count.wanted == 0:
        left = len(scene.pods) if plan.intent.role is None else count.there
        return _ended(left)
    if count.there > count.wanted:
        return Progress("going", f"{count.there - count.wanted} still end, {count.words}")
    return Progress("done" if count.is_whole else "going", count.words)


def _restarted(plan: Plan, scene: Scene) -> Progress:
    pods = [one for one in scene.pods if _is_meant(plan, one)]
    old = sum(uid_of(one) in plan.was for one in pods)
    count = _count(plan, scene)
    words = f", {count.words}" if count else ""
    if old:
        return Progress(
            "going", f"{_pods(old)} from before {'are' if old > 1 else 'is'} left{words}"
        )
    if count is None or not count.is_whole:
        return Progress("going", f"all are new{words}")
    return Progress("done", count.words)


def _started(plan: Plan, scene: Scene) -> Progress:
    count = _count(plan, scene)
    if count is None or is_stopped(scene.service):
        return Progress("going", "its workloads are not there yet")
    if not count.wanted and whole(scene.service, "spec", "replicas") == 0:
        return Progress("done", "it may run, and its spec wants 0 replicas")
    return Progress("done" if count.is_whole and count.wanted else "going", count.words)


def _stopped(plan: Plan, scene: Scene) -> Progress:  # noqa: ARG001 - one shape
    return _ended(len(scene.pods))


def _ended(left: int) -> Progress:
    if left:
        return Progress("going", f"{_pods(left)} still {'end' if left > 1 else 'ends'}")
    return Progress("done", "no pod is left")


def _deleted(plan: Plan, scene: Scene) -> Progress:
    pod = plan.intent.pod
    if pod is not None and any(uid_of(one) == _uid(plan) for one in scene.pods):
        return Progress("going", "it still ends")
    count = _count(plan, scene)
    if count is None or not count.is_whole:
        return Progress("going", f"it is gone{f', {count.words}' if count else ''}")
    return Progress("done", count.words)


def _weighed(plan: Plan, scene: Scene) -> Progress:
    if rollout_of(scene) is not None and plan.changes[0].kind == "Rollout":
        return _rolled(plan, scene)
    everybody = {name_of(one): one for one in (scene.service, *scene.members)}
    for change in plan.changes:
        there = everybody.get(change.name)
        if there is None or not _is_seen(there):
            return Progress("going", f"KServe has not seen the weight of {change.name} yet")
    said = {
        str(one.get("name")): one.get("weight")
        for one in items(scene.service, "status", "router", "group", "members")
    }
    for change in plan.changes:
        wanted = part(change.patch, "spec", "router", "route", "weight")
        if said and said.get(change.name) != wanted:
            return Progress("going", f"the route has another weight for {change.name} yet")
    return Progress("done", f"the weights of {group_of(scene.service)} are in force")


def _rolled(plan: Plan, scene: Scene) -> Progress:
    rollout = rollout_of(scene)
    if rollout is None:
        return Progress("failed", "its Rollout is gone")
    phase = str(part(rollout, "status", "phase") or "")
    said = str(part(rollout, "status", "message") or "")
    words = f"the Rollout is {phase or 'without a phase'}{f': {said}' if said else ''}"
    ends: Mapping[Verb, frozenset[str]] = {
        "pause": frozenset({"Paused"}),
        "resume": frozenset({"Progressing", "Healthy"}),
        "promote": frozenset({"Healthy"}),
        "abort": frozenset({"Degraded"}),
        "undo": frozenset({"Healthy"}),
    }
    if phase in ends.get(plan.intent.verb, frozenset()):
        return Progress("done", words)
    return Progress("failed" if phase in {"Degraded", "Error"} else "going", words)


def _count(plan: Plan, scene: Scene) -> _Count | None:
    """Replicas of what the plan is about; None while a workload's controller has to look again."""
    found = [one for one in scene.workloads if _is_meant(plan, one)]
    if not found or not all(map(_is_seen, found)):
        return None

    def total(name: str) -> int:
        return sum(whole(one, "status", name) or 0 for one in found)

    return _Count(
        sum(map(desired, found)),
        total("replicas"),
        total("updatedReplicas"),
        total("readyReplicas"),
    )


def _is_meant(plan: Plan, child: Body) -> bool:
    """Whether a workload or a pod is of the pool that a plan is about."""
    role, verb = plan.intent.role, plan.intent.verb
    if verb == "delete" or (verb != "scale" and role is None):
        return True
    return is_prefill(child) == (role == "prefill")


def _uid(plan: Plan) -> str:
    return uid_of(plan.changes[0].before)


def _pods(count: int) -> str:
    return f"{count} pod" if count == 1 else f"{count} pods"


_PROGRESS: Final[Mapping[Verb, Callable[[Plan, Scene], Progress]]] = {
    "scale": _scaled,
    "restart": _restarted,
    "weight": _weighed,
    "promote": _weighed,
    "abort": _weighed,
    "stop": _stopped,
    "start": _started,
    "delete": _deleted,
    "pause": _rolled,
    "resume": _rolled,
    "undo": _rolled,
}
