"""Metrics pages of pods by way of the API server's proxy, where there is no Prometheus.

How a request is sent is not known here: `fetch` carries a path, with gzip if it can. When each pod
is asked is: evenly spread, so many at once, and less often the more there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from typing import Final, Literal, NamedTuple
from urllib.parse import quote

from mtop_tui.clock import Clock
from mtop_tui.observations import MetricSample, ObjectRef, Observation, ServiceKey, SourceHealth
from mtop_tui.providers.scraping.fetching import FetchError
from mtop_tui.providers.scraping.pace import PROXIED, Pace
from mtop_tui.providers.scraping.reading import PageError, Pages

Fetch = Callable[[str], Awaitable[bytes]]
"""Sends a GET for a path to the API server; raises `FetchError`."""

Sleep = Callable[[float], Awaitable[object]]
Scheme = Literal["https", "http"]

FORBIDDEN_FOR: Final = 300.0
"""Seconds for which pods of a namespace are left alone in which they may not be read.

Likewise a pod that wants a login of its own.
"""

OWN_LOGIN: Final = "own login"
"""The reason of a refusal that is not the API server's but the pod's."""

_OTHER: dict[Scheme, Scheme] = {"https": "http", "http": "https"}
_MAYBE_OTHER_SCHEME = frozenset({"HTTP 400", "HTTP 500", "HTTP 502", "HTTP 503"})
"""What a proxy answers when a pod speaks TLS and it does not, or the reverse."""

_WAITING = 64


class Target(NamedTuple):
    """A pod whose page is to be read.

    `scheme` is what its probe or its service says it speaks; None where they do not tell.
    """

    ref: ObjectRef
    service: ServiceKey
    port: int = 8000
    scheme: Scheme | None = None


class Scraper:
    """Reads the pages of pods.

    Args:
        fetch: sends a request.
        source: how its health is called.
        what: what it reads, in the plural.
        is_extra: whether few miss it.
        clock: dates samples.
        pace: how often, and how many at once.
        sleep: waits; a test passes one that does not.
    """

    def __init__(
        self,
        fetch: Fetch,
        source: str,
        *,
        what: str = "pods",
        is_extra: bool = False,
        clock: Clock,
        pace: Pace = PROXIED,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._fetch = fetch
        self._source, self._what, self._is_extra = source, what, is_extra
        self._clock = clock
        self._pace = pace
        self._sleep = sleep
        self._pages = Pages()
        self._slots = asyncio.Semaphore(pace.at_once)
        self._samples: asyncio.Queue[Sequence[Observation]] = asyncio.Queue(_WAITING)
        self._reading: dict[Target, asyncio.Task[None]] = {}
        self._spoken: dict[ServiceKey, Scheme] = {}
        self._failing: dict[ObjectRef, str] = {}
        self._forbidden: dict[str, float] = {}
        self._guarded: dict[ObjectRef, float] = {}
        self._heard: float | None = None

    def look_at(self, targets: Iterable[Target]) -> None:
        """These pods from now on, and no others."""
        wanted = dict.fromkeys(targets)
        for target in [one for one in self._reading if one not in wanted]:
            self._reading.pop(target).cancel()
            self._failing.pop(target.ref, None)
            self._guarded.pop(target.ref, None)
        new = [target for target in wanted if target not in self._reading]
        for index, target in enumerate(new):
            first, second = self._pace.first(index, len(new)), self._pace.second(index, len(new))
            self._reading[target] = asyncio.create_task(self._follow(target, first, second))

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to read, so that nothing will ever be told by itself."""
        return not self._reading

    async def observe(self) -> AsyncGenerator[Sequence[Observation], None]:
        """Samples as they come, with the health of the whole; until cancelled."""
        try:
            while True:
                yield await self._samples.get()
        finally:
            tasks = list(self._reading.values())
            self._reading.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, target: Target, first: float, second: float) -> None:
        failures = 0
        await self._sleep(first)
        while True:
            asked = self._clock.now()
            sample = None
            if asked >= self._left_alone_until(target):
                sample = await self._read(target)
            failures = 0 if sample is not None else failures + 1
            # Who takes samples may be slow: then fewer are asked for.
            await self._samples.put([*([sample] if sample else []), self.health()])
            pods = len(self._reading)
            if failures:
                await self._sleep(self._pace.retry(failures, pods))
            elif second:
                await self._sleep(second)
            else:
                await self._sleep(self._pace.interval(pods, self._clock.now() - asked))
            second = 0.0

    def _left_alone_until(self, target: Target) -> float:
        return max(
            self._forbidden.get(target.ref.namespace, 0.0), self._guarded.get(target.ref, 0.0)
        )

    async def _read(self, target: Target) -> MetricSample | None:
        """The sample of a pod; None, with the reason kept, when there is none."""
        try:
            async with self._slots:
                body = await self._page(target)
            reading = self._pages.read(body)
        except FetchError as error:
            self._failing[target.ref] = error.sentence
            if error.reason == OWN_LOGIN:
                self._guarded[target.ref] = self._clock.now() + FORBIDDEN_FOR
            elif error.state == "forbidden":
                self._forbidden[target.ref.namespace] = self._clock.now() + FORBIDDEN_FOR
            return None
        except PageError as error:
            self._failing[target.ref] = error.sentence
            return None
        self._failing.pop(target.ref, None)
        self._forbidden.pop(target.ref.namespace, None)
        self._guarded.pop(target.ref, None)
        self._heard = at = self._clock.now()
        return MetricSample(
            at=at,
            ref=target.ref,
            service=target.service,
            layout=reading.layout,
            cumulative=reading.cumulative,
            gauges=reading.gauges,
            subject="picker" if reading.is_picker else "replica",
        )

    async def _page(self, target: Target) -> bytes:
        """The page, by the scheme that pods of this service speak; else by the other one."""
        scheme = self._spoken.get(target.service) or target.scheme or "https"
        try:
            body = await self._fetch(path_of(target, scheme))
        except FetchError as error:
            if error.reason not in _MAYBE_OTHER_SCHEME:
                raise
            other = _OTHER[scheme]
            try:
                body = await self._fetch(path_of(target, other))
            except FetchError:
                raise error from None
            scheme = other
        self._spoken[target.service] = scheme
        return body

    def health(self) -> SourceHealth:
        """How the reading of all of them fares."""
        at = self._clock.now()
        forbidden = sorted(one for one, until in self._forbidden.items() if at < until)
        pods = len(self._reading)
        failing = sum(
            one.ref in self._failing or one.ref.namespace in forbidden for one in self._reading
        )
        guarded = sum(one.ref in self._guarded for one in self._reading)
        why = next(iter(self._failing.values()), "")
        answered = failing < pods or not pods
        refused = bool(forbidden or guarded)
        detail = f"{failing} of {pods} {self._what} without metrics: {why}" if failing else ""
        return SourceHealth(
            at=at,
            source=self._source,
            state="live" if answered else "forbidden" if refused else "error",
            detail=detail if pods else f"there are no {self._what} to ask",
            last_contact=self._heard,
            errors=failing - guarded,
            forbidden=tuple(f"pods/proxy in {namespace}" for namespace in forbidden),
            is_part=True,
            is_extra=self._is_extra,
        )


def path_of(target: Target, scheme: Scheme) -> str:
    """Where the page of a pod is, by way of the API server."""
    namespace, pod = quote(target.ref.namespace, safe=""), quote(target.ref.name, safe="")
    spoken = "https:" if scheme == "https" else ""
    return f"/api/v1/namespaces/{namespace}/pods/{spoken}{pod}:{target.port}/proxy/metrics"
