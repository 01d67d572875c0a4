"""Log lines of the simulated cluster, read from its bounded rings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from heapq import merge
from itertools import groupby

from mtop_tui.engine.outputs.logbook import Logbook
from mtop_tui.engine.outputs.ring import LogRing
from mtop_tui.observations import LogLine, LogLines
from mtop_tui.providers.base import LogQuery

POLL = 1.0
"""Seconds between two looks for new lines."""

_LONGEST_RECORD = 100
_RECORDS_IN_A_SLICE = 50


class _Part:
    """The lines of one container that were read, and how many before them are lost."""

    __slots__ = ("dropped", "lines", "ring")

    def __init__(self, ring: LogRing, lines: list[LogLine], dropped: int = 0) -> None:
        self.ring, self.lines, self.dropped = ring, lines, dropped


async def read_logs(
    logbook: Callable[[], Logbook | None],
    query: LogQuery,
    *,
    sleep: Callable[[float], Awaitable[object]],
    closed: Callable[[], bool] = lambda: False,
) -> AsyncGenerator[LogLines, None]:
    """What the containers of a service wrote, merged in time order; then, if so asked, what comes.

    The event loop gets its turn after each container and every few records.

    Args:
        logbook: the fleet's; None while there is no fleet yet.
        query: what to read.
        sleep: waits between two looks, by the provider's clock.
        closed: whether the provider was closed, which ends following.
    """
    last = float("-inf")
    parts: list[_Part] = []
    book = logbook()
    if book is not None:
        last = book.present
        for ring in book.rings(query.service, query.pod, query.container):
            page = ring.read(last, since=query.since, tail=query.tail, previous=query.previous)
            parts.append(_Part(ring, page.lines, page.dropped))
            await asyncio.sleep(0)
        async for record in _in_slices(parts):
            yield record
    while query.follow and not query.previous and not closed():
        await sleep(POLL)
        book = logbook()
        if book is None or book.present <= last:
            continue
        since, last = last, book.present
        parts = []
        for ring in book.rings(query.service, query.pod, query.container):
            lines = ring.read_after(since, last)
            if query.since is not None and query.since > since:
                lines = [line for line in lines if line.at >= query.since]
            parts.append(_Part(ring, lines))
            await asyncio.sleep(0)
        async for record in _in_slices(parts):
            yield record


async def _in_slices(parts: Sequence[_Part]) -> AsyncGenerator[LogLines, None]:
    for number, record in enumerate(_merged(parts)):
        if number % _RECORDS_IN_A_SLICE == 0:
            await asyncio.sleep(0)
        yield record


def _merged(parts: Sequence[_Part]) -> Iterator[LogLines]:
    """Records in time order; at the same moment a container goes on before another begins."""
    streams = [[(line.at, index, line) for line in one.lines] for index, one in enumerate(parts)]
    in_order = merge(*streams, key=lambda item: item[:2])
    for index, group in groupby(in_order, key=lambda item: item[1]):
        part = parts[index]
        lines = [line for _, _, line in group]
        for start in range(0, len(lines), _LONGEST_RECORD):
            run = tuple(lines[start : start + _LONGEST_RECORD])
            yield LogLines(
                at=run[-1].at,
                ref=part.ring.ref,
                container=part.ring.container,
                lines=run,
                dropped=part.dropped,
            )
            part.dropped = 0
