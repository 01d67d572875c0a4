"""Changes of level: the statistics, the budget of false alarms, and what is said of a change."""

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.capacity.answers import FigureError, NotKnown
from mtop_tui.domain.changes import (
    DAY,
    Backtest,
    Baseline,
    Budget,
    Statement,
    backtest,
    cautious_limits,
    cusum,
    detect_change,
    detect_change_without_baseline,
    page_hinkley,
    quiet_baseline,
    run_length,
    siegmund_run_length,
    threshold_for,
    window_means,
)

VECTORS = json.loads((Path(__file__).parent / "vectors/change_and_trend.json").read_text())
CUSUM = next(case for case in VECTORS["cases"] if case["method"] == "cusum")

FLEET = Budget(alarms_per_day=1, series=200, interval=15)

Windows = list[tuple[float, float]]


def noise(count: int, seed: int = 1, level: float = 100, sigma: float = 5) -> list[float]:
    draw = random.Random(seed)
    return [draw.gauss(level, sigma) for _ in range(count)]


def timed(values: list[float], width: float = 15) -> Windows:
    return [((i + 1) * width, value) for i, value in enumerate(values)]


def said(windows: Windows, budget: Budget = FLEET) -> Statement:
    statement = detect_change(windows, budget)
    assert isinstance(statement, Statement)
    return statement


def said_without_baseline(windows: Windows, budget: Budget = FLEET) -> Statement:
    statement = detect_change_without_baseline(windows, budget)
    assert isinstance(statement, Statement)
    return statement


def test_the_tabular_cusum_of_the_vector() -> None:
    trace = cusum(CUSUM["data"], CUSUM["target"], CUSUM["k"])
    assert trace.high == pytest.approx(CUSUM["S_hi"], abs=1e-9)
    assert trace.low == pytest.approx(CUSUM["S_lo"], abs=1e-9)
    alarm = trace.first_alarm(CUSUM["h"])
    assert alarm is not None
    assert alarm + 1 == CUSUM["first_alarm"]  # the vector counts samples from 1


def test_a_cusum_waits_through_a_gap() -> None:
    trace = cusum([3.0, math.nan, 3.0], 1.0, 0.5)
    assert trace.high == [1.5, 1.5, 3.0]
    assert trace.first_alarm(9) is None


def test_page_hinkley_is_what_its_definition_says() -> None:
    values = [5.0, 6.0, 4.0, 9.0, 10.0, 9.5]
    total, sums = 0.0, [0.0]
    for i, value in enumerate(values, start=1):
        total += value
        sums.append(sums[-1] + value - total / i - 0.5)
    expected = [sums[i] - min(sums[: i + 1]) for i in range(1, len(sums))]
    assert page_hinkley(values, 0.5).high == pytest.approx(expected)
    mirrored = [-value for value in values]
    assert page_hinkley(mirrored, 0.5).low == pytest.approx(expected)


def test_page_hinkley_waits_through_a_gap() -> None:
    whole, holed = page_hinkley([1.0, 1.0, 5.0], 0.5), page_hinkley([1.0, 1.0, math.nan, 5.0], 0.5)
    assert holed.high == [0, 0, 0, whole.high[-1]]


def test_five_sigma_is_one_false_alarm_in_about_465_values() -> None:
    assert siegmund_run_length(5) == pytest.approx(465, rel=0.02)


def test_the_budget_of_a_fleet_asks_for_a_higher_threshold() -> None:
    assert run_length(FLEET) == 200 * DAY / 15
    assert threshold_for(465) == pytest.approx(5, abs=0.02)
    assert 12 < threshold_for(run_length(FLEET)) < 14


@given(st.floats(10, 1e9), st.sampled_from([0.25, 0.5, 1.0]))
def test_the_threshold_has_the_run_length_asked_for(values: float, allowance: float) -> None:
    threshold = threshold_for(values, allowance)
    got = siegmund_run_length(threshold, allowance)
    assert got == pytest.approx(values, rel=1e-6) or (threshold < 1e-6 and got > values)


def test_a_run_length_beyond_floats_is_infinite() -> None:
    assert siegmund_run_length(1000) == math.inf


@pytest.mark.parametrize(
    "budget",
    [Budget(0, 200, 15), Budget(1, 0, 15), Budget(1, 200, 0), Budget(math.nan, 200, 15)],
)
def test_an_impossible_budget_is_refused(budget: Budget) -> None:
    with pytest.raises(FigureError):
        run_length(budget)


def test_simulated_run_lengths_agree_with_the_formula() -> None:
    draw = random.Random(3)
    threshold = threshold_for(200)
    lengths = []
    for _ in range(500):
        up = down = 0.0
        length = 0
        while max(up, down) <= threshold:
            value = draw.gauss(0, 1)
            up, down = max(0.0, up + value - 0.5), max(0.0, down - value - 0.5)
            length += 1
        lengths.append(length)
    assert fmean(lengths) == pytest.approx(200, rel=0.12)


