"""What the Logs screen costs: `python -m bench.log_screen [--quick]`.

A source writes 10,000 lines a second for eight replicas; the screen follows them, then holds a
million and is paged through. Prints each figure with its bound, exits 1 if one is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from bench.figure import Figure
from bench.terminal import Terminal
from mtop_tui.observations import (
    LogLine,
    LogLines,
    ObjectRef,
    Observation,
    Pool,
    RawObject,
    Replica,
    Service,
    ServiceKey,
)
from mtop_tui.providers.base import LogQuery, Offer

KEY = ServiceKey("bench", "bench", "model-00000")
RATE, REPLICAS, MILLION = 10_000, 8, 1_000_000
BATCH_SECONDS = 0.05
IN_A_RECORD = 25
"""Lines of one container in a row; a record each."""


def texts(count: int, seed: int = 7) -> list[str]:
    """Lines as vLLM writes them, about 150 characters, no two alike."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        clock = f"08-02 09:{draw.randrange(60):02}:{draw.randrange(60):02}"
        if number % 97 == 0:
            found.append(
                f"(EngineCore pid=312) ERROR {clock} [core.py:710] torch.OutOfMemoryError: CUDA "
                f"out of memory. Tried to allocate {draw.uniform(0.1, 9):.2f} GiB. GPU "
                f"{draw.randrange(8)} has a total capacity of 79.25 GiB"
            )
        elif number % 3 == 0:
            found.append(
                f"(APIServer pid=1) INFO {clock} [loggers.py:127] Engine 000: Avg prompt "
                f"throughput: {draw.uniform(0, 9000):.1f} tokens/s, Avg generation throughput: "
                f"{draw.uniform(0, 3000):.1f} tokens/s, Running: {draw.randrange(64)} reqs, "
                f"Waiting: {draw.randrange(300)} reqs"
            )
        else:
            found.append(
                f"(APIServer pid=1) INFO:     10.42.{draw.randrange(250)}.{draw.randrange(250)}:"
                f'{draw.randrange(60_000)} - "POST /v1/chat/completions HTTP/1.1" 200 OK request '
                f"{draw.getrandbits(64):016x}-{draw.getrandbits(32):08x}"
            )
    return found


def pods() -> list[ObjectRef]:
    """The replicas."""
    names = [f"model-00000-kserve-6b7f9-{n:05}" for n in range(REPLICAS)]
    return [ObjectRef("bench", "bench", "Pod", name, name) for name in names]


