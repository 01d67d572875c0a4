"""How engines choose what goes into a step, and what their kernels reach: one row per generation.

The shares and overheads of TensorRT-LLM and vLLM were fitted to published measurements; see
`docs/fidelity.md` for what they reach.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from mtop_tui.engine.hardware import Gpu
from mtop_tui.engine.serving.step_time import LARGE_GIB, Efficiency

Engine = Literal["vllm-v1", "vllm-v0", "vllm-v0-offline", "trt-llm", "trt-llm-offline"]
"""`-offline` is an engine driven by its own process: no server, no streaming to clients."""


class Policy(msgspec.Struct, frozen=True):
    """What a scheduler puts into one step.

    Attributes:
        batched_tokens: tokens of a step at most, those that decode included.
        sequences: requests that run at once at most.
        chunked: a prompt may be read over several steps. Without, a step takes it whole.
        prefill_alone: nothing decodes in a step that reads prompts.
        reserves_output: the room for the whole answer is taken at admission, so that nothing is
            ever evicted.
        reserve: tokens of room that must stay per running request when another is admitted.
    """

    batched_tokens: int = 8192
    sequences: int = 256
    chunked: bool = True
    prefill_alone: bool = False
    reserves_output: bool = False
    reserve: int = 16


class Generation(msgspec.Struct, frozen=True):
    """An engine generation: what it reaches of GPUs with HBM and with GDDR, and how it schedules.

    `request_overhead` is what its front end adds before a first token, in seconds.
    """

    hbm: Efficiency
    gddr: Efficiency
    policy: Policy
    request_overhead: float = 0.0


_MS, _US = 1e-3, 1e-6

_TRT = Efficiency(0.66, 0.45, 0.66, 50 * _US, 0.15 * _MS, 5 * _US)
_TRT_OFFLINE = Efficiency(0.71, 0.71, 0.59, 30 * _US, 0.15 * _MS, 5 * _US)

GENERATIONS: dict[Engine, Generation] = {
    "vllm-v1": Generation(
        hbm=Efficiency(0.85, 0.85, 0.60, 18 * _US, 0.45 * _MS, 5 * _US),
        gddr=Efficiency(0.95, 0.95, 0.92, 20 * _US, 0.25 * _MS, 5 * _US),
        policy=Policy(),
        request_overhead=10 * _MS,
    ),
    "vllm-v0": Generation(
        hbm=Efficiency(0.90, 0.90, 0.60, 70 * _US, 1.65 * _MS, 85 * _US),
        gddr=Efficiency(0.85, 0.85, 0.74, 35 * _US, 1.65 * _MS, 155 * _US),
        policy=Policy(chunked=False, prefill_alone=True),
        request_overhead=10 * _MS,
    ),
    "vllm-v0-offline": Generation(
        hbm=Efficiency(0.90, 0.90, 0.60, 70 * _US, 0.5 * _MS, 10 * _US),
        gddr=Efficiency(0.85, 0.85, 0.74, 35 * _US, 0.5 * _MS, 10 * _US),
        policy=Policy(chunked=False, prefill_alone=True),
    ),
    "trt-llm": Generation(
        hbm=_TRT,
        gddr=_TRT,
        policy=Policy(chunked=False, reserves_output=True),
    ),
    "trt-llm-offline": Generation(
        hbm=_TRT_OFFLINE,
        gddr=_TRT_OFFLINE,
        policy=Policy(chunked=False, reserves_output=True),
    ),
}


def policy_on(generation: Generation, gpu: Gpu) -> Policy:
    """The generation's policy with vLLM's defaults for a GPU: small ones get smaller steps."""
    if generation.policy.chunked and gpu.memory_gib < LARGE_GIB:
        return msgspec.structs.replace(generation.policy, batched_tokens=2048)
    return generation.policy
