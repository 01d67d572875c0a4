"""From the bytes of a log to its lines, each with the time that the container runtime gave it."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

LONGEST: Final = 64 * 1024
"""Bytes of a line that are kept, far more than is ever shown: the rest of it is passed over."""

NANO: Final = 1_000_000_000

_STAMP = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)(?: |$)", re.ASCII
)


class Stamped(NamedTuple):
    """A line and its time in nanoseconds since 1970; `raw` is all of it as it came."""

    nanoseconds: int
    raw: bytes
    text: str

    @property
    def at(self) -> float:
        """Its time in Unix seconds."""
        return self.nanoseconds / NANO


class Splitter:
    """Puts whole lines together from parts that end anywhere."""

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def rest(self) -> bytes:
        """What came after the last end of a line."""
        return bytes(self._rest)

    def feed(self, part: bytes) -> list[bytes]:
        """The lines that are whole now, without their ends; of a very long one the beginning."""
        first, *others = part.split(b"\n")
        self._append(first)
        if not others:
            return []
        lines = [bytes(self._rest), *(one[:LONGEST] for one in others[:-1])]
        self._rest.clear()
        self._append(others[-1])
        return lines

    def _append(self, part: bytes) -> None:
        self._rest += part[: LONGEST - len(self._rest)]


def parse(raw: bytes) -> Stamped | None:
    """A line that was asked for with its time; None for words of the kubelet, which have none."""
    found = _STAMP.match(raw)
    if found is None:
        return None
    second, fraction, zone = found.groups()
    try:
        whole = _second(second, zone)
    except ValueError:
        return None
    nanoseconds = whole * NANO + (int(fraction.ljust(9, b"0")) if fraction else 0)
    text = raw[found.end() :].removesuffix(b"\r").decode(errors="replace")
    return Stamped(nanoseconds, raw, text)


@lru_cache(maxsize=1024)
def _second(second: bytes, zone: bytes) -> int:
    return int(datetime.fromisoformat((second + zone).decode()).timestamp())
