"""Why an autoscaler does not do what the load asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from mtop_tui.domain.diagnosis.current import live_events
from mtop_tui.domain.diagnosis.facts import AutoscalerFacts, ScaleChange, ServiceFacts
from mtop_tui.domain.diagnosis.findings import Depth, Evidence, Finding
from mtop_tui.domain.diagnosis.wording import kubectl, quoted
from mtop_tui.domain.durations import short_duration
from mtop_tui.domain.records import ConditionRecord

FLAP_WINDOW = 1800.0
FLAP_TURNS = 3
"""Turns from up to down or back within the window from which on an autoscaler flaps."""

_CRD = ("ScalingCRDNotFound",)
_METRIC = (
    "FailedGetExternalMetric",
    "FailedGetPodsMetric",
    "FailedGetResourceMetric",
    "TriggerError",
)
_BROKEN = ("FailedGetScale", "FailedUpdateScale", "ReconcileScalingError", "InvalidSelector")


def scaling_broken(facts: ServiceFacts) -> Finding | None:
    """The autoscaler cannot be created, cannot read its metric, or cannot set the scale."""
    for reasons, id_, words in (
        (_CRD, "scaling-crd", "its custom resource is missing"),
        (_METRIC, "scaling-metric", "its metric cannot be read"),
        (_BROKEN, "scaling-broken", "it cannot read or set the scale"),
    ):
        told = [
            Evidence(condition.reason, quoted(condition.message), where)
            for condition, where in _conditions(facts)
            if condition.status != "True" and condition.reason in reasons
        ]
        told += [
            Evidence(event.reason, quoted(event.message), f"event {event.reason}")
            for event in live_events(facts, reasons)
        ]
        if told:
            longest = max(told, key=lambda evidence: len(evidence.value))
            return _finding(
                facts,
                id=id_,
                sentence=f"Autoscaling does not work: {words}"
                + (f" ({quoted(longest.value, 90)})" if longest.value else ""),
                short=f"autoscaler broken: {words}",
                evidence=(longest,),
                critical=True,
            )
    return None


def pinned(facts: ServiceFacts) -> Finding | None:
    """At its maximum while requests wait, or while the autoscaler itself says it wants more."""
    for scaler in facts.autoscalers:
        record = scaler.record
        if record.maximum is None or record.desired is None or record.desired < record.maximum:
            continue
        limited = any(
            c.type == "ScalingLimited" and c.status == "True" and c.reason == "TooManyReplicas"
            for c in record.conditions
        )
        waiting = facts.figures.waiting
        if not limited and (waiting is None or waiting < 1):
            continue
        queue = f", {waiting:.0f} requests wait" if waiting else ""
        return _finding(
            facts,
            id="autoscaler-pinned",
            sentence=f"The autoscaler is at its maximum of {record.maximum} replicas{queue}",
            short=f"autoscaler at its maximum of {record.maximum}",
            evidence=(
                Evidence("desired / maximum", f"{record.desired} / {record.maximum}", record.role),
            ),
            depth=Depth.SCALE,
        )
    return None


def unmet(facts: ServiceFacts) -> Finding | None:
    """The autoscaler asks for more than there is."""
    for scaler in facts.autoscalers:
        record = scaler.record
        if record.desired is None or record.current is None or record.current >= record.desired:
            continue
        return _finding(
            facts,
            id="autoscaler-unmet",
            sentence=f"The autoscaler asks for {record.desired} replicas, "
            f"{record.current} are there",
            short=f"{record.current} of {record.desired} replicas",
            evidence=(
                Evidence("current / desired", f"{record.current} / {record.desired}", record.role),
            ),
            depth=Depth.SCALE,
        )
    return None


def flapping(facts: ServiceFacts) -> Finding | None:
    """It scales up and down in turns, at least `FLAP_TURNS` times within half an hour.

    To zero and back counts as thrashing: each return costs a cold start.
    """
    for scaler in facts.autoscalers:
        recent = [change for change in scaler.changes if facts.now - change.at <= FLAP_WINDOW]
        turns = _turns(recent)
        if turns < FLAP_TURNS:
            continue
        low = min(min(change.before, change.after) for change in recent)
        high = max(max(change.before, change.after) for change in recent)
        spent = short_duration(facts.now - recent[0].at)
        zero = low == 0
        return _finding(
            facts,
            id="scale-to-zero-thrash" if zero else "autoscaler-flapping",
            sentence=f"The autoscaler goes up and down: {low} to {high} replicas, {turns} turns in "
            f"{spent}" + ("; each return from 0 is a cold start" if zero else ""),
            short=f"autoscaler flaps {low} to {high}",
            evidence=tuple(_said(scaler, change, facts.now) for change in recent[-3:]),
        )
    return None


def _turns(changes: Sequence[ScaleChange]) -> int:
    directions = [change.after > change.before for change in changes]
    return sum(one != other for one, other in pairwise(directions))


def _said(scaler: AutoscalerFacts, change: ScaleChange, now: float) -> Evidence:
    ago = f"{short_duration(now - change.at)} ago"
    return Evidence("scaled", f"{change.before} to {change.after} {ago}", scaler.record.role)


def _conditions(facts: ServiceFacts) -> Iterator[tuple[ConditionRecord, str]]:
    for condition in facts.conditions:
        yield condition, f"condition {condition.type}"
    for scaler in facts.autoscalers:
        for condition in scaler.record.conditions:
            yield condition, f"autoscaler, {condition.type}"


def _finding(
    facts: ServiceFacts,
    *,
    id: str,  # noqa: A002 - the field's name
    sentence: str,
    short: str,
    evidence: tuple[Evidence, ...],
    critical: bool = False,
    depth: Depth = Depth.CONTROL,
) -> Finding:
    return Finding(
        id=id,
        sentence=sentence,
        short=short,
        evidence=evidence,
        next_step=kubectl(facts, "describe hpa"),
        severity="critical" if critical else "warning",
        confidence="certain",
        depth=depth,
    )
