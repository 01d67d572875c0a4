"""The HTTP API of Prometheus, and of whatever else speaks it, as typed values.

Where it is reached and who asks is not known here: `ask` carries a path with its parameters.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec

from mtop_tui.providers.scraping.fetching import FetchError

Ask = Callable[[str], Awaitable[bytes]]
"""Sends a GET for a path with its parameters; raises `FetchError`."""

Labels = Mapping[str, str]

AT_ONCE: Final = 4

_SAID = 200
_SERIES_AT_ONCE, _RANGES_AT_ONCE = 500, 10
_Kind = TypeVar("_Kind")


class Series(msgspec.Struct, frozen=True, gc=False):
    """One result of a query: its labels, and one value or those of a range, each with its time."""

    metric: dict[str, str]
    value: tuple[float, str] | None = None
    values: tuple[tuple[float, str], ...] = ()

    @property
    def number(self) -> float:
        """Its one value; NaN where it has none."""
        return math.nan if self.value is None else number_of(self.value[1])


class _Data(msgspec.Struct, frozen=True):
    result: tuple[msgspec.Raw, ...] = ()


class _Answer(msgspec.Struct, frozen=True):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


class Moments(NamedTuple):
    """When a range query is evaluated: Unix seconds by the server's clock, `step` apart."""

    start: float
    end: float
    step: float


class PrometheusApi:
    """Questions to a Prometheus; each raises `FetchError` if it does not answer as one does.

    Args:
        ask: sends a request.
        at_once: requests under way at a time.
    """

    def __init__(self, ask: Ask, *, at_once: int = AT_ONCE) -> None:
        self._ask = ask
        self._slots = asyncio.Semaphore(at_once)

    async def names(self, selector: str) -> list[str]:
        """The names of the series that a selector fits."""
        return _decoded(await self._get("label/__name__/values", {"match[]": selector}), list[str])

    async def number(self, query: str) -> float:
        """What a query of one result comes to; NaN if there is none."""
        told = await _series(await self._get("query", {"query": query}))
        return told[0].number if told else math.nan

    async def now(self) -> float:
        """The time by the server's clock, which may not be ours."""
        return await self.number("vector(time())")

    async def at(self, query: str, moment: float) -> list[Series]:
        """The results of a query at a moment of the server's clock."""
        asked = {"query": query, "time": f"{moment:.3f}"}
        return await _series(await self._get("query", asked))

    async def over(self, query: str, moments: Moments) -> list[Series]:
        """The results of a query at each of some moments."""
        start, end, step = moments
        asked = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        return await _series(await self._get("query_range", asked), at_once=_RANGES_AT_ONCE)

    async def _get(self, path: str, parameters: Labels) -> msgspec.Raw:
        async with self._slots:
            body = await self._ask(f"/api/v1/{path}?{urlencode(parameters)}")
        answer = _decoded(body, _Answer)
        if answer.status != "success":
            raise FetchError(
                "error", "query refused", f"does not take the query: {answer.error[:_SAID]}"
            )
        return answer.data


async def _series(data: msgspec.Raw, *, at_once: int = _SERIES_AT_ONCE) -> list[Series]:
    """The results of a query, read so many at once: of a large fleet they are megabytes."""
    found = []
    for number, one in enumerate(_decoded(data, _Data).result):
        if number and number % at_once == 0:
            await asyncio.sleep(0)  # others have their turn
        found.append(_decoded(one, Series))
    return found


def number_of(text: str) -> float:
    """A value as Prometheus writes it; NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _decoded(body: bytes | msgspec.Raw, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FetchError(
            "error",
            "no Prometheus",
            "does not answer as Prometheus does; check the address, without /api/v1",
        ) from error
