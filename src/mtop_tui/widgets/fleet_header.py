"""The two lines above the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from mtop_tui.views.cells import Cell, Tone
from mtop_tui.views.header import Header
from mtop_tui.widgets.strips import TONES, Piece, fit, strip

SPACING = 3
TITLE = "mtop  fleet"


class FleetHeader(Widget):
    """Source and clock in one line, totals in the next; drawn again only when they differ."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"fleet-header--title", *TONES}
    ALLOW_SELECT = False

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._header: Header | None = None

    def show(self, header: Header) -> None:
        """Show this, if it is not what stands there already."""
        if header != self._header:
            self._header = header
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line."""
        width = self.size.width
        header = self._header
        if header is None or y > 1:
            return Strip.blank(width, self.rich_style)
        pieces = self._top(header, width) if y == 0 else _spread(header.totals, width)
        return strip(pieces, width, self._style)

    def _top(self, header: Header, width: int) -> list[Piece]:
        clock = header.clock.text
        room = width - len(TITLE) - len(clock) - 2 * SPACING - 1
        source = header.source[0]
        text = fit(source.text, max(0, min(room, cell_len(source.text))))
        gap = max(1, width - len(TITLE) - cell_len(text) - len(clock) - 2 - SPACING)
        return [
            (" " + TITLE, "good"),
            (" " * SPACING, "normal"),
            (text, source.tone),
            (" " * gap, "normal"),
            (clock, header.clock.tone),
        ]

    def _style(self, tone: Tone) -> Style:
        if tone == "normal":
            return self.rich_style
        name = "fleet-header--title" if tone == "good" else f"tone--{tone}"
        return self.rich_style + self.get_component_rich_style(name, partial=True)


def _spread(fields: Sequence[Cell], width: int) -> list[Piece]:
    """As many fields as fit, from the first on."""
    pieces: list[Piece] = [(" ", "normal")]
    used = 1
    for field in fields:
        needed = cell_len(field.text) + (SPACING if used > 1 else 0)
        if used + needed > width:
            break
        if used > 1:
            pieces.append((" " * SPACING, "normal"))
        pieces.append((field.text, field.tone))
        used += needed
    return pieces
