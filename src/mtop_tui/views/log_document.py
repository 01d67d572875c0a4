"""Log lines as values for other programs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mtop_tui.views.export import as_csv
from mtop_tui.views.log_lines import Level, Line
from mtop_tui.views.log_title import iso_time

HEADING = "time,pod,container,level,text"


def log_record(line: Line, origins: Sequence[tuple[str, str]]) -> dict[str, object]:
    """One line by its parts; a level that it does not state is None."""
    pod, container = origins[line.origin]
    level = Level(line.level)
    return {
        "time": iso_time(line.at),
        "pod": pod,
        "container": container,
        "level": None if level is Level.UNKNOWN else level.name.lower(),
        "text": line.text,
    }


def as_csv_line(line: Line, origins: Sequence[tuple[str, str]]) -> str:
    """One line under `HEADING`."""
    return as_csv([log_record(line, origins)]).split("\r\n")[1]


def as_json_line(line: Line, origins: Sequence[tuple[str, str]]) -> str:
    """One line as an object."""
    return msgspec.json.encode(log_record(line, origins)).decode()
