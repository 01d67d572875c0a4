"""How long an event loop lets others wait.

`python -m bench.live_load.stalls SECONDS` measures an idle one.

A key may be pressed at any time, so a stall counts for all of its length: each `EVERY` seconds
somebody wants their turn, also while nobody gets one.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, NamedTuple

EVERY = 0.005


class Waits(NamedTuple):
    """Milliseconds: percentiles of waits by the wall, and of turns by CPU; the longest of both."""

    p50: float
    p99: float
    longest: float
    cpu_p99: float
    cpu_longest: float


class Stalls:
    """Measures the running loop."""

    def __init__(self) -> None:
        self._waits: list[float] = []
        self._turns: list[float] = []
        self._began = time.perf_counter()

    async def run(self) -> None:
        """Measure, until cancelled."""
        loop = asyncio.get_running_loop()
        self._spy(loop)
        due = loop.time() + EVERY
        while True:
            await asyncio.sleep(due - loop.time())
            now = loop.time()
            while due <= now:
                self._waits.append(now - due)
                due += EVERY

    def _spy(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note the CPU time of each turn of the loop: others on the machine do not count there."""
        selector: Any = loop._selector  # type: ignore[attr-defined]
        select, since = selector.select, time.thread_time()

        def noted(timeout: float | None = None) -> Any:
            nonlocal since
            turn = time.thread_time() - since
            if turn > EVERY:
                self._turns.append(turn)
            found = select(timeout)
            since = time.thread_time()
            return found

        selector.select = noted

    def take(self) -> Waits:
        """Of what was since the last call."""
        waits, turns = sorted(self._waits), self._turns
        asked = max(1, int((time.perf_counter() - self._began) / EVERY))
        self._waits, self._turns, self._began = [], [], time.perf_counter()
        spent = sorted(
            (turn - part * EVERY for turn in turns for part in range(int(turn / EVERY))),
            reverse=True,
        )
        rank = asked // 100
        return Waits(
            1000 * _at(waits, 0.5),
            1000 * _at(waits, 0.99),
            1000 * _at(waits, 1.0),
            1000 * (spent[rank] if rank < len(spent) else 0.0),
            1000 * max(turns, default=0.0),
        )


def _at(waits: list[float], share: float) -> float:
    return waits[min(int(len(waits) * share), len(waits) - 1)] if waits else 0.0


async def _idle(seconds: float) -> Waits:
    stalls = Stalls()
    measuring = asyncio.create_task(stalls.run())
    await asyncio.sleep(seconds)
    measuring.cancel()
    return stalls.take()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_idle(float(sys.argv[1])))._asdict()))
