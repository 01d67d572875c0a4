"""Measures mtop against its bounds: `python -m bench [--quick]`.

Prints every figure with its unit, its bound and whether it is met, writes `bench/out/results.json`
and exits 1 if a bound is missed. Ratios are of runs that take turns, because machines are noisy.
"""

from __future__ import annotations

import argparse
import compileall
import json
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import mtop_tui
from bench.derive import derived_columns
from bench.figure import Figure
from bench.screens import screens
from bench.source import WIDTH
from bench.terminal import Terminal

OUT = Path(__file__).parent / "out" / "results.json"
CHILD = [sys.executable, "-m", "bench.child"]


@contextmanager
def running(command: list[str], environment: dict[str, str] | None = None) -> Iterator[Terminal]:
    """A program in a terminal, ended afterwards."""
    terminal = Terminal(command, environment)
    try:
        yield terminal
    finally:
        terminal.close()


def start_up(runs: int) -> Iterator[Figure]:
    """From exec to the first table painted, against a bare Textual app, in turns."""
    mtop = str(Path(sys.executable).parent / "mtop")
    # An installed mtop has its byte code, as Textual has: pip writes it.
    compileall.compile_dir(str(Path(mtop_tui.__file__).parent), quiet=2)
    times: dict[str, list[float]] = {"mtop": [], "bare": []}
    for _ in range(runs + 1):
        with running([*CHILD, "bare"]) as terminal:
            times["bare"].append(terminal.until(b"model-00000"))
        with running([mtop, "--seed", "7"]) as terminal:
            times["mtop"].append(terminal.until(b"granite-"))
    bare, ours = (statistics.median(times[name][1:]) for name in ("bare", "mtop"))
    yield Figure("bare Textual app: exec to first paint", bare, "s")
    yield Figure("mtop: exec to first table painted", ours, "s")
    yield Figure("start-up against a bare Textual app", ours / bare, "x", 2.2)


def cost(
    services: int, interval: float, changing: float, bound: float, seconds: float, settle: float
) -> Iterator[Figure]:
    """CPU, bytes and memory of a fleet in steady state."""
    share = "every visible row changing" if changing == 1 else f"{changing:.0%} of rows changing"
    label = f"{services} x 4 every {interval:g} s, {share}"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [*CHILD, "fleet", str(services), str(interval), str(changing), str(report)]
        with running(command) as terminal:
            terminal.until(b"model-00000", 60)
            terminal.drain(settle)
            before = json.loads(report.read_text())
            began = time.perf_counter()
            received = terminal.drain(seconds)
            after = json.loads(report.read_text())
            elapsed = time.perf_counter() - began
            resident = terminal.resident()
    used = after["cpu"] - before["cpu"]
    source = after["source_cpu"] - before["source_cpu"]
    ticks = elapsed
    yield Figure(f"{label}: CPU of the source alone", 100 * source / elapsed, "% of core")
    yield Figure(f"{label}: samples", (after["samples"] - before["samples"]) / elapsed, "/s")
    yield Figure(
        f"{label}: rows drawn per tick", (after["lines"] - before["lines"]) / ticks, "rows"
    )
    yield Figure(f"{label}: bytes per tick", received / ticks / 1000, "KB")
    yield Figure(f"{label}: CPU less source", 100 * (used - source) / elapsed, "% of core", bound)
    if services == 1000 and changing == 1:
        size = after["bytes_per_service"]
        # The samples of this source share their numbers; those of a real one are their own.
        resident += services * 4 * WIDTH * sys.getsizeof(0.0)
        yield Figure("1000 x 4: resident memory with history", resident / 1e6, "MB", 160)
        yield Figure("1000 x 4: history and totals per service", size / 1000, "KB")


def derivation() -> Iterator[Figure]:
    """All derived columns of 1,000 services from one new sample of each of their replicas."""
    rounds = sorted(derived_columns())
    yield Figure("1000 x 4: deriving all columns from one sample each", rounds[0], "ms CPU", 60)
    yield Figure("1000 x 4: the same, median", statistics.median(rounds), "ms CPU")


def latency(presses: int) -> Iterator[Figure]:
    """From key to paint with 10,000 services while data arrives."""
    pause = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        report = str(Path(folder) / "report.json")
        with running([*CHILD, "fleet", "10000", "15", "1", report]) as terminal:
            terminal.until(b"model-00000", 60)
            terminal.drain(20)
            times = []
            for press in range(presses):
                terminal.drain(pause.uniform(0.03, 0.12))
                times.append(terminal.latency(b"k" if press % 100 >= 60 else b"j") * 1000)
    times.sort()
    yield Figure("10000 x 4: key to paint, median", statistics.median(times), "ms")
    yield Figure("10000 x 4: key to paint, p95", times[int(len(times) * 0.95)], "ms", 16)


def htop(seconds: float) -> Iterator[Figure]:
    """What htop costs at the same refresh, where it is installed."""
    if shutil.which("htop") is None:
        return
    with running(["htop", "-d", "10"]) as terminal:
        terminal.drain(5)
        before, received = terminal.cpu(), terminal.received
        terminal.drain(seconds)
        yield Figure("htop at 1 Hz: CPU", 100 * (terminal.cpu() - before) / seconds, "% of core")
        yield Figure(
            "htop at 1 Hz: bytes per tick", (terminal.received - received) / seconds / 1000, "KB"
        )


def main() -> int:
    """Run all; exit code 1 when a bound is missed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter runs, noisier figures")
    quick = parser.parse_args().quick
    seconds, settle = (15.0, 20.0) if quick else (40.0, 75.0)
    figures: list[Figure] = []
    for group in (
        start_up(3 if quick else 9),
        cost(1000, 5, 1, 3.0, seconds, settle),
        cost(1000, 5, 0.05, 1.5, seconds, settle),
        cost(10_000, 15, 1, 8.0, seconds, settle),
        derivation(),
        latency(100 if quick else 400),
        screens(10 if quick else 40, 40 if quick else 120),
        htop(seconds),
    ):
        for figure in group:
            figures.append(figure)
            print(figure, flush=True)
    OUT.parent.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "system": platform.platform()}
    rows = [{**asdict(figure), "met": figure.met} for figure in figures]
    OUT.write_text(json.dumps({"machine": machine, "figures": rows}, indent=1) + "\n")
    missed = [figure.name for figure in figures if figure.met is False]
    print(f"\n{len(missed)} of {sum(f.met is not None for f in figures)} bounds missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
