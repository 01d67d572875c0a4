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

    def __init__(self) -> None:
        super().__init__()
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
        """One line: the chain first, then the detail, broken between words."""
        width = self.size.width
        name, said = self._said
        if y == 0:
            lead = _lead(name)
            text = fit(said.chain.text, max(0, width - len(lead)))
            return strip([(lead, "quiet"), (text, said.chain.tone)], width, self._style)
        lead = " " * len(_LEAD)
        room = max(1, width - len(lead))
        lines = wrap(
            said.detail.text, room, max_lines=max(1, self.size.height - 1), placeholder=" …"
        )
        text = fit(lines[y - 1] if y <= len(lines) else "", room)
        return strip([(lead, "quiet"), (text, said.detail.tone)], width, self._style)

    def _style(self, tone: Tone) -> Style:
        if tone == "normal":
            return self.rich_style
        return self.rich_style + self.get_component_rich_style(f"tone--{tone}", partial=True)


_LEAD = " why  "


def _lead(name: str) -> str:
    return f"{_LEAD}{name}: " if name else " "
