"""The canary verdict: what it calls and how soon, what it refuses to compare, what it tells."""

import math
import random
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate, pairwise
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtop_tui.domain.rollouts.canary import (
    ERRORS,
    METRICS,
    TPOT,
    TTFT,
    Comparison,
    Count,
    Metric,
    MetricVerdict,
    Verdict,
    best_edge,
    beyond,
    overall,
)
from mtop_tui.domain.rollouts.comparable import Circumstance, Limits, Side, differences

EDGES = (0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0)
ALARMS = {Verdict.WORSE, Verdict.BETTER}

Windows = Iterator[tuple[Count, Count]]


def drawn(share: float, total: int, draws: random.Random) -> Count:
    return Count(sum(draws.random() < share for _ in range(total)), total)


def failing(shares: tuple[float, float], sizes: tuple[int, int], seed: str) -> Windows:
    draws = random.Random(seed)
    while True:
        base, new = (drawn(s, n, draws) for s, n in zip(shares, sizes, strict=True))
        yield base, new


def slow(medians: tuple[float, float], size: int, seed: str) -> tuple[float, Windows]:
    """Log-normal latencies in buckets; the edge is chosen from 500 requests before."""
    draws = random.Random(seed)

    def counts(median: float, total: int) -> list[int]:
        normal = NormalDist(math.log(median), 0.7)
        below = [normal.cdf(math.log(edge)) for edge in EDGES]
        buckets = [0] * (len(EDGES) + 1)
        for _ in range(total):
            buckets[bisect(below, draws.random())] += 1
        return list(accumulate(buckets))

    edge = best_edge(EDGES, counts(medians[0], 500))
    assert edge is not None

    def windows() -> Windows:
        while True:
            sides = [beyond(edge.bound, EDGES, counts(median, size)) for median in medians]
            assert sides[0] is not None
            assert sides[1] is not None
            yield sides[0], sides[1]

    return edge.slower, windows()


def first_call(
    metric: Metric, share: float, windows: Windows, wanted: set[Verdict], most: int
) -> int | None:
    """Canary requests at the first look with a wanted verdict, up to `most`."""
    comparison = Comparison.of(metric, share)
    while True:
        comparison = comparison.after(*next(windows))
        if comparison.canary.total > most:
            return None
        if comparison.verdict().verdict in wanted:
            return int(comparison.canary.total)


def after(metric: Metric, baseline: tuple[int, int], canary: tuple[int, int]) -> Comparison:
    return Comparison.of(metric, 0.01).after(Count(*baseline), Count(*canary))


def test_the_budget_of_all_metrics_is_five_per_cent() -> None:
    spent = sum(metric.false_worse + metric.false_better for metric in METRICS)
    assert spent == pytest.approx(0.05)


def test_without_a_difference_an_hour_of_looking_seldom_alarms() -> None:
    runs, alarms = 20, 0
    for run in range(runs):
        share, ttft = slow((0.3, 0.3), 12, f"ttft {run}")
        other, tpot = slow((0.7, 0.7), 12, f"tpot {run}")
        alarms += any(
            first_call(metric, start, windows, ALARMS, 240 * 12) is not None
            for metric, start, windows in (
                (ERRORS, 0.01, failing((0.01, 0.01), (12, 12), f"errors {run}")),
                (TTFT, share, ttft),
                (TPOT, other, tpot),
            )
        )
    # A rate of 5 % gives more than 4 alarms of 20 once in 400 times; bench.canary measures it.
    assert alarms <= 4


@pytest.mark.parametrize("sizes", [(90, 10), (20, 20)], ids=["9:1", "1:1"])
def test_five_times_the_errors_are_called_within_500_canary_requests(
    sizes: tuple[int, int],
) -> None:
    runs = 100
    calls = [
        first_call(ERRORS, 0.01, failing((0.01, 0.05), sizes, f"{run}"), {Verdict.WORSE}, 500)
        for run in range(runs)
    ]
    assert sum(call is not None for call in calls) >= 0.9 * runs


