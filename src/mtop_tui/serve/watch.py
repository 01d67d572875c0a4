"""Watches: what has changed since a version, and then what changes, until the time is up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import msgspec

from mtop_tui.serve.entries import Entry
from mtop_tui.serve.listing import version_of
from mtop_tui.serve.requests import flag
from mtop_tui.serve.resources import Resource
from mtop_tui.serve.selectors import Matches, selector
from mtop_tui.serve.status import StatusError, bad_options, bad_request, expired
from mtop_tui.serve.store import Change, Store

BOOKMARK_EVERY = 60.0
"""Seconds between two bookmarks, where they are asked for."""

LAST_BOOKMARKS = (2.0, 1.0)
"""Seconds before the end at which there is one more."""

DEFAULT_TIMEOUT = 2_700.0
"""Seconds of a watch that states no time; a genuine server draws 30 to 60 minutes."""

_INITIAL_END = "k8s.io/initial-events-end"
_MOST_AT_ONCE = 200

Encode = Callable[[Entry], bytes]
"""An object's JSON in the form that was asked for."""


class Watch:
    """One watch of one resource.

    Args:
        store: where the objects are.
        resource: of the objects.
        namespace: empty for all.
        query: parameters of the request.
        encode: makes an object's JSON.
        bookmark: makes the object of a bookmark from its metadata.

    Raises:
        StatusError: a parameter makes no sense.
    """

    def __init__(
        self,
        store: Store,
        resource: Resource,
        namespace: str,
        query: Mapping[str, str],
        *,
        encode: Encode,
        bookmark: Callable[[dict[str, Any]], bytes],
    ) -> None:
        self._store = store
        self._collection = store.collection(resource.collection)
        self._encode, self._bookmark = encode, bookmark
        self._matches: Matches | None = selector(
            resource,
            namespace,
            query.get("labelSelector", ""),
            query.get("fieldSelector", ""),
        )
        stated = query.get("resourceVersion", "")
        self._version = version_of(stated)
        self._bookmarks = flag(query, "allowWatchBookmarks")
        self._initial = self._wants_initial(query, stated)
        self._told_end = self._bookmarks and (
            flag(query, "sendInitialEvents") or (stated == "0" and self._initial)
        )
        self._timeout = _timeout(query.get("timeoutSeconds", ""))
        self._news = asyncio.Event()

    @staticmethod
    def _wants_initial(query: Mapping[str, str], stated: str) -> bool:
        asked, match = query.get("sendInitialEvents"), query.get("resourceVersionMatch", "")
        if asked is None:
            if match:
                why = "Forbidden: resourceVersionMatch is forbidden for watch unless "
                raise bad_options(
                    "ListOptions",
                    "resourceVersionMatch",
                    f"{why}sendInitialEvents is provided",
                    "FieldValueForbidden",
                )
            return stated in {"", "0"}
        if match != "NotOlderThan":
            why = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
            raise bad_options(
                "ListOptions",
                "resourceVersionMatch",
                f"{why}NotOlderThan",
                "FieldValueForbidden",
            )
        return flag(query, "sendInitialEvents")

    async def events(self) -> AsyncIterator[list[bytes]]:
        """Lines to send, as many at a time as there are."""
        collection = self._collection
        collection.listen(self, self._news.set)
        try:
            async for lines in self._all():
                yield lines
        finally:
            collection.ignore(self)

    async def _all(self) -> AsyncIterator[list[bytes]]:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        end = begun + self._timeout
        due = self._bookmark_times(begun, end)
        if self._initial:
            sent = self._store.version
            for lines in self._present():
                yield lines
            if self._told_end:
                yield [self._bookmark_line(sent, {"annotations": {_INITIAL_END: "true"}})]
        elif self._version < self._collection.compacted:
            yield [self._too_old()]
            return
        else:
            sent = self._version
        while True:
            self._news.clear()
            if sent < self._collection.compacted:
                yield [self._too_old(sent)]
                return
            changes = self._collection.since(sent)
            for start in range(0, len(changes), _MOST_AT_ONCE):
                part = changes[start : start + _MOST_AT_ONCE]
                sent = part[-1].version
                lines = [line for change in part for line in self._line(change)]
                if lines:
                    yield lines
            now = loop.time()
            if now >= end:
                return
            if now >= due[0]:
                due.pop(0)
                yield [self._bookmark_line(max(self._store.version, sent), {})]
                sent = max(sent, self._store.version)
                continue
            try:
                async with asyncio.timeout_at(min(end, due[0])):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _bookmark_times(self, begun: float, end: float) -> list[float]:
        """When bookmarks are due; the last one never comes."""
        if not self._bookmarks:
            return [float("inf")]
        regular = []
        moment = begun + BOOKMARK_EVERY
        while moment < end - LAST_BOOKMARKS[0]:
            regular.append(moment)
            moment += BOOKMARK_EVERY
        last = (
            [end - before for before in LAST_BOOKMARKS] if end - begun > LAST_BOOKMARKS[0] else []
        )
        return [*regular, *last, float("inf")]

    def _present(self) -> Iterator[list[bytes]]:
        matches = self._matches
        found = [one for one in self._collection.ordered() if matches is None or matches(one)]
        for start in range(0, len(found), _MOST_AT_ONCE):
            part = found[start : start + _MOST_AT_ONCE]
            yield [_event("ADDED", self._encode(one)) for one in part]

    def _line(self, change: Change) -> list[bytes]:
        """A change as this watch sees it: selectors make objects come and go."""
        matches, entry, before = self._matches, change.entry, change.before
        kind: str = change.type
        if matches is not None:
            was = before is not None and matches(before)
            now = kind != "DELETED" and matches(entry)
            if not was and not now:
                return []
            kind = "MODIFIED" if was and now else "ADDED" if now else "DELETED"
            if kind == "DELETED" and change.type != "DELETED" and before is not None:
                last = before.again()
                last.version = change.version
                entry = last
        return [_event(kind, self._encode(entry))]

    def _bookmark_line(self, version: int, more: dict[str, Any]) -> bytes:
        return _event("BOOKMARK", self._bookmark({"resourceVersion": str(version), **more}))

    def _too_old(self, version: int | None = None) -> bytes:
        stated = self._version if version is None else version
        return error_line(too_old(stated, self._collection.compacted + 1))


def too_old(version: int, oldest: int) -> StatusError:
    """A watch from a version that is forgotten."""
    return expired(f"too old resource version: {version} ({oldest})")


def error_line(error: StatusError) -> bytes:
    """An error in the middle of a watch."""
    return _event("ERROR", msgspec.json.encode(error.body()))


def _event(kind: str, encoded: bytes) -> bytes:
    return b'{"type":"%b","object":%b}\n' % (kind.encode(), encoded)


def _timeout(text: str) -> float:
    if not text:
        return DEFAULT_TIMEOUT
    try:
        seconds = int(text)
    except ValueError as error:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from error
    return float(seconds) if seconds > 0 else DEFAULT_TIMEOUT
