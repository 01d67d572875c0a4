"""Tests that may be looked at as often as one likes: Wald's test and evidence on an odds ratio.

`OddsEvidence` compares two shares window by window. Given how many requests each side had in a
window and how many of all were bad, the number of bad ones at the canary has Fisher's noncentral
hypergeometric distribution, which depends on the odds ratio alone. So the share of bad requests
itself may drift from window to window, and the ratio of likelihoods of two odds ratios is a
martingale: by Ville's inequality it ever exceeds 1/alpha with a probability of alpha at most,
however often one looks. Sources: Wald 1945, Ann. Math. Stat. 16, 117-186; Ville 1939; Robbins
1970, Ann. Math. Stat. 41, 1397-1409 (mixtures); Turner, Ly and Grünwald 2024, J. Stat. Plan.
Inference 230, 106116 (tests of two samples that allow optional stopping).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from mtop_tui.domain.stats.intervals import Interval, check_proportion

_ABOVE_ONE = (
    *(1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5, 1.65, 1.8, 2.0, 2.25, 2.5, 3.0, 3.5, 4.0, 5.0),
    *(6.0, 7.0, 8.5, 10.0, 14.0, 20.0),
)
ODDS_RATIOS = (*(1 / ratio for ratio in reversed(_ABOVE_ONE)), 1.0, *_ABOVE_ONE)
"""Odds ratios at which evidence is kept; an interval ends at one of them."""

_NEGLIGIBLE = -40.0


class SprtDesign(NamedTuple):
    """Wald's test of a share of `good` against one of `bad`, both between 0 and 1.

    `false_alarm` is the chance to accept `bad` when `good` holds, `missed` the other error.
    """

    good: float
    bad: float
    false_alarm: float = 0.05
    missed: float = 0.10

    @property
    def upper(self) -> float:
        """The log-likelihood ratio from which `bad` is accepted."""
        return math.log((1 - self.missed) / self.false_alarm)

    @property
    def lower(self) -> float:
        """The log-likelihood ratio down to which `good` is accepted."""
        return math.log(self.missed / (1 - self.false_alarm))

    def expected_if_good(self) -> float:
        """Observations to a decision when `good` holds, by Wald's approximation."""
        reached = (1 - self.false_alarm) * self.lower + self.false_alarm * self.upper
        return reached / self._drift(self.good)

    def expected_if_bad(self) -> float:
        """Observations to a decision when `bad` holds, by Wald's approximation."""
        reached = self.missed * self.lower + (1 - self.missed) * self.upper
        return reached / self._drift(self.bad)

    def _drift(self, share: float) -> float:
        on_bad, on_good = self.steps()
        return share * on_bad + (1 - share) * on_good

    def steps(self) -> tuple[float, float]:
        """What a bad and a good observation add to the log-likelihood ratio."""
        return math.log(self.bad / self.good), math.log((1 - self.bad) / (1 - self.good))


class SprtResult(NamedTuple):
    """The decision, the log-likelihood ratio where it stopped, and after how many observations."""

    decision: Literal["good", "bad", "continue"]
    log_ratio: float
    decided_after: int | None


def sprt(observations: Iterable[bool], design: SprtDesign) -> SprtResult:
    """Wald's sequential probability ratio test; true stands for a bad observation.

    It stops at the first observation that decides.

    Raises:
        ValueError: the design's shares are not 0 < good < bad < 1, or its errors not between 0
            and 1 with a sum below 1.
    """
    if not 0 < design.good < design.bad < 1:
        raise ValueError(f"shares with 0 < good < bad < 1 are needed: {design}")
    if not (design.false_alarm > 0 and design.missed > 0 and sum(design[2:]) < 1):
        raise ValueError(f"errors above 0 with a sum below 1 are needed: {design}")
    on_bad, on_good = design.steps()
    log_ratio = 0.0
    for count, bad in enumerate(observations, 1):
        log_ratio += on_bad if bad else on_good
        if log_ratio >= design.upper:
            return SprtResult("bad", log_ratio, count)
        if log_ratio <= design.lower:
            return SprtResult("good", log_ratio, count)
    return SprtResult("continue", log_ratio, None)


