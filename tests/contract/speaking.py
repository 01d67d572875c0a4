"""A provider with logs, of which not all can be shown as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from mtop_tui.clock import ManualClock
from mtop_tui.engine.outputs.container import MAIN, STORAGE_INITIALIZER, ContainerFacts
from mtop_tui.engine.outputs.hostile import HOSTILE
from mtop_tui.engine.outputs.logbook import Logbook
from mtop_tui.engine.serving.replica import ReplicaStats
from mtop_tui.observations import (
    LogLines,
    ObjectRef,
    Observation,
    RawObject,
    Replica,
    Service,
    SourceHealth,
)
from mtop_tui.providers.base import LogQuery, Offer
from mtop_tui.providers.mock.logs import read_logs

START = 1_800_000_000.0


class Speaking:
    """Two replicas of one service, one restarted, on a node whose GPU fails; time goes on."""

    name = "speaking"
    offers: frozenset[Offer] = frozenset({"logs"})

    def __init__(self) -> None:
        self.clock = ManualClock(START + 600)
        self.closed = False
        self.service = Service(
            at=START, ref=ObjectRef("c", "ns", "LLMInferenceService", "one", "u"), model="m"
        )
        self.pods = [ObjectRef("c", "ns", "Pod", f"one-{n}", f"p{n}") for n in range(2)]
        self.node = ObjectRef("c", "", "Node", "gpu-1", "n")
        self.book = Logbook(START + 600)
        facts = ContainerFacts(weights=16e9, ranks=2, kv_tokens=100_000, kv_bytes=1e10)
        storage = ContainerFacts(speaker="storage-initializer", weights=16e9)
        for number, pod in enumerate(self.pods):
            key, at = self.service.key, START + 7 * number
            init = self.book.open(key, pod, STORAGE_INITIALIZER, storage)
            init.stage(at, "download", seconds=20.0)
            init.end(at + 20)
            main = self.book.open(key, pod, MAIN, facts, ("gpu-1",))
            main.stage(at + 20, "start")
            if number:
                main.fail(at + 30, "cuda-oom", starting=1.0)
                main.restart(at + 40)
                main.stage(at + 40, "start")
            main.stage(at + 60, "ready")
            for interval in range(60):
                stats = ReplicaStats(3, 1, 0.25, 1000.0, 200.0, 0.5)
                main.record(at + 70 + 10 * interval, stats, finished=5)
        for number, text in enumerate(HOSTILE):
            self.book.open(self.service.key, self.pods[0], MAIN, facts).write(
                START + 100 + number, text
            )
        self.book.kernel(self.node).stage(START + 333, "xid", gpu=1, code=79)

    async def observe(self) -> AsyncIterator[Sequence[Observation]]:
        yield [SourceHealth(at=START, source=self.name, state="live")]
        yield [
            self.service,
            *(
                Replica(at=START, ref=pod, service=self.service.key, role="main", phase="ready")
                for pod in self.pods
            ),
        ]

    def read_logs(self, query: LogQuery) -> AsyncGenerator[LogLines, None]:
        return read_logs(lambda: self.book, query, sleep=self._sleep, closed=lambda: self.closed)

    async def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.book.present = self.clock.now()
        await asyncio.sleep(0)

    async def read_object(self, ref: ObjectRef) -> RawObject | None:
        return None

    def pause(self, paused: bool) -> None:
        """Not offered."""

    async def close(self) -> None:
        self.closed = True
