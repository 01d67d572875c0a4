"""Scenarios whose outcome was published: a burst, a saturated GPU, a collapsed prefix cache."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from random import Random

from bench.fidelity.drivers import Seen, configured, open_loop, poisson, quantile, spread
from bench.fidelity.tables import llmservingsim
from mtop_tui.engine.hardware import gpu_named
from mtop_tui.engine.models import model_named
from mtop_tui.engine.serving.profiles import serving_profile
from mtop_tui.engine.serving.replica import ReplicaServer
from mtop_tui.engine.serving.requests import Request

PREFIX_SOURCE = "llm-d: 8 pods of 2 H100, Qwen3-32B,\nprecise against random routing, 2025-09"

# Rate and seconds of each stage, as the report states them, after a warm-up.
_WARM_UP = (15.0, 50.0)
_STAGES = (
    *((3.0, 20.0), (10.0, 20.0), (15.0, 20.0), (20.0, 38.0), (22.0, 34.0), (25.0, 30.0)),
    *((30.0, 25.0), (35.0, 21.0), (40.0, 38.0), (43.0, 36.0), (46.0, 33.0), (49.0, 30.0)),
    *((52.0, 29.0), (55.0, 27.0), (57.0, 26.0), (60.0, 25.0)),
)
_PODS, _GROUPS, _USERS, _SHARED, _QUESTION = 8, 150, 5, 6000, 1200
_POD_TOKENS = 307_328
_ANSWER = 500
"""Tokens per answer. Asked for are 1,000, but the stages of 3, 10 and 15 requests per second, which
nothing holds up, yield 505 to 520 per request sent. The ratio of throughputs depends on it: 2.32 at
430 tokens, which the report's count of live tokens suggests, and beyond its bound."""

_SEEDS = range(5)


_L4_OFFERED = 5.0 / (365.0 / 346.0)
"""Of the published 365 answer tokens per second, at 346 tokens each."""


@dataclass
class Outcome:
    """A figure of a scenario: what was published, what came out, and between what it must be."""

    scenario: str
    figure: str
    published: float
    simulated: float
    least: float
    most: float

    @property
    def met(self) -> bool:
        """Whether it lies within its bounds."""
        return self.least <= self.simulated <= self.most


def burst(folder: Path) -> list[Outcome]:
    """300 requests in 29 s on an RTX 4090: KV cache full, long queue."""
    row = next(one for one in llmservingsim(folder) if one.name.startswith("RTX4090"))
    name = "RTX 4090, 300 requests in 29 s"
    peak, p95 = row.figures["queue peak"][1], row.figures["ttft p95"][1]
    return [
        Outcome(name, "queue peak, requests", 232.0, peak, 0.8 * 232, 1.2 * 232),
        Outcome(name, "TTFT p95, s", 123.0, p95, 0.8 * 123, 1.2 * 123),
    ]


def saturated() -> list[Outcome]:
    """Llama 8B on an L4 at 5 requests per second, which it cannot sustain (AccelMark)."""
    gpu = gpu_named("L4")
    assert gpu is not None
    profile = serving_profile(model_named("llama3-8b"), gpu, 1, engine="vllm-v0")
    lengths = spread(256, 346, sigma=0.9, longest=(2100, 512))
    seen = open_loop(profile, poisson(5.0, 300, lengths))
    capacity = profile.capacity(256, 346)
    name = "L4, Llama 8B at 5 requests per second"
    return [
        Outcome(name, "offered over sustained rate", _L4_OFFERED, 5.0 / capacity, 1.0, inf),
        Outcome(name, "TTFT p50, s", 41.0, quantile(seen.ttft, 0.5), 10.0, inf),
        Outcome(name, "answer tokens per second", 365.0, seen.throughput, 0.0, inf),
    ]


