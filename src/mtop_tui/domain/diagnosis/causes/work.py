"""How much there is to do, against the usual."""

from __future__ import annotations

import math

from mtop_tui.domain.diagnosis.causes.latency import exceeds_objective, high_tpot, high_ttft
from mtop_tui.domain.diagnosis.causes.phrasing import serving_finding
from mtop_tui.domain.diagnosis.causes.serving import kv_saturation, queue_growth
from mtop_tui.domain.diagnosis.facts import ServiceFacts
from mtop_tui.domain.diagnosis.findings import Depth, Evidence, Finding
from mtop_tui.domain.diagnosis.wording import rate

MORE = 2.0
"""Times the usual that is more than the ordinary unrest of an hour, which stays below 1.8."""


def more_load(facts: ServiceFacts) -> Finding | None:
    """Users feel something, be it only now, and twice the usual requests or tokens are asked for.

    What comes is what ends and what waits more. Tokens of prompts count as they were sent: a cache
    that lost them makes more work of the same load.
    """
    figures = facts.figures
    growth = max(figures.waiting_growth or 0.0, 0.0)
    came = None if figures.request_rate is None else figures.request_rate + growth
    asked = (
        ("requests", came, figures.request_rate_baseline),
        ("prompt tokens", figures.prompt_rate, figures.prompt_rate_baseline),
        ("generated tokens", figures.generation_rate, figures.generation_rate_baseline),
    )
    known = [
        (times, what, now, usual)
        for what, now, usual in asked
        if now is not None and usual and math.isfinite(times := now / usual)
    ]
    times, what, now, usual = max(known, default=(0.0, "", 0.0, 0.0))
    felt = (queue_growth, kv_saturation, high_ttft, high_tpot)
    if times < MORE:
        return None
    if not exceeds_objective(figures) and all(rule(facts) is None for rule in felt):
        return None
    return serving_finding(
        facts,
        id="more-load",
        sentence=f"{times:.1f} times the usual {what} come: {rate(now)}, usually {rate(usual)}",
        short=f"{times:.1f} times the usual {what}",
        evidence=tuple(
            Evidence(one, f"{rate(value)}, usually {rate(before)}", "service")
            for _, one, value, before in known
        ),
        next_step="Add replicas or shed load",
        depth=Depth.SCALE,
        confidence="likely",
    )
