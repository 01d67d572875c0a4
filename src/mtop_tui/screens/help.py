"""The help page: every key and every column, from the declarations that make them work."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from textwrap import wrap
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from mtop_tui.commands import Command
from mtop_tui.views.table import Column

INDENT, NARROWEST = 13, 10
"""Cells before what is said of a key, and the fewest that words are broken to."""


class HelpScreen(ModalScreen[None]):
    """A page over the screen it explains."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "Close", show=False),
        Binding("j,down", "scroll('down')", "Down", show=False),
        Binding("k,up", "scroll('up')", "Up", show=False),
        Binding("g", "scroll('home')", "First line", show=False),
        Binding("G", "scroll('end')", "Last line", show=False),
    ]

    def __init__(self, commands: Sequence[Command], columns: Collection[Column[Any]]) -> None:
        super().__init__()
        self._commands = commands
        self._columns = columns

    def compose(self) -> ComposeResult:
        """Keys, then columns."""
        with VerticalScroll():
            yield Static()

    def on_resize(self) -> None:
        """Words are broken to stand beside the keys, not below them."""
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        page = self.query_one(Static)
        lines = _page(self._commands, self._columns, page.size.width)
        page.update(Content("\n").join(lines))

    def action_scroll(self, direction: str) -> None:
        """Scroll the page."""
        page = self.query_one(VerticalScroll)
        scroll = {
            "down": page.scroll_down,
            "up": page.scroll_up,
            "home": page.scroll_home,
            "end": page.scroll_end,
        }[direction]
        scroll(animate=False)


def _page(
    commands: Sequence[Command], columns: Collection[Column[Any]], width: int
) -> list[Content]:
    lines = [Content.styled("mtop: LLM services of a fleet", "bold"), Content("")]
    for group in dict.fromkeys(command.group for command in commands):
        lines.append(Content.styled(group, "$accent bold"))
        for command in commands:
            if command.group != group:
                continue
            more = f". {command.help}" if command.help else ""
            lines += _entry(command.key_label, f"{command.title}{more}", width)
        lines.append(Content(""))
    if columns:
        lines.append(Content.styled("Columns", "$accent bold"))
        for column in columns:
            lines += _entry(column.title or "!", column.help, width)
        lines.append(Content(""))
    last = "-- means not known: no data, no traffic, or no longer current. It is never 0."
    lines += [Content(one) for one in wrap(last, max(width, NARROWEST))]
    return [*lines, Content("Esc closes this page.")]


def _entry(term: str, words: str, width: int) -> list[Content]:
    first, *others = wrap(words, max(width - INDENT, NARROWEST)) or [""]
    begin = Content.assemble((f"  {term:<{INDENT - 2}}", "$text-accent"), first)
    return [begin, *(Content(" " * INDENT + other) for other in others)]
