"""Why a service that runs is slow or fails requests."""

from __future__ import annotations

from mtop_tui.domain.diagnosis.causes.latency import high_tpot
from mtop_tui.domain.diagnosis.causes.phrasing import (
    IDLE,
    QUEUE_LEAST,
    queued,
    serving_finding,
)
from mtop_tui.domain.diagnosis.facts import ServiceFacts, ServiceFigures, total
from mtop_tui.domain.diagnosis.findings import Depth, Evidence, Finding, Severity
from mtop_tui.domain.diagnosis.wording import kubectl, percent, rate, replicas, seconds

KV_FULL = 0.95
"""Share of the KV cache from which on preemptions tell of saturation, as the alert has it."""

GROWTH_LEAST = 0.1
"""Requests per second by which a queue has to grow: 6 a minute."""

HITS_BEFORE, HITS_LOST = 0.2, 0.5
"""A prefix cache collapses when a hit ratio of at least the first loses the second share of it."""

SLOWER = 2.0
"""Times its baseline at which a KV transfer is slow."""

OTHER_PROMPTS = 2.0
"""Times the usual length from which on prompts are others, of which no cache can know much."""

ERRORS_LEAST = 0.05

BOUND = 5.0
"""Times longer the queue of one half of a disaggregated service has to be, per ready replica."""


def kv_saturation(facts: ServiceFacts) -> Finding | None:
    """The KV cache is full and requests are preempted; full without preemptions is no fault."""
    figures = facts.figures
    usage, preemptions = figures.kv_usage, figures.preemption_rate
    if usage is None or preemptions is None or usage < KV_FULL or preemptions <= 0:
        return None
    full = [
        one.name
        for one in facts.replicas
        if (one.figures.kv_usage or 0) >= KV_FULL and (one.figures.preemption_rate or 0) > 0
    ]
    where = f" on {replicas(len(full))}" if full else ""
    return serving_finding(
        facts,
        id="kv-saturation",
        sentence=f"The KV cache is full{where}: {percent(usage)}, {rate(preemptions)} preemptions; "
        "requests start over",
        short=f"KV cache {percent(usage)} with {rate(preemptions)[:-2]} preemptions/s",
        evidence=(
            Evidence("KV cache usage", percent(usage), "fullest replica"),
            Evidence("preemptions", rate(preemptions), "service"),
        ),
        next_step="Add replicas, shorten max-model-len, or lower max-num-seqs",
        depth=Depth.CACHE,
    )


def queue_growth(facts: ServiceFacts) -> Finding | None:
    """Requests wait: the queue grows, or is longer than what runs.

    A queue that shrinks is a backlog being worked off, a warning only.
    """
    figures = facts.figures
    waiting, running, growth = figures.waiting, figures.running, figures.waiting_growth
    if waiting is None or not queued(facts):
        return None
    grows = growth is not None and growth >= GROWTH_LEAST
    if not grows and (running is None or waiting <= running):
        return None
    evidence = [Evidence("waiting", f"{waiting:.0f}", "service")]
    if running is not None:
        evidence.append(Evidence("running", f"{running:.0f}", "service"))
    if growth is not None:
        evidence.append(Evidence("growth", f"{growth:+.2f}/s", "service"))
    severity: Severity = "critical" if grows else "warning"
    if growth is not None and grows:
        how = f"grows by {rate(growth)}: more arrives than it can serve"
    elif growth is not None and growth < 0:
        how = f"shrinks by {rate(-growth)}, empty in {seconds(waiting / -growth)}"
    else:
        how = f"is longer than the {running:.0f} that run"
    return serving_finding(
        facts,
        id="queue-growth",
        sentence=f"{waiting:.0f} requests wait; the queue {how}",
        short=f"queue {waiting:.0f}",
        evidence=tuple(evidence),
        next_step="Add replicas or shed load",
        depth=Depth.QUEUE,
        severity=severity,
        confidence="certain" if grows else "likely",
    )


def prefix_collapse(facts: ServiceFacts) -> Finding | None:
    """The prefix cache hit ratio fell to less than half of what it was, for prompts as usual.

    Where the KV cache is full, that is why: prefixes are evicted to make room.
    """
    now, before = facts.figures.prefix_hit_ratio, facts.figures.prefix_hit_ratio_baseline
    if now is None or before is None or before < HITS_BEFORE or now > before * (1 - HITS_LOST):
        return None
    if _has_other_prompts(facts.figures):
        return None
    return serving_finding(
        facts,
        id="prefix-collapse",
        sentence=f"Prefix cache hits fell from {percent(before)} to {percent(now)}: "
        "prompts are computed again",
        short=f"prefix hits {percent(before)} → {percent(now)}",
        evidence=(
            Evidence("prefix hit ratio", percent(now), "service"),
            Evidence("before", percent(before), "service"),
        ),
        next_step="Look for a restarted or cache-blind router and for new prompts: "
        + kubectl(
            facts, "get pods -l app.kubernetes.io/component=llminferenceservice-router-scheduler"
        ),
        depth=Depth.BALANCE if kv_saturation(facts) is None else Depth.QUEUE,
        confidence="likely",
    )


