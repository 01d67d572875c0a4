"""How a rate moves over the day and within the hour."""

from __future__ import annotations

import math

DAY = 86_400.0
_HOUR = 3_600.0

HOURS = (
    0.839, 0.714, 0.733, 0.676, 0.714, 0.660, 0.684, 0.855, 1.015, 1.054, 1.125, 1.093,
    1.060, 1.073, 1.060, 1.047, 1.091, 1.079, 1.007, 1.229, 1.456, 1.402, 1.270, 1.063,
)  # fmt: skip
"""Requests in each hour of the day against the mean, over 14 days: ServeGen's m-small, local time
(Alibaba, Apache-2.0, arXiv 2505.09999)."""

UNREST = 0.22
"""Spread of the rate around the daily curve, as the standard deviation of its logarithm. Together
with the pace below it gives Azure's variation of counts within an hour, and ServeGen's of 10-minute
rates within a day."""

_KNOT = 450.0
_MASK = (1 << 64) - 1
_THIRD = 1 << 21


def daily(at: float) -> float:
    """The rate at a time of the day against the mean of the day."""
    hour, part = divmod(at % DAY / _HOUR - 0.5, 1.0)
    before = HOURS[int(hour) % 24]
    return before + (HOURS[(int(hour) + 1) % 24] - before) * part


def unrest(key: int, at: float) -> float:
    """A smooth random course with mean 0 and variance 1 at any time, looked up rather than walked.

    `key` tells courses apart; 15 minutes later the course knows nothing of now.
    """
    knot, part = divmod(at / _KNOT, 1.0)
    angle = part * (math.pi / 2)
    # Sine and cosine keep the variance between two knots, where a straight line would lower it.
    first, second = _normal(key, int(knot)), _normal(key, int(knot) + 1)
    return math.cos(angle) * first + math.sin(angle) * second


def course(key: int, at: float, strength: float) -> float:
    """The rate at a time against its mean: level where `strength` is 0, lifelike where it is 1."""
    if strength <= 0.0:
        return 1.0
    sigma = UNREST * strength
    wave = 1.0 + (daily(at) - 1.0) * strength
    return max(0.0, wave) * math.exp(sigma * unrest(key, at) - sigma * sigma / 2)


def peak(strength: float) -> float:
    """Times the mean that the rate reaches in a busy hour of most days."""
    wave = 1.0 + (max(HOURS) - 1.0) * strength
    return wave * math.exp(UNREST * strength)


def _normal(key: int, knot: int) -> float:
    """A draw from about a standard normal distribution: the same for the same key and knot."""
    word = (key + knot * 0x9E3779B97F4A7C15) & _MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    word ^= word >> 31
    low, middle, high = word % _THIRD, (word >> 21) % _THIRD, (word >> 42) % _THIRD
    return 2.0 * ((low + middle + high) / _THIRD - 1.5)
