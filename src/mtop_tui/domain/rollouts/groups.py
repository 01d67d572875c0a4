"""Route groups: services that share traffic by proportional weights.

Source: KServe canary-rollout.md, Gateway API backendRefs; LLMInferenceService v1alpha2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mtop_tui.domain.rollouts import objects
from mtop_tui.domain.rollouts.objects import Object
from mtop_tui.domain.rollouts.revisions import Phase, Rollout

DEFAULT_WEIGHT = 1.0
"""The weight of a route's backend that states none, in the Gateway API."""


class Member(NamedTuple):
    """A service of a route group. `created` is its creation time as the API server writes it."""

    name: str
    weight: float
    stopped: bool = False
    created: str = ""


def group_members(services: Iterable[Object], group: str) -> list[Member]:
    """The members of a route group, from the specs of LLMInferenceServices."""
    members = []
    for service in services:
        route = objects.at(service, "spec", "router", "route")
        name = objects.text(objects.at(service, "metadata"), "name")
        if objects.text(route, "group") != group or name is None:
            continue
        weight = objects.number(route, "weight")
        members.append(
            Member(
                name,
                DEFAULT_WEIGHT if weight is None else weight,
                objects.annotation(service, objects.STOP_ANNOTATION) == "true",
                objects.text(objects.at(service, "metadata"), "creationTimestamp") or "",
            )
        )
    return members


def reported_members(service: Object) -> list[Member]:
    """The members of a service's route group as its own status reports them."""
    members = []
    for member in objects.items(objects.at(service, "status", "router", "group"), "members"):
        name, weight = objects.text(member, "name"), objects.number(member, "weight")
        if name is not None:
            stopped = member.get("stopped") is True
            members.append(Member(name, DEFAULT_WEIGHT if weight is None else weight, stopped))
    return members


def shares_of(members: Iterable[Member]) -> dict[str, float]:
    """The part of the traffic that each member receives, 0 to 1.

    Weights are proportional: 9 and 1 are 90 % and 10 %. A stopped member receives nothing and its
    part goes to the others. With a total of 0 nobody receives anything. A weight that is negative
    or no number counts as 0. Source: KServe canary-rollout.md, Gateway API backendRefs.
    """
    weights = {
        member.name: member.weight if member.weight > 0 and not member.stopped else 0.0
        for member in members
    }
    total = sum(weights.values())
    return {name: weight / total if total else 0.0 for name, weight in weights.items()}


def group_rollout(name: str, members: Sequence[Member]) -> Rollout:
    """The canary of a route group; the API knows no primary, so the oldest that runs is stable.

    The canary is the youngest other one that runs. It is under way while both receive traffic or
    wait for it at weight 0, and complete when one member is left.
    """
    shares = shares_of(members)
    running = sorted((m for m in members if not m.stopped), key=lambda m: (m.created, m.name))
    if not running:
        return Rollout("route group", name, Phase.STOPPED, reason="every member is stopped")
    stable = running[0].name
    canary = running[-1].name if len(running) > 1 else None
    reason = "" if any(shares.values()) else "all weights are 0: no member receives requests"
    phase = Phase.COMPLETE if canary is None else Phase.PROGRESSING
    return Rollout("route group", name, phase, stable, canary, tuple(shares.items()), reason=reason)
