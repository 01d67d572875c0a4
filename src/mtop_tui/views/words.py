"""Text put into lines of a width."""

from __future__ import annotations

from unicodedata import combining, east_asian_width


def cells(text: str) -> int:
    """Terminal cells that a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def wrapped(text: str, width: int, most: int = 0) -> list[str]:
    """A text in lines of at most `width` cells, broken at spaces where there are any.

    With `most`, no more lines than that; a mark ends what is cut.
    """
    width = max(width, 4)
    lines: list[str] = []
    line = ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if cells(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while cells(line) > width:
            head = _head(line, width)
            lines.append(head)
            line = line[len(head) :]
    if line:
        lines.append(line)
    if most and len(lines) > most:
        lines = lines[:most]
        lines[-1] = _head(lines[-1], width - 1) + "…"
    return lines


def _head(text: str, width: int) -> str:
    """As much of the beginning as fits, one character at least."""
    used = 0
    for index, char in enumerate(text):
        used += cells(char)
        if used > width:
            return text[: max(index, 1)]
    return text


def fitted(text: str, width: int) -> str:
    """A text in exactly `width` cells; what is too long loses its middle, since ends tell apart."""
    spare = width - cells(text)
    if spare >= 0:
        return text + " " * spare
    tail = _head(text[::-1], (width - 1) // 2)[::-1] if width > 2 else ""
    head = _head(text, max(0, width - 1 - cells(tail))) if width > 1 else ""
    cut = f"{head}…{tail}"
    return cut + " " * (width - cells(cut)) if cells(cut) <= width else "…"[:width]
