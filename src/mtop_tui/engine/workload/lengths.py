"""How long prompts and answers are: clipped log-normal parts, and the caps where many end."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from functools import lru_cache

import msgspec

ENTRIES = 2048
"""A table's length: what lies beyond its highest 1/2048 is taken together."""


class Part(msgspec.Struct, frozen=True):
    """A log-normal part of a distribution.

    Attributes:
        share: of all requests.
        median: in tokens.
        sigma: standard deviation of the logarithm; 0 for a cap, which is one length.
    """

    share: float
    median: float
    sigma: float = 0.0


class Lengths(msgspec.Struct, frozen=True):
    """A distribution of lengths in tokens.

    Attributes:
        parts: their shares add up to 1.
        least: what is shorter becomes this long.
        most: what is longer becomes this long: the longest the source allows.
    """

    parts: tuple[Part, ...]
    least: float
    most: float


class Table(msgspec.Struct, frozen=True):
    """Lengths of equal probability, to draw one by its index, and their exact mean.

    One table serves all services of a kind, so that a fleet of thousands keeps a few.
    """

    tokens: tuple[float, ...]
    mean: float


@lru_cache(maxsize=64)
def table(lengths: Lengths) -> Table:
    """The lengths of a distribution as `ENTRIES` of equal probability, shortest first."""
    found: list[float] = []
    share = 0.0
    exp = math.exp
    for part in lengths.parts:
        share += part.share
        count = round(share * ENTRIES) - len(found)
        median, sigma = part.median, part.sigma
        if sigma:
            found += [median * exp(sigma * z) for z in _normal_quantiles(count)]
        else:
            found += [median] * count
    found.sort()
    low, high = bisect_left(found, lengths.least), bisect_right(found, lengths.most)
    found[:low] = [lengths.least] * low
    found[high:] = [lengths.most] * (len(found) - high)
    return Table(tuple(found), math.fsum(found) / len(found))


@lru_cache(maxsize=64)
def _normal_quantiles(count: int) -> tuple[float, ...]:
    """Standard normal quantiles of so many equal probabilities, wrong by less than 0.00045.

    The rational approximation 26.2.23 in Abramowitz and Stegun, Handbook of Mathematical
    Functions; the exact one in `statistics` would cost the start-up its import.
    """
    sqrt, log = math.sqrt, math.log
    lower = []
    for index in range((count + 1) // 2):
        t = sqrt(-2.0 * log((index + 0.5) / count))
        above = 2.515517 + t * (0.802853 + t * 0.010328)
        below = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
        lower.append(above / below - t)
    upper = [-z for z in reversed(lower[: count // 2])]
    return (*lower, *upper)
