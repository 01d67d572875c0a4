"""A provider of synthetic samples that accounts for its own CPU time."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import count

from mtop_tui.domain import vocabulary as names
from mtop_tui.observations import (
    Condition,
    HistogramLayout,
    LogLines,
    MetricSample,
    Node,
    ObjectRef,
    Observation,
    Pool,
    RawObject,
    Replica,
    SampleLayout,
    Service,
    SourceHealth,
)
from mtop_tui.providers.base import LogQuery, Offer

TTFT = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20,
        40, 80, 160, 640, 2560)  # fmt: skip
ITL = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40,
       80)  # fmt: skip
E2E = (0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920,
       7680)  # fmt: skip
BOUNDS = {names.TTFT: TTFT, names.ITL: ITL}
LAYOUT = SampleLayout(
    engine="vllm",
    counters=names.COUNTERS,
    gauges=names.GAUGES,
    histograms=tuple(HistogramLayout(name, BOUNDS.get(name, E2E)) for name in names.HISTOGRAMS),
)
"""All that vLLM exposes of what mtop reads: 145 cumulative values and three gauges."""

WIDTH = len(LAYOUT.counters) + sum(histogram.width for histogram in LAYOUT.histograms)
"""Cumulative values of a sample."""

STEPS = 240
VARIANTS = 5
IN_VIEW = 50
SLICE = 64


class BenchSource:
    """`services` x `replicas`, each replica sampled every `interval` seconds, staggered.

    Of the services a share `changing` has traffic whose pace varies; the others are idle, so
    their samples arrive and say nothing new. The services at the top are sampled so often that
    each of them has news every second.
    """

    def __init__(
        self, services: int, replicas: int, interval: float, changing: float, seed: int = 7
    ) -> None:
        self.name = "bench"
        self.offers: frozenset[Offer] = frozenset()
        self.cpu = 0.0
        self.samples = 0
        self._interval = interval
        self._random = random.Random(seed)
        self._busy = [self._sequence() for _ in range(VARIANTS)]
        self._idle = self._busy[0][:1] * STEPS
        self.services = [self._service(i) for i in range(services)]
        self.replicas = [
            self._replica(service, r) for service in self.services for r in range(replicas)
        ]
        self._changing = {
            service.key
            for i, service in enumerate(self.services)
            if (i + 1) * changing // 1 > i * changing // 1
        }

    def _sequence(self) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
        """What a busy replica exposes, step by step."""
        steps = []
        counts = {name: [0.0] * (len(BOUNDS.get(name, E2E)) + 1) for name in names.HISTOGRAMS}
        sums = dict.fromkeys(names.HISTOGRAMS, 0.0)
        counters = dict.fromkeys(names.COUNTERS, 0.0)
        for _ in range(STEPS):
            requests = self._random.randint(10, 60)
            counters[names.FINISHED_REQUESTS] += requests
            counters[names.PROMPT_TOKENS] += requests * 700
            counters[names.GENERATION_TOKENS] += requests * 200
            for name, cumulative in counts.items():
                first = self._random.randint(2, len(cumulative) - 6)
                sums[name] += requests
                for index in range(first, len(cumulative)):
                    cumulative[index] += requests * min(1.0, (index - first + 1) / 5)
            values = [counters[name] for name in names.COUNTERS]
            for name in names.HISTOGRAMS:
                values += [sums[name], *counts[name]]
            gauges = (float(requests), float(self._random.randint(0, 9)), self._random.random())
            steps.append((tuple(values), gauges))
        return steps

    def _service(self, index: int) -> Service:
        return Service(
            at=0,
            ref=ObjectRef(
                "bench", "bench", "LLMInferenceService", f"model-{index:05}", f"u{index}"
            ),
            model="org/model",
            pools=(Pool(role="main", desired=4, gpus_per_replica=1),),
            conditions=(Condition("Ready", "True"),),
        )

    def _replica(self, service: Service, index: int) -> Replica:
        name = f"{service.ref.name}-{index}"
        return Replica(
            at=0,
            ref=ObjectRef("bench", "bench", "Pod", name, str(int(service.ref.uid[1:]) * 4 + index)),
            service=service.key,
            role="main",
            phase="ready",
            nodes=(f"node-{service.ref.name}",),
            gpus=1,
            gpu_type="H100",
        )

    def _nodes(self) -> Iterator[Node]:
        for service in self.services:
            name = f"node-{service.ref.name}"
            yield Node(
                at=0,
                ref=ObjectRef("bench", "", "Node", name, name),
                ready=True,
                gpus=8,
                gpu_type="H100",
                instance_type="p5.48xlarge",
                region="us-east-1",
            )

    async def observe(self) -> AsyncIterator[Sequence[Observation]]:
        """The fleet, then samples at their times, in slices; catching up where it fell behind."""
        health = SourceHealth(at=time.time(), source=self.name, state="live")
        yield [health, *self._nodes(), *self.services, *self.replicas]
        start = time.time()
        for turn in count():
            for offset, members, pace in self._plan():
                due = start + turn * self._interval + offset
                while (wait := due - time.time()) > 0:
                    await asyncio.sleep(wait)
                began = time.thread_time()
                step = int((due - start) / pace) % STEPS
                batch = [self._sample(replica, due, step) for replica in members]
                self.samples += len(batch)
                self.cpu += time.thread_time() - began
                yield batch
                await asyncio.sleep(0)

    @cached_property
    def _top(self) -> list[Replica]:
        """One replica of each service in view."""
        return self.replicas[: IN_VIEW * 4 : 4]

    @lru_cache(maxsize=1)  # noqa: B019 - one source per process
    def _plan(self) -> list[tuple[float, list[Replica], float]]:
        """What is sampled when within one interval: offset, replicas, seconds between samples."""
        top = {replica.ref for replica in self._top}
        ordered = sorted(
            (i for i, replica in enumerate(self.replicas) if replica.ref not in top),
            key=lambda i: (i % 4, i),  # the replicas of a service a quarter of the interval apart
        )
        slices = [ordered[i : i + SLICE] for i in range(0, len(ordered), SLICE)]
        plan = [
            (
                number * self._interval / len(slices),
                [self.replicas[i] for i in members],
                self._interval,
            )
            for number, members in enumerate(slices)
        ]
        plan += [(second + 0.5, self._top, 1.0) for second in range(int(self._interval))]
        return sorted(plan, key=lambda entry: entry[0])

    def step(self, replica: Replica, step: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What a replica exposes at a step: cumulative values and gauges."""
        busy = replica.service in self._changing
        return (self._busy[int(replica.ref.uid) % VARIANTS] if busy else self._idle)[step]

    def _sample(self, replica: Replica, at: float, step: int) -> MetricSample:
        values, gauges = self.step(replica, step)
        return MetricSample(
            at=at,
            ref=replica.ref,
            service=replica.service,
            layout=LAYOUT,
            cumulative=values,
            gauges=gauges,
        )

    async def read_logs(self, query: LogQuery) -> AsyncIterator[LogLines]:
        """None."""
        for lines in ():
            yield lines

    async def read_object(self, ref: ObjectRef) -> RawObject | None:
        """None."""
        return None

    def pause(self, paused: bool) -> None:
        """Not offered."""

    async def close(self) -> None:
        """Nothing to release."""
