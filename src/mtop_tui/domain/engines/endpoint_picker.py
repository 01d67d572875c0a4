"""The endpoint picker (EPP) of the Gateway API inference extension and of llm-d's router.

Names from their metrics pages and test expositions. llm-d-router exposes a figure under its own
name and under the older ones as well; alternatives stand newest first, and one of them is read.
"""

from __future__ import annotations

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines.tables import Conditions, Engine, Family, Match, Mean, fullest, total

_REQUESTS = (
    "llm_d_epp_request_total",
    "inference_objective_request_total",
    "inference_model_request_total",
)
_ERRORS = (
    "llm_d_epp_request_error_total",
    "inference_objective_request_error_total",
    "inference_model_request_error_total",
)
_INPUT_TOKENS = (
    "llm_d_epp_request_input_tokens",
    "inference_objective_input_tokens",
    "inference_model_input_tokens",
)
_OUTPUT_TOKENS = (
    "llm_d_epp_request_output_tokens",
    "inference_objective_output_tokens",
    "inference_model_output_tokens",
)
_DECISIONS = (
    "llm_d_epp_disagg_decision_total",
    "llm_d_epp_pd_decision_total",
    "llm_d_inference_scheduler_disagg_decision_total",
    "llm_d_inference_scheduler_pd_decision_total",
)
_ATTEMPTS = (
    "llm_d_epp_scheduler_attempts_total",
    "inference_extension_scheduler_attempts_total",
)
_RUNNING = (
    "llm_d_epp_request_running",
    "inference_objective_running_requests",
    "inference_model_running_requests",
)
_QUEUED = ("llm_d_epp_flow_control_queue_size", "inference_extension_flow_control_queue_size")
_KV_USAGE = (
    "llm_d_epp_average_kv_cache_utilization",
    "inference_pool_average_kv_cache_utilization",
)
_QUEUES = ("llm_d_epp_average_queue_size", "inference_pool_average_queue_size")
_READY = ("llm_d_epp_ready_endpoints", "llm_d_epp_ready_pods", "inference_pool_ready_pods")
_SATURATION = (
    "llm_d_epp_flow_control_pool_saturation",
    "inference_extension_flow_control_pool_saturation",
)
_TTFT = (
    "llm_d_epp_request_ttft_seconds",
    "inference_objective_request_ttft_seconds",
    "inference_model_request_ttft_seconds",
)
_TPOT = ("llm_d_epp_request_streaming_tpot_seconds", "inference_objective_request_tpot_seconds")
_ITL = ("llm_d_epp_request_streaming_itl_seconds",)
_E2E = (
    "llm_d_epp_request_duration_seconds",
    "inference_objective_request_duration_seconds",
    "inference_model_request_duration_seconds",
)
_QUEUE_TIME = (
    "llm_d_epp_flow_control_request_queue_duration_seconds",
    "inference_extension_flow_control_request_queue_duration_seconds",
)
_PREFIX_MATCH = (
    "llm_d_epp_prefix_indexer_hit_ratio",
    "inference_extension_prefix_indexer_hit_ratio",
)
_GAUGES = (_RUNNING, _QUEUED, _KV_USAGE, _QUEUES, _READY, _SATURATION)
_COUNTERS = (_REQUESTS, _ERRORS, _DECISIONS, _ATTEMPTS)
_HISTOGRAMS = (_INPUT_TOKENS, _OUTPUT_TOKENS, _TTFT, _TPOT, _ITL, _E2E, _QUEUE_TIME, _PREFIX_MATCH)


def _totals(names: tuple[str, ...], only: Conditions = ()) -> tuple[Match, ...]:
    return tuple(Match((name,), only, sparse=bool(only)) for name in names)


def _fullest(names: tuple[str, ...]) -> tuple[Match, ...]:
    return tuple(fullest(name) for name in names)


def _families(names: tuple[str, ...]) -> tuple[Family, ...]:
    return tuple(Family(name) for name in names)


def _means(names: tuple[str, ...]) -> tuple[Mean, ...]:
    return tuple(Mean(total(f"{name}_sum"), total(f"{name}_count")) for name in names)


def _sums(names: tuple[str, ...]) -> tuple[Match, ...]:
    return _totals(tuple(f"{name}_sum" for name in names))


ENDPOINT_PICKER = Engine(
    name="endpoint-picker",
    marks=(
        *(total(*names) for names in (*_COUNTERS, *_GAUGES)),
        *(total(*(f"{name}_count" for name in names)) for names in _HISTOGRAMS),
    ),
    namespaces=(
        *("llm_d_", "inference_objective_", "inference_model_"),
        *("inference_pool_", "inference_extension_"),
    ),
    counters={
        neutral.REQUESTS: _totals(_REQUESTS),
        neutral.FAILED_REQUESTS: _totals(_ERRORS),
        neutral.PROMPT_TOKENS: _sums(_INPUT_TOKENS),
        neutral.GENERATION_TOKENS: _sums(_OUTPUT_TOKENS),
        # With an encoder apart the decision is called encode-prefill-decode.
        neutral.REMOTE_PREFILLS: _totals(_DECISIONS, (("decision_type", ("*prefill-decode",)),)),
        neutral.SCHEDULING_FAILURES: _totals(_ATTEMPTS, (("status", ("failure",)),)),
    },
    gauges={
        neutral.RUNNING: _totals(_RUNNING),
        neutral.WAITING: _totals(_QUEUED),
        neutral.AVERAGE_KV_USAGE: _fullest(_KV_USAGE),
        neutral.AVERAGE_WAITING: _fullest(_QUEUES),
        neutral.READY_ENDPOINTS: _totals(_READY),
        neutral.POOL_SATURATION: _fullest(_SATURATION),
    },
    histograms={
        neutral.TTFT: _families(_TTFT),
        neutral.ITL: _families(_ITL),
        neutral.TPOT: _families(_TPOT),
        neutral.E2E: _families(_E2E),
        neutral.QUEUE_TIME: _families(_QUEUE_TIME),
        neutral.PROMPT_LENGTH: _means(_INPUT_TOKENS),
        neutral.GENERATION_LENGTH: _means(_OUTPUT_TOKENS),
        neutral.PREFIX_MATCH: _means(_PREFIX_MATCH),
    },
    optional=frozenset(
        {
            *(neutral.FAILED_REQUESTS, neutral.SCHEDULING_FAILURES, neutral.REMOTE_PREFILLS),
            *(neutral.TTFT, neutral.ITL, neutral.TPOT),
            *(neutral.WAITING, neutral.POOL_SATURATION, neutral.QUEUE_TIME, neutral.PREFIX_MATCH),
        }
    ),
)
"""`request_total` counts requests as they arrive, good and bad ones. `normalized_time_per_output_
token_seconds` and `request_ntpot_seconds` hold the time to first token too: not TPOT, not read."""
