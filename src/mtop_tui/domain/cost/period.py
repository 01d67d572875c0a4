"""Costs over a period, with the share of the period in which somebody looked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from mtop_tui.domain.cost.money import SECONDS_PER_HOUR, Dollars, Money, Window


@dataclass(frozen=True, slots=True)
class Accrued:
    """USD that were seen to accrue in a period.

    Attributes:
        usd_seconds: USD per hour times seconds, which adds up without rounding.
        observed: seconds of the period in which the cost was observed.
        missed: the other seconds of it.
        unpriced: of the observed seconds, those in which some part had no price.
    """

    usd_seconds: Decimal = Decimal(0)
    observed: float = 0.0
    missed: float = 0.0
    unpriced: float = 0.0

    def __add__(self, other: Accrued) -> Accrued:
        """Two periods, one after the other."""
        return Accrued(
            self.usd_seconds + other.usd_seconds,
            self.observed + other.observed,
            self.missed + other.missed,
            self.unpriced + other.unpriced,
        )

    @property
    def usd(self) -> Decimal | None:
        """USD of what was observed; None when nothing was: not known is not 0."""
        return self.usd_seconds / SECONDS_PER_HOUR if self.observed else None

    def money(self, rate: Money, window: Window) -> Money | None:
        """`usd` in this window, with the provenance of the costs per hour that it was made from.

        None when nothing was observed.
        """
        usd = self.usd
        return None if usd is None else replace(rate, usd=usd, window=window)

    @property
    def usd_per_hour(self) -> Decimal | None:
        """Mean over what was observed, which a gap does not lower; None without observation."""
        return self.usd_seconds / Decimal(str(self.observed)) if self.observed else None

    @property
    def share_observed(self) -> float | None:
        """Observed share of the period, 0 to 1; None for no period."""
        seconds = self.observed + self.missed
        return self.observed / seconds if seconds else None

    @property
    def at_least(self) -> bool:
        """Whether the true cost is `usd` or more: a gap, or a part without a price."""
        return self.missed > 0 or self.unpriced > 0


def accrue(
    points: Iterable[tuple[float, Dollars]], start: float, end: float, max_gap: float
) -> Accrued:
    """What accrued from `start` to `end`.

    A cost holds until the next point, or until `end` after the last. Where that is more than
    `max_gap` seconds away nobody looked: the whole stretch is not observed, rather than free.

    Args:
        points: time and cost per hour from then on, in order; one that is not after the point
            before it (a clock that went back) is left out.
        start: Unix seconds.
        end: Unix seconds, after `start`.
        max_gap: seconds for which a point holds at most.

    Raises:
        ValueError: the period or `max_gap` is not above 0, or NaN.
    """
    if not 0 < end - start < math.inf or not max_gap > 0:
        raise ValueError(f"no period: {start} to {end}, gaps of {max_gap} s at most")
    known = _in_order(points)
    first = known[0][0] if known else end
    missed = max(0.0, min(first, end) - start)
    usd_seconds = Decimal(0)
    observed = unpriced = 0.0
    for (at, cost), (until, _) in pairwise([*known, (end, Dollars())]):
        seconds = min(until, end) - max(at, start)
        if seconds <= 0:
            continue
        if until - at > max_gap:
            missed += seconds
            continue
        usd_seconds += cost.usd * Decimal(str(seconds))
        observed += seconds
        unpriced += seconds if cost.unpriced else 0.0
    return Accrued(usd_seconds, observed, missed, unpriced)


def _in_order(points: Iterable[tuple[float, Dollars]]) -> list[tuple[float, Dollars]]:
    kept: list[tuple[float, Dollars]] = []
    latest = -math.inf
    for at, cost in points:
        if at > latest:
            kept.append((at, cost))
            latest = at
    return kept
