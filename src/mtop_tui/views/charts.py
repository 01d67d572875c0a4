"""Small charts side by side on one time axis, as lines of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.service import ServiceState
from mtop_tui.views.board import Board
from mtop_tui.views.sparkline import tall_chart, usual_height
from mtop_tui.views.table import Cell, Tone
from mtop_tui.views.timeline import (
    CHARTS,
    KIND_WORDS,
    SIGNS,
    SPANS,
    Axis,
    Mark,
    Series,
    Span,
    ago,
    axis_until,
    clock,
    marks_at,
    marks_of,
    value_now,
    values_of,
)
from mtop_tui.views.words import cells

MARGIN, SPACING = 1, 2
NARROWEST, MOST_COLUMNS, TALLEST = 22, 5, 8
MINUTE = 60.0
SLIMMEST = 14
"""Cells below which a chart has no room for the number it is of."""

SPREAD_KINDS = ("fault", "revision")
"""Marks that stand in the charts as well as on the axis below them: the others are too many."""

Line = tuple[Cell, ...]


def columns_of(width: int) -> int:
    """Charts that stand side by side."""
    return max(1, min(MOST_COLUMNS, (width - 2 * MARGIN + SPACING) // (NARROWEST + SPACING)))


def chart_width(width: int) -> int:
    """Cells of one chart."""
    columns = columns_of(width)
    return max(1, (width - 2 * MARGIN - SPACING * (columns - 1)) // columns)


def axis_in(now: float, span: Span, width: int) -> Axis:
    """The axis of charts laid out in a width."""
    return axis_until(now, span, 2 * chart_width(width))


def objective_of(state: ServiceState) -> float | None:
    """The TTFT that was promised, in seconds."""
    return next(
        (
            one.objective.indicator.threshold
            for one in state.objectives()
            if one.objective.indicator.kind == "ttft"
        ),
        None,
    )


def charts(
    store: FleetStore,
    state: ServiceState,
    now: float,
    board: Board,
    *,
    width: int,
    height: int,
) -> list[Line]:
    """All charts that fit, the axis under them, and a line that says what stands where.

    Empty when there is not even room for one.
    """
    columns = columns_of(width)
    rows = rows_of(columns, height)
    if not rows or chart_width(width) < SLIMMEST:
        return []
    if state.history is None:
        return [(), (Cell(" no samples yet: nothing has been measured of it", "quiet"),), ()]
    body = min((height - 2) // rows - 1, TALLEST)
    axis = axis_in(now, board.span, width)
    marks = marks_of(store, state)
    cursor = None if board.cursor is None else axis.place(board.cursor)
    frame = Frame(axis, marks, cursor, chart_width(width), body, ascii=board.ascii)
    lines: list[Line] = []
    for first in range(0, rows * columns, columns):
        drawn = [_chart(state, one, frame) for one in CHARTS[first : first + columns]]
        lines += [_beside([chart[row] for chart in drawn]) for row in range(body + 1)]
    lines.append(_beside([axis_line(frame)] * min(columns, len(CHARTS))))
    lines.append(words_line(frame, now, board.span, width, since=state.history.begin))
    return lines


class Frame(NamedTuple):
    """What all charts share: the axis, what is marked on it, and their size.

    `cursor` is a point of the axis; a cell is two points wide.
    """

    axis: Axis
    marks: Sequence[Mark]
    cursor: int | None
    width: int
    body: int
    ascii: bool

    @property
    def cell(self) -> int | None:
        """Where the cursor is."""
        return None if self.cursor is None else self.cursor // 2


def rows_of(columns: int, height: int) -> int:
    """Rows of charts in so many lines: three where each has a body of three lines, else of two."""
    for rows, lines in ((3, 4), (2, 3), (1, 3)):
        if rows * lines + 2 <= height and (rows - 1) * columns < len(CHARTS):
            return rows
    return 0


def _beside(parts: Sequence[Line]) -> Line:
    cells: list[Cell] = [Cell(" " * MARGIN)]
    for index, part in enumerate(parts):
        if index:
            cells.append(Cell(" " * SPACING))
        cells += part
    return tuple(cells)


def _chart(state: ServiceState, series: Series, frame: Frame) -> list[Line]:
    values = values_of(state, series, frame.axis)
    limit = objective_of(state) if series.name == "ttft_p95" else None
    top = series.full or usual_height(values) or 1.0
    if limit is not None:
        top = max(top, limit * 1.2)
    drawn = tall_chart(values, top, frame.body, ascii_only=frame.ascii)
    over: Sequence[bool] = ()
    limit_row = -1
    if limit is not None:
        limit_row = frame.body - 1 - int(min(limit / top, 0.999) * frame.body)
        over = [
            any(value > limit for value in values[place : place + 2])
            for place in range(0, len(values), 2)
        ]
    spread = [
        place // 2
        for mark in frame.marks
        if mark.kind in SPREAD_KINDS and (place := frame.axis.place(mark.at)) is not None
    ]
    lines = [_title(state, series, values, limit, frame)]
    for row, text in enumerate(drawn):
        chars = list(text)
        tones: list[Tone] = ["normal"] * len(chars)
        for column in spread:
            if chars[column] == " ":
                chars[column], tones[column] = "'" if frame.ascii else ":", "quiet"
        if row <= limit_row:
            for column, char in enumerate(chars):
                if char == " " and row == limit_row:
                    chars[column], tones[column] = "-", "quiet"
                elif over[column] and tones[column] == "normal" and char != " ":
                    tones[column] = "bad"
        if frame.cell is not None:
            tones[frame.cell] = "good"
            if chars[frame.cell] in " -" or frame.cell in spread:
                chars[frame.cell] = "|"
        lines.append(merged(chars, tones))
    return lines


def merged(chars: Sequence[str], tones: Sequence[Tone]) -> Line:
    """One cell of a line for each character, neighbours of one tone together."""
    parts: list[Cell] = []
    start = 0
    for end in range(1, len(chars) + 1):
        if end == len(chars) or tones[end] != tones[start]:
            parts.append(Cell("".join(chars[start:end]), tones[start]))
            start = end
    return tuple(parts)


def _title(
    state: ServiceState,
    series: Series,
    values: Sequence[float],
    limit: float | None,
    frame: Frame,
) -> Line:
    width = frame.width
    if frame.cell is None:
        value = value_now(state, series)
    else:  # the later of its two points counts, as for the time that is read
        pair = values[2 * frame.cell : 2 * frame.cell + 2]
        value = next((one for one in reversed(pair) if not math.isnan(one)), math.nan)
    text = series.text(value)
    tone: Tone = "quiet" if text == "--" else "normal"
    if limit is not None and value > limit:
        tone = "bad"
    label = series.title
    known = [one for one in values if not math.isnan(one)]
    more = [] if limit is None else [f"SLO {series.text(limit)}"]
    if known and (extreme := series.text(series.pick(known))) != text:
        more.append(f"{'peak' if series.pick is max else 'lowest'} {extreme}")
    for extra in more:
        if len(label) + len(extra) + len(text) + 4 <= width:
            label += f"  {extra}"
    label = label[: max(0, width - len(text) - 1)]
    return Cell(label.ljust(max(0, width - len(text))), "quiet"), Cell(text, tone)


def axis_line(frame: Frame) -> Line:
    """The axis with what is marked on it."""
    chars = ["-" if frame.ascii else "─"] * frame.width
    tones: list[Tone] = ["quiet"] * frame.width
    order = list(SIGNS)
    for mark in sorted(frame.marks, key=lambda one: -order.index(one.kind)):
        place = frame.axis.place(mark.at)
        if place is not None:
            chars[place // 2] = SIGNS[mark.kind]
            tones[place // 2] = "warn" if mark.kind in ("warning", "fault") else "normal"
    if frame.cell is not None:
        tones[frame.cell] = "good"
        if chars[frame.cell] in "-─":
            chars[frame.cell] = "|"
    return merged(chars, tones)


def words_line(
    frame: Frame, now: float, chosen: Span, width: int, *, since: float = -math.inf
) -> Line:
    """What happened at the cursor; without one, from when to when it is and what marks mean.

    `since` is from when on anything was seen, which is said where that is later.
    """
    axis, marks = frame.axis, frame.marks
    if frame.cell is not None:
        at = min(axis.time(2 * frame.cell + 1), now)
        found = marks_at(marks, axis, frame.cell)
        said = "; ".join(f"{SIGNS[mark.kind]} {mark.text}" for mark in found)
        when = f" at {clock(at)}, {ago(now, at)}   "
        return Cell(when, "good"), Cell(said or "nothing happened here", "normal")
    spans = "".join(f"[{one.label}]" if one == chosen else f" {one.label} " for one in SPANS)
    kinds = {mark.kind for mark in marks if axis.place(mark.at) is not None}
    legend = "  ".join(f"{SIGNS[kind]} {KIND_WORDS[kind]}" for kind in SIGNS if kind in kinds)
    begin = axis.start + max(axis.step, MINUTE)
    seen = f", seen since {clock(since)[:5]}" if begin < since < math.inf else ""
    left = f" {clock(axis.start)[:5]} to {clock(now)[:5]}{seen}   {legend}"
    right = f"{spans} "
    spare = width - cells(left) - cells(right)
    if spare < 1:
        return (Cell(left, "quiet"),)
    return Cell(left + " " * spare, "quiet"), Cell(right, "quiet")
