"""What the findings about serving have in common."""

from __future__ import annotations

from mtop_tui.domain.diagnosis.facts import ServiceFacts
from mtop_tui.domain.diagnosis.findings import Confidence, Depth, Evidence, Finding, Severity
from mtop_tui.domain.diagnosis.wording import kubectl

QUEUE_LEAST = 10.0
"""Requests that have to wait before one speaks of a queue."""

IDLE = 0.5
"""Mean utilisation up to which GPUs are not what work waits for."""


def queued(facts: ServiceFacts) -> bool:
    """Whether more requests wait than a burst leaves behind."""
    figures = facts.figures
    least = figures.waiting if figures.waiting_least is None else figures.waiting_least
    return least is not None and least >= QUEUE_LEAST


def serving_finding(
    facts: ServiceFacts,
    *,
    id: str,  # noqa: A002 - the field's name
    sentence: str,
    short: str,
    evidence: tuple[Evidence, ...],
    next_step: str,
    depth: Depth,
    severity: Severity = "warning",
    confidence: Confidence = "certain",
    subjects: tuple[str, ...] = (),
) -> Finding:
    """A finding whose next step ends with a command, by default the one that shows the service."""
    if "kubectl" not in next_step:
        next_step += ": " + kubectl(facts, f"get {facts.resource}", facts.name)
    return Finding(
        id=id,
        sentence=sentence,
        short=short,
        evidence=evidence,
        next_step=next_step,
        severity=severity,
        confidence=confidence,
        depth=depth,
        subjects=subjects,
    )
