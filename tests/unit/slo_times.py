"""Times for tests of objectives."""

from datetime import datetime
from zoneinfo import ZoneInfo

from mtop_tui.domain.slo.grammar import (
    parse_objectives,
)
from mtop_tui.domain.slo.objectives import (
    Objective,
    Origin,
)
from mtop_tui.domain.slo.periods import (
    DAY,
)

SETTINGS = Origin("settings")

MONTH = 30 * DAY


def naive(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day)  # noqa: DTZ001 - a local time, its zone stands beside it


JANUARY = naive(2026)


def parse(text: str) -> tuple[Objective, ...]:
    return parse_objectives(text, SETTINGS)


def local(zone: str, *parts: int) -> float:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp()  # type: ignore[arg-type, misc]


BERLIN = "Europe/Berlin"