def disaggregation_imbalance(facts: ServiceFacts) -> Finding | None:
    """One half of a prefill/decode service has the queue, the other has little to do."""
    halves = {}
    for role in ("prefill", "decode"):
        ready = [
            one for one in facts.replicas if one.record.role == role and one.record.phase == "ready"
        ]
        waiting = total(one.figures.waiting for one in ready)
        if not ready or waiting is None:
            return None
        halves[role] = (waiting, waiting / len(ready), len(ready))
    busy, idle = sorted(halves, key=lambda role: halves[role][1], reverse=True)
    if halves[busy][0] < QUEUE_LEAST or halves[busy][1] < BOUND * max(halves[idle][1], 0.5):
        return None
    counts = f"{halves[busy][2]} {busy} and {halves[idle][2]} {idle} replicas"
    return serving_finding(
        facts,
        id="pd-imbalance",
        sentence=f"{busy.capitalize()} holds up {idle}: {halves[busy][0]:.0f} wait there, "
        f"{halves[idle][0]:.0f} at {idle}, with {counts}",
        short=f"{busy} is the bottleneck",
        evidence=tuple(
            Evidence("waiting", f"{halves[role][0]:.0f} at {halves[role][2]}", f"{role} pool")
            for role in (busy, idle)
        ),
        next_step=f"Move replicas from {idle} to {busy}",
        depth=Depth.BALANCE,
        confidence="likely",
    )


def _has_other_prompts(figures: ServiceFigures) -> bool:
    """Whether prompts are much longer than usual."""
    prompts, requests = figures.prompt_rate, figures.request_rate
    before, came = figures.prompt_rate_baseline, figures.request_rate_baseline
    if prompts is None or not requests or before is None or not came:
        return False
    return prompts / requests > OTHER_PROMPTS * before / came


def kv_transfer(facts: ServiceFacts) -> Finding | None:
    """The KV cache reaches the decode half slowly, or not at all."""
    figures = facts.figures
    failures, time = figures.kv_transfer_failure_rate, figures.kv_transfer_time
    before = figures.kv_transfer_time_baseline
    failing = failures is not None and failures > 0
    slow = time is not None and before is not None and before > 0 and time >= SLOWER * before
    if not failing and not slow:
        return None
    words = [f"{rate(failures)} fail"] if failures else []
    words += [f"take {seconds(time)}, before {seconds(before)}"] if slow and time and before else []
    return serving_finding(
        facts,
        id="kv-transfer",
        sentence=f"KV transfers from prefill to decode: {', '.join(words)}",
        short="KV transfer " + ("fails" if failing else "slow"),
        evidence=tuple(Evidence("KV transfer", word, "service") for word in words),
        next_step="Look at the network between the nodes: " + kubectl(facts, "get pods -o wide"),
        depth=Depth.BALANCE,
        confidence="likely",
    )


def front_end_bound(facts: ServiceFacts) -> Finding | None:
    """Requests wait while GPUs and KV cache have room: the limit is the CPU side."""
    figures = facts.figures
    waiting, usage, busy = figures.waiting, figures.kv_usage, figures.gpu_utilisation
    if waiting is None or usage is None or busy is None:
        return None
    if not queued(facts) or usage > 0.5 or busy > IDLE:
        return None
    if high_tpot(facts) is not None:
        return None  # then steps are slow, which is nearer than that requests wait for them
    return serving_finding(
        facts,
        id="front-end-bound",
        sentence=f"{waiting:.0f} requests wait though GPUs are {percent(busy)} busy and the KV "
        f"cache {percent(usage)} full: the CPU side seems the limit",
        short="CPU side is the limit",
        evidence=(
            Evidence("waiting", f"{waiting:.0f}", "service"),
            Evidence("GPU utilisation", percent(busy), "DCGM"),
            Evidence("KV cache usage", percent(usage), "fullest replica"),
        ),
        next_step="Look at CPU limits and API server processes: " + kubectl(facts, "top pods"),
        depth=Depth.BALANCE,
        confidence="possible",
    )


def high_errors(facts: ServiceFacts) -> Finding | None:
    """Requests fail, 5 % or more of those that ended; with GPUs half idle, not for load."""
    ratio, busy = facts.figures.error_ratio, facts.figures.gpu_utilisation
    if ratio is None or ratio < ERRORS_LEAST:
        return None
    return serving_finding(
        facts,
        id="high-errors",
        sentence=f"{percent(ratio)} of requests fail",
        short=f"errors {percent(ratio)}",
        evidence=(Evidence("error ratio", percent(ratio), "service"),),
        next_step="See what is logged: "
        + kubectl(facts, "logs -c main --tail=50 -l", f"app.kubernetes.io/name={facts.name}"),
        depth=Depth.SYMPTOM if busy is None or busy > IDLE else Depth.BALANCE,
        severity="critical",
    )