@pytest.mark.parametrize("quiet", [20, 60])
def test_the_budget_holds_though_the_baseline_is_estimated(quiet: int) -> None:
    """Pure noise, watched by 400 series for 100 windows each after `quiet` windows."""
    series, watched, allowed = 400, 100, 80
    threshold = threshold_for(series * watched / allowed)
    draw = random.Random(quiet)
    alarms = 0
    for _ in range(series):
        values = [draw.gauss(0, 1) for _ in range(quiet + watched)]
        baseline = quiet_baseline(values[:quiet])
        if isinstance(baseline, NotKnown):
            continue
        limits = cautious_limits(baseline, threshold)
        trace = cusum(values[quiet:], baseline.centre, limits.allowance)
        alarms += trace.first_alarm(limits.threshold) is not None
    assert alarms <= allowed


def test_the_budget_holds_with_long_tails() -> None:
    budget = Budget(alarms_per_day=DAY / 15 * 300 / 2000, series=300, interval=15)
    assert run_length(budget) == pytest.approx(2000)
    alarms = 0
    for seed in range(300):
        draw = random.Random(seed)
        latencies = [draw.lognormvariate(0, 0.4) for _ in range(160)]
        alarms += getattr(detect_change(timed(latencies), budget), "shift", None) is not None
    assert alarms <= 300 * 100 / 2000


@pytest.mark.parametrize("detect", [detect_change, detect_change_without_baseline])
def test_one_wild_window_is_no_change(detect: Callable[..., Statement]) -> None:
    values = [*noise(90), 1e6, *noise(10, seed=4)]
    assert detect(timed(values), FLEET).shift is None


def test_a_textbook_threshold_breaks_the_budget_where_the_caution_keeps_it() -> None:
    """Why the baseline is taken for the worse: without it, 20 points give far too many alarms."""
    draw = random.Random(5)
    threshold = threshold_for(10_000)
    plain = cautious = 0
    for _ in range(400):
        values = [draw.gauss(0, 1) for _ in range(120)]
        baseline = quiet_baseline(values[:20])
        if isinstance(baseline, NotKnown):
            continue
        limits = cautious_limits(baseline, threshold)
        after = values[20:]
        textbook = cusum(after, baseline.centre, 0.5 * baseline.sigma)
        plain += textbook.first_alarm(threshold * baseline.sigma) is not None
        cautious += (
            cusum(after, baseline.centre, limits.allowance).first_alarm(limits.threshold)
            is not None
        )
    assert plain > 20
    assert cautious <= 4


def test_page_hinkley_keeps_the_budget_on_noise() -> None:
    budget = Budget(alarms_per_day=DAY / 15 * 300 / 500, series=300, interval=15)
    assert run_length(budget) == pytest.approx(500)
    alarms = sum(
        said_without_baseline(timed(noise(100, seed)), budget).shift is not None
        for seed in range(300)
    )
    assert alarms <= 300 * 100 / 500


def test_a_change_of_three_sigma_is_not_missed() -> None:
    found = 0
    for seed in range(100):
        shifted = [value + 15 for value in noise(20, seed + 1000)]
        shift = getattr(detect_change(timed(noise(80, seed) + shifted), FLEET), "shift", None)
        found += shift is not None and shift.direction == "up"
    assert found >= 90


@pytest.mark.parametrize("detect", [said, said_without_baseline])
@pytest.mark.parametrize(("by", "direction"), [(40.0, "up"), (-40.0, "down")])
def test_a_change_says_when_and_how_much(
    detect: Callable[[Windows], Statement], by: float, direction: str
) -> None:
    values = noise(80, seed=2) + [value + by for value in noise(20, seed=3)]
    statement = detect(timed(values))
    shift = statement.shift
    assert shift is not None
    assert shift.direction == direction
    assert 78 * 15 <= shift.began_after <= 80 * 15
    assert shift.began_after < shift.seen_at <= 90 * 15
    assert shift.lasts
    assert shift.size == pytest.approx(by, rel=0.15)
    assert shift.sigmas == pytest.approx(by / 5, rel=0.3)
    assert shift.fraction == pytest.approx(by / 100, rel=0.15)
    assert statement.value > statement.threshold


def test_a_statement_carries_what_it_rests_on() -> None:
    statement = said(timed(noise(100)))
    assert statement.statistic == "CUSUM"
    assert statement.shift is None
    assert statement.value < statement.threshold
    assert statement.baseline.points == 60
    assert statement.baseline.centre == pytest.approx(100, abs=3)
    assert (statement.points, statement.interval, statement.skipped) == (40, 15, 0)
    assert (statement.false_alarms_per_day, statement.series) == (1, 200)
    other = said_without_baseline(timed(noise(100)))
    assert other.statistic == "Page-Hinkley"
    assert other.shift is None
    assert (other.points, other.interval, other.skipped) == (100, 15, 0)
    assert (other.false_alarms_per_day, other.series) == (1, 200)


