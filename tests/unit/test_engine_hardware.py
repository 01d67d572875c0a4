"""GPUs and models by the names that labels, manifests and people give them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from mtop_tui.engine.hardware import GPUS, gpu_named
from mtop_tui.engine.models import model_named

REFERENCE = Path(__file__).parents[3] / "shared" / "data" / "validation" / "reference"


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


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("NVIDIA-A100-SXM4-40GB", "A100-40"),
        ("NVIDIA-A100-SXM4-80GB", "A100-80"),
        ("NVIDIA-H100-80GB-HBM3", "H100"),
        ("NVIDIA-H100-NVL", "H100NVL"),
        ("NVIDIA-H100-PCIe", "H100PCIe"),
        ("NVIDIA-GeForce-RTX-4090", "RTX4090"),
        ("NVIDIA-RTX-A6000", "A6000"),
        ("NVIDIA RTX PRO 6000 Blackwell", "RTXPRO6000"),
        ("NVIDIA-L40S", "L40S"),
    ],
)
def test_gpus_by_the_labels_of_the_gpu_operator(label: str, name: str) -> None:
    found = gpu_named(label)
    assert found is not None
    assert found.name == name


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
    assert model_named("deepseek-v3").kv_bytes_per_token == 70272
    assert model_named("llama-3.1-70b").kv_bytes_per_token == 327680


def _reference(name: str) -> list[dict[str, str]]:
    if not REFERENCE.is_dir():
        pytest.skip(f"no reference data in {REFERENCE}")
    with (REFERENCE / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_gpus_are_those_of_the_reference() -> None:
    for row in _reference("gpus.csv"):
        found = gpu_named(row["gpu"])
        assert found is not None, row["gpu"]
        eight_bit = row["fp8_dense_TFLOPS"]
        assert found.memory_gib == float(row["mem_GB"])
        assert found.bandwidth == float(row["hbm_GBps"]) * 1e9
        assert found.flops16 == float(row["bf16_dense_TFLOPS"]) * 1e12
        assert found.flops8 == (float(eight_bit) * 1e12 if eight_bit else None)


def test_models_are_those_of_the_reference() -> None:
    for row in _reference("models.csv"):
        found = model_named(row["model"])
        assert found.known, row["model"]
        assert found.parameters == float(row["params_B"]) * 1e9
        assert found.active == float(row["active_B"]) * 1e9
        assert (found.layers, found.hidden) == (int(row["layers"]), int(row["hidden"]))
        assert (found.heads, found.vocabulary) == (int(row["q_heads"]), int(row["vocab"]))
        assert found.kv_bytes_per_token == float(row["kv_bytes_per_token_16bit"])
