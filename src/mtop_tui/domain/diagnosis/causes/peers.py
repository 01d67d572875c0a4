"""Replicas that are slow beside their peers, or beside their past, at equal load."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from mtop_tui.domain.diagnosis.causes.latency import has_slow_steps, high_tpot
from mtop_tui.domain.diagnosis.causes.phrasing import serving_finding
from mtop_tui.domain.diagnosis.facts import ReplicaFacts, ServiceFacts
from mtop_tui.domain.diagnosis.findings import Depth, Evidence, Finding
from mtop_tui.domain.diagnosis.wording import (
    describe_node,
    kubectl,
    named,
    replicas,
    seconds,
)

PEERS_LEAST = 3
TPOT_OUTLIER, TTFT_OUTLIER = 1.25, 2.0
"""Times the peers' median from which on one replica is slow."""

AT_EQUAL_LOAD = 1.2
"""Times the peers' time per token it has to take for as many requests at once: sound replicas that
get twice the requests of their peers, as prefix-aware routing has it, stay below 1.12."""

BUSIER = 1.1
"""Times the peers' tokens from which on a replica is busier, so that its TTFT tells of that."""

TAIL_LEAST, WINDOW = 200.0, 60.0
"""Requests of a window from which on a p95 says something of a replica: ten are slower than it."""

DEVIATIONS, SPREAD_LEAST = 3.5, 0.03
"""An outlier lies that many robust standard deviations out; these are at least 3 % of the median.
3.5 is the usual cut for scores from the median absolute deviation (Iglewicz and Hoaglin)."""

AMID_QUEUES = 2.0
"""Times the slowest peer's time per token, where requests wait and may be put off meanwhile."""

_MAD_TO_DEVIATION = 1.4826

TOGETHER = 2
"""Replicas at least, on one node and elsewhere, before the node is what they have in common.
Beside fewer elsewhere, their own past has to say so too."""

SETTLED = 600.0
"""Seconds of being ready after which what is usual for a service is usual for a replica."""


