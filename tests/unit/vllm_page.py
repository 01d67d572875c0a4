"""A metrics page like that of vLLM 0.24 with one engine: its families, labels and bucket edges.

Names, labels and edges are those vLLM 0.24 exposes (vllm-project/vllm, `vllm/v1/metrics`,
Apache-2.0); help texts and values are made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MODEL = "example-org/example-model-27B"
BORN = 1.7870218529420977e9

LENGTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5)
STEP_TOKENS = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
CHOICES = (1, 2, 5, 10, 20)
FIRST_TOKEN = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560),
)
PER_TOKEN = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
    *(1, 2.5, 5, 7.5, 10, 20, 40, 80),
)
WHOLE = (
    *(0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60),
    *(120, 240, 480, 960, 1920, 7680),
)
HTTP_FINE = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5),
    *(5, 7.5, 10, 30, 60),
)
HTTP_COARSE = (0.1, 0.5, 1)

HISTOGRAMS = {
    "request_prompt_tokens": LENGTHS,
    "request_generation_tokens": LENGTHS,
    "iteration_tokens_total": STEP_TOKENS,
    "request_max_num_generation_tokens": LENGTHS,
    "request_params_n": CHOICES,
    "request_params_max_tokens": LENGTHS,
    "time_to_first_token_seconds": FIRST_TOKEN,
    "inter_token_latency_seconds": PER_TOKEN,
    "request_time_per_output_token_seconds": PER_TOKEN,
    "e2e_request_latency_seconds": WHOLE,
    "request_queue_time_seconds": WHOLE,
    "request_inference_time_seconds": WHOLE,
    "request_prefill_time_seconds": WHOLE,
    "request_decode_time_seconds": WHOLE,
    "request_prefill_kv_computed_tokens": LENGTHS,
}

GAUGES = {"num_requests_running": 3.0, "num_requests_waiting": 1.0, "kv_cache_usage_perc": 0.25}

GAUGES_BY_LABEL = {
    "num_requests_waiting_by_reason": ("reason", {"capacity": 1.0, "deferred": 0.0}),
    "engine_sleep_state": (
        "sleep_state",
        {"awake": 1.0, "weights_offloaded": 0.0, "discard_all": 0.0},
    ),
}

COUNTERS_PER_REQUEST = {
    "estimated_flops_per_gpu": 0.0,
    "estimated_read_bytes_per_gpu": 0.0,
    "estimated_write_bytes_per_gpu": 0.0,
    "prefix_cache_queries": 400.0,
    "prefix_cache_hits": 100.0,
    "external_prefix_cache_queries": 0.0,
    "external_prefix_cache_hits": 0.0,
    "mm_cache_queries": 0.0,
    "mm_cache_hits": 0.0,
    "num_preemptions": 0.01,
    "prompt_tokens": 400.0,
    "prompt_tokens_cached": 100.0,
    "generation_tokens": 150.0,
}

COUNTERS_BY_LABEL = {
    "prompt_tokens_by_source": (
        "source",
        {"local_compute": 300.0, "local_cache_hit": 100.0, "external_kv_transfer": 0.0},
    ),
    "request_success": (
        "finished_reason",
        {"stop": 0.9, "length": 0.08, "abort": 0.01, "error": 0.01, "repetition": 0.0},
    ),
}

CACHE_CONFIG = {
    "_block_size_resolved": "True",
    "block_size": "16",
    "cache_dtype": "auto",
    "calculate_kv_scales": "False",
    "enable_prefix_caching": "True",
    "engine": "0",
    "gpu_memory_utilization": "0.9",
    "hash_block_size": "None",
    "is_attention_free": "False",
    "kv_cache_dtype_skip_layers": "[]",
    "kv_cache_max_concurrency": "1.5",
    "kv_cache_memory_bytes": "None",
    "kv_cache_size_tokens": "320000",
    "kv_offloading_backend": "native",
    "kv_offloading_size": "None",
    "kv_sharing_fast_prefill": "False",
    "mamba_block_size": "None",
    "mamba_cache_dtype": "auto",
    "mamba_cache_mode": "none",
    "mamba_page_size_padded": "None",
    "mamba_ssm_cache_dtype": "auto",
    "num_cpu_blocks": "None",
    "num_gpu_blocks": "20000",
    "num_gpu_blocks_override": "None",
    "prefix_caching_hash_algo": "sha256",
    "sliding_window": "None",
    "user_specified_block_size": "False",
    "user_specified_mamba_block_size": "False",
}

ROUTES = (
    {"handler": "none", "method": "GET"},
    {"handler": "/v1/models", "method": "GET"},
    {"handler": "none", "method": "POST"},
    {"handler": "/v1/chat/completions", "method": "POST"},
)


def vllm_page(requests: int = 1000, model: str = MODEL, engine: str = "0") -> str:
    """The page, about 67 kB, after `requests` requests; the same arguments give the same text."""
    return "\n".join(_lines(requests, {"engine": engine, "model_name": model})) + "\n"


def _lines(requests: int, engine: dict[str, str]) -> Iterator[str]:
    yield from _process()
    for name, value in GAUGES.items():
        yield from _family(f"vllm:{name}", "gauge", [(engine, value)])
    for name, (label, gauges) in GAUGES_BY_LABEL.items():
        rows = [({**engine, label: at}, value) for at, value in gauges.items()]
        yield from _family(f"vllm:{name}", "gauge", rows)
    for name, each in COUNTERS_PER_REQUEST.items():
        yield from _counter(f"vllm:{name}", [(engine, each * requests)])
    for name, (label, shares) in COUNTERS_BY_LABEL.items():
        rows = [({**engine, label: at}, each * requests) for at, each in shares.items()]
        yield from _counter(f"vllm:{name}", rows)
    for name, edges in HISTOGRAMS.items():
        yield from _histogram(f"vllm:{name}", edges, [engine], requests)
    config = {**CACHE_CONFIG, "engine": engine["engine"]}
    yield from _family("vllm:cache_config_info", "gauge", [(config, 1.0)])
    yield from _http(requests)
    yield from _tool_calls(engine["model_name"], requests)


def _process() -> Iterator[str]:
    for name in ("objects_collected", "objects_uncollectable", "collections"):
        rows = [({"generation": str(at)}, 1152.0 / 10**at) for at in range(3)]
        yield from _family(f"python_gc_{name}_total", "counter", rows)
    python = {"implementation": "CPython", "major": "3", "minor": "12", "version": "3.12.11"}
    yield from _family("python_info", "gauge", [(python, 1.0)])
    for name, value in {
        "virtual_memory_bytes": 2.4804184064e10,
        "resident_memory_bytes": 2.53474816e9,
        "start_time_seconds": BORN,
        "open_fds": 63.0,
        "max_fds": 65535.0,
    }.items():
        yield from _family(f"process_{name}", "gauge", [({}, value)])
    yield from _family("process_cpu_seconds_total", "counter", [({}, 207.16)])


def _http(requests: int) -> Iterator[str]:
    chat = ROUTES[-1]
    answered = [
        *(({**route, "status": "4xx"}, 27.0) for route in ROUTES),
        ({**chat, "status": "5xx"}, requests * 0.01),
        ({**chat, "status": "2xx"}, requests * 0.99),
    ]
    yield from _counter("http_requests", answered)
    paths = [{"handler": path} for path in ("none", "/v1/models", "/v1/chat/completions")]
    for name in ("http_request_size_bytes", "http_response_size_bytes"):
        yield from _head(name, "summary")
        for labels in paths:
            yield f"{name}_count{_labels(labels)} {requests * 1.0}"
            yield f"{name}_sum{_labels(labels)} {requests * 512.0}"
        yield from _created(name, paths)
    yield from _histogram("http_request_duration_highr_seconds", HTTP_FINE, [{}], requests)
    yield from _histogram("http_request_duration_seconds", HTTP_COARSE, ROUTES, requests)


def _tool_calls(model: str, requests: int) -> Iterator[str]:
    rows = [
        (
            {"mode": mode, "model_name": model, "outcome": outcome, "request_type": kind},
            requests * 0.125,
        )
        for mode in ("streaming", "non_streaming")
        for outcome in ("tool_call", "no_tool_call")
        for kind in ("chat_completions", "responses", "other")
    ]
    yield from _counter("vllm:tool_call_parser_invocations", rows)


def _counter(name: str, rows: list[tuple[dict[str, str], float]]) -> Iterator[str]:
    yield from _family(f"{name}_total", "counter", rows)
    yield from _created(name, [labels for labels, _ in rows])


def _histogram(
    name: str, edges: Sequence[float], series: Sequence[dict[str, str]], requests: int
) -> Iterator[str]:
    """Observations spread evenly over all buckets but the last, and 1 % in +Inf."""
    yield from _head(name, "histogram")
    for labels in series:
        for at, edge in enumerate(edges, start=1):
            count = float(int(requests * 0.99 * at / len(edges)))
            yield f"{name}_bucket{_labels({**labels, 'le': str(float(edge))})} {count}"
        yield f"{name}_bucket{_labels({**labels, 'le': '+Inf'})} {requests * 1.0}"
        yield f"{name}_count{_labels(labels)} {requests * 1.0}"
        yield f"{name}_sum{_labels(labels)} {requests * edges[len(edges) // 2]}"
    yield from _created(name, series)


def _created(name: str, series: Sequence[dict[str, str]]) -> Iterator[str]:
    yield from _family(f"{name}_created", "gauge", [(labels, BORN) for labels in series])


def _family(name: str, kind: str, rows: list[tuple[dict[str, str], float]]) -> Iterator[str]:
    yield from _head(name, kind)
    for labels, value in rows:
        yield f"{name}{_labels(labels)} {value}"


def _head(name: str, kind: str) -> Iterator[str]:
    words = name.removeprefix("vllm:").replace("_", " ")
    yield f"# HELP {name} What the server says of its {words}, as of now."
    yield f"# TYPE {name} {kind}"


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"
