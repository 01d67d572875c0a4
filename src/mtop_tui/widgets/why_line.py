"""The line under the table: why the selected service is as it is."""

from __future__ import annotations

from textwrap import wrap
from typing import ClassVar

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from mtop_tui.views.fleet import Why
from mtop_tui.views.table import Cell, Tone
from mtop_tui.widgets.strips import TONES, fit, strip


class WhyLine(Widget):
    """Why the selection is as it is: in one line, and in a second one if there is room for it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONES)
    ALLOW_SELECT = False

    def __init__(self, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self._said = ("", Why(Cell("")))

    def show(self, name: str, said: Why) -> None:
        """Say this of the service of that name; without a name, say just this."""
        if (name, said) != self._said:
            self._said = (name, said)
            self.refresh()

    def room(self, name: str) -> int:
        """Cells there are for what is said of the service of that name."""
        return max(0, self.size.width - len(_lead(name)))

    def render_line(self, y: int) -> Strip:
        """One line: the chain first, then the detail, broken between words where there is room."""
        width, height = self.size
        name, said = self._said
        lead = _lead(name)
        room = max(1, width - len(lead))
        if height == 1:
            lines = [Cell(fit(said.chain.text, room), said.chain.tone)]
        else:
            lines = [*_broken(said.chain, room, height), *_broken(said.detail, room, height)]
            if len(lines) > height:
                lines = [*_broken(said.chain, room, 1), *_broken(said.detail, room, height - 1)]
        text, tone = lines[y] if y < len(lines) else Cell("")
        shown = lead if y == 0 else " " * (len(_LEAD) if name else len(lead))
        return strip([(shown, "quiet"), (fit(text, width - len(shown)), tone)], width, self._style)

    def _style(self, tone: Tone) -> Style:
        if tone == "normal":
            return self.rich_style
        return self.rich_style + self.get_component_rich_style(f"tone--{tone}", partial=True)


def _broken(cell: Cell, room: int, most: int) -> list[Cell]:
    """Its text in lines of so many cells, the last of at most so many with a mark if cut."""
    lines = wrap(cell.text, room, max_lines=max(1, most), placeholder=" …")
    return [Cell(line, cell.tone) for line in lines]


_LEAD = " why  "


def _lead(name: str) -> str:
    return f"{_LEAD}{name}: " if name else " "
