"""A few lines of fields that do not scroll: charts, summaries, titles of panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from mtop_tui.views.table import Cell, Tone
from mtop_tui.widgets.strips import TONES, strip


class TextLines(Widget):
    """As high as what it is given to show; draws the lines that differ and no others.

    The tone "good" is the accent: where the cursor is, which panel has the keys.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"text-lines--accent", *TONES}
    ALLOW_SELECT = False

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._lines: Sequence[tuple[Cell, ...]] = ()
        self._styles: dict[Tone, Style] = {}

    def show(self, lines: Sequence[tuple[Cell, ...]]) -> None:
        """Show these lines."""
        before, self._lines = self._lines, lines
        if len(before) != len(lines):
            self.styles.height = len(lines)
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, lines, strict=True)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))

    def notify_style_update(self) -> None:
        """Forget styles resolved before; components may not have theirs yet, so resolve later."""
        super().notify_style_update()
        self._styles.clear()

    def render_line(self, y: int) -> Strip:
        """One line."""
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        return strip(self._lines[y], width, self._style)

    def _style(self, tone: Tone) -> Style:
        found = self._styles.get(tone)
        if found is None:
            found = self.rich_style
            if tone != "normal":
                name = "text-lines--accent" if tone == "good" else f"tone--{tone}"
                found += self.get_component_rich_style(name, partial=True)
            self._styles[tone] = found
        return found
