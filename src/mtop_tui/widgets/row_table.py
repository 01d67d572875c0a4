"""A table of rows: a Line-API widget that draws only the rows that changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mtop_tui.commands import MOVE, bindings
from mtop_tui.views.table import Cell, Column, Placed, Row, Tone, gap
from mtop_tui.widgets.strips import TONES, Piece, fit, strip

Key = TypeVar("Key", bound=Hashable)

HEADER_LINES = 1
GUTTER = 1
"""Cells before the first column: where the cursor is marked, colour or not."""

RIGHT_MARGIN = 1

EMPTY = Cell("")


class RowTable(Generic[Key], ScrollView, can_focus=True, inherit_bindings=False):
    """Rows under a fixed header line, each known by a key.

    The table holds no data: `show` names the rows in order and says how to make one, and only
    rows in view are made. Each tick compares what is in view with what was drawn and refreshes
    the lines that differ, so the cost follows the changes, not the number of rows.

    | component class | styles |
    | --- | --- |
    | `row-table--header` | the line of column titles |
    | `row-table--sorted` | the title of the sorted column |
    | `row-table--cursor` | the selected row |
    | `row-table--marked` | the marked column: its title, and its field of the selected row |
    | `tone--quiet`, `--good`, `--warn`, `--bad` | fields that want less or more attention |
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-table--header",
        "row-table--sorted",
        "row-table--cursor",
        "row-table--marked",
        *TONES,
    }
    BINDINGS = bindings(MOVE)
    ALLOW_SELECT = False

    @dataclass
    class Highlighted(Message):
        """The selection moved to another row (None: there is no row)."""

        table: RowTable[Any]
        key: Hashable | None

        @property
        def control(self) -> RowTable[Any]:
            """The table."""
            return self.table

    @dataclass
    class TitleClicked(Message):
        """A column title was clicked."""

        table: RowTable[Any]
        column: str

        @property
        def control(self) -> RowTable[Any]:
            """The table."""
            return self.table

    def __init__(self, *, ascii_only: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._ascii = ascii_only
        self._order: Sequence[Key] = ()
        self._make: Callable[[Key], Row] | None = None
        self._columns: Placed[Any] = []
        self._fields: list[tuple[Column[Any], int, int]] = []
        self._sorted: tuple[str, bool] = ("", True)
        self._marked = ""
        self._cursor = 0
        self._pinned = False
        self._rows: dict[Key, Row] = {}
        self._drawn: dict[int, tuple[Row, bool]] = {}
        self._styles: dict[tuple[Tone, bool], Style] = {}

    # What the screen says

    def show(self, order: Sequence[Key], make: Callable[[Key], Row]) -> None:
        """Show these rows in this order; the selection stays on its row.

        Args:
            order: all rows, top to bottom.
            make: makes one row; called for rows in view only.
        """
        selected = self.selected
        in_view = self._is_in_view(self._cursor)
        if order is not self._order:
            self._order = order
            self._restore(selected, in_view=in_view)
        self._make = make
        self._rows = {}
        self._refresh_changed()

    def use_columns(self, columns: Placed[Any], by: str, *, descending: bool) -> None:
        """Use these columns, and mark the one that is sorted by."""
        if columns != self._columns or (by, descending) != self._sorted:
            self._columns = columns
            following = [column for column, _ in columns[1:]] + [None]
            self._fields = [
                (column, width, gap(column, after))
                for (column, width), after in zip(columns, following, strict=True)
            ]
            self._sorted = (by, descending)
            self._redraw()

    @property
    def columns(self) -> Placed[Any]:
        """The columns shown and their widths."""
        return self._columns

    def pin(self) -> None:
        """From now on, the selection belongs to a row, not to the top of the table."""
        self._pinned = True

    def begin_again(self) -> None:
        """Forget the rows and what was selected: others are to come."""
        self._order, self._rows, self._make = (), {}, None
        self._cursor, self._pinned = 0, False
        self.scroll_to(y=0, animate=False, immediate=True)
        self._redraw()

    @property
    def selected(self) -> Key | None:
        """The key of the selected row."""
        return self._order[self._cursor] if self._order else None

    def select(self, key: Key) -> None:
        """Move the selection to a row, if it is in the table."""
        if key in self._order:
            self._move_to(self._order.index(key))

    @property
    def selected_row(self) -> Row | None:
        """The selected row as text."""
        return None if self.selected is None else self._row(self.selected)

    @property
    def marked(self) -> Column[Any] | None:
        """The marked column, or the one of names until one was marked."""
        shown = {column.id: column for column, _ in self._columns if column.title}
        return shown.get(self._marked) or shown.get("name") or next(iter(shown.values()), None)

    def mark(self, column: str) -> None:
        """Mark a column."""
        self._marked = column
        self._redraw()

    def mark_next(self, step: int) -> None:
        """Mark the column so many to the right."""
        ids = [column.id for column, _ in self._columns if column.title]
        if self.marked is not None:
            self.mark(ids[max(0, min(ids.index(self.marked.id) + step, len(ids) - 1))])

    # Moving

    def action_move(self, rows: int) -> None:
        """Move the selection by rows."""
        self._move_to(self._cursor + rows)

    def action_move_page(self, pages: int) -> None:
        """Move the selection by pages."""
        self._move_to(self._cursor + pages * max(1, self._body_height - 1))

    def action_move_to(self, index: int) -> None:
        """Move the selection to a row; -1 is the last."""
        self._move_to(index if index >= 0 else len(self._order) + index)

    def _move_to(self, index: int) -> None:
        self.pin()
        index = max(0, min(index, len(self._order) - 1))
        if index == self._cursor:
            return
        before, self._cursor = self._cursor, index
        self._refresh_row(before)
        self._refresh_row(index)
        self._bring_into_view()
        self.post_message(self.Highlighted(self, self.selected))

    def _restore(self, selected: Key | None, *, in_view: bool) -> None:
        """Put the cursor back on its row after rows moved; where it is gone, stay in place.

        Until a user has touched the table, the cursor stays at the top.
        """
        if self._pinned and selected is not None and selected in self._order:
            self._cursor = self._order.index(selected)
        else:
            self._cursor = max(0, min(self._cursor, len(self._order) - 1))
        height = len(self._order) + HEADER_LINES
        if self.virtual_size.height != height:
            self.virtual_size = Size(1, height)
        if in_view:
            self._bring_into_view()
        if self.selected != selected:
            self.post_message(self.Highlighted(self, self.selected))

    def _bring_into_view(self) -> None:
        top = self.scroll_offset.y
        height = self._body_height
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, immediate=True)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, immediate=True)

    def _is_in_view(self, index: int) -> bool:
        return 0 <= index - self.scroll_offset.y < self._body_height

    @property
    def _body_height(self) -> int:
        return max(1, self.size.height - HEADER_LINES)

    # Drawing

    def _row(self, key: Key) -> Row | None:
        found = self._rows.get(key)
        if found is None and self._make is not None:
            found = self._rows[key] = self._make(key)
        return found

    def _line_state(self, top: int, y: int) -> tuple[Row, bool] | None:
        """What the line `y` below row `top` should show: a row, and whether it is selected."""
        index = top + y - HEADER_LINES
        if not 0 <= index < len(self._order):
            return None
        row = self._row(self._order[index])
        return None if row is None else (row, index == self._cursor)

    def _refresh_changed(self) -> None:
        width, height = self.size
        top = self.scroll_offset.y
        first = None
        for y in range(HEADER_LINES, height):
            if self._line_state(top, y) != self._drawn.get(y):
                first = y if first is None else first
            elif first is not None:
                self.refresh(Region(0, first, width, y - first))
                first = None
        if first is not None:
            self.refresh(Region(0, first, width, height - first))

    def _refresh_row(self, index: int) -> None:
        y = index - self.scroll_offset.y + HEADER_LINES
        if HEADER_LINES <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _redraw(self) -> None:
        self._drawn.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """Forget styles resolved before; components may not have theirs yet, so resolve later."""
        super().notify_style_update()
        self._styles.clear()

    def render_line(self, y: int) -> Strip:
        """One line of the viewport."""
        width = self.size.width
        if y < HEADER_LINES:
            return self._header(width)
        state = self._line_state(self.scroll_offset.y, y)
        if state is None:
            self._drawn.pop(y, None)
            return Strip.blank(width, self.rich_style)
        self._drawn[y] = state
        row, selected = state
        line = strip(self._pieces(row, selected), width, self._style_of(selected))
        return self._with_mark(line) if selected and self._marked else line

    def _with_mark(self, line: Strip) -> Strip:
        """With the field of the marked column set off from the rest."""
        start = GUTTER
        for column, cells, space in self._fields:
            if column.id == self._marked:
                style = self.get_component_rich_style("row-table--marked", partial=True)
                field = line.crop(start, start + cells).apply_style(style)
                return Strip.join([line.crop(0, start), field, line.crop(start + cells)])
            start += cells + space
        return line

    def _pieces(self, row: Row, selected: bool) -> list[Piece]:
        pieces: list[Piece] = [(">" if selected else " ", "normal")]
        cut = "~" if self._ascii else "…"
        for column, width, space in self._fields:
            cell = row.cells.get(column.id, EMPTY)
            text = fit(cell.text, width, right=column.right, mark=cut, keep_end=column.keep_end)
            pieces.append((text, cell.tone))
            pieces.append((" " * space, "normal"))
        return pieces

    def _header(self, width: int) -> Strip:
        plain = self.get_component_rich_style("row-table--header")
        marked = plain + self.get_component_rich_style("row-table--sorted", partial=True)
        chosen = plain + self.get_component_rich_style("row-table--marked", partial=True)
        styles: dict[Tone, Style] = {"good": marked, "warn": chosen}
        by, descending = self._sorted
        arrow = ("v" if descending else "^") if self._ascii else ("▼" if descending else "▲")
        pieces: list[Piece] = [(" ", "normal")]
        for column, cells, space in self._fields:
            title = column.title
            is_marked = bool(title) and column.id == self._marked
            if column.id != by or not title:
                tone: Tone = "warn" if is_marked else "normal"
                pieces.append((fit(title, cells, right=column.right), tone))
                pieces.append((" " * space, "normal"))
                continue
            tone = "warn" if is_marked else "good"
            if column.right:
                pieces.append((" " * (cells - len(title)), "normal"))
                pieces.append((title + arrow, tone))  # the arrow stands in the gap
                pieces.append((" " * (space - 1), "normal"))
            else:
                pieces.append((title + arrow, tone))
                pieces.append((" " * (cells + space - len(title) - 1), "normal"))
        return strip(pieces, width, lambda tone: styles.get(tone, plain))

    def _style_of(self, selected: bool) -> Callable[[Tone], Style]:
        def style(tone: Tone) -> Style:
            found = self._styles.get((tone, selected))
            if found is None:
                base = (
                    self.get_component_rich_style("row-table--cursor")
                    if selected
                    else self.rich_style
                )
                if tone != "normal":
                    base += self.get_component_rich_style(f"tone--{tone}", partial=True)
                found = self._styles[tone, selected] = base
            return found

        return style

    # Mouse

    def on_click(self, event: events.Click) -> None:
        """A click on a row selects it, one on a title sorts by it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < HEADER_LINES:
            column = self._column_at(offset.x)
            if column is not None:
                self.post_message(self.TitleClicked(self, column.id))
        elif (index := self.scroll_offset.y + offset.y - HEADER_LINES) < len(self._order):
            self._move_to(index)

    def _column_at(self, x: int) -> Column[Any] | None:
        start = GUTTER
        for column, width, space in self._fields:
            start += width + space
            if x < start:
                return column
        return None
