"""The lines of a log: a Line-API widget that reads and draws only what is in view."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, NamedTuple, Protocol

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from mtop_tui.commands import MOVE, bindings
from mtop_tui.views.log_buffer import Moved
from mtop_tui.views.log_lines import LETTERS, Level, Line
from mtop_tui.widgets.strips import TONES, fit

SIDE_STEP = 20
"""Cells that one key moves sideways."""

WHEEL = 3
_LEAST_TEXT = 24
"""Cells the text keeps; columns before it leave rather than take them."""

_LETTER_TONES = {
    int(Level.WARN): "tone--warn",
    int(Level.ERROR): "tone--bad",
    int(Level.FATAL): "tone--bad",
}
_TEXT_TONES = {
    int(Level.DEBUG): ("tone--quiet",),
    int(Level.WARN): ("log-view--warn",),
    int(Level.ERROR): ("log-view--error",),
    int(Level.FATAL): ("log-view--error",),
}

Spans = Callable[[str], list[tuple[int, int]]]


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


class _Drawn(NamedTuple):
    """One line of the viewport: a part of a log line, and how it is marked."""

    line: Line
    part: int
    is_cursor: bool
    is_marked: bool
    is_selected: bool


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

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log-view--cursor",
        "log-view--selected",
        "log-view--match",
        "log-view--error",
        "log-view--warn",
        *TONES,
    }
    BINDINGS = bindings(MOVE)
    ALLOW_SELECT = False

    def __init__(self, rows: Rows, *, ascii_only: bool = False) -> None:
        super().__init__()
        self._rows = rows
        self._names: Sequence[str] = ()
        self._name_width = 0
        self._spans: Spans | None = None
        self._empty: Sequence[str] = ()
        self._cut = "~" if ascii_only else "…"
        self._thumb = "#" if ascii_only else "┃"
        self.following = True
        self.wraps = False
        self._cursor = 0
        self._y = 0
        self._x = 0
        self._marks: set[int] = set()
        self._anchor: int | None = None
        self._page: list[_Drawn] = []
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
        if rows is not self._rows or spans != self._spans or list(names) != self._names:
            self._rows, self._spans, self._names = rows, spans, list(names)
            # Once wide, the column stays: what follows would jump sideways with each new pod.
            self._name_width = max(self._name_width, *map(len, self._names), 0)
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
        return self._x

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
        self.following = following
        self._paginate()

    def wrap(self, wraps: bool) -> None:
        """Break long lines, or cut them at the edge."""
        self.wraps, self._x = wraps, 0
        self._redraw()

    def move_sideways(self, cells: int) -> None:
        """Bring another part of long lines into view."""
        if self.wraps:
            return
        width = self._text_width
        longest = max((cell_len(drawn.line.text) for drawn in self._page), default=0)
        x = max(0, min(self._x + cells, longest - width + 1)) if cells > 0 else self._x + cells
        if (x := max(0, x)) != self._x:
            self._x = x
            self.refresh()

    def go_to(self, number: int) -> None:
        """Put the cursor on a line."""
        y = next((y for y, one in enumerate(self._page) if one.line.number == number), None)
        self._y = self.size.height // 3 if y is None else y
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
        row, left = self._row, max(1, self.size.height - 1)
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
        self._y = max(0, min(self._y, self.size.height - self._height(row)))
        self._paginate(settle=True)

    def _scroll(self, lines: int) -> None:
        """Move what is in view; the cursor stays on its line as long as that is in view."""
        self.follow(False)
        y, row = self._y - lines, self._row
        while y < 0 and row + 1 < len(self._rows):
            y += self._height(row)
            row += 1
        while y >= self.size.height and row > 0:
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
        return len(self._parts(self._rows.line(row).text)) if self.wraps else 1

    def _parts(self, text: str) -> list[str]:
        width = self._text_width
        if not self.wraps or not text:
            return [text]
        if text.isascii():
            return [text[start : start + width] for start in range(0, len(text), width)]
        return chop_cells(text, width)

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
        page = self._find_page() if len(self._rows) and self.size.height else []
        if settle:
            for y, drawn in enumerate(page):
                if drawn.is_cursor and drawn.part == 0:
                    self._y = y
                    break
        old, self._page = self._page, page
        width = self.size.width
        for y in range(max(len(old), len(page))):
            if y >= len(old) or y >= len(page) or old[y] != page[y]:
                self.refresh(Region(0, y, width, 1))

    def _find_page(self) -> list[_Drawn]:
        height, cursor = self.size.height, self._row
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

    def _drawn(self, row: int, part: int, cursor: int) -> _Drawn:
        line = self._rows.line(row)
        selection = self.selection
        return _Drawn(
            line,
            part,
            row == cursor,
            line.number in self._marks,
            selection is not None and row in selection,
        )

    def _redraw(self) -> None:
        self._paginate(settle=True)
        self.refresh()

    def on_resize(self) -> None:
        """Another size shows other lines."""
        self._y = max(0, min(self._y, self.size.height - 1))
        self._paginate()

    # Drawing

    @property
    def _columns(self) -> tuple[int, int]:
        """Widths of time and origin; 0 where there is no room for them."""
        width = self.size.width
        clock = 12 if width >= 100 else 8
        name = min(self._name_width, max(8, width // 6))
        if width - clock - name < _LEAST_TEXT + 9:
            name = 0
        if width - clock < _LEAST_TEXT + 9:
            clock = 0
        return clock, name

    @property
    def _text_width(self) -> int:
        clock, name = self._columns
        return max(1, self.size.width - 6 - (clock and clock + 1) - (name and name + 1))

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
        width = self.size.width
        if y >= len(self._page):
            return self._words(y, width)
        drawn = self._page[y]
        ground: tuple[str, ...] = ()
        if drawn.is_cursor:
            ground = ("log-view--cursor",)
        elif drawn.is_selected:
            ground = ("log-view--selected",)
        base = self._style(*ground)
        sign = ">" if drawn.is_cursor and drawn.part == 0 else "|" if drawn.is_selected else " "
        segments = [Segment(("*" if drawn.is_marked else " ") + sign, base)]
        segments += self._front(drawn, ground)
        segments += self._text(drawn, ground)
        used = sum(segment.cell_length for segment in segments)
        segments.append(Segment(" " * max(0, width - 1 - used), base))
        segments.append(Segment(self._bar(y), self._style("tone--quiet")))
        return Strip(segments).adjust_cell_length(width, base)

    def _front(self, drawn: _Drawn, ground: tuple[str, ...]) -> list[Segment]:
        """Time, origin and level; blank beside the further parts of a line."""
        clock, name = self._columns
        line = drawn.line
        if drawn.part:
            blank = " " * ((clock and clock + 1) + (name and name + 1) + 2)
            return [Segment(blank, self._style(*ground))]
        before = ""
        if clock:
            before = time.strftime("%H:%M:%S", time.localtime(line.at))
            before += f".{int(line.at % 1 * 1000):03} " if clock == 12 else " "
        if name:
            origin = self._names[line.origin] if line.origin < len(self._names) else "?"
            before += fit(origin, name, mark=self._cut, keep_end=True) + " "
        quiet = self._style(*ground, "tone--quiet")
        letter = self._style(*ground, _LETTER_TONES.get(line.level, "tone--quiet"))
        return [Segment(before, quiet), Segment(LETTERS[line.level] + " ", letter)]

    def _text(self, drawn: _Drawn, ground: tuple[str, ...]) -> list[Segment]:
        width, line = self._text_width, drawn.line
        text = line.text
        names = (*ground, *_TEXT_TONES.get(line.level, ()))
        spans = self._spans(text) if self._spans is not None else []
        if self.wraps:
            parts = self._parts(text)
            start = sum(map(len, parts[: drawn.part]))
            return self._marked(text, start, start + len(parts[drawn.part]), spans, names)
        if text.isascii():
            end = self._x + width
            over = len(text) > end
            segments = self._marked(text, self._x, end - over, spans, names)
        else:
            whole = Strip(self._marked(text, 0, len(text), spans, names))
            over = whole.cell_length > self._x + width
            segments = list(whole.crop(self._x, self._x + width - over))
        if over:
            segments.append(Segment(self._cut, self._style(*ground, "tone--quiet")))
        return segments

    def _marked(
        self, text: str, start: int, end: int, spans: list[tuple[int, int]], names: tuple[str, ...]
    ) -> list[Segment]:
        """The characters from `start` to `end`, with the spans marked."""
        style = self._style(*names)
        segments = []
        at = start
        for first, last in spans:
            first, last = max(first, at), min(last, end)  # noqa: PLW2901 - cut to what is shown
            if first < last:
                match = self._style(*names, "log-view--match")
                segments += [Segment(text[at:first], style), Segment(text[first:last], match)]
                at = last
        return [*segments, Segment(text[at:end], style)]

    def _bar(self, y: int) -> str:
        """The last cell: where in all rows the page is."""
        height, count = self.size.height, len(self._rows)
        if count <= height:
            return " "
        middle = self._row * (height - 1) // max(1, count - 1)
        return self._thumb if y == middle else " "

    def _words(self, y: int, width: int) -> Strip:
        """A line without a log line: blank, or what to say of a log without any."""
        index = y - max(0, (self.size.height - len(self._empty)) // 3)
        if self._page or not 0 <= index < len(self._empty):
            return Strip.blank(width, self._style())
        text = fit(self._empty[index], max(0, width - 4), mark=self._cut)
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
        if offset.x == self.size.width - 1:
            self._land(offset.y * (len(self._rows) - 1) // max(1, self.size.height - 1))
        elif offset.y < len(self._page):
            self.go_to(self._page[offset.y].line.number)
