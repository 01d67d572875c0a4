"""Rates and quantiles of a service over restarts, departures and mixed engines."""

import math

import pytest
from msgspec.structs import replace

from fleet_source import ITL_BOUNDS, LAYOUT, START, key, replica, sample, service, traffic
from mtop_tui.domain import vocabulary as names
from mtop_tui.observations import HistogramLayout, MetricSample, Observation, Removed, SampleLayout
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.metrics import ServiceMetrics

CHAT = key("chat")
ONE = replica(CHAT, 0)
TWO = replica(CHAT, 1)


def store_of(*observations: Observation) -> FleetStore:
    store = FleetStore()
    store.apply([service("chat", desired=2), ONE, TWO])
    store.apply(sorted(observations, key=lambda record: record.at))
    return store


def metrics(store: FleetStore) -> ServiceMetrics:
    state = store.service(CHAT)
    assert state is not None
    return state.metrics()


def test_rates_of_replicas_add_up() -> None:
    got = metrics(store_of(*traffic(ONE, 10), *traffic(TWO, 5)))
    assert got.request_rate == pytest.approx(15)
    assert got.generation_token_rate == pytest.approx(1500)


def test_one_sample_gives_levels_but_no_rate() -> None:
    got = metrics(store_of(sample(ONE, START, requests=1000, waiting=3)))
    assert math.isnan(got.request_rate)
    assert math.isnan(got.ttft_p95)
    assert got.queue == 3


def test_what_was_counted_before_the_first_sample_is_not_a_burst() -> None:
    late = [replace(s, at=s.at + 60) for s in traffic(TWO, 5, seconds=60)]
    got = metrics(store_of(*traffic(ONE, 10, until=START + 60), *late))
    assert got.request_rate < 15.1


def test_a_restarted_replica_keeps_what_it_served() -> None:
    before = traffic(ONE, 10, until=START - 30, seconds=90)
    after = [
        sample(ONE, START - 30 + t, requests=10 * t, tokens=0) for t in (5, 10, 15, 20, 25, 30)
    ]
    got = metrics(store_of(*before, *after))
    assert got.request_rate == pytest.approx(10, rel=0.1)


def test_a_replica_that_leaves_keeps_what_it_served() -> None:
    store = store_of(*traffic(ONE, 10), *traffic(TWO, 5))
    store.apply(
        [Removed(at=START, ref=TWO.ref), sample(ONE, START + 1, requests=1210, tokens=121_000)]
    )
    got = metrics(store)
    assert got.request_rate == pytest.approx(15, rel=0.05)
    assert got.queue == 0


def test_the_window_forgets() -> None:
    busy = traffic(ONE, 10, until=START, seconds=60)
    last = busy[-1].cumulative
    quiet = [replace(busy[-1], at=START + t, cumulative=last) for t in range(5, 126, 5)]
    got = metrics(store_of(*busy, *quiet))
    assert got.request_rate == 0
    assert math.isnan(got.ttft_p95)


def test_ttft_is_the_quantile_of_all_replicas_together() -> None:
    store = store_of(*traffic(ONE, 18, ttft=0.2), *traffic(TWO, 2, ttft=4.0))
    assert metrics(store).ttft_p95 == pytest.approx(2.5 + 2.5 / 2)


def test_a_ttft_beyond_the_last_bucket_says_so() -> None:
    got = metrics(store_of(*traffic(ONE, 1, ttft=60)))
    assert got.ttft_p95 == 10.0
    assert got.ttft_at_least


def test_tpot_is_the_mean_over_tokens() -> None:
    got = metrics(store_of(*traffic(ONE, 1, itl=0.02), *traffic(TWO, 3, itl=0.04)))
    assert got.tpot == pytest.approx(0.035)


def test_errors_are_a_share_of_what_ended_and_cancellations_are_none() -> None:
    samples = [
        sample(ONE, START - 60 + t, requests=9 * t, failed=t, tokens=1) for t in range(0, 61, 5)
    ]
    assert metrics(store_of(*samples)).error_ratio == pytest.approx(0.1)


def test_kv_usage_is_that_of_the_fullest_replica() -> None:
    store = store_of(sample(ONE, START, kv=0.2), sample(TWO, START, kv=0.9))
    assert metrics(store).kv_usage == 0.9


def test_a_silent_replica_has_no_say_in_the_levels() -> None:
    store = store_of(sample(TWO, START - 300, waiting=50), *traffic(ONE, 10, waiting=2, seconds=60))
    assert metrics(store).queue == 2


def test_prefill_and_decode_are_read_where_they_happen() -> None:
    prefill, decode = replica(CHAT, 0, role="prefill"), replica(CHAT, 1, role="decode")
    store = FleetStore()
    store.apply([service("chat"), prefill, decode])
    store.apply(
        sorted(
            [*traffic(prefill, 4, ttft=0.9), *traffic(decode, 4, ttft=0.05, itl=0.03)],
            key=lambda record: record.at,
        )
    )
    got = metrics(store)
    assert got.request_rate == pytest.approx(4)
    assert 0.5 < got.ttft_p95 <= 1.0
    assert got.tpot == pytest.approx(0.03)


def test_engines_with_other_buckets_merge_on_the_edges_both_have() -> None:
    coarse = SampleLayout(
        engine="other",
        counters=names.COUNTERS,
        gauges=names.GAUGES,
        histograms=(
            HistogramLayout(names.TTFT, (0.5, 5.0)),
            HistogramLayout(names.ITL, ITL_BOUNDS),
        ),
    )
    samples = [
        sample(TWO, START - 60 + t, requests=5 * t, tokens=t, ttft=0.2, layout=coarse)
        for t in range(0, 61, 5)
    ]
    got = metrics(store_of(*traffic(ONE, 5, ttft=0.2), *samples))
    assert got.request_rate == pytest.approx(10)
    assert 0 < got.ttft_p95 <= 0.5


def test_a_family_the_engine_lacks_is_unknown_not_zero() -> None:
    bare = SampleLayout("bare", (names.FINISHED_REQUESTS,), (names.RUNNING,), ())
    samples = [
        MetricSample(
            at=START - 60 + t,
            ref=ONE.ref,
            service=CHAT,
            layout=bare,
            cumulative=(2.0 * t,),
            gauges=(1.0,),
        )
        for t in range(0, 61, 5)
    ]
    got = metrics(store_of(*samples))
    assert got.request_rate == pytest.approx(2)
    for unknown in (got.ttft_p95, got.tpot, got.error_ratio, got.kv_usage, got.queue):
        assert math.isnan(unknown)


def test_windowed_increases_are_taken_as_they_are() -> None:
    steady = traffic(ONE, 10, seconds=60)[-1]
    windowed = replace(steady, form="windowed", window=60.0)
    got = metrics(store_of(windowed))
    assert got.request_rate == pytest.approx(10)
    assert 0.1 < got.ttft_p95 <= 0.25


def test_a_late_sample_changes_nothing() -> None:
    store = store_of(*traffic(ONE, 10))
    before = metrics(store)
    store.apply([sample(ONE, START - 60, requests=1)])
    assert metrics(store) == before


def test_a_new_layout_begins_again_without_a_burst() -> None:
    other = replace(LAYOUT, engine="vllm-next")
    samples = [
        sample(ONE, START + t, requests=5000 + 10 * t, tokens=1, layout=other)
        for t in range(5, 61, 5)
    ]
    got = metrics(store_of(*traffic(ONE, 10), *samples))
    assert got.request_rate == pytest.approx(10, rel=0.2)
