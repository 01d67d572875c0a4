"""Figures of both versions over time, on the axis of the lanes and in one scale for each figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mtop_tui.state.canary import CanaryTrack
from mtop_tui.state.canary_history import STEP
from mtop_tui.views import format as fmt
from mtop_tui.views.board import Board
from mtop_tui.views.charts import merged
from mtop_tui.views.rollout_lanes import lane_axis, name_width
from mtop_tui.views.sparkline import tall_chart
from mtop_tui.views.table import Cell, Tone
from mtop_tui.views.timeline import Axis
from mtop_tui.views.words import fitted

Line = tuple[Cell, ...]


class Trend(NamedTuple):
    """A figure of `SideFigures`: its title, and how it is written."""

    figure: str
    title: str
    text: Callable[[float], str]


TRENDS = (
    Trend("error_ratio", "errors", fmt.percent),
    Trend("ttft_p95", "TTFT p95", fmt.seconds),
    Trend("tpot", "TPOT", fmt.seconds),
    Trend("request_rate", "req/s", fmt.count),
)


def trend_lines(track: CanaryTrack, board: Board, now: float, width: int) -> list[Line]:
    """Two lines for each figure, stable above new, with the value at the cursor or the last one."""
    axis = lane_axis(now, board.span, width)
    cursor = None if board.cursor is None else axis.place(board.cursor)
    lines: list[Line] = []
    for trend in TRENDS:
        sides = [_on(axis, one, now) for one in _series(track, trend.figure, axis, now)]
        known = [value for side in sides for value in side if not math.isnan(value)]
        top = max(known, default=0.0) or 1.0
        for name, values in zip((f"{trend.title}  stable", "new"), sides, strict=True):
            (drawn,) = tall_chart(values, top, 1, ascii_only=board.ascii)
            tones: list[Tone] = ["normal"] * len(drawn)
            if cursor is not None:
                tones[cursor // 2] = "good"
            told = _told(values, cursor)
            lines.append(
                (
                    Cell(f" {fitted(name.rjust(name_width(width)), name_width(width))} ", "quiet"),
                    *merged(drawn, tones),
                    Cell(f" {trend.text(told)}", "quiet" if math.isnan(told) else "normal"),
                )
            )
    return lines


def _series(
    track: CanaryTrack, figure: str, axis: Axis, now: float
) -> tuple[list[float], list[float]]:
    count = int(now // STEP) - int(axis.start // STEP) + 1
    return track.series(figure, now, count)


def _on(axis: Axis, values: Sequence[float], now: float) -> list[float]:
    """What was said at each point of the axis; NaN after the present."""
    first = int(axis.start // STEP)
    found = []
    for point in range(axis.points):
        place = int((axis.start + (point + 0.5) * axis.step) // STEP) - first
        past = axis.start + point * axis.step <= now
        found.append(values[place] if past and 0 <= place < len(values) else math.nan)
    return found


def _told(values: Sequence[float], cursor: int | None) -> float:
    if cursor is not None:
        return values[cursor]
    return next((one for one in reversed(values) if not math.isnan(one)), math.nan)
