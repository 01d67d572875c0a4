"""The line under the table: why the selected service is as it is."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from mtop_tui.views.cells import Tone
from mtop_tui.views.format import UNKNOWN
from mtop_tui.widgets.strips import TONES, fit, strip


class WhyLine(Widget):
    """One sentence about the selection, `--` when nothing can be said."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONES)
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._text = ("", "")

    def show(self, name: str, words: str) -> None:
        """Say this of the service of that name; without a name, say just this."""
        if (name, words) != self._text:
            self._text = (name, words)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        name, words = self._text
        if y:
            return Strip.blank(width, self.rich_style)
        if not name:
            return strip([(fit(f" {words}", width), "quiet")], width, self._style)
        lead = f" why  {name}: "
        text = fit(words or UNKNOWN, max(0, width - len(lead)))
        return strip([(lead, "quiet"), (text, "normal")], width, self._style)

    def _style(self, tone: Tone) -> Style:
        if tone == "normal":
            return self.rich_style
        return self.rich_style + self.get_component_rich_style(f"tone--{tone}", partial=True)