def test_a_ttft_of_a_fifth_more_is_called_within_3000_requests_a_side() -> None:
    runs = 20
    calls = []
    for run in range(runs):
        share, windows = slow((0.3, 0.36), 60, f"{run}")
        calls.append(first_call(TTFT, share, windows, {Verdict.WORSE}, 3000))
    assert sum(call is not None for call in calls) >= 0.8 * runs


def test_a_canary_with_fewer_errors_is_better() -> None:
    assert after(ERRORS, (100, 1000), (10, 1000)).verdict().verdict is Verdict.BETTER


def test_a_canary_like_its_baseline_passes_when_enough_was_seen() -> None:
    few = after(ERRORS, (5, 500), (5, 500)).verdict()
    many = after(ERRORS, (200, 20_000), (200, 20_000)).verdict()
    assert (few.verdict, many.verdict) == (Verdict.NOT_ENOUGH_DATA, Verdict.PASS)
    assert few.more_requests is not None
    assert many.more_requests is None


def test_a_sure_but_small_difference_is_not_worse() -> None:
    verdict = after(ERRORS, (10_000, 1_000_000), (11_000, 1_000_000)).verdict()
    assert verdict.verdict is Verdict.PASS
    assert verdict.effect == pytest.approx(0.1)
    assert verdict.interval is not None
    assert 0 <= verdict.interval.low < 0.1 < verdict.interval.high < ERRORS.minimum_effect


def test_effect_and_interval_are_parts_of_the_baselines_share() -> None:
    verdict = after(ERRORS, (100, 10_000), (500, 10_000)).verdict()
    assert verdict.effect == pytest.approx(4.0)
    assert verdict.interval is not None
    assert 2 < verdict.interval.low < 4 < verdict.interval.high < 7
    assert (verdict.baseline, verdict.canary) == ((100, 10_000), (500, 10_000))


def test_an_effect_against_a_faultless_baseline_has_no_size() -> None:
    verdict = after(ERRORS, (0, 1000), (40, 1000)).verdict()
    assert verdict.verdict is Verdict.WORSE
    assert verdict.effect is None
    assert verdict.interval is None


def test_a_baseline_of_faults_only_has_no_interval() -> None:
    verdict = after(ERRORS, (50, 50), (0, 50)).verdict()
    assert verdict.verdict is Verdict.BETTER
    assert verdict.effect == -1
    assert verdict.interval is None


def test_no_fault_ever_cannot_be_told_apart() -> None:
    verdict = after(ERRORS, (0, 50_000), (0, 50_000)).verdict()
    assert verdict.verdict is Verdict.NOT_ENOUGH_DATA
    assert verdict.more_requests is None


def test_shifting_weights_while_all_gets_worse_is_no_fault_of_the_canary() -> None:
    comparison = Comparison.of(ERRORS, 0.01)
    for baseline, canary in (((9, 900), (1, 100)), ((50, 500), (50, 500)), ((20, 100), (180, 900))):
        comparison = comparison.after(Count(*baseline), Count(*canary))
    verdict = comparison.verdict()
    assert verdict.effect == pytest.approx(0)  # the totals alone say 15.4 % against 5.3 %
    assert verdict.verdict is Verdict.PASS


def test_slow_requests_that_come_in_bursts_are_weaker_evidence() -> None:
    steady = Comparison.of(TTFT, 0.25)
    bursts = steady
    for window in range(40):
        steady = steady.after(Count(24, 100), Count(31, 100))
        bursts = bursts.after(Count(24, 100), Count(62 if window % 2 else 0, 100))
    assert steady.verdict().effect == pytest.approx(bursts.verdict().effect)
    assert steady.verdict().verdict is Verdict.WORSE
    assert bursts.verdict().verdict is Verdict.NOT_ENOUGH_DATA
    narrow, wide = steady.verdict().interval, bursts.verdict().interval
    assert narrow is not None
    assert wide is not None
    assert wide.low < narrow.low <= narrow.high < wide.high


