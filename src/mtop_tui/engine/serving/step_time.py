"""How long one engine step takes: a roofline with the host's overheads.

A step streams the weights once, does the arithmetic of all tokens in it, reads the keys and values
of every sequence that decodes, joins the results of all ranks, and is prepared by a host. The
terms are added: that fits measurements better than their maximum. Seconds, bytes and tokens
throughout.
"""

from __future__ import annotations

import msgspec

from mtop_tui.engine.hardware import Gpu
from mtop_tui.engine.models import Model
from mtop_tui.engine.serving.requests import UNCHANGED, Factors

GPU_MEMORY_UTILISATION = 0.9
"""Share of GPU memory vLLM takes (its `--gpu-memory-utilization` default)."""

LARGE_GIB = 70.0
"""GPUs from this size on get larger steps by default, and the workspace these need."""

_WORKSPACE, _SMALL_WORKSPACE = 2.5e9, 1.5e9


def workspace(gpu: Gpu) -> float:
    """Bytes per GPU for activations, CUDA graphs and the collectives' buffers."""
    return _WORKSPACE if gpu.memory_gib >= LARGE_GIB else _SMALL_WORKSPACE


_NETWORK_LATENCY = 3.0
"""Between nodes a collective crosses the network, which costs several times the link."""


class Efficiency(msgspec.Struct, frozen=True):
    """What an engine's kernels reach of a kind of GPU, and what its host adds.

    Attributes:
        bandwidth: share of the peak memory bandwidth when weights are streamed.
        kv_bandwidth: the same when keys and values are read.
        flops: share of the peak arithmetic.
        per_layer: seconds per layer and step, mostly launching kernels.
        per_step: seconds per step, mostly scheduling.
        per_sequence: seconds per sequence that decodes, mostly sampling and detokenising.
    """

    bandwidth: float
    kv_bandwidth: float
    flops: float
    per_layer: float
    per_step: float
    per_sequence: float


class StepCosts(msgspec.Struct, frozen=True):
    """The terms of a step, in seconds, before any fault.

    Attributes:
        weights: streaming what every step reads of the weights.
        experts: streaming all routed experts; 0 for a dense model.
        expert_miss: chance that one token does not visit a given expert.
        host: overhead of a step with all its layers.
        collectives: latency of joining the ranks' results.
        token_compute: arithmetic of one token.
        token_link: what one token adds to the collectives.
        pair: attention of one prompt token to one earlier token.
        sequence_host: overhead of one sequence that decodes.
        kv_token: reading one token's keys and values.
        kv_tokens: tokens the KV cache holds; 0 or less when nothing fits beside the weights.
        weights_fit: whether the weights fit into the memory the engine takes.
        decode_scale, prefill_scale: calibration against a measurement: times what a step costs
            without new prompt tokens, and times what these add.
    """

    weights: float
    experts: float
    expert_miss: float
    host: float
    collectives: float
    token_compute: float
    token_link: float
    pair: float
    sequence_host: float
    kv_token: float
    kv_tokens: float
    weights_fit: bool
    decode_scale: float = 1.0
    prefill_scale: float = 1.0


class StepRates(msgspec.Struct, frozen=True):
    """The step time as a few constants, with faults and calibration applied, in seconds.

    A step takes `fixed + experts * (1 - expert_miss ** tokens) + running * per_sequence
    + prompt_tokens * per_prompt_token + pairs * per_pair + context * per_context`.
    """

    fixed: float
    experts: float
    expert_miss: float
    per_sequence: float
    per_prompt_token: float
    per_pair: float
    per_context: float
    kv_tokens: float

    def decode(self, running: float, context: float) -> float:
        """Seconds of a step in which `running` sequences with `context` tokens decode."""
        return (
            self.fixed
            + (self.experts * (1.0 - self.expert_miss**running) if self.experts else 0.0)
            + running * self.per_sequence
            + context * self.per_context
        )

    def prefill(self, prompt: float, hit: float = 0.0) -> float:
        """Seconds that reading a prompt adds, without `hit` of its tokens found in the cache."""
        fresh = prompt * (1.0 - hit)
        pairs = fresh * (prompt - fresh / 2)
        return fresh * self.per_prompt_token + pairs * self.per_pair


