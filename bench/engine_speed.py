"""Measures how fast replicas are simulated: `python -m bench.engine_speed [--quick]`.

CPU time of one process, the least of several runs, since machines are noisy: requests a second of
one replica; simulated seconds a second of 1,000 services with 4 replicas each at 30 % utilisation,
routing by the lesser load of two included, drawing the requests not; and of 12,500 services with 4
replicas each by formulas, read every 15 s. Exits 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from mtop_tui.engine.hardware import gpu_named
from mtop_tui.engine.models import model_named
from mtop_tui.engine.serving.fluid import FluidServer
from mtop_tui.engine.serving.profiles import ServingProfile, serving_profile
from mtop_tui.engine.serving.replica import ReplicaServer
from mtop_tui.engine.serving.requests import Request
from mtop_tui.engine.serving.steady import Lengths

PROMPT, OUTPUT = 600.0, 220.0
_LENGTHS = Lengths(PROMPT, OUTPUT, 0.3)
_KINDS = (
    ("llama-3-8b", "H100", 1),
    ("llama-3-8b", "A100-80GB", 1),
    ("llama-3-8b", "L4", 1),
    ("llama-3-70b", "H100", 4),
    ("qwen3-32b", "H100", 2),
    ("mixtral-8x7b", "A100-80GB", 4),
)


@dataclass
class Speed:
    """A measured rate and the least it must be."""

    name: str
    value: float
    unit: str
    bound: float

    def __str__(self) -> str:
        verdict = "met" if self.value >= self.bound else "MISSED"
        return (
            f"{self.name:<58} {self.value:>10,.1f} {self.unit:<12} >= {self.bound:<9,g} {verdict}"
        )


def profiles() -> list[ServingProfile]:
    """Those of a mixed fleet."""
    found = []
    for model, name, gpus in _KINDS:
        gpu = gpu_named(name)
        assert gpu is not None
        found.append(serving_profile(model_named(model), gpu, gpus))
    return found


def least(runs: int, work: Callable[[], float]) -> float:
    """The least CPU time of several runs of what measures itself."""
    found = []
    for _ in range(runs):
        gc.collect()
        found.append(work())
    return min(found)


def drawn(random: Random, at: float) -> Request:
    """A request with log-normal lengths."""
    return Request(
        at,
        1 + int(PROMPT * random.lognormvariate(-0.32, 0.8)),
        1 + int(OUTPUT * random.lognormvariate(-0.245, 0.7)),
    )


def single(rate: float, count: int, runs: int) -> Speed:
    """One replica that gets `rate` requests a second, advanced every second."""

    def work() -> float:
        random, at, requests = Random(1), 0.0, []
        for _ in range(count):
            at += random.expovariate(rate)
            requests.append(drawn(random, at))
        server, place, tick = ReplicaServer(profiles()[0], Random(2), 0.0), 0, 0.0
        began = time.process_time()
        while place < count:
            tick += 1.0
            while place < count and requests[place].at < tick:
                server.submit(requests[place])
                place += 1
            server.advance(tick)
        return time.process_time() - began

    return Speed(
        f"one replica at {rate:g} requests/s", count / least(runs, work), "requests/s", 100_000
    )


def fleet(services: int, replicas: int, share: float, seconds: int, runs: int) -> Iterator[Speed]:
    """A fleet request by request, with a tick of 1 s after a warm-up as long as what is timed."""
    arrived = 0

    def work() -> float:
        nonlocal arrived
        random, kinds = Random(1), profiles()
        pools = []
        for index in range(services):
            kind = kinds[index % len(kinds)]
            servers = [ReplicaServer(kind, Random(index), 0.0) for _ in range(replicas)]
            pools.append((servers, kind.capacity(PROMPT, OUTPUT) * share * replicas))
        spent, arrived = 0.0, 0
        for tick in range(2 * seconds):
            streams = []
            for _, rate in pools:
                at, stream = float(tick), []
                while (at := at + random.expovariate(rate)) < tick + 1.0:
                    stream.append(drawn(random, at))
                streams.append(stream)
            began = time.process_time()
            _tick(pools, streams, random, tick + 1.0)
            if tick >= seconds:
                spent += time.process_time() - began
                arrived += sum(map(len, streams))
        return spent

    took = least(runs, work)
    name = f"{services:,} services x {replicas}, {share:.0%} busy"
    print(f"{name}: {arrived / seconds:,.0f} requests a simulated second")
    yield Speed(f"{name}, request by request", seconds / took, "x real time", 6.0)


def _tick(
    pools: list[tuple[list[ReplicaServer], float]],
    streams: list[list[Request]],
    random: Random,
    until: float,
) -> None:
    draw = random.random
    for (servers, _), stream in zip(pools, streams, strict=True):
        count = len(servers)
        for request in stream:
            first, second = servers[int(draw() * count)], servers[int(draw() * count)]
            (first if first.load <= second.load else second).submit(request)
        for server in servers:
            server.advance(until)


def analytic(services: int, replicas: int, every: float, runs: int) -> Speed:
    """A fleet by formulas, each replica advanced and read every so many seconds."""

    def work() -> float:
        kinds = profiles()
        servers = []
        for index in range(services * replicas):
            kind = kinds[index % len(kinds)]
            rate = kind.capacity(PROMPT, OUTPUT, 0.3) * 0.3
            servers.append((FluidServer(kind, Random(index), 0.0), rate))
        for server, rate in servers:
            server.advance(every, rate, _LENGTHS)
        began = time.process_time()
        for server, rate in servers:
            server.advance(2 * every, rate, _LENGTHS)
        return time.process_time() - began

    name = f"{services:,} services x {replicas}, by formulas"
    return Speed(name, every / least(runs, work), "x real time", 8.0)


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine_speed", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer seconds, one run")
    quick = parser.parse_args().quick
    runs = 1 if quick else 3
    found = [single(rate, 5_000 if quick else 20_000, runs) for rate in (1.0, 5.0, 15.0)]
    found += fleet(1_000, 4, 0.3, 5 if quick else 15, runs)
    found.append(analytic(12_500, 4, 15.0, runs))
    for one in found:
        print(one)
    return 0 if all(one.value >= one.bound for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
