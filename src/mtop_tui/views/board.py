"""What of the time axis is looked at: a span of it, and a cursor on it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from mtop_tui.views.timeline import SPANS, Axis, Mark, Span


class Board(msgspec.Struct, frozen=True):
    """Over how long charts look back, where the cursor is (a time), and in which characters."""

    span: Span = SPANS[1]
    cursor: float | None = None
    ascii: bool = False

    def spanning(self, index: int) -> Board:
        """The same over another of the spans."""
        return replace(self, span=SPANS[max(0, min(index, len(SPANS) - 1))])

    def moved(self, step: int, axis: Axis) -> Board:
        """The cursor moved by cells, from the present if there is none; beyond it, none again."""
        place = None if self.cursor is None else axis.place(self.cursor)
        cell = axis.points // 2 if place is None else place // 2
        return self._at(max(cell + step, 0), axis)

    def at_mark(self, step: int, axis: Axis, marks: Iterable[Mark]) -> Board | None:
        """The cursor at the next mark, or with -1 the one before; None if there is no other."""
        place = None if self.cursor is None else axis.place(self.cursor)
        here = axis.points // 2 if place is None else place // 2
        cells = {found // 2 for mark in marks if (found := axis.place(mark.at)) is not None}
        beyond = [cell for cell in cells if (cell - here) * step > 0]
        if not beyond:
            return None
        return self._at(min(beyond) if step > 0 else max(beyond), axis)

    def at_cell(self, cell: int, axis: Axis) -> Board:
        """The cursor in a cell of the axis; in the one of the present or beyond, none."""
        return self._at(max(cell, 0), axis)

    def at_time(self, at: float | None) -> Board:
        """The cursor at a time, or none."""
        return replace(self, cursor=at)

    def _at(self, cell: int, axis: Axis) -> Board:
        if cell >= axis.points // 2:
            return replace(self, cursor=None)
        return replace(self, cursor=axis.start + (2 * cell + 1) * axis.step)
