"""The lines of a log in bounded memory, merged over its replicas in time order.

Lines are numbered from 0 as they come and keep their numbers when old ones are let go. The newest
are plain and may still change places, since one replica's lines can come later than another's; all
others are compressed in blocks, which takes a sixth of their length.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from mtop_tui.observations import LogLines
from mtop_tui.views.log_lines import Level, Line, level_of

MOST_LINES = 1_000_000
MOST_BYTES = 50_000_000
"""What the closed blocks may take: a million usual lines take 40 MB."""

BLOCK = 256
"""Lines that are compressed together: short enough that a page of lines from 40 blocks is quick."""

UNSETTLED = 4096
"""Newest lines that may still change places. One that comes later than these stays where it is."""

_BLOCK_OVERHEAD = 400
_AT = itemgetter(0)

_Entry = tuple[float, int, int, str]
"""Time, origin, level, text."""


class Moved(NamedTuple):
    """How lines changed places: `to` are the new numbers of those from `first` on."""

    first: int
    to: Sequence[int]

    def number(self, old: int) -> int:
        """The number now of the line that had this one."""
        index = old - self.first
        return self.to[index] if 0 <= index < len(self.to) else old


class Block(NamedTuple):
    """Lines that follow upon one another: what can be known of them without unpacking."""

    times: Sequence[float]
    levels: bytes


class _Closed:
    """A block that no longer changes."""

    __slots__ = ("levels", "nbytes", "origins", "packed", "times")

    def __init__(self, entries: Sequence[_Entry]) -> None:
        times, origins, levels, texts = zip(*entries, strict=True)
        self.times = array("d", times)
        self.origins = array("H", origins)
        self.levels = bytes(levels)
        self.packed = zlib.compress("\n".join(texts).encode(errors="replace"), 1)
        self.nbytes = len(self.packed) + 11 * len(levels) + _BLOCK_OVERHEAD

    def texts(self) -> list[str]:
        return zlib.decompress(self.packed).decode().split("\n")


class LogBuffer:
    """A log of bounded size.

    Attributes:
        origins: pods and containers, by the number that lines refer to them with.
        lost: lines that the source says it lost.
        cut: lines that were shortened on the way.
        said: what there is to say of the logs of a pod and container, or of all (no container).
    """

    def __init__(self, most_lines: int = MOST_LINES, most_bytes: int = MOST_BYTES) -> None:
        self.origins: list[tuple[str, str]] = []
        self.lost = 0
        self.cut = 0
        self.said: dict[tuple[str, str], str] = {}
        self._most_lines, self._most_bytes = most_lines, most_bytes
        self._origin_numbers: dict[tuple[str, str], int] = {}
        self._last_levels: list[int] = []
        self._start = 0
        self._closed: list[_Closed] = []
        self._open: list[_Entry] = []
        self._late: float | None = None
        self._in_order = 0
        self._nbytes = 0
        self._texts = lru_cache(maxsize=64)(_Closed.texts)

    @property
    def start(self) -> int:
        """Number of the oldest line there is; as many were let go."""
        return self._start

    @property
    def end(self) -> int:
        """The number the next line will have."""
        return self._start + len(self._closed) * BLOCK + len(self._open)

    @property
    def nbytes(self) -> int:
        """Bytes the closed blocks take, which is nearly all."""
        return self._nbytes

    @property
    def dropped(self) -> int:
        """Lines that were written and are not here: lost by the source, or let go as the oldest."""
        return self.lost + self._start

    def add(self, record: LogLines) -> None:
        """Add lines of one container, as the boundary admitted them; then call `settle` soon."""
        if not record.lines:
            self._note(record)
            return
        origin = self._origin(record.ref.name, record.container)
        self.lost += record.dropped
        self.cut += record.cut
        entries = self._open
        level = self._last_levels[origin]
        newest = entries[-1][0] if entries else float("-inf")
        for line in record.lines:
            text = line.text
            level = level_of(text, level)
            at = line.at
            if at < newest:
                if self._late is None:
                    self._late, self._in_order = at, len(entries)
                self._late = min(self._late, at)
            else:
                newest = at
            entries.append((at, origin, level, text))
        self._last_levels[origin] = level

    def _note(self, record: LogLines) -> None:
        origin = record.ref.name, record.container
        if record.said:
            self.said[origin] = record.said
        else:
            self.said.pop(origin, None)

    def _origin(self, pod: str, container: str) -> int:
        found = self._origin_numbers.get((pod, container))
        if found is None:
            # Beyond what two bytes can tell apart, which takes 65,535 containers, none is named.
            found = min(len(self.origins), 65_535)
            if found == len(self.origins):
                self.origins.append((pod, container))
                self._last_levels.append(Level.UNKNOWN)
            self._origin_numbers[pod, container] = found
        return found

    def settle(self) -> Moved | None:
        """Bring what was added into time order, and let go what is beyond the bounds.

        Returns:
            How lines that were there before, or just came, changed places.
        """
        moved = self._sort() if self._late is not None else None
        while len(self._open) >= UNSETTLED + BLOCK:
            block = _Closed(self._open[:BLOCK])
            del self._open[:BLOCK]
            self._closed.append(block)
            self._nbytes += block.nbytes
        count = self.end - self._start
        while self._closed and (count > self._most_lines or self._nbytes > self._most_bytes):
            self._nbytes -= self._closed.pop(0).nbytes
            self._start += BLOCK
            count -= BLOCK
        return moved

    def _sort(self) -> Moved:
        entries = self._open
        # Those before the first that is later than the latecomers stay where they are.
        first = bisect_right(entries, self._late, 0, self._in_order, key=_AT)
        self._late = None
        rest = entries[first:]
        order = sorted(range(len(rest)), key=[entry[0] for entry in rest].__getitem__)
        entries[first:] = [rest[index] for index in order]
        base = self.end - len(rest)
        to = array("Q", bytes(8 * len(order)))
        for place, index in enumerate(order, base):
            to[index] = place
        return Moved(base, to)

    # Reading

    def line(self, number: int) -> Line:
        """The line of a number from `start` on and before `end`, its text as it was written."""
        index = number - self._start
        if not 0 <= number - self._start < self.end - self._start:
            raise IndexError(f"no line {number}: there are {self._start} to {self.end - 1}")
        block, place = divmod(index, BLOCK)
        if block < len(self._closed):
            closed = self._closed[block]
            text = self._texts(closed)[place]
            return Line(
                number, closed.times[place], closed.origins[place], closed.levels[place], text
            )
        return Line(number, *self._open[index - len(self._closed) * BLOCK])

    def block(self, number: int) -> Block:
        """Lines from this number on: to the end of its block, or all that are not in one yet."""
        block, place = divmod(number - self._start, BLOCK)
        if block < len(self._closed):
            closed = self._closed[block]
            return Block(closed.times[place:], closed.levels[place:])
        entries = self._open[number - self._start - len(self._closed) * BLOCK :]
        return Block([entry[0] for entry in entries], bytes([entry[2] for entry in entries]))

    def texts(self, number: int) -> list[str]:
        """The texts of `block(number)`, as they were written."""
        block, place = divmod(number - self._start, BLOCK)
        if block < len(self._closed):
            # Past the cache: reading all of them would push out what is looked at.
            return self._closed[block].texts()[place:]
        entries = self._open[number - self._start - len(self._closed) * BLOCK :]
        return [entry[3] for entry in entries]