def collapse(stages: Sequence[tuple[float, float]] = _STAGES) -> list[Outcome]:
    """Eight pods behind a router that knows their prefix caches, and behind a random one.

    Each figure is the median of five seeds.
    """
    runs = [(_fleet(stages, _aware, seed), _fleet(stages, _blind, seed)) for seed in _SEEDS]
    p90 = [[quantile(one.ttft, 0.9) for one in run] for run in runs]
    speeds = [[one.throughput for one in run] for run in runs]

    def figure(
        name: str, published: float, values: Iterable[float], least: float = 0.0, most: float = inf
    ) -> Outcome:
        middle = statistics.median(values)
        return Outcome("prefix cache, 8 pods", name, published, middle, least, most)

    return [
        figure("TTFT p90 aware, s", 0.54, (one[0] for one in p90)),
        figure("TTFT p90 random, s", 92.6, (one[1] for one in p90)),
        figure("TTFT p90 ratio", 171.0, (one[1] / one[0] for one in p90), 50.0),
        figure("throughput aware, tok/s", 8730.0, (one[0] for one in speeds)),
        figure("throughput random, tok/s", 4429.0, (one[1] for one in speeds)),
        figure("throughput ratio", 1.97, (one[0] / one[1] for one in speeds), 1.7, 2.3),
        figure("throughput ratio, least of 5 seeds", 1.97, [min(a / b for a, b in speeds)]),
        figure("throughput ratio, most of 5 seeds", 1.97, [max(a / b for a, b in speeds)]),
    ]


Router = Callable[[Sequence[ReplicaServer], Sequence[set[int]], Request, Random], int]


def _blind(
    pods: Sequence[ReplicaServer], _seen: Sequence[set[int]], _request: Request, random: Random
) -> int:
    return random.randrange(len(pods))


def _aware(
    pods: Sequence[ReplicaServer], seen: Sequence[set[int]], request: Request, random: Random
) -> int:
    """The weights of the report: prefix 3, KV cache 2, queue 2."""
    longest = max(1, *(one.waiting for one in pods))
    share = _SHARED / (_SHARED + _QUESTION)

    def score(index: int) -> float:
        pod = pods[index]
        found = share if request.group in seen[index] else 0.0
        return 3.0 * found + 2.0 * (1.0 - pod.kv_usage) + 2.0 * (1.0 - pod.waiting / longest)

    return max(range(len(pods)), key=lambda index: (score(index), random.random()))


def _fleet(stages: Sequence[tuple[float, float]], route: Router, seed: int) -> Seen:
    """All stages, each to its last answer. Throughput is the mean of the stages', as published."""
    gpu = gpu_named("H100")
    assert gpu is not None
    profile = configured(
        serving_profile(model_named("qwen3-32b"), gpu, 2), kv_tokens=_POD_TOKENS, sequences=1024
    )
    random = Random(seed)
    pods = [ReplicaServer(profile, Random(index), 0.0, patience=inf) for index in range(_PODS)]
    sent: list[set[int]] = [set() for _ in pods]
    asked: list[set[int]] = [set() for _ in pods]
    total, speeds, at = Seen(), [], 0.0
    for number, (rate, seconds) in enumerate((_WARM_UP, *stages)):
        stage = Seen(began=at)
        for pod in pods:
            pod.on_end = lambda one, stage=stage: stage.take(one, profile.request_overhead)
        end = at + seconds
        at += random.expovariate(rate)
        while at < end:
            for pod in pods:
                pod.advance(at)
            user = random.randrange(_GROUPS * _USERS)
            request = Request(at, _SHARED + _QUESTION, _ANSWER, _SHARED, user // _USERS)
            chosen = route(pods, sent, request, random)
            asked_for = len(sent[chosen]) * _SHARED + len(asked[chosen]) * _QUESTION
            if user in asked[chosen] and asked_for <= _POD_TOKENS:
                # The same question again. Questions are evicted before the prefix they follow,
                # so it is still there if all that this pod was asked for fits.
                request.cached = request.prompt
            asked[chosen].add(user)
            sent[chosen].add(request.group)
            pods[chosen].submit(request)
            at += random.expovariate(rate)
        while any(pod.page.running or pod.page.waiting for pod in pods) or at < end:
            at += 1.0
            for pod in pods:
                pod.advance(at)
        if number:
            speeds.append(stage.throughput)
            total.ttft += stage.ttft
    # Throughput is tokens over time: one second of the mean of the stages.
    total.tokens, total.began, total.ended = round(sum(speeds) / len(speeds)), 0.0, 1.0
    return total
