"""Lines in the formats of a vLLM V1 server: statistics, preemption, hangs, shutdown.

Formats as in vLLM 0.10 to 0.25 (Apache-2.0); every figure follows from the container's facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from mtop_tui.engine.outputs.container import Container
from mtop_tui.engine.outputs.interval import Interval, access, access_count
from mtop_tui.engine.outputs.vllm_logger import API, core, line
from mtop_tui.engine.outputs.vllm_startup import compiling, ready, start, weights
from mtop_tui.engine.serving.replica import ReplicaStats
from mtop_tui.observations import LogLine

_PREEMPTIONS_A_LINE = 50
_STALL = 60.0


def stats_line(at: float, stats: Interval | ReplicaStats) -> LogLine:
    """The engine's statistics."""
    text = (
        f"Engine 000: Avg prompt throughput: {stats.prompt_rate:.1f} tokens/s, "
        f"Avg generation throughput: {stats.generation_rate:.1f} tokens/s, "
        f"Running: {round(stats.running)} reqs, Waiting: {round(stats.waiting)} reqs,"
        f" GPU KV cache usage: {100 * stats.kv_usage:.1f}%, "
        f"Prefix cache hit rate: {100 * stats.prefix_hit_rate:.1f}%"
    )
    return line(at, API, "INFO", "loggers.py:127", text)


def interval_lines(
    container: Container, at: float, before: Interval | None, interval: Interval
) -> list[LogLine]:
    """Statistics at `at`, a preemption's warning if one is due, then the server's access lines."""
    found = []
    number = _preemption(before, interval)
    if number:
        text = (
            f"Request cmpl-{int(at) % 100_000:05}-0 is preempted by PreemptionMode.RECOMPUTE mode "
            "because there is not enough KV cache space. "
            f"total_num_cumulative_preemption={number}"
        )
        found.append(line(at, core(container), "WARNING", "scheduler.py:412", text))
    if not _quiet(before, interval):
        found.append(stats_line(at, interval))
    found += (LogLine(when, f"{API} {text}") for when, text in access(container.pod, at, interval))
    return found


def interval_count(before: Interval | None, interval: Interval) -> int:
    """How many lines `interval_lines` gives."""
    preempted = 1 if _preemption(before, interval) else 0
    return preempted + (0 if _quiet(before, interval) else 1) + access_count(interval)


def _quiet(before: Interval | None, interval: Interval) -> bool:
    """vLLM says nothing when no token moved, neither in this interval nor in the one before."""
    moved = interval.prompt_rate or interval.generation_rate
    return not moved and not (before and (before.prompt_rate or before.generation_rate))


def _preemption(before: Interval | None, interval: Interval) -> int:
    """The count that is logged: of every fiftieth preemption, as vLLM does; 0 for none."""
    if interval.preemptions < 1:
        return 0
    number = int(interval.preemptions - 1) // _PREEMPTIONS_A_LINE * _PREEMPTIONS_A_LINE + 1
    return number if number > (before.preemptions if before else 0.0) else 0


def hang(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """A rank does not come back: the core complains every minute that it waits for its workers."""
    if container.facts.ranks == 1:
        return
    text = (
        f"No available shared memory broadcast block found in {_STALL:.0f} seconds. This typically "
        "happens when some processes are hanging or doing some time-consuming work."
    )
    when = at + _STALL
    while when <= stop:
        yield line(when, core(container), "INFO", "shm_broadcast.py:466", text)
        when += _STALL


def resume(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """A hang ended by itself; nothing is said of it."""
    del container, at, stop
    yield from ()


def shutdown(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """SIGTERM came."""
    del stop
    for prefix, source, text in (
        (API, "launcher.py:100", "[shutdown] API server: shutdown triggered"),
        (core(container), "core.py:1214", "[shutdown] EngineCore: trigger received signal=SIGTERM"),
        (core(container), "core.py:1227", "[shutdown] EngineCore: exiting busy loop"),
        (API, "core_client.py:662", "[shutdown] MPClient: complete"),
    ):
        yield line(at, prefix, "INFO", source, text)
    for text in (
        "Shutting down",
        "Waiting for application shutdown.",
        "Application shutdown complete.",
    ):
        yield LogLine(at, f"{API} INFO:     {text}")


STAGES: Final[Mapping[str, Callable[..., Iterator[LogLine]]]] = {
    "start": start,
    "weights": weights,
    "compile": compiling,
    "ready": ready,
    "hang": hang,
    "resume": resume,
    "stop": shutdown,
}
