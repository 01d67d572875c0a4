"""What keeps pods from serving, as the scheduler and the kubelet say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from mtop_tui.actions.bodies import items, part
from mtop_tui.actions.intents import Body

_USUAL: Final = frozenset({"", "ContainerCreating", "PodInitializing"})
"""What containers wait for that will start."""


def troubles(pods: Iterable[Body]) -> str:
    """What is wrong with those that do not get further, counted; empty if nothing is."""
    found = Counter(said for one in pods if (said := _trouble(one)))
    return ", ".join(f"{count} {said}" for said, count in found.most_common())


def _trouble(pod: Body) -> str:
    if part(pod, "metadata", "deletionTimestamp"):
        return ""
    for one in items(pod, "status", "conditions"):
        if one.get("type") == "PodScheduled" and one.get("reason") == "Unschedulable":
            # The scheduler goes on about whom it could push out.
            message = str(one.get("message", "")).partition(" preemption:")[0]
            return f"cannot be placed: {message}"
    kinds = ("initContainerStatuses", "containerStatuses")
    for status in (one for kind in kinds for one in items(pod, "status", kind)):
        reason = str(part(status, "state", "waiting", "reason") or "")
        if reason not in _USUAL:
            return f"in {reason}"
    return ""