class LogSource:
    """One service, whose replicas write so many lines at once and then so many a second."""

    def __init__(self, at_once: int, rate: int) -> None:
        self.name = "bench"
        self.offers: frozenset[Offer] = frozenset({"logs"})
        self.cpu = 0.0
        self.lines = 0
        self._at_once, self._rate = at_once, rate
        self._texts = texts(200_000)
        self._pods = pods()

    async def observe(self) -> AsyncIterator[Sequence[Observation]]:
        now = time.time()
        service = Service(
            at=now,
            ref=ObjectRef("bench", "bench", "LLMInferenceService", KEY.name, "uid"),
            model="bench/model",
            pools=(Pool(role="main", desired=REPLICAS),),
        )
        yield [
            service,
            *(
                Replica(at=now, ref=ref, service=KEY, role="main", phase="ready")
                for ref in self._pods
            ),
        ]
        await asyncio.Event().wait()

    def records(self, count: int, at: float, seconds: float) -> Iterator[LogLines]:
        """So many lines, spread over the seconds from a time on."""
        for start in range(0, count, IN_A_RECORD):
            began = time.process_time()
            lines = []
            for n in range(start, min(count, start + IN_A_RECORD)):
                text = self._texts[self.lines % len(self._texts)]
                lines.append(LogLine(at + seconds * n / count, text))
                self.lines += 1
            pod = self._pods[start // IN_A_RECORD % REPLICAS]
            record = LogLines(at=at, ref=pod, container="main", lines=tuple(lines))
            self.cpu += time.process_time() - began
            yield record

    async def read_logs(self, query: LogQuery) -> AsyncIterator[LogLines]:
        for record in self.records(self._at_once, time.time() - 1_000, 1_000):
            yield record
        began = time.monotonic()
        given = 0
        while self._rate:
            await asyncio.sleep(BATCH_SECONDS)
            due = int((time.monotonic() - began) * self._rate)
            for record in self.records(due - given, time.time(), BATCH_SECONDS):
                yield record
            given = due
        await asyncio.Event().wait()

    async def read_object(self, ref: ObjectRef) -> RawObject | None:
        return None

    def pause(self, paused: bool) -> None:
        """Nothing to hold."""

    async def close(self) -> None:
        """Nothing to release."""


def screen(at_once: int, rate: int, report: Path) -> None:
    """mtop on such a source; once a second it writes down what was spent."""
    from mtop_tui.app import MtopApp
    from mtop_tui.clock import WallClock
    from mtop_tui.config.prices import bundled_prices
    from mtop_tui.config.settings import Settings
    from mtop_tui.state.fleet import FleetStore

    source = LogSource(at_once, rate)
    app = MtopApp(Settings(), source, FleetStore(bundled_prices()), WallClock())

    def write() -> None:
        spent = {"cpu": time.process_time(), "source": source.cpu, "lines": source.lines}
        report.write_text(json.dumps(spent))

    app.call_later(lambda: app.set_interval(0.5, write))
    app.run()


def resident() -> int:
    """Bytes resident of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def retained() -> None:
    """A buffer with a million lines: prints bytes and seconds."""
    from mtop_tui.views.log_buffer import LogBuffer

    source = LogSource(0, 0)
    buffer = LogBuffer()
    gc.collect()
    before, began = resident(), time.process_time()
    for record in source.records(MILLION + 2048, 1e9, 1_000):
        buffer.add(record)
        buffer.settle()
    spent = time.process_time() - began - source.cpu
    gc.collect()
    held = {"bytes": resident() - before, "lines": buffer.end - buffer.start, "cpu": spent}
    print(json.dumps(held))


def figures(seconds: float, presses: int) -> Iterator[Figure]:
    """All of them."""
    import subprocess

    me = [sys.executable, "-m", "bench.log_screen"]
    done = subprocess.run([*me, "retained"], check=True, capture_output=True, text=True)
    held = json.loads(done.stdout)
    yield Figure("one million lines: lines retained", held["lines"], "lines")
    yield Figure("one million lines: memory", held["bytes"] / 1e6, "MB", 60)
    yield Figure("taking a line over, without screen", 1e6 * held["cpu"] / MILLION, "us CPU")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        with _opened([*me, "screen", "0", str(RATE), str(report)]) as terminal:
            terminal.drain(5)
            before, began = json.loads(report.read_text()), time.perf_counter()
            received = terminal.drain(seconds)
            after, elapsed = json.loads(report.read_text()), time.perf_counter() - began
        used, source, lines = (after[name] - before[name] for name in ("cpu", "source", "lines"))
        yield Figure("following: lines", lines / elapsed, "/s")
        yield Figure("following: bytes drawn", received / elapsed / 1000, "KB/s")
        yield Figure("following: CPU of the source alone", 100 * source / elapsed, "% of core")
        yield Figure("following: CPU less source", 100 * (used - source) / elapsed, "% of core", 12)
    for rate, bound in ((0, 16.0), (RATE, None)):
        with _opened([*me, "screen", str(MILLION), str(rate), "/dev/null"]) as terminal:
            terminal.drain(25)
            terminal.type(b"k")
            terminal.drain(2)
            pause = random.Random(7)
            times = []
            for _ in range(presses):
                terminal.drain(pause.uniform(0.03, 0.12))
                times.append(terminal.latency(b"\x1b[5~") * 1000)
            size = terminal.resident()
        times.sort()
        arriving = f"while {rate:,} lines/s arrive" if rate else "held"
        name = f"page up in a million lines, {arriving}"
        yield Figure(f"{name}: median", statistics.median(times), "ms")
        yield Figure(f"{name}: p95", times[int(len(times) * 0.95)], "ms", bound)
        yield Figure(f"resident memory of mtop, a million lines, {arriving}", size / 1e6, "MB")


class _opened:  # noqa: N801 - used as a function
    """mtop in a terminal, with the logs open."""

    def __init__(self, command: list[str]) -> None:
        self._terminal = Terminal(command)

    def __enter__(self) -> Terminal:
        self._terminal.until(b"model-00000")
        self._terminal.drain(1)
        self._terminal.type(b"l")
        return self._terminal

    def __exit__(self, *_: object) -> None:
        self._terminal.close()


def main() -> int:
    """Run all; exit code 1 when a bound is missed."""
    if sys.argv[1:2] == ["retained"]:
        retained()
        return 0
    if sys.argv[1:2] == ["screen"]:
        screen(int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
        return 0
    parser = argparse.ArgumentParser(prog="bench.log_screen", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter runs, noisier figures")
    quick = parser.parse_args().quick
    missed = 0
    for figure in figures(10.0 if quick else 40.0, 60 if quick else 300):
        missed += figure.met is False
        print(figure, flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
