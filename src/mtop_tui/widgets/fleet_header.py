"""The two lines above the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from mtop_tui.views.header import Header
from mtop_tui.views.table import Cell, Tone
from mtop_tui.widgets.strips import TONES, Piece, fit, strip

SPACING = 3
DETAIL_SPACING = 2
SHORTEST_DETAIL = 12
"""Cells below which the beginning of a detail says nothing."""

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
        """Title, source, what it left out, scope, alerts and clock.

        When space is short, the detail goes first. Then the source is cut, but keeps half of the
        room, since it may say why there is no data; the scope has the rest.
        """
        source, detail, scope, clock = header.source, header.detail, header.scope, header.clock
        alerts = f"{header.alerts.text}{' ' * SPACING}" if header.alerts.text else ""
        end = len(alerts) + len(clock.text)
        room = max(0, width - len(TITLE) - end - 2 * SPACING - 1)
        for_scope = cell_len(scope.text) + SPACING if scope.text else 0
        for_source = min(cell_len(source.text), max(room - for_scope, room // 2))
        pieces: list[Piece] = [(" " + TITLE, "good"), (" " * SPACING, "normal")]
        pieces.append((fit(source.text, for_source), source.tone))
        left = room - for_source - for_scope - DETAIL_SPACING
        if detail.text and left >= SHORTEST_DETAIL:
            pieces.append((" " * DETAIL_SPACING, "normal"))
            pieces.append((fit(detail.text, min(left, cell_len(detail.text))), detail.tone))
        left = room - for_source - SPACING
        if scope.text and left > 0:
            pieces.append((" " * SPACING, "normal"))
            words = fit(scope.text, min(left, cell_len(scope.text)), keep_end=True)
            pieces.append((words, scope.tone))
        used = sum(cell_len(text) for text, _ in pieces)
        pieces.append((" " * max(1, width - used - end - 1), "normal"))
        return [*pieces, (alerts, header.alerts.tone), (clock.text, clock.tone)]

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
