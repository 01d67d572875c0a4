"""NVIDIA Dynamo: its HTTP frontend, and its workers where no engine's own names are passed on.

Names from Dynamo's observability documents and examples.
"""

from __future__ import annotations

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines.tables import Engine, Family, Less, Mean, fullest, total

_REQUESTS = "dynamo_frontend_requests_total"
_INFLIGHT = "dynamo_frontend_inflight_requests"
_QUEUED = "dynamo_frontend_queued_requests"
_CLIENTS_FAULT = ("validation", "not_found")
_GENERATE = "generate"

DYNAMO_FRONTEND = Engine(
    name="dynamo-frontend",
    marks=(total(_REQUESTS, _INFLIGHT, _QUEUED, "dynamo_frontend_output_tokens_total"),),
    namespaces=("dynamo_frontend_",),
    counters={
        neutral.FINISHED_REQUESTS: (total(_REQUESTS, sparse=True, status="success"),),
        neutral.ABORTED_REQUESTS: (
            total(_REQUESTS, sparse=True, status="error", error_type="cancelled"),
        ),
        neutral.FAILED_REQUESTS: (
            total(
                _REQUESTS,
                never=(("error_type", ("cancelled", *_CLIENTS_FAULT)),),
                sparse=True,
                status="error",
            ),
        ),
        neutral.CLIENT_ERRORS: (
            total(_REQUESTS, sparse=True, status="error", error_type=_CLIENTS_FAULT),
        ),
        neutral.PROMPT_TOKENS: (total("dynamo_frontend_input_sequence_tokens_sum"),),
        neutral.GENERATION_TOKENS: (
            total("dynamo_frontend_output_tokens_total"),
            total("dynamo_frontend_output_sequence_tokens_sum"),
        ),
    },
    gauges={
        # In flight are those that wait, too.
        neutral.RUNNING: (Less(total(_INFLIGHT), total(_QUEUED)), total(_INFLIGHT)),
        neutral.WAITING: (total(_QUEUED),),
    },
    histograms={
        neutral.TTFT: (Family("dynamo_frontend_time_to_first_token_seconds"),),
        neutral.ITL: (Family("dynamo_frontend_inter_token_latency_seconds"),),
        neutral.E2E: (Family("dynamo_frontend_request_duration_seconds"),),
        neutral.PROMPT_LENGTH: (
            Mean(
                total("dynamo_frontend_input_sequence_tokens_sum"),
                total("dynamo_frontend_input_sequence_tokens_count"),
            ),
        ),
        neutral.GENERATION_LENGTH: (
            Mean(
                total("dynamo_frontend_output_sequence_tokens_sum"),
                total("dynamo_frontend_output_sequence_tokens_count"),
            ),
        ),
    },
    optional=frozenset({neutral.ABORTED_REQUESTS, neutral.FAILED_REQUESTS, neutral.CLIENT_ERRORS}),
)

DYNAMO_WORKER = Engine(
    name="dynamo-worker",
    marks=(
        total(
            "dynamo_component_inflight_requests",
            "dynamo_component_requests_total",
            "dynamo_component_kvstats_total_blocks",
        ),
    ),
    namespaces=("dynamo_component_",),
    counters={
        neutral.REQUESTS: (total("dynamo_component_requests_total", dynamo_endpoint=_GENERATE),),
    },
    gauges={
        neutral.RUNNING: (total("dynamo_component_inflight_requests", dynamo_endpoint=_GENERATE),),
        neutral.KV_USAGE: (
            fullest("dynamo_component_gpu_cache_usage_percent"),
            fullest("dynamo_component_kvstats_gpu_cache_usage_percent"),
        ),
        neutral.PREFIX_HIT_RATE: (fullest("dynamo_component_kvstats_gpu_prefix_cache_hit_rate"),),
        neutral.KV_BLOCKS: (
            total("dynamo_component_total_blocks"),
            total("dynamo_component_kvstats_total_blocks"),
        ),
    },
    histograms={
        neutral.E2E: (
            Family(
                "dynamo_component_request_duration_seconds",
                (("dynamo_endpoint", (_GENERATE,)),),
            ),
        ),
    },
    optional=frozenset({neutral.KV_USAGE, neutral.PREFIX_HIT_RATE, neutral.KV_BLOCKS}),
)
"""What is called a percentage of the cache is a ratio 0 to 1."""
