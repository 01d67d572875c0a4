"""Whether a canary is worse than the baseline beside it, and when that can be said.

Every metric is a share of bad requests: of failed ones, or of those slower than a bucket edge that
was chosen before the comparison began. Both sides are compared window by window, in windows that
do not overlap, by evidence that allows looking after each (see `stats.sequential`). What is shared
out in `METRICS` is one budget: with no real difference, the chance that any metric is ever called
WORSE or BETTER is at most 5 %. `docs/canary.md` says how this was chosen and what was measured.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import NormalDist
from typing import NamedTuple

from mtop_tui.domain.rollouts.comparable import Circumstance
from mtop_tui.domain.stats.intervals import Interval
from mtop_tui.domain.stats.sequential import OddsEvidence


class Verdict(StrEnum):
    """What can be said of a canary."""

    WORSE = "WORSE"
    NOT_COMPARABLE = "NOT COMPARABLE"
    NOT_ENOUGH_DATA = "NOT ENOUGH DATA"
    BETTER = "BETTER"
    PASS = "PASS"


@dataclass(frozen=True)
class Metric:
    """How one metric is judged.

    `minimum_effect` is the least difference that matters, as a part of the baseline's share of bad
    requests. `alternatives` are the odds ratios above 1 that the test looks for.
    `false_worse` and `false_better` are its part of the false-alarm budget. Only under unlike
    circumstances among `spoiled_by` is it not compared. With `in_bursts`, bad requests may come
    together more than chance would have it, as slow ones do in a queue, and evidence is weakened by
    how much the windows scatter.
    """

    name: str
    minimum_effect: float
    alternatives: tuple[float, ...]
    false_worse: float
    false_better: float
    spoiled_by: frozenset[Circumstance]
    in_bursts: bool


_SLOW_ODDS = (1.15, 1.3, 1.5, 2.0, 3.0)
_ALL = frozenset(Circumstance)

ERRORS = Metric(
    "errors", 0.5, (2.0, 3.0, 5.0, 10.0), 0.043, 0.001, frozenset({Circumstance.PROMPTS}), False
)
TTFT = Metric("TTFT", 0.1, _SLOW_ODDS, 0.002, 0.001, _ALL, True)
TPOT = Metric("TPOT", 0.1, _SLOW_ODDS, 0.002, 0.001, _ALL, True)
METRICS = (ERRORS, TTFT, TPOT)
"""Errors get most of the budget, since a few requests must suffice; slow shares need it less."""

FALSE_PASS = 0.05
"""The chance that a metric whose canary is worse by the minimum effect or more ever passes."""

BEST_EDGE_SHARE = 0.75
"""The share of good requests at which an edge tells a slower distribution best, about."""

EDGE_SHARES = (0.3, 0.97)
"""An edge outside these shares of good requests tells too little."""

MOST_REQUESTS = 1_000_000
"""Beyond this, "more requests" is no plan."""


class Count(NamedTuple):
    """Bad requests of a total, of one side in one window."""

    bad: float
    total: float


class MetricVerdict(NamedTuple):
    """What is said of one metric.

    `effect` is how much more of the canary's requests are bad, as a part of the baseline's share
    (0.35 is 35 % more), and `interval` its 95 % confidence sequence; None while none or all of the
    baseline's requests are bad.
    `more_requests` are those the canary still needs, about, if what was seen goes on, and
    `more_seconds` the time for it; None when decided, unknown or beyond any plan.
    """

    metric: str
    verdict: Verdict
    baseline: Count
    canary: Count
    effect: float | None
    interval: Interval | None
    more_requests: int | None
    more_seconds: float | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """One metric of a canary and its baseline over the windows so far.

    `limit` is the odds ratio of the minimum effect. The two sums are those of Mantel and Haenszel
    for the ratio of shares, which compare within windows only: shifting weights while the
    baseline's share drifts do not bias them. `deviations` are the canary's standardised deviations
    from an even split, window by window: their number, sum and sum of squares.
    """

    metric: Metric
    limit: float
    evidence: OddsEvidence
    baseline: Count
    canary: Count
    baseline_sum: float
    canary_sum: float
    deviations: tuple[int, float, float]

    @classmethod
    def of(cls, metric: Metric, share: float) -> Comparison:
        """A comparison without data.

        `share` is the baseline's share of bad requests before the comparison, which turns the
        minimum effect into an odds ratio. It must leave room for that effect.

        Raises:
            ValueError: `share` is negative, or so high that the minimum effect would exceed 1.
        """
        if not 0 <= share < 1 / (1 + metric.minimum_effect):
            raise ValueError(f"{metric.name}: no room above a share of {share} for the effect")
        limit = (
            (1 + metric.minimum_effect) * (1 - share) / (1 - (1 + metric.minimum_effect) * share)
        )
        inverse = (1 / ratio for ratio in metric.alternatives)
        evidence = OddsEvidence.none(limit, *metric.alternatives, *inverse)
        return cls(metric, limit, evidence, Count(0, 0), Count(0, 0), 0.0, 0.0, (0, 0.0, 0.0))

    def after(self, baseline: Count, canary: Count) -> Comparison:
        """With one more window of both sides, not overlapping the ones before.

        Counts are increases of counters, rounded to whole requests. A window in which a side
        served nothing is left out: there is nothing to compare it with.

        Raises:
            ValueError: a count is negative or not finite, or more are bad than there are.
        """
        base_bad, base_total = _whole(baseline)
        bad, total = _whole(canary)
        evidence = self.evidence.after(base_bad, base_total, bad, total)
        if not (base_total and total):
            return self
        both, all_bad = base_total + total, base_bad + bad
        windows, deviations, squares = self.deviations
        variance = all_bad * (both - all_bad) * total * base_total / (both * both * (both - 1))
        if variance > 0:
            deviation = (bad - all_bad * total / both) / math.sqrt(variance)
            windows, deviations = windows + 1, deviations + deviation
            squares += deviation * deviation
        return replace(
            self,
            evidence=evidence,
            baseline=Count(self.baseline.bad + base_bad, self.baseline.total + base_total),
            canary=Count(self.canary.bad + bad, self.canary.total + total),
            baseline_sum=self.baseline_sum + base_bad * total / both,
            canary_sum=self.canary_sum + bad * base_total / both,
            deviations=(windows, deviations, squares),
        )

    def verdict(
        self,
        unlike: Mapping[Circumstance, str] | None = None,
        canary_rate: float | None = None,
    ) -> MetricVerdict:
        """What can be said now.

        Args:
            unlike: circumstances that now differ, with the sentence that says how; windows in
                which one of `spoiled_by` differed should not have been added.
            canary_rate: requests per second at the canary now, to tell the time still needed.
        """
        reasons = tuple(
            sentence for what, sentence in (unlike or {}).items() if what in self.metric.spoiled_by
        )
        verdict = Verdict.NOT_COMPARABLE if reasons else self._decided()
        more = self._more_requests() if verdict is Verdict.NOT_ENOUGH_DATA else None
        seconds = more / canary_rate if more is not None and canary_rate else None
        return MetricVerdict(
            self.metric.name,
            verdict,
            self.baseline,
            self.canary,
            self._effect(),
            self._interval(),
            more,
            seconds,
            reasons,
        )

    def _decided(self) -> Verdict:
        metric, effect = self.metric, self._effect()
        if self._log_worse() >= math.log(1 / metric.false_worse) and (
            effect is None or effect >= metric.minimum_effect
        ):
            return Verdict.WORSE
        inverse = [1 / ratio for ratio in metric.alternatives]
        if self._weakened().against(1.0, inverse) >= math.log(1 / metric.false_better) and (
            effect is not None and effect <= 1 / (1 + metric.minimum_effect) - 1
        ):
            return Verdict.BETTER
        if self._log_pass() >= math.log(1 / FALSE_PASS):
            return Verdict.PASS
        return Verdict.NOT_ENOUGH_DATA

    def _log_worse(self) -> float:
        return self._weakened().against(1.0, self.metric.alternatives)

    def _log_pass(self) -> float:
        return self._weakened().against(self.limit, (1.0,))

    def _weakened(self) -> OddsEvidence:
        return self.evidence.tempered(self._dispersion())

    def _dispersion(self) -> float:
        """The variance of the windows' deviations, which is 1 when requests are independent."""
        windows, deviations, squares = self.deviations
        if not self.metric.in_bursts or windows < 2:
            return 1.0
        return max(1.0, (squares - deviations * deviations / windows) / (windows - 1))

    def _effect(self) -> float | None:
        if self.baseline_sum == 0:
            return None
        return self.canary_sum / self.baseline_sum - 1

    def _interval(self) -> Interval | None:
        if not 0 < self.baseline.bad < self.baseline.total:
            return None
        share = self.baseline.bad / self.baseline.total
        low, high = self._weakened().interval()
        return Interval(_ratio(low, share) - 1, _ratio(high, share) - 1)

    def _more_requests(self) -> int | None:
        """Requests until either decision, if the odds ratio seen is the true one.

        A request of the canary adds half its information on the log odds ratio times the squared
        distance to the ratio to be refuted, to the evidence.
        """
        bad = self.baseline.bad + self.canary.bad
        total = self.baseline.total + self.canary.total
        if not 0 < bad < total:
            return None
        share = bad / total
        information = share * (1 - share) * self.baseline.total / total / self._dispersion()
        seen = math.log(_odds(self.canary) / _odds(self.baseline))
        missing = []
        if seen > 0:
            lacking = math.log(1 / self.metric.false_worse) - self._log_worse()
            missing.append(lacking / (information * seen**2 / 2))
        distance = math.log(self.limit) - seen
        if distance > 0:
            lacking = math.log(1 / FALSE_PASS) - self._log_pass()
            missing.append(lacking / (information * distance**2 / 2))
        needed = min((math.ceil(n) for n in missing if n > 0), default=MOST_REQUESTS)
        return needed if needed < MOST_REQUESTS else None


