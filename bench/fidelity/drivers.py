"""Drives one simulated replica as a benchmark client would, and measures what its clients see."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from random import Random

import msgspec

from mtop_tui.engine.serving.profiles import ServingProfile
from mtop_tui.engine.serving.replica import ReplicaServer, Served
from mtop_tui.engine.serving.requests import Request
from mtop_tui.engine.serving.scheduling import Policy
from mtop_tui.engine.serving.step_time import step_rates

SEND_GAP = 0.001
"""Seconds a closed-loop client takes from one send to the next: it is one process."""

Lengths = Callable[[], tuple[int, int]]


@dataclass
class Seen:
    """What clients saw, in seconds."""

    ttft: list[float] = field(default_factory=list)
    tpot: list[float] = field(default_factory=list)
    e2e: list[float] = field(default_factory=list)
    tokens: int = 0
    began: float = 0.0
    ended: float = 0.0
    queue_peak: int = 0

    @property
    def throughput(self) -> float:
        """Answer tokens per second."""
        return self.tokens / (self.ended - self.began) if self.ended > self.began else 0.0

    def take(self, one: Served, overhead: float) -> None:
        """Count a request that ended."""
        at, output = one.request.at, one.request.output
        self.ttft.append(one.first - at + overhead)
        self.e2e.append(one.last - at + overhead)
        if output > 1:
            self.tpot.append((one.last - one.first) / (output - 1))
        self.tokens += output
        self.ended = max(self.ended, one.last)


def quantile(values: Sequence[float], share: float) -> float:
    """A quantile, interpolated."""
    ordered = sorted(values)
    if not ordered:
        return inf
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def mean(values: Sequence[float]) -> float:
    """The mean, or infinity of nothing."""
    return statistics.fmean(values) if values else inf


def configured(
    profile: ServingProfile,
    *,
    decode: float = 1.0,
    prefill: float = 1.0,
    kv_tokens: float | None = None,
    **policy: int,
) -> ServingProfile:
    """The profile with these scales, and the settings that a benchmark declares."""
    costs = msgspec.structs.replace(
        profile.costs,
        decode_scale=decode,
        prefill_scale=prefill,
        kv_tokens=profile.costs.kv_tokens if kv_tokens is None else kv_tokens,
    )
    changed: Policy = msgspec.structs.replace(profile.policy, **policy)
    return msgspec.structs.replace(profile, costs=costs, rates=step_rates(costs), policy=changed)


def closed_loop(
    profile: ServingProfile, lengths: Lengths, concurrency: int, total: int, seed: int = 1
) -> Seen:
    """`concurrency` clients that each send the next request as soon as they have an answer."""
    server = ReplicaServer(profile, Random(seed), 0.0, patience=inf)
    seen = Seen()
    sent, last_send = 0, -SEND_GAP

    def send(at: float) -> None:
        nonlocal sent, last_send
        last_send = max(at, last_send + SEND_GAP)
        prompt, output = lengths()
        server.submit(Request(last_send, prompt, output))
        sent += 1

    def ended(one: Served) -> None:
        seen.take(one, profile.request_overhead)
        if sent < total:
            send(one.last)

    server.on_end = ended
    for _ in range(min(concurrency, total)):
        send(0.0)
    server.advance(1e9)
    return seen


def open_loop(profile: ServingProfile, requests: Iterable[Request], *, watch: float = 0.0) -> Seen:
    """Requests at their times. With `watch`, the queue is looked at every so many seconds."""
    server = ReplicaServer(profile, Random(1), 0.0, patience=inf)
    seen = Seen()
    server.on_end = lambda one: seen.take(one, profile.request_overhead)
    expected = 0
    for one in requests:
        server.submit(one)
        expected += 1
    while watch and len(seen.e2e) < expected and server.at < 1e5:
        server.advance(server.at + watch)
        seen.queue_peak = max(seen.queue_peak, int(server.page.waiting))
    server.advance(1e9)
    return seen


def poisson(rate: float, count: int, lengths: Lengths, seed: int = 3) -> list[Request]:
    """`count` requests at exponential intervals."""
    random, at, requests = Random(seed), 0.0, []
    for _ in range(count):
        at += random.expovariate(rate)
        prompt, output = lengths()
        requests.append(Request(at, prompt, output))
    return requests


def fixed(prompt: int, output: int) -> Lengths:
    """Every request has these lengths."""
    return lambda: (prompt, output)


def spread(
    prompt: float, output: float, *, sigma: float, longest: tuple[int, int], seed: int = 5
) -> Lengths:
    """Log-normal lengths with these means once cut off at the longest."""
    random = Random(seed)
    scale = [1.0, 1.0]
    # Cutting off lowers the mean; two corrections bring it back.
    for _ in range(4):
        draws = Random(7)
        for index, (wanted, most) in enumerate(zip((prompt, output), longest, strict=True)):
            got = [
                min(most, scale[index] * wanted * draws.lognormvariate(-(sigma**2) / 2, sigma))
                for _ in range(2000)
            ]
            scale[index] *= wanted / mean(got)

    def draw() -> tuple[int, int]:
        a, b = (random.lognormvariate(-(sigma**2) / 2, sigma) for _ in range(2))
        return (
            max(1, min(longest[0], round(scale[0] * prompt * a))),
            max(2, min(longest[1], round(scale[1] * output * b))),
        )

    return draw
