"""Model servers on this machine: ports that somebody listens on, each asked for its page once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mtop_tui.config.addresses import Address, parse_address
from mtop_tui.providers.scraping.reading import PageError, Pages

if TYPE_CHECKING:
    import aiohttp

USUAL_PORTS: Final = (8000, 8001, 8002, 8080, 8081, 8888, 3000, 5000, 9000, 10000, 11434, 30000)
"""Where vLLM, NIM, Triton, llama.cpp, TGI, SGLang and Dynamo listen if nobody says otherwise."""

_NEVER = frozenset({1433, 1521, 2049, 2379, 2380, 3306, 5432, 5672, 6379, 9042, 11211, 27017})
"""Databases, caches and queues, which complain in their logs when somebody speaks HTTP to them."""

_FIRST_FREE = 1024
_MOST_PORTS = 128
_AT_ONCE = 8
_LISTENS = "0A"
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_HERE = {
    "00000000": "localhost",
    "0100007F": "localhost",
    "0" * 32: "localhost",
    "00000000000000000000000001000000": "[::1]",
    "0000000000000000FFFF00000100007F": "localhost",
}
"""Addresses on which this machine hears itself, as the kernel writes them on little-endian."""


class Discovered(NamedTuple):
    """The model servers that answered, and a sentence on what was looked at."""

    addresses: tuple[Address, ...]
    said: str


class Discovery:
    """Looks for model servers; each port is asked once for as long as it is listened on.

    Args:
        listening: host and port of what listens here.
    """

    def __init__(self, listening: Callable[[], Sequence[str]] | None = None) -> None:
        self._listening = listening or listening_here
        self._asked: dict[str, bool] = {}
        self._pages = Pages()

    async def look(self, session: aiohttp.ClientSession) -> Discovered:
        """Ask every port that was not asked yet for its metrics."""
        places = (await asyncio.to_thread(self._listening))[:_MOST_PORTS]
        self._asked = {place: self._asked[place] for place in places if place in self._asked}
        slots = asyncio.Semaphore(_AT_ONCE)

        async def ask(place: str) -> None:
            async with slots:
                self._asked[place] = await self._is_server(session, parse_address(place))

        await asyncio.gather(*(ask(place) for place in places if place not in self._asked))
        found = tuple(parse_address(place) for place in places if self._asked[place])
        ports = f"{len(places)} port" if len(places) == 1 else f"{len(places)} ports"
        if found:
            return Discovered(found, f"asked {ports}, {len(found)} of a model server")
        return Discovered(
            (), f"asked {ports}, none of a model server; start one, or name it with --endpoint"
        )

    async def _is_server(self, session: aiohttp.ClientSession, address: Address) -> bool:
        from mtop_tui.providers.scraping.fetching import FetchError, fetch  # noqa: PLC0415 - aiohttp

        try:
            return not self._pages.read(await fetch(session, address)).is_picker
        except (FetchError, PageError):
            return False


def listening_here() -> list[str]:
    """Host and port of what listens; of the usual ports where the kernel does not tell."""
    found: dict[int, str] = {}
    is_told = False
    for table in _TABLES:
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except (OSError, UnicodeDecodeError):
            continue
        is_told = True
        for line in lines:
            listened = listened_on(line)
            if listened is not None:
                found.setdefault(listened[1], listened[0])
    if not is_told:
        found = dict.fromkeys(USUAL_PORTS, "localhost")
    ports = sorted(found, key=lambda port: (port not in USUAL_PORTS, port))
    return [f"{found[port]}:{port}" for port in ports]


def listened_on(line: str) -> tuple[str, int] | None:
    """Host and port of a line of `/proc/net/tcp` that listens where this machine hears itself.

    None of other lines, of ports below 1024 and of those that databases have.
    """
    words = line.split()
    if len(words) < 4 or words[3] != _LISTENS:
        return None
    address, _, port_text = words[1].partition(":")
    host, port = _HERE.get(address), int(port_text, 16)
    if host is None or port < _FIRST_FREE or port in _NEVER:
        return None
    return host, port
