"""Why a replica finds no place: GPUs, memory, placement rules, volumes, quota."""

from __future__ import annotations

import re
from typing import NamedTuple

from mtop_tui.domain.diagnosis.current import live_events
from mtop_tui.domain.diagnosis.facts import ServiceFacts
from mtop_tui.domain.diagnosis.findings import Depth, Evidence, Finding
from mtop_tui.domain.diagnosis.wording import elapsed, kubectl, named, quoted, replicas

_GPU = re.compile(
    r"Insufficient \S*(?:gpu|mig-|nvidia\.com/|amd\.com/|gaudi)|resourceclaim|all claims"
)
_MEMORY_OR_CPU = re.compile(r"Insufficient (?:memory|cpu|ephemeral-storage)")
_RULES = re.compile(
    r"node affinity|node selector|untolerated taint|had taint|topology spread|affinity rules"
)
_VOLUME = re.compile(r"PersistentVolumeClaim|persistentvolumeclaim|volume node affinity")


class Waiting(NamedTuple):
    """Replicas the scheduler finds no place for, and what it says of one of them."""

    pods: tuple[str, ...]
    message: str
    since: float | None
    source: str


def unschedulable(facts: ServiceFacts) -> Waiting | None:
    """What waits for a place: by the replicas themselves, or by events when they do not say."""
    waiting = [one for one in facts.replicas if one.record.reason == "Unschedulable"]
    if waiting and any(one.record.message for one in waiting):
        told = next(one for one in waiting if one.record.message)
        return Waiting(
            tuple(one.name for one in waiting),
            told.record.message,
            told.record.since,
            f"pod {told.name}, condition PodScheduled",
        )
    events = list(live_events(facts, ("FailedScheduling",)))
    if not events:
        return None
    last = max(events, key=lambda event: event.at)
    pods = tuple(dict.fromkeys(event.involved.name for event in events))
    return Waiting(pods, last.message, None, f"event FailedScheduling of {last.involved.name}")


def no_gpu(facts: ServiceFacts) -> Finding | None:
    """No node has the GPUs a replica asks for (device plugin, MIG or resource claims)."""
    waiting = unschedulable(facts)
    if waiting is None or not _GPU.search(_reasons(waiting.message)):
        return None
    free = facts.cluster.free_gpus
    evidence = [Evidence("scheduler", quoted(waiting.message), waiting.source)]
    asked = _asked(facts, waiting)
    wish = f" {asked} free GPUs" if asked else " the GPUs it asks for"
    if free is not None:
        left = ", ".join(f"{count} {kind}" for kind, count in free if count) or "none"
        evidence.append(Evidence("free GPUs", left, "nodes"))
        wish += f" (free in the cluster: {left})"
    count = len(waiting.pods)
    return _finding(
        facts,
        waiting,
        id="no-gpu",
        sentence=f"{replicas(count)} cannot be scheduled: no node has"
        f"{wish}{elapsed(waiting.since, facts.now)}",
        short=f"no GPU for {replicas(count)}",
        evidence=tuple(evidence),
        next_step="Free or add GPUs; who holds them: kubectl describe nodes | grep -A8 Allocated",
    )


def no_memory_or_cpu(facts: ServiceFacts) -> Finding | None:
    """GPUs would do, but memory, CPU or disk of the nodes does not."""
    waiting = unschedulable(facts)
    if waiting is None:
        return None
    found = _MEMORY_OR_CPU.search(_reasons(waiting.message))
    if found is None or _GPU.search(_reasons(waiting.message)):
        return None
    what = found[0].removeprefix("Insufficient ")
    return _finding(
        facts,
        waiting,
        id="no-memory-or-cpu",
        sentence=f"{replicas(len(waiting.pods))} cannot be scheduled: no node has enough {what}",
        short=f"no node with enough {what}",
    )


def placement_rules(facts: ServiceFacts) -> Finding | None:
    """Taints, affinity or node selectors leave no node, whatever is free on them."""
    waiting = unschedulable(facts)
    if waiting is None:
        return None
    reasons = _reasons(waiting.message)
    found = _RULES.search(reasons)
    if found is None or _GPU.search(reasons) or _MEMORY_OR_CPU.search(reasons):
        return None
    rule = "taints" if "taint" in found[0] else "node selector or affinity rules"
    return _finding(
        facts,
        waiting,
        id="placement-rules",
        sentence=f"{replicas(len(waiting.pods))} cannot be scheduled: {rule} leave no node",
        short=f"{rule} leave no node",
    )


def volume_pending(facts: ServiceFacts) -> Finding | None:
    """A volume claim is not bound, or a volume cannot be attached or mounted."""
    claims = [c for c in facts.children if c.kind == "PersistentVolumeClaim"]
    pending = [claim.name for claim in claims if claim.phase in ("Pending", "Lost")]
    events = [
        *live_events(facts, ("ProvisioningFailed", "FailedMount", "FailedAttachVolume")),
        *(e for e in live_events(facts, ("FailedScheduling",)) if _VOLUME.search(e.message)),
    ]
    if not pending and not events:
        return None
    evidence = [Evidence("claim", f"{name} is not bound", "PVC status") for name in pending]
    evidence += [Evidence("event", quoted(e.message), f"event {e.reason}") for e in events[:3]]
    subject = pending[0] if pending else events[0].involved.name
    what = f"claim {named(pending)} is not bound" if pending else quoted(events[0].message, 80)
    return Finding(
        id="volume-pending",
        sentence=f"A volume is not there: {what}",
        short="volume not there",
        evidence=tuple(evidence),
        next_step=kubectl(facts, "describe pvc", *pending[:1])
        if pending
        else kubectl(facts, "describe pod", subject),
        severity="critical",
        confidence="certain",
        depth=Depth.PLACEMENT,
    )


def quota(facts: ServiceFacts) -> Finding | None:
    """The namespace's quota, or an admission policy, refuses to create pods."""
    refused = [e.message for e in live_events(facts, ("FailedCreate",))]
    refused += [
        condition.message
        for child in facts.children
        for condition in child.conditions
        if condition.type == "ReplicaFailure" and condition.status == "True"
    ]
    if not refused:
        return None
    by_quota = "exceeded quota" in refused[0]
    return Finding(
        id="quota",
        sentence="Pods are not created: "
        + ("the quota of the namespace is used up" if by_quota else quoted(refused[0], 90)),
        short="quota used up" if by_quota else "pods are refused",
        evidence=(Evidence("refusal", quoted(refused[0]), "event FailedCreate"),),
        next_step=kubectl(facts, "describe resourcequota"),
        severity="critical",
        confidence="certain",
        depth=Depth.PLACEMENT,
    )


def _reasons(message: str) -> str:
    """The scheduler's reasons, without its outlook on preemption, which repeats the words."""
    return message.split(" preemption:", 1)[0]


def _asked(facts: ServiceFacts, waiting: Waiting) -> int | None:
    found = facts.replica(waiting.pods[0])
    return None if found is None else found.record.gpus


def _finding(
    facts: ServiceFacts,
    waiting: Waiting,
    *,
    id: str,  # noqa: A002 - the field's name
    sentence: str,
    short: str,
    evidence: tuple[Evidence, ...] = (),
    next_step: str = "",
) -> Finding:
    said = (Evidence("scheduler", quoted(waiting.message), waiting.source),)
    return Finding(
        id=id,
        sentence=sentence,
        short=short,
        evidence=evidence or said,
        next_step=next_step or kubectl(facts, "describe pod", waiting.pods[0]),
        severity="critical",
        confidence="certain",
        depth=Depth.PLACEMENT,
        subjects=waiting.pods,
    )
