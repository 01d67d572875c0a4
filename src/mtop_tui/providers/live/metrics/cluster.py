"""The metrics of one cluster: from Prometheus where one is named, else from its pods."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final

import msgspec

from mtop_tui.clock import Clock
from mtop_tui.config.addresses import ServicePlace
from mtop_tui.observations import Observation, ServiceKey, SourceHealth
from mtop_tui.providers.live.client import ReadOnlyClient, Stream
from mtop_tui.providers.live.metrics.following import follow, through_service
from mtop_tui.providers.live.metrics.history import History
from mtop_tui.providers.live.metrics.opencost import (
    Look,
    NodePrices,
    OpenCost,
    asked_for,
    read_page,
)
from mtop_tui.providers.live.metrics.pods import KnownPods
from mtop_tui.providers.live.metrics.prometheus import Prometheus
from mtop_tui.providers.live.metrics.prometheus_api import Ask, PrometheusApi
from mtop_tui.providers.live.metrics.prometheus_client import Access, PrometheusClient
from mtop_tui.providers.live.metrics.scrape import OWN_LOGIN, Scraper
from mtop_tui.providers.live.objects.pickers import PickerPods
from mtop_tui.providers.live.problems import (
    FORBIDDEN,
    NO_CREDENTIALS,
    UNAUTHORIZED,
    Problem,
    Refusal,
)
from mtop_tui.providers.scraping.fetching import FetchError, cut_off
from mtop_tui.providers.scraping.pace import PROXIED, Pace
from mtop_tui.providers.scraping.reading import MOST_BYTES

AT_REST: Final = PROXIED._replace(shortest=15.0, at_once=2)
"""Of endpoint pickers: what they say moves no chart."""

WHOLE: Final = 10.0
"""Seconds for a whole answer by way of the API server."""

_WAITING = 64

Batches = AsyncGenerator[Sequence[Observation], None]


class MetricsChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Where metrics come from: `prometheus` by its address, by a service's proxy, or the pods.

    Attributes:
        prometheus: how a Prometheus outside is reached.
        service: of a Prometheus inside.
        opencost: of an OpenCost inside, if its own page is to be read.
        pace: at which pods are asked.
    """

    prometheus: Access | None = None
    service: ServicePlace | None = None
    opencost: ServicePlace | None = None
    pace: Pace = PROXIED


