"""Engine names into neutral names."""

from __future__ import annotations

import time

import pytest

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines import VLLM, Series, recognise, translation


def vllm(name: str, **labels: str) -> Series:
    return Series(f"vllm:{name}", (("engine", "0"), ("model_name", "m"), *labels.items()))


def histogram(family: str, bounds: list[str], engine: str = "0") -> list[Series]:
    name = f"vllm:{family}"
    labels = (("engine", engine),)
    return [
        *(Series(f"{name}_bucket", (*labels, ("le", edge))) for edge in [*bounds, "+Inf"]),
        Series(f"{name}_count", labels),
        Series(f"{name}_sum", labels),
    ]


def test_requests_are_grouped_by_how_they_ended() -> None:
    reasons = ["stop", "length", "abort", "error", "repetition"]
    series = [vllm("request_success_total", finished_reason=reason) for reason in reasons]
    compiled = translation(VLLM, series)
    ended = dict(
        zip(compiled.counters, compiled.cumulative([10.0, 4.0, 3.0, 2.0, 1.0]), strict=True)
    )
    assert ended == {
        neutral.FINISHED_REQUESTS: 15.0,
        neutral.ABORTED_REQUESTS: 3.0,
        neutral.FAILED_REQUESTS: 2.0,
    }


def test_a_family_that_is_not_exposed_is_absent_not_zero() -> None:
    compiled = translation(VLLM, [vllm("num_requests_running")])
    assert compiled.gauges == (neutral.RUNNING,)
    assert compiled.gauge_values([7.0]) == (7.0,)
    assert compiled.counters == ()
    assert compiled.cumulative([7.0]) == ()
    assert compiled.histograms == ()


def test_a_histogram_is_its_sum_its_buckets_and_its_count() -> None:
    series = histogram("time_to_first_token_seconds", ["0.5", "0.1", "1.0"])
    compiled = translation(VLLM, series)
    assert compiled.histograms == ((neutral.TTFT, (0.1, 0.5, 1.0)),)
    assert compiled.cumulative([5.0, 2.0, 6.0, 8.0, 8.0, 3.25]) == (3.25, 2.0, 5.0, 6.0, 8.0)


def test_a_cut_histogram_is_left_out() -> None:
    series = histogram("time_to_first_token_seconds", ["0.1"])[:-1]
    assert translation(VLLM, series).histograms == ()


def test_created_series_and_other_engines_are_not_confused() -> None:
    series = [vllm("prompt_tokens_created"), vllm("external_prefix_cache_hits_total")]
    assert translation(VLLM, series).counters == ()
    assert recognise([Series("python_info"), vllm("num_requests_waiting")]) is VLLM


def test_data_parallel_ranks_add_up_but_usage_is_that_of_the_fullest() -> None:
    ranks = [
        Series(f"vllm:{name}", (("engine", rank),))
        for name in ("num_requests_running", "kv_cache_usage_perc")
        for rank in ("0", "1")
    ]
    compiled = translation(VLLM, ranks)
    assert compiled.gauge_values([3.0, 4.0, 0.25, 0.75]) == (7.0, 0.75)


def test_ranks_merge_on_the_edges_they_share() -> None:
    series = [
        *histogram("time_to_first_token_seconds", ["0.1", "0.5"], engine="0"),
        *histogram("time_to_first_token_seconds", ["0.5", "1.0"], engine="1"),
    ]
    compiled = translation(VLLM, series)
    assert compiled.histograms == ((neutral.TTFT, (0.5,)),)
    values = [1.0, 2.0, 3.0, 3.0, 0.9, 4.0, 5.0, 6.0, 6.0, 2.1]
    assert compiled.cumulative(values) == pytest.approx((3.0, 6.0, 9.0))


def test_one_sample_costs_microseconds() -> None:
    edges = [str(edge) for edge in range(1, 22)]
    series = [vllm("request_success_total", finished_reason=r) for r in ("stop", "length")]
    for family in ("time_to_first_token", "inter_token_latency", "e2e_request_latency"):
        series += histogram(f"{family}_seconds", edges)
    for family in ("request_queue_time", "request_prefill_time", "request_decode_time"):
        series += histogram(f"{family}_seconds", edges)
    compiled = translation(VLLM, series)
    values = [float(i) for i in range(len(series))]
    best = 1.0
    for _ in range(5):
        begin = time.process_time()
        for _ in range(1_000):
            compiled.cumulative(values)
        best = min(best, (time.process_time() - begin) / 1_000)
    assert best < 50e-6, "10 us is the aim; the bound allows for a busy machine"
