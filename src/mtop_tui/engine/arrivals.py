"""Named streams of random numbers, and counts of what comes at random."""

from __future__ import annotations

import math
from random import Random

_POISSON_LIMIT = 30.0


def stream(seed: int, *parts: str) -> Random:
    """The random stream of one purpose: the same for the same names, in every process."""
    return Random("\x1f".join((str(seed), *parts)))


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
