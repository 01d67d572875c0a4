"""Fields of text and tone as strips of terminal cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from mtop_tui.views.table import Tone

TONES = frozenset({"tone--quiet", "tone--good", "tone--warn", "tone--bad"})
"""Component classes of every widget that draws tones; `mtop.tcss` says how each looks."""

Piece = tuple[str, Tone]


def fit(
    text: str, width: int, *, right: bool = False, mark: str = "…", keep_end: bool = False
) -> str:
    """`text` in exactly `width` cells; what does not fit is cut, and a mark stands in its place.

    The end is cut; with `keep_end` it is the middle, and as much of the end stays as of the start.
    """
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        tail = (width - len(mark)) // 2 if keep_end else 0
        if tail > 0:
            end = set_cell_size(text[::-1], tail)[::-1]
            return set_cell_size(text, width - len(mark) - tail) + mark + end
        return set_cell_size(text, max(0, width - len(mark))) + mark[:width]
    padding = " " * (width - length)
    return padding + text if right else text + padding


def strip(pieces: Iterable[Piece], width: int, style: Callable[[Tone], Style]) -> Strip:
    """Pieces as a strip of exactly `width` cells; neighbours of one tone become one segment."""
    merged: list[tuple[str, Tone]] = []
    for text, tone in pieces:
        if merged and merged[-1][1] == tone:
            merged[-1] = (merged[-1][0] + text, tone)
        else:
            merged.append((text, tone))
    segments = [Segment(text, style(tone)) for text, tone in merged]
    return Strip(segments).adjust_cell_length(width, style("normal"))