def test_a_change_that_has_passed_does_not_last() -> None:
    values = noise(80) + [value + 40 for value in noise(8)] + noise(200, seed=9)
    shift = said(timed(values)).shift
    assert shift is not None
    assert not shift.lasts
    assert shift.size == pytest.approx(40, rel=0.15)


def test_a_change_at_once_after_the_baseline_began_with_its_end() -> None:
    values = noise(60) + [value + 40 for value in noise(20, seed=3)]
    shift = said(timed(values)).shift
    assert shift is not None
    assert shift.began_after == 60 * 15


def test_a_level_of_zero_has_no_percent() -> None:
    quiet = [0.0] + [sign * step / 10 for step in range(1, 30) for sign in (1, -1)] + [0.0]
    random.Random(1).shuffle(quiet)
    statement = said(timed(quiet + [50.0] * 10))
    assert statement.baseline.centre == 0
    assert statement.shift is not None
    assert statement.shift.fraction is None


def test_gaps_and_a_clock_that_went_back_are_left_out_and_counted() -> None:
    clean = timed(noise(100))
    torn = [*clean[:10], (155.0, math.nan), (20.0, 1e9), (math.inf, 1.0), *clean[10:]]
    statement = said(torn)
    assert statement.skipped == 3
    assert statement._replace(skipped=0) == said(clean)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (noise(19), "19 quiet windows"),
        ([math.nan] * 100, "0 quiet windows"),
        ([7.0] * 100, "no noise"),
        ([math.sin(i / 8) for i in range(100)], "alike"),
        (noise(60), "no window after"),
    ],
    ids=["few", "NaN", "constant", "autocorrelated", "nothing after"],
)
def test_without_a_baseline_nothing_is_said(values: list[float], reason: str) -> None:
    result = detect_change(timed(values), FLEET)
    assert isinstance(result, NotKnown)
    assert reason in result.reason


@pytest.mark.parametrize(
    ("values", "reason"),
    [(noise(29), "29 windows"), ([7.0] * 100, "no noise")],
)
def test_page_hinkley_says_nothing_of_too_little(values: list[float], reason: str) -> None:
    result = detect_change_without_baseline(timed(values), FLEET)
    assert isinstance(result, NotKnown)
    assert reason in result.reason


def test_an_outlier_in_the_quiet_time_does_not_matter() -> None:
    values = noise(60)
    clean, spoilt = quiet_baseline(values), quiet_baseline([*values[:-1], 1e6])
    assert isinstance(clean, Baseline)
    assert isinstance(spoilt, Baseline)
    assert spoilt.centre == pytest.approx(clean.centre, rel=0.01)
    assert spoilt.sigma == pytest.approx(clean.sigma, rel=0.1)


def test_sigma_of_the_baseline_is_that_of_the_noise() -> None:
    sigmas = [
        baseline.sigma
        for baseline in (quiet_baseline(noise(30, seed)) for seed in range(300))
        if isinstance(baseline, Baseline)
    ]
    assert fmean(sigmas) == pytest.approx(5, rel=0.03)


def test_windows_do_not_overlap() -> None:
    samples = [(1.0, 10.0), (15.0, 20.0), (15.1, 1.0), (61.0, 7.0)]
    assert window_means(samples, 15) == [(15, 15.0), (30, 1.0), (75, 7.0)]


def test_windows_without_a_value_are_missing() -> None:
    samples = [(1.0, math.nan), (20.0, 4.0), (3.0, 9.0), (math.nan, 1.0)]
    assert window_means(samples, 15) == [(30, 4.0)]
    assert window_means([], 15) == []


@pytest.mark.parametrize("width", [0, -1, math.nan])
def test_an_impossible_width_is_refused(width: float) -> None:
    with pytest.raises(FigureError, match="width"):
        window_means([], width)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(-1e6, 1e6)), max_size=50))
def test_windows_are_in_order_and_within_their_values(samples: Windows) -> None:
    means = window_means(samples, 60)
    ends = [end for end, _ in means]
    assert ends == sorted(set(ends))
    for _, mean in means:
        assert min(v for _, v in samples) - 1e-6 <= mean <= max(v for _, v in samples) + 1e-6


def test_past_alarms_are_held_against_past_breaches() -> None:
    assert backtest([100, 5000, 9000], [350, 9000], within=300) == Backtest(3, 2)
    assert backtest([], [100], within=300) == Backtest(0, 0)
    with pytest.raises(FigureError):
        backtest([], [], within=-1)