def test_more_requests_are_told_about_right() -> None:
    early = after(ERRORS, (2, 200), (6, 200)).verdict(canary_rate=2.0)
    assert early.verdict is Verdict.NOT_ENOUGH_DATA
    assert early.more_requests is not None
    assert early.more_seconds == early.more_requests / 2
    for part, expected in ((0.4, Verdict.NOT_ENOUGH_DATA), (1.3, Verdict.WORSE)):
        scale = 1 + part * early.more_requests / 200
        size = round(200 * scale)
        later = after(ERRORS, (round(2 * scale), size), (round(6 * scale), size))
        assert later.verdict().verdict is expected


@pytest.mark.parametrize("rate", [None, 0.0])
def test_without_traffic_the_time_is_not_known(rate: float | None) -> None:
    verdict = after(ERRORS, (2, 200), (6, 200)).verdict(canary_rate=rate)
    assert verdict.more_requests is not None
    assert verdict.more_seconds is None


def test_nothing_is_said_of_nothing() -> None:
    verdict = Comparison.of(TTFT, 0.25).verdict(canary_rate=1.0)
    assert verdict == MetricVerdict(
        "TTFT", Verdict.NOT_ENOUGH_DATA, Count(0, 0), Count(0, 0), None, None, None, None, ()
    )


def test_a_window_with_one_side_idle_is_left_out() -> None:
    comparison = Comparison.of(ERRORS, 0.01)
    assert comparison.after(Count(5, 100), Count(0, 0)) == comparison
    assert comparison.after(Count(0, 0), Count(5, 100)) == comparison


@pytest.mark.parametrize("bad", [-1.0, 11.0, math.nan, math.inf])
def test_impossible_counts_are_refused(bad: float) -> None:
    for sides in ((Count(bad, 10), Count(1, 10)), (Count(1, 10), Count(bad, 10))):
        with pytest.raises(ValueError, match="no proportion"):
            Comparison.of(ERRORS, 0.01).after(*sides)


@pytest.mark.parametrize("share", [-0.1, 0.95, math.nan])
def test_a_share_must_leave_room_for_the_effect(share: float) -> None:
    with pytest.raises(ValueError, match="no room"):
        Comparison.of(TTFT, share)


tables = st.tuples(st.integers(0, 40), st.integers(0, 200)).map(lambda t: Count(t[0], sum(t)))


@given(st.lists(st.tuples(tables, tables), max_size=6))
@settings(max_examples=40, deadline=None)
def test_the_order_of_windows_does_not_matter_and_nothing_is_nan(
    windows: list[tuple[Count, Count]],
) -> None:
    def verdict(order: list[tuple[Count, Count]]) -> MetricVerdict:
        comparison = Comparison.of(ERRORS, 0.01)
        for baseline, canary in order:
            comparison = comparison.after(baseline, canary)
        return comparison.verdict(canary_rate=1.0)

    there, back = verdict(windows), verdict(windows[::-1])
    assert there.verdict == back.verdict
    assert there.effect == pytest.approx(back.effect)
    if there.interval is not None:
        assert -1 <= there.interval.low <= there.interval.high
        assert not math.isnan(there.interval.high)


def test_unlike_circumstances_spoil_latency_but_only_prompts_spoil_errors() -> None:
    unlike = differences(Side(load=1.0, prompt_tokens=100), Side(load=9.0, prompt_tokens=110))
    slow_verdict = after(TTFT, (50, 100), (90, 100)).verdict(unlike)
    assert slow_verdict.verdict is Verdict.NOT_COMPARABLE
    assert slow_verdict.reasons == (
        "load per replica: canary 9 req/s, baseline 1 req/s; compared up to 1.5 times one another",
    )
    assert after(ERRORS, (1, 100), (50, 100)).verdict(unlike).verdict is Verdict.WORSE
    prompts = differences(Side(prompt_tokens=100), Side(prompt_tokens=900))
    assert after(ERRORS, (1, 100), (50, 100)).verdict(prompts).verdict is Verdict.NOT_COMPARABLE


