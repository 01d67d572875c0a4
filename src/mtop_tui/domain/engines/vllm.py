"""vLLM: the V1 engine (0.8 and later) and the V0 engine before it.

Names from vLLM's own pages and its design document on metrics. What ends in `_perc` is a ratio 0
to 1. A name that was replaced stays on the page for two releases, so both may be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines.tables import (
    Engine,
    Family,
    Gauge,
    Histogram,
    InLabel,
    Match,
    Mean,
    flag,
    fullest,
    listed,
    number,
    total,
)

_IN_BOTH = (
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:gpu_cache_usage_perc",
    "vllm:prompt_tokens_total",
    "vllm:generation_tokens_total",
    "vllm:request_success_total",
    "vllm:time_to_first_token_seconds_count",
    "vllm:request_prefill_time_seconds_count",
)
_ONLY_V1 = (
    "vllm:kv_cache_usage_perc",
    "vllm:prefix_cache_queries_total",
    "vllm:gpu_prefix_cache_queries_total",
    "vllm:inter_token_latency_seconds_count",
    "vllm:engine_sleep_state",
)
_ONLY_V0 = (
    "vllm:num_requests_swapped",
    "vllm:cpu_cache_usage_perc",
    "vllm:gpu_prefix_cache_hit_rate",
    "vllm:avg_generation_throughput_toks_per_s",
)


def _ended(*reasons: str) -> tuple[Match]:
    return (total("vllm:request_success_total", finished_reason=reasons),)


def _answered(status: str) -> tuple[Match]:
    # Handler "none" is what no route took: scanners and typing errors.
    noise = (("handler", ("none",)),)
    return (total("http_requests_total", never=noise, sparse=True, status=status),)


_COUNTERS: Final[Mapping[str, tuple[Match, ...]]] = {
    neutral.FINISHED_REQUESTS: _ended("stop", "length", "repetition"),
    neutral.ABORTED_REQUESTS: _ended("abort"),
    neutral.FAILED_REQUESTS: _ended("error"),
    neutral.CLIENT_ERRORS: _answered("4*"),
    neutral.SERVER_ERRORS: _answered("5*"),
    neutral.PROMPT_TOKENS: (total("vllm:prompt_tokens_total"),),
    neutral.GENERATION_TOKENS: (total("vllm:generation_tokens_total"),),
    neutral.PREEMPTIONS: (total("vllm:num_preemptions_total"),),
    neutral.SPEC_DRAFT_TOKENS: (total("vllm:spec_decode_num_draft_tokens_total"),),
    neutral.SPEC_ACCEPTED_TOKENS: (total("vllm:spec_decode_num_accepted_tokens_total"),),
}
_GAUGES: Final[Mapping[str, tuple[Gauge, ...]]] = {
    neutral.RUNNING: (total("vllm:num_requests_running"),),
    neutral.WAITING: (total("vllm:num_requests_waiting"),),
    neutral.KV_BLOCKS: (InLabel("vllm:cache_config_info", "num_gpu_blocks", number, "sum"),),
    neutral.BLOCK_SIZE: (InLabel("vllm:cache_config_info", "block_size", number),),
    neutral.PREFIX_CACHING: (InLabel("vllm:cache_config_info", "enable_prefix_caching", flag),),
    neutral.LORA_RUNNING: (
        InLabel("vllm:lora_requests_info", "running_lora_adapters", listed, "latest"),
    ),
    neutral.LORA_WAITING: (
        InLabel("vllm:lora_requests_info", "waiting_lora_adapters", listed, "latest"),
    ),
    neutral.LORA_MAX: (InLabel("vllm:lora_requests_info", "max_lora", number, "latest"),),
}
_HISTOGRAMS: Final[Mapping[str, tuple[Histogram, ...]]] = {
    neutral.TTFT: (Family("vllm:time_to_first_token_seconds"),),
    neutral.E2E: (Family("vllm:e2e_request_latency_seconds"),),
    neutral.PREFILL_TIME: (Family("vllm:request_prefill_time_seconds"),),
    neutral.DECODE_TIME: (Family("vllm:request_decode_time_seconds"),),
    neutral.PROMPT_LENGTH: (
        Mean(total("vllm:request_prompt_tokens_sum"), total("vllm:request_prompt_tokens_count")),
    ),
    neutral.GENERATION_LENGTH: (
        Mean(
            total("vllm:request_generation_tokens_sum"),
            total("vllm:request_generation_tokens_count"),
        ),
    ),
}
_OPTIONAL: Final = frozenset(
    {
        # A reason or an HTTP status is on the page once it has occurred.
        *(neutral.FINISHED_REQUESTS, neutral.ABORTED_REQUESTS, neutral.FAILED_REQUESTS),
        *(neutral.CLIENT_ERRORS, neutral.SERVER_ERRORS),
        *(neutral.SPEC_DRAFT_TOKENS, neutral.SPEC_ACCEPTED_TOKENS, neutral.SPEC_ACCEPT_RATE),
        *(neutral.LORA_RUNNING, neutral.LORA_WAITING, neutral.LORA_MAX),
        *(neutral.PREFILL_TIME, neutral.DECODE_TIME, neutral.QUEUE_TIME, neutral.TPOT),
        *(neutral.WAITING_CAPACITY, neutral.WAITING_DEFERRED, neutral.ASLEEP),
        *(neutral.PREFIX_HIT_RATE, neutral.KV_TRANSFER_TIME, neutral.KV_TRANSFER_FAILURES),
    }
)

VLLM = Engine(
    name="vllm",
    marks=(total(*_ONLY_V1), total(*_IN_BOTH, engine="?*")),
    namespaces=("vllm:",),
    counters={
        **_COUNTERS,
        neutral.PREFIX_QUERIES: (
            total("vllm:prefix_cache_queries_total"),
            total("vllm:gpu_prefix_cache_queries_total"),
        ),
        neutral.PREFIX_HITS: (
            total("vllm:prefix_cache_hits_total"),
            total("vllm:gpu_prefix_cache_hits_total"),
        ),
        neutral.KV_TRANSFER_FAILURES: (
            total("vllm:nixl_num_failed_transfers_total", "vllm:nixl_num_kv_expired_reqs_total"),
        ),
    },
    gauges={
        **_GAUGES,
        neutral.KV_USAGE: (
            fullest("vllm:kv_cache_usage_perc"),
            fullest("vllm:gpu_cache_usage_perc"),
        ),
        neutral.WAITING_CAPACITY: (
            total("vllm:num_requests_waiting_by_reason", reason="capacity"),
        ),
        neutral.WAITING_DEFERRED: (
            total("vllm:num_requests_waiting_by_reason", reason="deferred"),
        ),
        neutral.ASLEEP: (
            fullest("vllm:engine_sleep_state", sleep_state=("weights_offloaded", "discard_all")),
        ),
    },
    histograms={
        **_HISTOGRAMS,
        neutral.ITL: (
            Family("vllm:inter_token_latency_seconds"),
            Family("vllm:time_per_output_token_seconds"),
        ),
        neutral.TPOT: (Family("vllm:request_time_per_output_token_seconds"),),
        neutral.QUEUE_TIME: (Family("vllm:request_queue_time_seconds"),),
        neutral.KV_TRANSFER_TIME: (Family("vllm:nixl_xfer_time_seconds"),),
    },
    optional=_OPTIONAL,
)

VLLM_V0 = Engine(
    name="vllm-v0",
    marks=(total(*_ONLY_V0, *_IN_BOTH),),
    namespaces=("vllm:",),
    counters=_COUNTERS,
    gauges={
        **_GAUGES,
        neutral.KV_USAGE: (fullest("vllm:gpu_cache_usage_perc"),),
        neutral.SWAPPED: (total("vllm:num_requests_swapped"),),
        neutral.PREFIX_HIT_RATE: (fullest("vllm:gpu_prefix_cache_hit_rate"),),
        neutral.SPEC_ACCEPT_RATE: (fullest("vllm:spec_decode_draft_acceptance_rate"),),
    },
    histograms={
        **_HISTOGRAMS,
        neutral.ITL: (Family("vllm:time_per_output_token_seconds"),),
        neutral.QUEUE_TIME: (
            Family("vllm:request_queue_time_seconds"),
            Family("vllm:time_in_queue_requests"),
        ),
    },
    optional=_OPTIONAL,
)