def slow_replica(facts: ServiceFacts) -> Finding | None:
    """One replica is a robust outlier among at least three peers of its role and revision.

    Its peers' median and median absolute deviation are taken without it. Time per output token is
    asked first, since TTFT also tells of routing. Neither convicts a replica that is slower because
    it does more: time per token is compared at equal load, and where requests wait at its peers it
    must be twice that of the slowest, since requests that are put off wait unevenly; TTFT counts
    only where the replica reads and generates no more tokens than its peers, no requests wait at
    those, and enough were served for a p95 to be no chance. Where several replicas of one node are
    slower than all others, they are no outliers, and the node is named. So it is where all there
    are share it, and their steps are slower than they were.
    """
    groups: dict[tuple[str, str], list[ReplicaFacts]] = {}
    for one in facts.replicas:
        if one.record.phase == "ready":
            groups.setdefault((one.record.role, one.record.revision), []).append(one)
    for group in groups.values():
        found = _slow_node(facts, group)
        if found is not None:
            return found
    for figure, factor, words in (
        ("tpot", TPOT_OUTLIER, "time per token"),
        ("ttft_p95", TTFT_OUTLIER, "TTFT p95"),
    ):
        for group in groups.values():
            known = [
                (value, one) for one in group if (value := getattr(one.figures, figure)) is not None
            ]
            outlier = _outlier(known, factor)
            if outlier is None or not _slow_for_its_load(figure, outlier[1], group):
                continue
            value, one, usual = outlier
            return serving_finding(
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
    return _slow_beside_its_past(facts)


def _slow_node(facts: ServiceFacts, group: Sequence[ReplicaFacts]) -> Finding | None:
    """All replicas on one node take longer per token than any elsewhere, at equal load too.

    Beside a single one elsewhere, which may be the odd one out, than is usual for the service too.
    """
    before = facts.figures.tpot_baseline
    known = [one for one in group if one.figures.tpot is not None]
    for node in sorted({name for one in known for name in one.record.nodes}):
        here = [one for one in known if node in one.record.nodes]
        there = [one for one in known if node not in one.record.nodes]
        if len(here) < TOGETHER or not there:
            continue
        slow, usual = min(map(_time, here)), max(map(_time, there))
        if len(there) < TOGETHER and (before is None or slow < TPOT_OUTLIER * before):
            continue
        if slow < TPOT_OUTLIER * usual or not _slower_at_equal_load(here, there):
            continue
        names = tuple(one.name for one in here)
        return serving_finding(
            facts,
            id="slow-replica",
            sentence=f"{replicas(len(here))} on {node} are slow: time per token from "
            f"{seconds(slow)} on, the {len(there)} elsewhere up to {seconds(usual)}",
            short=f"slow replicas on {node}",
            evidence=(
                Evidence("time per token", seconds(slow), f"fastest on {node}"),
                Evidence("time per token", seconds(usual), "slowest elsewhere"),
            ),
            next_step=f"Look at the node of {named(names)}: " + describe_node(node),
            depth=Depth.BALANCE,
            confidence="likely",
            subjects=(node, *names),
        )
    return None


def _slow_beside_its_past(facts: ServiceFacts) -> Finding | None:
    """All ready replicas share one node and none is new, and steps are slow in themselves.

    Possible only: nothing elsewhere shows that it is the node.
    """
    ready = [one for one in facts.replicas if one.record.phase == "ready"]
    shared = set.intersection(*(set(one.record.nodes) for one in ready)) if ready else set()
    time, usual = facts.figures.tpot, facts.figures.tpot_baseline
    if (
        len(shared) != 1
        or time is None
        or usual is None
        or not all(_is_settled(one, facts.now) for one in ready)
    ):
        return None
    if high_tpot(facts) is None or not has_slow_steps(facts.figures):
        return None
    node, names = shared.pop(), tuple(one.name for one in ready)
    return serving_finding(
        facts,
        id="slow-replica",
        sentence=f"{replicas(len(ready))} on {node}, all there are, slowed down: time per token "
        f"{seconds(time)}, {seconds(usual)} before, with no more to do",
        short=f"slow replicas on {node}",
        evidence=(
            Evidence("time per token", seconds(time), f"replicas on {node}"),
            Evidence("usual time per token", seconds(usual), "last hour"),
        ),
        next_step=f"Look at the node of {named(names)}: " + describe_node(node),
        depth=Depth.BALANCE,
        confidence="possible",
        subjects=(node, *names),
    )


def _is_settled(one: ReplicaFacts, now: float) -> bool:
    since = one.record.since
    return since is not None and now - since >= SETTLED


def _slower_at_equal_load(here: Sequence[ReplicaFacts], there: Sequence[ReplicaFacts]) -> bool:
    mine = [_at_one_request(one) for one in here]
    others = [_at_one_request(one) for one in there]
    if None in mine or None in others:
        return False
    return min(filter(None, mine)) > AT_EQUAL_LOAD * max(filter(None, others))


def _slow_for_its_load(figure: str, one: ReplicaFacts, group: Sequence[ReplicaFacts]) -> bool:
    """Whether more load is not what makes it slow; where tokens are not counted, nobody knows."""
    peers = [other for other in group if other is not one]
    if figure != "tpot":
        return not _is_queued(peers) and _has_tail(one) and not _is_busier(one, peers)
    if _is_queued(peers) and _time(one) < AMID_QUEUES * max(map(_time, peers)):
        return False
    mine = _at_one_request(one)
    usual = [time for other in peers if (time := _at_one_request(other))]
    return mine is None or not usual or mine > AT_EQUAL_LOAD * statistics.median(usual)


def _has_tail(one: ReplicaFacts) -> bool:
    """Whether its p95 rests on enough requests; where they are not counted, it is taken as is."""
    rate = one.figures.request_rate
    return rate is None or rate * WINDOW >= TAIL_LEAST


def _is_queued(group: Sequence[ReplicaFacts]) -> bool:
    """Whether requests wait at most of them: then their first tokens tell of queues."""
    waiting = [one.figures.waiting for one in group if one.figures.waiting is not None]
    return bool(waiting) and statistics.median(waiting) >= 1


def _is_busier(one: ReplicaFacts, peers: Sequence[ReplicaFacts]) -> bool:
    """Whether it generates or reads more tokens than its peers, as far as that is known."""
    for name in ("generation_rate", "fresh_prompt_rate"):
        own = getattr(one.figures, name)
        rates = [rate for other in peers if (rate := getattr(other.figures, name)) is not None]
        if own is not None and rates and own > BUSIER * statistics.median(rates):
            return True
    return False


def _time(one: ReplicaFacts) -> float:
    return one.figures.tpot or 0.0


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
