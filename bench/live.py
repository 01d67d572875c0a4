"""Measures live mode against its bounds: `python -m bench.live`.

A load server sends objects of real size over TLS from a process of its own; mtop watches it in a
terminal. Prints every figure with its bound, writes `bench/out/live.json`, and exits 1 if a bound
is missed. Beside them stand figures of the machine: how long a bare Textual app takes to start, and
how late the timers of an idle event loop are.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

from bench.figure import Figure
from bench.live_load.stage import App, Server, cores_apart, environment
from bench.terminal import Terminal

OUT = Path(__file__).parent / "out" / "live.json"
MTOP = str(Path(sys.executable).parent / "mtop")

BURST, STEADY, STEADY_SECONDS = 20_000, 200, 15
RETRY_AFTER, REFUSED_FOR = 2, 9


def machine() -> Iterator[Figure]:
    """How slow and how noisy this machine is just now."""
    times = []
    for _ in range(3):
        with closing(Terminal([sys.executable, "-m", "bench.child", "bare"])) as terminal:
            times.append(terminal.until(b"model-00000"))
    yield Figure("machine: a bare Textual app, exec to first paint", statistics.median(times), "s")
    idle = _idle()
    yield Figure("machine: idle event loop, wait p99", idle["p99"], "ms")
    yield Figure("machine: idle event loop, longest wait", idle["longest"], "ms")


def _idle() -> dict[str, float]:
    command = [sys.executable, "-m", "bench.live_load.stalls", "3"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    said: dict[str, float] = json.loads(done.stdout)
    return said


def opening(server: Server) -> Iterator[Figure]:
    """From exec to the first services."""
    times = []
    for _ in range(3):
        command = [MTOP, "--mode", "live", "--metrics", "none"]
        with closing(Terminal(command, environment(server.folder))) as terminal:
            times.append(terminal.until(b"llm-0"))
    yield Figure("1,000 services: exec to first on screen", statistics.median(times), "s", 1.5)


def syncing(server: Server, app: App) -> Iterator[Figure]:
    """From exec until all kinds are read, and what it weighs then."""
    before = server.ask("state").result()["cpu"]
    at, cpu = app.reading_since(0.0)
    said = app.report()
    yield Figure("19,000 objects synced: from exec", at - app.started, "s", 4.0)
    yield Figure("19,000 objects synced: CPU from exec", cpu, "s", 2.0)
    yield Figure("19,000 objects synced: CPU of the server", _cpu(server, before), "s")
    yield from _waits("19,000 objects synced", said["synced"])
    app.terminal.drain(8.0)
    yield Figure("19,000 objects: resident", app.report()["resident"] / 1e6, "MB", 250.0)


def bursting(server: Server, app: App) -> Iterator[Figure]:
    """Pod events as fast as they are taken."""
    with cores_apart(server, app):
        idle = _idle()["p99"]
        before, spent = app.report(), server.ask("state").result()["cpu"]
        sent = server.ask("churn", events=BURST)
        app.draw(sent.done)
        app.terminal.drain(0.5)  # what is on its way still
        said, took = app.report(), sent.result()["seconds"]
    used = said["cpu"] - before["cpu"]
    yield Figure("pod events: by a second of CPU", BURST / used, "/s", 5_000, at_least=True)
    yield Figure("pod events: by the clock", BURST / took, "/s")
    yield Figure("pod events: CPU of the server", _cpu(server, spent), "s")
    yield from _waits("pod events", said["waits"], idle)
    yield from _equality(server, app, "pod events")


def steady(server: Server, app: App) -> Iterator[Figure]:
    """A busy cluster."""
    shares = []
    for rate in (0, STEADY):
        before, began = app.report(), time.time()
        if rate:
            sent = server.ask("churn", events=rate * STEADY_SECONDS, per_second=rate)
            app.draw(sent.done)
        else:
            app.terminal.drain(STEADY_SECONDS)
        after = app.report()
        shares.append(100 * (after["cpu"] - before["cpu"]) / (time.time() - began))
    yield Figure("no events: CPU of the app", shares[0], "% of core")
    yield Figure(f"{STEADY} pod events/s: CPU of the app", shares[1], "% of core", 10.0)
    yield from _waits(f"{STEADY} pod events/s", after["waits"])
    yield from _equality(server, app, f"{STEADY} pod events/s")


def faults(server: Server, app: App) -> Iterator[Figure]:
    """What is said and done when things break."""
    lists = _lists(app)
    at = server.ask("reset").result()["at"]
    server.ask("churn", events=500).result()
    yield Figure("reset: live again after", app.reading_since(at + 0.02)[0] - at, "s", 2.0)
    yield Figure("reset: lists read again", float(_lists(app) - lists), "lists", 0.0)
    yield from _equality(server, app, "reset")

    at = time.time()
    server.freeze(True)
    yield Figure("half-open: shown after", app.said_since(at, "disconnected") - at, "s", 10.0)
    server.freeze(False)
    at = time.time()
    server.ask("churn", events=500).result()
    yield Figure("half-open: live after the end", app.reading_since(at)[0] - at, "s")
    yield from _equality(server, app, "half-open")

    server.ask("keep").result()
    server.stop()
    app.terminal.drain(2.0)
    server.start()
    ready = server.ready_at
    after = app.reading_since(ready)[0] - ready
    yield Figure("server restart: all kinds live after it is ready", after, "s", 5.0)
    yield from _equality(server, app, "server restart")

    at = server.ask("refuse", seconds=REFUSED_FOR, retry_after=RETRY_AFTER).result()["at"]
    server.ask("reset").result()
    app.terminal.drain(REFUSED_FOR + 1)
    app.reading_since(at + REFUSED_FOR - 1)
    gaps = [
        later - sooner
        for kind in server.ask("state").result()["kinds"].values()
        for sooner, later in pairwise(
            asked for asked, _ in kind["asked"] if at <= asked <= at + REFUSED_FOR
        )
    ]
    least = min(gaps)
    label = f"429 with Retry-After {RETRY_AFTER}: least time between requests"
    yield Figure(label, least, "s", RETRY_AFTER - 0.01, at_least=True)
    yield from _equality(server, app, "429")


def _waits(label: str, waits: dict[str, float], idle: float | None = None) -> Iterator[Figure]:
    name = f"{label}: event loop, "
    yield Figure(f"{name}wait p99", waits["p99"], "ms")
    if idle is not None:
        yield Figure(f"{name}the same of an idle one beside it", idle, "ms")
    bound = None if idle is None else 20.0
    yield Figure(f"{name}CPU of a turn p99", waits["cpu_p99"], "ms", bound)
    yield Figure(f"{name}CPU of a turn, longest", waits["cpu_longest"], "ms")


def _cpu(server: Server, before: float) -> float:
    return float(server.ask("state").result()["cpu"]) - before


def _lists(app: App) -> int:
    return sum(kind["lists"] for kind in app.report()["kinds"].values())


def _agree(server: Server, app: App) -> list[str]:
    """Wait until the app knows what a fresh list has; kinds that never come to."""
    end = time.monotonic() + 20.0
    while True:
        kinds, said = server.ask("state").result()["kinds"], app.report(in_full=True)
        apart = [
            plural
            for plural, kind in kinds.items()
            if said["kinds"].get(plural, {}).get("digest") != kind["digest"]
        ]
        if not (apart or said["waiting"]) or time.monotonic() > end:
            return apart
        app.terminal.drain(0.05)


def _equality(server: Server, app: App, after: str) -> Iterator[Figure]:
    yield Figure(f"{after}: kinds unlike a fresh list", float(len(_agree(server, app))), "", 0.0)


def main() -> int:
    """Run all; exit code 1 when a bound is missed."""
    figures: list[Figure] = []

    def told(group: Iterator[Figure]) -> None:
        for figure in group:
            figures.append(figure)
            print(figure, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        told(machine())
        server = Server(Path(folder))
        try:
            told(opening(server))
            app = App(server)
            with closing(app.terminal):
                for part in (syncing, bursting, steady, faults):
                    told(part(server, app))
        finally:
            server.stop()
    OUT.parent.mkdir(exist_ok=True)
    rows = [{**asdict(figure), "met": figure.met} for figure in figures]
    about = {"python": platform.python_version(), "system": platform.platform()}
    OUT.write_text(json.dumps({"machine": about, "figures": rows}, indent=1) + "\n")
    missed = [figure.name for figure in figures if figure.met is False]
    print(f"\n{len(missed)} of {sum(one.met is not None for one in figures)} bounds missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
