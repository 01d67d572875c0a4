"""The filter line: narrows the table as one types."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input


class FilterBar(Input):
    """What is typed is posted at once; Enter keeps it, Esc gives it up."""

    # With priority, they act before the app reads the next key, which then goes to the table.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "screen.close_filter(False)", "Clear", show=False, priority=True),
        Binding("enter,down", "screen.close_filter(True)", "Keep", show=False, priority=True),
    ]

    def __init__(self, value: str) -> None:
        super().__init__(value, placeholder="words, or such as: ttft>500ms and ns=prod*")
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
