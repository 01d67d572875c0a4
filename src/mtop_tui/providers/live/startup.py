"""Asks engines that start what they are at: their logs say it, and nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import quote

from mtop_tui.clock import Clock
from mtop_tui.domain.startup import EngineStage, engine_stage
from mtop_tui.kserve.records import unix_time
from mtop_tui.observations import ObjectRef, Observation, Removed, Replica
from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.problems import FORBIDDEN, Refusal

EVERY: Final = 5.0
"""Seconds between two looks at the logs of an engine that starts."""

TAIL: Final = 200
"""Lines that are asked for: engines say little while they start."""

AT_ONCE: Final = 4
MOST: Final = 40
"""Engines that are asked in one round; of more, others are asked in the next."""

FORBIDDEN_FOR: Final = 300.0
"""Seconds for which pods of a namespace are left alone whose logs may not be read."""

_LIMIT = 5.0
_STARTING: Final = frozenset({"Loading", "Compiling", "Warming"})

Tell = Callable[[ObjectRef, EngineStage], None]
"""Is told what the engine of a pod is at."""


class StartupLogs:
    """Reads the end of the logs of replicas that start.

    Args:
        client: of the API server.
        clock: the machine's.
        tell: see there.
    """

    def __init__(self, client: ReadOnlyClient, clock: Clock, tell: Tell) -> None:
        self._client, self._clock, self._tell = client, clock, tell
        self._starting: dict[ObjectRef, None] = {}
        self._forbidden: dict[str, float] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._some = asyncio.Event()

    def note(self, records: Iterable[Observation]) -> None:
        """Learn which replicas start."""
        for record in records:
            if type(record) is Replica:
                if record.phase == "starting" and record.reason in _STARTING:
                    self._starting.setdefault(record.ref)
                else:
                    self._starting.pop(record.ref, None)
            elif type(record) is Removed:
                self._starting.pop(record.ref, None)
        if self._starting:
            self._some.set()

    async def run(self) -> None:
        """Ask, until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            now = self._clock.now()
            asked = [
                ref for ref in self._starting if now >= self._forbidden.get(ref.namespace, now)
            ][:MOST]
            await asyncio.gather(*map(self._ask, asked))
            for ref in asked:  # to the end of the queue, so that all have their turn
                if ref in self._starting:
                    del self._starting[ref]
                    self._starting[ref] = None
            await asyncio.sleep(EVERY)
            if self._starting:
                self._some.set()

    async def _ask(self, ref: ObjectRef) -> None:
        path = f"/api/v1/namespaces/{quote(ref.namespace)}/pods/{quote(ref.name)}/log"
        query = {"container": "main", "timestamps": "true", "tailLines": str(TAIL)}
        async with self._slots:
            answer = await self._client.get(path, query, limit=_LIMIT, accept="*/*")
        if isinstance(answer, bytes):
            stage = engine_stage(_lines(answer))
            if stage is not None:
                self._tell(ref, stage)
        elif isinstance(answer, Refusal) and answer.status == FORBIDDEN:
            self._forbidden[ref.namespace] = self._clock.now() + FORBIDDEN_FOR


def _lines(body: bytes) -> Iterator[tuple[float, str]]:
    """Lines with the times that the container runtime gave them."""
    for line in body.decode(errors="replace").splitlines():
        stamp, _, text = line.partition(" ")
        at = unix_time(stamp)
        if at is not None:
            yield at, text
