"""Whether the level of a series has changed, with a stated number of false alarms.

Watching many series often makes rare accidents daily: 200 series in windows of 15 s are 1.2 million
looks a day, and the textbook threshold of 5 sigma then alarms 2,500 times for nothing. So the
threshold follows from a budget: how many false alarms a day, over all series, are acceptable.

It holds for windows that do not overlap and are independent of one another: use means or increments
per window, never a moving average. Three things keep it where noise is not as in textbooks, each
found by simulation (docs/capacity.md): a baseline is estimated, so it is taken at the pessimistic
end of what its points leave open; one window counts for 4 sigma at most; and a baseline whose
windows are alike is refused.

Sources: tabular CUSUM, E. S. Page 1954, and Page-Hinkley; threshold for a run length, D. Siegmund,
Sequential Analysis, 1985; spread of median and MAD under normal noise, any text on robust
statistics; small-sample factor of the MAD, C. Croux and P. J. Rousseeuw 1992.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import Final, Literal, NamedTuple

from mtop_tui.domain.capacity.answers import NotKnown, non_negative, positive

DAY = 86_400.0

ALLOWANCE: Final = 0.5
"""Slack per window in sigma (k): half of the smallest shift that is worth an alarm."""

FEWEST_QUIET: Final = 20
FEWEST_WITHOUT_BASELINE: Final = 30
BASELINE_POINTS: Final = 60

OVERSHOOT: Final = 1.166
"""Twice the mean step by which normal noise passes a threshold, 0.583 sigma (Siegmund)."""

CAUTION: Final = 3.0
"""Standard errors by which centre and sigma of a baseline are taken for the worse."""
SMALL_SAMPLE: Final = 8
"""Points taken off a baseline for those errors, whose formulas are for many points.

