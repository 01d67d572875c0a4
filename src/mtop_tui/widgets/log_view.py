"""The lines of a log: a Line-API widget that reads and draws only what is in view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Protocol

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mtop_tui.commands import MOVE, bindings
from mtop_tui.views.log_buffer import Moved
from mtop_tui.views.log_lines import Line
from mtop_tui.widgets.log_line import (
    COMPONENTS,
    Drawn,
    LinePainter,
    Spans,
    parts,
    shape_of,
)
from mtop_tui.widgets.strips import TONES, fit

SIDE_STEP = 20
"""Cells that one key moves sideways."""

WHEEL = 3


class Rows(Protocol):
    """What there is to show, oldest first."""

    def __len__(self) -> int: ...

    def number(self, row: int) -> int:
        """The number of the line in this row."""
        ...

    def row(self, number: int) -> int:
        """The row of this line, or of the next that is shown."""
        ...

    def line(self, row: int) -> Line:
        """The line in this row."""
        ...


class LogView(Widget, can_focus=True):
    """Log lines with a cursor, following the newest or staying where they are.

    The place is the line under the cursor and the height at which it stands, so lines that come
    below or are let go above move nothing. While it follows, the cursor is on the newest line.

    | component class | styles |
    | --- | --- |
    | `log-view--cursor` | the line under the cursor |
    | `log-view--selected` | lines that will be copied |
    | `log-view--match` | what the filter found |
    | `log-view--error`, `--warn` | texts of such lines |
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {*COMPONENTS, *TONES}
    BINDINGS = bindings(MOVE)
    ALLOW_SELECT = False

    class Looked(Message):
        """A key or the mouse brought another line under the cursor."""

    def __init__(self, rows: Rows, *, ascii_only: bool = False) -> None:
        super().__init__()
        self._rows = rows
        self._painter = LinePainter(self._style, ascii_only=ascii_only)
        self._name_width = 0
        self._shape = shape_of(0, 0, 0)
        self._empty: Sequence[str] = ()
        self._thumb = "#" if ascii_only else "┃"
        self.following = True
        self._cursor = 0
        self._y = 0
        self._marks: set[int] = set()
        self._anchor: int | None = None
        self._page: list[Drawn] = []
        self._styles: dict[tuple[str, ...], Style] = {}

    # What the screen says

    def show(
        self, rows: Rows, names: Sequence[str], spans: Spans | None, empty: Sequence[str]
    ) -> None:
        """Show these rows; lines are drawn again only where they differ.

        Args:
            rows: what there is.
            names: of the origins that lines refer to.
            spans: what to mark in a text.
            empty: what to say when there is no row.
        """
        painter = self._painter
        if rows is not self._rows or spans != painter.spans or names != painter.names:
            self._rows, painter.spans, painter.names = rows, spans, list(names)
            # Once wide, the column stays: what follows would jump sideways with each new pod.
            self._name_width = max(self._name_width, *map(len, names), 0)
            self.refresh()
        if empty != self._empty:
            self._empty = empty
            self.refresh()
        self._paginate()

    def renumber(self, moved: Moved) -> None:
        """Lines changed places: cursor and marks go with theirs."""
        self._cursor = moved.number(self._cursor)
        self._marks = {moved.number(mark) for mark in self._marks}
        if self._anchor is not None:
            self._anchor = moved.number(self._anchor)

    @property
    def cursor(self) -> int | None:
        """The row under the cursor."""
        return self._row if len(self._rows) else None

    @property
    def below(self) -> int:
        """Rows after the one under the cursor."""
        return len(self._rows) - 1 - self._row if len(self._rows) else 0

    @property
    def shift(self) -> int:
        """Cells that are out of view on the left."""
        return self._painter.x

    @property
    def wraps(self) -> bool:
        """Whether long lines are broken rather than cut."""
        return self._painter.wraps

    @property
    def selection(self) -> range | None:
        """The selected rows."""
        if self._anchor is None or not len(self._rows):
            return None
        other = min(self._rows.row(self._anchor), len(self._rows) - 1)
        return range(min(other, self._row), max(other, self._row) + 1)

    # Commands

    def follow(self, following: bool) -> None:
        """Stay with the newest line, or here."""
        if not following and self.following and len(self._rows):
            self._cursor = self._rows.number(self._row)
            self._y = self._height_of_cursor(self._page)
        self.following = following
        self._paginate()

    def wrap(self, wraps: bool) -> None:
        """Break long lines, or cut them at the edge."""
        self._painter.wraps, self._painter.x = wraps, 0
        self._paginate(settle=True)
        self.refresh()

    def move_sideways(self, cells: int) -> None:
        """Bring another part of long lines into view."""
        painter = self._painter
        if painter.wraps:
            return
        longest = max((cell_len(drawn.line.text) for drawn in self._page), default=0)
        most = max(painter.x, longest - self._shape.text)
        x = max(0, min(painter.x + cells, most))
        if x != painter.x:
            painter.x = x
            self.refresh()

    def go_to(self, number: int) -> None:
        """Put the cursor on a line."""
        y = next((y for y, one in enumerate(self._page) if one.line.number == number), None)
        self._y = self._shape.height // 3 if y is None else y
        self._land(self._rows.row(number))

    def toggle_mark(self) -> None:
        """Mark the line under the cursor, or take its mark away."""
        if len(self._rows):
            self._marks ^= {self._rows.number(self._row)}
            self._paginate()

    def next_mark(self) -> bool:
        """Go to the next mark, after the last one to the first; whether there is one."""
        if not len(self._rows):
            return False
        here, oldest = self._rows.number(self._row), self._rows.number(0)
        marks = sorted(mark for mark in self._marks if mark >= oldest)
        if marks:
            self.go_to(next((mark for mark in marks if mark > here), marks[0]))
        return bool(marks)

    def select(self, selecting: bool) -> None:
        """Begin to select lines at the cursor, or give it up."""
        self._anchor = self._rows.number(self._row) if selecting and len(self._rows) else None
        if selecting:
            self.follow(False)
        self._paginate()

    @property
    def is_selecting(self) -> bool:
        """Whether lines are being selected."""
        return self._anchor is not None

    # Moving

    def action_move(self, rows: int) -> None:
        """Move the cursor by rows."""
        row = max(0, min(self._row + rows, len(self._rows) - 1))
        if rows > 0 and len(self._rows):
            self._y += sum(self._height(index) for index in range(self._row, row))
        elif len(self._rows):
            self._y -= sum(self._height(index) for index in range(row, self._row))
        self._land(row)

    def action_move_page(self, pages: int) -> None:
        """Move the view by pages, the cursor stays at its height."""
        row, left = self._row, max(1, self._shape.height - 1)
        step = 1 if pages > 0 else -1
        while 0 <= row + step < len(self._rows) and left > 0:
            row += step
            left -= self._height(row) if self.wraps else 1
        self._land(row)

    def action_move_to(self, index: int) -> None:
        """Go to the first row, or with -1 to the last and follow it."""
        self._land(0 if index >= 0 else len(self._rows) - 1)
        if index < 0:
            self.follow(True)

    def _land(self, row: int) -> None:
        if not len(self._rows):
            return
        row = max(0, min(row, len(self._rows) - 1))
        self.following = False
        self._cursor = self._rows.number(row)
        self._y = max(0, min(self._y, self._shape.height - self._height(row)))
        self._paginate(settle=True)
        self.post_message(self.Looked())

    def _scroll(self, lines: int) -> None:
        """Move what is in view; the cursor stays on its line as long as that is in view."""
        self.follow(False)
        y, row = self._y - lines, self._row
        while y < 0 and row + 1 < len(self._rows):
            y += self._height(row)
            row += 1
        while y >= self._shape.height and row > 0:
            row -= 1
            y -= self._height(row)
        self._y = y
        self._land(row)

    @property
    def _row(self) -> int:
        last = len(self._rows) - 1
        return last if self.following else min(self._rows.row(self._cursor), max(0, last))

    # The page

    def _height(self, row: int) -> int:
        return len(parts(self._rows.line(row).text, self._shape.text)) if self.wraps else 1

    def _above(self, row: int) -> Iterator[tuple[int, int]]:
        """Rows before this one with the numbers of their parts, from the bottom up."""
        while row > 0:
            row -= 1
            for part in reversed(range(self._height(row))):
                yield row, part

    def _paginate(self, *, settle: bool = False) -> None:
        """Find out what is in view, and draw again the lines that differ.

        With `settle`, the height of the cursor becomes the one it is drawn at.
        """
        shape = shape_of(*self.size, self._name_width)
        if shape != self._shape:
            self._shape = shape
            self.refresh()
        page = self._find_page() if len(self._rows) and shape.height else []
        if settle:
            self._y = self._height_of_cursor(page)
        old, self._page = self._page, page
        for y in range(max(len(old), len(page))):
            if y >= len(old) or y >= len(page) or old[y] != page[y]:
                self.refresh(Region(0, y, shape.width, 1))

    def _height_of_cursor(self, page: Sequence[Drawn]) -> int:
        """Where the cursor is drawn; where it was, if it is not."""
        firsts = (y for y, one in enumerate(page) if one.is_cursor and one.part == 0)
        return next(firsts, self._y)

    def _find_page(self) -> list[Drawn]:
        height, cursor = self._shape.height, self._row
        y = height - self._height(cursor) if self.following else self._y
        above: list[tuple[int, int]] = []
        for place in self._above(cursor):
            if len(above) >= y:
                break
            above.append(place)
        places = above[::-1]
        row = cursor
        while row < len(self._rows) and len(places) < height:
            places += [(row, part) for part in range(self._height(row))]
            row += 1
        if len(places) < height:  # the end is in view: leave no room under it
            first_row, first_part = places[0]
            before = [(first_row, part) for part in reversed(range(first_part))]
            for place in (*before, *self._above(first_row)):
                if len(places) >= height:
                    break
                places.insert(0, place)
        return [self._drawn(row, part, cursor) for row, part in places[:height]]

    def _drawn(self, row: int, part: int, cursor: int) -> Drawn:
        line = self._rows.line(row)
        selection = self.selection
        return Drawn(
            line,
            part,
            row == cursor,
            line.number in self._marks,
            selection is not None and row in selection,
        )

    def on_resize(self) -> None:
        """Another size shows other lines."""
        self._y = max(0, min(self._y, self._shape.height - 1))
        self._paginate()

    # Drawing

    def notify_style_update(self) -> None:
        """Forget styles resolved before; components may not have theirs yet, so resolve later."""
        super().notify_style_update()
        self._styles.clear()

    def _style(self, *names: str) -> Style:
        """The widget's own style with those of components laid over it, in this order."""
        found = self._styles.get(names)
        if found is None:
            found = self.rich_style
            for name in names:
                found += self.get_component_rich_style(name, partial=True)
            self._styles[names] = found
        return found

    def render_line(self, y: int) -> Strip:
        """One line of the viewport."""
        if y < len(self._page):
            return self._painter.strip(self._page[y], self._shape, self._bar(y))
        return self._words(y, self.size.width)

    def _bar(self, y: int) -> str:
        """The last cell: where in all rows the page is."""
        height, count = self._shape.height, len(self._rows)
        if count <= height:
            return " "
        middle = self._row * (height - 1) // max(1, count - 1)
        return self._thumb if y == middle else " "

    def _words(self, y: int, width: int) -> Strip:
        """A line without a log line: blank, or what to say of a log without any."""
        index = y - max(0, (self._shape.height - len(self._empty)) // 3)
        if self._page or not 0 <= index < len(self._empty):
            return Strip.blank(width, self._style())
        text = fit(self._empty[index], max(0, width - 4), mark=self._painter.cut)
        style = self._style() if index == 0 else self._style("tone--quiet")
        return Strip([Segment("  " + text, style)]).adjust_cell_length(width, self._style())

    # Mouse

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves what is in view."""
        event.stop()
        self._scroll(-WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves what is in view."""
        event.stop()
        self._scroll(WHEEL)

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor on a line; one at the right edge goes to that part of all."""
        offset = event.get_content_offset(self)
        if offset is None or not len(self._rows):
            return
        if offset.x == self._shape.width - 1:
            self._land(offset.y * (len(self._rows) - 1) // max(1, self._shape.height - 1))
        elif offset.y < len(self._page):
            self.go_to(self._page[offset.y].line.number)
