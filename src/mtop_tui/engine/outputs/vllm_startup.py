"""How a vLLM V1 server starts, line by line: every figure follows from the container's facts.

Formats as in vLLM 0.10 to 0.25 (Apache-2.0).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from mtop_tui.engine.outputs.container import Container
from mtop_tui.engine.outputs.stamps import elapsed, short
from mtop_tui.engine.outputs.vllm_logger import API, core, line, workers
from mtop_tui.observations import LogLine

_GIB: Final = 2.0**30
_SHARD: Final = 5e9
"""Bytes of a shard at most, as models are published on Hugging Face."""

_MOST_PROGRESS = 20
_BLOCK = 16
_GRAPHS = 67


def start(
    container: Container, at: float, stop: float, *, seconds: float = 12.0
) -> Iterator[LogLine]:
    """From the start of the process until its workers are there."""
    del stop
    facts, engine = container.facts, core(container)
    parallel = f", 'tensor_parallel_size': {facts.ranks}" if facts.ranks > 1 else ""
    step = seconds / 12
    yield LogLine(at, f"INFO {short(at)} [__init__.py:216] Automatically detected platform cuda.")
    for offset, source, text in (
        (1, "api_server.py:1839", f"vLLM API server version {facts.version}"),
        (
            1,
            "utils.py:233",
            f"non-default args: {{'model': '/mnt/models', 'served_model_name': ['{facts.model}']"
            f"{parallel}}}",
        ),
        (4, "model.py:1510", f"Using max model len {facts.max_model_len}"),
        (
            4,
            "scheduler.py:205",
            "Chunked prefill is enabled with max_num_batched_tokens=8192.",
        ),
    ):
        yield line(at + offset * step, API, "INFO", source, text)
    when = at + 8 * step
    text = (
        f"Initializing a V1 LLM engine (v{facts.version}) with config: model='/mnt/models', "
        f"dtype=torch.bfloat16, max_seq_len={facts.max_model_len}, "
        f"tensor_parallel_size={facts.ranks}, served_model_name={facts.model}, "
        "enable_prefix_caching=True, chunked_prefill_enabled=True"
    )
    yield line(when, engine, "INFO", "core.py:77", text)
    for rank, prefix in enumerate(workers(container)):
        text = (
            f"rank {rank} in world size {facts.ranks} is assigned as DP rank 0, PP rank 0, "
            f"TP rank {rank}, EP rank {rank}"
        )
        yield line(at + 11 * step, prefix, "INFO", "parallel_state.py:1208", text)


def weights(
    container: Container,
    at: float,
    stop: float,
    *,
    seconds: float,
    done: float = 0.0,
    spent: float = 0.0,
) -> Iterator[LogLine]:
    """Weights are read for `seconds` more; `done` of 1 are there after `spent` seconds before.

    Infinite seconds are a source that does not answer: nothing more comes.
    """
    facts, first = container.facts, workers(container)[0]
    if not done:
        text = f"Starting to load model {facts.model}..."
        for prefix in workers(container):
            yield line(at, prefix, "INFO", "gpu_model_runner.py:2602", text)
    shards = shard_count(facts.weights)
    for shard in milestones(shards):
        share = shard / shards
        told = share <= done and done > 0.0
        if told or (shard and not math.isfinite(seconds)):
            continue
        when = at + seconds * (share - done) / (1.0 - done) if shard else at
        if when > stop:
            return
        yield LogLine(when, f"{first} {shard_progress(shard, shards, spent + when - at)}")
    if not math.isfinite(seconds) or at + seconds > stop:
        return
    end, took = at + seconds, spent + seconds
    yield line(
        end, first, "INFO", "default_loader.py:267", f"Loading weights took {took:.2f} seconds"
    )
    size = facts.weights / facts.ranks / _GIB
    text = f"Model loading took {size:.4f} GiB and {took + 0.6:.6f} seconds"
    for prefix in workers(container):
        yield line(end, prefix, "INFO", "gpu_model_runner.py:2653", text)


def milestones(count: int) -> list[int]:
    """The parts of so many after which a progress bar is written: none, the last, some between."""
    return sorted({*range(0, count, -(-count // _MOST_PROGRESS)), count})


def shard_count(size: float) -> int:
    """Files a model of so many bytes is published in."""
    return max(1, math.ceil(size / _SHARD))


def shard_progress(shard: int, shards: int, spent: float) -> str:
    """The progress bar after one shard of several, `spent` seconds after the first began."""
    rate = spent / shard if shard else 0.0
    left = elapsed(rate * (shards - shard)) if shard else "?"
    pace = f"{rate:5.2f}s/it" if shard else "?it/s"
    return (
        f"Loading safetensors checkpoint shards: {round(100 * shard / shards):3}% Completed | "
        f"{shard}/{shards} [{elapsed(spent)}<{left}, {pace}]"
    )


def compiling(container: Container, at: float, stop: float, *, seconds: float) -> Iterator[LogLine]:
    """Memory is profiled, kernels are compiled, graphs are captured."""
    del stop
    facts, ranks = container.facts, workers(container)
    dynamo, inductor, capture = 0.22 * seconds, 0.38 * seconds, 0.25 * seconds
    for prefix in ranks:
        text = f"Dynamo bytecode transform time: {dynamo:.2f} s"
        yield line(at + dynamo, prefix, "INFO", "backends.py:559", text)
    compiled = at + dynamo + inductor
    for prefix in ranks:
        text = f"Compiling a graph for dynamic shape takes {inductor:.2f} s"
        yield line(compiled, prefix, "INFO", "backends.py:218", text)
        text = f"torch.compile takes {dynamo + inductor:.2f} s in total"
        yield line(compiled, prefix, "INFO", "monitor.py:34", text)
    profiled = at + seconds - capture - 0.05 * seconds
    for prefix in ranks:
        text = f"Available KV cache memory: {facts.kv_bytes / _GIB:.2f} GiB"
        yield line(profiled, prefix, "INFO", "gpu_worker.py:298", text)
    text = f"GPU KV cache size: {facts.kv_tokens:,} tokens"
    yield line(profiled, core(container), "INFO", "kv_cache_utils.py:1087", text)
    most = facts.kv_tokens / facts.max_model_len
    text = f"Maximum concurrency for {facts.max_model_len:,} tokens per request: {most:.2f}x"
    yield line(profiled, core(container), "INFO", "kv_cache_utils.py:1091", text)
    captured = profiled + capture
    yield LogLine(
        captured,
        f"{ranks[0]} Capturing CUDA graphs (mixed prefill-decode, PIECEWISE): 100%|██████████| "
        f"{_GRAPHS}/{_GRAPHS} [{elapsed(capture)}<00:00, {_GRAPHS / max(capture, 0.1):5.2f}it/s]",
    )
    for prefix in ranks:
        text = f"Graph capturing finished in {round(capture)} secs, took 0.69 GiB"
        yield line(captured, prefix, "INFO", "gpu_model_runner.py:3480", text)
    text = f"init engine (profile, create kv cache, warmup model) took {seconds:.2f} seconds"
    yield line(at + seconds, core(container), "INFO", "core.py:210", text)


_ROUTES = (
    ("/health", "GET"),
    ("/metrics", "GET"),
    ("/v1/models", "GET"),
    ("/v1/chat/completions", "POST"),
    ("/v1/completions", "POST"),
)


def ready(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """The server opens its port."""
    del stop
    facts = container.facts
    blocks = facts.kv_tokens // _BLOCK
    for source, text in (
        (
            "loggers.py:147",
            f"Engine 000: vllm cache_config_info with initialization after num_gpu_blocks is: "
            f"{blocks}",
        ),
        ("api_server.py:1634", "Supported_tasks: ['generate']"),
        ("api_server.py:1912", f"Starting vLLM API server 0 on http://0.0.0.0:{facts.port}"),
        ("launcher.py:34", "Available routes are:"),
        *(("launcher.py:42", f"Route: {path}, Methods: {method}") for path, method in _ROUTES),
    ):
        yield line(at, API, "INFO", source, text)
    for text in (
        "Started server process [1]",
        "Waiting for application startup.",
        "Application startup complete.",
    ):
        yield LogLine(at, f"{API} INFO:     {text}")
