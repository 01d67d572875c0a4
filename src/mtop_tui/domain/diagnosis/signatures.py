"""Log lines that mean something: one table of patterns, and the engines' own statistics lines.

A line is looked at as it comes: worker prefixes, ANSI escapes and the marks `text.safe` makes of
them are tolerated. Only its first `LONGEST` characters count. Lines that quote a request are never
matched, since users write in them what they like.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST = 4096
EXCERPT = 200


class Signature(NamedTuple):
    """A kind of line: plain text that has to be in it, the pattern, and what it means."""

    name: str
    literals: tuple[str, ...]
    pattern: re.Pattern[str]
    meaning: str


class Match(NamedTuple):
    """What was found in a line; `values` are the pattern's named groups that took part."""

    signature: str
    text: str
    values: tuple[tuple[str, str], ...]


class EngineStats(NamedTuple):
    """What an engine says of itself every few seconds; None where the line does not say it.

    Rates are tokens per second, ratios 0 to 1. SGLang's `waiting` counts its queue only.
    """

    running: float | None
    waiting: float | None
    kv_usage: float | None
    prompt_rate: float | None
    generation_rate: float | None
    prefix_hit_ratio: float | None


def _signature(name: str, literals: str, pattern: str, meaning: str) -> Signature:
    return Signature(name, tuple(literals.split("|")), re.compile(pattern), meaning)


