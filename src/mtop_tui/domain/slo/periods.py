"""Over which time an objective is judged: windows, and durations as SLO documents write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86_400.0

UNIT_SECONDS: Final = {"s": 1.0, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
"""Units of a fixed length. Months, quarters and years have none: calendar windows only."""

CalendarUnit = Literal["d", "w", "M", "Q", "Y"]
CALENDAR_UNITS: Final[tuple[CalendarUnit, ...]] = ("d", "w", "M", "Q", "Y")
LONGEST: Final = 366 * DAY

_DURATION = re.compile(r"([1-9][0-9]{0,8})(s|m|h|d|w)")
_CALENDAR_LENGTH = re.compile(r"([1-9][0-9]{0,2})(d|w|M|Q|Y)")
_MONTHS = {"M": 1, "Q": 3, "Y": 12}


class PeriodError(ValueError):
    """A window or duration that cannot be used; the message says what was expected."""


class Span(NamedTuple):
    """From when to when, Unix seconds; the start is open, as in Prometheus."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class RollingWindow:
    """The last `seconds` seconds, at any time: above 0 and at most 366 days."""

    seconds: float

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= LONGEST:
            raise PeriodError("expected a window above 0 and at most 366d")

    def span_at(self, now: float) -> Span:
        """The window that ends at `now`, Unix seconds."""
        return Span(now - self.seconds, now)

    @property
    def text(self) -> str:
        """Such as `30d`."""
        return duration_text(self.seconds)


@dataclass(frozen=True, slots=True)
class CalendarWindow:
    """Periods that follow each other on the calendar of a zone; a new one has its whole budget.

    `start` is a local time without a zone, at which one period begins; `zone` an IANA name. A
    month that begins on the 31st begins on the last day of shorter months. Source: OpenSLO v1,
    `timeWindow.calendar`.
    """

    count: int
    unit: CalendarUnit
    start: datetime
    zone: str

    def __post_init__(self) -> None:
        if self.count < 1 or self.unit not in CALENDAR_UNITS:
            raise PeriodError("expected a calendar window such as 1w, 1M, 1Q or 1Y")
        if self.start.tzinfo is not None:
            raise PeriodError("expected a start time without a zone, such as 2026-01-01 00:00:00")
        zone_of(self.zone)

    def span_at(self, now: float) -> Span:
        """The whole period in which `now` (Unix seconds) lies, its end usually in the future."""
        zone = zone_of(self.zone)
        local = datetime.fromtimestamp(now, zone).replace(tzinfo=None)
        number = self._elapsed_periods(local)
        # The clock change may put a border on the other side of `now` than local times do.
        while self._border(number, zone) > now:
            number -= 1
        while self._border(number + 1, zone) <= now:
            number += 1
        return Span(self._border(number, zone), self._border(number + 1, zone))

    @property
    def text(self) -> str:
        """Such as `1M`."""
        return f"{self.count}{self.unit}"

    def _elapsed_periods(self, local: datetime) -> int:
        if self.unit in _MONTHS:
            months = (local.year - self.start.year) * 12 + local.month - self.start.month
            return months // (_MONTHS[self.unit] * self.count)
        days = self.count * (7 if self.unit == "w" else 1)
        return (local - self.start).days // days

    def _border(self, number: int, zone: ZoneInfo) -> float:
        """When period `number` begins, Unix seconds."""
        if self.unit in _MONTHS:
            local = _months_later(self.start, number * self.count * _MONTHS[self.unit])
        else:
            days = number * self.count * (7 if self.unit == "w" else 1)
            local = self.start + timedelta(days=days)
        return local.replace(tzinfo=zone).timestamp()


Window = RollingWindow | CalendarWindow


def parse_duration(text: str) -> float:
    """Seconds of `5m`, `1h`, `30d` or `2w`: a whole number above 0 and one unit.

    Raises:
        PeriodError: it is not written so.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise PeriodError(
            "expected a whole number above 0 and a unit of s, m, h, d or w, such as 30d"
        )
    return int(match[1]) * UNIT_SECONDS[match[2]]


def parse_calendar_length(text: str) -> tuple[int, CalendarUnit]:
    """Number and unit of `1M`, `1Q`, `1w`; see `CalendarWindow`.

    Raises:
        PeriodError: it is not written so.
    """
    match = _CALENDAR_LENGTH.fullmatch(text)
    if match is None:
        raise PeriodError("expected a whole number above 0 and a unit of d, w, M, Q or Y")
    unit = next(unit for unit in CALENDAR_UNITS if unit == match[2])
    return int(match[1]), unit


def duration_text(seconds: float) -> str:
    """The duration in the largest unit up to days that divides it: `30d`, `36h`, `90s`, `0.5s`."""
    for unit in ("d", "h", "m"):
        count = seconds / UNIT_SECONDS[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return f"{seconds:g}s"


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name such as `Europe/Berlin`.

    Raises:
        PeriodError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise PeriodError("expected an IANA time zone such as Europe/Berlin or UTC") from error


def _months_later(start: datetime, months: int) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    first = start.replace(year=year, month=month + 1, day=1)
    following = first.replace(year=year + (month == 11), month=(month + 1) % 12 + 1)
    return first.replace(day=min(start.day, (following - first).days))
