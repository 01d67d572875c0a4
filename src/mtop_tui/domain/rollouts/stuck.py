"""Whether a rollout is stuck, and on what; a model that is still loading is not stuck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from mtop_tui.domain.durations import short_duration
from mtop_tui.domain.rollouts.revisions import Phase

IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName"})
CRASHES = 3
"""Restarts of a new pod that never was ready, from which it counts as a crash loop."""


class State(StrEnum):
    """Whether a rollout moves."""

    DONE = "done"
    MOVING = "moving"
    LOADING = "loading"
    HELD = "held on purpose"
    STUCK = "stuck"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """What holds a rollout."""

    NO_GPU = "no GPU for the new pod"
    UNSCHEDULABLE = "the new pod cannot be scheduled"
    IMAGE = "image pull fails"
    CRASH_LOOP = "crash loop"
    QUOTA = "quota"
    PROBE = "loads longer than its probe allows"
    DEADLINE = "no progress within the deadline"
    CONTROLLER = "controller has not seen the change"
    PAUSED = "paused"
    ABORTED = "aborted"


@dataclass(frozen=True)
class NewPod:
    """A pod of the new revision.

    `waiting` is why its container waits, `unschedulable` the scheduler's message, `short_of_gpus`
    whether GPUs are what it lacks. `running_for` is how long its container has run, `probe_limit`
    how long its start-up probe lets it run before it is ready; seconds, None when not known.
    """

    name: str
    ready: bool = False
    waiting: str = ""
    unschedulable: str = ""
    short_of_gpus: bool = False
    pending_for: float | None = None
    running_for: float | None = None
    probe_limit: float | None = None
    restarts: int = 0


@dataclass(frozen=True)
class Facts:
    """What is known of a rollout. Times in seconds, None when not known.

    `since_progress` is counted from the last progress, `since_change` from the last change of the
    spec. `surge` and `unavailable` are maxSurge and maxUnavailable as numbers of replicas.
    `quota` is the message with which the API server refused a pod.
    """

    phase: Phase
    pods: Sequence[NewPod] = ()
    since_progress: float | None = None
    deadline: float | None = 600.0
    since_change: float | None = None
    surge: int | None = None
    unavailable: int | None = None
    quota: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Patience:
    """Seconds before what may still pass counts as stuck."""

    pending: float = 60.0
    unseen: float = 60.0


class Progress(NamedTuple):
    """Whether a rollout moves, what holds it, in a sentence, and what that is based on."""

    state: State
    cause: Cause | None
    sentence: str
    evidence: tuple[str, ...] = ()


def progress(facts: Facts, patience: Patience | None = None) -> Progress:
    """Whether a rollout is done, moves, loads, is held on purpose or is stuck, and on what.

    What a pod itself says comes before the deadline, and a pod that loads within its probe's limit
    is not stuck even when the deadline has passed: the deadline is then too short for the model.
    """
    patience = patience or Patience()
    settled = _settled(facts, patience)
    if settled is not None:
        return settled
    if facts.quota:
        return Progress(State.STUCK, Cause.QUOTA, "A new pod is refused by quota.", (facts.quota,))
    unready = [pod for pod in facts.pods if not pod.ready]
    for pod in unready:
        held = _held(pod, facts, patience)
        if held is not None:
            return held
    loading = next((pod for pod in unready if _loads(pod)), None)
    overdue = facts.phase is Phase.OVERDUE or _beyond(facts.since_progress, facts.deadline)
    if loading is not None:
        return _loading(loading, overdue)
    if overdue:
        since, allowed = _for(facts.since_progress), _for(facts.deadline)
        sentence = f"No progress for {since}; the deadline is {allowed}."
        because = (facts.reason,) if facts.reason else ()
        return Progress(State.STUCK, Cause.DEADLINE, sentence, because)
    if facts.pods and not unready:
        return Progress(State.MOVING, None, "The new replicas that are there are ready.")
    return Progress(State.MOVING, None, "New replicas are on their way.")


def _settled(facts: Facts, patience: Patience) -> Progress | None:
    """What the phase alone decides."""
    because = (facts.reason,) if facts.reason else ()
    match facts.phase:
        case Phase.COMPLETE | Phase.STOPPED:
            return Progress(State.DONE, None, f"The rollout is {facts.phase}.", because)
        case Phase.UNKNOWN:
            return Progress(State.UNKNOWN, None, "The rollout has no status yet.", because)
        case Phase.PAUSED:
            return Progress(State.HELD, Cause.PAUSED, "Paused on purpose.", because)
        case Phase.ABORTED:
            return Progress(State.HELD, Cause.ABORTED, "Aborted; the old one serves.", because)
        case Phase.UNSEEN if _beyond(facts.since_change, patience.unseen):
            sentence = (
                f"Changed {_for(facts.since_change)} ago, and the controller has not seen it."
            )
            return Progress(State.STUCK, Cause.CONTROLLER, sentence, because)
        case Phase.UNSEEN:
            return Progress(
                State.MOVING, None, "The controller has yet to see the change.", because
            )
        case _:
            return None


def _held(pod: NewPod, facts: Facts, patience: Patience) -> Progress | None:
    """What holds this pod, if something does that does not pass by waiting."""
    if pod.waiting in IMAGE_REASONS:
        sentence = f"Pod {pod.name} cannot pull its image."
        return Progress(State.STUCK, Cause.IMAGE, sentence, (pod.waiting,))
    if pod.waiting == "CrashLoopBackOff" or pod.restarts >= CRASHES:
        sentence = f"Pod {pod.name} was started {pod.restarts + 1} times and never got ready."
        return Progress(
            State.STUCK, Cause.CRASH_LOOP, sentence, (pod.waiting,) if pod.waiting else ()
        )
    if pod.unschedulable and _beyond(pod.pending_for, patience.pending):
        sentence = f"Pod {pod.name} is Pending for {_for(pod.pending_for)}"
        if not pod.short_of_gpus:
            return Progress(State.STUCK, Cause.UNSCHEDULABLE, f"{sentence}.", (pod.unschedulable,))
        if facts.unavailable == 0 and facts.surge:
            sentence += (
                "; no old pod may go first (maxUnavailable 0) and no GPU is free for one more "
                f"(maxSurge {facts.surge}), so it waits for ever"
            )
        else:
            sentence += " for want of a free GPU"
        return Progress(State.STUCK, Cause.NO_GPU, f"{sentence}.", (pod.unschedulable,))
    if _beyond(pod.running_for, pod.probe_limit):
        sentence = (
            f"Pod {pod.name} loads for {_for(pod.running_for)}; "
            f"its probe allows {_for(pod.probe_limit)}."
        )
        return Progress(State.STUCK, Cause.PROBE, sentence)
    return None


def _loads(pod: NewPod) -> bool:
    return (
        pod.running_for is not None
        and pod.probe_limit is not None
        and pod.running_for <= pod.probe_limit
    )


def _loading(pod: NewPod, overdue: bool) -> Progress:
    sentence = (
        f"Pod {pod.name} loads for {_for(pod.running_for)} of {_for(pod.probe_limit)} allowed."
    )
    if overdue:
        sentence += " The progress deadline has passed: it is too short for this model."
    return Progress(State.LOADING, None, sentence)


def _beyond(elapsed: float | None, limit: float | None) -> bool:
    return elapsed is not None and limit is not None and elapsed > limit


def _for(seconds: float | None) -> str:
    return "an unknown time" if seconds is None else short_duration(seconds)
