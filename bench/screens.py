"""How soon each screen stands and follows a key, at 1,000 services while data arrives.

`python -m bench.screens` measures this alone. All of it is seen from outside, in a terminal: from
the key to the first bytes of what was asked for.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.figure import Figure
from bench.terminal import Terminal

CHILD = [sys.executable, "-m", "bench.child"]
SERVICES, INTERVAL = 1000, 5
"""A slice of 64 samples comes every 80 ms."""

SCREENS = {
    "Service": (b"\r", b"Tab next", b"\x1b[B\x1b[A"),
    "Rollout": (b"r", b"> rollout", b"12"),
    "Logs": (b"l", b"> logs", b"ww"),
    "Objectives": (b"o", b"> objectives", b"sS"),
    "Cost": (b"$", b"> cost", b"\x1b[B\x1b[A"),
    "Events": (b"e", b"> events", b"sS"),
    "Alerts": (b"a", b"> alerts", b"sS"),
    "Sources": (b"v", b"> sources", b"sS"),
}
"""The key that opens each, a text that stands when it has been painted, and two keys that change
what is seen there, as much as there is to see in this fleet."""

SETTLED = 0.25
FIRST_PAINT, REPAINT = 60, 16
"""Milliseconds, of 95 of 100."""


def screens(openings: int, presses: int) -> Iterator[Figure]:
    """First paint and repaint of each screen, and what the machine does with a bare one."""
    with _running(["bare"]) as terminal:
        yield Figure(
            "bare Textual app: exec to first paint", terminal.until(b"model-") * 1000, "ms"
        )
    with (
        tempfile.TemporaryDirectory() as folder,
        _running(
            ["fleet", str(SERVICES), str(INTERVAL), "1", str(Path(folder) / "report.json")]
        ) as terminal,
    ):
        terminal.until(b"model-00000", 60)
        terminal.drain(20)
        yield from _repaint("Fleet", terminal, presses, b"\x1b[B\x1b[A")
        for name, (key, text, moves) in SCREENS.items():
            times = []
            for turn in range(openings + 1):
                times.append(_opening(terminal, key, text))
                if turn < openings:
                    terminal.type(b"\x1b")
                    terminal.drain(SETTLED)
            # The first time, its module is imported: told apart from what a user feels after.
            yield Figure(f"1000 x 4: {name}, opened for the first time", times[0], "ms")
            after = median(times[1:])
            yield Figure(f"1000 x 4: {name}, key to first paint, median", after, "ms")
            yield Figure(
                f"1000 x 4: {name}, key to first paint, p95", _p95(times[1:]), "ms", FIRST_PAINT
            )
            yield from _repaint(name, terminal, presses, moves)
            terminal.type(b"\x1b")
            terminal.drain(SETTLED)


def _opening(terminal: Terminal, key: bytes, text: bytes) -> float:
    """Milliseconds from a key to a text that stands on the screen it opens."""
    while terminal.read(0.0):
        pass
    began, seen = time.perf_counter(), b""
    terminal.type(key)
    while text not in seen:
        seen += terminal.read(1.0)
        if time.perf_counter() - began > 10:
            raise TimeoutError(f"{text!r} was not drawn after {key!r}: {seen[-300:]!r}")
    return (time.perf_counter() - began) * 1000


def _repaint(name: str, terminal: Terminal, presses: int, moves: bytes) -> Iterator[Figure]:
    """From a key to the first bytes after it."""
    pause, times = random.Random(7), []
    half = len(moves) // 2
    for press in range(presses):
        terminal.drain(pause.uniform(0.03, 0.12))
        times.append(terminal.latency(moves[:half] if press % 2 else moves[half:]) * 1000)
    yield Figure(f"1000 x 4: {name}, key to repaint, median", median(times), "ms")
    yield Figure(f"1000 x 4: {name}, key to repaint, p95", _p95(times), "ms", REPAINT)


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


class _running(Terminal):  # noqa: N801 - used as a function
    """A program of the benchmarks in a terminal, ended afterwards."""

    def __init__(self, arguments: list[str]) -> None:
        super().__init__([*CHILD, *arguments])

    def __enter__(self) -> _running:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


if __name__ == "__main__":
    for figure in screens(40, 120):
        print(figure, flush=True)
