"""Metrics pages of engines and endpoint pickers, in Prometheus' text format."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from mtop_tui.domain.engines import Series
from mtop_tui.engine import vllm
from mtop_tui.engine.outputs.picker import SERIES as PICKER_SERIES

CONTENT_TYPE = "text/plain; version=0.0.4"

_HELP = {
    "vllm:num_requests_running": "Number of requests in model execution batches.",
    "vllm:num_requests_waiting": "Number of requests waiting to be processed.",
    "vllm:kv_cache_usage_perc": "KV-cache usage. 1 means 100 percent usage.",
    "vllm:prefix_cache_queries": "Prefix cache queries, in terms of number of queried tokens.",
    "vllm:prefix_cache_hits": "Prefix cache hits, in terms of number of cached tokens.",
    "vllm:num_preemptions": "Cumulative number of preemption from the engine.",
    "vllm:prompt_tokens": "Number of prefill tokens processed.",
    "vllm:generation_tokens": "Number of generation tokens processed.",
    "vllm:request_success": "Count of successfully processed requests.",
    "vllm:time_to_first_token_seconds": "Histogram of time to first token in seconds.",
    "vllm:inter_token_latency_seconds": "Histogram of inter-token latency in seconds.",
    "vllm:e2e_request_latency_seconds": "Histogram of e2e request latency in seconds.",
    "vllm:request_queue_time_seconds": "Histogram of time spent in WAITING phase for request.",
    "vllm:request_prefill_time_seconds": "Histogram of time spent in PREFILL phase for request.",
    "vllm:request_decode_time_seconds": "Histogram of time spent in DECODE phase for request.",
}
_PARTS = ("_bucket", "_count", "_sum")


def engine_page(model: str, values: Sequence[float]) -> bytes:
    """The page of a vLLM engine that serves a model; values as `vllm.Page` has them."""
    return _written(_engine_lines(model), values)


def picker_page(values: Sequence[float]) -> bytes:
    """The page of an endpoint picker; values as `PickerPage` has them."""
    return _written(_picker_lines(), values)


@lru_cache(maxsize=1024)
def _engine_lines(model: str) -> tuple[str, ...]:
    return tuple(_heads(vllm.series(model)))


@lru_cache(maxsize=1)
def _picker_lines() -> tuple[str, ...]:
    return tuple(_heads(PICKER_SERIES))


def _heads(series: Iterable[Series]) -> Iterator[str]:
    """What stands before each value: the series, and before a family's first what it is."""
    known = ""
    for one in series:
        family, kind = _family(one.name)
        head = ""
        if family != known:
            known = family
            name = f"{family}_total" if kind == "counter" else family
            if family in _HELP:
                head = f"# HELP {name} {_HELP[family]}\n"
            head += f"# TYPE {name} {kind}\n"
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in one.labels)
        yield f"{head}{one.name}{{{labels}}} " if labels else f"{head}{one.name} "


def _family(name: str) -> tuple[str, str]:
    for part in _PARTS:
        if name.endswith(part):
            return name.removesuffix(part), "histogram"
    if name.endswith("_total"):
        return name.removesuffix("_total"), "counter"
    return name, "gauge"


def _written(heads: Sequence[str], values: Sequence[float]) -> bytes:
    lines = (f"{head}{_number(value)}\n" for head, value in zip(heads, values, strict=True))
    return "".join(lines).encode()


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return repr(float(value)) if math.isfinite(value) else "+Inf" if value > 0 else "-Inf"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
