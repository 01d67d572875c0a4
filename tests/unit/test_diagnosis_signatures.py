"""Log lines that mean something, as engines and the kernel write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.diagnosis.signatures import (
    BY_NAME,
    EXCERPT,
    LONGEST,
    SIGNATURES,
    engine_stats,
    match,
)

# Written for these tests, in the engines' words; figures are made up.
LINES = [
    ("cuda-oom", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 1 has"
     " a total capacity of 79.10 GiB of which 1.20 GiB is free.",
     {"wanted": "2.00 GiB", "capacity": "79.10 GiB", "free": "1.20 GiB"}),
    ("cuda-oom", "RuntimeError: CUDA error: out of memory", {}),
    ("cuda-oom", "CUDA out of memory", {}),
    ("hip-oom", "HIP out of memory. Tried to allocate 80.00 MiB.", {"wanted": "80.00 MiB"}),
    ("gpu-memory-taken", "Free memory on device (1.5/23.6 GiB) on startup is less than desired GPU"
     " memory utilization (0.9, 21.2 GiB).", {"free": "1.5", "capacity": "23.6 GiB"}),
    ("host-oom", "Out of memory: Killed process 7 (python) total-vm:1kB", {"process": "python"}),
    ("host-oom", "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)", {}),
    ("host-oom", "OSError: [Errno 12] Cannot allocate memory", {}),
    ("nccl-timeout", "[Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1, "
     "OpType=ALLREDUCE, NumelIn=1, NumelOut=0, Timeout(ms)=600000) ran for 600033 milliseconds",
     {"operation": "ALLREDUCE", "milliseconds": "600033"}),
    ("nccl-error", "RuntimeError: NCCL error: unhandled system error", {}),
    ("nccl-error", "torch.distributed.DistBackendError: ncclRemoteError: A call failed", {}),
    ("worker-stall", "No available shared memory broadcast block found in 60 seconds.",
     {"seconds": "60"}),
    ("illegal-memory", "CUDA error: device-side assert triggered", {}),
    ("cuda-driver", "CUDA driver version is insufficient for CUDA runtime version", {}),
    ("cuda-driver", "CUDA error: no kernel image is available for execution on the device", {}),
    ("no-device", "RuntimeError: Failed to infer device type", {}),
    ("kv-too-small", "The model's max seq len (32768) is larger than the maximum number of tokens "
     "that can be stored in KV cache (1000). Try", {"tokens_asked": "32768", "fits_older": "1000"}),
    ("kv-too-small", "ValueError: No available memory for the cache blocks.", {}),
    ("engine-died", "RuntimeError('Engine process (pid 7) died.')", {}),
    ("engine-died", "AsyncEngineDeadError: Background loop is stopped.", {}),
    ("engine-died", "Worker proc VllmWorker-1 died unexpectedly, shutting down.", {}),
    ("engine-start-failed", "ERROR [core.py:1] EngineCore failed to start.", {}),
    ("bad-argument", "api_server.py: error: argument --dtype: invalid choice: 'x'", {}),
    ("unsupported-model", "Model architectures ['A', 'B'] failed to be inspected.",
     {"architecture": "'A', 'B'"}),
    ("port-in-use", "[Errno 98] error while attempting to bind: address already in use", {}),
    ("hub-gated", "Cannot access gated repo for url https://hub.example/x", {}),
    ("hub-gated", "HTTPError: 403 Client Error: Forbidden for url: https://hub.example/x", {}),
    ("hub-not-found", "RepositoryNotFoundError: 404 Client Error.", {}),
    ("hub-rate-limit", "HTTP 429 Too Many Requests", {}),
    ("hub-unreachable", "Max retries exceeded with url: /api/models", {}),
    ("hub-unreachable", "socket.gaierror: [Errno -2] Name or service not known", {}),
    ("disk-full", "OSError: [Errno 28] No space left on device", {}),
    ("xid", "[ 12.3] NVRM: Xid (PCI:0000:1a:00): 119, pid=1, name=python, Timeout",
     {"device": "0000:1a:00", "code": "119", "detail": "pid=1, name=python, Timeout"}),
    ("peer-memory", "nvidia-peermem nv_get_p2p_free_callback:127 ERROR detected invalid context",
     {"detail": "detected invalid context"}),
    ("preempted", "Sequence group 3 is preempted by PreemptionMode.RECOMPUTE mode because",
     {"mode": "RECOMPUTE"}),
    ("weights-progress", "Loading safetensors checkpoint shards:  25% Completed | 4/16 [00:10<00]",
     {"percent": "25", "done": "4", "shards": "16"}),
    ("weights-progress", "Loading safetensors weights in parallel:   0%|          | 0/4 [00:00<?]",
     {"percent": "0", "done": "0", "shards": "4"}),
    ("weights-took", "Loading weights took 12.34 seconds", {"seconds": "12.34"}),
    ("weights-took", "Model loading took 56.78 GiB memory and 90.12 seconds",
     {"size": "56.78 GiB", "seconds": "90.12"}),
    ("weights-took", "Model loading took 3.25 GiB and 0.5 seconds",
     {"size": "3.25 GiB", "seconds": "0.5"}),
    ("download-took", "Time spent downloading weights for org/model: 23.5 seconds",
     {"seconds": "23.5"}),
    ("init-took", "init engine (profile, create kv cache, warmup model) took 45.67 s (compilation",
     {"seconds": "45.67"}),
    ("serving", "INFO:     Application startup complete.", {}),
    ("shutdown", "SIGTERM received. signum=None frame=None.", {}),
]  # fmt: skip

V1 = (
    "INFO 01-02 03:04:05 [loggers.py:1] Engine 000: Avg prompt throughput: 1234.5 tokens/s, "
    "Avg generation throughput: 67.8 tokens/s, Running: 12 reqs, Waiting: 34 reqs, "
    "GPU KV cache usage: 56.7%, Prefix cache hit rate: 25.0%"
)
V0 = (
    "INFO 01-02 03:04:05 metrics.py:1] Avg prompt throughput: 0.0 tokens/s, Avg generation "
    "throughput: 5.5 tokens/s, Running: 8 reqs, Swapped: 0 reqs, Pending: 3 reqs, "
    "GPU KV cache usage: 81.0%, CPU KV cache usage: 0.0%."
)
SGLANG = (
    "[2026-01-02 03:04:05] Decode batch, #running-req: 4, #full token: 181, full token usage: "
    "0.42, #swa token: 181, swa token usage: 0.00, cuda graph: True, "
    "gen throughput (token/s): 17.39, #queue-req: 7"
)


@pytest.mark.parametrize(("name", "line", "values"), LINES)
def test_a_line_has_its_signature_and_values(name: str, line: str, values: dict[str, str]) -> None:
    found = match(line)
    assert found is not None
    assert found.signature == name
    assert dict(found.values) == values


def test_every_signature_has_a_line_here() -> None:
    tested = {name for name, _, _ in LINES}
    assert tested | {"kv-too-small"} == set(BY_NAME)
    assert len(BY_NAME) == len(SIGNATURES)


@pytest.mark.parametrize(
    "wrapped",
    [
        "\x1b[1;36m(EngineCore pid=9)\x1b[0;0m {}",
        "(Worker_TP1 pid=7) ERROR 01-02 03:04:05 [core.py:1] {}",
        "␛(Worker_PP0 pid=7)␛ {}",
        "2026-01-02T03:04:05.678Z {}",
        "\x1b[31m{}\x1b[0m\r",
    ],
)
@pytest.mark.parametrize(("name", "line", "values"), LINES)
def test_prefixes_and_escapes_do_not_matter(
    wrapped: str, name: str, line: str, values: dict[str, str]
) -> None:
    found = match(wrapped.format(line))
    assert found is not None
    assert found.signature == name
    assert "\x1b" not in found.text


@pytest.mark.parametrize(
    "line",
    [
        "",
        V1,
        'INFO:     127.0.0.1:38954 - "POST /v1/chat/completions HTTP/1.1" 200 OK',
        "WARNING Available RAM: 18.08 GiB.",
        "no memory of CUDA out of order",
        "NVRM: Xid without a code",
    ],
)
def test_ordinary_lines_have_none(line: str) -> None:
    assert match(line) is None


def test_only_the_beginning_of_a_line_counts_and_the_excerpt_is_short() -> None:
    assert match("x" * LONGEST + "CUDA out of memory") is None
    found = match("CUDA out of memory" + "y" * 1000)
    assert found is not None
    assert len(found.text) == EXCERPT


def test_v1_statistics() -> None:
    stats = engine_stats(V1)
    assert stats == (12.0, 34.0, pytest.approx(0.567), 1234.5, 67.8, 0.25)


def test_v0_says_pending_and_has_no_hit_rate() -> None:
    stats = engine_stats(V0)
    assert stats == (8.0, 3.0, pytest.approx(0.81), 0.0, 5.5, None)


def test_sglang_decode_batches() -> None:
    assert engine_stats(SGLANG) == (4.0, 7.0, 0.42, None, 17.39, None)
    cut = engine_stats(SGLANG.split(", #queue-req", maxsplit=1)[0])
    assert cut is not None
    assert cut.waiting is None


@pytest.mark.parametrize("line", ["", "Avg prompt throughput: soon", "Decode batch, cut", V1[:150]])
def test_lines_without_all_figures_have_no_statistics(line: str) -> None:
    assert engine_stats(line) is None


def test_statistics_with_escapes() -> None:
    assert engine_stats("\x1b[1;36m(APIServer pid=1)\x1b[0;0m " + V1) == engine_stats(V1)


@given(st.text(), st.sampled_from([line for _, line, _ in LINES] + [V0, V1, SGLANG]), st.integers())
def test_no_line_breaks_it(noise: str, line: str, cut: int) -> None:
    at = cut % (len(line) + 1)
    for text in (noise, line[:at] + noise + line[at:], line[at:], line[:at]):
        found = match(text)
        assert found is None or found.signature in BY_NAME
        stats = engine_stats(text)
        assert stats is None or all(value is None or math.isfinite(value) for value in stats)
