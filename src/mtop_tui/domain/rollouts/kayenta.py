"""What Spinnaker's Kayenta would say of a canary, for comparison with mtop's own verdict.

Not the verdict: its points must not come from overlapping windows, it allows for one look only,
and on mostly-zero metrics ranks say little (see `docs/canary.md`). Source of the rules:
spinnaker/kayenta at a69573be, the Mann-Whitney classifier and the weighted-sum scorer.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import NamedTuple

from mtop_tui.domain.stats.outliers import outliers
from mtop_tui.domain.stats.ranks import hodges_lehmann, mann_whitney


class Label(StrEnum):
    """Kayenta's classification of a metric."""

    PASS = "Pass"
    HIGH = "High"
    LOW = "Low"
    NO_DATA = "Nodata"


class Direction(StrEnum):
    """Which change of a metric counts."""

    INCREASE = "Increase"
    DECREASE = "Decrease"
    EITHER = "Either"


class EffectSize(StrEnum):
    """How the size of a change is measured: ratio of means, or P(canary > baseline)."""

    MEAN_RATIO = "meanRatio"
    COMMON_LANGUAGE = "cles"


@dataclass(frozen=True)
class Rules:
    """A metric's configuration. Thresholds are pairs: for a decrease, for an increase.

    With `replace_missing`, missing values count as 0 instead of being left out. With `outliers`,
    values beyond the quartiles by that factor of the range between them are left out, on each side
    for itself; Kayenta's own factor is 3.
    """

    direction: Direction = Direction.EITHER
    tolerance: float = 0.25
    confidence: float = 0.98
    effect_size: EffectSize = EffectSize.MEAN_RATIO
    allowed: tuple[float, float] = (1.0, 1.0)
    critical: bool = False
    critical_at: tuple[float, float] = (1.0, 1.0)
    replace_missing: bool = False
    outliers: float | None = None


class Classified(NamedTuple):
    """The label of a metric, and whether it fails the canary alone."""

    label: Label
    critical: bool


class Scored(NamedTuple):
    """One metric for the score."""

    group: str
    label: Label
    critical: bool


def classify(baseline: Sequence[float], canary: Sequence[float], rules: Rules) -> Classified:
    """Kayenta's label for one metric; values are one per window, NaN when missing.

    High when the interval of the shift lies above the tolerance times that shift, the direction
    allows, and the effect reaches `allowed[1]`; Low likewise below. An effect that cannot be
    computed, as for a mean of 0, is no hindrance and is critical. One side without values is
    Nodata, or Pass where missing values are replaced.
    """
    base, new = (_considered(side, rules) for side in (baseline, canary))
    test = mann_whitney(new, base)
    shift = hodges_lehmann(new, base, rules.confidence)
    if test is None or shift is None:
        if rules.replace_missing:
            return Classified(Label.PASS, False)
        return Classified(Label.NO_DATA, rules.critical)
    margin = rules.tolerance * abs(shift.estimate)
    if rules.effect_size is EffectSize.COMMON_LANGUAGE:
        effect = test.common_language_effect(len(base) * len(new))
    else:
        ratio = mean_ratio(new, base)
        effect = math.nan if ratio is None else ratio
    if (
        rules.direction is not Direction.DECREASE
        and shift.interval.low > margin
        and not effect < rules.allowed[1]
    ):
        return Classified(Label.HIGH, rules.critical and not effect < rules.critical_at[1])
    if (
        rules.direction is not Direction.INCREASE
        and shift.interval.high < -margin
        and not effect > rules.allowed[0]
    ):
        return Classified(Label.LOW, rules.critical and not effect > rules.critical_at[0])
    return Classified(Label.PASS, False)


def mean_ratio(canary: Sequence[float], baseline: Sequence[float]) -> float | None:
    """Mean of the canary over that of the baseline; None where there is no answer.

    That is where a side has no values, and where the baseline's mean is 0: nothing can be said of
    how many times larger something is than nothing.
    """
    if not canary or not baseline or not (mean := fmean(baseline)):
        return None
    return fmean(canary) / mean


def score(metrics: Iterable[Scored], weights: Mapping[str, float]) -> float:
    """Kayenta's score from 0 to 100, rounded to two digits.

    0 when a critical metric does not pass or half of the metrics or more have no data; 0 without
    metrics too. Else the weighted sum over groups of the share of metrics that pass, among those
    with data; a group without data counts in full. `weights` add up to at most 100, and groups
    without a weight share what is left.
    """
    metrics = list(metrics)
    missing = sum(metric.label is Label.NO_DATA for metric in metrics)
    if 2 * missing >= len(metrics):
        return 0.0
    if any(metric.critical and metric.label is not Label.PASS for metric in metrics):
        return 0.0
    passes: defaultdict[str, list[bool]] = defaultdict(list)
    for metric in metrics:
        known = passes[metric.group]
        if metric.label is not Label.NO_DATA:
            known.append(metric.label is Label.PASS)
    unweighted = [name for name in passes if name not in weights]
    left = 100 - sum(weights.values())
    total = 0.0
    for name, passed in passes.items():
        weight = weights[name] if name in weights else left / len(unweighted)
        total += weight * (fmean(passed) if passed else 1.0)
    return round(total, 2)


def _considered(values: Sequence[float], rules: Rules) -> list[float]:
    """The values that count, as Kayenta's transforms leave them: missing ones first."""
    if rules.replace_missing:
        kept = [0.0 if math.isnan(value) else value for value in values]
    else:
        kept = [value for value in values if not math.isnan(value)]
    if rules.outliers is None:
        return kept
    marked = zip(kept, outliers(kept, rules.outliers), strict=True)
    return [value for value, out in marked if not out]
