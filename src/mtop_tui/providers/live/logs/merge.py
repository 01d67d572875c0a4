"""Lines of many logs in order of time, as far as that can be had without waiting for ever.

Each log is a strand that comes at its own pace. The oldest line goes out as soon as no strand can
come with an older one: because each has a line waiting or has ended, or because those that have
none were given their time. So one that is slow holds up the others for a moment only; what it
brings later stands where it comes.

A strand has little room. Who reads into it waits when it is full, and so does, through the
connection, the kubelet: nothing is dropped here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from heapq import heapify, heappop, heapreplace
from typing import Final, NamedTuple

from mtop_tui.clock import Clock
from mtop_tui.observations import LogLine, LogLines, ObjectRef
from mtop_tui.providers.live.logs.lines import Stamped

ROOM: Final = 256 * 1024
"""Bytes of lines that may wait in a strand before its reader has to."""

LONGEST_RECORD: Final = 100
_AT_ONCE = 500


class Pace(NamedTuple):
    """How long strands are waited for, in seconds.

    Attributes:
        hold: after the last line of one that is being read.
        patience: for one that has yet to begin; no line is held back longer.
    """

    hold: float
    patience: float


FOLLOWING: Final = Pace(0.25, 1.0)
READING: Final = Pace(2.0, 10.0)


class Strand:
    """The lines of one container on their way.

    Args:
        merge: where they go.
        ref: of the pod.
        container: its name.
        number: of the strand: of lines with equal times, those of the first strand come first.
    """

    def __init__(self, merge: Merge, ref: ObjectRef, container: str, number: int) -> None:
        self._merge = merge
        self.ref, self.container, self.number = ref, container, number
        self.lines: deque[tuple[Stamped, float]] = deque()
        self.ended = False
        self.due = 0.0
        self._bytes = 0
        self._space = asyncio.Event()
        self.begin()

    async def put(self, lines: list[Stamped]) -> None:
        """Let lines follow; waits while there is no room."""
        now = self._merge.now()
        self.lines.extend((line, now) for line in lines)
        self._bytes += sum(len(line.raw) for line in lines)
        self.read()
        while self._bytes > ROOM:
            self._space.clear()
            await self._space.wait()

    def begin(self) -> None:
        """It is being opened: lines can be expected soon."""
        self.due = self._merge.now() + self._merge.pace.patience

    def read(self) -> None:
        """It is being read, and may have more."""
        self.due = self._merge.now() + self._merge.pace.hold
        self._merge.wake()

    def idle(self) -> None:
        """There is nothing to expect of it for now."""
        self.due = self._merge.now()
        self._merge.wake()

    def end(self) -> None:
        """No line comes any more."""
        self.ended = True
        self._merge.wake()

    def say(self, said: str, *, failed: bool = False) -> None:
        """Say something of it in place of what was said before; nothing takes that back."""
        self._merge.say(self.ref, self.container, said, failed=failed)

    def pop(self) -> Stamped:
        """Its oldest line."""
        line, _ = self.lines.popleft()
        self._bytes -= len(line.raw)
        if self._bytes <= ROOM:
            self._space.set()
        return line


class Merge:
    """Strands, and the lines of all of them in order.

    Its time passes only while somebody waits for lines: who takes long to print them, or is
    stopped, does not make strands look slow.

    Args:
        clock: tells when records are made.
        pace: how long strands are waited for.
        ahead: seconds by which the times of lines are ahead of it; records have them corrected.
    """

    def __init__(self, clock: Clock, pace: Pace, ahead: float = 0.0) -> None:
        self.pace, self._ahead = pace, ahead
        self._clock = clock
        self._strands: list[Strand] = []
        self._count = 0
        self._said: deque[LogLines] = deque()
        self._news = asyncio.Event()
        self._closed = False
        self._passed = 0.0
        self._waits_since: float | None = None
        self._next = 0.0

    def now(self) -> float:
        """Seconds for which lines have been waited for."""
        if self._waits_since is None:
            return self._passed
        return self._passed + asyncio.get_running_loop().time() - self._waits_since

    def strand(self, ref: ObjectRef, container: str) -> Strand:
        """Another log, of which lines are expected."""
        self._count += 1
        made = Strand(self, ref, container, self._count)
        self._strands.append(made)
        return made

    def say(self, ref: ObjectRef, container: str, said: str, *, failed: bool = False) -> None:
        """Say something of a log, or of all logs of a service."""
        at = self._clock.now()
        self._said.append(
            LogLines(at=at, ref=ref, container=container, lines=(), said=said, failed=failed)
        )
        self._news.set()

    def wake(self) -> None:
        """Something has changed."""
        self._news.set()

    def close(self) -> None:
        """No strand comes any more."""
        self._closed = True
        self._news.set()

    async def take(self) -> list[LogLines]:
        """What comes next; nothing once all strands have ended."""
        while True:
            self._news.clear()
            found = [*self._said, *self._records()]
            self._said.clear()
            self._strands = [one for one in self._strands if one.lines or not one.ended]
            if found or (self._closed and not self._strands):
                return found
            await self._wait()

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._waits_since = loop.time()
        left = self._next - self._passed if self._next > self._passed else None
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()
        finally:
            self._passed, self._waits_since = self.now(), None

    def _records(self) -> Iterator[LogLines]:
        """Records of lines that follow upon one another in one container."""
        last: Strand | None = None
        run: list[Stamped] = []
        for strand, line in self._due_lines():
            if last is not None and (strand is not last or len(run) == LONGEST_RECORD):
                yield self._record(last, run)
                run = []
            last = strand
            run.append(line)
        if last is not None:
            yield self._record(last, run)

    def _record(self, strand: Strand, run: list[Stamped]) -> LogLines:
        lines = tuple(LogLine(one.at - self._ahead, one.text) for one in run)
        at = max(self._clock.now(), lines[-1].at)
        return LogLines(at=at, ref=strand.ref, container=strand.container, lines=lines)

    def _due_lines(self) -> Iterator[tuple[Strand, Stamped]]:
        """Lines whose turn it is."""
        now, pace = self.now(), self.pace
        empty = [one.due for one in self._strands if not one.lines and not one.ended]
        awaited, waits = max(empty, default=0.0), bool(empty)
        heads = [
            (one.lines[0][0].nanoseconds, one.number, one) for one in self._strands if one.lines
        ]
        heapify(heads)
        self._next = 0.0
        for _ in range(_AT_ONCE):
            if not heads:
                return
            strand = heads[0][2]
            came = strand.lines[0][1]
            due = min(max(awaited, came + pace.hold), came + pace.patience)
            if waits and now < due:
                self._next = due
                return
            yield strand, strand.pop()
            if strand.lines:
                heapreplace(heads, (strand.lines[0][0].nanoseconds, strand.number, strand))
            else:
                heappop(heads)
                if not strand.ended:
                    awaited, waits = max(awaited, strand.due), True
