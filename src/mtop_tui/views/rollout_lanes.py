"""A lane for each version of a rollout on one time axis: how much of it was in use when."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mtop_tui.domain.cost.money import Dollars
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.versions import (
    Course,
    Version,
    VersionFacts,
    Versions,
    course_of,
    facts_of_version,
)
from mtop_tui.views import format as fmt
from mtop_tui.views.board import Board
from mtop_tui.views.charts import Frame, axis_line, merged, words_line
from mtop_tui.views.table import Cell, Tone
from mtop_tui.views.timeline import SIGNS, Axis, Mark, Span, axis_until, marks_at
from mtop_tui.views.words import fitted, wrapped

Line = tuple[Cell, ...]

WIDE = 100
"""Cells from which on there is room for what each version is to the other, and for its image."""

FILLS = (" ", "·", "░", "▒", "▓", "█")
ASCII_FILLS = (" ", ".", "-", "=", "+", "#")
"""Not there, there but not in use, up to a quarter, a half, three quarters, all."""

SHORTEST_LANE = 8
HERE = " here   "
LABEL_LEAST = 7
"""Cells between two changes from which on the share is written into the lane."""


class Lane(NamedTuple):
    """One version: what is known of it at the cursor or now, and how it came and went."""

    version: Version
    facts: VersionFacts | None
    course: Sequence[Course]


Courses = Mapping[Version, Sequence[Course]]


def courses_of(store: FleetStore, versions: Versions) -> Courses:
    """How each version came and went, whatever time is looked at."""
    return {version: course_of(store, versions, version) for version in versions.all}


def lanes_of(
    store: FleetStore, versions: Versions, courses: Courses, at: float | None
) -> list[Lane]:
    """The lanes of a rollout, with what is known at a time, or now (None)."""
    return [
        Lane(version, facts_of_version(store, version, versions.group, at), courses[version])
        for version in versions.all
    ]


def name_width(width: int) -> int:
    """Cells for the names of versions."""
    return max(4, min(30, width // 4))


def lane_width(width: int) -> int:
    """Cells of the lanes, and of the axis below them."""
    right = 38 if width >= WIDE else 20
    return max(SHORTEST_LANE, width - name_width(width) - right - 3)


def lane_axis(now: float, span: Span, width: int) -> Axis:
    """The axis of lanes laid out in a width."""
    return axis_until(now, span, 2 * lane_width(width))


def lane_lines(
    lanes: Iterable[Lane], versions: Versions, board: Board, now: float, width: int
) -> list[Line]:
    """One line per version: its name, its lane, and what is known of it at the cursor or now."""
    axis = lane_axis(now, board.span, width)
    lines = []
    for version, known, course in lanes:
        role, tone = _role(versions, version)
        lead = fitted(version.name, name_width(width))
        lines.append(
            (
                Cell(f" {lead} ", tone),
                *lane(course, axis, board, now),
                Cell(" "),
                *_facts(known, role, width),
            )
        )
    return lines


def below(marks: Sequence[Mark], board: Board, now: float, width: int) -> list[Line]:
    """The axis under the lanes, and what stands where."""
    axis = lane_axis(now, board.span, width)
    cursor = None if board.cursor is None else axis.place(board.cursor)
    frame = Frame(axis, marks, cursor, lane_width(width), 0, ascii=board.ascii)
    lead = Cell(" " * (name_width(width) + 2))
    drawn = (lead, *axis_line(frame))
    if frame.cell is None:
        return [drawn, words_line(frame, now, board.span, width)]
    found = [f"{SIGNS[one.kind]} {one.text}" for one in marks_at(marks, axis, frame.cell)]
    said = wrapped("; ".join(found) or "nothing happened here", max(1, width - len(HERE) - 1), 1)
    return [drawn, (Cell(HERE, "good"), Cell(said[0]))]


def lane(course: Sequence[Course], axis: Axis, board: Board, now: float) -> Line:
    """How much of a version was in use, cell by cell; blank where that is not known."""
    fills = ASCII_FILLS if board.ascii else FILLS
    width = axis.points // 2
    times = [one.at for one in course]
    chars, tones = [], []
    levels: list[float | None] = []
    for cell in range(width):
        at = min(axis.time(2 * cell + 1), now)
        index = bisect_right(times, at) - 1
        level = course[index].level if index >= 0 else None
        levels.append(level)
        chars.append(_fill(level, fills))
        tone: Tone = "quiet" if level is None or level == 0 else "normal"
        tones.append(tone)
    _label(chars, levels)
    place = None if board.cursor is None else axis.place(board.cursor)
    if place is not None:
        tones[place // 2] = "good"
        if chars[place // 2] == " ":
            chars[place // 2] = "|"
    return merged(chars, tones)


def _fill(level: float | None, fills: Sequence[str]) -> str:
    if level is None:
        return fills[0]
    return fills[1] if level <= 0 else fills[1 + min(4, math.ceil(level * 4))]


def _label(chars: list[str], levels: Sequence[float | None]) -> None:
    """Write a part of the whole into its stretch of the lane, where there is room."""
    start = 0
    for end in range(1, len(levels) + 1):
        if end < len(levels) and levels[end] == levels[start]:
            continue
        level = levels[start]
        if level is not None and 0 < level < 1 and end - start >= LABEL_LEAST:
            text = f" {fmt.whole_percent(level)} "
            first = start + (end - start - len(text)) // 2
            chars[first : first + len(text)] = text
        start = end


def _role(versions: Versions, version: Version) -> tuple[str, Tone]:
    if versions.canary is not None and version == versions.canary:
        return "new", "normal"
    if version == versions.stable:
        return "stable" if versions.canary is not None else "serves", "normal"
    return "", "quiet"


def _facts(known: VersionFacts | None, role: str, width: int) -> Line:
    if known is None:
        return (Cell("not kept", "quiet"),)
    ready = f"{fmt.whole(known.ready)}/{fmt.whole(known.desired)}"
    missing = known.ready is not None and known.desired is not None and known.ready < known.desired
    share = (
        "stop" if known.stopped else "" if known.share is None else fmt.whole_percent(known.share)
    )
    parts = [
        Cell(f"{share:>4} ", "quiet" if known.stopped else "normal"),
        Cell(f"{ready:>6} ", "warn" if missing else "normal"),
        Cell(f"{per_hour(known.cost):>8}", "normal" if known.cost is not None else "quiet"),
    ]
    if width >= WIDE:
        parts = [Cell(f"{role:<7}", "quiet"), *parts, Cell(f" {tag_of(known.image, 9)}", "quiet")]
    return tuple(parts)


def per_hour(cost: Dollars | None) -> str:
    """Dollars an hour with their unit."""
    text = fmt.money(cost)
    if text == fmt.UNKNOWN:
        return text
    return f"{text.replace('>=', '>=$') if '>=' in text else f'${text}'}/h"


def tag_of(image: str, width: int) -> str:
    """What tells one image of a build from another: its tag or its digest, in `width` cells."""
    name = image.rpartition("/")[2]
    return fitted(name.rpartition(":")[2] or fmt.UNKNOWN, width).rstrip()
