"""The line of keys at the bottom.

Textual's Footer composes a widget per key at every change of bindings, which costs tens of
milliseconds and is never given back; this is one line of text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.style import Style
from textual.events import Click
from textual.strip import Strip
from textual.widget import Widget

from mtop_tui.commands import Command
from mtop_tui.views.table import Tone
from mtop_tui.widgets.strips import Piece, strip

KEPT = ("app.help", "app.quit")
SPACING = "  "


class KeyBar(Widget):
    """Keys and labels of the commands that have one; what does not fit is left to `?`.

    The keys to help and to quit are there however little room there is.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-bar--key"}
    ALLOW_SELECT = False

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__()
        self._commands = [command for command in commands if command.bar]

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        pieces: list[Piece] = [(" ", "normal")]
        for command in self._fitting(width):
            pieces += [(_key(command), "good"), (_words(command), "normal")]
        return strip(pieces, width, self._style)

    def on_click(self, event: Click) -> None:
        """A click on a command does what its key does."""
        end = 1
        for command in self._fitting(self.size.width):
            begin, end = end, end + _width(command)
            if begin <= event.x < end - len(SPACING):
                self.app.simulate_key(command.keys.split(",")[0])

    def _fitting(self, width: int) -> Iterator[Command]:
        left = width - 1
        kept = sum(_width(command) for command in self._commands if command.id in KEPT)
        for command in self._commands:
            kept -= _width(command) if command.id in KEPT else 0
            if _width(command) <= left - kept:
                yield command
                left -= _width(command)

    def _style(self, tone: Tone) -> Style:
        if tone != "good":
            return self.rich_style
        return self.rich_style + self.get_component_rich_style("key-bar--key", partial=True)


def _key(command: Command) -> str:
    return command.key_label.split(" ")[0]


def _words(command: Command) -> str:
    return f" {command.bar}{SPACING}"


def _width(command: Command) -> int:
    return len(_key(command)) + len(_words(command))
