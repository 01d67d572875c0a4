"""SGLang, with `--enable-metrics`. Names from `srt/metrics/collector.py` and from its pages."""

from __future__ import annotations

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines.tables import Engine, Family, InLabel, fullest, number, total

SGLANG = Engine(
    name="sglang",
    marks=(
        total(
            "sglang:num_running_reqs",
            "sglang:token_usage",
            "sglang:prompt_tokens_total",
            "sglang:max_total_num_tokens",
        ),
    ),
    namespaces=("sglang:",),
    counters={
        neutral.FINISHED_REQUESTS: (total("sglang:num_requests_total"),),
        neutral.ABORTED_REQUESTS: (total("sglang:num_aborted_requests_total"),),
        neutral.CLIENT_ERRORS: (
            total("sglang:http_responses_total", sparse=True, status_code="4*"),
        ),
        neutral.SERVER_ERRORS: (
            total("sglang:http_responses_total", sparse=True, status_code="5*"),
        ),
        neutral.PROMPT_TOKENS: (total("sglang:prompt_tokens_total"),),
        neutral.GENERATION_TOKENS: (total("sglang:generation_tokens_total"),),
        neutral.PREEMPTIONS: (
            total("sglang:num_retracted_requests_total"),
            total("sglang:num_retractions_sum"),
        ),
        neutral.PREFIX_QUERIES: (total("sglang:prompt_tokens_total"),),
        neutral.PREFIX_HITS: (total("sglang:cached_tokens_total"),),
        neutral.KV_TRANSFER_FAILURES: (
            total(
                "sglang:num_transfer_failed_reqs_total", "sglang:num_bootstrap_failed_reqs_total"
            ),
        ),
    },
    gauges={
        neutral.RUNNING: (total("sglang:num_running_reqs"),),
        neutral.WAITING: (total("sglang:num_queue_reqs"),),
        neutral.KV_USAGE: (fullest("sglang:token_usage"),),
        neutral.WAITING_DEFERRED: (
            total(
                "sglang:num_grammar_queue_reqs",
                "sglang:num_prefill_prealloc_queue_reqs",
                "sglang:num_prefill_bootstrap_queue_reqs",
                "sglang:num_prefill_inflight_queue_reqs",
                "sglang:num_decode_prealloc_queue_reqs",
                "sglang:num_decode_transfer_queue_reqs",
            ),
        ),
        neutral.PREFIX_HIT_RATE: (fullest("sglang:cache_hit_rate"),),
        neutral.SPEC_ACCEPT_RATE: (fullest("sglang:spec_accept_rate"),),
        neutral.KV_TOKENS: (total("sglang:max_total_num_tokens"),),
        neutral.BLOCK_SIZE: (
            fullest("sglang:page_size"),
            InLabel("sglang:cache_config_info", "page_size", number),
        ),
        neutral.KV_TRANSFER_LATENCY: (fullest("sglang:kv_transfer_latency_ms", scale=1e-3),),
    },
    histograms={
        neutral.TTFT: (Family("sglang:time_to_first_token_seconds"),),
        neutral.ITL: (
            Family("sglang:inter_token_latency_seconds"),
            Family("sglang:time_per_output_token_seconds"),
        ),
        neutral.E2E: (Family("sglang:e2e_request_latency_seconds"),),
        neutral.QUEUE_TIME: (Family("sglang:queue_time_seconds"),),
    },
    optional=frozenset(
        {
            *(neutral.ABORTED_REQUESTS, neutral.CLIENT_ERRORS, neutral.SERVER_ERRORS),
            *(neutral.PREEMPTIONS, neutral.PREFIX_HITS, neutral.KV_TRANSFER_FAILURES),
            *(neutral.WAITING_DEFERRED, neutral.SPEC_ACCEPT_RATE, neutral.BLOCK_SIZE),
            *(neutral.QUEUE_TIME, neutral.KV_TRANSFER_LATENCY),
        }
    ),
    copies=("tp_rank", "pp_rank", "moe_ep_rank", "pid"),
)
"""Names before 2025 are without `inter_token_latency_seconds`; the label of the model then is
`name`. `num_requests_total` has no outcome, so a failed request is not told from a good one."""
