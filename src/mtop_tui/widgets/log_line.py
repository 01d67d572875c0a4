"""One line of a log as a strip: what stands in which cells, and in which style."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from mtop_tui.views.log_lines import LETTERS, Level, Line
from mtop_tui.widgets.strips import fit

COMPONENTS = frozenset(
    {
        "log-view--cursor",
        "log-view--selected",
        "log-view--match",
        "log-view--error",
        "log-view--warn",
    }
)

_LEAST_TEXT = 24
"""Cells the text keeps; columns before it leave rather than take them."""

_SIGNS = 2
_LETTER = 2
_EDGES = 2
"""Cells at the right: one that stays free beside the bar."""

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


class Shape(NamedTuple):
    """Cells of a line and of its columns; 0 for a column that has no room."""

    width: int
    height: int
    clock: int
    name: int
    text: int


def shape_of(width: int, height: int, name_width: int) -> Shape:
    """How a view of this size divides its width; origins are up to `name_width` long."""
    clock = 12 if width >= 100 else 8
    name = min(name_width, max(8, width // 6))
    if width - clock - name < _LEAST_TEXT + 9:
        name = 0
    if width - clock < _LEAST_TEXT + 9:
        clock = 0
    front = _SIGNS + (clock and clock + 1) + (name and name + 1) + _LETTER
    return Shape(width, height, clock, name, max(1, width - front - _EDGES))


class Drawn(NamedTuple):
    """One line of the viewport: a part of a log line, and how it is marked."""

    line: Line
    part: int
    is_cursor: bool
    is_marked: bool
    is_selected: bool


def parts(text: str, width: int) -> list[str]:
    """A text in pieces of at most so many cells."""
    if not text:
        return [text]
    if text.isascii():
        return [text[start : start + width] for start in range(0, len(text), width)]
    return chop_cells(text, width)


class LinePainter:
    """Makes strips. `styles` gives the style of components laid over one another."""

    def __init__(self, styles: Callable[..., Style], *, ascii_only: bool) -> None:
        self._style = styles
        self.cut = "~" if ascii_only else "…"
        self.names: Sequence[str] = ()
        self.spans: Spans | None = None
        self.wraps = False
        self.x = 0

    def strip(self, drawn: Drawn, shape: Shape, edge: str) -> Strip:
        """The strip of one line; `edge` stands in its last cell."""
        ground: tuple[str, ...] = ()
        if drawn.is_cursor:
            ground = ("log-view--cursor",)
        elif drawn.is_selected:
            ground = ("log-view--selected",)
        base = self._style(*ground)
        sign = ">" if drawn.is_cursor and drawn.part == 0 else "|" if drawn.is_selected else " "
        segments = [Segment(("*" if drawn.is_marked else " ") + sign, base)]
        segments += self._front(drawn, shape, ground)
        segments += self._text(drawn, shape.text, ground)
        used = sum(segment.cell_length for segment in segments)
        segments.append(Segment(" " * max(0, shape.width - 1 - used), base))
        segments.append(Segment(edge, self._style("tone--quiet")))
        return Strip(segments).adjust_cell_length(shape.width, base)

    def _front(self, drawn: Drawn, shape: Shape, ground: tuple[str, ...]) -> list[Segment]:
        """Time, origin and level; blank beside the further parts of a line."""
        clock, name = shape.clock, shape.name
        line = drawn.line
        if drawn.part:
            blank = " " * ((clock and clock + 1) + (name and name + 1) + 2)
            return [Segment(blank, self._style(*ground))]
        before = ""
        if clock:
            before = time.strftime("%H:%M:%S", time.localtime(line.at))
            before += f".{int(line.at % 1 * 1000):03} " if clock == 12 else " "
        if name:
            origin = self.names[line.origin] if line.origin < len(self.names) else "?"
            before += fit(origin, name, mark=self.cut, keep_end=True) + " "
        quiet = self._style(*ground, "tone--quiet")
        letter = self._style(*ground, _LETTER_TONES.get(line.level, "tone--quiet"))
        return [Segment(before, quiet), Segment(LETTERS[line.level] + " ", letter)]

    def _text(self, drawn: Drawn, width: int, ground: tuple[str, ...]) -> list[Segment]:
        line = drawn.line
        text = line.text
        names = (*ground, *_TEXT_TONES.get(line.level, ()))
        spans = self.spans(text) if self.spans is not None else []
        if self.wraps:
            pieces = parts(text, width)
            start = sum(map(len, pieces[: drawn.part]))
            return self._marked(text, start, start + len(pieces[drawn.part]), spans, names)
        if text.isascii():
            end = self.x + width
            over = len(text) > end
            segments = self._marked(text, self.x, end - over, spans, names)
        else:
            whole = Strip(self._marked(text, 0, len(text), spans, names))
            over = whole.cell_length > self.x + width
            segments = list(whole.crop(self.x, self.x + width - over))
        if over:
            segments.append(Segment(self.cut, self._style(*ground, "tone--quiet")))
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