@pytest.mark.parametrize(
    ("what", "baseline", "like", "unlike"),
    [
        (Circumstance.LOAD, Side(load=2.0), Side(load=3.0), Side(load=3.1)),
        (Circumstance.LOAD, Side(load=0.0), Side(load=0.0), Side(load=0.1)),
        (
            Circumstance.PROMPTS,
            Side(prompt_tokens=100),
            Side(prompt_tokens=125),
            Side(prompt_tokens=79),
        ),
        (
            Circumstance.ANSWERS,
            Side(answer_tokens=100),
            Side(answer_tokens=80),
            Side(answer_tokens=126),
        ),
        (Circumstance.CACHE, Side(hit_ratio=0.5), Side(hit_ratio=0.36), Side(hit_ratio=0.3)),
        (Circumstance.QUEUE, Side(queue=1.0), Side(queue=3.0), Side(queue=3.1)),
        (Circumstance.AGE, Side(ready_for=900), Side(ready_for=300), Side(ready_for=299)),
        (Circumstance.AGE, Side(ready_for=900), Side(), Side(ready_for=0)),
        (Circumstance.LOAD, Side(load=1.0), Side(load=math.nan), Side(load=2.0)),
    ],
)
def test_limits_of_what_is_alike(
    what: Circumstance, baseline: Side, like: Side, unlike: Side
) -> None:
    assert differences(baseline, like) == {}
    assert differences(like, baseline) == {}
    assert list(differences(baseline, unlike)) == [what]
    assert list(differences(unlike, baseline)) == [what]
    assert differences(baseline, unlike)[what].startswith(what)


def test_limits_can_be_set() -> None:
    sides = Side(load=1.0, ready_for=10), Side(load=3.0, ready_for=10)
    assert differences(*sides, Limits(load=3.0, warm_up=5)) == {}


def test_both_sides_can_be_too_young() -> None:
    found = differences(Side(ready_for=10), Side(ready_for=20))[Circumstance.AGE]
    assert "canary ready for 20 s and youngest pod of the baseline ready for 10 s" in found


def verdict_of(verdict: Verdict) -> MetricVerdict:
    return MetricVerdict("x", verdict, Count(0, 0), Count(0, 0), None, None, None, None, ())


def test_the_gravest_metric_decides() -> None:
    order = list(Verdict)
    assert order[0] is Verdict.WORSE
    assert order[-1] is Verdict.PASS
    for graver, milder in pairwise(order):
        assert overall([verdict_of(milder), verdict_of(graver)]) is graver
    assert overall([]) is Verdict.NOT_ENOUGH_DATA


def test_the_edge_that_tells_best_is_chosen() -> None:
    counts = [0, 0, 5, 60, 76, 90, 95, 99, 100, 100]
    assert best_edge(EDGES, counts) == (0.5, pytest.approx(0.24))
    assert best_edge(EDGES, [0] * 10) is None
    assert best_edge(EDGES, [0, 0, 20, 98, 100, 100, 100, 100, 100, 100]) is None
    assert best_edge((1.0,), [math.nan, math.nan]) is None


def test_an_edge_must_be_there_to_count_beyond_it() -> None:
    assert beyond(0.5, (0.25, 0.5), [3, 8, 10]) == (2, 10)
    assert beyond(0.4, (0.25, 0.5), [3, 8, 10]) is None
    assert beyond(0.9, (0.25, 0.5), [3, 8, 10]) is None
    assert beyond(0.25, (0.25, 0.5), [12, 8, 10]) == (0, 10)  # decreasing buckets
