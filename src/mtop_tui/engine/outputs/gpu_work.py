"""What a replica does on its GPUs: shares of time, and memory, from the terms of its steps."""

from __future__ import annotations

import msgspec

from mtop_tui.engine.serving.replica import ReplicaStats
from mtop_tui.engine.serving.step_time import StepCosts
from mtop_tui.observations import ServiceKey


class Work(msgspec.Struct, frozen=True):
    """What one replica does on each of its GPUs.

    Attributes:
        service, pod: whose it is.
        busy: share of time in which a kernel runs.
        arithmetic: share of time in which arithmetic holds the step up.
        streaming: share of time in which memory does.
        memory: bytes it holds on each GPU.
    """

    service: ServiceKey
    pod: str
    busy: float = 0.0
    arithmetic: float = 0.0
    streaming: float = 0.0
    memory: float = 0.0


def work_of(
    service: ServiceKey,
    pod: str,
    stats: ReplicaStats,
    costs: StepCosts,
    *,
    memory: float = 0.0,
    hung: bool = False,
) -> Work:
    """What a serving replica does, from what it says of itself and the terms of its steps.

    Args:
        service, pod: whose it is.
        stats: of the last seconds.
        costs: the terms of its steps.
        memory: bytes it holds on each GPU, see `engine_memory`.
        hung: its ranks wait in a collective, which is a kernel that runs and does nothing.
    """
    if hung:
        return Work(service, pod, 1.0, 0.0, 0.0, memory)
    running = max(1.0, stats.running)
    steps = stats.generation_rate / running
    experts = costs.experts * (1.0 - costs.expert_miss**running) if costs.experts else 0.0
    context = stats.kv_usage * max(0.0, costs.kv_tokens)
    streaming = steps * (costs.weights + experts + context * costs.kv_token)
    tokens = stats.generation_rate + stats.prompt_rate * (1.0 - stats.prefix_hit_rate)
    arithmetic = tokens * costs.token_compute
    busy = streaming + arithmetic + steps * (costs.host + costs.collectives)
    scale = 1.0 / max(1.0, busy)  # an interval's rates and a moment's batch may differ
    return Work(service, pod, min(1.0, busy), arithmetic * scale, streaming * scale, memory)


def engine_memory(
    total: float, weights: float, *, utilization: float = 0.9, loaded: float = 1.0
) -> float:
    """Bytes an engine holds on one GPU of `total` bytes.

    While it reads its `weights` (bytes on this GPU; `loaded` of them, 0 to 1) it holds what is
    there; then it takes its share of the memory for the KV cache at once, however much it uses.
    """
    return utilization * total if loaded >= 1.0 else min(total, weights * loaded)
