"""The help page: every key and every column, from the declarations that make them work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from mtop_tui.commands import Command
from mtop_tui.views.table import Column


class HelpScreen(ModalScreen[None]):
    """A page over the screen it explains."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "Close", show=False),
        Binding("j,down", "scroll('down')", "Down", show=False),
        Binding("k,up", "scroll('up')", "Up", show=False),
    ]

    def __init__(self, commands: Sequence[Command], columns: Sequence[Column[Any]]) -> None:
        super().__init__()
        self._commands = commands
        self._columns = columns

    def compose(self) -> ComposeResult:
        """Keys, then columns."""
        with VerticalScroll():
            yield Static(Content("\n").join(_page(self._commands, self._columns)))

    def action_scroll(self, direction: str) -> None:
        """Scroll the page."""
        page = self.query_one(VerticalScroll)
        if direction == "down":
            page.scroll_down(animate=False)
        else:
            page.scroll_up(animate=False)


def _page(commands: Sequence[Command], columns: Iterable[Column[Any]]) -> list[Content]:
    lines = [Content.styled("mtop: LLM services of a fleet", "bold"), Content("")]
    for group in dict.fromkeys(command.group for command in commands):
        lines.append(Content.styled(group, "$accent bold"))
        for command in commands:
            if command.group != group:
                continue
            more = f". {command.help}" if command.help else ""
            lines.append(_entry(command.key_label, f"{command.title}{more}"))
        lines.append(Content(""))
    lines.append(Content.styled("Columns", "$accent bold"))
    lines += [_entry(column.title or "!", column.help) for column in columns]
    lines += [
        Content(""),
        Content("-- means not known: no data, no traffic, or no longer current. It is never 0."),
        Content("Esc closes this page."),
    ]
    return lines


def _entry(term: str, words: str) -> Content:
    return Content.assemble((f"  {term:<11}", "$text-accent"), words)
