"""What is wrong with a rollout: stuck, aborted, or a new revision that is worse."""

from __future__ import annotations

from mtop_tui.domain.diagnosis.causes.latency import has_slow_steps, high_tpot, tail_of
from mtop_tui.domain.diagnosis.causes.placement import no_gpu
from mtop_tui.domain.diagnosis.facts import ReplicaFacts, RolloutFacts, ServiceFacts
from mtop_tui.domain.diagnosis.findings import Confidence, Depth, Evidence, Finding
from mtop_tui.domain.diagnosis.wording import kubectl, percent, quoted, replicas, seconds

WORSE = "WORSE"
UNDECIDED = ("NOT ENOUGH DATA", "NOT COMPARABLE")

FAILED_LEAST = 10.0
"""Failed requests of the new revision before its error ratio alone convinces, without a verdict."""

ERRORS_TIMES, ERRORS_MORE = 3.0, 0.01
TPOT_SLOWER, TTFT_SLOWER = 1.3, 2.0
"""Times the old revision's latency from which on users feel it. TTFT varies more, and its
tail is longer where fewer replicas share the load."""

REQUESTS_LEAST = 100.0


def bad_canary_errors(facts: ServiceFacts) -> Finding | None:
    """The new revision fails more requests than the old one.

    Certain by the rollout analysis; without its verdict likely, when at least `FAILED_LEAST`
    failed, three times the old ratio and one point more.
    """
    rollout = facts.rollout
    if rollout is None or rollout.error_verdict not in (None, WORSE):
        return None
    new, old = rollout.new.error_ratio, rollout.old.error_ratio
    if new is None or old is None or new <= old:
        return None
    if rollout.error_verdict is None:
        failed = new * (rollout.new.requests or 0)
        if failed < FAILED_LEAST or new < ERRORS_TIMES * old or new - old < ERRORS_MORE:
            return None
    return _canary(
        facts,
        rollout,
        id="bad-canary-errors",
        sentence=f"{_revision(rollout)} fails {percent(new)} of its requests, "
        f"the old one {percent(old)}",
        short=f"new revision fails {percent(new)}",
        evidence=(
            Evidence("errors", percent(new), "new revision"),
            Evidence("errors", percent(old), "old revision"),
        ),
        confidence="likely" if rollout.error_verdict is None else "certain",
    )


def bad_canary_slow(facts: ServiceFacts) -> Finding | None:
    """The new revision is slower, and so much that users feel it.

    That it is no chance, the analysis says; without its verdict, likely from 100 requests on. While
    it is undecided, possible where steps are slow in themselves and the old revision's are not.
    """
    rollout = facts.rollout
    if rollout is None:
        return None
    confidence = _slowness(facts, rollout)
    pairs = (
        ("TPOT", rollout.new.tpot, rollout.old.tpot, TPOT_SLOWER),
        ("TTFT p95", _tail(facts, rollout), rollout.old.ttft_p95, TTFT_SLOWER),
    )
    felt = [
        (new / old, name, new, old)
        for name, new, old, times in pairs
        if new is not None and old is not None and old > 0 and new >= times * old
        if confidence != "possible" or name == "TPOT"
    ]
    if confidence is None or not felt:
        return None
    _, name, new, old = max(felt)
    return _canary(
        facts,
        rollout,
        id="bad-canary-slow",
        sentence=f"{_revision(rollout)} is slower: {name} {seconds(new)}, "
        f"the old one {seconds(old)}",
        short=f"new revision slower: {name} {seconds(new)}",
        evidence=(
            Evidence(name, seconds(new), "new revision"),
            Evidence(name, seconds(old), "old revision"),
        ),
        confidence=confidence,
    )


def _tail(facts: ServiceFacts, rollout: RolloutFacts) -> float | None:
    """TTFT p95 of the new revision; where that is a service of its own, as far as no burst."""
    old = rollout.old.ttft_p95
    if rollout.new_revision or old is None or facts.figures.ttft_p95 is None:
        return rollout.new.ttft_p95
    return tail_of(facts.figures, TTFT_SLOWER * old)


def _slowness(facts: ServiceFacts, rollout: RolloutFacts) -> Confidence | None:
    """How sure it is that a new revision which is slower is so by itself; None: it may not be."""
    if rollout.latency_verdict == WORSE:
        return "certain"
    if rollout.latency_verdict is None:
        return "likely" if (rollout.new.requests or 0) >= REQUESTS_LEAST else None
    slow = rollout.latency_verdict in UNDECIDED and high_tpot(facts) is not None
    return "possible" if slow and has_slow_steps(facts.figures) else None


