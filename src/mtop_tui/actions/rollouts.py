"""Pause, resume, promote, abort and undo: where an Argo Rollout or a route group stands for it.

KServe rolls a service by a Deployment that it sets back when others change it, so of such a rollout
nothing can be held or turned around but by the service's own spec.
"""

from __future__ import annotations

from typing import Any, Final

from mtop_tui.actions import routes
from mtop_tui.actions.bodies import group_of, items, name_of, part, section, uid_of
from mtop_tui.actions.differences import merge_patch
from mtop_tui.actions.intents import Body, Intent, Scene
from mtop_tui.actions.keepers import keepers
from mtop_tui.actions.plans import Change, Plan, Refused

LIMIT: Final = 1800.0

_NAME: Final = "app.kubernetes.io/name"
_REVISION: Final = "rollout.argoproj.io/revision"
_HASH: Final = "rollouts-pod-template-hash"
_OWNERS: Final = "ownerReferences"


def rollout_of(scene: Scene) -> Body | None:
    """The Argo Rollout that rolls a service: the one of its workload, or labelled as its own."""
    workloads = {name_of(one) for one in scene.workloads}
    for one in scene.rollouts:
        labelled = section(one, "metadata", "labels").get(_NAME) == name_of(scene.service)
        if labelled or part(one, "spec", "workloadRef", "name") in workloads:
            return one
    return None


def pause(intent: Intent, scene: Scene, now: float) -> Plan | Refused:  # noqa: ARG001 - one shape
    """Hold a rollout where it is."""
    rollout = rollout_of(scene)
    if rollout is None:
        return _not_here(scene, "pause")
    if part(rollout, "spec", "paused"):
        return Refused(f"Rollout {name_of(rollout)} is paused already")
    return _of_argo(intent, scene, rollout, "pause", {"spec": {"paused": True}})


def resume(intent: Intent, scene: Scene, now: float) -> Plan | Refused:  # noqa: ARG001 - one shape
    """Let a rollout that is held go on."""
    rollout = rollout_of(scene)
    if rollout is None:
        return _not_here(scene, "resume")
    held = bool(part(rollout, "status", "pauseConditions"))
    if not held and not part(rollout, "spec", "paused"):
        return Refused(f"Rollout {name_of(rollout)} is not paused")
    patches: list[dict[str, Any]] = []
    if part(rollout, "spec", "paused"):
        patches.append({"spec": {"paused": False}})
    if held:
        patches.append({"status": {"pauseConditions": None}})
    return _of_argo(intent, scene, rollout, "resume", *patches)


def promote(intent: Intent, scene: Scene, now: float) -> Plan | Refused:  # noqa: ARG001 - one shape
    """Give the new version all requests."""
    rollout = rollout_of(scene)
    if rollout is not None:
        if part(rollout, "status", "currentPodHash") == part(rollout, "status", "stableRS"):
            return Refused(f"Rollout {name_of(rollout)} has nothing new to promote")
        return _of_argo(intent, scene, rollout, "promote", {"status": {"promoteFull": True}})
    return routes.all_to(intent, scene) if group_of(scene.service) else _not_here(scene, "promote")


def abort(intent: Intent, scene: Scene, now: float) -> Plan | Refused:  # noqa: ARG001 - one shape
    """Take all requests from the new version."""
    rollout = rollout_of(scene)
    if rollout is not None:
        if part(rollout, "status", "abort"):
            return Refused(f"Rollout {name_of(rollout)} is aborted already")
        back = f"Rollout {name_of(rollout)} goes back to what is stable"
        return _of_argo(intent, scene, rollout, "abort", {"status": {"abort": True}}, loses=back)
    return routes.none_to(intent, scene) if group_of(scene.service) else _not_here(scene, "abort")


def undo(intent: Intent, scene: Scene, now: float) -> Plan | Refused:  # noqa: ARG001 - one shape
    """Go back to the version before."""
    rollout = rollout_of(scene)
    if rollout is None:
        return _not_here(scene, "undo")
    if part(rollout, "spec", "workloadRef"):
        return Refused(
            f"the template of Rollout {name_of(rollout)} is in a Deployment that KServe sets back",
            "abort it, or apply the manifest of the version before",
        )
    before = _version_before(rollout, scene)
    if before is None:
        return Refused(f"Rollout {name_of(rollout)} has no version before that is still kept")
    template = _template_of(before)
    patch = merge_patch(section(rollout, "spec", "template"), template)
    number = _number(before)
    if not patch:
        return Refused(f"Rollout {name_of(rollout)} has the template of revision {number} already")
    does = f"undo to revision {number}:"
    return _of_argo(intent, scene, rollout, does, {"spec": {"template": patch}})


def _version_before(rollout: Body, scene: Scene) -> Body | None:
    """The ReplicaSet of the newest revision that is older than the present one."""
    now = _number(rollout)
    mine = [
        one
        for one in scene.revisions
        if any(owner.get("uid") == uid_of(rollout) for owner in items(one, "metadata", _OWNERS))
    ]
    older = [one for one in mine if 0 < _number(one) < now]
    return max(older, key=_number, default=None)


def _number(body: Body) -> int:
    stated = str(section(body, "metadata", "annotations").get(_REVISION, ""))
    return int(stated) if stated.isdigit() else 0


def _template_of(revision: Body) -> dict[str, Any]:
    """What a ReplicaSet was made from: without the label that tells it from others."""
    template = section(revision, "spec", "template")
    metadata = section(template, "metadata")
    labels = {name: one for name, one in section(metadata, "labels").items() if name != _HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _of_argo(
    intent: Intent,
    scene: Scene,
    rollout: Body,
    does: str,
    *patches: dict[str, Any],
    loses: str = "",
) -> Plan:
    return Plan(
        intent,
        f"{does} Rollout {name_of(rollout)} of {name_of(scene.service)}",
        tuple(
            Change(dict(rollout), patch=one, subresource="status" if "status" in one else "")
            for one in patches
        ),
        loses=loses,
        notes=tuple(keepers(rollout)),
        limit=LIMIT,
    )


def _not_here(scene: Scene, verb: str) -> Refused:
    """Why a rollout that is none of Argo's cannot be held or turned around."""
    name = name_of(scene.service)
    if scene.unread:
        return Refused(f"no Argo Rollout of {name} is known: {'; '.join(scene.unread)}")
    why = f"no Argo Rollout rolls {name}, and KServe sets back what others change in its Deployment"
    if verb in {"promote", "abort"}:
        return Refused(
            f"{name} is in no route group; {why}", "apply the manifest with the version you want"
        )
    if group_of(scene.service):
        instead = "set weights: they stay as they are until somebody sets them"
    else:
        instead = (
            "apply the manifest of the version before: KServe keeps no earlier spec"
            if verb == "undo"
            else "apply the manifest of the version before, or stop it"
        )
    return Refused(why, instead)
