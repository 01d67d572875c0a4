"""A YAML document as lines, with the keys set off from the values."""

from __future__ import annotations

import re

from mtop_tui.views.table import Cell

_KEY = re.compile(r"^(\s*(?:- )?)([^\s\"'#][^\"'#]*?:)(?= |$)")


def yaml_lines(text: str) -> list[tuple[Cell, ...]]:
    """Lines of a document that `config.emit` has made safe."""
    return [_line(line.replace("\t", "    ")) for line in text.splitlines()]


def _line(text: str) -> tuple[Cell, ...]:
    found = _KEY.match(text)
    if found is None:
        return (Cell(f" {text}"),)
    indent, key = found.groups()
    return Cell(f" {indent}"), Cell(key, "good"), Cell(text[found.end() :])
