"""How an engine says that it fails: the lines before its end, all at the moment it happens.

`SERVING` names each failure as `domain.diagnosis.signatures` does. The first line that means
something names the cause; what follows (the dead engine, the server's exit) comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from mtop_tui.engine.outputs import hub_failures
from mtop_tui.engine.outputs.container import Container
from mtop_tui.engine.outputs.stamps import full, glog, short
from mtop_tui.observations import LogLine

if TYPE_CHECKING:
    from mtop_tui.domain.diagnosis.signatures import Match

_GIB: Final = 2.0**30
_UNITS: Final = {"KiB": 2.0**10, "MiB": 2.0**20, "GiB": _GIB}
# What models too large for their GPUs end with is told without the patterns.
_OFTEN: Final = (
    ("CUDA out of memory", "cuda-oom"),
    ("No available memory for the cache blocks", "no-kv-memory"),
)
_WITH_FIGURES: Final = frozenset({"gpu-memory-taken"})
_API: Final = "(APIServer pid=1)"


def says(container: Container, at: float, text: str, *, source: str = "core.py:710") -> LogLine:
    """One line of the engine's process at level ERROR."""
    if container.facts.speaker == "sglang":
        return LogLine(at, f"[{full(at)} TP0] {text}")
    return LogLine(at, f"(EngineCore pid={container.pid}) ERROR {short(at)} [{source}] {text}")


def _traceback(container: Container, at: float, calls: tuple[str, ...]) -> Iterator[LogLine]:
    yield says(container, at, "Traceback (most recent call last):")
    sglang = container.facts.speaker == "sglang"
    package = "sglang/srt" if sglang else "vllm/v1"
    root = "/usr/local/lib/python3.12/dist-packages"
    for number, call in enumerate(calls):
        file, _, name = call.partition(":")
        where = f'File "{root}/{package}/{file}", line {210 + 97 * number}, in {name}'
        yield says(container, at, f"  {where}")


_STEP: Final = ("engine/core.py:run_busy_loop", "worker/gpu_model_runner.py:execute_model")
_INIT: Final = ("engine/core.py:run_engine_core", "engine/core.py:_initialize_kv_caches")


def _died(container: Container, at: float) -> Iterator[LogLine]:
    """A serving engine is gone; the server finds out and leaves."""
    if container.facts.speaker == "sglang":
        yield LogLine(at, f"[{full(at)}] Scheduler proc 0 died unexpectedly with exit code 1")
        return
    yield says(container, at, "EngineCore encountered a fatal error.")
    error = f"{_API} ERROR {short(at)} [async_llm.py:480]"
    yield LogLine(at, f"{error} AsyncLLM output_handler failed.")
    yield LogLine(
        at,
        f"{error} vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. "
        "See stack trace (above) for the root cause.",
    )
    yield LogLine(at, f"{_API} INFO:     Shutting down")


def _not_started(container: Container, at: float) -> Iterator[LogLine]:
    """An engine did not come up; the server leaves with it."""
    if container.facts.speaker == "sglang":
        yield LogLine(at, f"[{full(at)}] Scheduler proc 0 died unexpectedly with exit code 1")
        return
    yield says(container, at, "EngineCore failed to start.")
    yield LogLine(
        at,
        f"{_API} RuntimeError: Engine core initialization failed. See root cause above. "
        "Failed core proc(s): {'EngineCore': 1}",
    )


def _end(container: Container, at: float, starting: float) -> Iterator[LogLine]:
    return _not_started(container, at) if starting else _died(container, at)


def cuda_oom(
    container: Container,
    at: float,
    stop: float,
    *,
    wanted: float = 2.0 * _GIB,
    starting: float = 0.0,
) -> Iterator[LogLine]:
    """An allocation of `wanted` bytes failed; with `starting`, before the engine served."""
    del stop
    capacity = container.facts.gpu_memory / _GIB
    free = min(wanted / _GIB, capacity) / 4
    yield from _traceback(container, at, _INIT if starting else _STEP)
    yield says(
        container,
        at,
        f"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {wanted / _GIB:.2f} GiB. "
        f"GPU 0 has a total capacity of {capacity:.2f} GiB of which {free:.2f} GiB is free. "
        f"Including non-PyTorch memory, this process has {capacity - free:.2f} GiB memory in use.",
    )
    yield from _end(container, at, starting)


