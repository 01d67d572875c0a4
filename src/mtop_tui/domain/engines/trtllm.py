"""TensorRT-LLM's own server, `trtllm-serve`, and Dynamo's workers on it.

Names from its `metrics` module; its first version had the same names without a prefix and the
model's name "undefined".
"""

from __future__ import annotations

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines.tables import Engine, Family, Match, fullest, total


def _total(name: str) -> tuple[Match, Match]:
    return total(f"trtllm_{name}"), total(name)


def _ended(*reasons: str) -> tuple[Match, Match]:
    name = "request_success_total"
    return (
        total(f"trtllm_{name}", sparse=True, finished_reason=reasons),
        total(name, sparse=True, finished_reason=reasons),
    )


def _fullest(name: str) -> tuple[Match, Match]:
    return fullest(f"trtllm_{name}"), fullest(name)


def _family(name: str) -> tuple[Family, Family]:
    return Family(f"trtllm_{name}"), Family(name)


TRTLLM = Engine(
    name="trtllm-serve",
    marks=(
        total(
            "trtllm_request_success_total",
            "trtllm_kv_cache_utilization",
            "trtllm_num_requests_running",
            "trtllm_e2e_request_latency_seconds_count",
            "trtllm_time_to_first_token_seconds_count",
        ),
        total("request_queue_time_seconds_count"),
        total(
            "request_success_total",
            "e2e_request_latency_seconds_count",
            "time_to_first_token_seconds_count",
            model_name="undefined",
        ),
    ),
    namespaces=("trtllm_",),
    counters={
        neutral.FINISHED_REQUESTS: _ended("stop", "length"),
        neutral.ABORTED_REQUESTS: (
            *_total("num_aborted_requests_total"),
            *_ended("cancelled"),
        ),
        neutral.FAILED_REQUESTS: _ended("timeout"),
    },
    gauges={
        neutral.RUNNING: _total("num_requests_running"),
        neutral.WAITING: _total("num_requests_waiting"),
        neutral.KV_USAGE: _fullest("kv_cache_utilization"),
        neutral.PREFIX_HIT_RATE: _fullest("kv_cache_hit_rate"),
        neutral.KV_BLOCKS: _total("kv_cache_max_blocks"),
        neutral.BLOCK_SIZE: _fullest("kv_cache_tokens_per_block"),
    },
    histograms={
        neutral.TTFT: _family("time_to_first_token_seconds"),
        neutral.TPOT: _family("time_per_output_token_seconds"),
        neutral.E2E: _family("e2e_request_latency_seconds"),
        neutral.QUEUE_TIME: _family("request_queue_time_seconds"),
    },
    optional=frozenset(
        {
            *(neutral.ABORTED_REQUESTS, neutral.FAILED_REQUESTS, neutral.PREFIX_HIT_RATE),
            *(neutral.RUNNING, neutral.WAITING, neutral.KV_USAGE),
            *(neutral.KV_BLOCKS, neutral.BLOCK_SIZE),
        }
    ),
)
"""Its time per output token is observed once per request, unlike vLLM's family of that name."""