class ClusterMetrics:
    """Reads the metrics of a cluster; what is read waits to be taken.

    Args:
        choice: from where.
        client: of the API server.
        cluster: its name.
        clock: dates samples.
        news: is set when there is something to take.
        pickers: pods of endpoint pickers, as they are known at each time.
        pasts: services whose past was asked for, which is done once; it is kept up to date.
    """

    def __init__(
        self,
        choice: MetricsChoice,
        client: ReadOnlyClient,
        cluster: str,
        *,
        clock: Clock,
        news: asyncio.Event,
        pickers: PickerPods,
        pasts: set[ServiceKey],
    ) -> None:
        self._choice, self._client, self._cluster = choice, client, cluster
        self._clock, self._news, self._pods = clock, news, KnownPods(pickers)
        self._costs: OpenCost | None = None
        self._pasts, self._wanted = pasts, asyncio.Event()
        self._waiting: deque[Sequence[Observation]] = deque()
        self._room = asyncio.Event()
        self._scrapers: tuple[Scraper, Scraper] | None = None

    async def run(self) -> None:
        """Read, until cancelled."""
        access = self._choice.prometheus
        client = None if access is None else PrometheusClient(access)
        opencost, inside = self._choice.opencost, self._choice.service
        try:
            async with asyncio.TaskGroup() as readers:
                if opencost is not None:
                    source = f"OpenCost {opencost.shown}"
                    self._opencost(readers, self._opencost_page, source, named=True)
                if client is not None:
                    await self._follow(client.ask, client.shown)
                elif inside is not None:
                    namespace, service, port = inside
                    ask = through_service(self._fetch_of_service, namespace, service, port=port)
                    await self._follow(ask, inside.shown)
                else:
                    await self._scrape()
        finally:
            if client is not None:
                await client.close()

    def note(self, records: Iterable[Observation]) -> None:
        """Learn from what the cluster says which pods there are."""
        if self._pods.note(records):
            self._aim()

    def take(self) -> list[Observation]:
        """What was read since; to be asked once all is known that there is."""
        self._wanted.set()
        records: list[Observation] = []
        while self._waiting:
            records += self._waiting.popleft()
        self._room.set()
        return records

    @property
    def node_prices(self) -> Mapping[str, float]:
        """What OpenCost says of nodes by their names, USD per hour; a new one with each word."""
        return {} if self._costs is None else self._costs.prices

    def _aim(self) -> None:
        """Look at the replicas that serve, and at what chooses among them."""
        if self._scrapers is not None:
            engines, pickers = self._scrapers
            engines.look_at(self._pods.engines())
            if engines.is_idle:
                self._put([engines.health()])
            pickers.look_at(self._pods.pickers())

    async def _scrape(self) -> None:
        engines, pickers = f"pods of {self._cluster}", f"endpoint pickers of {self._cluster}"
        self._scrapers = (
            Scraper(self._fetch, engines, clock=self._clock, pace=self._choice.pace),
            Scraper(
                self._fetch,
                pickers,
                what="endpoint pickers",
                is_extra=True,
                clock=self._clock,
                pace=AT_REST,
            ),
        )
        self._put([self._connecting(engines)])
        self._aim()
        of_engines, of_pickers = (one.observe() for one in self._scrapers)
        async with asyncio.TaskGroup() as readers:
            readers.create_task(self._pass_on(engines, of_engines))
            readers.create_task(self._pass_on(pickers, of_pickers))  # not every service has one
            await self._wanted.wait()  # by then it is known whether there is any pod
            if self._scrapers[0].is_idle:
                self._put([self._scrapers[0].health()])

    async def _follow(self, ask: Ask, shown: str) -> None:
        clock, cluster, source = self._clock, self._cluster, f"prometheus {shown}"
        await self._wanted.wait()  # by then it is known which pods there are
        prometheus = Prometheus(ask, cluster=cluster, clock=clock, pods=self._pods)
        history = History(
            ask,
            prometheus,
            cluster=cluster,
            clock=clock,
            pools_of=self._pods.pools_of,
            comes_first=self._pods.is_promised,
            heard=self._pasts,
        )
        self._put([self._connecting(source)])
        # The past takes long to ask for: what is now does not wait for it.
        async with asyncio.TaskGroup() as readers:
            samples = follow(prometheus, source, clock=clock, history=history)
            readers.create_task(self._pass_on(source, samples))
            readers.create_task(self._pass_on(f"{source}, the past", history.tell()))
            if self._choice.opencost is None:
                look = partial(asked_for, PrometheusApi(ask))
                self._opencost(readers, look, f"OpenCost by {shown}", named=False)

    def _opencost(self, readers: asyncio.TaskGroup, look: Look, source: str, named: bool) -> None:
        """Begin to ask for prices of nodes."""
        self._costs = OpenCost(look, source, clock=self._clock, is_named=named)
        readers.create_task(self._pass_on(source, self._costs.observe()))

    async def _opencost_page(self) -> NodePrices | None:
        assert self._choice.opencost is not None
        namespace, service, port = self._choice.opencost
        ask = through_service(self._fetch, namespace, service, port=port)
        return read_page(await ask("/metrics"))

    def _connecting(self, source: str) -> SourceHealth:
        at = self._clock.now()
        return SourceHealth(at=at, source=source, state="connecting", is_part=True)

    async def _pass_on(self, source: str, batches: Batches) -> None:
        try:
            async with aclosing(batches) as stream:
                async for batch in stream:
                    while len(self._waiting) >= _WAITING:  # who takes them is slow: wait
                        self._room.clear()
                        await self._room.wait()
                    self._put(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            said = f"mtop broke off reading it ({type(error).__name__}: {error}); start mtop again"
            at = self._clock.now()
            self._put(
                [SourceHealth(at=at, source=source, state="error", detail=said, is_part=True)]
            )

    def _put(self, batch: Sequence[Observation]) -> None:
        self._waiting.append(batch)
        self._news.set()

    async def _fetch_of_service(self, path: str) -> bytes:
        return await self._fetch(path, instead="name it by its own address, with prometheus_token")

    async def _fetch(
        self, path: str, *, instead: str = "a Prometheus that scrapes it has its figures"
    ) -> bytes:
        """The body at a path of the API server, bounded in time and size.

        `instead` is what helps where what is behind it wants a login of its own.
        """
        body = bytearray()
        try:
            async with (
                asyncio.timeout(WHOLE),
                self._client.stream(path, {}, silence=WHOLE, accept="*/*") as found,
            ):
                if not isinstance(found, Stream):
                    raise _failure(found, instead)
                async for part in found.parts():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise FetchError(
                            "error", "page too large", "sends more than 8 MiB, which was not taken"
                        )
                if found.problem is not None:
                    broke = found.problem.kind == "network"
                    raise cut_off() if broke else _failure(found.problem, instead)
        except TimeoutError as error:
            raise FetchError(
                "disconnected", "no answer", f"no answer within {WHOLE:.0f} s"
            ) from error
        return bytes(body)


def _failure(problem: Problem, instead: str) -> FetchError:
    if not isinstance(problem, Refusal):
        return FetchError("disconnected", problem.kind, problem.sentence)
    refused = problem.status in {FORBIDDEN, UNAUTHORIZED}
    if refused and not problem.is_status and problem.reason != NO_CREDENTIALS:
        return FetchError(
            "forbidden",
            OWN_LOGIN,
            f"what answers wants a login of its own ({problem.status}), which the API server's"
            f" proxy does not pass on; {instead}",
        )
    # A login that has expired is had anew: that is no answer to what it may do.
    is_forbidden = problem.status == FORBIDDEN
    return FetchError(
        "forbidden" if is_forbidden else "error", f"HTTP {problem.status}", problem.sentence
    )
