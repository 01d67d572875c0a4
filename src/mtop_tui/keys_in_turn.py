"""Keys one at a time: each has done what it does before the next one is looked at.

Textual looks at a key on the app, hands it to the widget that has the focus and takes the next. Of
two keys that arrive together, the second may be looked at before the first has opened a screen, and
then acts on the one before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Final

from textual.app import App, ScreenStackError
from textual.message_pump import MessagePump
from textual.timer import Timer

MOST_WAITING: Final = 1000
"""Keys: a paste of a page into a screen that takes no text. The newest are dropped."""

LONGEST_TURN: Final = 1.0
"""Seconds after which a key that is not done holds up no other: `q` must always get its turn."""


class KeysInTurn:
    """Holds keys back while another is under way."""

    def __init__(self, app: App[int]) -> None:
        self._app = app
        self._waiting: deque[Callable[[], Awaitable[None]]] = deque()
        self._turn = 0
        self._limit: Timer | None = None

    async def take(self, look: Callable[[], Awaitable[None]]) -> None:
        """Let the app look at a key, by `look`, when it is its turn."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(look)
        if self._limit is None:
            await self._give_turn(self._waiting.popleft())

    async def _give_turn(self, look: Callable[[], Awaitable[None]]) -> None:
        self._turn += 1
        self._limit = self._app.set_timer(LONGEST_TURN, partial(self._end_turn, self._turn))
        way: list[MessagePump] = []
        with suppress(ScreenStackError):
            way.extend(_way(self._app.focused or self._app.screen))
        await look()
        self._follow(self._turn, way)

    def _follow(self, turn: int, way: list[MessagePump]) -> None:
        """Go the way of the key: messages are taken in order, so that this comes after it."""
        for place, pump in enumerate(way):
            if pump.call_later(self._follow, turn, way[place + 1 :]):
                return
        # The app has done what the key does. A screen that it has opened must stand first.
        with suppress(ScreenStackError):
            if self._app.screen.call_later(self._app.call_later, self._end_turn, turn):
                return
        self._app.call_later(self._end_turn, turn)

    async def _end_turn(self, turn: int) -> None:
        if turn != self._turn or self._limit is None:
            return
        self._limit.stop()
        self._limit = None
        if self._waiting:
            await self._give_turn(self._waiting.popleft())


def _way(pump: MessagePump | None) -> Iterator[MessagePump]:
    """Who is handed a key that nobody takes: the widget, those it stands in, and the app."""
    while pump is not None:
        yield pump
        pump = pump._parent