SIGNATURES = (
    _signature(
        "cuda-oom",
        "CUDA out of memory|CUDA error: out of memory|CUDA_ERROR_OUT_OF_MEMORY",
        r"CUDA out of memory(?:\. Tried to allocate (?P<wanted>[\d.]+ [KMG]iB))?"
        r"(?:.{0,40}? total capacity of (?P<capacity>[\d.]+ [KMG]iB))?"
        r"(?: of which (?P<free>[\d.]+ (?:[KMG]iB|bytes)) is free)?"
        r"|CUDA error: out of memory|CUDA_ERROR_OUT_OF_MEMORY",
        "the GPU has no memory left",
    ),
    _signature(
        "hip-oom",
        "HIP out of memory",
        r"HIP out of memory(?:\. Tried to allocate (?P<wanted>[\d.]+ [KMG]iB))?"
        r"(?:.{0,40}? total capacity of (?P<capacity>[\d.]+ [KMG]iB))?"
        r"(?: of which (?P<free>[\d.]+ (?:[KMG]iB|bytes)) is free)?",
        "the AMD GPU has no memory left",
    ),
    _signature(
        "gpu-memory-taken",
        "less than desired GPU memory utilization",
        r"\((?P<free>[\d.]+)/(?P<capacity>[\d.]+ GiB)\) on startup is less than desired GPU memory",
        "something else already holds memory of the GPU",
    ),
    _signature(
        "host-oom",
        "Out of memory: Kill|oom-kill:constraint|emory cgroup out of memory|Cannot allocate memory",
        r"Out of memory: Kill(?:ed)? process \d+.{0,60}?\((?P<process>[^)]{1,40})\)"
        r"|oom-kill:constraint=\w+|[Mm]emory cgroup out of memory|Cannot allocate memory",
        "the host or the container has no memory left",
    ),
    _signature(
        "nccl-timeout",
        "Watchdog caught collective operation timeout",
        r"Watchdog caught collective operation timeout:.{0,80}?OpType=(?P<operation>\w+)"
        r".{0,200}?ran for (?P<milliseconds>\d+) milliseconds",
        "ranks waited for one another until the watchdog gave up",
    ),
    _signature(
        "nccl-error",
        "NCCL error|ncclSystemError|ncclRemoteError|ncclInternalError|ncclUnhandledCudaError",
        r"NCCL error.{0,80}|nccl(?:System|Remote|Internal|UnhandledCuda)Error.{0,80}",
        "GPUs cannot talk to one another",
    ),
    _signature(
        "worker-stall",
        "No available block found in|No available shared memory broadcast block found in",
        r"No available (?:shared memory broadcast )?block found in (?P<seconds>\d+)",
        "a worker has not answered for a while",
    ),
    _signature(
        "illegal-memory",
        "illegal memory access|device-side assert triggered",
        r"an illegal memory access was encountered|device-side assert triggered",
        "a GPU kernel failed",
    ),
    _signature(
        "cuda-driver",
        "driver version is insufficient|NVIDIA driver on your system is too old"
        "|no kernel image is available|forward compatibility was attempted",
        r"CUDA driver version is insufficient for CUDA runtime version"
        r"|NVIDIA driver on your system is too old|no kernel image is available"
        r"|forward compatibility was attempted on non supported HW",
        "the image needs a newer driver or another GPU",
    ),
    _signature(
        "no-device",
        "No CUDA GPUs are available|Failed to infer device type|No HIP GPUs are available",
        r"No (?:CUDA|HIP) GPUs are available|Failed to infer device type",
        "the container sees no GPU",
    ),
    _signature(
        "kv-too-small",
        "KV cache is needed, which is larger than|that can be stored in KV cache"
        "|No available memory for the cache blocks",
        r"max seq len \((?P<tokens>\d+)\), \(?(?P<needed>[\d.]+ GiB) KV cache is needed, which is "
        r"larger than the available KV cache memory \((?P<available>-?[\d.]+ GiB)\)"
        r"(?:.{0,120}?maximum model length is (?P<fits>\d+))?"
        r"|max seq len \((?P<tokens_asked>\d+)\) is larger than the maximum number of tokens that "
        r"can be stored in KV cache(?: \((?P<fits_older>\d+)\))?"
        r"|No available memory for the cache blocks",
        "the KV cache left after the weights cannot hold one longest request",
    ),
    _signature(
        "engine-died",
        "EngineDeadError|MQLLMEngine is already dead|) died.|EngineCore encountered a fatal error"
        "|died unexpectedly",
        r"(?:Async)?EngineDeadError|MQLLMEngine is already dead|Engine process \(pid \d+\) died"
        r"|EngineCore encountered a fatal error|\w+ (?:proc \S+ )?died unexpectedly",
        "the engine process is gone, the server is not yet",
    ),
    _signature(
        "engine-start-failed",
        "Engine core initialization failed|EngineCore failed to start",
        r"Engine core initialization failed|EngineCore failed to start",
        "the engine did not come up; the reason stands before it",
    ),
    _signature(
        "bad-argument",
        "error: unrecognized arguments:|error: argument --",
        r"error: (?:unrecognized arguments: (?P<argument>\S{1,60})|argument --.{1,80})",
        "the engine does not know an argument it is given",
    ),
    _signature(
        "unsupported-model",
        "Model architectures [",
        r"Model architectures \[(?P<architecture>[^\]]{1,80})\] "
        r"(?:are not supported|failed to be inspected)",
        "this engine version cannot run the model",
    ),
    _signature(
        "port-in-use",
        "ddress already in use",
        r"[Aa]ddress already in use",
        "another process listens on the port",
    ),
    _signature(
        "hub-gated",
        "GatedRepoError|annot access gated repo|401 Client Error|403 Client Error",
        r"GatedRepoError|[Cc]annot access gated repo|40[13] Client Error.{0,120}",
        "the model hub refuses the download: token missing or model gated",
    ),
    _signature(
        "hub-not-found",
        "RepositoryNotFoundError|404 Client Error",
        r"RepositoryNotFoundError|404 Client Error.{0,120}",
        "the model hub does not know the model",
    ),
    _signature(
        "hub-rate-limit",
        "429 Client Error|429 Too Many Requests",
        r"429 (?:Client Error|Too Many Requests).{0,120}",
        "the model hub limits the rate of requests",
    ),
    _signature(
        "hub-unreachable",
        "couldn't connect to|Max retries exceeded with url|Name or service not known",
        r"couldn't connect to '?(?P<host>https?://[^\s']{1,80})|Max retries exceeded with url"
        r"|Name or service not known",
        "the weights' source cannot be reached",
    ),
    _signature(
        "disk-full",
        "No space left on device",
        r"No space left on device",
        "the disk is full",
    ),
    _signature(
        "xid",
        "NVRM: Xid",
        r"NVRM: Xid \(PCI:(?P<device>[0-9A-Fa-f:.]+)\): (?P<code>\d+)(?:, (?P<detail>.{0,120}))?",
        "the GPU driver reports an error",
    ),
    _signature(
        "peer-memory",
        "nv_get_p2p_free_callback",
        r"nv_get_p2p_free_callback:\d+ ERROR (?P<detail>.{0,80})",
        "GPUDirect RDMA lost its context",
    ),
    _signature(
        "preempted",
        "is preempted by PreemptionMode",
        r"is preempted by PreemptionMode\.(?P<mode>\w+)",
        "a request gave up its KV cache and starts over",
    ),
    _signature(
        "weights-progress",
        "checkpoint shards: |Loading safetensors weights in parallel:",
        r"(?:checkpoint shards|weights in parallel): +(?P<percent>\d+)%"
        r"(?:.{0,20}?\| *(?P<done>\d+)/(?P<shards>\d+))?",
        "weights are being read",
    ),
    _signature(
        "weights-took",
        "Loading weights took|Model loading took",
        r"(?:Loading weights|Model loading) took (?:(?P<size>[\d.]+ GiB)(?: memory)? and )?"
        r"(?P<seconds>[\d.]+) seconds",
        "weights are read",
    ),
    _signature(
        "download-took",
        "Time spent downloading weights",
        r"Time spent downloading weights for \S+ (?P<seconds>[\d.]+) seconds",
        "weights are downloaded",
    ),
    _signature(
        "init-took",
        "init engine (profile",
        r"init engine \([^)]{0,60}\) took (?P<seconds>[\d.]+) s",
        "the engine is profiled, compiled and warm",
    ),
    _signature(
        "serving",
        "Application startup complete|The server is fired up",
        r"Application startup complete|The server is fired up",
        "the server takes requests",
    ),
    _signature(
        "shutdown",
        "SIGTERM|API server: shutdown triggered",
        r"SIGTERM|API server: shutdown triggered",
        "it was told to stop",
    ),
)
"""Specific before general: a line has the first signature that fits."""

