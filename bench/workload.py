"""Measures the simulated requests: `python -m bench.workload [--figures]`.

Without a flag, what drawing costs, against its bounds; exits 1 if one is missed. With `--figures`,
how what is drawn compares with what was published, as the table in docs/workload.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from bench.__main__ import Figure
from mtop_tui.engine.demand import Demand
from mtop_tui.engine.serving.requests import Request
from mtop_tui.engine.workload.kinds import CHAT, CODE, KINDS, LONG_CONTEXT, Kind
from mtop_tui.engine.workload.workload import Workload, workload_of
from mtop_tui.observations import ServiceKey

OUT = Path(__file__).parent / "out" / "workload.json"
START = 1_800_000_000.0

# Rate; inter-arrival CV; variance over mean of counts in 1, 10 and 60 s; p50, p95, p99 and mean of
# prompts, then of answers. Sources and licences: docs/workload.md.
PUBLISHED = {
    CHAT.name: (5.53, 1.09, 1.4, 4.0, 16, 1_020, 4_083, 4_142, 1_155, 129, 451, 601, 211),
    CODE.name: (2.57, 13.2, 13, 71, 164, 1_469, 7_303, 7_436, 2_048, 13, 90, 251, 28),
    LONG_CONTEXT.name: (
        *(3.40, 3.0, 7.9, 2.1, 2.9),
        *(6_909, 39_550, 85_400, 12_035, 350, 698, 1_118, 343),
    ),
}


def made(kind: Kind, index: int, rate: float, **hints: float) -> Workload:
    demand = Demand(requests_per_second=rate, **hints)  # type: ignore[arg-type]
    return workload_of(7, ServiceKey("mock", "ns", f"s{index}"), demand, 1.0, kind)


def fastest(run: Callable[[], object], runs: int) -> float:
    """CPU seconds of the fastest of some runs: the others were disturbed."""
    times = []
    for _ in range(runs):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return min(times)


def speed() -> Iterator[Figure]:
    kinds = list(KINDS.values())
    began = time.process_time()
    fleet = [made(kinds[index % len(kinds)], index, 17.0, diurnal=0.0) for index in range(1_000)]
    yield Figure("1000 services: made", (time.process_time() - began) * 1e3, "ms")
    now = START
    counts: list[int] = []

    def second() -> None:
        nonlocal now
        counts.append(sum(len(one.requests(now, now + 1.0)) for one in fleet))
        now += 1.0

    began = time.process_time()
    second()
    yield Figure("1000 services: first second", (time.process_time() - began) * 1e3, "ms")
    began = time.process_time()
    counts.clear()
    for _ in range(60):
        second()
    spent, drawn = time.process_time() - began, sum(counts)
    yield Figure("1000 services: requests", drawn / 60, "/s")
    yield Figure("per request", spent / drawn * 1e6, "us")
    yield Figure("17000 requests/s: CPU per second", spent / drawn * 17e6, "ms", 60)

    idle = [made(kinds[index % len(kinds)], index, 0.0) for index in range(4_000)]
    moments = iter(range(1_000_000))

    def tick() -> None:
        at = START + next(moments)
        for one in idle:
            one.requests(at, at + 1.0)

    tick()
    yield Figure("4000 idle services: CPU per tick", fastest(tick, 50) * 1e3, "ms", 5)

    tracemalloc.start()
    kept = [made(CHAT, index, 1.0) for index in range(300)]
    for one in kept:
        one.requests(START, START + 30.0)
    yield Figure("memory per service", tracemalloc.get_traced_memory()[0] / len(kept) / 1e3, "KB")
    tracemalloc.stop()


def dispersion(found: Sequence[Request], window: float) -> float:
    counts = Counter(int((one.at - START) / window) for one in found)
    series = [counts[index] for index in range(int((found[-1].at - START) / window))]
    return statistics.pvariance(series) / statistics.fmean(series)


def drawn_figures(kind: Kind, rate: float, cv: float, prompt: float, output: float) -> list[float]:
    hints = {"cv": cv, "prompt_tokens": prompt, "output_tokens": output}
    hours = [made(kind, index, rate, **hints).requests(START, START + 3_600) for index in range(24)]
    found = [one for hour in hours for one in hour]
    gaps = [after.at - before.at for hour in hours for before, after in pairwise(hour)]
    figures = [rate, statistics.pstdev(gaps) / statistics.fmean(gaps)]
    figures += [statistics.fmean(dispersion(hour, size) for hour in hours) for size in (1, 10, 60)]
    for lengths in (sorted(one.prompt for one in found), sorted(one.output for one in found)):
        figures += [lengths[int(share * len(lengths))] for share in (0.5, 0.95, 0.99)]
        figures.append(statistics.fmean(lengths))
    return figures


def figures() -> None:
    print("| kind | CV | 1 s / 10 s / 60 s | prompt p50 / p95 / p99 (mean) | answer |")
    print("|---|---|---|---|---|")
    for name, published in PUBLISHED.items():
        drawn = drawn_figures(KINDS[name], *published[:2], published[8], published[12])
        for title, row in ((f"`{name}`, published", published), ("drawn", drawn)):
            spread = " / ".join(f"{one:.3g}" for one in row[2:5])
            lengths = [
                " / ".join(f"{one:,.0f}" for one in part[:3]) + f" ({part[3]:,.0f})"
                for part in (row[5:9], row[9:13])
            ]
            print(f"| {title} | {row[1]:.3g} | {spread} | {lengths[0]} | {lengths[1]} |")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.workload", description=__doc__)
    parser.add_argument("--figures", action="store_true", help="compare with what was published")
    if parser.parse_args().figures:
        figures()
        return 0
    measured = []
    for one in speed():
        print(one)
        measured.append({"name": one.name, "value": one.value, "unit": one.unit, "met": one.met})
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(measured, indent=1) + "\n")
    return 1 if any(one["met"] is False for one in measured) else 0


if __name__ == "__main__":
    sys.exit(main())
