"""What is no failure of the service: stopped, no traffic, or mtop itself does not see it."""

from __future__ import annotations

from mtop_tui.domain.diagnosis.facts import ServiceFacts
from mtop_tui.domain.diagnosis.findings import Depth, Evidence, Finding
from mtop_tui.domain.diagnosis.wording import kubectl, named, quoted, replicas, seconds
from mtop_tui.domain.readiness import is_ready

SOURCE_STALE = 60.0
"""Seconds without contact after which what is known of a service may be over."""

SAMPLE_STALE = 45.0
"""Seconds without a sample after which a replica's figures say nothing of now."""

_UNTRUSTED = ("stale", "disconnected", "error", "forbidden")


def stopped(facts: ServiceFacts) -> Finding | None:
    """It was stopped on purpose."""
    told = next(
        (
            condition
            for condition in facts.conditions
            if (condition.type == "Stopped" and condition.status == "True")
            or (condition.type == "Ready" and condition.reason == "Stopped")
        ),
        None,
    )
    if not facts.stopped and told is None:
        return None
    source = "spec" if told is None else f"condition {told.type}"
    return Finding(
        id="stopped",
        sentence="Stopped on purpose: no replicas are wanted",
        short="stopped on purpose",
        evidence=(Evidence("stopped", "true", source),),
        next_step="The annotation serving.kserve.io/stop says so: "
        + kubectl(facts, f"get {facts.resource} -o yaml", facts.name),
        severity="info",
        confidence="certain",
        depth=Depth.CONFIG,
    )


def stale_source(facts: ServiceFacts) -> Finding | None:
    """The source is silent or broken: what is shown was true when it last spoke."""
    source = facts.source
    silent = source.age is not None and source.age >= SOURCE_STALE
    if source.state not in _UNTRUSTED and not silent:
        return None
    state = source.state if source.state in _UNTRUSTED else "silent"
    since = "" if source.age is None else f", last heard of {seconds(source.age)} ago"
    detail = quoted(source.detail, 80)
    return Finding(
        id="stale-source",
        sentence=f"The data is not current: the source is {state}{since}"
        + (f" ({detail})" if detail else ""),
        short=f"source {state}",
        evidence=(Evidence("source", state, detail or "source health"),),
        next_step="Look at the connection: kubectl get --raw /readyz",
        severity="warning",
        confidence="certain",
        depth=Depth.SOURCE,
    )


def stale_samples(facts: ServiceFacts) -> Finding | None:
    """Ready replicas whose metrics stopped coming, while the source itself is heard of.

    One that became ready a moment ago is not late: before, it had nothing to send.
    """
    silent = [
        (one.figures.sample_age, one.name)
        for one in facts.replicas
        if one.record.phase == "ready"
        and one.figures.sample_age is not None
        and one.figures.sample_age > SAMPLE_STALE
        and (one.record.since is None or facts.now - one.record.since > SAMPLE_STALE)
    ]
    if not silent or stale_source(facts) is not None:
        return None
    oldest = max(age for age, _ in silent)
    names = tuple(name for _, name in silent)
    return Finding(
        id="stale-samples",
        sentence=f"No metrics of {named(names)} for {seconds(oldest)}, though ready",
        short=f"no metrics of {replicas(len(names))}",
        evidence=tuple(Evidence("sample age", seconds(age), name) for age, name in silent[:3]),
        next_step="Ask its metrics page: "
        + kubectl(
            facts,
            "get --raw",
            f"/api/v1/namespaces/{facts.namespace}/pods/{names[0]}:8000/proxy/metrics",
        ),
        severity="warning",
        confidence="certain",
        depth=Depth.BALANCE,
        subjects=names,
    )


def no_traffic(facts: ServiceFacts) -> Finding | None:
    """It is ready and nobody asks: no fault, but latencies are unknown."""
    figures = facts.figures
    if figures.request_rate != 0 or figures.running != 0 or figures.waiting != 0:
        return None
    if is_ready(facts.conditions) is False:
        return None
    evidence = [Evidence("requests", "0 per s", "service")]
    weight = None
    if facts.route is not None:
        weight = next((m.weight for m in facts.route.members if m.service == facts.name), None)
        if weight == 0:
            evidence.append(Evidence("weight", "0", f"route group {facts.route.group}"))
    return Finding(
        id="no-traffic",
        sentence="No requests: latency and errors are unknown"
        + (" (its weight in the route group is 0)" if weight == 0 else ""),
        short="no requests",
        evidence=tuple(evidence),
        next_step="If requests are expected: " + kubectl(facts, "get httproute"),
        severity="info",
        confidence="certain",
        depth=Depth.SYMPTOM,
    )
