"""Kubernetes clusters as a source of observations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from mtop_tui.clock import Clock
from mtop_tui.observations import LogLines, ObjectRef, Observation, RawObject
from mtop_tui.providers.base import LogQuery, Offer

if TYPE_CHECKING:
    from mtop_tui.providers.live.metrics.cluster import MetricsChoice
    from mtop_tui.providers.live.session import Session

BATCH: Final = 32
"""Changes that are taken at once: a few milliseconds of work."""

_LOOK_EVERY = 1.0


class LiveProvider:
    """One or more clusters, each by its context; implements `FleetProvider`.

    It reads kubeconfig and opens connections when it is observed, and not before: what is wrong
    with them it says of itself, and tries again.

    Args:
        contexts: names of contexts; none: the current one.
        kubeconfig: the only one to read; None: those that kubectl would read.
        namespaces: to read; none: all that may be read.
        clock: the machine's.
        seed: of the draws that spread waits.
        metrics: says where those of a context come from, once that is needed.
    """

    def __init__(
        self,
        contexts: Sequence[str],
        *,
        clock: Clock,
        kubeconfig: Path | None = None,
        namespaces: Sequence[str] = (),
        seed: int = 0,
        metrics: Callable[[str], MetricsChoice | None] = lambda _context: None,
    ) -> None:
        self._metrics = metrics
        self._contexts = tuple(contexts) or ("",)
        self._kubeconfig = kubeconfig
        self._namespaces = tuple(namespaces)
        self._clock, self._random = clock, Random(f"live/{seed}")
        self._sessions: list[Session] = []
        self._closed = False

    @property
    def name(self) -> str:
        """Which clusters, as far as it is known."""
        named = [one.label for one in self._sessions] or [one for one in self._contexts if one]
        return f"live: {', '.join(named)}" if named else "live"

    @property
    def offers(self) -> frozenset[Offer]:
        """What it can do beyond observing."""
        return frozenset({"logs", "objects"})

    async def observe(self) -> AsyncIterator[Sequence[Observation]]:
        """What is there as it comes in, then what changes."""
        # Connections take a third of a second to import: the screen stands by now, and stays alive.
        make = await asyncio.to_thread(_session_type)
        news = asyncio.Event()
        self._sessions = [
            make(
                context,
                self._clock,
                Random(self._random.random()),
                kubeconfig=self._kubeconfig,
                namespaces=self._namespaces,
                news=news,
                is_part=len(self._contexts) > 1,
                metrics=self._metrics,
            )
            for context in self._contexts
        ]
        tasks = [asyncio.create_task(one.run()) for one in self._sessions]
        try:
            while not self._closed:
                busy = False
                for session in self._sessions:
                    if batch := session.take(BATCH):
                        yield batch
                    busy = busy or session.is_waiting
                if busy:
                    await asyncio.sleep(0)
                    continue
                news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY):
                        await news.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def read_logs(self, query: LogQuery) -> AsyncGenerator[LogLines, None]:
        """What the containers of a service's replicas write, by way of its API server."""
        session = self._session(query.service.cluster)
        if session is None:
            return
        from mtop_tui.providers.live.logs.reading import read_logs  # noqa: PLC0415 - when wanted

        random = Random(self._random.random())
        async with aclosing(read_logs(session, query, self._clock, random)) as records:
            async for record in records:
                yield record

    async def read_object(self, ref: ObjectRef) -> RawObject | None:
        """One object as its cluster has it, or None when it is not there or may not be read."""
        session = self._session(ref.cluster)
        return None if session is None else await session.read(ref)

    def _session(self, cluster: str) -> Session | None:
        return next((one for one in self._sessions if one.label == cluster), None)

    def pause(self, paused: bool) -> None:
        """A cluster's time cannot be held."""

    def step(self, seconds: float) -> None:
        """Nor moved."""

    async def close(self) -> None:
        """Release all connections; safe to call twice."""
        self._closed = True
        for session in self._sessions:
            await session.close()


def _session_type() -> type[Session]:
    from mtop_tui.providers.live.session import Session  # noqa: PLC0415 - after the first picture

    return Session
