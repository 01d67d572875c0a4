"""Log lines as text for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import Final, Protocol

from mtop_tui.observations import LogLine, LogLines, ServiceKey
from mtop_tui.views.log_lines import Level, level_of, short_origins
from mtop_tui.views.log_title import iso_time

_WIDEST: Final = 12
"""Cells that names are padded to at most: one long name must not push all lines aside."""

_COLOURS: Final = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
"""Of ANSI, one per pod and container in turn; red is left to what fails."""


class LogOutput(Protocol):
    """How log lines are printed."""

    def text(self, record: LogLines) -> str:
        """The lines of a record, each with its end of line."""
        ...


def output(form: str, service: ServiceKey, *, timestamps: bool) -> LogOutput:
    """The output of a service's logs in a form, `text` or `json`, as it suits stdout."""
    if form == "json":
        return JsonLines(service)
    if sys.stdout is None or not sys.stdout.isatty():
        return FullLines(timestamps=timestamps)
    return TerminalLines(timestamps=timestamps, coloured=not os.environ.get("NO_COLOR"))


class FullLines:
    """Lines that say all by themselves: POD CONTAINER [TIME] TEXT."""

    def __init__(self, *, timestamps: bool) -> None:
        self._timestamps = timestamps

    def text(self, record: LogLines) -> str:
        """The lines of a record."""
        who = f"{record.ref.name} {record.container} "
        return "".join(f"{who}{_time(one, self._timestamps)}{one.text}\n" for one in record.lines)


class TerminalLines:
    """Lines with as much of the pod's name as tells it from the others, in its colour."""

    def __init__(self, *, timestamps: bool, coloured: bool) -> None:
        self._timestamps, self._coloured = timestamps, coloured
        self._origins: list[tuple[str, str]] = []
        self._names: list[str] = []
        self._width = 0

    def text(self, record: LogLines) -> str:
        """The lines of a record."""
        origin = record.ref.name, record.container
        if origin not in self._origins:
            self._origins.append(origin)
            self._names = short_origins(self._origins)
            self._width = min(max(map(len, self._names)), _WIDEST)
        number = self._origins.index(origin)
        who = self._names[number].ljust(self._width)
        if self._coloured:
            who = f"\x1b[{_COLOURS[number % len(_COLOURS)]}m{who}\x1b[0m"
        return "".join(f"{who} {_time(one, self._timestamps)}{one.text}\n" for one in record.lines)


class JsonLines:
    """One object per line; null is "not known" or "does not apply"."""

    def __init__(self, service: ServiceKey) -> None:
        self._service = service
        self._levels: dict[tuple[str, str], int] = {}

    def text(self, record: LogLines) -> str:
        """The lines of a record."""
        return "".join(self._line(record, one) for one in record.lines)

    def _line(self, record: LogLines, line: LogLine) -> str:
        ref = record.ref
        origin = ref.name, record.container
        level = level_of(line.text, self._levels.get(origin, Level.UNKNOWN))
        self._levels[origin] = level
        is_pod = ref.kind == "Pod"
        document = {
            "time": datetime.fromtimestamp(line.at, UTC).isoformat(timespec="microseconds"),
            "cluster": ref.cluster,
            "namespace": self._service.namespace,
            "service": self._service.name,
            "pod": ref.name if is_pod else None,
            "node": None if is_pod else ref.name,
            "container": record.container,
            "level": None if level == Level.UNKNOWN else Level(level).name.lower(),
            "text": line.text,
        }
        return json.dumps(document, ensure_ascii=False) + "\n"


def _time(line: LogLine, wanted: bool) -> str:
    if not wanted:
        return ""
    return f"{iso_time(line.at)} "
