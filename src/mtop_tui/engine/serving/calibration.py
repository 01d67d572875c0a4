"""Measured combinations of GPU, model, precision and engine: two numbers each.

`decode` is how long a step without new prompt tokens takes against the model, `prefill` what the
tokens of a prompt add against it. Both are solved from one measured row each, which are not
scored; `docs/fidelity.md` has the error of all other rows. `python -m bench.fidelity --calibrate`
prints this table.
"""

from __future__ import annotations

import msgspec

from mtop_tui.engine.hardware import Gpu
from mtop_tui.engine.models import Model


class Calibration(msgspec.Struct, frozen=True):
    """One measured combination: both numbers, source with date, and median error as text.

    The error is the median of throughput and time per token on the rows that were not used; the
    open-loop profiles have one such row each, and state the worst of those.
    """

    decode: float
    prefill: float
    source: str
    band: str


_NIM = "NVIDIA NIM (TensorRT-LLM), closed loop of 1 to 250 clients, 2024"
_BLIS = "vLLM 0.15.1, open loop of 1 to 10 requests per second, 2026-02"

# GPU, model, bytes of a weight, GPUs, engine.
_CALIBRATED: dict[tuple[str, str, float, int, str], Calibration] = {
    ("A100-80", "Llama-3.1-8B", 2.0, 1, "trt-llm"): Calibration(0.897, 0.833, _NIM, "±4 %"),
    ("A100-80", "Llama-3.1-8B", 2.0, 2, "trt-llm"): Calibration(0.974, 0.902, _NIM, "±5 %"),
    ("H100", "Llama-3.1-8B", 2.0, 1, "trt-llm"): Calibration(0.868, 0.871, _NIM, "±3 %"),
    ("H100", "Llama-3.1-8B", 2.0, 2, "trt-llm"): Calibration(0.939, 1.047, _NIM, "±2 %"),
    ("H100", "Llama-3.1-70B", 1.0, 4, "trt-llm"): Calibration(1.018, 1.182, _NIM, "±7 %"),
    ("H100", "Llama-3.1-70B", 2.0, 8, "trt-llm"): Calibration(1.076, 1.181, _NIM, "±4 %"),
    ("H100", "Mistral-Nemo-12B", 2.0, 2, "vllm-v1"): Calibration(0.891, 1.062, _BLIS, "±12 %"),
    ("H100", "Mistral-Nemo-12B", 2.0, 1, "vllm-v1"): Calibration(0.907, 1.393, _BLIS, "±12 %"),
    ("H100", "Qwen2.5-7B", 2.0, 1, "vllm-v1"): Calibration(1.042, 1.483, _BLIS, "±12 %"),
    ("H100", "Yi-34B", 2.0, 2, "vllm-v1"): Calibration(0.891, 1.757, _BLIS, "±12 %"),
}


def calibration_of(model: Model, gpu: Gpu, gpus: int, engine: str) -> Calibration | None:
    """The calibration of this very combination, or None."""
    if not model.known:
        return None
    return _CALIBRATED.get((gpu.name, model.name, model.weight_bytes, gpus, engine))
