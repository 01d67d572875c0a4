"""What the replicas of one pool have in common: step costs, scheduler, and how well known both are.

A profile is calibrated when two numbers were measured for the very GPU, model, precision and
engine: how long a decoding step and reading a prompt take against the model. All others rest on
the constants of the engine generation alone, and say so.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from mtop_tui.engine.hardware import Gpu
from mtop_tui.engine.models import Model
from mtop_tui.engine.serving import steady
from mtop_tui.engine.serving.calibration import Calibration, calibration_of
from mtop_tui.engine.serving.scheduling import GENERATIONS, Engine, Policy, policy_on
from mtop_tui.engine.serving.step_time import StepCosts, StepRates, step_costs, step_rates
from mtop_tui.observations import Role

UNCALIBRATED_BAND = "±25 %"


class ServingProfile(msgspec.Struct, frozen=True):
    """How one replica serves.

    Attributes:
        costs: the terms of its steps.
        rates: the same as constants, without any fault.
        policy: how it schedules.
        role: decode replicas get prompts that are already read, prefill replicas answer one token.
        request_overhead: seconds its front end adds before a first token.
        weights_bytes: size of the weights.
        calibration: the measurement behind it; None when there is none.
    """

    costs: StepCosts
    rates: StepRates
    policy: Policy
    role: Role
    request_overhead: float
    weights_bytes: float
    calibration: Calibration | None

    @property
    def kv_tokens(self) -> float:
        """Tokens the KV cache holds; 0 when nothing fits beside the weights."""
        return self.rates.kv_tokens

    @property
    def weights_fit(self) -> bool:
        """Whether the weights fit into the memory the engine takes."""
        return self.costs.weights_fit

    @property
    def calibrated(self) -> bool:
        """Whether this very combination was measured."""
        return self.calibration is not None

    @property
    def band(self) -> str:
        """The error to expect in throughput and time per token, as text."""
        return self.calibration.band if self.calibration else UNCALIBRATED_BAND

    @property
    def error(self) -> float:
        """The same as a share."""
        return float(self.band.strip("± %")) / 100

    @property
    def source(self) -> str:
        """Where its constants are from, with the date."""
        return self.calibration.source if self.calibration else "uncalibrated: roofline only"

    def capacity(self, prompt: float, output: float, hit: float = 0.0) -> float:
        """Requests per second beyond which the queue grows, for mean lengths in tokens."""
        return steady.capacity(self, steady.Lengths(prompt, output, hit))


@lru_cache(maxsize=4096)
def serving_profile(
    model: Model,
    gpu: Gpu,
    gpus: int,
    nodes: int = 1,
    role: Role = "main",
    *,
    dtype: str = "",
    kv_dtype: str = "",
    engine: Engine = "vllm-v1",
) -> ServingProfile:
    """The profile of a model on the GPUs of one replica.

    Args:
        model: its weights' precision included.
        gpu: each of the GPUs.
        gpus: over all nodes of the replica; 0 and 1 are one device.
        nodes: over which they are spread.
        role: of the pool.
        dtype: "fp8" or "fp4" for weights narrower than the model's name says.
        kv_dtype: "fp8" for keys and values in 8 bits; 16 bits unless declared.
        engine: whose scheduler and constants to use.
    """
    narrow = {"fp8": 1.0, "fp4": 0.56}.get(dtype)
    if narrow is not None and narrow < model.weight_bytes:
        model = msgspec.structs.replace(model, weight_bytes=narrow)
    generation = GENERATIONS[engine]
    efficiency = generation.hbm if gpu.high_bandwidth else generation.gddr
    kv_value_bytes = 1.0 if kv_dtype == "fp8" else 2.0
    costs = step_costs(model, gpu, gpus, nodes, efficiency, kv_value_bytes=kv_value_bytes)
    found = calibration_of(model, gpu, max(1, gpus), engine) if nodes == 1 else None
    if found is not None:
        costs = msgspec.structs.replace(
            costs, decode_scale=found.decode, prefill_scale=found.prefill
        )
    return ServingProfile(
        costs=costs,
        rates=step_rates(costs),
        policy=policy_on(generation, gpu),
        role=role,
        request_overhead=generation.request_overhead,
        weights_bytes=model.weights,
        calibration=found,
    )
