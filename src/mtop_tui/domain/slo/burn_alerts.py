"""Alerts on burn rates over two windows: which there are, and whether they fire.

An alert fires while the burn rates over its long and its short window are both above its factor:
the long one says that it matters, the short one that it goes on. Source: Google SRE workbook,
chapter 5; factors by slok/sloth's rule from the percentage of the budget that may be used (figures
from its catalogue, Apache-2.0). Pyrra's windows: pyrra-dev/pyrra, `slo/rules.go` (Apache-2.0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from mtop_tui.domain.quantiles import Bounds
from mtop_tui.domain.slo.burn import BurnError, burn_factor
from mtop_tui.domain.slo.objectives import BurnCondition
from mtop_tui.domain.slo.periods import DAY, HOUR, MINUTE, duration_text

Severity = Literal["page", "ticket"]
ROUNDING: Final = 1e-9
"""Relative difference below which a burn rate is at the factor, not above it."""


class WindowPair(NamedTuple):
    """How much of the budget may be used within the long window before somebody is told."""

    severity: Severity
    budget_percent: float
    long: float
    short: float


class BurnAlert(NamedTuple):
    """Fires while the burn rates over both windows (seconds) are above the factor.

    It must hold `hold` seconds before it fires; 0 in Sloth's rule.
    """

    severity: Severity
    factor: float
    long: float
    short: float
    hold: float = 0.0

    @property
    def text(self) -> str:
        """Such as `page 14.4x over 1h and 5m`."""
        windows = f"{duration_text(self.long)} and {duration_text(self.short)}"
        return f"{self.severity} {self.factor:.4g}x over {windows}"


Catalogue = tuple[WindowPair, ...]

MONTH_CATALOGUE: Final[Catalogue] = (
    WindowPair("page", 2, HOUR, 5 * MINUTE),
    WindowPair("page", 5, 6 * HOUR, 30 * MINUTE),
    WindowPair("ticket", 10, DAY, 2 * HOUR),
    WindowPair("ticket", 10, 3 * DAY, 6 * HOUR),
)
WEEK_CATALOGUE: Final[Catalogue] = (
    WindowPair("page", 8, HOUR, 5 * MINUTE),
    WindowPair("page", 12.5, 6 * HOUR, 30 * MINUTE),
    WindowPair("ticket", 20, DAY, 2 * HOUR),
    WindowPair("ticket", 42, 3 * DAY, 6 * HOUR),
)
CATALOGUES: Final[Mapping[float, Catalogue]] = {
    7 * DAY: WEEK_CATALOGUE,
    28 * DAY: MONTH_CATALOGUE,
    30 * DAY: MONTH_CATALOGUE,
}

_PYRRA_PERIOD: Final = 28 * DAY
_PYRRA: Final[tuple[BurnAlert, ...]] = (
    BurnAlert("page", 14, HOUR, 5 * MINUTE),
    BurnAlert("page", 7, 6 * HOUR, 30 * MINUTE),
    BurnAlert("ticket", 2, DAY, 2 * HOUR),
    BurnAlert("ticket", 1, 4 * DAY, 6 * HOUR),
)


def catalogue_for(period: float, given: Mapping[float, Catalogue] | None = None) -> Catalogue:
    """The window pairs for a period of so many seconds.

    One given for the period (Sloth's `AlertWindows`), else the one shipped for 7, 28 or 30 days.
    Any other period takes the percentages of the week below 28 days and of the month above, with
    the same windows; below a week the windows shrink with the period.

    Raises:
        BurnError: the period is not above 0 or not finite.
    """
    if not 0 < period < math.inf:
        raise BurnError(f"expected a period above 0, not {period}")
    known = {**CATALOGUES, **(given or {})}
    if period in known:
        return known[period]
    if period >= 28 * DAY:
        return MONTH_CATALOGUE
    shrunk = min(1.0, period / (7 * DAY))
    return tuple(
        pair._replace(long=pair.long * shrunk, short=pair.short * shrunk) for pair in WEEK_CATALOGUE
    )


def burn_alerts(
    period: float, given: Mapping[float, Catalogue] | None = None
) -> tuple[BurnAlert, ...]:
    """The alerts of an objective over a period, by Sloth's rule: most urgent first.

    Raises:
        BurnError: the period is not above 0 or not finite.
    """
    return tuple(
        BurnAlert(
            pair.severity,
            burn_factor(pair.budget_percent, pair.long, period),
            pair.long,
            pair.short,
        )
        for pair in catalogue_for(period, given)
    )


def pyrra_alerts(period: float) -> tuple[BurnAlert, ...]:
    """The alerts that Pyrra would make: fixed factors, windows in proportion to the period.

    Windows are whole minutes, at least one. Each alert must hold for half its short window.

    Raises:
        BurnError: the period is not above 0 or not finite.
    """
    if not 0 < period < math.inf:
        raise BurnError(f"expected a period above 0, not {period}")
    scale = period / _PYRRA_PERIOD
    alerts = []
    for alert in _PYRRA:
        long, short = (
            max(1, round(window * scale / MINUTE)) for window in (alert.long, alert.short)
        )
        hold = short // 2
        alerts.append(alert._replace(long=long * MINUTE, short=short * MINUTE, hold=hold * MINUTE))
    return tuple(alerts)


class Reading(StrEnum):
    """What the burn rates say of an alert now."""

    FIRING = "firing"
    QUIET = "quiet"
    CANNOT_TELL = "cannot tell from these buckets"
    NO_DATA = "no data"


def read_alert(factor: float, long: Bounds | None, short: Bounds | None) -> Reading:
    """Whether both burn rates are strictly above the factor; rounding is not above.

    A window without traffic (None) says nothing, so no alert starts or ends by it.
    """
    if long is None or short is None:
        return Reading.NO_DATA
    if _above(long.low, factor) and _above(short.low, factor):
        return Reading.FIRING
    if _above(long.high, factor) and _above(short.high, factor):
        return Reading.CANNOT_TELL
    return Reading.QUIET


def read_condition(condition: BurnCondition, rate: Bounds | None) -> Reading:
    """Whether the burn rate over the condition's lookback is too high."""
    if rate is None:
        return Reading.FIRING if condition.when_no_data else Reading.NO_DATA

    def is_over(value: float) -> bool:
        same = math.isclose(value, condition.threshold, rel_tol=ROUNDING)
        return condition.inclusive if same else value > condition.threshold

    if is_over(rate.low):
        return Reading.FIRING
    return Reading.CANNOT_TELL if is_over(rate.high) else Reading.QUIET


def is_firing(was_firing: bool, reading: Reading) -> bool:
    """The alert's state after a reading: what cannot be read changes nothing."""
    if reading in (Reading.FIRING, Reading.QUIET):
        return reading is Reading.FIRING
    return was_firing


def windows_needed(alerts: Sequence[BurnAlert]) -> tuple[float, ...]:
    """Seconds of every window that the alerts look at, ascending: what must be counted."""
    return tuple(sorted({window for alert in alerts for window in (alert.long, alert.short)}))


def _above(value: float, factor: float) -> bool:
    return value > factor and not math.isclose(value, factor, rel_tol=ROUNDING)
