"""Error budgets and how fast they are used up.

Source of the formulas: Google SRE workbook, chapter 5. Ratios are 0 to 1, times seconds. A burn
rate of 1 uses up exactly the budget over the period of the objective.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from mtop_tui.domain.quantiles import Bounds
from mtop_tui.domain.slo.attainment import Count, attainment
from mtop_tui.domain.slo.objectives import check_target


class BurnError(ValueError):
    """A figure that no burn rate can be computed from; the message says which and why."""


def error_budget(target: float) -> float:
    """Share of events that may be bad: 1 - target.

    Raises:
        ObjectiveError: the target is not above 0 and below 1.
    """
    check_target(target)
    return 1 - target


def max_burn_rate(target: float) -> float:
    """The burn rate when every event is bad: 1 / (1 - target). No alert above it can fire."""
    return 1 / error_budget(target)


def burn_rate(count: Count, target: float) -> Bounds | None:
    """Share of bad events as a multiple of the budget; an interval where the count is one.

    None without events: no traffic is unknown, not a burn rate of 0.
    """
    good = attainment(count)
    if good is None:
        return None
    budget = error_budget(target)
    bad_low, bad_high = count.total - count.good_high, count.total - count.good_low
    return Bounds(bad_low / count.total / budget, bad_high / count.total / budget)


def time_to_exhaustion(rate: float, period: float, left: float = 1.0) -> float | None:
    """Seconds until the budget is used up at this burn rate: left x period / rate.

    `left` is the share of the budget that is left; 0 or less gives 0. None at a rate of 0: never.

    Raises:
        BurnError: the rate is negative or not finite, or the period not above 0.
    """
    _check(rate=rate, left=abs(left))
    _check_above_zero(period=period)
    if left <= 0:
        return 0.0
    return left * period / rate if rate > 0 else None


def budget_used(rate: float, window: float, period: float) -> float:
    """Share of the period's budget that a window at this burn rate uses: rate x window / period.

    Raises:
        BurnError: a figure is negative or not finite, or the period not above 0.
    """
    _check(rate=rate, window=window)
    _check_above_zero(period=period)
    return rate * window / period


def burn_factor(budget_percent: float, long_window: float, period: float) -> float:
    """The burn rate that uses so many percent of the budget within the long window.

    2 % within 1 h of 30 days is 14.4. Source: slok/sloth, alert windows.

    Raises:
        BurnError: a figure is not above 0 or not finite.
    """
    _check_above_zero(budget_percent=budget_percent, long_window=long_window, period=period)
    return budget_percent / 100 * period / long_window


def time_to_fire(target: float, error_ratio: float, window: float, factor: float) -> float | None:
    """Seconds from the start of constant errors until the window's burn rate reaches the factor.

    (1 - target) / error_ratio x window x factor. None when it never does, since there are too few
    errors.

    Raises:
        BurnError: the error ratio is not within 0 to 1, or the window or factor not above 0.
        ObjectiveError: the target is not above 0 and below 1.
    """
    if not 0 <= error_ratio <= 1:
        raise BurnError(f"expected an error ratio within 0 and 1, not {error_ratio}")
    _check_above_zero(window=window, factor=factor)
    limit = error_budget(target) * factor
    if error_ratio < limit and not math.isclose(error_ratio, limit, rel_tol=1e-9):
        return None
    return limit / error_ratio * window


class Budget(NamedTuple):
    """What is used of an error budget, seen in two ways, and what it was computed from.

    Attributes:
        of_observed: bad events per those allowed among the events observed; 1 is all of it.
        of_period: bad events per those allowed over a whole period at the same traffic. It is
            smaller while less than a period was observed.
        allowed_observed: bad events allowed among those observed.
        allowed_period: bad events allowed over a whole period at the same traffic.
        observed: seconds that were observed, at most `period`.
        period: seconds of the whole period.
    """

    of_observed: Bounds
    of_period: Bounds
    allowed_observed: float
    allowed_period: float
    observed: float
    period: float

    @property
    def is_whole(self) -> bool:
        """Whether a whole period was observed, so that both views are the same."""
        return self.observed >= self.period

    @property
    def left_of_period(self) -> Bounds:
        """Share of the period's budget that is left; below 0 when it is overspent."""
        return Bounds(1 - self.of_period.high, 1 - self.of_period.low)


def budget_of(count: Count, target: float, observed: float, period: float) -> Budget | None:
    """What is used of the budget after `observed` seconds of a period; None without events.

    More than a period observed counts as a period.

    Raises:
        BurnError: a time is not above 0 or not finite.
        ObjectiveError: the target is not above 0 and below 1.
    """
    _check_above_zero(observed=observed, period=period)
    rate = burn_rate(count, target)
    if rate is None:
        return None
    observed = min(observed, period)
    share = observed / period
    allowed = error_budget(target) * count.total
    return Budget(
        of_observed=rate,
        of_period=Bounds(rate.low * share, rate.high * share),
        allowed_observed=allowed,
        allowed_period=allowed / share,
        observed=observed,
        period=period,
    )


def _check(**figures: float) -> None:
    for name, value in figures.items():
        if not 0 <= value < math.inf:
            raise BurnError(f"expected {name} of 0 or more, not {value}")


def _check_above_zero(**figures: float) -> None:
    for name, value in figures.items():
        if not 0 < value < math.inf:
            raise BurnError(f"expected {name.replace('_', ' ')} above 0, not {value}")
