"""How engines choose what goes into a step, and what their kernels reach: one row per generation.

The shares and overheads of TensorRT-LLM and vLLM were fitted to published measurements; see
`docs/fidelity.md` for what they reach.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from mtop_tui.engine.serving.step_time import Efficiency

Engine = Literal["vllm-v1", "vllm-v0", "trt-llm"]


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

_TRT = Efficiency(0.66, 0.66, 50 * _US, 0.15 * _MS, 5 * _US)

GENERATIONS: dict[Engine, Generation] = {
    "vllm-v1": Generation(
        hbm=Efficiency(0.78, 0.50, 35 * _US, 0.65 * _MS, 5 * _US),
        gddr=Efficiency(0.95, 0.92, 20 * _US, 0.25 * _MS, 5 * _US),
        policy=Policy(),
    ),
    "vllm-v0": Generation(
        hbm=Efficiency(0.90, 0.60, 70 * _US, 1.65 * _MS, 85 * _US),
        gddr=Efficiency(0.85, 0.74, 35 * _US, 1.65 * _MS, 155 * _US),
        policy=Policy(chunked=False, prefill_alone=True),
    ),
    "trt-llm": Generation(
        hbm=_TRT,
        gddr=_TRT,
        policy=Policy(chunked=False, reserves_output=True),
    ),
}
