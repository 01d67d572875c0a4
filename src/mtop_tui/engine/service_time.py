"""How long one engine step takes, and what a load makes of it.

A step of a vLLM engine streams the weights once, does the arithmetic of all tokens in it, and
reads the keys and values of every sequence that decodes. Summed as a roofline with fixed overheads
that gives the latency a request sees; Little's law gives how many run at once. The formulas and
the constants of the V1 engine were fitted to published measurements; without a calibration of the
very combination expect about 25 % error in throughput and time per token.
"""

from __future__ import annotations

import math
from functools import lru_cache

import msgspec

from mtop_tui.engine.hardware import Gpu
from mtop_tui.engine.models import Model

GPU_MEMORY_UTILISATION = 0.9
"""Share of GPU memory vLLM takes (its `--gpu-memory-utilization` default)."""

WORKSPACE = 2.5e9
"""Bytes per GPU for activations, CUDA graphs and the collectives' buffers."""

MAX_SEQUENCES = 256
"""Requests in a batch at most (vLLM's `--max-num-seqs` default)."""

_FIXED_STEP = 150e-6
_PER_SEQUENCE = 5e-6


class _Efficiency(msgspec.Struct, frozen=True):
    """What kernels reach of the peaks, and overheads per step and layer, in seconds."""

    bandwidth: float
    flops: float
    per_layer: float
    per_step: float


_HBM = _Efficiency(0.78, 0.50, 35e-6, 0.5e-3)
_GDDR = _Efficiency(0.95, 0.92, 20e-6, 0.1e-3)


class Load(msgspec.Struct, frozen=True):
    """What one replica is asked to do.

    Attributes:
        rate: requests per second.
        prompt: mean prompt length in tokens.
        output: mean answer length in tokens.
        hit_ratio: share of prompt tokens found in the prefix cache.
    """

    rate: float
    prompt: float
    output: float
    hit_ratio: float = 0.0


class Steady(msgspec.Struct, frozen=True):
    """What a replica settles at under a load. Times in seconds, `kv_usage` 0 to 1.

    `utilisation` is the load over the capacity; above 1 the queue grows by `growth` requests a
    second, and `ttft` is that of an empty queue.
    """

    ttft: float
    tpot: float
    running: float
    waiting: float
    kv_usage: float
    utilisation: float
    growth: float


class ServiceTime(msgspec.Struct, frozen=True):
    """The step time of one replica as a few constants, in seconds.

    Attributes:
        fixed: part of every step: weights that are always read, and overheads.
        expert_time: reading all routed experts once; 0 for a dense model.
        expert_miss: chance that one token does not visit a given expert.
        per_sequence: each sequence that decodes.
        per_prompt_token: each prompt token, without attention.
        per_prompt_square: attention among prompt tokens, per pair of tokens.
        per_kv_token: each token whose keys and values are read.
        kv_tokens: tokens the KV cache holds; 0 or less when not even the weights fit.
        weights_fit: whether the weights fit into the memory vLLM takes.
    """

    fixed: float
    expert_time: float
    expert_miss: float
    per_sequence: float
    per_prompt_token: float
    per_prompt_square: float
    per_kv_token: float
    kv_tokens: float
    weights_fit: bool

    def step(self, prompt_tokens: float, running: float, kv_tokens: float) -> float:
        """Seconds of a step that decodes `running` sequences and reads `prompt_tokens` new ones."""
        experts = self.expert_time
        if experts:
            experts *= 1.0 - self.expert_miss ** (prompt_tokens + running)
        return (
            self.fixed
            + experts
            + running * self.per_sequence
            + prompt_tokens * self.per_prompt_token
            + kv_tokens * self.per_kv_token
        )

    def prefill(self, prompt: float, hit_ratio: float = 0.0) -> float:
        """Seconds of arithmetic a prompt adds to the steps that read it."""
        fresh = prompt * (1.0 - hit_ratio)
        return fresh * (self.per_prompt_token + prompt * self.per_prompt_square)

    def max_batch(self, load: Load) -> int:
        """Requests that can run at once: bounded by the KV cache and by the engine's setting."""
        if self.kv_tokens <= 0:
            return 0
        return max(1, min(MAX_SEQUENCES, int(self.kv_tokens / held_tokens(load))))

    def capacity(self, load: Load) -> float:
        """Requests per second at which the queue starts to grow, whatever `load.rate` is."""
        batch = self.max_batch(load)
        return batch / (load.output * self.full_step(load)) if batch else 0.0

    def full_step(self, load: Load) -> float:
        """Seconds per step with a full batch in which each ended request is replaced at once."""
        batch = self.max_batch(load)
        admitted = batch / load.output
        fresh = admitted * load.prompt * (1.0 - load.hit_ratio)
        plain = self.step(0.0, batch, batch * held_tokens(load))
        return plain + admitted * self.prefill(load.prompt, load.hit_ratio) + self._experts(fresh)

    def loaded_step(self, load: Load) -> float:
        """Seconds per step at a rate below capacity.

        In a step of length T arrive `rate * T` prompts and `rate * output * T` requests decode, so
        T stands on both sides; solved for T. What experts add is not linear and is iterated.
        """
        per_request = (
            self.prefill(load.prompt, load.hit_ratio)
            + load.output * self.per_sequence
            + load.output * held_tokens(load) * self.per_kv_token
        )
        share = min(load.rate * per_request, 0.999)
        step = self.step(0.0, 1.0, held_tokens(load))
        for _ in range(8 if self.expert_time else 1):
            running = max(1.0, load.rate * load.output * step)
            base = self.fixed + self.expert_time * (1.0 - self.expert_miss**running)
            step = max(base / (1.0 - share), self.step(0.0, 1.0, held_tokens(load)))
        return min(step, max(self.full_step(load), self.step(0.0, 1.0, held_tokens(load))))

    def steady(self, load: Load) -> Steady:
        """Where a replica settles under a load, by Little's law and a queue before the batch."""
        batch = self.max_batch(load)
        capacity = self.capacity(load)
        if not batch or not capacity:
            return Steady(math.inf, math.inf, 0.0, 0.0, 0.0, math.inf, load.rate)
        utilisation = load.rate / capacity
        full = utilisation >= 1.0
        step = self.full_step(load) if full else self.loaded_step(load)
        running = float(batch) if full else min(batch, load.rate * load.output * step)
        serving = step + self.prefill(load.prompt, load.hit_ratio)
        wait = queue_wait(min(utilisation, 0.95), serving)
        return Steady(
            ttft=step / 2 + serving + wait,
            tpot=step,
            running=running,
            waiting=0.0 if full else load.rate * wait,
            kv_usage=min(1.0, running * held_tokens(load) / self.kv_tokens),
            utilisation=utilisation,
            growth=max(0.0, load.rate - capacity),
        )

    def _experts(self, tokens: float) -> float:
        """What prompt tokens add to the reading of experts at most."""
        return self.expert_time * (1.0 - self.expert_miss**tokens) * 0.5 if tokens else 0.0


