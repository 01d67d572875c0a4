"""Who sends the requests of a service, and how much of a prompt was there before."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import NamedTuple

import msgspec

from mtop_tui.engine.workload.lengths import ENTRIES, Lengths, Part, table

TENANTS = 60
"""Tenants of a service, unless it states another number."""

SKEW = (1.0, 1.7)
"""Range of the exponent that makes the share of the n-th tenant fall as 1/n**exponent. With 60
tenants the first sends 21 to 50 % and the first ten 63 to 92 % of all requests; ServeGen has 14 to
52 % and 63 to 93 %."""

_VARIANTS = 32

MOST_SHARED = 0.999
"""The last tokens of a prompt are its own."""

_REPEATED = Lengths((Part(1.0, 0.58, 0.6),), 0.15, MOST_SHARED)
"""Share of a prompt that a later turn of a conversation repeats, fitted to Mooncake's."""


class Tenant(NamedTuple):
    """One that sends requests.

    `group` tells its prefix from those of others, and `prefix` is the share of a first prompt that
    all its prompts begin with.
    """

    group: int
    name: str
    prefix: float


class Tenants(msgspec.Struct, frozen=True):
    """Who sends requests.

    Attributes:
        shares: of all requests that each sends, largest first.
        draws: tenants in proportion to these, to draw one by its index.
        later: chance that a request is a later turn of a conversation.
        repeated: shares of a prompt that later turns repeat beyond that, each equally likely.
    """

    shares: tuple[float, ...]
    draws: tuple[Tenant, ...]
    later: float
    repeated: tuple[float, ...]


def tenants_of(random: Random, count: int, turns: float, cached: float) -> Tenants:
    """Tenants with the published skew, whose prompts were there before to `cached` on average.

    Later turns repeat a part of their prompt. What the mean still lacks is what tenants' prompts
    begin with; where later turns repeat too much already, there are fewer of them.
    """
    return _tenants(random.randrange(_VARIANTS), count, turns, cached)


@lru_cache(maxsize=1024)
def _tenants(variant: int, count: int, turns: float, cached: float) -> Tenants:
    """One of a few skews: large fleets share them, which saves time and memory."""
    random = Random(variant)
    low, high = SKEW
    exponent = low + (high - low) * (variant + random.random()) / _VARIANTS
    weights = [rank**-exponent for rank in range(1, count + 1)]
    total = math.fsum(weights)
    repeats = table(_REPEATED)
    later = min(1.0 - 1.0 / max(turns, 1.0), cached / repeats.mean)
    repeated = later * repeats.mean
    mean = (cached - repeated) / (1.0 - repeated)
    spread = 0.5 * min(mean, 1.0 - mean)
    offsets = [random.random() for _ in weights]
    middle = math.fsum(w * one for w, one in zip(weights, offsets, strict=True)) / total
    everyone = [
        Tenant(index + 1, name, min(mean + spread * (offset - middle), MOST_SHARED))
        for index, (name, offset) in enumerate(zip(_names(count), offsets, strict=True))
    ]
    draws: list[Tenant] = []
    for tenant, upto in zip(everyone, accumulate(weights), strict=True):
        draws += [tenant] * (round(upto / total * ENTRIES) - len(draws))
    return Tenants(
        shares=tuple(weight / total for weight in weights),
        draws=tuple(draws),
        later=later,
        repeated=repeats.tokens,
    )


@lru_cache(maxsize=64)
def _names(count: int) -> tuple[str, ...]:
    return tuple(f"tenant-{index + 1:02d}" for index in range(count))
