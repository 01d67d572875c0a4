"""Endpoints of model servers as a source of observations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

from mtop_tui.clock import Clock
from mtop_tui.observations import (
    LogLines,
    MetricSample,
    ObjectRef,
    Observation,
    RawObject,
    SourceHealth,
    SourceState,
)
from mtop_tui.providers.base import LogQuery, Offer
from mtop_tui.providers.endpoints.roster import Roster, endpoint_ref
from mtop_tui.providers.scraping.pace import LOCAL, Pace
from mtop_tui.providers.scraping.reading import PageError, Pages, Reading

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp

    from mtop_tui.config.addresses import Address
    from mtop_tui.providers.endpoints.discovery import Discovered

THIS_MACHINE: Final = "this machine"
MOST_ENDPOINTS: Final = 256
_WAITING_BATCHES = 64
_LOOK_AGAIN = 30.0
_PATIENCE = 2
"""Failures in a row until an endpoint counts as failed, unless nothing listens there any more."""

_NO_MODEL_TWICE = 30.0
"""Seconds until a server that names no model on its page is asked for it again."""

Sleep = Callable[[float], Awaitable[object]]
Discover = Callable[["aiohttp.ClientSession"], Awaitable["Discovered"]]


class EndpointsProvider:
    """Metrics pages read one by one; implements `FleetProvider`.

    Args:
        addresses: whose pages are read.
        ca_file: authorities to trust beside the system's.
        clock: dates what is read.
        discover: looks for more of them now and then, if it is given.
        pace: how often pages are read.
        sleep: waits; a test passes one that does not.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        *,
        ca_file: Path | None = None,
        clock: Clock,
        discover: Discover | None = None,
        pace: Pace = LOCAL,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._named = tuple(dict.fromkeys(addresses))[:MOST_ENDPOINTS]
        self._ca_file = ca_file
        self._clock = clock
        self._discover = discover
        self._pace = pace
        self._sleep = sleep
        self._roster = Roster()
        self._pages = Pages()
        self._queue: asyncio.Queue[Sequence[Observation] | None] = asyncio.Queue(_WAITING_BATCHES)
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(pace.at_once)
        self._closed = False

    @property
    def name(self) -> str:
        """How many endpoints, or the one."""
        shown = [one.shown for one in self._named]
        if self._discover is not None:
            shown.append(THIS_MACHINE)
        return shown[0] if len(shown) == 1 else f"{len(self._named)} endpoints"

    @property
    def offers(self) -> frozenset[Offer]:
        """Nothing but looking."""
        return frozenset()

    async def observe(self) -> AsyncIterator[Sequence[Observation]]:
        """What each endpoint says, as it says it."""
        from mtop_tui.providers.scraping.fetching import (  # noqa: PLC0415 - aiohttp
            new_session,
            trusting,
        )

        at = self._clock.now()
        looked_at = [one.shown for one in self._named]
        if self._discover is not None:
            looked_at.append(THIS_MACHINE)
        yield [_connecting(one, at) for one in looked_at]
        looking: asyncio.Task[None] | None = None
        try:
            tls = await asyncio.to_thread(trusting, self._ca_file)
            async with new_session(tls) as session:
                for index, address in enumerate(self._named):
                    self._begin(session, address, index, len(self._named))
                if self._discover is not None:
                    looking = asyncio.create_task(self._look_around(session, self._discover))
                while not self._closed and (batch := await self._queue.get()) is not None:
                    yield batch
        finally:
            tasks = [*self._reading.values(), *([looking] if looking else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def read_logs(self, query: LogQuery) -> AsyncIterator[LogLines]:  # noqa: ARG002
        """None: a metrics page is all there is."""
        nothing: tuple[LogLines, ...] = ()
        for lines in nothing:
            yield lines

    async def read_object(self, ref: ObjectRef) -> RawObject | None:  # noqa: ARG002
        """None: there is no cluster."""
        return None

    def pause(self, paused: bool) -> None:
        """Not offered."""

    def step(self, seconds: float) -> None:
        """Not offered."""

    async def close(self) -> None:
        """End `observe` at its next step."""
        self._closed = True
        if not self._queue.full():
            self._queue.put_nowait(None)

    # Reading one endpoint

    def _begin(
        self, session: aiohttp.ClientSession, address: Address, index: int, pages: int
    ) -> None:
        first, second = self._pace.first(index, pages), self._pace.second(index, pages)
        self._reading[address.shown] = asyncio.create_task(
            self._follow(session, address, first, second)
        )

    async def _follow(
        self, session: aiohttp.ClientSession, address: Address, first: float, second: float
    ) -> None:
        """Read one endpoint again and again; ends only when it is cancelled."""
        endpoint = _Endpoint(address)
        await self._sleep(first)
        await self._queue.put(await self._read(session, endpoint))
        await self._sleep(second)
        while True:
            asked = self._clock.now()
            await self._queue.put(await self._read(session, endpoint))
            pages = len(self._reading)
            if endpoint.failures:
                await self._sleep(self._pace.retry(endpoint.failures, pages))
            else:
                took = max(0.0, self._clock.now() - asked)
                await self._sleep(self._pace.interval(pages, took))

    async def _read(
        self, session: aiohttp.ClientSession, endpoint: _Endpoint
    ) -> Sequence[Observation]:
        from mtop_tui.providers.scraping.fetching import FetchError, fetch  # noqa: PLC0415

        try:
            async with self._slots:
                body = await fetch(session, endpoint.address)
            reading = self._pages.read(body)
            if reading.is_picker:
                raise PageError(
                    "no engine",
                    "is an endpoint picker, which serves no model itself; name its engines",
                )
        except FetchError as error:
            at_once = error.reason == "refused"
            return self._failed(endpoint, error.state, error.reason, error.sentence, at_once)
        except PageError as error:
            return self._failed(endpoint, "error", error.reason, error.sentence, False)
        at = self._clock.now()
        model = reading.model or await self._ask_for_model(session, endpoint, at)
        return self._answered(endpoint, reading, model, at)

    async def _ask_for_model(
        self, session: aiohttp.ClientSession, endpoint: _Endpoint, at: float
    ) -> str:
        """The model of a server whose page does not name it; its address if it does not tell."""
        from mtop_tui.providers.scraping.fetching import ask_for_model  # noqa: PLC0415 - aiohttp

        if not endpoint.told_model and at - endpoint.asked_at >= _NO_MODEL_TWICE:
            endpoint.asked_at = at
            endpoint.told_model = await ask_for_model(session, endpoint.address)
        return endpoint.told_model or endpoint.address.shown

    def _answered(
        self, endpoint: _Endpoint, reading: Reading, model: str, at: float
    ) -> Sequence[Observation]:
        endpoint.failures = 0
        endpoint.heard_at = at
        records = self._roster.answered(endpoint.ref, model, reading.layout.engine, at)
        key = self._roster.service_of(endpoint.ref)
        assert key is not None  # it has just answered
        sample = MetricSample(
            at=at,
            ref=endpoint.ref,
            service=key,
            layout=reading.layout,
            cumulative=reading.cumulative,
            gauges=reading.gauges,
        )
        return [*records, sample, endpoint.health(at, "live")]

    def _failed(
        self, endpoint: _Endpoint, state: SourceState, reason: str, sentence: str, at_once: bool
    ) -> Sequence[Observation]:
        at = self._clock.now()
        endpoint.failures += 1
        # What named no model, or another way, may have been another program by then.
        endpoint.told_model, endpoint.asked_at = "", float("-inf")
        records: list[Observation] = []
        if at_once or endpoint.failures >= _PATIENCE:
            records += self._roster.failed(endpoint.ref, reason, sentence, at)
        return [*records, endpoint.health(at, state, sentence)]

    # Looking for more

    async def _look_around(self, session: aiohttp.ClientSession, discover: Discover) -> None:
        while True:
            found = await discover(session)
            new = [one for one in found.addresses if one.shown not in self._reading]
            new = new[: MOST_ENDPOINTS - len(self._reading)]
            at = self._clock.now()
            records = [_connecting(one.shown, at) for one in new]
            for index, address in enumerate(new):
                self._begin(session, address, index, len(new))
            is_any = bool(self._reading)
            health = SourceHealth(
                at=at,
                source=THIS_MACHINE,
                state="live" if is_any else "disconnected",
                detail=found.said if new or not is_any else "",
                last_contact=at,
                is_part=True,
            )
            await self._queue.put([*records, health])
            await self._sleep(_LOOK_AGAIN)


class _Endpoint:
    """What is remembered of one endpoint between two readings."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.ref = endpoint_ref(address.shown)
        self.heard_at: float | None = None
        self.failures = 0
        self.told_model = ""
        self.asked_at = float("-inf")

    def health(self, at: float, state: SourceState, detail: str = "") -> SourceHealth:
        return SourceHealth(
            at=at,
            source=self.address.shown,
            state=state,
            detail=detail,
            last_contact=self.heard_at,
            errors=self.failures,
            is_part=True,
        )


def _connecting(source: str, at: float) -> SourceHealth:
    return SourceHealth(at=at, source=source, state="connecting", is_part=True)
