"""The filter line: narrows the table as one types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class FilterBar(Input):
    """What is typed is posted at once; Enter keeps it, Esc gives it up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave(False)", "Clear", show=False),
        Binding("enter,down", "leave(True)", "Keep", show=False),
    ]

    @dataclass
    class Left(Message):
        """The line was left; `keep` tells whether its filter stays."""

        bar: FilterBar
        keep: bool

    def __init__(self, value: str) -> None:
        super().__init__(value, placeholder="filter: words in name, namespace, model, GPU, state")
        self.cursor_blink = False
        self.compact = True

    def on_mount(self) -> None:
        """Take the keys."""
        self.focus()

    def action_leave(self, keep: bool) -> None:
        """Close the line."""
        self.post_message(self.Left(self, keep))
