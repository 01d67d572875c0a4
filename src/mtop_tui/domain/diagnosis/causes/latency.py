"""Latency beyond its objective or its usual, and what it is no symptom of."""

from __future__ import annotations

from dataclasses import replace

from mtop_tui.domain.diagnosis.causes.phrasing import IDLE, QUEUE_LEAST, serving_finding
from mtop_tui.domain.diagnosis.facts import ServiceFacts, ServiceFigures
from mtop_tui.domain.diagnosis.findings import Depth, Evidence, Finding
from mtop_tui.domain.diagnosis.wording import kubectl, seconds

SLOWER = 2.0
"""Times its baseline at which a latency is worth naming, once it lasts longer than a burst."""

FAR_BEYOND = 1.5
"""Times a limit to which a burst lifts a latency: what is beyond need not last to count."""

OUTSIDE = 0.5
"""Share of the time to the first token from which on the engine is not what takes it."""

NO_MORE_WORK = 1.2
"""Times the usual tokens up to which there is no more to do than usual."""

SLOW_STEPS = 1.5
"""Times its baseline a token takes when, without more to do, the steps themselves are slow."""


def high_ttft(facts: ServiceFacts) -> Finding | None:
    """TTFT p95 is lastingly above its objective, or twice its baseline where there is none.

    At once where it is far above the objective, or where the engine's own queue and prefill take
    less than half of it: the rest is spent in front of the engine, which no burst does, and is no
    symptom of load.
    """
    figures = facts.figures
    now, objective = figures.ttft_p95, figures.ttft_objective
    outside = _outside(figures)
    if objective is not None:
        tail = now if outside else tail_of(figures, objective)
        found = _latency(facts, "TTFT p95", tail, objective, "objective")
    else:
        limit = None if figures.ttft_baseline is None else SLOWER * figures.ttft_baseline
        lasting = _lasting(now, figures.ttft_least)
        found = _latency(facts, "TTFT p95", lasting, limit, "twice its baseline")
    if found is None or outside is None:
        return found
    mean, queue, prefill = outside
    return replace(
        found,
        depth=Depth.BALANCE,
        sentence=f"{found.sentence}; of a mean of {seconds(mean)} it waits {seconds(queue)} and is "
        f"read in {seconds(prefill)}: the rest passes before the engine",
        evidence=(
            *found.evidence,
            Evidence("queue + prefill", f"{seconds(queue)} + {seconds(prefill)}", "engine"),
        ),
        next_step="Look at network, gateway and API server: " + kubectl(facts, "get httproute"),
    )


def _outside(figures: ServiceFigures) -> tuple[float, float, float] | None:
    """Mean TTFT, queue and prefill time, if most of the first passes before the engine."""
    mean, queue, prefill = figures.ttft_mean, figures.queue_time, figures.prefill_time
    if not mean or queue is None or prefill is None or mean - queue - prefill < OUTSIDE * mean:
        return None
    return mean, queue, prefill


def high_tpot(facts: ServiceFacts) -> Finding | None:
    """The mean time per output token is lastingly above its objective, or twice its baseline.

    Far above the objective it counts at once. So it does where there is no more to do than usual,
    or where requests wait while GPUs are half idle: then host or neighbours hold up the steps, and
    it is no symptom of load.
    """
    figures = facts.figures
    slow, objective = has_slow_steps(figures), figures.tpot_objective
    held_up = slow or _waits_for_no_gpu(figures)
    limit = None if figures.tpot_baseline is None else SLOWER * figures.tpot_baseline
    lasting = _lasting(figures.tpot, figures.tpot_least)
    felt = figures.tpot
    if objective is not None and not held_up:
        felt = _beyond_a_burst(felt, figures.tpot_least, objective)
    found = _latency(facts, "TPOT", felt, objective, "objective") or _latency(
        facts, "TPOT", lasting, limit, "twice its baseline"
    )
    if found is None or not held_up:
        return found
    if not slow:
        return replace(found, depth=Depth.BALANCE)
    return replace(
        found,
        depth=Depth.BALANCE,
        sentence=f"{found.sentence}, with no more to do than usual: steps are slow in themselves",
        evidence=(
            *found.evidence,
            Evidence("usual TPOT", seconds(figures.tpot_baseline or 0.0), "last hour"),
        ),
        next_step="Look at hosts and at who shares the GPUs: " + kubectl(facts, "top pods"),
    )


def exceeds_objective(figures: ServiceFigures) -> bool:
    """Whether a latency is beyond its objective now, be it by a burst or lastingly."""
    pairs = (
        (figures.ttft_p95, figures.ttft_objective),
        (figures.tpot, figures.tpot_objective),
    )
    return any(
        value is not None and objective is not None and value > objective
        for value, objective in pairs
    )


def _waits_for_no_gpu(figures: ServiceFigures) -> bool:
    busy, waiting = figures.gpu_utilisation, figures.waiting
    return busy is not None and busy <= IDLE and (waiting or 0) >= QUEUE_LEAST


def has_slow_steps(figures: ServiceFigures) -> bool:
    """Whether tokens take longer than usual though neither more are made nor more prompts read.

    Preempted requests wait between two tokens, so that steps are not known by their latency then.
    """
    time, usual = figures.tpot, figures.tpot_baseline
    if time is None or usual is None or figures.preemption_rate:
        return False
    return time >= SLOW_STEPS * usual and _has_no_more_work(figures)


def _has_no_more_work(figures: ServiceFigures) -> bool:
    pairs = (
        (figures.generation_rate, figures.generation_rate_baseline),
        (figures.fresh_prompt_rate, figures.fresh_prompt_rate_baseline),
    )
    return all(
        now is not None and usual is not None and now <= NO_MORE_WORK * usual
        for now, usual in pairs
    )


def tail_of(figures: ServiceFigures, limit: float) -> float | None:
    """TTFT p95 as far as no burst lifts it above a limit."""
    return _beyond_a_burst(figures.ttft_p95, figures.ttft_least, limit)


def _beyond_a_burst(value: float | None, least: float | None, limit: float) -> float | None:
    """The least it lately was, unless it is far beyond a limit."""
    return value if value is None or value > FAR_BEYOND * limit else _lasting(value, least)


def _lasting(value: float | None, least: float | None) -> float | None:
    return value if least is None else least


def _latency(
    facts: ServiceFacts,
    name: str,
    judged: float | None,
    limit: float | None,
    what: str,
) -> Finding | None:
    figures = facts.figures
    value = figures.tpot if name == "TPOT" else figures.ttft_p95
    if value is None or judged is None or limit is None or limit <= 0 or judged <= limit:
        return None
    return serving_finding(
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
