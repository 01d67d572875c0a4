"""Which lines of a log are wanted: grave enough, in a time range, with a pattern or without it."""

from __future__ import annotations

import re
import warnings
from datetime import datetime, timedelta

import msgspec

from mtop_tui.domain.durations import duration_seconds
from mtop_tui.views.log_lines import Level, shown
from mtop_tui.views.time_limit import TakesTooLong, time_limit

LONGEST_PATTERN = 200
LONGEST_MATCHED = 4096
"""Characters of a line that are searched: all of a line that was read, as the boundary cuts it."""

MOST_SPANS = 200
"""Matches that are marked in one line."""

THRESHOLDS = (Level.UNKNOWN, Level.INFO, Level.WARN, Level.ERROR)
"""What a user steps through; the first lets everything pass."""


class FilterError(ValueError):
    """What was typed cannot be used; `column` counts from 1."""

    def __init__(self, reason: str, column: int) -> None:
        super().__init__(f"column {column}: {reason}")
        self.reason, self.column = reason, column


class Pattern(msgspec.Struct, frozen=True):
    """A regular expression; `inverse` wants the lines without it."""

    source: str
    regex: re.Pattern[str]
    inverse: bool = False

    def wants(self, text: str) -> bool:
        """Whether a line is wanted, as it was written. Call it within a `time_limit`.

        Of a JSON object, it is what is shown that counts: who reads `user=ann` looks for that.
        """
        visible = shown(text) if text.startswith("{") else text
        return (self.regex.search(visible, 0, LONGEST_MATCHED) is None) is self.inverse

    def spans(self, visible: str) -> list[tuple[int, int]]:
        """Where it stands in what is shown; nothing for an inverse one or one that takes long."""
        if self.inverse:
            return []
        found = []
        try:
            with time_limit():
                for match in self.regex.finditer(visible, 0, LONGEST_MATCHED):
                    if match.end() > match.start():
                        found.append(match.span())
                    if len(found) == MOST_SPANS:
                        break
        except TakesTooLong:
            return []
        return found


def parse_pattern(text: str) -> Pattern | None:
    """What is typed after `/`: a regular expression, or `!` and one; None when it is empty.

    Without a capital letter, case does not matter.

    Raises:
        FilterError: it is no regular expression, or too long.
    """
    inverse = text.startswith("!")
    source = text[1:] if inverse else text
    offset = 2 if inverse else 1
    if not source:
        return None
    if len(source) > LONGEST_PATTERN:
        reason = f"a pattern has at most {LONGEST_PATTERN} characters"
        raise FilterError(reason, offset + LONGEST_PATTERN)
    flags = re.IGNORECASE if source == source.lower() else re.NOFLAG
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what later versions of Python may read otherwise
            regex = re.compile(source, flags)
    except re.error as error:
        raise FilterError(error.msg, offset + (error.pos or 0)) from error
    except (OverflowError, RecursionError) as error:
        raise FilterError(f"{error}", offset) from error
    return Pattern(source=text, regex=regex, inverse=inverse)


class TimeRange(msgspec.Struct, frozen=True):
    """Unix seconds from which and before which lines are wanted, and how that was typed."""

    source: str = ""
    since: float | None = None
    until: float | None = None


def parse_range(text: str, now: float) -> TimeRange:
    """A time range: `15m`, `1h..30m`, `12:04`, `12:04:30..12:10`, `2026-08-02 12:00..13:00`.

    A duration reaches back from now; a time of day is the latest one there was.

    Raises:
        FilterError: it is none of these, or ends before it begins.
    """
    first, dots, last = text.partition("..")
    since = _moment(first, now, 1)
    until = _moment(last, now, len(first) + 3) if dots else None
    if since is not None and until is not None and until <= since:
        raise FilterError("the end is not after the beginning", len(first) + 3)
    return TimeRange(source=text.strip(), since=since, until=until)


_CLOCK = re.compile(r"(?:(\d{4})-(\d\d?)-(\d\d?)[ T])?(\d\d?):(\d\d)(?::(\d\d))?")


def _moment(text: str, now: float, column: int) -> float | None:
    word = text.strip()
    column += len(text) - len(text.lstrip())
    if not word:
        return None
    ago = duration_seconds(word.removeprefix("-"))
    if ago is not None and not word[-1].isdigit():
        return now - ago
    clock = _CLOCK.fullmatch(word)
    if clock is None:
        reason = f"{word!r} is neither a duration such as 15m nor a time such as 12:04"
        raise FilterError(reason, column)
    year, month, day, hour, minute, second = (int(part or 0) for part in clock.groups())
    here = datetime.fromtimestamp(now).astimezone()
    date = (year, month, day) if year else (here.year, here.month, here.day)
    try:
        # Without a zone it is local time, whatever the difference to UTC was on that day.
        moment = datetime(*date, hour, minute, second)  # noqa: DTZ001
        if not year and moment.timestamp() > now:
            moment -= timedelta(days=1)
        return moment.timestamp()
    except (ValueError, OverflowError) as error:
        raise FilterError(f"{word!r} is no time: {error}", column) from error


class LogFilter(msgspec.Struct, frozen=True):
    """All that narrows a log; the default lets every line pass. See `Pattern` for the rest."""

    level: Level = Level.UNKNOWN
    pattern: Pattern | None = None
    since: float | None = None
    until: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether every line passes."""
        return (
            self.level <= Level.DEBUG
            and self.pattern is None
            and self.since is None
            and self.until is None
        )

    def is_candidate(self, at: float, level: int) -> bool:
        """Whether a line passes but for the pattern."""
        return (
            (level or Level.INFO) >= self.level
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
        )
