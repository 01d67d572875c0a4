"""What stands above and below a log, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from mtop_tui.text import safe
from mtop_tui.views.format import whole
from mtop_tui.views.log_lines import LETTERS, Level, Line, short_origins
from mtop_tui.views.table import Cell

Reading = Literal["not offered", "reading", "read", "failed"]
"""How the reading of a log stands: under way, at its end, or broken off."""


class Saying(NamedTuple):
    """What a source says of the log of a container; without one, of all logs of a service."""

    pod: str
    container: str
    text: str


class LogFacts(msgspec.Struct, frozen=True):
    """What there is to say of a log as it is read and looked at.

    `below` counts lines after the one the cursor is on, `looked` is the share of the lines that
    the filter has seen, `replicas` is None when the service is gone. `said` is what the source says
    of logs that it cannot read, or not yet.
    """

    reading: Reading
    problem: str = ""
    following: bool = True
    previous: bool = False
    shown: int = 0
    hidden: int = 0
    below: int = 0
    dropped: int = 0
    cut: int = 0
    looked: float = 1.0
    level: Level = Level.UNKNOWN
    pattern: str = ""
    times: str = ""
    shift: int = 0
    wraps: bool = False
    selected: int = 0
    replicas: int | None = None
    restarts: int = 0
    said: tuple[Saying, ...] = ()

    @property
    def filters(self) -> bool:
        """Whether something narrows the log."""
        return bool(self.pattern or self.times or self.level > Level.DEBUG)


_SAID = 8
"""Lines for what is said of logs while there is nothing else to show."""


def about_service(facts: LogFacts) -> list[Cell]:
    """What stands in the title of the service's replicas."""
    if facts.replicas is None:
        return [Cell("gone", "warn")]
    found = [Cell("1 replica" if facts.replicas == 1 else f"{facts.replicas} replicas", "quiet")]
    if facts.restarts:
        count = "1 restart" if facts.restarts == 1 else f"{facts.restarts} restarts"
        found.insert(0, Cell(f"{count}: P", "warn"))
    return found


def summary(facts: LogFacts) -> list[Cell]:
    """The line under the title; numbers keep their places as they grow."""
    looked = facts.shown + facts.hidden
    shown = f"{whole(facts.shown):>5} of {whole(looked):>5}"
    found = [
        _place(facts),
        Cell(shown if facts.filters else f"{whole(facts.shown):>5} lines"),
        Cell(f"{whole(facts.dropped):>4} dropped", "warn" if facts.dropped else "quiet"),
        Cell(f"{whole(facts.cut):>3} cut", "warn" if facts.cut else "quiet"),
    ]
    if facts.looked < 1.0:
        found.append(Cell(f"filter at {facts.looked:4.0%}", "warn"))
    if facts.level > Level.DEBUG:
        found.append(Cell(f"{LETTERS[facts.level]}+", "warn"))
    if facts.times:
        found.append(Cell(facts.times, "warn"))
    if facts.pattern:
        found.append(Cell(f"/{facts.pattern}", "warn"))
    if facts.said and looked:
        found.append(Cell(_in_short(facts.said), "warn"))
    return found


def _in_short(said: Sequence[Saying]) -> str:
    """The first that is said, and how many logs the same, or something else, is said of."""
    first = said[0]
    if not first.container:
        return first.text
    same = sum(one.text == first.text for one in said)
    if same > 1:
        return f"{same} logs: {first.text}"
    name = short_origins([one[:2] for one in said])[0]
    more = f" (1 of {len(said)})" if len(said) > 1 else ""
    return f"{name}{more}: {first.text}"


def _in_full(said: Sequence[Saying]) -> list[str]:
    """All that is said, as far as there is room; what is said of all logs, part by part."""
    found = [
        part
        for one in said
        for part in (
            [f"{one.pod}/{one.container}: {one.text}"] if one.container else one.text.split("; ")
        )
    ]
    more = [f"and {len(found) - _SAID} more"] if len(found) > _SAID else []
    return [*found[:_SAID], *more]


def sayings(said: Mapping[tuple[str, str], str]) -> tuple[Saying, ...]:
    """What is said of logs: of all of them first, then pod by pod."""
    found = (Saying(pod, container, text) for (pod, container), text in said.items())
    return tuple(sorted(found, key=lambda one: bool(one.container)))


def _place(facts: LogFacts) -> Cell:
    if facts.selected:
        return Cell(f"selecting {whole(facts.selected):<6}", "warn")
    if not facts.following:
        return Cell(f"held {whole(facts.below):>5} below", "warn")
    if facts.previous and facts.reading != "failed":
        return Cell("before a restart", "warn")
    return _AT_THE_END[facts.reading]


_AT_THE_END: dict[Reading, Cell] = {
    "not offered": Cell("no logs         ", "warn"),
    "reading": Cell("following       ", "good"),
    "read": Cell("at its end      ", "quiet"),
    "failed": Cell("reading failed  ", "bad"),
}


def nothing(facts: LogFacts) -> Sequence[str]:
    """What to say where there is no line: why, and what can be done."""
    if facts.reading == "not offered":
        return ("This source has no logs.", "Esc goes back.")
    if facts.reading == "failed":
        return (f"The source could not read the logs: {facts.problem}", "r reads them again.")
    if facts.looked < 1.0:
        return ("Looking for lines that the filter wants.",)
    if facts.hidden:
        count = "one line" if facts.hidden == 1 else f"{facts.hidden:,} lines"
        what = "L changes the level, t the time range, / the pattern."
        return (f"The filter hides all there is, {count}.", what)
    if facts.said:
        return _in_full(facts.said)
    if facts.previous:
        if facts.reading == "reading":
            return ("Reading what the containers wrote before they were restarted.",)
        return ("No container has been restarted, so there is no log of a previous one.", "P: back")
    if facts.times and facts.reading == "read":
        return (f"Nobody wrote a line in the range {facts.times}.", "t changes it.")
    if facts.replicas is None:
        return ("The service is gone, and its logs with it.", "Esc goes back.")
    if facts.replicas == 0:
        return (
            "No line: the service has no replica that could write one.",
            "Lines appear here when one starts.",
        )
    if facts.reading == "read":
        return ("The containers have written nothing.", "r reads again.")
    return ("No line yet.", "Lines appear here as the containers write them.")


def about(line: Line | None, origins: Sequence[tuple[str, str]], facts: LogFacts) -> list[Cell]:
    """The line below: all that can be said of the line under the cursor."""
    if line is None:
        return []
    pod, container = origins[line.origin]
    at = datetime.fromtimestamp(line.at).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    found = [Cell(at, "quiet"), Cell(f"{pod}/{container}")]
    found.append(Cell(f"line {line.number + 1:,}", "quiet"))
    if facts.wraps:
        found.append(Cell("wrapped", "quiet"))
    elif facts.shift:
        found.append(Cell(f"from column {facts.shift + 1}", "quiet"))
    return found


def plain(line: Line, origins: Sequence[tuple[str, str]]) -> str:
    """A line as it is saved and copied: time with its zone, pod, container, and what it says."""
    pod, container = origins[line.origin]
    return f"{iso_time(line.at)} {pod}/{container} {line.text}"


def iso_time(at: float) -> str:
    """A time with its zone, to the millisecond."""
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="milliseconds")


def failure(error: BaseException) -> str:
    """An error in one line."""
    return safe(f"{error}" or type(error).__name__)
