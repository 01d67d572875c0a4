"""The line above a screen: where one is, what there is to say of it, and the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from mtop_tui.views.table import Cell, Tone
from mtop_tui.widgets.strips import TONES, Piece, fit, strip

SPACING = 3
CRUMB = " > "
SHORTEST_PATH = 24


class TitleBar(Widget):
    """Crumbs, facts, alerts and clock in one line; facts further back give way first."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"title-bar--crumbs", *TONES}
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, tuple[Cell, ...], tuple[Cell, ...]] = ("", (), ())

    def show(self, crumbs: str, facts: Sequence[Cell], end: Sequence[Cell]) -> None:
        """Show this, if it is not what stands there already; `end` stands at the right."""
        shown = (crumbs, tuple(facts), tuple(end))
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        crumbs, facts, end = self._shown
        for_end = sum(SPACING + cell_len(cell.text) for cell in end)
        room = max(0, width - for_end - 1)
        # What is wrong is worth more than the whole of a name.
        urgent = facts and facts[0].tone in {"warn", "bad"}
        kept = SPACING + cell_len(facts[0].text) + 1 if urgent else 0
        longest = max(room - kept, min(SHORTEST_PATH, room))
        path = _within(crumbs, longest)
        pieces: list[Piece] = [(" ", "normal"), (path, "good")]
        used = 1 + cell_len(path)
        for fact in facts:
            needed = SPACING + cell_len(fact.text)
            if used + needed > room:
                break
            pieces += [(" " * SPACING, "normal"), (fact.text, fact.tone)]
            used += needed
        pieces.append((" " * max(0, width - used - for_end - 1), "normal"))
        for cell in end:
            pieces += [(" " * SPACING, "normal"), (cell.text, cell.tone)]
        return strip(pieces, width, self._style)

    def _style(self, tone: Tone) -> Style:
        if tone == "normal":
            return self.rich_style
        name = "title-bar--crumbs" if tone == "good" else f"tone--{tone}"
        return self.rich_style + self.get_component_rich_style(name, partial=True)


def _within(crumbs: str, room: int) -> str:
    """Where one is: where it begins, the same everywhere, gives way before any name."""
    path = crumbs
    if cell_len(path) > room and CRUMB in path:
        path = f"…{CRUMB}{path.partition(CRUMB)[2]}"
    return fit(path, min(cell_len(path), room), keep_end=True)
