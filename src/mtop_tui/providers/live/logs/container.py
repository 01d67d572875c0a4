"""The log of one container, to its end or for as long as the container lives, gap by gap.

Streams end: a server restarts, a connection breaks, a proxy has enough, a log is rotated, a
container dies. However it ends, it is gone on with from the lines that were shown last; and what
a container wrote between these and its death is asked of its predecessor's log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from random import Random
from typing import Final, NamedTuple

from mtop_tui.providers.live.client import ReadOnlyClient, Stream
from mtop_tui.providers.live.logs.choice import Life
from mtop_tui.providers.live.logs.lines import Splitter, Stamped, parse
from mtop_tui.providers.live.logs.merge import Strand
from mtop_tui.providers.live.logs.place import OVERLAP, Place, since_time
from mtop_tui.providers.live.logs.refusals import meaning_of, sentence
from mtop_tui.providers.live.pace import BackOff
from mtop_tui.providers.live.problems import Problem, Unreachable

SILENCE, SILENCE_AT_ONCE = 120.0, 30.0
"""Seconds without a byte after which a log is opened anew, one that is followed and one that ends:
it costs little, and nothing is lost."""

ANY: Final = "application/json, */*"
TRIES: Final = 4
"""Attempts in a row that may fail before a word is said of it, or a log that ends is given up."""

FORBIDDEN_AGAIN: Final = 60.0
_CLIENT_AGAIN = 1.0
_HEALTHY = 10.0
_SLICE = 250
"""Lines looked at before the event loop gets its turn."""


class Wanted(NamedTuple):
    """What is wanted of a log, as `LogQuery` has it."""

    since: float | None
    tail: int | None
    previous: bool
    follow: bool


class Target(NamedTuple):
    """Which container."""

    namespace: str
    pod: str
    container: str

    @property
    def path(self) -> str:
        """Where its log stands."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.pod}/log"