BY_NAME = {signature.name: signature for signature in SIGNATURES}

_LITERALS = tuple(
    (literal, signature) for signature in SIGNATURES for literal in signature.literals
)
_REQUEST = "Received request "
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x1b␛]")


def match(line: str) -> Match | None:
    """The first signature the line has, or None, as nearly all lines do."""
    line = _plain(line)
    for literal, signature in _LITERALS:
        if literal in line:
            found = signature.pattern.search(line)
            if found is not None:
                if _REQUEST in line:
                    return None
                values = tuple((k, v) for k, v in found.groupdict().items() if v is not None)
                return Match(signature.name, line[found.start() :][:EXCERPT].rstrip(), values)
    return None


_NUMBER = r"(-?\d+(?:\.\d+)?)"
_VLLM = re.compile(
    rf"Avg prompt throughput: {_NUMBER} tokens/s, Avg generation throughput: {_NUMBER} tokens/s, "
    rf"Running: {_NUMBER} reqs, (?:Swapped: \d+ reqs, )?(?:Waiting|Pending): {_NUMBER} reqs, "
    rf"GPU KV cache usage: {_NUMBER}%(?:, CPU KV cache usage: {_NUMBER}%)?"
    rf"(?:.{{0,4}}Prefix cache hit rate: {_NUMBER}%)?"
)
_SGLANG = re.compile(
    rf"Decode batch.{{0,40}}?#running-req: (?P<running>\d+).{{0,80}}?"
    rf"token usage: (?P<usage>{_NUMBER}).{{0,200}}?"
    rf"gen throughput \(token/s\): (?P<rate>{_NUMBER})(?:, #queue-req: (?P<queue>\d+))?"
)


def engine_stats(line: str) -> EngineStats | None:
    """What vLLM (V0 and V1) or SGLang (decode batches) say of themselves; None for other lines.

    V0 says "Pending" for what waits, and has no prefix cache hit rate.
    """
    if "Avg prompt throughput" in line:
        found = _VLLM.search(_plain(line))
        if found is None:
            return None
        prompt, generation, running, waiting, usage, _, hits = found.groups()
        return EngineStats(
            float(running),
            float(waiting),
            float(usage) / 100,
            float(prompt),
            float(generation),
            None if hits is None else float(hits) / 100,
        )
    if "Decode batch" in line:
        found = _SGLANG.search(_plain(line))
        if found is None:
            return None
        queue = found["queue"]
        return EngineStats(
            float(found["running"]),
            None if queue is None else float(queue),
            float(found["usage"]),
            None,
            float(found["rate"]),
            None,
        )
    return None


def _plain(line: str) -> str:
    line = line[:LONGEST]
    return _ANSI.sub("", line) if "\x1b" in line or "␛" in line else line