@dataclass(frozen=True)
class OddsEvidence:
    """What windows so far say about the odds ratio of bad requests, canary to baseline.

    `log_likelihoods` has one value per ascending `ratios`, up to a constant that they share.
    """

    ratios: tuple[float, ...]
    log_likelihoods: tuple[float, ...]

    @classmethod
    def none(cls, *more: float) -> OddsEvidence:
        """No evidence yet, to be kept at `ODDS_RATIOS` and at `more`."""
        ratios = tuple(sorted({*ODDS_RATIOS, *more}))
        return cls(ratios, (0.0,) * len(ratios))

    def after(
        self, baseline_bad: int, baseline_total: int, canary_bad: int, canary_total: int
    ) -> OddsEvidence:
        """With one more window, which must not overlap the ones before.

        A window in which a side had no request, or none or all were bad, says nothing.

        Raises:
            ValueError: counts that are no proportion.
        """
        check_proportion(baseline_bad, baseline_total)
        check_proportion(canary_bad, canary_total)
        bad = baseline_bad + canary_bad
        sums = _log_sums(self.ratios, baseline_total, canary_total, bad)
        beyond_least = canary_bad - max(0, bad - baseline_total)
        added = (
            old + beyond_least * math.log(ratio) - total
            for old, ratio, total in zip(self.log_likelihoods, self.ratios, sums, strict=True)
        )
        return OddsEvidence(self.ratios, tuple(added))

    def tempered(self, dispersion: float) -> OddsEvidence:
        """The evidence when counts scatter `dispersion` times (1 or more) as much as by chance.

        Log-likelihoods are divided by it, as in quasi-likelihood (Wedderburn 1974, Biometrika 61,
        439-447). This only weakens evidence, so what is said of `against` still holds.
        """
        return OddsEvidence(self.ratios, tuple(log / dispersion for log in self.log_likelihoods))

    def against(self, ratio: float, alternatives: Sequence[float]) -> float:
        """The log e-value against `ratio`, with equal weight on each alternative.

        If `ratio` is true, it ever reaches ln(1/alpha) with probability alpha at most. With all
        alternatives above, the same holds for every smaller true ratio; with all below, for every
        larger one, since the likelihood ratio is monotone.
        """
        logs = [self._at(alternative) for alternative in alternatives]
        return _log_sum(logs) - math.log(len(logs)) - self._at(ratio)

    def interval(self, confidence: float = 0.95) -> Interval:
        """The odds ratios not refuted at `confidence`, valid at all looks together.

        An end beyond the kept ratios is 0 or infinite. Source: Robbins 1970, confidence sequences.
        """
        mixture = _log_sum(self.log_likelihoods) - math.log(len(self.ratios))
        limit = mixture + math.log(1 - confidence)
        kept = [i for i, log in enumerate(self.log_likelihoods) if log > limit]
        first, last = kept[0] - 1, kept[-1] + 1
        low = 0.0 if first < 0 else self.ratios[first]
        high = math.inf if last == len(self.ratios) else self.ratios[last]
        return Interval(low, high)

    def _at(self, ratio: float) -> float:
        return self.log_likelihoods[self.ratios.index(ratio)]


def _log_sum(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(math.fsum(math.exp(log - top) for log in logs))


@lru_cache(maxsize=256)
def _log_sums(
    ratios: tuple[float, ...], baseline_total: int, canary_total: int, bad: int
) -> tuple[float, ...]:
    """ln of the sum of all tables' weights with these margins, for each odds ratio.

    The weights are relative to the table with the fewest bad requests at the canary. They rise to
    one mode and fall, so terms are added from there outwards until they no longer matter.
    """
    least, most = max(0, bad - baseline_total), min(canary_total, bad)
    falls, heights = [], [0.0]
    for k in range(least, most):
        up = (canary_total - k) * (bad - k)
        step = math.log(up / ((k + 1) * (baseline_total - bad + k + 1)))
        falls.append(-step)
        heights.append(heights[-1] + step)
    sums = []
    for ratio in ratios:
        slope = math.log(ratio)
        mode = bisect_left(falls, slope)
        top = heights[mode] + mode * slope
        total = 0.0
        for side in (range(mode, len(heights)), range(mode - 1, -1, -1)):
            for k in side:
                log = heights[k] + k * slope - top
                if log < _NEGLIGIBLE:
                    break
                total += math.exp(log)
        sums.append(top + math.log(total))
    return tuple(sums)
