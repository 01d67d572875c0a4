"""Two shares compared once: how probable it is that one is higher, and Fisher's test.

Neither may be looked at again and again until it says what one hopes; `sequential` may.
"""

from __future__ import annotations

import math

from mtop_tui.domain.stats import beta
from mtop_tui.domain.stats.intervals import check_proportion

_STEP = 1 / 64
_REACH = 3.2
_NEGLIGIBLE = 1e-13
_AS_PROBABLE = 1 + 1e-7


def probability_higher(
    baseline_bad: float, baseline_total: float, canary_bad: float, canary_total: float
) -> float:
    """P(the canary's true share is above the baseline's), each with its Jeffreys posterior.

    0.5 without data. Integrates the canary's density times the baseline's cumulative probability
    over the angle whose squared sine is the share, where neither has a pole, by the tanh-sinh
    rule. Source: Jeffreys' prior Beta(0.5, 0.5); Takahasi and Mori 1974, Publ. RIMS 9, 721-741.

    Raises:
        ValueError: counts that are no proportion.
    """
    check_proportion(baseline_bad, baseline_total)
    check_proportion(canary_bad, canary_total)
    a, b = canary_bad + 0.5, canary_total - canary_bad + 0.5
    base_a, base_b = baseline_bad + 0.5, baseline_total - baseline_bad + 0.5
    low = math.asin(math.sqrt(beta.quantile(_NEGLIGIBLE, a, b)))
    high = math.acos(math.sqrt(beta.quantile(_NEGLIGIBLE, b, a)))
    centre, half = (low + high) / 2, (high - low) / 2
    total = 0.0
    for i in range(-round(_REACH / _STEP), round(_REACH / _STEP) + 1):
        inner = math.pi / 2 * math.sinh(i * _STEP)
        angle = centre + half * math.tanh(inner)
        sine, cosine = math.sin(angle), math.cos(angle)
        log = (2 * a - 1) * math.log(sine) + (2 * b - 1) * math.log(cosine)
        weight = math.pi / 2 * math.cosh(i * _STEP) / math.cosh(inner) ** 2
        below = beta.cumulative(sine * sine, base_a, base_b)
        total += weight * 2 * math.exp(log - beta.log_beta(a, b)) * below
    return min(1.0, total * half * _STEP)


def fisher_exact(first_bad: int, first_total: int, second_bad: int, second_total: int) -> float:
    """Fisher's exact two-sided p-value: the tables no more probable than this one.

    1 without data. Source: Fisher 1934, Statistical Methods for Research Workers, 5th ed., 21.02.

    Raises:
        ValueError: counts that are no proportion.
    """
    check_proportion(first_bad, first_total)
    check_proportion(second_bad, second_total)
    bad = first_bad + second_bad
    lowest, highest = max(0, bad - second_total), min(first_total, bad)
    logs = [0.0]
    for k in range(lowest, highest):
        up = (first_total - k) * (bad - k)
        down = (k + 1) * (second_total - bad + k + 1)
        logs.append(logs[-1] + math.log(up / down))
    top = max(logs)
    weights = [math.exp(log - top) for log in logs]
    limit = weights[first_bad - lowest] * _AS_PROBABLE
    return math.fsum(w for w in weights if w <= limit) / math.fsum(weights)