def illegal_memory(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """A kernel read where it may not; also what an engine sees of XID 31 and 13."""
    del stop
    yield from _traceback(container, at, _STEP)
    text = "torch.AcceleratorError: CUDA error: an illegal memory access was encountered"
    yield says(container, at, text)
    yield LogLine(
        at,
        f"[rank0]:[E{glog(at)} ProcessGroupNCCL.cpp:2068] [PG ID 2 PG GUID 3 Rank 0] Process group "
        "watchdog thread terminated with exception: CUDA error: an illegal memory access was "
        "encountered",
    )
    yield from _died(container, at)


def nccl_timeout(
    container: Container, at: float, stop: float, *, seconds: float = 600.0
) -> Iterator[LogLine]:
    """The watchdog of every rank but the one that hangs gave up after `seconds`."""
    del stop
    sequence = 10_000 + int(at) % 900_000
    for rank in range(1, max(2, container.facts.ranks)):
        ran = 1_000 * seconds + 7 + 13 * rank
        yield LogLine(
            at,
            f"[rank{rank}]:[E{glog(at)} ProcessGroupNCCL.cpp:685] [Rank {rank}] Watchdog caught "
            f"collective operation timeout: WorkNCCL(SeqNum={sequence}, OpType=ALLREDUCE, "
            f"NumelIn=8192, NumelOut=8192, Timeout(ms)={1_000 * seconds:.0f}) ran for {ran:.0f} "
            "milliseconds before timing out.",
        )
    yield from _died(container, at)


def engine_died(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """The engine's process is gone without a word, for instance killed."""
    del stop
    yield from _died(container, at)


def error(
    container: Container, at: float, stop: float, *, text: str, starting: float = 0.0
) -> Iterator[LogLine]:
    """The engine ends with an error of these words."""
    del stop
    yield from _traceback(container, at, _INIT if starting else _STEP)
    yield says(container, at, text)
    yield from _end(container, at, starting)


def no_kv_memory(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """The weights leave nothing of the memory the engine may take."""
    del stop
    yield from _traceback(container, at, _INIT)
    yield says(
        container,
        at,
        "ValueError: No available memory for the cache blocks. Try increasing "
        "`gpu_memory_utilization` when initializing the engine.",
    )
    yield from _not_started(container, at)


def kv_too_small(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """One request of the longest length does not fit into the KV cache."""
    del stop
    facts = container.facts
    fits = min(facts.kv_tokens, facts.max_model_len - 1)
    needed = facts.kv_bytes * facts.max_model_len / max(1, fits)
    yield from _traceback(container, at, _INIT)
    yield says(
        container,
        at,
        "ValueError: To serve at least one request with the models's max seq len "
        f"({facts.max_model_len}), ({needed / _GIB:.2f} GiB KV cache is needed, which is larger "
        f"than the available KV cache memory ({facts.kv_bytes / _GIB:.2f} GiB). Based on the "
        f"available memory, the estimated maximum model length is {fits}.",
    )
    yield from _not_started(container, at)


def gpu_memory_taken(
    container: Container, at: float, stop: float, *, free: float
) -> Iterator[LogLine]:
    """Something else holds the GPU: only `free` bytes of it are left at the start."""
    del stop
    facts = container.facts
    capacity = facts.gpu_memory / _GIB
    share = facts.gpu_memory_utilization
    yield from _traceback(container, at, _INIT)
    yield says(
        container,
        at,
        f"ValueError: Free memory on device ({free / _GIB:.2f}/{capacity:.2f} GiB) on startup is "
        f"less than desired GPU memory utilization ({share}, {share * capacity:.2f} GiB).",
    )
    yield from _not_started(container, at)


def bad_argument(
    container: Container, at: float, stop: float, *, argument: str = "--no-such-option"
) -> Iterator[LogLine]:
    """The engine does not know an argument it is given."""
    del stop
    program = "launch_server.py" if container.facts.speaker == "sglang" else "vllm serve"
    yield LogLine(at, f"usage: {program} [model_tag] [options]")
    yield LogLine(at, f"{program}: error: unrecognized arguments: {argument}")


def unsupported_model(
    container: Container, at: float, stop: float, *, architecture: str = "UnknownForCausalLM"
) -> Iterator[LogLine]:
    """This version cannot run the model."""
    del stop
    yield from _traceback(container, at, ("engine/arg_utils.py:create_model_config",))
    yield says(
        container,
        at,
        f"ValueError: Model architectures ['{architecture}'] are not supported for now.",
    )
    yield from _not_started(container, at)


def no_device(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """The container sees no GPU."""
    del stop
    yield says(container, at, "RuntimeError: No CUDA GPUs are available")
    yield from _not_started(container, at)


SERVING: Final[Mapping[str, Callable[..., Iterator[LogLine]]]] = {
    "cuda-oom": cuda_oom,
    "illegal-memory": illegal_memory,
    "nccl-timeout": nccl_timeout,
    "engine-died": engine_died,
    "no-kv-memory": no_kv_memory,
    "kv-too-small": kv_too_small,
    "gpu-memory-taken": gpu_memory_taken,
    "bad-argument": bad_argument,
    "unsupported-model": unsupported_model,
    "no-device": no_device,
    "error": error,
    **hub_failures.STAGES,
}
"""Failures of a serving container. "no-kv-memory" has the signature "kv-too-small"; "error" has no
signature of its own."""


def failure_of(text: str) -> str:
    """The failure whose words these are; "error" for words that are of none."""
    for words, kind in _OFTEN:
        if words in text:
            return kind
    found = _match(text)
    name = found.signature if found else ""
    return name if name in SERVING and name not in _WITH_FIGURES else "error"


def wanted_bytes(text: str) -> float | None:
    """How much an allocation that failed had asked for; None if the words do not say it."""
    said = text.partition("Tried to allocate ")[2].split(maxsplit=2)
    if len(said) < 2 or (unit := _UNITS.get(said[1].rstrip("."))) is None:
        return None
    try:
        return float(said[0]) * unit
    except ValueError:
        return None


def _match(text: str) -> Match | None:
    # Compiled when something fails: thirty patterns would delay the first screen.
    from mtop_tui.domain.diagnosis.signatures import match  # noqa: PLC0415

    return match(text)
