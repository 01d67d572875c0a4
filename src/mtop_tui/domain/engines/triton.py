"""Triton Inference Server, with the names its TensorRT-LLM backend adds.

Names from Triton's metrics guide and the backend's README. A server has several models, and a
request to a TensorRT-LLM ensemble passes through all of them: the model `tensorrt_llm`, as the
backend's templates call it, sees each request once and is read alone where it is there.
"""

from __future__ import annotations

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines.tables import Engine, Match, Mean, Ratio, fullest, total

_LLM = "tensorrt_llm"
_CANCELED = (("reason", ("CANCELED",)),)
_MICROSECONDS = 1e-6


def _per_request(duration: str) -> tuple[Mean, Mean]:
    count = "nv_inference_request_success"
    return (
        Mean(total(duration, scale=_MICROSECONDS, model=_LLM), total(count, model=_LLM)),
        Mean(total(duration, scale=_MICROSECONDS), total(count)),
    )


def _requests(request_type: str) -> Match:
    return total("nv_trt_llm_request_metrics", request_type=request_type)


def _blocks(block_type: str) -> Match:
    return total("nv_trt_llm_kv_cache_block_metrics", kv_cache_block_type=block_type)


TRITON = Engine(
    name="triton",
    marks=(total("nv_inference_request_success", "nv_trt_llm_request_metrics"),),
    namespaces=("nv_",),
    counters={
        neutral.FINISHED_REQUESTS: (
            total("nv_inference_request_success", model=_LLM),
            total("nv_inference_request_success"),
        ),
        neutral.FAILED_REQUESTS: (
            total("nv_inference_request_failure", never=_CANCELED, model=_LLM),
            total("nv_inference_request_failure", never=_CANCELED),
        ),
        neutral.ABORTED_REQUESTS: (
            total("nv_inference_request_failure", reason="CANCELED", model=_LLM),
            total("nv_inference_request_failure", reason="CANCELED"),
        ),
    },
    gauges={
        neutral.RUNNING: (_requests("active"), _requests("scheduled")),
        neutral.WAITING: (
            _requests("waiting"),
            total("nv_inference_pending_request_count", model=_LLM),
            total("nv_inference_pending_request_count"),
        ),
        # Type "fraction" exists, but disagrees with used and max in the backend's own README.
        neutral.KV_USAGE: (Ratio(_blocks("used"), _blocks("max")),),
        neutral.KV_BLOCKS: (_blocks("max"),),
        neutral.BLOCK_SIZE: (
            fullest("nv_trt_llm_kv_cache_block_metrics", kv_cache_block_type="tokens_per"),
        ),
    },
    histograms={
        neutral.E2E: _per_request("nv_inference_request_duration_us"),
        neutral.QUEUE_TIME: _per_request("nv_inference_queue_duration_us"),
    },
    optional=frozenset(
        {
            *(neutral.ABORTED_REQUESTS, neutral.RUNNING, neutral.WAITING),
            *(neutral.KV_USAGE, neutral.KV_BLOCKS, neutral.BLOCK_SIZE),
        }
    ),
)
"""Durations are cumulative microseconds: only means can be had."""
