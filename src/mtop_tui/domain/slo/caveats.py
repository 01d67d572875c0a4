"""What has to be said beside an objective's figures, so that nobody takes them for more.

Each function returns what applies, with the numbers it follows from; none of them changes a figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from mtop_tui.domain.quantiles import Bounds
from mtop_tui.domain.slo.attainment import Count, meets
from mtop_tui.domain.slo.burn import BurnError, error_budget, max_burn_rate
from mtop_tui.domain.slo.burn_alerts import BurnAlert
from mtop_tui.domain.slo.periods import duration_text
from mtop_tui.domain.stats.intervals import Interval, wilson

SAMPLES_PER_RATE = 2
"""A rate needs two samples in its window."""


class Concern(StrEnum):
    """What a caveat is about."""

    UNREACHABLE = "unreachable alert"
    RETENTION = "short retention"
    YOUNG = "young service"
    SCRAPE = "slow scrape"
    LOW_TRAFFIC = "low traffic"
    BUCKETS = "threshold between buckets"


class Caveat(NamedTuple):
    """One thing to say, in a sentence."""

    concern: Concern
    text: str


def unreachable_alerts(target: float, alerts: Sequence[BurnAlert]) -> list[Caveat]:
    """Alerts that can never fire: even when all fails, the burn rate is only 1 / (1 - target).

    Known when the objective is defined, without any traffic.
    """
    highest = max_burn_rate(target)
    return [
        Caveat(
            Concern.UNREACHABLE,
            f"{alert.text} can never fire: at {100 * target:.10g} % the burn rate "
            f"is at most {highest:.3g}",
        )
        for alert in alerts
        if alert.factor >= highest or _is_same(alert.factor, highest)
    ]


def short_history(
    observed: float,
    period: float,
    age: float | None = None,
    *,
    seen: str = "",
    windows: Sequence[float] = (),
) -> Caveat | None:
    """Why the budget is that of less time than its period; None when it is not.

    Args:
        observed: seconds from the oldest sample kept until now.
        period: seconds of the objective's period.
        age: seconds since the service was created; None when not known.
        seen: since when events were counted, in words such as `seen since 14:02`.
        windows: seconds of the burn rates that are over less than they say for the same reason.
    """
    if observed >= period:
        return None
    over = f"budget over {_rough(observed)} of {_rough(period)}"
    if age is not None and age < period and age <= observed * 1.01:
        return Caveat(Concern.YOUNG, f"{over}: the service is that young")
    if not seen:
        return Caveat(Concern.RETENTION, f"{over}: older samples are not kept")
    burns = ", ".join(map(duration_text, windows))
    return Caveat(Concern.RETENTION, f"{over}, {seen}{f'; so is burn {burns}' if burns else ''}")


def slow_scrape(interval: float, alerts: Sequence[BurnAlert]) -> list[Caveat]:
    """Windows too short for the time between two scrapes: a rate over them has no value.

    Raises:
        BurnError: the interval is not above 0.
    """
    if not interval > 0:
        raise BurnError(f"expected a scrape interval above 0, not {interval}")
    too_short = sorted(
        {alert.short for alert in alerts if alert.short < SAMPLES_PER_RATE * interval}
    )
    return [
        Caveat(
            Concern.SCRAPE,
            f"no burn rate over {duration_text(window)}: one sample every {_rough(interval)}",
        )
        for window in too_short
    ]


class LowTraffic(NamedTuple):
    """What few events mean for an objective.

    Attributes:
        events: expected over a whole period at the traffic observed.
        allowed_failures: how many of them may fail.
        one_failure_share: share of the period's budget that one failure uses.
        one_failure_burn: burn rate over the long window of the quickest alert with one failure.
        error_ratio: interval (95 %, Wilson) in which the true share of errors lies; wider where
            the buckets cannot tell how many there were.
    """

    events: float
    allowed_failures: float
    one_failure_share: float
    one_failure_burn: float
    error_ratio: Interval

    @property
    def caveat(self) -> Caveat:
        """In a sentence."""
        return Caveat(
            Concern.LOW_TRAFFIC,
            f"low traffic: {self.allowed_failures:.3g} of {self.events:.6g} events may fail, one "
            f"uses {100 * self.one_failure_share:.3g} % of the budget; the true error ratio is "
            f"{100 * self.error_ratio.low:.2g} to {100 * self.error_ratio.high:.2g} %",
        )


def low_traffic(
    count: Count, target: float, observed: float, period: float, alerts: Sequence[BurnAlert]
) -> LowTraffic | None:
    """Whether traffic is so low that a single failure alone is above the quickest alert's factor.

    Args:
        count: events of the time observed; without any there is no traffic, not low traffic.
        target: share of good events promised.
        observed: seconds that `count` is of.
        period: seconds of the objective's period.
        alerts: those of the objective, most urgent first.

    Raises:
        BurnError: a time is not above 0.
        ObjectiveError: the target is not above 0 and below 1.
    """
    if not (observed > 0 and period > 0):
        raise BurnError("expected times above 0")
    fewest = wilson(count.total - count.good_high, count.total)
    most = wilson(count.total - count.good_low, count.total)
    if fewest is None or most is None or not alerts:
        return None
    quickest = alerts[0]
    budget = error_budget(target)
    in_window = count.total * quickest.long / observed
    one_failure = min(1.0, 1 / in_window) / budget
    if one_failure <= quickest.factor:
        return None
    events = count.total * period / observed
    return LowTraffic(
        events=events,
        allowed_failures=events * budget,
        one_failure_share=1 / (events * budget),
        one_failure_burn=one_failure,
        error_ratio=Interval(fewest.low, most.high),
    )


def undecided(share: Bounds, target: float, nearest: float | None) -> Caveat | None:
    """That the buckets cannot tell whether the target is met; None when they can.

    `nearest` is the bucket edge nearest to the threshold, see `attainment.nearest_edge`.
    """
    if meets(share, target) is not None:
        return None
    edge = "" if nearest is None else f"; nearest edge {nearest:g}"
    return Caveat(Concern.BUCKETS, f"cannot tell from these buckets{edge}")


def _rough(seconds: float) -> str:
    """A duration to the largest unit that it fills, with one decimal at most: `15d`, `2.5h`."""
    for unit, length in (("d", 86_400.0), ("h", 3600.0), ("m", 60.0)):
        if seconds >= length:
            return f"{round(seconds / length, 1):g}{unit}"
    return f"{seconds:.3g}s"


def _is_same(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-9 * b
