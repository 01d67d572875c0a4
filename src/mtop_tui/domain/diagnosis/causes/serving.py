"""Why a service that runs is slow or fails requests."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

from mtop_tui.domain.diagnosis.facts import ReplicaFacts, ServiceFacts, total
from mtop_tui.domain.diagnosis.findings import Confidence, Depth, Evidence, Finding, Severity
from mtop_tui.domain.diagnosis.wording import kubectl, percent, rate, replicas, seconds

KV_FULL = 0.95
"""Share of the KV cache from which on preemptions tell of saturation, as the alert has it."""

QUEUE_LEAST = 10.0
"""Requests that have to wait before one speaks of a queue."""

GROWTH_LEAST = 0.1
"""Requests per second by which a queue has to grow: 6 a minute."""

HITS_BEFORE, HITS_LOST = 0.2, 0.5
"""A prefix cache collapses when a hit ratio of at least the first loses the second share of it."""

SLOWER = 2.0
"""Times its baseline at which a latency is worth naming; windowed p95 varies by less."""

PEERS_LEAST = 3
TPOT_OUTLIER, TTFT_OUTLIER = 1.25, 2.0
"""Times the peers' median from which on one replica is slow."""

AT_EQUAL_LOAD = 1.2
"""Times the peers' time per token it has to take for as many requests at once: sound replicas that
get twice the requests of their peers, as prefix-aware routing has it, stay below 1.12."""

BUSIER = 1.1
"""Times the peers' tokens from which on a replica is busier, so that its TTFT tells of that."""

DEVIATIONS, SPREAD_LEAST = 3.5, 0.03
"""An outlier lies that many robust standard deviations out; these are at least 3 % of the median.
3.5 is the usual cut for scores from the median absolute deviation (Iglewicz and Hoaglin)."""

_MAD_TO_DEVIATION = 1.4826

