"""A line over a screen in which one thing is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import getters
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from mtop_tui.views.table import Cell
from mtop_tui.widgets.fact_line import FactLine
from mtop_tui.widgets.prompt_bar import PromptBar


class AskScreen(ModalScreen[None]):
    """Asks until what is typed can be taken, or until Esc.

    `take` gets what was typed; it returns what is wrong with it, or nothing when it was taken.
    """

    BINDINGS: ClassVar[list[BindingType]] = []

    prompt = getters.query_one(PromptBar)
    said = getters.query_one(FactLine)

    def __init__(self, question: str, value: str, take: Callable[[str], Awaitable[str]]) -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._take = take
        self._is_taking = False

    def compose(self) -> ComposeResult:
        """What is asked for, and the line for it."""
        yield FactLine()
        yield PromptBar("ask", self._value, "")

    def on_mount(self) -> None:
        """Ask."""
        self.said.show([Cell(self._question, "quiet")])
        self.set_focus(self.prompt)  # at once: the next key is for it

    async def action_answer(self, take: bool) -> None:
        """Take what was typed, or give it up."""
        if not take:
            self.dismiss()
            return
        if self._is_taking:
            return
        self._is_taking = True
        await self.prompt.catch_up()
        wrong = await self._take(self.prompt.value.strip())
        self._is_taking = False
        if wrong:
            self.said.show([Cell(wrong, "bad"), Cell(self._question, "quiet")])
        else:
            self.dismiss()