def stuck_on_gpus(facts: ServiceFacts) -> Finding | None:
    """The new revision waits for GPUs that the old one holds, which waits for the new."""
    placed = no_gpu(facts)
    rollout = facts.rollout
    if placed is None or rollout is None or not rollout.new_revision:
        return None
    new: list[ReplicaFacts] = []
    old: list[ReplicaFacts] = []
    for one in facts.replicas:
        (new if one.record.revision == rollout.new_revision else old).append(one)
    waiting = tuple(one.name for one in new if one.name in placed.subjects)
    serving = [one for one in old if one.record.phase == "ready"]
    if not waiting or not serving:
        return None
    return Finding(
        id="rollout-no-gpu",
        sentence=f"The rollout is stuck: for want of GPUs, {replicas(len(waiting))} of the new "
        f"revision cannot start while {len(serving)} of the old hold theirs",
        short="old revision holds the GPUs",
        evidence=placed.evidence,
        next_step="Allow maxUnavailable 1 with maxSurge 0, or free GPUs: "
        + kubectl(facts, "describe pod", waiting[0]),
        severity="critical",
        confidence="certain",
        depth=Depth.ROLLOUT,
        subjects=waiting,
    )


def stuck(facts: ServiceFacts) -> Finding | None:
    """A rollout makes no progress: its deadline passed, or the analysis says so."""
    evidence = [
        Evidence(condition.reason, quoted(condition.message), f"{child.kind} {child.name}")
        for child in facts.children
        for condition in child.conditions
        if condition.reason == "ProgressDeadlineExceeded" and condition.status == "False"
    ]
    evidence += [
        Evidence(condition.reason, quoted(condition.message), f"condition {condition.type}")
        for condition in facts.conditions
        if condition.reason == "ProgressDeadlineExceeded" and condition.status == "False"
    ]
    why = ""
    if facts.rollout is not None and facts.rollout.stuck:
        why = quoted(facts.rollout.stuck_reason, 80)
        evidence.append(Evidence("stuck", why or "no progress", "rollout"))
    if not evidence:
        return None
    return _control(
        facts,
        id="rollout-stuck",
        sentence=f"The rollout is stuck: {why or quoted(evidence[0].value, 100)}",
        short="rollout stuck",
        evidence=tuple(evidence),
    )


def aborted(facts: ServiceFacts) -> Finding | None:
    """An Argo rollout was aborted: by its analysis, or by hand."""
    return _argo(facts, "RolloutAborted", "rollout-aborted", "The rollout was aborted")


def paused(facts: ServiceFacts) -> Finding | None:
    """An Argo rollout waits for somebody: no fault."""
    return _argo(facts, "RolloutPaused", "rollout-paused", "The rollout is paused", info=True)


def _argo(
    facts: ServiceFacts,
    reason: str,
    id: str,  # noqa: A002 - the field's name
    sentence: str,
    *,
    info: bool = False,
) -> Finding | None:
    for child in facts.children:
        for condition in child.conditions:
            if condition.reason == reason and condition.status != "True":
                told = Evidence(reason, quoted(condition.message), f"{child.kind} {child.name}")
                return _control(
                    facts, id=id, sentence=sentence, short=sentence, evidence=(told,), info=info
                )
    return None


def _control(
    facts: ServiceFacts,
    *,
    id: str,  # noqa: A002 - the field's name
    sentence: str,
    short: str,
    evidence: tuple[Evidence, ...],
    info: bool = False,
) -> Finding:
    return Finding(
        id=id,
        sentence=sentence,
        short=short,
        evidence=evidence,
        next_step=kubectl(facts, "get deploy,rs,pods -l", f"app.kubernetes.io/name={facts.name}"),
        severity="info" if info else "critical",
        confidence="certain",
        depth=Depth.CONTROL,
    )


def _canary(
    facts: ServiceFacts,
    rollout: RolloutFacts,
    *,
    id: str,  # noqa: A002 - the field's name
    sentence: str,
    short: str,
    evidence: tuple[Evidence, ...],
    confidence: Confidence,
) -> Finding:
    return Finding(
        id=id,
        sentence=sentence,
        short=short,
        evidence=evidence,
        next_step="Take its traffic back; compare: "
        + kubectl(facts, "get rs -o wide -l", f"app.kubernetes.io/name={facts.name}"),
        severity="critical",
        confidence=confidence,
        depth=Depth.ROLLOUT,
        subjects=tuple(
            one.name
            for one in facts.replicas
            if rollout.new_revision and one.record.revision == rollout.new_revision
        ),
    )


def _revision(rollout: RolloutFacts) -> str:
    return f"Revision {rollout.new_revision}" if rollout.new_revision else "The new revision"
