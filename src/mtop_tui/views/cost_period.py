"""Over which period the money is added up: one of a few, or what somebody types."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from mtop_tui.domain.durations import duration_seconds
from mtop_tui.state.accounts import HOUR, HOURS_KEPT, RECENT_STEP

EXPECTED: Final = (
    "a period such as 36h or 3d, or since a time such as 2026-11-20 or 2026-11-20 14:00"
)


class PeriodError(ValueError):
    """What was typed is no period; the message says what was expected."""


class Period(NamedTuple):
    """The last `seconds`, or all since a moment (Unix seconds)."""

    words: str
    seconds: float = 0.0
    since: float | None = None

    def start(self, now: float) -> float:
        """When it begins."""
        return now - self.seconds if self.since is None else self.since


PERIODS: Final = (
    Period("last 1h", HOUR),
    Period("last 6h", 6 * HOUR),
    Period("last 24h", 24 * HOUR),
    Period("last 7d", HOURS_KEPT * HOUR),
)


def period_of(text: str, now: float) -> Period:
    """The period that somebody typed; times are local, as everywhere on the screen.

    Raises:
        PeriodError: it is none, lies ahead, or is longer than accounts are kept.
    """
    typed = " ".join(text.split()).removeprefix("since ").removeprefix("last ")
    seconds = duration_seconds(typed)
    if seconds is not None:
        period = Period(f"last {typed}", seconds)
    else:
        try:
            since = datetime.fromisoformat(typed).astimezone()
        except (ValueError, OverflowError, OSError):
            raise PeriodError(f"expected {EXPECTED}, got {text or 'nothing'}") from None
        period = Period(f"since {since:%Y-%m-%d %H:%M}", since=since.timestamp())
    length = now - period.start(now)
    if length < RECENT_STEP:
        raise PeriodError("expected a period of 5 minutes or more, up to now")
    if length > HOURS_KEPT * HOUR:
        first = datetime.fromtimestamp(now - HOURS_KEPT * HOUR).astimezone()
        raise PeriodError(f"accounts are kept for 7 days: since {first:%Y-%m-%d %H:%M} at most")
    return period
