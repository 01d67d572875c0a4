"""Measures the canary verdict by simulation: `python -m bench.canary [--quick]`.

How often it raises a false alarm in an hour of looking every 15 s when nothing differs, how often
it finds a known regression in time, and how long that takes. Prints every figure with its bound,
writes `bench/out/canary.json` and exits 1 if a bound is missed. Draws come from a seed: the same
call gives the same figures.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import random
import statistics
import sys
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import accumulate, islice, product
from pathlib import Path
from statistics import NormalDist

from mtop_tui.domain.rollouts.canary import (
    ERRORS,
    TPOT,
    TTFT,
    Comparison,
    Count,
    Metric,
    Verdict,
    best_edge,
    beyond,
)
from mtop_tui.domain.stats.intervals import clopper_pearson

OUT = Path(__file__).parent / "out" / "canary.json"
WINDOW = 15.0
HOUR = 240
ANY = 10**9

# Bucket edges in seconds of vLLM's histograms: vllm/v1/metrics/loggers.py, Apache-2.0.
TTFT_EDGES = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(20.0, 40.0, 80.0, 160.0, 640.0, 2560.0),
)
TPOT_EDGES = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(20.0, 40.0, 80.0),
)


@dataclass
class Rate:
    """How many of the runs did something, with its 95 % interval and its bound."""

    name: str
    hits: int
    runs: int
    bound: float | None = None
    at_most: bool = False
    requests: float | None = None

    @property
    def share(self) -> float:
        return self.hits / self.runs

    @property
    def met(self) -> bool | None:
        if self.bound is None:
            return None
        return self.share <= self.bound if self.at_most else self.share >= self.bound

    def row(self) -> dict[str, object]:
        interval = clopper_pearson(self.hits, self.runs)
        return {**asdict(self), "share": self.share, "interval": interval, "met": self.met}

    def __str__(self) -> str:
        low, high = clopper_pearson(self.hits, self.runs) or (math.nan, math.nan)
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        sign = "<=" if self.at_most else ">="
        bound = "" if self.bound is None else f"{sign} {self.bound:.0%}"
        median = "" if self.requests is None else f"median {self.requests:.0f} req"
        shares = f"{self.share:6.1%} ({low:.1%} to {high:.1%} of {self.runs})"
        return f"{self.name:<66} {shares:<32} {bound:<7} {verdict:<6} {median}"


@dataclass(frozen=True)
class Latency:
    """Log-normal latencies in buckets, as cumulative probabilities per edge."""

    edges: tuple[float, ...]
    probabilities: tuple[float, ...]

    @classmethod
    def of(cls, edges: tuple[float, ...], median: float, sigma: float) -> Latency:
        normal = NormalDist(math.log(median), sigma)
        return cls(edges, tuple(normal.cdf(math.log(edge)) for edge in edges))

    def counts(self, requests: int, draws: random.Random) -> list[int]:
        """Cumulative bucket counts of so many requests."""
        buckets = [0] * (len(self.edges) + 1)
        for _ in range(requests):
            buckets[bisect(self.probabilities, draws.random())] += 1
        return list(accumulate(buckets))


def poisson(mean: float, draws: random.Random) -> int:
    """Arrivals in one window."""
    count, left = -1, mean
    while left >= 0:
        left -= draws.expovariate(1.0)
        count += 1
    return count


def failures(share: float, requests: int, draws: random.Random) -> Count:
    return Count(sum(draws.random() < share for _ in range(requests)), requests)


Windows = Iterator[tuple[Count, Count]]
Start = tuple[Comparison, Windows]


def errors(shares: tuple[float, float], rates: tuple[float, float], draws: random.Random) -> Start:
    """Failed requests of baseline and canary, window after window."""

    def windows() -> Windows:
        while True:
            base, new = (
                failures(share, poisson(rate * WINDOW, draws), draws)
                for share, rate in zip(shares, rates, strict=True)
            )
            yield base, new

    return Comparison.of(ERRORS, shares[0]), windows()


def slow(
    metric: Metric,
    sides: tuple[Latency, Latency],
    rates: tuple[float, float],
    draws: random.Random,
) -> Start:
    """Requests beyond the edge chosen from 500 requests of the baseline before the canary."""
    edges = sides[0].edges
    edge = best_edge(edges, sides[0].counts(500, draws))
    assert edge is not None

    def windows() -> Windows:
        while True:
            base, new = (
                beyond(edge.bound, edges, side.counts(poisson(rate * WINDOW, draws), draws))
                for side, rate in zip(sides, rates, strict=True)
            )
            assert base is not None
            assert new is not None
            yield base, new

    return Comparison.of(metric, edge.slower), windows()


def called(start: Start, wanted: set[Verdict], most: int, looks: int) -> Comparison | None:
    """The comparison at the first look with a wanted verdict, within so many requests and looks."""
    comparison, windows = start
    for baseline, canary in islice(windows, looks):
        comparison = comparison.after(baseline, canary)
        if comparison.canary.total > most:
            return None
        if comparison.verdict().verdict in wanted:
            return comparison
    return None


def false_alarms(runs: int, rates: tuple[float, float]) -> Rate:
    """Any metric called WORSE or BETTER at any of 240 looks, with no real difference."""
    hits = 0
    for run in range(runs):
        draws = random.Random(f"no difference {rates} {run}")
        ttft = Latency.of(TTFT_EDGES, draws.uniform(0.1, 1.5), draws.uniform(0.6, 0.8))
        tpot = Latency.of(TPOT_EDGES, draws.uniform(0.02, 0.08), draws.uniform(0.3, 0.5))
        share = draws.choice((0.001, 0.01, 0.05))
        starts = (
            errors((share, share), rates, draws),
            slow(TTFT, (ttft, ttft), rates, draws),
            slow(TPOT, (tpot, tpot), rates, draws),
        )
        alarm = {Verdict.WORSE, Verdict.BETTER}
        hits += any(called(start, alarm, ANY, HOUR) is not None for start in starts)
    name = f"no difference, {rates[0]:g} and {rates[1]:g} req/s: any alarm in an hour"
    return Rate(name, hits, runs, 0.05, at_most=True)


def power(
    name: str,
    start: Callable[[random.Random], Start],
    wanted: Verdict,
    most: int,
    runs: int,
    bound: float | None = None,
) -> Rate:
    """How often the verdict is reached before the canary has served more than `most` requests."""
    found = (
        called(start(random.Random(f"{name} {run}")), {wanted}, most, ANY) for run in range(runs)
    )
    served = [comparison.canary.total for comparison in found if comparison is not None]
    middle = statistics.median(served) if served else None
    return Rate(name, len(served), runs, bound, requests=middle)


def powers(runs: int) -> Iterator[Rate]:
    """What is found, and how soon."""
    for base, new in ((9.0, 1.0), (3.0, 1.0), (1.0, 1.0)):
        name = f"errors 1 % -> 5 %, {base:g}:{new:g}: WORSE within 500 canary requests"
        start = partial(errors, (0.01, 0.05), (base, new))
        yield power(name, start, Verdict.WORSE, 500, 4 * runs, 0.9)
    for median, sigma in product((0.15, 0.3, 0.6, 1.5), (0.6, 0.8)):
        name = f"TTFT +20 %, median {median:g} s, sigma {sigma:g}: WORSE within 3000 a side"
        sides = (
            Latency.of(TTFT_EDGES, median, sigma),
            Latency.of(TTFT_EDGES, median * 1.2, sigma),
        )
        yield power(name, partial(slow, TTFT, sides, (2.0, 2.0)), Verdict.WORSE, 3000, runs, 0.8)
    few = max(runs // 4, 1)
    name = "no difference, errors 1 %: PASS within 20000 a side"
    yield power(name, partial(errors, (0.01, 0.01), (10.0, 10.0)), Verdict.PASS, 20_000, few)
    name = "no difference, TTFT: PASS within 20000 a side"
    same = Latency.of(TTFT_EDGES, 0.3, 0.7)
    start = partial(slow, TTFT, (same, same), (10.0, 10.0))
    yield power(name, start, Verdict.PASS, 20_000, few)


def main() -> int:
    """Run all; exit code 1 when a bound is missed."""
    parser = argparse.ArgumentParser(prog="bench.canary", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs, wider intervals")
    quick = parser.parse_args().quick
    rates: list[Rate] = []

    def tell(rate: Rate) -> None:
        rates.append(rate)
        print(rate, flush=True)

    for traffic in ((2.0, 2.0), (4.5, 0.5)):
        tell(false_alarms(100 if quick else 1000, traffic))
    for rate in powers(60 if quick else 300):
        tell(rate)
    OUT.parent.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "system": platform.platform()}
    rows = [rate.row() for rate in rates]
    OUT.write_text(json.dumps({"machine": machine, "figures": rows}, indent=1) + "\n")
    missed = [rate.name for rate in rates if rate.met is False]
    print(f"\n{len(missed)} of {sum(rate.met is not None for rate in rates)} bounds missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
