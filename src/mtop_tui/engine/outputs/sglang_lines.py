"""Lines in the formats of an SGLang server (0.5, Apache-2.0). Figures are of the container."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from mtop_tui.engine.outputs.container import Container
from mtop_tui.engine.outputs.interval import INTERVAL, Interval, access, access_count
from mtop_tui.engine.outputs.stamps import elapsed, full
from mtop_tui.engine.outputs.vllm_startup import milestones, shard_count
from mtop_tui.engine.serving.replica import ReplicaStats
from mtop_tui.observations import LogLine

_GB: Final = 1e9
_CHUNK = 8192


def _says(at: float, text: str) -> LogLine:
    return LogLine(at, f"[{full(at)}] {text}")


def _rank(container: Container, at: float, rank: int, text: str) -> LogLine:
    """One line of a scheduler, which says its rank when there are several."""
    who = f" TP{rank}" if container.facts.ranks > 1 else ""
    return LogLine(at, f"[{full(at)}{who}] {text}")


def stats_line(container: Container, at: float, stats: Interval | ReplicaStats) -> LogLine:
    """A decode batch, of which SGLang logs every fortieth."""
    held = round(stats.kv_usage * container.facts.kv_tokens)
    text = (
        f"Decode batch, #running-req: {round(stats.running)}, #token: {held}, "
        f"token usage: {stats.kv_usage:.2f}, cuda graph: True, "
        f"gen throughput (token/s): {stats.generation_rate:.2f}, "
        f"#queue-req: {round(stats.waiting)}"
    )
    return _rank(container, at, 0, text)


def interval_lines(
    container: Container, at: float, before: Interval | None, interval: Interval
) -> list[LogLine]:
    """A prefill and a decode batch at `at`, then the server's access lines."""
    del before
    found = []
    if interval.prompt_rate:
        hits = interval.prefix_hit_rate
        text = (
            f"Prefill batch, #new-seq: {max(1, round(interval.finished / INTERVAL))}, "
            f"#new-token: {min(_CHUNK, round(interval.prompt_rate * (1 - hits)))}, "
            f"#cached-token: {round(interval.prompt_rate * hits)}, "
            f"token usage: {interval.kv_usage:.2f}, #running-req: {round(interval.running)}, "
            f"#queue-req: {round(interval.waiting)}, "
            f"input throughput (token/s): {interval.prompt_rate * (1 - hits):.2f}"
        )
        found.append(_rank(container, at, 0, text))
    if interval.running:
        found.append(stats_line(container, at, interval))
    found += (_says(when, text) for when, text in access(container.pod, at, interval))
    return found


def interval_count(before: Interval | None, interval: Interval) -> int:
    """How many lines `interval_lines` gives."""
    del before
    return bool(interval.prompt_rate) + bool(interval.running) + access_count(interval)


def start(
    container: Container, at: float, stop: float, *, seconds: float = 12.0
) -> Iterator[LogLine]:
    """From the start of the process until its schedulers are there."""
    del stop
    facts = container.facts
    text = (
        f"server_args=ServerArgs(model_path='/mnt/models', served_model_name='{facts.model}', "
        f"tp_size={facts.ranks}, context_length={facts.max_model_len}, "
        f"mem_fraction_static={facts.gpu_memory_utilization}, port={facts.port})"
    )
    yield _says(at + 0.2 * seconds, text)
    for rank in range(facts.ranks):
        yield _rank(container, at + 0.7 * seconds, rank, "Init torch distributed begin.")
    for rank in range(facts.ranks):
        text = f"Init torch distributed ends. elapsed={0.2 * seconds:.2f} s, mem usage=0.08 GB"
        yield _rank(container, at + 0.9 * seconds, rank, text)


def weights(
    container: Container,
    at: float,
    stop: float,
    *,
    seconds: float,
    done: float = 0.0,
    spent: float = 0.0,
) -> Iterator[LogLine]:
    """Weights are read for `seconds` more; `done` of 1 are there after `spent` seconds before."""
    facts = container.facts
    free = facts.gpu_memory / _GB
    if not done:
        for rank in range(facts.ranks):
            yield _rank(container, at, rank, f"Load weight begin. avail mem={free:.2f} GB")
    if not math.isfinite(seconds):
        return
    shards = shard_count(facts.weights)
    for shard in milestones(shards):
        if shard == 0 or shard / shards <= done:
            continue
        when = at + seconds * (shard / shards - done) / (1.0 - done)
        if when > stop:
            return
        so_far = spent + when - at
        rate = so_far / shard
        yield LogLine(
            when,
            f"Multi-thread loading shards: {round(100 * shard / shards):3}% Completed | "
            f"{shard}/{shards} [{elapsed(so_far)}<{elapsed(rate * (shards - shard))}, "
            f"{rate:5.2f}s/it]",
        )
    used = facts.weights / facts.ranks / _GB
    for rank in range(facts.ranks):
        text = (
            f"Load weight end. elapsed={spent + seconds:.2f} s, dtype=torch.bfloat16, "
            f"avail mem={free - used:.2f} GB, mem usage={used:.2f} GB."
        )
        yield _rank(container, at + seconds, rank, text)


def compiling(container: Container, at: float, stop: float, *, seconds: float) -> Iterator[LogLine]:
    """The KV cache is allocated and graphs are captured."""
    del stop
    facts = container.facts
    half = facts.kv_bytes / 2 / _GB
    for rank in range(facts.ranks):
        text = (
            f"KV Cache is allocated. dtype: torch.bfloat16, #tokens: {facts.kv_tokens}, "
            f"K size: {half:.2f} GB, V size: {half:.2f} GB"
        )
        yield _rank(container, at + 0.1 * seconds, rank, text)
    left = max(0.0, (1.0 - facts.gpu_memory_utilization) * facts.gpu_memory / _GB)
    for rank in range(facts.ranks):
        text = (
            f"Capture cuda graph begin. This can take up to several minutes. avail mem={left:.2f}"
        )
        yield _rank(container, at + 0.1 * seconds, rank, f"{text} GB")
    for rank in range(facts.ranks):
        text = f"Capture cuda graph end. Time elapsed: {0.9 * seconds:.2f} s. mem usage=0.85 GB."
        yield _rank(container, at + seconds, rank, text)
    text = (
        f"max_total_num_tokens={facts.kv_tokens}, chunked_prefill_size={_CHUNK}, "
        f"max_prefill_tokens=16384, context_len={facts.max_model_len}"
    )
    yield _rank(container, at + seconds, 0, text)


def ready(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """The server opens its port."""
    del stop
    for text in (
        "INFO:     Started server process [1]",
        "INFO:     Waiting for application startup.",
        "INFO:     Application startup complete.",
        f"INFO:     Uvicorn running on http://0.0.0.0:{container.facts.port} "
        "(Press CTRL+C to quit)",
        "The server is fired up and ready to roll!",
    ):
        yield _says(at, text)


def silent(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """A hang, and its end: SGLang says nothing until its watchdog ends it."""
    del container, at, stop
    yield from ()


def shutdown(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """SIGTERM came."""
    del container, stop
    text = "SIGTERM received. signum=None frame=None. Draining requests and shutting down..."
    yield _says(at, text)
    yield _says(at, "Gracefully exiting... Remaining number of requests 0. Remaining requests: []")


STAGES: Final[Mapping[str, Callable[..., Iterator[LogLine]]]] = {
    "start": start,
    "weights": weights,
    "compile": compiling,
    "ready": ready,
    "hang": silent,
    "resume": silent,
    "stop": shutdown,
}
