"""Whose logs are read, of many replicas, and what of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Literal

from mtop_tui.providers.live.objects.pods import stage_of
from mtop_tui.providers.live.objects.schema import ContainerStatus, LiveContainer, Pod

MOST_PODS: Final = 32
"""Pods whose logs are read at once: each takes a connection per container."""

RULE: Final = "those that fail first, then those that start, end or were restarted, then by name"

Life = Literal["waiting", "running", "over", "gone"]
"""Of a container: `over` ended and will not be started again, `gone` is no more to be found."""

_RANKS: Final = {"failed": 0, "starting": 1, "terminating": 2, "ready": 4, "pending": 5}
_RESTARTED = 3


def choose(pods: Sequence[Pod], before: Collection[str], most: int) -> list[Pod]:
    """The pods to read, at most so many: those of before stay, then by `RULE`.

    Args:
        pods: that there are.
        before: names of those that are being read.
        most: pods.
    """
    staying = [one for one in pods if one.metadata.name in before]
    others = sorted((one for one in pods if one.metadata.name not in before), key=_rank)
    return [*staying, *others[: max(0, most - len(staying))]]


def _rank(pod: Pod) -> tuple[int, str]:
    rank = _RANKS[stage_of(pod).phase]
    if rank > _RESTARTED and any(one.restart_count for one in pod.status.container_statuses or ()):
        rank = _RESTARTED
    return rank, pod.metadata.name


def containers_of(pod: Pod, name: str | None) -> list[str]:
    """Names of its containers in the order they start, or of the one."""
    every: list[LiveContainer] = [*(pod.spec.init_containers or ()), *(pod.spec.containers or ())]
    return [one.name for one in every if name in {None, one.name}]


def life_of(pod: Pod | None, container: str) -> Life:
    """Where a container is in its life, as far as the API server has told."""
    if pod is None:
        return "gone"
    status = status_of(pod, container)
    state = status.state if status else None
    if state is None or (state.running is None and state.terminated is None):
        return "waiting"
    if state.terminated is None:
        return "running"
    if pod.status.phase in {"Succeeded", "Failed"}:
        return "over"
    initial = {one.name for one in pod.spec.init_containers or () if one.restart_policy is None}
    return "over" if container in initial and not state.terminated.exit_code else "waiting"


def status_of(pod: Pod, container: str) -> ContainerStatus | None:
    """What the kubelet last said of a container."""
    every = [*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())]
    return next((one for one in every if one.name == container), None)
