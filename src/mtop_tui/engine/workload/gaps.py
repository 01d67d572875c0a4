"""The time between two requests, in units of its mean: Gamma, with silences when very bursty."""

from __future__ import annotations

import math
from functools import lru_cache
from random import Random

import msgspec

MOST_PLAIN_CV = 3.0
"""Up to here gaps are drawn from one Gamma distribution, as ServeGen found for most clients."""

_BURST_MEAN, _BURST_SHAPE, _SILENCE_SHAPE = 0.2, 0.3, 0.6
"""Of gaps within bursts and between them, fitted to Azure's code (2023, CC-BY-4.0): with a CV of
13, variance over mean of the counts in 1, 10 and 60 s is 13, 69 and 139 where 13, 71 and 164 were
published. One Gamma distribution of that CV would have 71, 112 and 147: most of its gaps are
shorter than a nanosecond."""


class Gaps(msgspec.Struct, frozen=True):
    """A distribution of gaps with mean 1.

    Attributes:
        shape, scale: of the Gamma distribution, within bursts if there are silences.
        silences: share of gaps that are silences; 0 without.
        silence_shape, silence_scale: of these.
    """

    shape: float
    scale: float
    silences: float = 0.0
    silence_shape: float = 1.0
    silence_scale: float = 1.0

    @property
    def crowd(self) -> float:
        """Times the mean rate at which requests come within bursts; 1 where there are none."""
        if self.silences:
            return 1.0 / (self.shape * self.scale)
        return max(1.0, (1.0 + math.sqrt(1.0 / self.shape)) / 2.0)

    def first(self, random: Random) -> float:
        """What is left of a gap in which one begins to look: long gaps are met more often."""
        shape, scale = self.shape, self.scale
        in_silences = self.silences * self.silence_shape * self.silence_scale
        if random.random() < in_silences:
            shape, scale = self.silence_shape, self.silence_scale
        return random.random() * random.gammavariate(shape + 1.0, scale)


@lru_cache(maxsize=256)
def gaps_of(cv: float) -> Gaps:
    """Gaps whose standard deviation is `cv` times their mean; `cv` is above 0."""
    if cv <= MOST_PLAIN_CV:
        return Gaps(cv**-2, cv**2)
    # Mean 1 and the second moment 1 + cv**2 fix share and mean of the silences; the share is small,
    # so that its fixed point is found at once.
    share, mean = 0.0, 1.0
    for _ in range(60):
        bursts = (1.0 - share) * _BURST_MEAN
        second = 1.0 + cv**2 - bursts * _BURST_MEAN * (1.0 + 1.0 / _BURST_SHAPE)
        mean = second / (1.0 + 1.0 / _SILENCE_SHAPE) / (1.0 - bursts)
        share = (1.0 - _BURST_MEAN) / (mean - _BURST_MEAN)
    return Gaps(
        _BURST_SHAPE,
        _BURST_MEAN / _BURST_SHAPE,
        share,
        _SILENCE_SHAPE,
        mean / _SILENCE_SHAPE,
    )
