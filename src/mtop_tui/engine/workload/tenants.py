"""Who sends the requests of a service, and how much of a prompt was there before."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import accumulate
from random import Random

import msgspec

from mtop_tui.engine.workload.lengths import Lengths, Part, table

TENANTS = 60
"""Tenants of a service, unless it states another number."""

SKEW = (1.0, 1.7)
"""Range of the exponent that makes the share of the n-th tenant fall as 1/n**exponent. With 60
tenants the first sends 21 to 50 % and the first ten 63 to 92 % of all requests; ServeGen has 14 to
52 % and 63 to 93 %."""

_VARIANTS = 64

_REPEATED = Lengths((Part(1.0, 0.58, 0.6),), 0.15, 1.0)
"""Share of a prompt that a later turn of a conversation repeats, fitted to Mooncake's."""


class Tenants(msgspec.Struct, frozen=True):
    """Who sends requests.

    Attributes:
        names: one per tenant.
        upto: share of all requests that tenants up to this one send; the last is 1.
        prefix: share of a first prompt that all prompts of the tenant begin with.
        later: chance that a request is a later turn of a conversation.
        repeated: shares of a prompt that later turns repeat beyond that, each equally likely.
    """

    names: tuple[str, ...]
    upto: tuple[float, ...]
    prefix: tuple[float, ...]
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
    upto = [one / total for one in accumulate(weights)]
    upto[-1] = 1.0
    return Tenants(
        names=_names(count),
        upto=tuple(upto),
        prefix=tuple(mean + spread * (one - middle) for one in offsets),
        later=later,
        repeated=repeats.tokens,
    )


@lru_cache(maxsize=64)
def _names(count: int) -> tuple[str, ...]:
    return tuple(f"tenant-{index + 1:02d}" for index in range(count))