class ContainerLog:
    """Reads one log into its strand.

    Args:
        target: whose log.
        wanted: what of it.
        strand: takes the lines.
        client: who asks, by now; None while there is no connection.
        life: where the container is in its life, by now.
        random: draws waits.
        forbidden: is told when logs may not be read, for that is true of all, and when they may.
    """

    def __init__(
        self,
        target: Target,
        wanted: Wanted,
        strand: Strand,
        *,
        client: Callable[[], ReadOnlyClient | None],
        life: Callable[[], Life],
        random: Random,
        forbidden: Callable[[str], None],
    ) -> None:
        self._target, self._wanted = target, wanted
        self._strand, self._client, self._life, self._forbidden = strand, client, life, forbidden
        self._place = Place()
        self._back_off = BackOff(random)
        self._tail = wanted.tail
        self._began: float | None = None
        self._left_at: int | None = None
        self._failures = 0
        self._rest = b""
        self._broken = self._changed = self._opening = False
        self._said = ""
        self._round: asyncio.Task[float | None] | None = None
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Read, until there is no more or this is cancelled."""
        try:
            while (wait := await self._next_round()) is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._woken.wait()
            if self._wanted.follow:
                self._say("")
        except Exception as error:  # noqa: BLE001 - whatever it is, the other logs go on
            self._say(f"unexpected {type(error).__name__}: {error}", failed=True)
        finally:
            self._strand.end()

    def wake(self) -> None:
        """The container has changed: do not wait any longer."""
        self._changed = True
        self._back_off.reset()
        self._woken.set()
        # A kubelet answers only when a container writes: its successor may be silent for long.
        if self._opening:
            self._let_go()

    def recycle(self) -> None:
        """Its connection may be dead: let it go, and go on from where it was."""
        self._broken = True
        self._woken.set()
        self._let_go()

    def _let_go(self) -> None:
        if self._round is not None:
            self._round.cancel()

    async def _next_round(self) -> float | None:
        """One round, which may be let go of for another one to begin at once."""
        self._woken.clear()
        self._round = asyncio.create_task(self._read())
        try:
            return await self._round
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                raise
            return 0.0
        finally:
            self._round, self._opening = None, False

    async def _read(self) -> float | None:
        """Open the log and read as long as it lasts; seconds to wait then, None at its end."""
        client, wanted = self._client(), self._wanted
        if client is None:
            return _CLIENT_AGAIN
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._strand.begin()
        self._place.resume()
        self._left_at = self._place.second
        if self._changed:
            self._changed = False
            await self._rest_of_previous(client)
        silence = SILENCE if wanted.follow else SILENCE_AT_ONCE
        path, query = self._target.path, self._query()
        self._opening = True
        async with client.stream(path, query, silence=silence, accept=ANY) as stream:
            self._opening = False
            if not isinstance(stream, Stream):
                if wanted.follow and loop.time() - began >= silence:
                    return 0.0  # nothing was written all the time
                return self._refused(stream)
            self._began = self._began or client.server_time
            problem = await self._rest_of_previous(client)
            if problem is not None:
                return self._refused(problem)
            self._say("")
            self._forbidden("")
            rest = await self._take(stream)
        if wanted.follow:
            self._failures = 0
        if loop.time() - began > _HEALTHY:
            self._back_off.reset()
        return await self._ended(stream.problem, rest)

    def _query(self) -> dict[str, str]:
        wanted = self._wanted
        query = {"container": self._target.container, "timestamps": "true"}
        if wanted.previous:
            query["previous"] = "true"
        elif wanted.follow:
            query["follow"] = "true"
        if self._left_at is not None:
            return {**query, "sinceTime": since_time(self._left_at)}
        if wanted.since is not None:
            query["sinceTime"] = since_time(int(wanted.since))
        if self._tail == 0 and self._began is not None:
            # Nothing was to be shown of what was there: what came since is news.
            query["sinceTime"] = since_time(int(self._began))
        elif self._tail is not None:
            query["tailLines"] = str(self._tail)
        return query

    # Taking lines

    async def _take(self, stream: Stream) -> bytes:
        """Take lines until the stream ends; what is left of one that was not whole."""
        splitter = Splitter()
        self._place.replay(last=True)
        async for part in stream.parts():
            self._strand.read()
            if await self._show(splitter.feed(part)):
                self._back_off.reset()
        return splitter.rest

    async def _show(self, raws: Sequence[bytes], *, previous: bool = False) -> bool:
        """Let the news among these lines follow; whether there was any."""
        any_news = False
        for start in range(0, len(raws), _SLICE):
            lines = list(self._news(raws[start : start + _SLICE], previous=previous))
            if lines:
                any_news = True
                await self._strand.put(lines)
            await asyncio.sleep(0)
        return any_news

    def _news(self, raws: Iterable[bytes], *, previous: bool = False) -> Iterator[Stamped]:
        """The lines among these that are wanted and were not shown."""
        since = self._wanted.since
        for raw in raws:
            line = parse(raw)
            if line is None:
                if raw and not previous and not self._said:
                    self._say(f"the kubelet says: {raw.decode(errors='replace')}", failed=True)
                continue
            if since is not None and line.at < since:
                continue
            if previous and self._place.is_before_all(line):
                continue
            if not self._place.is_news(line):
                continue
            if self._broken and self._place.has_lost_the_thread:
                self._tell_of_a_gap(line)
            self._broken, self._failures = False, 0
            yield line

    def _tell_of_a_gap(self, line: Stamped) -> None:
        first = since_time((self._left_at or 0) + OVERLAP)
        self._say(
            f"lines from {first} to {since_time(int(line.at))} may be missing: its log was rotated,"
            " or it was restarted more than once, while it could not be read"
        )

    async def _rest_of_previous(self, client: ReadOnlyClient) -> Problem | None:
        """What the container that was read wrote before it died, if it has a successor by now.

        Once the successor's log is open, this is sure to be all; asked for before, it may not be.
        """
        if self._left_at is None or self._wanted.previous:
            return None
        query = {
            "container": self._target.container,
            "timestamps": "true",
            "previous": "true",
            "sinceTime": since_time(self._left_at),
        }
        answer = await client.get(self._target.path, query, accept=ANY)
        if not isinstance(answer, bytes):
            # Usually there is no predecessor.
            return answer if meaning_of(answer) == "passing" else None
        self._place.replay()
        await self._show(answer.split(b"\n"), previous=True)
        return None

    # Ends and refusals

    async def _ended(self, problem: Unreachable | None, rest: bytes) -> float | None:
        """How long to wait before it is opened again; None when all of it was read."""
        again, self._rest = rest and rest == self._rest, rest
        if rest or (problem is not None and problem.kind != "silence"):
            self._broken = True
        if self._wanted.follow:
            if problem is None and not rest:
                if self._life() in {"over", "gone"}:
                    return None
                self._strand.idle()
            return self._back_off.longer()
        if problem is None and (again or not rest):
            # What ends twice without an end of its line is all there is of it.
            await self._show([rest])
            return None
        self._failures += 1
        if self._failures >= TRIES:
            why = "it ends in the middle of a line" if problem is None else problem.sentence
            self._say(f"not all of it could be read: {why}", failed=True)
            return None
        return self._back_off.longer()

    def _refused(self, problem: Problem) -> float | None:
        """How long to wait before it is asked for again; None to leave it."""
        follow = self._wanted.follow
        self._broken = True
        match meaning_of(problem):
            case "not restarted":
                return None
            case "forbidden":
                self._strand.idle()
                self._forbidden(sentence(problem, self._target.namespace))
                return FORBIDDEN_AGAIN if follow else None
            case "gone" if follow and self._life() == "gone":
                return None
            case "gone" | "waiting":
                if self._left_at is None:
                    self._tail = None  # all of what it is going to write is news
                self._strand.idle()
                self._say(sentence(problem, self._target.namespace))
                return self._back_off.longer() if follow else None
            case _:
                self._failures += 1
                if self._failures >= TRIES:
                    self._strand.idle()
                    self._say(sentence(problem, self._target.namespace), failed=True)
                    if not follow:
                        return None
                return self._back_off.after(problem)

    def _say(self, said: str, *, failed: bool = False) -> None:
        """Say something else than before."""
        if said != self._said:
            self._strand.say(said, failed=failed)
            self._said = said
