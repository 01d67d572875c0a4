"""A list over a screen from which one thing is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from mtop_tui.text import safe


class ChooseScreen(ModalScreen[int]):
    """Offers words, each with a hint; the answer is the place of the one that was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Give up", show=False),
        Binding("j", "move('down')", "Down", show=False),
        Binding("k", "move('up')", "Up", show=False),
    ]

    def __init__(self, question: str, offered: Sequence[tuple[str, str]], chosen: int = 0) -> None:
        super().__init__()
        self._question = question
        self._offered = offered
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        """What is asked, and the list."""
        width = max(len(safe(words)) for words, _ in self._offered)
        lines = [
            Content.assemble(f"{safe(words):<{width}}  ", (safe(hint), "$text-muted"))
            for words, hint in self._offered
        ]
        yield Static(Content(self._question))
        yield OptionList(*lines, markup=False)

    def on_mount(self) -> None:
        """Begin at what is chosen already."""
        self.query_one(OptionList).highlighted = self._chosen

    def action_move(self, direction: str) -> None:
        """Move the selection."""
        offered = self.query_one(OptionList)
        if direction == "down":
            offered.action_cursor_down()
        else:
            offered.action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take it."""
        self.dismiss(event.option_index)
