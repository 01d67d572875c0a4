"""Events that the scheduler, the kubelet, controllers and KServe record, in their words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from mtop_tui.engine import lifecycle, naming
from mtop_tui.engine.lifecycle import Stage
from mtop_tui.observations import KubeEvent, ObjectRef


class Said(NamedTuple):
    """One event's text, and how often it was said by then."""

    severity: Literal["Normal", "Warning"]
    reason: str
    message: str
    times: int = 1


class PodFacts(NamedTuple):
    """What events about a pod name."""

    ref: ObjectRef
    nodes: tuple[str, ...]
    image: str
    restarts: int
    image_bytes: float


def stage_events(stage: Stage, before: Stage | None, pod: PodFacts) -> Iterator[Said]:
    """What is recorded about a pod when it enters a stage after another (None: it is new)."""
    came_from = before.reason if before else ""
    match stage.reason:
        case lifecycle.UNSCHEDULABLE:
            yield Said("Warning", "FailedScheduling", stage.message)
        case lifecycle.CREATING:
            if came_from != lifecycle.PULL_BACK_OFF:
                yield from _assigned(pod)
            if stage.message:
                yield Said("Normal", "Pulling", f'Pulling image "{pod.image}"')
        case lifecycle.PULL_ERROR:
            yield Said("Warning", "Failed", f'Failed to pull image "{pod.image}": {stage.message}')
            yield Said("Warning", "Failed", "Error: ErrImagePull")
        case lifecycle.PULL_BACK_OFF:
            yield Said("Normal", "BackOff", f'Back-off pulling image "{pod.image}"')
            yield Said("Warning", "Failed", "Error: ImagePullBackOff")
        case lifecycle.DOWNLOADING:
            yield from _pulled(stage, before, pod)
        case lifecycle.LOADING:
            if came_from == lifecycle.CREATING:
                yield from _pulled(stage, before, pod)
            yield Said("Normal", "Created", "Created container main")
            yield Said("Normal", "Started", "Started container main")
        case lifecycle.CRASH_LOOP:
            yield from _crashed(stage, pod.ref)
        case lifecycle.LOST:
            yield Said("Warning", "NodeNotReady", "Node is not ready")
        case lifecycle.TERMINATING:
            yield Said("Normal", "Killing", "Stopping container main")


def _crashed(stage: Stage, ref: ObjectRef) -> Iterator[Said]:
    if stage.message.endswith(lifecycle.PROBE_FAILED):
        said = 'Startup probe failed: Get "http://:8000/health": dial tcp: connection refused'
        yield Said("Warning", "Unhealthy", said)
        yield Said("Normal", "Killing", lifecycle.PROBE_FAILED)
    where = f"{ref.name}_{ref.namespace}({ref.uid})"
    yield Said("Warning", "BackOff", f"Back-off restarting failed container main in pod {where}")


def _assigned(pod: PodFacts) -> Iterator[Said]:
    where = pod.nodes[0] if pod.nodes else ""
    text = f"Successfully assigned {pod.ref.namespace}/{pod.ref.name} to {where}"
    yield Said("Normal", "Scheduled", text)


def _pulled(stage: Stage, before: Stage | None, pod: PodFacts) -> Iterator[Said]:
    if pod.image_bytes and before is not None:
        took = f"{stage.at - before.at:.3f}s"
        text = (
            f'Successfully pulled image "{pod.image}" in {took} ({took} including waiting). '
            f"Image size: {pod.image_bytes:.0f} bytes."
        )
    else:
        text = f'Container image "{pod.image}" already present on machine'
    yield Said("Normal", "Pulled", text)


class Recorder:
    """Makes event records, and counts up what is said again of the same object.

    Kubernetes forgets an event after an hour, and then counts from one.
    """

    _LIFE = 3600.0
    _MOST = 20_000

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._known: dict[tuple[str, str], tuple[int, float, float]] = {}

    def record(
        self, involved: ObjectRef, said: Said, at: float, first_at: float | None = None
    ) -> KubeEvent:
        """The record of what is said at a time, `said.times` times since `first_at`."""
        suffix = naming.suffix(16, involved.uid, said.reason, said.message)
        key = (involved.name, suffix)
        count, first, last = self._known.pop(key, (0, at if first_at is None else first_at, at))
        if at - last > self._LIFE:
            count, first = 0, at
        count += said.times
        self._known[key] = (count, first, at)
        if len(self._known) > self._MOST:
            del self._known[next(iter(self._known))]
        ref = ObjectRef(involved.cluster, involved.namespace, "Event", f"{involved.name}.{suffix}")
        return KubeEvent(
            at=at,
            ref=naming.identified(self._seed, ref),
            involved=involved,
            severity=said.severity,
            reason=said.reason,
            message=said.message,
            count=count,
            first_at=first,
        )
