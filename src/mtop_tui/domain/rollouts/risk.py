"""What may go wrong with a rollout, as a list: each item with its evidence, and no score.

The items are those of the design's list of rollout risks. An item whose facts are not known is
left out; it is never assumed to be fine or bad.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from mtop_tui.domain.durations import short_duration


class Severity(IntEnum):
    """How much an item weighs; the list is ordered by it."""

    NOTE = 1
    CAUTION = 2
    BLOCKS = 3


class Risk(NamedTuple):
    """One thing that may go wrong, in a sentence, with what it is based on."""

    severity: Severity
    sentence: str
    evidence: str


@dataclass(frozen=True)
class Plan:
    """What is known before or during a rollout; None where it is not.

    GPUs are counts of `gpu_type`. `load_median` and `load_p90` are the times from scheduled to
    ready of this service's last pods, with pull and load; seconds. `capacity` and `load` are
    requests per second: of one replica within its objectives, and of the service now.
    `budget_left` and `expected_loss` are parts of the error budget. `changes` names what differs
    (image, model, arguments, tensor parallelism, engine version). `probe_limit` is how long the
    start-up probe waits. `both_per_hour` is the cost of the second version in dollars an hour,
    `both_for` for how long it runs. `old_is_stopped` says that going back needs a fresh start.
    """

    replicas: int | None = None
    surge: int | None = None
    unavailable: int | None = None
    gpus_per_replica: int | None = None
    gpu_type: str = ""
    free_gpus: int | None = None
    image_cached: bool | None = None
    model_cached: bool | None = None
    load_median: float | None = None
    load_p90: float | None = None
    capacity: float | None = None
    load: float | None = None
    budget_left: float | None = None
    expected_loss: float | None = None
    changes: Sequence[str] = ()
    new_buckets: bool | None = None
    quota_left: int | None = None
    preemptible_by: str = ""
    probe_limit: float | None = None
    autoscaler_minimum: int | None = None
    autoscaler_maximum: int | None = None
    both_per_hour: float | None = None
    both_for: float | None = None
    old_is_stopped: bool | None = None


def risks(plan: Plan) -> list[Risk]:
    """All that may go wrong, the gravest first."""
    found = [risk for check in _CHECKS if (risk := check(plan)) is not None]
    return sorted(found, key=lambda risk: -risk.severity)


def _surge(plan: Plan) -> Risk | None:
    """A surge that finds no GPUs hangs when no old replica may go first."""
    if plan.surge is None or plan.gpus_per_replica is None or plan.free_gpus is None:
        return None
    needed = plan.surge * plan.gpus_per_replica
    if needed <= plan.free_gpus:
        return None
    kind = f" {plan.gpu_type}" if plan.gpu_type else ""
    evidence = f"needs {needed}{kind} for maxSurge {plan.surge}, {plan.free_gpus} free"
    if plan.unavailable == 0 and plan.free_gpus < plan.gpus_per_replica:
        return Risk(
            Severity.BLOCKS, "It will hang: no GPU is free for the first new pod.", evidence
        )
    return Risk(Severity.CAUTION, "Not all surge pods find GPUs; it will be slower.", evidence)


def _not_cached(plan: Plan) -> Risk | None:
    missing = [
        what
        for what, cached in (("image", plan.image_cached), ("model", plan.model_cached))
        if cached is False
    ]
    if not missing:
        return None
    times = (("median", plan.load_median), ("p90", plan.load_p90))
    known = [f"{what} {short_duration(time)}" for what, time in times if time is not None]
    evidence = f"last pods: {', '.join(known)}" if known else "no load times of earlier pods known"
    return Risk(Severity.CAUTION, f"The {' and the '.join(missing)} must be fetched.", evidence)


def _none_to_spare(plan: Plan) -> Risk | None:
    if plan.replicas is None or plan.unavailable is None:
        return None
    left = max(0, plan.replicas - plan.unavailable)
    if plan.capacity is None or plan.load is None or plan.load <= left * plan.capacity:
        return None
    return Risk(
        Severity.CAUTION,
        "No replica to spare: what is left meanwhile cannot carry the load.",
        f"{left} x {plan.capacity:g} req/s against {plan.load:g} req/s",
    )


def _budget(plan: Plan) -> Risk | None:
    left, loss = plan.budget_left, plan.expected_loss
    if left is None or loss is None or loss <= left:
        return None
    return Risk(
        Severity.CAUTION,
        "The error budget does not cover the expected loss.",
        f"{left:.0%} of the budget left, {loss:.0%} expected to be lost",
    )


def _many_changes(plan: Plan) -> Risk | None:
    if len(plan.changes) < 2:
        return None
    return Risk(
        Severity.NOTE,
        f"{len(plan.changes)} things change at once: a fault will not tell which.",
        ", ".join(plan.changes),
    )


def _new_buckets(plan: Plan) -> Risk | None:
    if not plan.new_buckets:
        return None
    sentence = "Its latency buckets differ: objectives and comparison use the common edges only."
    return Risk(Severity.NOTE, sentence, "bucket edges of both versions")


def _quota(plan: Plan) -> Risk | None:
    if plan.quota_left is None or plan.surge is None or plan.gpus_per_replica is None:
        return None
    needed = plan.surge * plan.gpus_per_replica
    if needed <= plan.quota_left:
        return None
    return Risk(
        Severity.BLOCKS,
        "The quota refuses the surge pods.",
        f"needs {needed} GPUs, the quota leaves {plan.quota_left}",
    )


def _preemption(plan: Plan) -> Risk | None:
    if not plan.preemptible_by:
        return None
    return Risk(Severity.CAUTION, "New pods may be preempted.", plan.preemptible_by)


def _probe(plan: Plan) -> Risk | None:
    if plan.probe_limit is None:
        return None
    for what, time, severity in (
        ("median", plan.load_median, Severity.BLOCKS),
        ("p90", plan.load_p90, Severity.CAUTION),
    ):
        if time is not None and time > plan.probe_limit:
            evidence = f"{what} {short_duration(time)}, probe {short_duration(plan.probe_limit)}"
            return Risk(severity, "The probe kills pods that are still loading.", evidence)
    return None


def _autoscaler(plan: Plan) -> Risk | None:
    low, high, replicas = plan.autoscaler_minimum, plan.autoscaler_maximum, plan.replicas
    if replicas is None:
        return None
    if low is not None and replicas < low:
        evidence = f"{replicas} replicas, minimum {low}"
        return Risk(Severity.NOTE, "The autoscaler will add replicas during it.", evidence)
    if high is not None and replicas > high:
        evidence = f"{replicas} replicas, maximum {high}"
        return Risk(Severity.CAUTION, "The autoscaler will take replicas away.", evidence)
    return None


def _double_cost(plan: Plan) -> Risk | None:
    if plan.both_per_hour is None:
        return None
    evidence = f"${plan.both_per_hour:.2f}/h more"
    if plan.both_for is not None:
        total = plan.both_per_hour * plan.both_for / 3600
        evidence += f" for {short_duration(plan.both_for)}: ${total:.2f}"
    else:
        evidence += ", no end set"
    return Risk(Severity.NOTE, "Both versions are paid for while they run.", evidence)


def _way_back(plan: Plan) -> Risk | None:
    if not plan.old_is_stopped:
        return None
    time = plan.load_p90 if plan.load_p90 is not None else plan.load_median
    evidence = f"about {short_duration(time)}" if time is not None else "load time not known"
    return Risk(Severity.CAUTION, "Going back needs a restart and a load of the old one.", evidence)


_CHECKS: tuple[Callable[[Plan], Risk | None], ...] = (
    _surge,
    _not_cached,
    _none_to_spare,
    _budget,
    _many_changes,
    _new_buckets,
    _quota,
    _preemption,
    _probe,
    _autoscaler,
    _double_cost,
    _way_back,
)