def overall(verdicts: Iterable[MetricVerdict]) -> Verdict:
    """The verdict on the canary: the gravest of its metrics.

    WORSE before NOT COMPARABLE before NOT ENOUGH DATA; BETTER only when some metric is and the
    rest pass. Without metrics, NOT ENOUGH DATA.
    """
    found = {verdict.verdict for verdict in verdicts}
    return next((verdict for verdict in Verdict if verdict in found), Verdict.NOT_ENOUGH_DATA)


class Edge(NamedTuple):
    """A bucket edge to compare at, and the baseline's share of requests slower than it."""

    bound: float
    slower: float


def best_edge(bounds: Sequence[float], counts: Sequence[float]) -> Edge | None:
    """The bucket edge to compare at, from what the baseline served before the comparison.

    The edge whose share of good requests is nearest to `BEST_EDGE_SHARE`, counted in standard
    deviations of a normal distribution, within `EDGE_SHARES`. None without requests or when no
    edge divides them so: then the buckets are too coarse for this metric. `counts` are cumulative,
    one per bound and one more for +Inf.
    """
    total = counts[-1]
    if not total > 0:
        return None
    low, high = EDGE_SHARES
    shares = ((bound, count / total) for bound, count in zip(bounds, counts, strict=False))
    able = [Edge(bound, 1 - share) for bound, share in shares if low <= share <= high]
    normal = NormalDist()
    best = normal.inv_cdf(1 - BEST_EDGE_SHARE)
    return min(able, key=lambda edge: abs(normal.inv_cdf(edge.slower) - best), default=None)


def beyond(edge: float, bounds: Sequence[float], counts: Sequence[float]) -> Count | None:
    """The requests slower than `edge`. None if this side has no such edge.

    `counts` are increases of cumulative buckets, one per ascending bound and one more for +Inf.
    """
    index = bisect_left(bounds, edge)
    if index == len(bounds) or bounds[index] != edge:
        return None
    total = counts[-1]
    return Count(max(0.0, total - counts[index]), total)


def _whole(count: Count) -> tuple[int, int]:
    if not all(map(math.isfinite, count)):
        raise ValueError(f"{count.bad} of {count.total} is no proportion")
    return round(count.bad), round(count.total)


def _odds(count: Count) -> float:
    """Odds of a bad request, never 0 or infinite: half a request is added to either kind."""
    return (count.bad + 0.5) / (count.total - count.bad + 0.5)


def _ratio(odds_ratio: float, share: float) -> float:
    """The ratio of shares that an odds ratio makes of `share`, which it cannot lift beyond 1."""
    if odds_ratio == math.inf:
        return 1 / share
    return odds_ratio / (1 - share + odds_ratio * share)
