"""NVIDIA NIM for LLMs: names without any prefix, at `/v1/metrics` or `/metrics`.

Names from NIM's observability page. Its cache usage is a ratio 0 to 1.
"""

from __future__ import annotations

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines.tables import Engine, Family, Mean, fullest, total

_NOT_FINISHED = (("finished_reason", ("abort", "error")),)

NIM = Engine(
    name="nim",
    marks=(
        total(
            "gpu_cache_usage_perc",
            "num_request_max",
            "request_failure_total",
            "request_finish_total",
        ),
    ),
    namespaces=("",),
    counters={
        neutral.FINISHED_REQUESTS: (total("request_success_total", never=_NOT_FINISHED),),
        neutral.ABORTED_REQUESTS: (total("request_success_total", finished_reason="abort"),),
        neutral.FAILED_REQUESTS: (total("request_failure_total"),),
        neutral.PROMPT_TOKENS: (total("prompt_tokens_total"),),
        neutral.GENERATION_TOKENS: (total("generation_tokens_total"),),
    },
    gauges={
        neutral.RUNNING: (total("num_requests_running"),),
        neutral.WAITING: (total("num_requests_waiting"),),
        neutral.KV_USAGE: (fullest("gpu_cache_usage_perc"),),
    },
    histograms={
        neutral.TTFT: (Family("time_to_first_token_seconds"),),
        neutral.ITL: (Family("time_per_output_token_seconds"),),
        neutral.E2E: (Family("e2e_request_latency_seconds"),),
        neutral.PROMPT_LENGTH: (
            Mean(total("request_prompt_tokens_sum"), total("request_prompt_tokens_count")),
        ),
        neutral.GENERATION_LENGTH: (
            Mean(total("request_generation_tokens_sum"), total("request_generation_tokens_count")),
        ),
    },
    optional=frozenset({neutral.ABORTED_REQUESTS, neutral.FAILED_REQUESTS}),
)
