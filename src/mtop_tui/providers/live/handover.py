"""What readers leave for whoever shows it: the newest state of each object, and no more."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from mtop_tui.providers.live.objects.schema import Meta

EVENTS_HELD: Final = 5_000
"""Events that wait at most; older ones give way and are counted."""


class Change(NamedTuple):
    """An object as it is by now; `body` is None when it is gone.

    Attributes:
        kind: of the object.
        metadata: of it, as last seen.
        body: decoded, of the type its kind is decoded into.
    """

    kind: str
    metadata: Meta
    body: Any


class Handover:
    """Changes by object, in the order they first came. Putting never waits.

    Reading must not wait for drawing: an API server cuts off who reads slowly. So of several
    changes of one object the last stays, which bounds this by the number of objects; Events, which
    are ever new ones, have a bound of their own.

    Args:
        bounded: kind of which at most `held` wait.
        held: see there.
        news: is set whenever there is something.
    """

    def __init__(
        self, bounded: str = "", held: int = EVENTS_HELD, *, news: asyncio.Event | None = None
    ) -> None:
        self._bounded, self._held = bounded, held
        self._changes: dict[tuple[str, str], Change] = {}
        self._waiting: dict[tuple[str, str], None] = {}
        self._news = asyncio.Event() if news is None else news
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._changes)

    def put(self, change: Change) -> None:
        """Leave a change."""
        key = change.kind, change.metadata.uid or change.metadata.name
        self._changes[key] = change
        if change.kind == self._bounded:
            self._waiting[key] = None
            if len(self._waiting) > self._held:
                oldest = next(iter(self._waiting))
                del self._waiting[oldest]
                del self._changes[oldest]
                self.dropped += 1
        self._news.set()

    def wake(self) -> None:
        """Let who waits look, though nothing changed."""
        self._news.set()

    def take(self, most: int) -> list[Change]:
        """The oldest changes, at most so many."""
        keys = [key for key, _ in zip(self._changes, range(most), strict=False)]
        for key in keys:
            self._waiting.pop(key, None)
        return [self._changes.pop(key) for key in keys]
