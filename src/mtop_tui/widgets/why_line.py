"""The line under the table: why the selected service is as it is."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from mtop_tui.views.cells import Cell, Tone
from mtop_tui.widgets.strips import TONES, fit, strip


class WhyLine(Widget):
    """One sentence about the selection."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONES)
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._said = ("", Cell(""))

    def show(self, name: str, said: Cell) -> None:
        """Say this of the service of that name; without a name, say just this."""
        if (name, said) != self._said:
            self._said = (name, said)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        name, said = self._said
        if y:
            return Strip.blank(width, self.rich_style)
        lead = f" why  {name}: " if name else " "
        text = fit(said.text, max(0, width - len(lead)))
        return strip([(lead, "quiet"), (text, said.tone)], width, self._style)

    def _style(self, tone: Tone) -> Style:
        if tone == "normal":
            return self.rich_style
        return self.rich_style + self.get_component_rich_style(f"tone--{tone}", partial=True)
