"""A line in which a screen asks for one thing."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input


class PromptBar(Input):
    """Asks for something of one kind; Enter takes what is typed, Esc gives it up."""

    # With priority, they act before the app reads the next key, which then goes to the screen.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "screen.answer(False)", "Give up", show=False, priority=True),
        Binding("enter", "screen.answer(True)", "Take", show=False, priority=True),
    ]

    def __init__(self, kind: str, value: str, hint: str) -> None:
        super().__init__(value, placeholder=hint, select_on_focus=False)
        self.kind = kind
        self.cursor_blink = False
        self.compact = True

    def on_mount(self) -> None:
        """Take the keys."""
        self.focus()

    async def catch_up(self) -> None:
        """Wait until all keys that were sent here are in `value`."""
        done = asyncio.Event()
        if self.call_later(done.set):
            await done.wait()
