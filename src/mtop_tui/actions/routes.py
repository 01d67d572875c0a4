"""Weights of route groups: who of them gets which share of the requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mtop_tui.actions.bodies import group_of, is_stopped, name_of, weight_of
from mtop_tui.actions.intents import Body, Intent, Scene
from mtop_tui.actions.keepers import keepers
from mtop_tui.actions.plans import Change, Plan, Refused

LARGEST: Final = 1_000_000
LIMIT: Final = 120.0
"""Seconds in which weights that were written are in force."""

_WHOLE: Final = 100


def weigh(intent: Intent, scene: Scene, now: float) -> Plan | Refused:  # noqa: ARG001 - one shape
    """Give a member of a route group another weight."""
    service, wanted = scene.service, intent.number
    group = group_of(service)
    if not group:
        return Refused(
            f"{name_of(service)} is in no route group: a weight of its own says nothing",
            "state router.route.group and weight in the manifests of those that share a route",
        )
    if wanted is None or not 0 <= wanted <= LARGEST:
        return Refused(f"which weight? expected 0 to {LARGEST}")
    if wanted == weight_of(service):
        return Refused(f"its weight is {wanted} already")
    return _reweighed(intent, scene, {name_of(service): wanted}, f"weigh {name_of(service)}")


def all_to(intent: Intent, scene: Scene) -> Plan | Refused:
    """Give a member of a route group all of its requests."""
    service, others = scene.service, members(scene)
    if is_stopped(service):
        return Refused(f"{name_of(service)} is stopped and could not serve", "start it first")
    if not any(weight_of(one) for one in others) and weight_of(service):
        return Refused(f"{name_of(service)} has all requests of {group_of(service)} already")
    weights = {name_of(one): 0 for one in others if weight_of(one)}
    mine = sum(map(weight_of, (service, *others))) or _WHOLE
    # It takes over before the others let go: at no moment has the group no weight at all.
    weights = {name_of(service): mine, **weights}
    return _reweighed(intent, scene, weights, f"promote {name_of(service)}")


def none_to(intent: Intent, scene: Scene) -> Plan | Refused:
    """Take all requests away from a member of a route group."""
    service = scene.service
    if not weight_of(service):
        return Refused(f"{name_of(service)} has no requests of {group_of(service)} as it is")
    return _reweighed(intent, scene, {name_of(service): 0}, f"abort {name_of(service)}")


def members(scene: Scene) -> list[Body]:
    """The other members of its group."""
    group = group_of(scene.service)
    return [one for one in scene.members if group and group_of(one) == group]


def shares(weights: Mapping[str, int]) -> str:
    """Weights as parts of the requests, largest first."""
    total = sum(weights.values())
    ordered = sorted(weights.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{name} {100 * weight / total:.3g} %" for name, weight in ordered if total)


def _reweighed(
    intent: Intent, scene: Scene, weights: Mapping[str, int], does: str
) -> Plan | Refused:
    service, others = scene.service, members(scene)
    everybody = {name_of(one): one for one in (service, *others)}
    # A member that is stopped keeps its weight and gets nothing.
    serving = {name: one for name, one in everybody.items() if not is_stopped(one)}
    before = {name: weight_of(one) for name, one in serving.items()}
    after = {name: weights.get(name, weight) for name, weight in before.items()}
    if not any(after.values()):
        return Refused(
            f"nobody would get the requests of route group {group_of(service)}",
            "give another member a weight first",
        )
    changed = {name: weight for name, weight in weights.items() if name in everybody}
    changed = {n: w for n, w in changed.items() if weight_of(everybody[n]) != w}
    mine = name_of(service)
    ends = bool(before.get(mine)) and not after.get(mine)
    return Plan(
        intent,
        f"{does}: {shares(after)}",
        tuple(
            Change(dict(everybody[name]), patch=_patch(weight)) for name, weight in changed.items()
        ),
        loses=f"{mine} gets no more requests" if ends else "",
        notes=(
            f"now: {shares(before)}" if any(before.values()) else "now nobody gets requests",
            *(said for name in changed for said in keepers(everybody[name])),
            *scene.unread,
        ),
        limit=LIMIT,
    )


def _patch(weight: int) -> dict[str, Any]:
    return {"spec": {"router": {"route": {"weight": weight}}}}
