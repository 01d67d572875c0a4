"""The beta distribution: its cumulative probability and its quantile."""

from __future__ import annotations

import math

_TINY = 1e-300
_PRECISION = 1e-15
_CLOSE = 1e-14
_MOST_TERMS = 100_000


def cumulative(x: float, a: float, b: float) -> float:
    """P(X <= x) of Beta(a, b): the regularised incomplete beta function I_x(a, b).

    `a` and `b` above 0; `x` below 0 counts as 0 and above 1 as 1. Relative error about 1e-10 for
    parameters up to 1e5, growing with them, since it goes through log-gamma.
    Source: DLMF 8.17.22, the continued fraction, evaluated by Lentz's method.

    Raises:
        ValueError: a parameter is not above 0, or a value is NaN.
    """
    if not (a > 0 and b > 0) or math.isnan(x):
        raise ValueError(f"Beta({a}, {b}) at {x}: parameters above 0 and a number are needed")
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast below the mean only
        return 1.0 - _fraction_form(1 - x, b, a)
    return _fraction_form(x, a, b)


def density(x: float, a: float, b: float) -> float:
    """The density of Beta(a, b) at `x` between 0 and 1, both excluded."""
    return math.exp(_log_factor(x, a, b)) / (x * (1 - x))


def quantile(p: float, a: float, b: float) -> float:
    """The x with P(X <= x) = p of Beta(a, b), for p from 0 to 1.

    Newton steps kept inside a bracket that halves whenever a step would leave it, so it converges
    for parameters below 1 too, where the density is infinite at the ends.

    Raises:
        ValueError: `p` is not within 0 to 1, or a parameter is not above 0.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"a probability from 0 to 1 is needed, not {p}")
    if p in {0.0, 1.0}:
        return float(p)
    low, high = 0.0, 1.0
    x = a / (a + b)
    for _ in range(1100):  # halving alone passes the smallest normal number within this many
        error = cumulative(x, a, b) - p
        if error > 0:
            high = x
        else:
            low = x
        slope = density(x, a, b)
        step = x - error / slope if slope > 0 else low
        following = step if low < step < high else (low + high) / 2
        if abs(following - x) <= _CLOSE * x or following in {0.0, 1.0}:
            return following
        x = following
    return x


def log_beta(a: float, b: float) -> float:
    """ln B(a, b), for `a` and `b` above 0."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_factor(x: float, a: float, b: float) -> float:
    """ln of x^a (1-x)^b / B(a, b)."""
    return a * math.log(x) + b * math.log1p(-x) - log_beta(a, b)


def _fraction_form(x: float, a: float, b: float) -> float:
    """I_x(a, b) by its continued fraction, for x not above the mean."""
    c, d = 1.0, _inverse(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            d = _inverse(1 + term * d)
            c = 1 + term / c
            c = c if abs(c) > _TINY else _TINY
            change = c * d
            fraction *= change
        if abs(change - 1) < _PRECISION:
            break
    return math.exp(_log_factor(x, a, b)) * fraction / a


def _inverse(value: float) -> float:
    return 1 / value if abs(value) > _TINY else 1 / _TINY
