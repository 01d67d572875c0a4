"""A line of facts side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from mtop_tui.views.table import Cell, Tone
from mtop_tui.widgets.strips import TONES, Piece, fit, strip

SPACING = 2
SHORTEST = 8
"""Cells below which the beginning of a fact says nothing."""


class FactLine(Widget):
    """Facts from the left; the first that does not fit is cut, and those after it leave."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONES)
    ALLOW_SELECT = False

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self._facts: tuple[Cell, ...] = ()
        self._mark = "~" if ascii_only else "…"

    def show(self, facts: Sequence[Cell]) -> None:
        """Show these, if they are not what stands there already; empty ones take no room."""
        shown = tuple(fact for fact in facts if fact.text)
        if shown != self._facts:
            self._facts = shown
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        pieces: list[Piece] = [(" ", "normal")]
        left = width - 2
        for fact in self._facts:
            needed = cell_len(fact.text)
            if needed > left and left < SHORTEST:
                break
            text = fit(fact.text, min(needed, left), mark=self._mark)
            pieces += [(text, fact.tone), (" " * SPACING, "normal")]
            left -= needed + SPACING
        return strip(pieces, width, self._style)

    def _style(self, tone: Tone) -> Style:
        if tone == "normal":
            return self.rich_style
        return self.rich_style + self.get_component_rich_style(f"tone--{tone}", partial=True)