Found by simulation: without it, long-tailed noise exceeds a tight budget several times.
"""

MOST_SIGMAS: Final = 4.0
"""How much of one window counts. Latencies have long tails; a level is not changed by one value."""

MAD_TO_SIGMA: Final = 1.4826
MEDIAN_VARIANCE: Final = math.pi / 2
"""Variance of the median of n values, in sigma squared / n."""
MAD_VARIANCE: Final = 1.36
"""Variance of the MAD of n values, relative to its square, times n."""

Direction = Literal["up", "down"]


class Budget(NamedTuple):
    """Acceptable false alarms per day over all `series`, each with a value every `interval` s."""

    alarms_per_day: float
    series: int
    interval: float


class Baseline(NamedTuple):
    """The quiet level of a series and its noise, both robust, in the unit of the values."""

    centre: float
    sigma: float
    points: int


class Limits(NamedTuple):
    """Slack per value (k) and threshold (h), in the unit of the values."""

    allowance: float
    threshold: float


class Trace(NamedTuple):
    """The upward and the downward statistic after each value, in the unit of the values."""

    high: list[float]
    low: list[float]

    def first_alarm(self, threshold: float) -> int | None:
        """The place of the first value at which either is above the threshold."""
        return next(
            (
                place
                for place, pair in enumerate(zip(self.high, self.low, strict=True))
                if max(pair) > threshold
            ),
            None,
        )


class Shift(NamedTuple):
    """A level that changed.

    It began after `began_after`, the time of the last window without a sign of it, and was
    certain at `seen_at`. It `lasts` unless windows at the old level have undone as much as made
    it certain. `size` is the median while it lasted less the level before, in the unit of the
    values; `sigmas` the same in units of the noise; `fraction` in parts of the level before, None
    if that is 0.
    """

    direction: Direction
    began_after: float
    seen_at: float
    lasts: bool
    size: float
    sigmas: float
    fraction: float | None


class Backtest(NamedTuple):
    """How alarms of the past fared: how many there were, and how many a breach followed."""

    alarms: int
    followed: int


class Statement(NamedTuple):
    """What was found, with all that it rests on.

    `value` is the larger of both statistics at the end and `threshold` its limit, both in sigma.
    `points` values were looked at, `interval` seconds each, after the baseline if there is one.
    `skipped` had no number, or were not later than the one before them (the clock went back), and
    are left out. `false_alarms_per_day` is the budget, over all `series`.
    """

    statistic: Literal["CUSUM", "Page-Hinkley"]
    value: float
    threshold: float
    baseline: Baseline
    points: int
    interval: float
    skipped: int
    false_alarms_per_day: float
    series: int
    shift: Shift | None


def run_length(budget: Budget) -> float:
    """Values between two false alarms of one series: series x values a day / alarms a day.

    Raises:
        FigureError: a part of the budget is not above 0.
    """
    alarms = positive("false alarms per day", budget.alarms_per_day)
    per_day = positive("series", budget.series) * DAY / positive("interval", budget.interval)
    return per_day / alarms


def siegmund_run_length(threshold: float, allowance: float = ALLOWANCE) -> float:
    """Mean number of values until a two-sided CUSUM of pure noise alarms; all in sigma.

    One side takes (exp(2kb) - 2kb - 1) / 2k^2 values with b = h + 1.166 (Siegmund 1985), two
    sides half of it. Infinite beyond the range of floats.
    """
    product = 2 * allowance * (threshold + OVERSHOOT)
    if product > 700:
        return math.inf
    return (math.exp(product) - product - 1) / (2 * allowance**2) / 2


def threshold_for(values: float, allowance: float = ALLOWANCE) -> float:
    """The threshold (h) in sigma at which `values` pass between false alarms; at least 0.

    `siegmund_run_length` solved for the threshold, by halving.

    Raises:
        FigureError: a run length or allowance that is not above 0 and finite.
    """
    positive("run length", values)
    low, high = 0.0, 350 / positive("allowance", allowance)
    for _ in range(60):
        middle = (low + high) / 2
        if siegmund_run_length(middle, allowance) < values:
            low = middle
        else:
            high = middle
    return high


def window_means(samples: Iterable[tuple[float, float]], width: float) -> list[tuple[float, float]]:
    """Means over windows of `width` seconds that do not overlap, as `(end of window, mean)`.

    Windows are (0, width], (width, 2 x width] and so on since time 0, so that a later look finds
    the same ones. One without a finite value is missing from the result. Samples older than the
    window reached are left out: the clock went back.

    Raises:
        FigureError: a width not above 0.
    """
    positive("width", width)
    inside: dict[int, list[float]] = {}
    reached = -math.inf
    for at, value in samples:
        if not (math.isfinite(at) and math.isfinite(value)):
            continue
        number = math.ceil(at / width)
        if number >= reached:
            reached = number
            inside.setdefault(number, []).append(value)
    return [(number * width, fmean(values)) for number, values in inside.items()]


def quiet_baseline(values: Sequence[float]) -> Baseline | NotKnown:
    """Median, and 1.4826 x median absolute deviation x n / (n - 0.8), of a quiet time.

    Values that are not finite are left out. Nothing is said with fewer than 20, with sigma 0, or
    if neighbours are more alike than chance has it (lag-1 correlation above 2 / sqrt n): what
    follows from independent noise would not hold.
    """
    known = [value for value in values if math.isfinite(value)]
    count = len(known)
    if count < FEWEST_QUIET:
        return NotKnown(f"{count} quiet windows: {FEWEST_QUIET} are needed")
    centre = median(known)
    sigma = _sigma([value - centre for value in known])
    if sigma == 0:
        return NotKnown("most quiet windows have the same value: there is no noise to compare with")
    cut = [_cut(value, centre, sigma) - centre for value in known]
    if _correlation(cut) > 2 / math.sqrt(count):
        return NotKnown("neighbouring windows are alike: take wider windows or increments")
    return Baseline(centre, sigma, count)


def cautious_limits(baseline: Baseline, threshold: float, allowance: float = ALLOWANCE) -> Limits:
    """Allowance and threshold in sigma, made into the unit of the values, for the worse.

    The baseline's centre and sigma are estimates: the level is taken to be `CAUTION` standard
    errors nearer to the change, sqrt(pi / 2m) sigma each, and sigma as many wider, sqrt(1.36 / m)
    of itself each, with m = points - 8.
    """
    wider = _wider(baseline.points)
    nearer = CAUTION * math.sqrt(MEDIAN_VARIANCE / (baseline.points - SMALL_SAMPLE))
    return Limits(
        allowance=baseline.sigma * (allowance * wider + nearer),
        threshold=baseline.sigma * threshold * wider,
    )


def cusum(values: Iterable[float], target: float, allowance: float) -> Trace:
    """Tabular CUSUM: S+ = max(0, S+ + x - target - k), S- = max(0, S- + target - k - x).

    Both begin at 0. A value that is not finite leaves them as they are. All in the unit of the
    values. Source: Page 1954.
    """
    high, low = [], []
    up = down = 0.0
    for value in values:
        if math.isfinite(value):
            up = max(0.0, up + value - target - allowance)
            down = max(0.0, down + target - allowance - value)
        high.append(up)
        low.append(down)
    return Trace(high, low)


def page_hinkley(values: Iterable[float], allowance: float) -> Trace:
    """Page-Hinkley: m += x - mean so far - delta, and what counts is m less its minimum.

    The mean is that of all values up to and with x, so no baseline is needed; it follows a change,
    so a change that is not noticed soon will not be. The minimum counts the start, 0. For falls,
    the same with the sign turned. A value that is not finite leaves both as they are.
    """
    high, low = [], []
    up = down = total = 0.0
    count = 0
    for value in values:
        if math.isfinite(value):
            count += 1
            total += value
            away = value - total / count
            up = max(0.0, up + away - allowance)
            down = max(0.0, down - away - allowance)
        high.append(up)
        low.append(down)
    return Trace(high, low)


def detect_change(
    windows: Sequence[tuple[float, float]], budget: Budget, baseline_points: int = BASELINE_POINTS
) -> Statement | NotKnown:
    """Whether the level has left that of the first windows: CUSUM against their baseline.

    A window further than 4 sigma from the baseline counts as 4 sigma.

    Args:
        windows: `(end, value)` of windows that do not overlap, oldest first; see `window_means`.
        budget: the false alarms to accept, over all series that are watched so.
        baseline_points: windows of the quiet time at the start.

    Returns:
        NotKnown if the first windows make no baseline (see `quiet_baseline`) or none follow.
    """
    known, skipped = _known(windows)
    quiet, watched = known[:baseline_points], known[baseline_points:]
    baseline = quiet_baseline([value for _, value in quiet])
    if isinstance(baseline, NotKnown):
        return baseline
    if not watched:
        return NotKnown("no window after the baseline yet")
    limits = cautious_limits(baseline, threshold_for(run_length(budget)))
    values = [_cut(value, baseline.centre, baseline.sigma) for _, value in watched]
    trace = cusum(values, baseline.centre, limits.allowance)
    found = _run_above(trace, limits.threshold)
    return Statement(
        statistic="CUSUM",
        value=max(trace.high[-1], trace.low[-1]) / baseline.sigma,
        threshold=limits.threshold / baseline.sigma,
        baseline=baseline,
        points=len(watched),
        interval=budget.interval,
        skipped=skipped,
        false_alarms_per_day=budget.alarms_per_day,
        series=budget.series,
        shift=None if found is None else _shift(watched, found, baseline, quiet[-1][0]),
    )


def detect_change_without_baseline(
    windows: Sequence[tuple[float, float]], budget: Budget
) -> Statement | NotKnown:
    """Whether the level has changed since the first window: Page-Hinkley, for want of a baseline.

    Sigma is the MAD of the differences of neighbours / sqrt 2, which a change of level hardly
    moves; the level before is the median of what came before the change. Where the change began
    cannot be known better than that, so a series that has a quiet time is better given to
    `detect_change`. `lasts` turns False in time, as the mean follows the new level.

    Returns:
        NotKnown with fewer than 30 windows, or with sigma 0.
    """
    known, skipped = _known(windows)
    values = [value for _, value in known]
    count = len(values)
    if count < FEWEST_WITHOUT_BASELINE:
        return NotKnown(f"{count} windows: {FEWEST_WITHOUT_BASELINE} are needed")
    sigma = _sigma([later - earlier for earlier, later in pairwise(values)]) / math.sqrt(2)
    if sigma == 0:
        return NotKnown("most windows have the value of the one before: there is no noise")
    wider = _wider(count)
    limit = sigma * wider * threshold_for(run_length(budget))
    middle = median(values)
    trace = page_hinkley([_cut(x, middle, sigma) for x in values], sigma * wider * ALLOWANCE)
    found = _run_above(trace, limit)
    before = values if found is None else values[: found.began + 1] or values[:1]
    baseline = Baseline(median(before), sigma, count)
    return Statement(
        statistic="Page-Hinkley",
        value=max(trace.high[-1], trace.low[-1]) / sigma,
        threshold=limit / sigma,
        baseline=baseline,
        points=count,
        interval=budget.interval,
        skipped=skipped,
        false_alarms_per_day=budget.alarms_per_day,
        series=budget.series,
        shift=None if found is None else _shift(known, found, baseline, known[0][0]),
    )


def backtest(alarms: Sequence[float], breaches: Sequence[float], within: float) -> Backtest:
    """How many past alarms a breach followed, at once or at most `within` seconds later.

    Both are times in seconds, in any order. A breach may justify several alarms.

    Raises:
        FigureError: a negative or infinite `within`.
    """
    non_negative("within", within)
    followed = sum(any(at <= breach <= at + within for breach in breaches) for at in alarms)
    return Backtest(len(alarms), followed)


class _Run(NamedTuple):
    """Where a statistic passed its threshold: places in the series watched.

    `began` is the last place at which it was 0, -1 if it never was; `peak` where it was highest.
    It `lasts` until it has fallen from there by the threshold.
    """

    direction: Direction
    began: int
    alarm: int
    peak: int
    lasts: bool


def _run_above(trace: Trace, threshold: float) -> _Run | None:
    alarm = trace.first_alarm(threshold)
    if alarm is None:
        return None
    direction: Direction = "up" if trace.high[alarm] > threshold else "down"
    statistic = trace.high if direction == "up" else trace.low
    began = next((place for place in range(alarm, -1, -1) if statistic[place] == 0), -1)
    peak = alarm
    for place in range(alarm, len(statistic)):
        if statistic[place] > statistic[peak]:
            peak = place
        elif statistic[peak] - statistic[place] > threshold:
            return _Run(direction, began, alarm, peak, lasts=False)
    return _Run(direction, began, alarm, peak, lasts=True)


def _shift(
    watched: Sequence[tuple[float, float]], run: _Run, baseline: Baseline, before: float
) -> Shift:
    """What the run says in times and units; `before` is the time of what preceded the series."""
    level = median(value for _, value in watched[run.began + 1 : run.peak + 1])
    size = level - baseline.centre
    return Shift(
        direction=run.direction,
        began_after=watched[run.began][0] if run.began >= 0 else before,
        seen_at=watched[run.alarm][0],
        lasts=run.lasts,
        size=size,
        sigmas=size / baseline.sigma,
        fraction=size / abs(baseline.centre) if baseline.centre else None,
    )


def _known(windows: Sequence[tuple[float, float]]) -> tuple[list[tuple[float, float]], int]:
    """Windows with a number, each later than the one before, and how many were left out."""
    known: list[tuple[float, float]] = []
    for at, value in windows:
        is_number = math.isfinite(at) and math.isfinite(value)
        if is_number and (not known or at > known[-1][0]):
            known.append((at, value))
    return known, len(windows) - len(known)


def _sigma(deviations: Sequence[float]) -> float:
    """Sigma of normal noise with this median absolute deviation from 0."""
    count = len(deviations)
    return MAD_TO_SIGMA * median(map(abs, deviations)) * count / (count - 0.8)


def _wider(points: int) -> float:
    """By what factor the true sigma may exceed one estimated from so many points."""
    return 1 + CAUTION * math.sqrt(MAD_VARIANCE / (points - SMALL_SAMPLE))


def _cut(value: float, centre: float, sigma: float) -> float:
    """The value, or the nearest one that is not an outlier."""
    most = MOST_SIGMAS * sigma
    return max(centre - most, min(centre + most, value))


def _correlation(deviations: Sequence[float]) -> float:
    """Lag-1 correlation of deviations from the centre."""
    return sum(a * b for a, b in pairwise(deviations)) / sum(a * a for a in deviations)
