"""How many requests arrive: a mean rate, a slow daily wave, minutes of unrest, and bursts."""

from __future__ import annotations

import math
from random import Random

DAY = 86_400.0

_POISSON_LIMIT = 30.0


def stream(seed: int, *parts: str) -> Random:
    """The random stream of one purpose: the same for the same names, in every process."""
    return Random("\x1f".join((str(seed), *parts)))


class Arrivals:
    """The arrival rate of one service over time; its mean over a day is near `mean`."""

    __slots__ = ("_burst_at", "_burst_every", "_burst_length", "_day", "_minutes", "mean")

    def __init__(self, mean: float, random: Random) -> None:
        self.mean = mean
        self._day = random.uniform(0.0, DAY)
        self._minutes = (random.uniform(0.0, 600.0), random.uniform(420.0, 900.0))
        self._burst_every = random.uniform(600.0, 1_800.0)
        self._burst_at = random.uniform(0.0, self._burst_every)
        self._burst_length = random.uniform(20.0, 60.0)

    def rate(self, at: float) -> float:
        """Requests per second at a time in Unix seconds."""
        offset, period = self._minutes
        wave = 1.0 + 0.15 * math.sin((at + self._day) * (2 * math.pi / DAY))
        wave += 0.08 * math.sin((at + offset) * (2 * math.pi / period))
        if (at + self._burst_at) % self._burst_every < self._burst_length:
            wave *= 1.25
        return self.mean * wave


def poisson(random: Random, mean: float) -> int:
    """A Poisson-distributed count; from a normal one where the mean is large."""
    if mean <= 0.0:
        return 0
    if mean > _POISSON_LIMIT:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    count, product, limit = 0, random.random(), math.exp(-mean)
    while product > limit:
        count += 1
        product *= random.random()
    return count
