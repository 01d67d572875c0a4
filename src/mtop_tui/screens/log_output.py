"""Log lines that leave mtop: into a file, or into the clipboard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from mtop_tui.views.log_buffer import LogBuffer
from mtop_tui.views.log_document import HEADING, as_csv_line, as_json_line
from mtop_tui.views.log_index import LogIndex
from mtop_tui.views.log_lines import Line
from mtop_tui.views.log_title import plain

MOST_COPIED = 100_000
"""Characters: terminals ignore what is longer, without a word."""

_SLICE = 500


def copied(index: LogIndex, buffer: LogBuffer, rows: range) -> tuple[str, str]:
    """The rows as text, empty when they are too many, and what to say of it."""
    found, length = [], 0
    for row in rows:
        text = plain(index.written(row), buffer.origins)
        length += len(text) + 1
        if length > MOST_COPIED:
            return "", f"{len(rows):,} lines are too much for a clipboard; s saves them to a file"
        found.append(text)
    count = "1 line" if len(found) == 1 else f"{len(found):,} lines"
    return "\n".join(found), f"copied {count} to the clipboard of the terminal"


def new_file(name: str) -> tuple[Path, TextIO]:
    """A file that was not there before.

    Raises:
        OSError: it was, or it cannot be made.
    """
    path = Path(name).expanduser().absolute()
    return path, path.open("x", encoding="utf-8")


Form = Callable[[Line, Sequence[tuple[str, str]]], str]
"""A line as it is written, given the pods and containers that lines refer to by number."""


async def write(file: TextIO, kind: str, index: LogIndex, buffer: LogBuffer) -> int:
    """Write the lines that are wanted now, a slice at a time; returns how many.

    `.csv` holds the parts of each, `.json` and `.jsonl` an object per line; all else is text.
    """
    form: Form = {".csv": as_csv_line, ".json": as_json_line, ".jsonl": as_json_line}.get(
        kind.lower(), plain
    )
    written = 0
    with file:
        if form is as_csv_line:
            file.write(HEADING + "\n")
        for text in _lines(index, buffer, form):
            file.write(text + "\n")
            written += 1
            if written % _SLICE == 0:
                await asyncio.sleep(0)
    return written


def _lines(index: LogIndex, buffer: LogBuffer, form: Form) -> Iterator[str]:
    """By their numbers, since rows move up when old lines are let go meanwhile."""
    end = buffer.end
    row = 0
    while row < len(index):
        number = index.number(row)
        if number >= end:
            return
        yield form(index.written(row), buffer.origins)
        row = index.row(number + 1)
