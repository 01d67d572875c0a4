"""What a replica can do: physics of its steps, where it settles, and what is known of it."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.engine import vllm
from mtop_tui.engine.hardware import gpu_named
from mtop_tui.engine.models import model_named
from mtop_tui.engine.serving.fluid import FluidServer
from mtop_tui.engine.serving.profiles import ServingProfile, serving_profile
from mtop_tui.engine.serving.replica import PATIENCE, ReplicaServer
from mtop_tui.engine.serving.requests import Factors, Request
from mtop_tui.engine.serving.scheduling import Engine
from mtop_tui.engine.serving.steady import Lengths, steady

LENGTHS = Lengths(500, 200)


def profile(
    model: str, gpu: str, gpus: int = 1, nodes: int = 1, engine: Engine = "vllm-v1"
) -> ServingProfile:
    found = gpu_named(gpu)
    assert found is not None
    return serving_profile(model_named(model), found, gpus, nodes, engine=engine)


def test_a_single_stream_of_llama_8b_on_an_h100_takes_6_to_8_ms_per_token() -> None:
    assert 0.006 <= profile("llama-3-8b", "H100").rates.decode(1, 700) <= 0.008


def test_llama_8b_under_load_is_near_what_was_measured_on_an_a100() -> None:
    # AccelMark, vLLM 0.7.3 on an A100-40: 5 requests a second, 256 in, 346 out, TPOT p50 24 ms.
    found = steady(profile("llama-3-8b", "A100-40GB", engine="vllm-v0"), Lengths(256, 346), 5)
    assert found.step == pytest.approx(0.024, rel=0.25)


def test_an_l4_saturates_at_five_requests_a_second() -> None:
    for engine in ("vllm-v0", "vllm-v1"):
        found = steady(profile("llama-3-8b", "L4", engine=engine), Lengths(256, 346), 5)
        assert found.utilisation > 1
        assert found.growth > 0


def test_70b_in_16_bits_does_not_fit_one_a100_40() -> None:
    alone = profile("hf://meta-llama/Llama-3.1-70B-Instruct", "A100-40GB")
    assert not alone.weights_fit
    assert alone.kv_tokens == 0
    assert alone.capacity(500, 200) == 0
    assert profile("llama-3.1-70b", "H100", 4).weights_fit


def test_eight_bits_take_half_the_memory_and_decode_faster() -> None:
    gpu = gpu_named("H100")
    assert gpu is not None
    wide = profile("llama-3-8b", "H100")
    for narrow in (
        profile("llama-3-8b-FP8", "H100"),
        serving_profile(model_named("llama-3-8b"), gpu, 1, dtype="fp8"),
    ):
        assert narrow.weights_bytes < 0.6 * wide.weights_bytes
        assert narrow.kv_tokens > wide.kv_tokens
        assert narrow.rates.decode(1, 500) < 0.8 * wide.rates.decode(1, 500)


def test_eight_bit_keys_and_values_take_half_the_room() -> None:
    gpu = gpu_named("H100")
    assert gpu is not None
    narrow = serving_profile(model_named("llama-3-8b"), gpu, 1, kv_dtype="fp8")
    assert narrow.kv_tokens == pytest.approx(2 * profile("llama-3-8b", "H100").kv_tokens)


@pytest.mark.parametrize(("slow", "fast"), [("T4", "L4"), ("L4", "A100-80GB"), ("A100", "H100")])
def test_a_better_gpu_is_better(slow: str, fast: str) -> None:
    slower, faster = (profile("qwen2.5-3b", gpu) for gpu in (slow, fast))
    assert faster.capacity(500, 200) > slower.capacity(500, 200)
    assert faster.rates.prefill(500) < slower.rates.prefill(500)


def test_cached_prompts_leave_more_capacity() -> None:
    of = profile("llama-3-8b", "H100")
    assert of.capacity(4_000, 100, hit=0.8) > 1.5 * of.capacity(4_000, 100)


def test_more_load_means_more_latency_up_to_capacity_and_a_queue_beyond() -> None:
    of = profile("llama-3-8b", "H100")
    capacity = of.capacity(500, 200)
    found = [steady(of, LENGTHS, capacity * share) for share in (0.1, 0.4, 0.7, 0.95, 1.3)]
    for less, more in pairwise(found):
        assert more.wait > less.wait
        assert more.step >= less.step
        assert more.running >= less.running
    assert [one.growth > 0 for one in found] == [False, False, False, False, True]


def test_a_mixture_of_experts_reads_only_what_it_visits() -> None:
    rates = profile("mixtral-8x7b", "A100-80GB", 2).rates
    assert rates.decode(1, 0) < 0.5 * rates.decode(64, 0)


def test_small_gpus_get_smaller_steps_as_vllm_does() -> None:
    assert profile("llama-3-8b", "L4").policy.batched_tokens == 2048
    assert profile("llama-3-8b", "H100").policy.batched_tokens == 8192


# What is known of it


def test_a_measured_combination_says_so_with_its_source_and_error() -> None:
    of = profile("qwen2.5-7b", "H100")
    assert of.calibrated
    assert of.band == "±12 %"
    assert "2026" in of.source


def test_all_others_say_that_they_are_not_calibrated() -> None:
    for other in (
        profile("qwen2.5-7b", "L4"),
        profile("qwen2.5-7b", "H100", 2),
        profile("some/model-7b", "H100"),
    ):
        assert not other.calibrated
        assert other.band == "±25 %"
        assert other.source.startswith("uncalibrated")


# The analytic replica


def fluid(of: ServingProfile, rate: float, seconds: float, step: float = 15.0) -> FluidServer:
    server = FluidServer(of, Random(1), 0.0)
    while server.at < seconds:
        server.advance(server.at + step, rate, LENGTHS)
    return server


def mean(page: vllm.Page, histogram: int) -> float:
    return page.sums[histogram] / sum(page.buckets[histogram])


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_formulas_agree_with_single_requests_below_saturation(share: float) -> None:
    of = profile("llama-3-8b", "H100")
    rate = of.capacity(500, 200) * share
    random, at, single = Random(3), 0.0, ReplicaServer(of, Random(1), 0.0)
    while (at := at + random.expovariate(rate)) < 300.0:
        single.submit(Request(at, 500, 200))
    single.advance(300.0)
    analytic = fluid(of, rate, 3_000.0)
    assert mean(analytic.page, vllm.ITL) == pytest.approx(mean(single.page, vllm.ITL), rel=0.12)
    assert mean(analytic.page, vllm.E2E) == pytest.approx(mean(single.page, vllm.E2E), rel=0.15)
    assert mean(analytic.page, vllm.TTFT) == pytest.approx(mean(single.page, vllm.TTFT), rel=0.3)
    counters = (vllm.PROMPT_TOKENS, vllm.GENERATION_TOKENS)
    for one in counters:
        per_second = single.page.counters[one] / 300.0
        assert analytic.page.counters[one] / 3_000.0 == pytest.approx(per_second, rel=0.1)


def test_beyond_capacity_the_queue_grows_until_clients_give_up() -> None:
    of = profile("llama-3-8b", "L4")
    capacity = of.capacity(500, 200)
    early, late = fluid(of, 2 * capacity, 30), fluid(of, 2 * capacity, 90)
    assert late.waiting > 1.5 * early.waiting > 0
    ever = fluid(of, 3 * capacity, 3_000)
    assert ever.waiting <= capacity * PATIENCE + 1
    assert ever.page.counters[vllm.ABORT] > capacity * 100
    assert ever.page.kv_usage > 0.9


def test_factors_change_the_analytic_replica_too() -> None:
    of = profile("llama-3-8b", "H100")
    server = FluidServer(of, Random(1), 0.0)
    server.factors = Factors(bandwidth=0.5)
    for index in range(100):
        server.advance(15.0 * (index + 1), 4.0, LENGTHS)
    assert mean(server.page, vllm.ITL) > 1.5 * mean(fluid(of, 4.0, 1_500).page, vllm.ITL)
    server.factors = Factors(hung=True)
    tokens = server.page.counters[vllm.GENERATION_TOKENS]
    server.advance(server.at + 30.0, 4.0, LENGTHS)
    assert server.page.counters[vllm.GENERATION_TOKENS] == tokens
    assert server.waiting > 60
    server.factors = Factors(error_rate=1.0)
    failed = server.page.counters[vllm.ERROR]
    server.advance(server.at + 30.0, 4.0, LENGTHS)
    assert server.page.counters[vllm.ERROR] > failed


def test_analytic_counters_never_fall_and_agree() -> None:
    server = FluidServer(profile("llama-3-8b", "L4"), Random(1), 0.0)
    before: tuple[float, ...] | None = None
    for index in range(60):
        server.advance(server.at + 5.0, float(index % 9), LENGTHS)
        values = vllm.TRANSLATION.cumulative(server.page.values())
        assert before is None or all(b >= a for a, b in zip(before, values, strict=True))
        before = values
    assert before is not None
    found = dict(zip(vllm.LAYOUT.counters, before, strict=False))
    page = server.page
    made = sum(page.buckets[vllm.TTFT]) + sum(page.buckets[vllm.ITL])
    assert found[neutral.GENERATION_TOKENS] == pytest.approx(made)


def test_nobody_calling_leaves_everything_at_zero() -> None:
    assert set(fluid(profile("llama-3-8b", "H100"), 0.0, 60).page.values()) == {0.0}
