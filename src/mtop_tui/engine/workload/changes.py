"""Changes of a load: steps, ramps, spikes and pauses, and what they do to the requests."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec


class LoadChange(msgspec.Struct, frozen=True):
    """What happens to a load from `at` on; several at once multiply.

    Attributes:
        at: Unix seconds at which it begins.
        until: Unix seconds at which it ends; never, unless stated.
        rate: times the rate of requests; 0 stops them.
        rise: seconds from the usual rate to this one, in a straight line after `at`.
        fall: seconds back to the usual rate, in a straight line after `until`.
        prompt: times the length of prompts, between `at` and `until`.
        output: times the length of answers, between `at` and `until`.
        cached: times the share of prompts that was seen before, between `at` and `until`.
    """

    at: float
    until: float = math.inf
    rate: float = 1.0
    rise: float = 0.0
    fall: float = 0.0
    prompt: float = 1.0
    output: float = 1.0
    cached: float = 1.0

    def rate_at(self, at: float) -> float:
        """Times the usual rate, at a time."""
        if at < self.at or at >= self.until + self.fall:
            return 1.0
        part = 1.0
        if at < self.at + self.rise:
            part = (at - self.at) / self.rise
        if at >= self.until:
            part = min(part, 1.0 - (at - self.until) / self.fall)
        return 1.0 + (self.rate - 1.0) * part

    def slopes_at(self, at: float) -> bool:
        """Whether the rate is on its way, at a time."""
        return self.at <= at < self.at + self.rise or self.until <= at < self.until + self.fall

    def edges(self) -> tuple[float, float, float, float]:
        """Where the course of the rate has a corner."""
        return self.at, self.at + self.rise, self.until, self.until + self.fall


def step(at: float, rate: float) -> LoadChange:
    """Another rate from now on."""
    return LoadChange(at, rate=rate)


def ramp(at: float, seconds: float, rate: float) -> LoadChange:
    """Another rate, reached over some seconds."""
    return LoadChange(at, rate=rate, rise=seconds)


def spike(at: float, seconds: float, rate: float) -> LoadChange:
    """Another rate for some seconds."""
    return LoadChange(at, at + seconds, rate=rate)


class Scales(msgspec.Struct, frozen=True):
    """What all changes together do at one time, as factors."""

    rate: float
    prompt: float
    output: float
    cached: float


def scales_at(changes: Iterable[LoadChange], at: float) -> Scales:
    """What changes do together at a time."""
    rate = prompt = output = cached = 1.0
    for one in changes:
        rate *= one.rate_at(at)
        if one.at <= at < one.until:
            prompt *= one.prompt
            output *= one.output
            cached *= one.cached
    return Scales(rate, prompt, output, cached)
