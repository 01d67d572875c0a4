"""The metrics of one cluster: from Prometheus where one is named, else from its pods."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from mtop_tui.clock import Clock
from mtop_tui.config.addresses import ServicePlace
from mtop_tui.observations import ObjectRef, Observation, Removed, Replica, ServiceKey, SourceHealth
from mtop_tui.providers.live.client import ReadOnlyClient, Stream
from mtop_tui.providers.live.metrics.following import follow, through_service
from mtop_tui.providers.live.metrics.prometheus import Ask, Prometheus
from mtop_tui.providers.live.metrics.prometheus_client import Access, PrometheusClient
from mtop_tui.providers.live.metrics.scrape import Scraper, Target
from mtop_tui.providers.live.problems import FORBIDDEN, UNAUTHORIZED, Problem, Refusal
from mtop_tui.providers.scraping.fetching import FetchError
from mtop_tui.providers.scraping.reading import MOST_BYTES

WHOLE: Final = 10.0
"""Seconds for a whole answer by way of the API server."""

_WAITING = 64

Batches = AsyncGenerator[Sequence[Observation], None]


class MetricsChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Where metrics come from: `prometheus` by its address, by a service's proxy, or the pods.

    Attributes:
        prometheus: how a Prometheus outside is reached.
        service: of a Prometheus inside.
    """

    prometheus: Access | None = None
    service: ServicePlace | None = None


class ClusterMetrics:
    """Reads the metrics of a cluster; what is read waits to be taken.

    Args:
        choice: from where.
        client: of the API server.
        cluster: its name.
        clock: dates samples.
        news: is set when there is something to take.
    """

    def __init__(
        self,
        choice: MetricsChoice,
        client: ReadOnlyClient,
        cluster: str,
        *,
        clock: Clock,
        news: asyncio.Event,
    ) -> None:
        self._choice, self._client, self._cluster = choice, client, cluster
        self._clock, self._news = clock, news
        self._replicas: dict[ObjectRef, Replica] = {}
        self._by_pod: dict[tuple[str, str], Replica] = {}
        self._waiting: deque[Sequence[Observation]] = deque()
        self._room = asyncio.Event()
        self._scraper: Scraper | None = None

    async def run(self) -> None:
        """Read, until cancelled."""
        access = self._choice.prometheus
        client = None if access is None else PrometheusClient(access)
        try:
            if client is not None:
                await self._follow(client.ask, client.shown)
            elif self._choice.service is not None:
                namespace, service, port = self._choice.service
                ask = through_service(self._fetch, namespace, service, port=port)
                await self._follow(ask, self._choice.service.shown)
            else:
                source = f"pods of {self._cluster}"
                self._scraper = Scraper(self._fetch, source, clock=self._clock)
                self._aim()
                await self._keep(source, self._scraper.observe())
        finally:
            if client is not None:
                await client.close()

    def note(self, records: Iterable[Observation]) -> None:
        """Learn from what the cluster says which pods there are."""
        changed = False
        for record in records:
            if type(record) is Replica:
                before = self._replicas.get(record.ref)
                self._replicas[record.ref] = record
                self._by_pod[record.ref.namespace, record.ref.name] = record
                changed = changed or before is None or before.phase != record.phase
            elif type(record) is Removed and self._replicas.pop(record.ref, None) is not None:
                self._by_pod.pop((record.ref.namespace, record.ref.name), None)
                changed = True
        if changed:
            self._aim()

    def take(self) -> list[Observation]:
        """What was read since."""
        records: list[Observation] = []
        while self._waiting:
            records += self._waiting.popleft()
        self._room.set()
        return records

    def _aim(self) -> None:
        """Look at the replicas that serve."""
        if self._scraper is not None:
            self._scraper.look_at(
                Target(one.ref, one.service)
                for one in self._replicas.values()
                if one.phase == "ready"
            )

    async def _follow(self, ask: Ask, shown: str) -> None:
        prometheus = Prometheus(ask, cluster=self._cluster, clock=self._clock, owner=self._owner)
        source = f"prometheus {shown}"
        await self._keep(source, follow(prometheus, source, clock=self._clock))

    async def _keep(self, source: str, batches: Batches) -> None:
        at = self._clock.now()
        self._put([SourceHealth(at=at, source=source, state="connecting", is_part=True)])
        async with aclosing(batches) as stream:
            async for batch in stream:
                while len(self._waiting) >= _WAITING:  # who takes them is slow: wait
                    self._room.clear()
                    await self._room.wait()
                self._put(batch)

    def _put(self, batch: Sequence[Observation]) -> None:
        self._waiting.append(batch)
        self._news.set()

    def _owner(self, namespace: str, pod: str) -> tuple[ObjectRef, ServiceKey] | None:
        found = self._by_pod.get((namespace, pod))
        return None if found is None else (found.ref, found.service)

    async def _fetch(self, path: str) -> bytes:
        """The body at a path of the API server, bounded in time and size."""
        body = bytearray()
        try:
            async with (
                asyncio.timeout(WHOLE),
                self._client.stream(path, {}, silence=WHOLE, accept="*/*") as found,
            ):
                if not isinstance(found, Stream):
                    raise _failure(found)
                async for part in found.parts():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise FetchError(
                            "error", "page too large", "sends more than 8 MiB, which was not taken"
                        )
                if found.problem is not None:
                    raise _failure(found.problem)
        except TimeoutError as error:
            raise FetchError(
                "disconnected", "no answer", f"no answer within {WHOLE:.0f} s"
            ) from error
        return bytes(body)


def _failure(problem: Problem) -> FetchError:
    if not isinstance(problem, Refusal):
        return FetchError("disconnected", problem.kind, problem.sentence)
    refused = problem.status in {FORBIDDEN, UNAUTHORIZED}
    return FetchError(
        "forbidden" if refused else "error", f"HTTP {problem.status}", problem.sentence
    )