def held_tokens(load: Load) -> float:
    """Tokens a running request holds in the KV cache, on average over its life."""
    return load.prompt + load.output / 2


def queue_wait(utilisation: float, serving: float) -> float:
    """Seconds a request waits before a server this busy: M/G/1 with exponential variation."""
    return utilisation * serving / (1.0 - utilisation)


@lru_cache(maxsize=4096)
def service_time(model: Model, gpu: Gpu, gpus: int, nodes: int = 1) -> ServiceTime:
    """The step time of a model spread over the GPUs of one replica.

    The GPUs are taken as one tensor-parallel group: each holds its share of the weights, and two
    all-reduces a layer join their results.
    """
    ranks = max(1, gpus)
    efficiency = _HBM if gpu.high_bandwidth else _GDDR
    bandwidth = gpu.bandwidth * efficiency.bandwidth
    reached = efficiency.flops * gpu.flops_reach * ranks
    eight_bit = model.weight_bytes == 1.0 and gpu.flops8 is not None
    flops = (gpu.flops8 if eight_bit and gpu.flops8 else gpu.flops16) * reached

    embedding = model.vocabulary * model.hidden
    streamed = model.weights - 2.0 * embedding
    experts = 0.0
    visited = model.experts_per_token / model.experts
    if model.experts > 1:
        routed = (model.parameters - model.active) / (1.0 - visited)
        experts = routed * model.weight_bytes
        streamed -= experts
    streamed = max(streamed, 0.1 * model.weights)

    all_reduce, per_token_link = 0.0, 0.0
    if ranks > 1:
        # Between nodes a collective crosses the network, which costs several times the link.
        latency = gpu.link_latency * (3.0 if nodes > 1 else 1.0)
        all_reduce = 2.0 * model.layers * latency
        per_token_link = 2.0 * model.layers * model.hidden * 2.0 / gpu.link_bandwidth

    linear = 2.0 * model.active / flops + per_token_link
    attention_width = model.heads * model.head_dim
    kv_ranks = ranks if model.latent_kv else min(ranks, model.kv_heads)
    memory = GPU_MEMORY_UTILISATION * gpu.memory * ranks
    return ServiceTime(
        fixed=streamed / (ranks * bandwidth)
        + _FIXED_STEP
        + efficiency.per_step
        + efficiency.per_layer * model.layers
        + all_reduce,
        expert_time=experts / (ranks * bandwidth),
        expert_miss=1.0 - visited if experts else 0.0,
        per_sequence=linear + _PER_SEQUENCE,
        per_prompt_token=linear,
        per_prompt_square=2.0 * model.layers * attention_width / (gpu.flops16 * reached),
        per_kv_token=model.kv_bytes_per_token / (kv_ranks * bandwidth),
        kv_tokens=(memory - model.weights - WORKSPACE * ranks) / model.kv_bytes_per_token,
        weights_fit=model.weights <= memory,
    )
