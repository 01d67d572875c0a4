"""Pause, resume, promote, abort and undo: where an Argo Rollout or a route group stands for it.

KServe rolls a service by a Deployment that it sets back when others change it, so of such a rollout
nothing can be held or turned around but by the service's own spec.
"""

from __future__ import annotations

from typing import Any, Final

from mtop_tui.actions import routes
from mtop_tui.actions.bodies import group_of, name_of, part, section
from mtop_tui.actions.intents import Body, Intent, Scene
from mtop_tui.actions.keepers import keepers
from mtop_tui.actions.plans import Change, Plan, Refused

LIMIT: Final = 1800.0

_NAME: Final = "app.kubernetes.io/name"


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
    return Refused(
        "the template of the version before is in a ReplicaSet that the Rollout's owner sets back",
        f"abort it, or `kubectl argo rollouts undo {name_of(rollout)}` where nobody owns it",
    )


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
