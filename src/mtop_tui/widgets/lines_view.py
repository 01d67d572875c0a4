"""Lines of fields that scroll."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mtop_tui.commands import MOVE, bindings
from mtop_tui.views.table import Cell, Tone
from mtop_tui.widgets.strips import TONES, strip


class LinesView(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines that were made to fit its width; draws those in view that differ.

    The tone "good" is the accent: titles and names of fields.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines-view--accent", *TONES}
    BINDINGS = bindings(MOVE)
    ALLOW_SELECT = False

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._lines: Sequence[tuple[Cell, ...]] = ()
        self._drawn: dict[int, tuple[Cell, ...] | None] = {}
        self._styles: dict[Tone, Style] = {}

    def show(self, lines: Sequence[tuple[Cell, ...]]) -> None:
        """Show these lines; what is in view stays where it is."""
        self._lines = lines
        if self.virtual_size.height != len(lines):
            self.virtual_size = Size(1, len(lines))
        top = self.scroll_offset.y
        for y in range(self.size.height):
            if y not in self._drawn or self._drawn[y] != self._line(top + y):
                self.refresh(Region(0, y, self.size.width, 1))

    @property
    def text(self) -> str:
        """All that it says, to copy."""
        return "\n".join("".join(cell.text for cell in line).rstrip() for line in self._lines)

    def _line(self, index: int) -> tuple[Cell, ...] | None:
        return self._lines[index] if 0 <= index < len(self._lines) else None

    # Moving

    def action_move(self, lines: int) -> None:
        """Scroll by lines."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, immediate=True)

    def action_move_page(self, pages: int) -> None:
        """Scroll by pages."""
        self.action_move(pages * max(1, self.size.height - 1))

    def action_move_to(self, index: int) -> None:
        """Scroll to the beginning, or with -1 to the end."""
        y = 0 if index == 0 else len(self._lines)
        self.scroll_to(y=y, animate=False, immediate=True)

    # Drawing

    def notify_style_update(self) -> None:
        """Forget styles resolved before; components may not have theirs yet, so resolve later."""
        super().notify_style_update()
        self._styles.clear()

    def render_line(self, y: int) -> Strip:
        """One line of the viewport."""
        width = self.size.width
        line = self._drawn[y] = self._line(self.scroll_offset.y + y)
        if line is None:
            return Strip.blank(width, self.rich_style)
        return strip(line, width, self._style)

    def _style(self, tone: Tone) -> Style:
        found = self._styles.get(tone)
        if found is None:
            found = self.rich_style
            if tone != "normal":
                name = "lines-view--accent" if tone == "good" else f"tone--{tone}"
                found += self.get_component_rich_style(name, partial=True)
            self._styles[tone] = found
        return found