def step_rates(costs: StepCosts, factors: Factors = UNCHANGED) -> StepRates:
    """The constants of a step under what a fault changes."""
    decode, prefill = costs.decode_scale, costs.prefill_scale
    compute, bandwidth = max(factors.compute, 1e-3), max(factors.bandwidth, 1e-3)
    token = costs.token_compute / compute + costs.token_link
    host = costs.host * factors.overhead
    return StepRates(
        fixed=(costs.weights / bandwidth + host + costs.collectives) * decode,
        experts=costs.experts / bandwidth * decode,
        expert_miss=costs.expert_miss,
        per_sequence=(token + costs.sequence_host * factors.overhead) * decode,
        per_prompt_token=token * prefill,
        per_pair=costs.pair / compute * prefill,
        per_context=costs.kv_token / bandwidth * decode,
        kv_tokens=max(0.0, costs.kv_tokens * factors.kv),
    )


def step_costs(
    model: Model,
    gpu: Gpu,
    gpus: int,
    nodes: int,
    efficiency: Efficiency,
    *,
    kv_value_bytes: float = 2.0,
) -> StepCosts:
    """The step of a model spread over the GPUs of one replica.

    The GPUs are taken as one tensor-parallel group: each holds its share of the weights, and two
    all-reduces a layer join their results. The embedding table is not streamed, and embedding and
    output layer stay in 16 bits when the rest is smaller.
    """
    ranks = max(1, gpus)
    bandwidth = gpu.bandwidth * efficiency.bandwidth
    reached = efficiency.flops * gpu.flops_reach * ranks
    peak = gpu.flops16
    if model.weight_bytes <= 1.0 and gpu.flops8:
        peak = gpu.flops8
    if model.weight_bytes < 0.8 and gpu.flops4:
        peak = gpu.flops4

    embedding = model.vocabulary * model.hidden
    streamed = model.weights - 2.0 * embedding
    experts, visited = 0.0, model.experts_per_token / model.experts
    if model.experts > 1:
        routed = (model.parameters - model.active) / (1.0 - visited)
        experts = routed * model.weight_bytes
        streamed -= experts
    streamed = max(streamed, 0.1 * model.weights)

    collectives, link = 0.0, 0.0
    if ranks > 1:
        latency = gpu.link_latency * (_NETWORK_LATENCY if nodes > 1 else 1.0)
        collectives = 2.0 * model.layers * latency
        link = 2.0 * model.layers * model.hidden * 2.0 / gpu.link_bandwidth

    kv_bytes = model.kv_bytes_per_token * kv_value_bytes / 2.0
    kv_ranks = ranks if model.latent_kv else min(ranks, model.kv_heads)
    memory = GPU_MEMORY_UTILISATION * gpu.memory * ranks
    return StepCosts(
        weights=streamed / (ranks * bandwidth),
        experts=experts / (ranks * bandwidth),
        expert_miss=1.0 - visited if experts else 0.0,
        host=efficiency.per_step + efficiency.per_layer * model.layers,
        collectives=collectives,
        token_compute=2.0 * model.active / (peak * reached),
        token_link=link,
        pair=4.0 * model.layers * model.heads * model.head_dim / (gpu.flops16 * reached),
        sequence_host=efficiency.per_sequence,
        kv_token=kv_bytes / (kv_ranks * gpu.bandwidth * efficiency.kv_bandwidth),
        kv_tokens=(memory - model.weights - workspace(gpu) * ranks) / kv_bytes,
        weights_fit=model.weights <= memory,
    )
