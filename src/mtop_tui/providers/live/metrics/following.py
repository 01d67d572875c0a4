"""Samples from Prometheus again and again, with how it fares."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from mtop_tui.clock import Clock
from mtop_tui.observations import Observation, Past, ServiceKey, SourceHealth
from mtop_tui.providers.live.metrics.prometheus import SCRAPES_IN_WINDOW, Ask, Prometheus
from mtop_tui.providers.scraping.fetching import FetchError

SHORTEST: Final = 10.0
"""Seconds between two rounds of questions: those about histograms are dear."""

LONGEST_RETRY: Final = 60.0

PAST_STEP: Final = 15.0
PAST_STEPS: Final = 240
MOST_PASTS: Final = 50
"""Services whose last hour is asked for: each is a dozen questions over ranges."""

_MOMENTS_TOLD = 40


def through_service(ask: Ask, namespace: str, service: str, *, port: str = "9090") -> Ask:
    """Asks a Prometheus by the proxy of an API server.

    Args:
        ask: sends a GET to the API server.
        namespace: of the service.
        service: its name, with `https:` before it if it speaks TLS.
        port: number or name.
    """
    place = quote(f"{service}:{port}", safe=":")
    base = f"/api/v1/namespaces/{quote(namespace, safe='')}/services/{place}/proxy"

    async def proxied(path: str) -> bytes:
        return await ask(base + path)

    return proxied


async def _past(prometheus: Prometheus, key: ServiceKey) -> Past | None:
    """The last hour of a service; None where it is not told, for its samples go on without."""
    try:
        return await prometheus.past(key, step=PAST_STEP, steps=PAST_STEPS)
    except FetchError:
        return None


def _parts(past: Past | None) -> Iterator[Past]:
    """What takes a few milliseconds to apply."""
    if past is None:
        return
    for start in range(0, len(past.moments), _MOMENTS_TOLD):
        part = past.moments[start : start + _MOMENTS_TOLD]
        yield msgspec.structs.replace(past, moments=part)


async def follow(
    prometheus: Prometheus,
    source: str,
    *,
    clock: Clock,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncGenerator[Sequence[Observation], None]:
    """Samples with the health of the source, until cancelled; a failure is told and tried again.

    What a service did in the hour before follows upon its first sample.
    """
    failures, heard = 0, None
    told: set[ServiceKey] = set()
    while True:
        try:
            samples = await prometheus.samples()
        except FetchError as error:
            failures += 1
            yield [
                SourceHealth(
                    at=clock.now(),
                    source=source,
                    state=error.state,
                    detail=error.sentence,
                    last_contact=heard,
                    errors=failures,
                    is_part=True,
                )
            ]
            await sleep(min(SHORTEST * 2.0 ** min(failures - 1, 6), LONGEST_RETRY))
            continue
        failures, heard = 0, clock.now()
        detail = "" if samples else "has no metrics of engines; does it scrape their pods?"
        health = SourceHealth(
            at=heard, source=source, state="live", detail=detail, last_contact=heard, is_part=True
        )
        yield [*samples, health]
        for sample in samples[: MOST_PASTS - len(told)]:
            if sample.service not in told:
                told.add(sample.service)
                past = await _past(prometheus, sample.service)
                for part in _parts(past):
                    yield [part]
        await sleep(max(SHORTEST, prometheus.window / SCRAPES_IN_WINDOW))
