"""Measures the logs of a simulated fleet: `python -m bench.logs`; exits 1 if a bound is missed."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence

from bench.__main__ import Figure
from mtop_tui.engine.outputs.container import MAIN, STORAGE_INITIALIZER, ContainerFacts
from mtop_tui.engine.outputs.logbook import Logbook, ring_limit
from mtop_tui.engine.outputs.ring import LogRing
from mtop_tui.engine.serving.replica import ReplicaStats
from mtop_tui.observations import ObjectRef, ServiceKey

START = 1_800_000_000.0
REPLICAS = 4_000
FULL = 500
"""Statistics until a ring is full: after 83 minutes."""

FACTS = ContainerFacts(model="m", weights=16e9, ranks=2, kv_tokens=100_000, kv_bytes=1e10)
STORAGE = ContainerFacts(speaker="storage-initializer", weights=16e9)
STATS = ReplicaStats(3, 1, 0.25, 1_000.0, 200.0, 0.5)


def fleet() -> list[LogRing]:
    """Replicas that have started."""
    book = Logbook(START, limit=ring_limit(REPLICAS))
    rings = []
    for number in range(REPLICAS):
        service = ServiceKey("mock", "prod", f"s-{number // 4}")
        pod = ObjectRef("mock", "prod", "Pod", f"p-{number}", f"u-{number}")
        storage = book.open(service, pod, STORAGE_INITIALIZER, STORAGE)
        storage.stage(START, "download", seconds=16.0)
        storage.end(START + 16)
        ring = book.open(service, pod, MAIN, FACTS)
        ring.stage(START + 16, "start")
        ring.stage(START + 28, "weights", seconds=8.0)
        ring.stage(START + 36, "compile", seconds=30.0)
        ring.stage(START + 66, "ready")
        rings.append(ring)
    return rings


def serve(rings: Sequence[LogRing], first: int, count: int) -> None:
    for number in range(first, first + count):
        at = START + 70 + 10 * number
        for ring in rings:
            ring.record(at, STATS, finished=5)


def each(run: Callable[[], object], times: int) -> float:
    """CPU seconds of one of so many things, of the fastest of three runs: others are disturbed."""
    found = []
    for _ in range(3):
        began = time.process_time()
        run()
        found.append((time.process_time() - began) / times)
    return min(found)


def figures() -> Iterator[Figure]:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    rings = fleet()
    started = tracemalloc.get_traced_memory()[0] - before
    yield Figure("logs of 4,000 replicas that have started", started / 1e6, "MB")
    serve(rings, 0, FULL)
    full = tracemalloc.get_traced_memory()[0] - before
    yield Figure("logs of 4,000 replicas, all rings full", full / 1e6, "MB", 100)
    tracemalloc.stop()
    count = iter(range(FULL, 10 * FULL, 20))
    cost = each(lambda: serve(rings, next(count), 20), 20 * REPLICAS)
    yield Figure("one interval's statistics", cost * 1e6, "us", 20)
    end, some = START + 1e6, rings[:20]
    cost = each(lambda: [ring.read(end) for ring in some], len(some))
    yield Figure("reading a full ring", cost * 1e3, "ms", 20)
    cost = each(lambda: [ring.read(end, tail=200) for ring in some], len(some))
    yield Figure("reading its last 200 lines", cost * 1e3, "ms", 5)
    last = START + 70 + 10 * FULL
    cost = each(lambda: [ring.read_after(last, last + 1) for ring in some], len(some))
    yield Figure("looking for news", cost * 1e3, "ms", 2)


def main() -> int:
    found = []
    for one in figures():
        print(one, flush=True)
        found.append(one)
    return 1 if any(one.met is False for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
