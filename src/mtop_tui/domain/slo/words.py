"""Burn rates in words: when the budget ends at this pace, and what the last hour spent.

Pure functions of numbers and of the `now` and zone they are given; nothing here reads a clock.
Percentages are of the whole period's budget.
"""

from __future__ import annotations

from datetime import datetime, tzinfo

from mtop_tui.domain.quantiles import Bounds
from mtop_tui.domain.slo.burn import budget_used, time_to_exhaustion

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def budget_end(
    rate: Bounds | None,
    left: Bounds,
    *,
    period: float,
    remaining: float,
    now: float,
    zone: tzinfo,
) -> str:
    """When the budget is used up if errors go on as now.

    Args:
        rate: burn rate now; None without traffic.
        left: share of the period's budget that is left.
        period: seconds of the objective's period.
        remaining: seconds for which the budget has to last: to the end of a calendar period, or
            the whole period of a rolling window. What would last longer, lasts.
        now: Unix seconds.
        zone: in which the moment is told.

    Where rate and budget are intervals, so is the moment.
    """
    if left.high <= 0:
        return "the budget is spent"
    if rate is None:
        return "no traffic, so the pace is unknown"
    first = time_to_exhaustion(rate.high, period, left.low)
    last = time_to_exhaustion(rate.low, period, left.high)
    if first is None or first >= remaining:
        return "at this pace the budget lasts"
    soon = moment(now + first, now, zone)
    if last is None or last >= remaining:
        return f"at this pace the budget may end {soon}, or last"
    late = moment(now + last, now, zone)
    if soon == late:
        return f"at this pace the budget ends {soon}"
    return f"at this pace the budget ends between {soon} and {late}"


def spent_in(label: str, rate: Bounds | None, window: float, period: float) -> str:
    """What a window used of the period's budget, such as `last hour spent 3.1 %`.

    `label` names the window, `rate` is its burn rate (None without traffic), times in seconds.
    """
    if rate is None:
        return f"{label}: no traffic"
    low, high = (_percent(budget_used(value, window, period)) for value in rate)
    return f"{label} spent {low} %" if low == high else f"{label} spent {low} to {high} %"


def moment(at: float, now: float, zone: tzinfo) -> str:
    """A time (Unix seconds) as briefly as `now` allows.

    `14:10` today, `Tue 14:10` within six days, `3 Dec 14:10` this year, `3 Jan 2027` beyond.
    """
    there, here = (datetime.fromtimestamp(seconds, zone) for seconds in (at, now))
    clock = f"{there:%H:%M}"
    days = (there.date() - here.date()).days
    if days == 0:
        return clock
    if 0 < days <= 6:
        return f"{_DAYS[there.weekday()]} {clock}"
    day = f"{there.day} {_MONTHS[there.month - 1]}"
    return f"{day} {clock}" if there.year == here.year else f"{day} {there.year}"


def _percent(share: float) -> str:
    """A percentage with two figures that count, above 10 with one decimal."""
    percent = 100 * share
    return f"{percent:.1f}" if percent >= 1 else f"{percent:.2g}"
