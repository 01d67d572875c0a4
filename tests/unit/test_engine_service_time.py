"""Physics of the simulated engine: faster hardware is faster, and what does not fit does not."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mtop_tui.engine.hardware import GPUS, gpu_named
from mtop_tui.engine.models import Model, model_named
from mtop_tui.engine.service_time import Load, ServiceTime, service_time


def replica(model: str, gpu: str, gpus: int = 1, nodes: int = 1) -> ServiceTime:
    found = gpu_named(gpu)
    assert found is not None
    return service_time(model_named(model), found, gpus, nodes)


def test_a_single_stream_of_llama_8b_on_an_h100_takes_7_to_8_ms_per_token() -> None:
    steady = replica("meta-llama/Meta-Llama-3-8B", "H100").steady(Load(0.01, 200, 1000))
    assert 0.007 <= steady.tpot <= 0.008
    assert steady.ttft < 0.03


def test_llama_8b_under_load_is_near_what_was_measured_on_an_a100() -> None:
    # AccelMark, vLLM 0.7.3 on an A100-40: 5 requests a second, 256 in, 346 out, TPOT p50 24 ms.
    steady = replica("llama-3-8b", "A100-40GB").steady(Load(5, 256, 346))
    assert steady.tpot == pytest.approx(0.024, rel=0.25)


def test_an_l4_saturates_at_five_requests_a_second() -> None:
    steady = replica("llama-3-8b", "L4").steady(Load(5, 256, 346))
    assert steady.utilisation > 1
    assert steady.growth > 0


def test_70b_in_16_bits_does_not_fit_one_a100_40() -> None:
    alone = replica("hf://meta-llama/Llama-3.1-70B-Instruct", "A100-40GB")
    assert not alone.weights_fit
    assert alone.capacity(Load(1, 500, 200)) == 0
    assert replica("llama-3.1-70b", "H100", 4).weights_fit


def test_eight_bits_take_half_the_memory_and_decode_faster() -> None:
    wide, narrow = replica("llama-3-8b", "H100"), replica("llama-3-8b-FP8", "H100")
    assert narrow.kv_tokens > wide.kv_tokens
    assert narrow.step(0, 1, 500) < 0.8 * wide.step(0, 1, 500)


@pytest.mark.parametrize(("slow", "fast"), [("T4", "L4"), ("L4", "A100-80GB"), ("A100", "H100")])
def test_a_better_gpu_is_better(slow: str, fast: str) -> None:
    load = Load(0.5, 500, 200)
    slower, faster = (replica("qwen2.5-3b", gpu) for gpu in (slow, fast))
    assert faster.capacity(load) > slower.capacity(load)
    assert faster.steady(load).ttft < slower.steady(load).ttft


def test_more_load_means_more_latency_up_to_capacity_and_a_queue_beyond() -> None:
    time = replica("llama-3-8b", "H100")
    capacity = time.capacity(Load(0, 500, 200))
    steady = [time.steady(Load(capacity * share, 500, 200)) for share in (0.1, 0.4, 0.7, 0.95, 1.3)]
    for less, more in pairwise(steady):
        assert more.ttft > less.ttft
        assert more.tpot >= less.tpot
        assert more.running >= less.running
    assert [one.growth > 0 for one in steady] == [False, False, False, False, True]


def test_a_mixture_of_experts_reads_only_what_it_visits() -> None:
    time = replica("mixtral-8x7b", "A100-80GB", 2)
    assert time.step(0, 1, 0) < 0.5 * time.step(0, 64, 0)


@pytest.mark.parametrize(
    ("name", "family", "known"),
    [
        ("hf://meta-llama/Llama-3.1-70B-Instruct", "Llama-3.1-70B", True),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "Qwen2.5-32B", True),
        ("deepseek-ai/DeepSeek-R1-0528", "DeepSeek-V3", True),
        ("s3://models/our-own-6.7b", "6.7b", False),
        ("models/secret", "unknown", False),
    ],
)
def test_models_by_name(name: str, family: str, known: bool) -> None:
    model = model_named(name)
    assert (model.name, model.known) == (family, known)


def test_a_guess_has_the_size_the_name_states() -> None:
    assert model_named("x/y-13b").parameters == 13e9
    assert model_named("x/y-350m").parameters == pytest.approx(350e6)
    assert model_named("", "granite-3.1-8b-instruct").known


def test_every_gpu_is_found_by_its_own_name() -> None:
    assert [gpu_named(gpu.name) for gpu in GPUS] == list(GPUS)


def test_a_mig_slice_has_its_share() -> None:
    part, whole = gpu_named("A100-40GB MIG-1g.5gb"), gpu_named("A100-40GB")
    assert part is not None
    assert whole is not None
    assert part.memory_gib == 5
    assert part.flops16 == pytest.approx(whole.flops16 / 7)


@pytest.mark.parametrize("name", [None, "", "Abacus", "A1000000"])
def test_an_unknown_gpu_is_none(name: str | None) -> None:
    assert gpu_named(name) is None


def test_latent_attention_needs_a_small_cache() -> None:
    def per_token(model: Model) -> float:
        return model.kv_bytes_per_token

    assert per_token(model_named("deepseek-v3")) == 70272
    assert per_token(model_named("llama-3.1-70b")) == 327680
