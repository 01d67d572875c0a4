"""What to do next about a rollout, in one sentence: the list of reasons is in order of weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mtop_tui.domain.durations import short_duration
from mtop_tui.domain.rollouts.canary import MetricVerdict, Verdict, overall
from mtop_tui.domain.rollouts.stuck import Cause, Progress, State

_UNSTICK: Mapping[Cause, str] = MappingProxyType(
    {
        Cause.NO_GPU: "Free GPUs, or let an old pod go first: maxUnavailable 1 with maxSurge 0.",
        Cause.UNSCHEDULABLE: "Make room where it may run: the scheduler's message says what lacks.",
        Cause.IMAGE: "Correct the image's name or its pull secret, then roll out again.",
        Cause.CRASH_LOOP: "Read the logs of the container before the last restart; or roll back.",
        Cause.QUOTA: "Raise the namespace's quota, or lower maxSurge.",
        Cause.PROBE: "Let the start-up probe wait longer than the model loads.",
        Cause.DEADLINE: "Look at what the newest pod says of itself; or roll back.",
        Cause.CONTROLLER: "See whether KServe's controller runs: it has not seen the change.",
    }
)


@dataclass(frozen=True)
class Situation:
    """What is known of a rollout of two versions.

    `shares` are parts of the traffic, 0 to 1, None where no weights are set. `verdicts` are empty
    when nothing was compared; `was_worse` names metrics by which it was worse when that could last
    be said. With `mirrored`, the new one gets copies that nobody reads; with `at_once`, all
    requests move to it together.
    """

    stable: str
    canary: str | None
    progress: Progress
    stable_share: float | None = None
    canary_share: float | None = None
    verdicts: Sequence[MetricVerdict] = ()
    was_worse: Sequence[str] = ()
    mirrored: bool = False
    at_once: bool = False


def next_step(situation: Situation) -> str:
    """What to do next; what cannot be helped is waited for, and that is said too."""
    progress = situation.progress
    if situation.canary is None:
        return "Nothing: one version serves."
    if progress.state is State.STUCK and progress.cause is not None:
        return _UNSTICK.get(progress.cause, "Look at what the newest pod says of itself.")
    verdict = overall(situation.verdicts)
    if verdict is Verdict.WORSE or (situation.was_worse and verdict is Verdict.NOT_COMPARABLE):
        return _against(situation)
    if progress.state is State.HELD:
        if progress.cause is Cause.ABORTED:
            return "Find out why it was aborted before it is tried again."
        return "It is paused on purpose: let it go on, or roll back."
    if progress.state is State.LOADING:
        return "Wait: it loads within what its probe allows."
    if situation.mirrored:
        return f"Stop the copies once enough is seen: {situation.canary} serves nobody."
    if situation.canary_share is None and situation.at_once:
        return "Wait: all requests move at once when every new replica is ready."
    if situation.canary_share is None:
        return "Wait: replicas are replaced one after another."
    return _by_weight(situation, situation.canary_share, verdict)


def _against(situation: Situation) -> str:
    worse = [one.metric for one in situation.verdicts if one.verdict is Verdict.WORSE]
    is_worse = "is" if worse else "was"
    why = f"{situation.canary} {is_worse} worse by {' and '.join(worse or situation.was_worse)}"
    if situation.mirrored:
        return f"{why}: do not roll it out."
    if situation.canary_share is None:
        return f"{why}: roll back."
    if situation.canary_share == 0:
        return f"{why}: give it no traffic before the cause is found."
    return f"{why}: take its traffic back, set its weight to 0."


def _by_weight(situation: Situation, share: float, verdict: Verdict) -> str:
    if share == 0:
        return f"Give {situation.canary} some traffic: without, nothing can be compared."
    if share == 1:
        return f"Stop {situation.stable} once it has nothing left to do: both are paid for."
    said = {one.verdict for one in situation.verdicts}
    if Verdict.NOT_ENOUGH_DATA in said or not said:
        return f"Wait: {_missing(situation.verdicts)}."
    reasons = [reason for one in situation.verdicts for reason in one.reasons]
    if verdict is not Verdict.NOT_COMPARABLE or not reasons:
        return f"Give {situation.canary} more traffic: nothing speaks against it."
    if len(said) > 1:
        return f"Nothing speaks against it, though not all is comparable: {reasons[0]}."
    return f"Make both sides alike to compare them: {reasons[0]}."


def _missing(verdicts: Sequence[MetricVerdict]) -> str:
    times = [one.more_seconds for one in verdicts if one.more_seconds is not None]
    if times:
        return f"requests enough for a verdict in about {short_duration(max(times))}"
    return "too few requests for a verdict so far"