ERRORS_LEAST = 0.05
IDLE = 0.5
"""Mean utilisation up to which GPUs are not what work waits for."""

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
    return _serving(
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
    if waiting is None or waiting < QUEUE_LEAST:
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
    return _serving(
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
    """The prefix cache hit ratio fell to less than half of what it was."""
    now, before = facts.figures.prefix_hit_ratio, facts.figures.prefix_hit_ratio_baseline
    if now is None or before is None or before < HITS_BEFORE or now > before * (1 - HITS_LOST):
        return None
    return _serving(
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
        depth=Depth.BALANCE,
        confidence="likely",
    )


def slow_replica(facts: ServiceFacts) -> Finding | None:
    """One replica is a robust outlier among at least three peers of its role and revision.

    Its peers' median and median absolute deviation are taken without it. Time per output token is
    asked first, since TTFT also tells of routing. Neither convicts a replica that is slower because
    it does more: time per token is compared at equal load too, and TTFT counts only where it
    generates no more tokens than its peers.
    """
    groups: dict[tuple[str, str], list[ReplicaFacts]] = {}
    for one in facts.replicas:
        if one.record.phase == "ready":
            groups.setdefault((one.record.role, one.record.revision), []).append(one)
    for figure, factor, words in (
        ("tpot", TPOT_OUTLIER, "time per token"),
        ("ttft_p95", TTFT_OUTLIER, "TTFT p95"),
    ):
        for group in groups.values():
            known = [
                (value, one) for one in group if (value := getattr(one.figures, figure)) is not None
            ]
            found = _outlier(known, factor)
            if found is None or not _slow_for_its_load(figure, found[1], group):
                continue
            value, one, usual = found
            return _serving(
                facts,
                id="slow-replica",
                sentence=f"{one.name} is slow: {words} {seconds(value)}, "
                f"its {len(known) - 1} peers {seconds(usual)}",
                short=f"slow replica {one.name}",
                evidence=(
                    Evidence(words, seconds(value), one.name),
                    Evidence(f"{words}, median", seconds(usual), f"{len(known) - 1} peers"),
                ),
                next_step="Look at its node: " + kubectl(facts, "get pod -o wide", one.name),
                depth=Depth.BALANCE,
                confidence="likely",
                subjects=(one.name,),
            )
    return None


def _slow_for_its_load(figure: str, one: ReplicaFacts, group: Sequence[ReplicaFacts]) -> bool:
    """Whether more load is not what makes it slow; where tokens are not counted, nobody knows."""
    own = one.figures.generation_rate
    rates = [
        rate
        for other in group
        if other is not one and (rate := other.figures.generation_rate) is not None
    ]
    if own is None or not rates:
        return True
    if figure != "tpot":
        return own <= BUSIER * statistics.median(rates)
    mine = _at_one_request(one)
    peers = [time for other in group if other is not one and (time := _at_one_request(other))]
    return mine is None or not peers or mine > AT_EQUAL_LOAD * statistics.median(peers)


def _at_one_request(one: ReplicaFacts) -> float | None:
    """Time per token, brought to a batch of one so that unequally busy replicas compare.

    A replica has tokens/s times seconds per token requests in its batch (Little's law). A step
    takes longer with the batch, though less than in proportion: as its square root, between a step
    that only reads the weights and one that only computes. So time divides by that root.
    """
    time, tokens = one.figures.tpot, one.figures.generation_rate
    return math.sqrt(time / tokens) if time and tokens else None


def _outlier(
    known: Sequence[tuple[float, ReplicaFacts]], factor: float
) -> tuple[float, ReplicaFacts, float] | None:
    if len(known) <= PEERS_LEAST:
        return None
    worst = max(range(len(known)), key=lambda index: known[index][0])
    value, one = known[worst]
    peers = [other for index, (other, _) in enumerate(known) if index != worst]
    usual = statistics.median(peers)
    deviation = _MAD_TO_DEVIATION * statistics.median([abs(peer - usual) for peer in peers])
    limit = usual + DEVIATIONS * max(deviation, SPREAD_LEAST * usual)
    return (value, one, usual) if usual > 0 and value > max(limit, factor * usual) else None


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
    return _serving(
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
    return _serving(
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
    if waiting < QUEUE_LEAST or usage > 0.5 or busy > IDLE:
        return None
    if high_tpot(facts) is not None:
        return None  # then steps are slow, which is nearer than that requests wait for them
    return _serving(
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
    return _serving(
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


def high_ttft(facts: ServiceFacts) -> Finding | None:
    """TTFT p95 is above its objective, or twice its baseline where there is no objective."""
    figures = facts.figures
    if figures.ttft_objective is not None:
        return _latency(facts, "TTFT p95", figures.ttft_p95, figures.ttft_objective, "objective")
    limit = None if figures.ttft_baseline is None else SLOWER * figures.ttft_baseline
    return _latency(facts, "TTFT p95", figures.ttft_p95, limit, "twice its baseline")


def high_tpot(facts: ServiceFacts) -> Finding | None:
    """The mean time per output token is above its objective, or twice its baseline.

    Where requests wait while GPUs are half idle it is no symptom of load: host or neighbours hold
    up the steps, and requests wait for that.
    """
    figures = facts.figures
    limit = None if figures.tpot_baseline is None else SLOWER * figures.tpot_baseline
    found = _latency(facts, "TPOT", figures.tpot, figures.tpot_objective, "objective") or _latency(
        facts, "TPOT", figures.tpot, limit, "twice its baseline"
    )
    busy, waiting = figures.gpu_utilisation, figures.waiting
    if found is None or busy is None or busy > IDLE or (waiting or 0) < QUEUE_LEAST:
        return found
    return replace(found, depth=Depth.BALANCE)


def _latency(
    facts: ServiceFacts,
    name: str,
    value: float | None,
    limit: float | None,
    what: str,
) -> Finding | None:
    if value is None or limit is None or limit <= 0 or value <= limit:
        return None
    return _serving(
        facts,
        id="high-tpot" if name == "TPOT" else "high-ttft",
        sentence=f"{name} is {seconds(value)}, above {seconds(limit)} ({what})",
        short=f"{name} {seconds(value)}",
        evidence=(
            Evidence(name, seconds(value), "service"),
            Evidence(what, seconds(limit), "service"),
        ),
        next_step="Compare replicas and revisions",
        depth=Depth.SYMPTOM,
        confidence="certain",
    )


def _serving(
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
    if "kubectl" not in next_step:
        next_step += ": " + kubectl(facts, "get llmisvc", facts.name)
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
