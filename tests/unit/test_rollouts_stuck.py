"""When a rollout is stuck and on what, and when it merely loads."""

from dataclasses import replace

import pytest

from mtop_tui.domain.rollouts.revisions import Phase
from mtop_tui.domain.rollouts.stuck import Cause, Facts, NewPod, Patience, State, progress

MOVING = Facts(Phase.PROGRESSING, since_progress=30)
PENDING = NewPod(
    "chat-2",
    unschedulable="0/4 nodes are available: 4 Insufficient nvidia.com/gpu.",
    short_of_gpus=True,
    pending_for=300,
)
LOADING = NewPod("chat-2", running_for=900, probe_limit=1800)


def of_pod(pod: NewPod, facts: Facts = MOVING) -> Facts:
    return replace(facts, pods=(NewPod("chat-1", ready=True), pod))


@pytest.mark.parametrize(
    ("facts", "state", "cause"),
    [
        (Facts(Phase.COMPLETE), State.DONE, None),
        (Facts(Phase.STOPPED), State.DONE, None),
        (Facts(Phase.UNKNOWN), State.UNKNOWN, None),
        (Facts(Phase.PAUSED, since_progress=9e9), State.HELD, Cause.PAUSED),
        (Facts(Phase.ABORTED), State.HELD, Cause.ABORTED),
        (Facts(Phase.UNSEEN, since_change=61), State.STUCK, Cause.CONTROLLER),
        (Facts(Phase.UNSEEN, since_change=60), State.MOVING, None),
        (Facts(Phase.UNSEEN), State.MOVING, None),
        (MOVING, State.MOVING, None),
        (Facts(Phase.PROGRESSING), State.MOVING, None),
        (Facts(Phase.PROGRESSING, since_progress=601), State.STUCK, Cause.DEADLINE),
        (Facts(Phase.PROGRESSING, since_progress=1e9, deadline=None), State.MOVING, None),
        (Facts(Phase.OVERDUE), State.STUCK, Cause.DEADLINE),
        (replace(MOVING, quota="exceeded quota: gpus"), State.STUCK, Cause.QUOTA),
        (of_pod(PENDING), State.STUCK, Cause.NO_GPU),
        (of_pod(replace(PENDING, short_of_gpus=False)), State.STUCK, Cause.UNSCHEDULABLE),
        (of_pod(replace(PENDING, pending_for=60)), State.MOVING, None),
        (of_pod(replace(PENDING, pending_for=None)), State.MOVING, None),
        (of_pod(NewPod("p", waiting="ImagePullBackOff")), State.STUCK, Cause.IMAGE),
        (of_pod(NewPod("p", waiting="ContainerCreating")), State.MOVING, None),
        (of_pod(NewPod("p", waiting="CrashLoopBackOff")), State.STUCK, Cause.CRASH_LOOP),
        (of_pod(NewPod("p", restarts=3)), State.STUCK, Cause.CRASH_LOOP),
        (of_pod(NewPod("p", restarts=2)), State.MOVING, None),
        (of_pod(NewPod("p", restarts=9, ready=True)), State.MOVING, None),
        (of_pod(LOADING), State.LOADING, None),
        (of_pod(replace(LOADING, running_for=1801)), State.STUCK, Cause.PROBE),
    ],
)
def test_states_and_causes(facts: Facts, state: State, cause: Cause | None) -> None:
    found = progress(facts)
    assert (found.state, found.cause) == (state, cause)
    assert found.sentence.endswith(".")


def test_a_surge_pod_without_gpus_waits_for_ever() -> None:
    found = progress(of_pod(PENDING, replace(MOVING, surge=1, unavailable=0)))
    assert found.sentence == (
        "Pod chat-2 is Pending for 5m; no old pod may go first (maxUnavailable 0) and no GPU is "
        "free for one more (maxSurge 1), so it waits for ever."
    )
    assert found.evidence == (PENDING.unschedulable,)
    may_go = progress(of_pod(PENDING, replace(MOVING, surge=1, unavailable=1)))
    assert may_go.sentence == "Pod chat-2 is Pending for 5m for want of a free GPU."


@pytest.mark.parametrize("phase", [Phase.OVERDUE, Phase.PROGRESSING])
def test_loading_within_the_probes_limit_is_not_stuck_even_past_the_deadline(phase: Phase) -> None:
    found = progress(of_pod(LOADING, Facts(phase, since_progress=900)))
    assert found.state is State.LOADING
    assert found.sentence == (
        "Pod chat-2 loads for 15m of 30m allowed. "
        "The progress deadline has passed: it is too short for this model."
    )


def test_what_a_pod_says_comes_before_the_deadline() -> None:
    facts = replace(Facts(Phase.OVERDUE), pods=(LOADING, NewPod("p", waiting="ErrImagePull")))
    assert progress(facts).cause is Cause.IMAGE


def test_the_deadline_is_told_with_the_controllers_words() -> None:
    facts = Facts(Phase.OVERDUE, since_progress=660, reason="timed out progressing")
    found = progress(facts)
    assert found.sentence == "No progress for 11m; the deadline is 10m."
    assert found.evidence == ("timed out progressing",)
    assert "an unknown time" in progress(Facts(Phase.OVERDUE)).sentence


def test_patience_can_be_set() -> None:
    assert progress(of_pod(PENDING), Patience(pending=600)).state is State.MOVING
