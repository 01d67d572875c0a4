"""One context of a kubeconfig: looked up, read, and turned into records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from mtop_tui.clock import Clock
from mtop_tui.domain.startup import EngineStage
from mtop_tui.observations import (
    ObjectRef,
    Observation,
    RawObject,
    ServiceKey,
    SourceHealth,
    SourceState,
)
from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.handover import Handover
from mtop_tui.providers.live.kinds import BY_NAME, EVENT
from mtop_tui.providers.live.kubeconfig import Connection, connection
from mtop_tui.providers.live.link import Link
from mtop_tui.providers.live.metrics.cluster import ClusterMetrics, MetricsChoice
from mtop_tui.providers.live.objects.clocks import moved
from mtop_tui.providers.live.objects.fleet import Fleet
from mtop_tui.providers.live.objects.schema import Pod
from mtop_tui.providers.live.problems import ConfigError
from mtop_tui.providers.live.startup import StartupLogs

AGAIN: Final = 5.0
"""Seconds between two looks at a kubeconfig that could not be used."""

REPORT_EVERY: Final = 5.0


class Session:
    """Looks up a context, reads its cluster, and turns what changes into records.

    Args:
        context: its name; empty: the current one.
        clock: the machine's.
        random: draws waits.
        kubeconfig: the only one to read; None: those that kubectl would read.
        namespaces: to read; none: all that may be read.
        news: is set when there is something to take.
        is_part: whether there are other clusters beside it.
        metrics: says where those of a context come from; None: from nowhere.
    """

    def __init__(
        self,
        context: str,
        clock: Clock,
        random: Random,
        *,
        kubeconfig: Path | None = None,
        namespaces: tuple[str, ...],
        news: asyncio.Event,
        is_part: bool = False,
        metrics: Callable[[str], MetricsChoice | None] = lambda _context: None,
    ) -> None:
        self.label, self._is_part = context, is_part
        self._context, self._clock, self._random = context, clock, random
        self._kubeconfig = kubeconfig
        self._namespaces = namespaces
        self._handover = Handover(EVENT, news=news)
        self._news, self._choose = news, metrics
        self._metrics: ClusterMetrics | None = None
        self._pasts: set[ServiceKey] = set()
        self._prices: Mapping[str, float] = {}
        self._startup: StartupLogs | None = None
        self._link: Link | None = None
        self._fleet: Fleet | None = None
        self._problem = self._source = ""
        self._synced = False
        self._ahead = 0.0
        self._before: Iterator[Observation] | None = None
        self._told: SourceHealth | None = None
        self._told_at = float("-inf")

    @property
    def is_waiting(self) -> bool:
        """Whether there is more to take."""
        if len(self._handover) > 0 or (self._before is not None and not self._synced):
            return True
        return self._fleet is not None and self._fleet.is_waiting

    async def run(self) -> None:
        """Read, until cancelled."""
        while True:
            try:
                # Whoever makes another context the current one meanwhile means another mtop.
                found = await self._connection(self._context or self.label)
            except ConfigError as error:
                self._problem = str(error)
                self._handover.wake()
                await asyncio.sleep(AGAIN)
                continue
            self._problem = ""
            await self._follow(found)

    async def _follow(self, found: Connection) -> None:
        """Read a cluster, until the kubeconfig says something else of it while it is not live."""
        self.label = found.name
        self._fleet = self._fleet or Fleet(found.name)
        link = self._link = Link(
            found,
            self._clock,
            self._handover,
            self._random,
            namespaces=self._namespaces,
            before=self._link,
        )
        reading = asyncio.create_task(link.run())
        measuring = self._measure(link.client, self._fleet)
        logs = self._startup = StartupLogs(link.client, self._clock, self._note_stage)
        logs.note(self._fleet.told())
        asking = asyncio.create_task(logs.run())
        try:
            while not reading.done():
                await asyncio.wait({reading}, timeout=AGAIN)
                if link.health("").state != "live" and await self._is_outdated(found):
                    return
            reading.result()
        finally:
            reading.cancel()
            measuring.cancel()
            asking.cancel()
            await asyncio.gather(reading, measuring, asking, return_exceptions=True)
            await link.close()

    async def _is_outdated(self, found: Connection) -> bool:
        """Whether a cluster was made anew, or a login renewed, and the kubeconfig with it."""
        try:
            return await self._connection(found.name) != found
        except ConfigError:
            return False

    async def _connection(self, context: str) -> Connection:
        return await asyncio.to_thread(connection, context, file=self._kubeconfig)

    def _measure(self, client: ReadOnlyClient, fleet: Fleet) -> asyncio.Task[None]:
        """Begin to read metrics, where they come from somewhere."""
        choice = self._choose(self.label)
        if choice is None:
            return asyncio.create_task(asyncio.sleep(0))
        self._metrics = ClusterMetrics(
            choice,
            client,
            self.label,
            clock=self._clock,
            news=self._news,
            pickers=fleet.pickers,
            pasts=self._pasts,
        )
        # What was told of through an earlier link is not told again.
        self._metrics.note(fleet.told())
        return asyncio.create_task(self._metrics.run())

    def take(self, most: int) -> list[Observation]:
        """Records of at most so many changes, and a word on its health when it is due."""
        at = self._clock.now()
        records: list[Observation] = [] if self._told is not None else self._health(at)
        if self._fleet is not None and self._link is not None:
            records += self._news_of(self._fleet, self._link, most, at)
        if self._startup is not None:
            self._startup.note(records)
        if self._metrics is not None:
            self._metrics.note(records)
            if self._synced:  # before, nobody knows whose samples they are
                records += self._metrics.take()
                records += self._price(self._metrics.node_prices, at)
        records += self._health(at)
        return records

    def _price(self, prices: Mapping[str, float], at: float) -> list[Observation]:
        """What is news of nodes by what OpenCost says they cost."""
        if self._fleet is None or not prices or prices is self._prices:
            return []
        self._prices = prices
        return self._fleet.price_nodes(prices, at)

    def _news_of(self, fleet: Fleet, link: Link, most: int, at: float) -> list[Observation]:
        """What changed, with times as they are by this machine's clock."""
        ahead = link.ahead
        records: list[Observation] = []
        if ahead != self._ahead:
            self._ahead = ahead
            records += fleet.told()
        records += fleet.apply(self._handover.take(most), at)
        is_there = self._before is not None or (link.is_synced and not self.is_waiting)
        if is_there and not self._synced:
            records += [*self._of_before(fleet, most), *fleet.apply([], at)]
        return [moved(one, -ahead) for one in records] if ahead else records

    def _note_stage(self, ref: ObjectRef, stage: EngineStage) -> None:
        if self._fleet is not None:
            self._fleet.note_stage(ref, stage)
            self._news.set()

    def _of_before(self, fleet: Fleet, most: int) -> Sequence[Observation]:
        """Some of the Events of before; with the last of them, all that was there is told."""
        if self._before is None:
            self._before = iter(fleet.release())
        some = list(islice(self._before, most))
        self._synced = len(some) < most
        return some

    async def read(self, ref: ObjectRef) -> RawObject | None:
        """One object as the API server has it now."""
        kind, link = BY_NAME.get(ref.kind), self._link
        if kind is None or link is None:
            return None
        version = next((one.version for one in link.readers if one.kind is kind), kind.versions[0])
        answer = await link.client.get(f"{kind.path(version, ref.namespace)}/{ref.name}")
        if not isinstance(answer, bytes):
            return None
        body: dict[str, Any] = msgspec.json.decode(answer)
        uid = body.get("metadata", {}).get("uid", "")
        if ref.uid not in {"", uid}:
            return None
        return RawObject(at=self._clock.now(), ref=ref._replace(uid=uid), body=body)

    @property
    def client(self) -> ReadOnlyClient | None:
        """Who asks its API server by now; None while there is nobody to ask."""
        return None if self._link is None else self._link.client

    @property
    def returns(self) -> int:
        """How often the server answered again after a silence."""
        return 0 if self._link is None else self._link.returns

    @property
    def ahead(self) -> float:
        """Seconds by which the server's clock is ahead of this machine's."""
        return 0.0 if self._link is None else self._link.ahead

    def pods(self, namespace: str, service: str) -> list[Pod]:
        """The pods of a service's replicas."""
        return [] if self._fleet is None else self._fleet.pods((namespace, service))

    async def close(self) -> None:
        """Release all connections."""
        if self._link is not None:
            await self._link.close()

    def _health(self, at: float) -> list[Observation]:
        """How it fares, when that is news or a while ago; live only once all has been told."""
        if self._link is None and not self._problem and not self.label:
            return []
        # A source keeps its name, though that of the context may not have been known at first.
        self._source = self._source or (f"live: {self.label}" if self.label else "live")
        if self._link is None:
            state: SourceState = "error" if self._problem else "connecting"
            health = SourceHealth(at=at, source=self._source, state=state, detail=self._problem)
        else:
            health = self._link.health(self._source)
            if health.state == "live" and not self._synced:
                health = msgspec.structs.replace(health, state="connecting")
        health = msgspec.structs.replace(health, is_part=self._is_part)
        told = self._told
        same = told is not None and (told.state, told.forbidden, told.source) == (
            health.state,
            health.forbidden,
            health.source,
        )
        if same and at - self._told_at < REPORT_EVERY:
            return []
        self._told, self._told_at = health, at
        return [health]
