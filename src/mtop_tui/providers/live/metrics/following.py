"""Samples from Prometheus again and again, with how it fares."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import quote

from mtop_tui.clock import Clock
from mtop_tui.observations import MetricSample, Observation, SourceHealth
from mtop_tui.providers.live.metrics.history import History
from mtop_tui.providers.live.metrics.prometheus import SCRAPES_IN_WINDOW, Prometheus
from mtop_tui.providers.live.metrics.prometheus_api import Ask
from mtop_tui.providers.scraping.fetching import FetchError

SHORTEST: Final = 10.0
"""Seconds between two rounds of questions: those about histograms are dear."""

LONGEST: Final = 45.0
"""Likewise, at most: what is not heard of for a minute counts as lost."""

LONGEST_RETRY: Final = 60.0


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


async def follow(
    prometheus: Prometheus,
    source: str,
    *,
    clock: Clock,
    history: History | None = None,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncGenerator[Sequence[Observation], None]:
    """Samples with the health of the source, until cancelled; a failure is told and tried again.

    The history is told of each service that has samples.
    """
    failures, heard = 0, None
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
        if history is not None:
            history.note((one.service for one in samples), heard)
        health = SourceHealth(
            at=heard,
            source=source,
            state="live",
            detail=_said(samples, history),
            last_contact=heard,
            is_part=True,
        )
        yield [*samples, health]
        await sleep(min(max(SHORTEST, prometheus.window / SCRAPES_IN_WINDOW), LONGEST))


def _said(samples: Sequence[MetricSample], history: History | None) -> str:
    if not samples:
        return "has no metrics of engines; does it scrape their pods?"
    if history is not None and history.problem:
        return f"charts and budgets begin when mtop does: {history.problem}"
    return ""
