"""Keeps one kind of object as the API server has it, through all that may happen to a connection.

A list in pages, then a watch from there. What was seen stays until a complete new list says
otherwise, so a screen never goes blank. It never ends by itself and never asks in a hurry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from random import Random
from time import perf_counter
from typing import Any, Final, Literal, TypeVar

import msgspec

from mtop_tui.providers.live.answers import Status
from mtop_tui.providers.live.client import ReadOnlyClient, Stream
from mtop_tui.providers.live.handover import Change, Handover
from mtop_tui.providers.live.kinds import Kind
from mtop_tui.providers.live.objects.schema import KubeObject, Meta
from mtop_tui.providers.live.pace import BackOff
from mtop_tui.providers.live.problems import (
    FORBIDDEN,
    GONE,
    NOT_FOUND,
    NOT_KUBERNETES,
    Problem,
    Refusal,
    Unreachable,
)

PAGE, FIRST_PAGE = 100, 25
"""Objects per page: larger ones hold the event loop, smaller ones take more time. How large they
are is known after the first page, which soon puts something on the screen, too."""

PAGE_BYTES: Final = 4 << 20
"""About so many bytes per page at most, however large objects are."""

WATCH_SECONDS: Final = 60.0
SILENCE_ALLOWED: Final = 10.0
"""Seconds beyond its end for which a watch may be silent."""

POLL_AFTER, POLL_EVERY = 5.0, 10.0
"""Seconds for which a watch is refused before lists take its place, and between these."""

FORBIDDEN_AGAIN: Final = 300.0
ABSENT_AGAIN: Final = 60.0

_HEALTHY = 10.0
_BRIEF, _AFTER_BRIEF = 1.0, 0.2

SLICE: Final = 0.003
"""Seconds for which one reader may hold the event loop; one of them in each of its rounds."""

T = TypeVar("T")

State = Literal["listing", "live", "polling", "waiting", "forbidden", "absent"]


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    metadata: _PageMeta
    items: list[msgspec.Raw] = []


class _PageMeta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    next_page: str = msgspec.field(default="", name="continue")


class _WatchEvent(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


_pages = msgspec.json.Decoder(_Page)
_events = msgspec.json.Decoder(_WatchEvent)
_any_object = msgspec.json.Decoder(KubeObject)
_statuses = msgspec.json.Decoder(Status)


class Reflector:
    """One kind, in one namespace or all.

    Args:
        kind: of objects.
        version: of their API.
        client: to ask.
        handover: gets what changed.
        random: draws waits.
        turn: is held by the one reader that decodes.
        namespace: of the objects; empty: all.
        forbidden: is told when they may not be read.

    Attributes:
        known: resourceVersion of each object that is there, by uid.
        state: what it does.
        problem: what keeps it from being live, if anything does.
        synced: whether it has had a complete list, or an answer that there is none to be had.
        lists, errors, skipped: complete lists, problems, and objects that could not be read.
        largest: bytes of each object, in the page where they are largest.
        heard_at: when anything last came, by the event loop's clock.
    """

    def __init__(
        self,
        kind: Kind,
        version: str,
        client: ReadOnlyClient,
        handover: Handover,
        random: Random,
        *,
        turn: asyncio.Lock,
        namespace: str = "",
        forbidden: Callable[[Reflector], None] = lambda _: None,
    ) -> None:
        self.kind, self.version, self.namespace = kind, version, namespace
        self.known: dict[str, str] = {}
        self.state: State = "listing"
        self.problem: Problem | None = None
        self.synced = False
        self.lists = self.errors = self.skipped = self.largest = 0
        self.heard_at: float | None = None
        self.last_unreadable = ""
        self._client, self._handover, self._forbidden = client, handover, forbidden
        self._turn = turn
        self._back_off = BackOff(random)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind.type)
        self._metadata: dict[str, Meta] = {}
        self._version = ""
        self._listed_at = float("-inf")
        self._refused_since: float | None = None
        self._stream: Stream | None = None
        self._woken = asyncio.Event()
        self._recycled = False

    @property
    def path(self) -> str:
        """Where its objects stand."""
        return self.kind.path(self.version, self.namespace)

    async def run(self) -> None:
        """Keep it, until cancelled."""
        while True:
            try:
                wait = await self._round()
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                said = f"unexpected {type(error).__name__} while {self.kind.plural} were read"
                wait = self._troubled(Unreachable("protocol", f"{said}: {error}"))
            if wait > 0.0:
                await self._pause(wait)
            else:
                await asyncio.sleep(0)

    def recycle(self) -> None:
        """Its connection may be dead: let it go, and go on from where it was."""
        self._recycled = True
        self._back_off.reset()
        if self._stream is not None:
            self._stream.close()
        if self.state not in {"forbidden", "absent"}:
            self._woken.set()

    def inherit(self, before: Reflector) -> None:
        """Know what another one knew, of which a list will tell what is still there."""
        self._metadata = dict(before._metadata)
        # Versions of another server may be the same by chance, so none is taken for known.
        self.known = dict.fromkeys(before.known, "")

    def ask_again(self) -> None:
        """Do not wait any longer."""
        self._woken.set()

    async def _pause(self, seconds: float) -> None:
        self._woken.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def _round(self) -> float:
        """A list if one is needed, then a watch as long as it lasts; seconds to wait then."""
        now = asyncio.get_running_loop().time
        refused_long = self._refused_since is not None and now() - self._refused_since > POLL_AFTER
        polls = refused_long and now() - self._listed_at >= POLL_EVERY
        if not self._version or polls:
            problem = await self._list()
            if problem is not None:
                return self._troubled(problem)
            self._listed_at = now()
            if polls:
                self.state = "polling"
        return await self._watch()

    # Lists

    async def _list(self) -> Problem | None:
        """All objects, page by page; what is not among them any more is gone at its end."""
        seen: set[str] = set()
        next_page = version = ""
        restarted = False
        size = FIRST_PAGE
        self.largest = 0
        while True:
            query = {"limit": str(size)}
            if self.kind.selector:
                query["labelSelector"] = self.kind.selector
            if next_page:
                query["continue"] = next_page
            answer = await self._client.get(self.path, query)
            if not isinstance(answer, bytes):
                expired = isinstance(answer, Refusal) and answer.status == GONE
                if expired and not restarted:
                    # The server may give a token to go on with, or else it begins anew.
                    restarted = True
                    next_page = answer.next_page if isinstance(answer, Refusal) else ""
                    continue
                return answer
            self._heard()
            try:
                async with self._turn:
                    page = _pages.decode(answer)
            except msgspec.MsgspecError as error:
                return Refusal(200, f"no list of {self.kind.plural}: {error}", NOT_KUBERNETES)
            if page.items:
                each = len(answer) // len(page.items)
                self.largest = max(self.largest, each)
                size = max(1, min(PAGE, PAGE_BYTES // each))
            await self._each(page.items, lambda raw: seen.add(self._take(raw)))
            version = page.metadata.resource_version or version
            next_page = page.metadata.next_page
            if not next_page:
                break
        for uid in [one for one in self.known if one not in seen]:
            self._drop(uid)
        self._version = version
        self._done()
        self.lists += 1
        return None

    def _done(self) -> None:
        self.synced, self.problem = True, None
        self.state = "live"
        self._handover.wake()

    # Watches

    async def _watch(self) -> float:
        loop = asyncio.get_running_loop()
        seconds = WATCH_SECONDS * (0.9 + self._back_off.spread(0.2))
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(round(seconds)),
        }
        if self.kind.selector:
            query["labelSelector"] = self.kind.selector
        began = loop.time()
        silence = seconds + SILENCE_ALLOWED
        self._recycled = False
        async with self._client.stream(self.path, query, silence=silence) as stream:
            if not isinstance(stream, Stream):
                if isinstance(stream, Refusal) and stream.status == GONE:
                    return self._expired()
                if self._refused_since is None:
                    self._refused_since = began
                wait = self._troubled(stream)
                if self.state == "waiting" and began - self._listed_at < 2 * POLL_EVERY:
                    polled = began - self._refused_since > POLL_AFTER
                    self.state = "polling" if polled else self.state
                return wait
            self._refused_since = None
            self._stream = stream
            self._heard()
            self._done()
            try:
                problem = await self._follow(stream)
            finally:
                self._stream = None
        lived = loop.time() - began
        if lived > _HEALTHY:
            self._back_off.reset()
        if self._recycled:
            return 0.0
        if isinstance(problem, Refusal) and problem.status == GONE:
            return self._expired()
        if problem is not None:
            return self._troubled(problem)
        return _AFTER_BRIEF + self._back_off.spread(0.3) if lived < _BRIEF else 0.0

    def _expired(self) -> float:
        """What is known is too old to go on from: list again, soon."""
        self._version = ""
        self._back_off.reset()
        return self._back_off.spread(0.2)

    async def _follow(self, stream: Stream) -> Problem | None:
        """Take events until the stream ends; why, unless it just ended."""
        left = bytearray()
        async for part in stream.parts():
            self._heard()
            left += part
            # Only what just came can hold the end of a line that was begun before.
            if b"\n" not in part:
                continue
            *lines, rest = bytes(left).split(b"\n")
            left = bytearray(rest)
            if (problem := await self._each(filter(None, lines), self._event)) is not None:
                return problem
        return None if self._recycled else stream.problem

    def _event(self, line: bytes) -> Problem | None:
        try:
            event = _events.decode(line)
            if event.type == "ERROR":
                return _statuses.decode(event.object).refusal()
            if event.type == "BOOKMARK":
                self._version = _any_object_version(event.object) or self._version
                return None
            if event.type == "DELETED":
                metadata = _any_object.decode(event.object).metadata
                self._version = metadata.resource_version or self._version
                self._drop(metadata.uid or metadata.name)
                return None
        except msgspec.MsgspecError as error:
            return Unreachable("protocol", f"an event of {self.kind.plural} is unreadable: {error}")
        self._take(event.object, moves=True)
        return None

    # Objects

    async def _each(
        self, found: Iterable[T], take: Callable[[T], Problem | None]
    ) -> Problem | None:
        """Take one after the other, a few milliseconds at a time; ends with the first problem."""
        left = iter(found)
        while True:
            async with self._turn:
                until = perf_counter() + SLICE
                for one in left:
                    if (problem := take(one)) is not None:
                        return problem
                    if perf_counter() > until:
                        break
                else:
                    return None
            await asyncio.sleep(0)

    def _take(self, raw: msgspec.Raw, *, moves: bool = False) -> str:
        """Take an object as it is by now; its uid, or nothing if it cannot be read.

        With `moves`, the watch can be gone on with from there.
        """
        try:
            body = self._decoder.decode(raw)
        except msgspec.MsgspecError as error:
            return self._unreadable(raw, error, moves=moves)
        metadata: Meta = body.metadata
        uid, version = metadata.uid or metadata.name, metadata.resource_version
        if moves and version:
            self._version = version
        if self.known.get(uid) != version or not version:
            self.known[uid] = version
            self._metadata[uid] = metadata
            self._handover.put(Change(self.kind.name, metadata, body))
        return uid

    def _unreadable(self, raw: msgspec.Raw, error: Exception, *, moves: bool) -> str:
        """Pass over an object with fields of wrong types; what was known of it stays."""
        self.skipped += 1
        plural = self.kind.plural
        try:
            metadata = _any_object.decode(raw).metadata
        except msgspec.MsgspecError:
            self._say_unreadable(error, f"{plural} -A")
            return ""
        place = f"-n {metadata.namespace} " if metadata.namespace else ""
        self._say_unreadable(error, f"{plural} {place}{metadata.name}")
        if moves:
            self._version = metadata.resource_version or self._version
        uid = metadata.uid or metadata.name
        return uid if uid in self.known else ""

    def _say_unreadable(self, error: Exception, what: str) -> None:
        self.last_unreadable = (
            f"an object of {self.kind.plural}: {error}; `kubectl get {what} -o yaml` shows it"
        )

    def _drop(self, uid: str) -> None:
        metadata = self._metadata.pop(uid, None)
        if self.known.pop(uid, None) is not None and metadata is not None:
            self._handover.put(Change(self.kind.name, metadata, None))

    # Trouble

    def _heard(self) -> None:
        self.heard_at = asyncio.get_running_loop().time()

    def _troubled(self, problem: Problem) -> float:
        """Note a problem; seconds to wait."""
        self.errors += 1
        self.problem = problem
        wait = self._wait_after(problem)
        self._handover.wake()
        return wait

    def _wait_after(self, problem: Problem) -> float:
        status = problem.status if isinstance(problem, Refusal) else 0
        if status == FORBIDDEN:
            self.state, self.synced = "forbidden", True
            self._forbidden(self)
            # What could be read until now is likely to be readable again soon.
            return FORBIDDEN_AGAIN / 10 if self.lists else FORBIDDEN_AGAIN
        if status == NOT_FOUND:
            self.state, self.synced = "absent", True
            self._version = ""
            return ABSENT_AGAIN
        self.state = "waiting"
        return self._back_off.after(problem)


def _any_object_version(raw: msgspec.Raw) -> str:
    """A bookmark's object has nothing but a version."""
    return msgspec.json.decode(raw, type=_Bookmark).metadata.resource_version


class _Bookmark(msgspec.Struct, frozen=True):
    metadata: _PageMeta
