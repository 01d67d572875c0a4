"""A live provider that is read in the background, and what it says so far."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from serving import Served

from mtop_tui.clock import Clock, WallClock
from mtop_tui.observations import Observation, SourceHealth
from mtop_tui.providers.base import feed
from mtop_tui.providers.live.provider import LiveProvider
from mtop_tui.providers.live.reflector import Reflector
from mtop_tui.state.fleet import FleetStore

PATIENCE = 20.0


class Watching:
    """A provider, the store it fills, and all records it gave."""

    def __init__(self, provider: LiveProvider) -> None:
        self.provider, self.store = provider, FleetStore()
        self.records: list[Observation] = []
        self._news = asyncio.Event()

    def apply(self, batch: list[Observation]) -> None:
        self.records += batch
        self.store.apply(batch)
        self._news.set()

    async def until(self, holds: Callable[[], object], what: str = "") -> None:
        """Wait for something to hold."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds():
                    self._news.clear()
                    # Readers change on their own, too, which no record tells.
                    try:
                        async with asyncio.timeout(0.05):
                            await self._news.wait()
                    except TimeoutError:
                        pass
        except TimeoutError:
            raise AssertionError(f"never came: {what or holds}; {self.health}") from None

    @property
    def health(self) -> SourceHealth | None:
        """The newest word on its health."""
        return next((one for one in reversed(self.records) if type(one) is SourceHealth), None)

    @property
    def state(self) -> str:
        return self.health.state if self.health else ""

    async def live(self) -> None:
        """Wait until all is there."""
        await self.until(lambda: self.state == "live", "live")

    def readers(self) -> dict[str, Reflector]:
        """Readers by the plural of what they read."""
        return {
            one.kind.plural: one
            for session in self.provider._sessions
            if session._link is not None
            for one in session._link.readers
        }


class Watched(NamedTuple):
    """A served cluster and who watches it."""

    cluster: Served
    live: Watching


async def equals_a_fresh_list(watched: Watched) -> None:
    """Every reader knows the objects that the server has, in the same versions."""
    for reader in watched.live.readers().values():
        query = {"labelSelector": reader.kind.selector} if reader.kind.selector else {}
        fresh = await watched.cluster.get(reader.path, params=query)
        versions = {
            one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in fresh["items"]
        }
        await watched.live.until(lambda reader=reader, versions=versions: reader.known == versions)


@asynccontextmanager
async def watching(
    kubeconfig: Path,
    monkeypatch,
    *contexts: str,
    clock: Clock | None = None,
    namespaces: tuple[str, ...] = (),
) -> AsyncIterator[Watching]:
    """Watch what a kubeconfig names."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    provider = LiveProvider(contexts, clock=clock or WallClock(), namespaces=namespaces, seed=1)
    found = Watching(provider)
    reading = asyncio.create_task(feed(provider, found.apply))
    try:
        yield found
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await provider.close()
