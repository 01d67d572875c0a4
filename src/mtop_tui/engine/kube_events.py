"""Events the scheduler, the kubelet and KServe record while replicas start or fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from mtop_tui.engine import lifecycle, naming
from mtop_tui.engine.lifecycle import Stage
from mtop_tui.observations import KubeEvent, ObjectRef

_SCHEDULER_RETRY = 300.0
_IMAGE_RETRY = 300.0


class Said(NamedTuple):
    """One event's text, and how often it was said by then."""

    severity: Literal["Normal", "Warning"]
    reason: str
    message: str
    times: int = 1


def stage_events(
    stage: Stage, pod: ObjectRef, nodes: tuple[str, ...], image: str, now: float
) -> Iterator[Said]:
    """What is recorded about a pod when it enters a stage, as it stands at `now`."""
    repeats = int((now - stage.at) // _SCHEDULER_RETRY) + 1
    match stage.reason:
        case lifecycle.UNSCHEDULABLE:
            yield Said("Warning", "FailedScheduling", stage.message, repeats)
        case lifecycle.CREATING:
            where = nodes[0] if nodes else ""
            placed = f"Successfully assigned {pod.namespace}/{pod.name} to {where}"
            yield Said("Normal", "Scheduled", placed)
            if stage.message:
                yield Said("Normal", "Pulling", f'Pulling image "{image}"')
        case lifecycle.PULL_ERROR:
            yield Said("Warning", "Failed", f'Failed to pull image "{image}": {stage.message}')
        case lifecycle.PULL_BACK_OFF:
            text = f'Back-off pulling image "{image}"'
            yield Said("Warning", "BackOff", text, int((now - stage.at) // _IMAGE_RETRY) + 1)
        case lifecycle.LOADING:
            yield Said("Normal", "Started", "Started container main", stage.restarts + 1)
        case lifecycle.CRASH_LOOP:
            text = (
                "Back-off restarting failed container main in pod "
                f"{pod.name}_{pod.namespace}({pod.uid})"
            )
            yield Said("Warning", "BackOff", text, stage.restarts + 1)


def event(seed: int, involved: ObjectRef, said: Said, *, at: float, first_at: float) -> KubeEvent:
    """The record; the same text about the same object is the same event, counted up."""
    name = f"{involved.name}.{naming.suffix(16, involved.uid, said.reason, said.message)}"
    ref = ObjectRef(involved.cluster, involved.namespace, "Event", name)
    return KubeEvent(
        at=at,
        ref=naming.identified(seed, ref),
        involved=involved,
        severity=said.severity,
        reason=said.reason,
        message=said.message,
        count=said.times,
        first_at=first_at,
    )
