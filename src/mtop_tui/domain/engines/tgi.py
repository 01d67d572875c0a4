"""Text Generation Inference and the TGIS adapter. Names from TGI's reference of metrics.

It has no time to first token, no usage of its KV cache and no name of the model.
"""

from __future__ import annotations

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines.tables import Engine, Family, Mean, total

TGI = Engine(
    name="tgi",
    marks=(total("tgi_queue_size", "tgi_batch_current_size", "tgi_request_count"),),
    namespaces=("tgi_",),
    counters={
        neutral.FINISHED_REQUESTS: (total("tgi_request_success"),),
        neutral.ABORTED_REQUESTS: (total("tgi_request_failure", sparse=True, err="dropped"),),
        neutral.FAILED_REQUESTS: (
            total(
                "tgi_request_failure", sparse=True, err=("generation", "incomplete", "overloaded")
            ),
        ),
        neutral.CLIENT_ERRORS: (
            total("tgi_request_failure", sparse=True, err=("validation", "template")),
        ),
        neutral.REQUESTS: (total("tgi_request_count"),),
        neutral.PROMPT_TOKENS: (total("tgi_request_input_length_sum"),),
        neutral.GENERATION_TOKENS: (total("tgi_request_generated_tokens_sum"),),
    },
    gauges={
        neutral.RUNNING: (total("tgi_batch_current_size"),),
        neutral.WAITING: (total("tgi_queue_size"),),
    },
    histograms={
        neutral.TPOT: (Family("tgi_request_mean_time_per_token_duration"),),
        neutral.E2E: (Family("tgi_request_duration"),),
        neutral.QUEUE_TIME: (Family("tgi_request_queue_duration"),),
        # The adapter writes the label's value as {'method': 'prefill'}.
        neutral.PREFILL_TIME: (
            Family("tgi_batch_inference_duration", (("method", ("*prefill*",)),)),
        ),
        neutral.PROMPT_LENGTH: (
            Mean(total("tgi_request_input_length_sum"), total("tgi_request_input_length_count")),
        ),
        neutral.GENERATION_LENGTH: (
            Mean(
                total("tgi_request_generated_tokens_sum"),
                total("tgi_request_generated_tokens_count"),
            ),
        ),
    },
    optional=frozenset({neutral.ABORTED_REQUESTS, neutral.FAILED_REQUESTS, neutral.CLIENT_ERRORS}),
)
"""The time of a prefill is that of a batch, not of a request: all of a batch wait for it."""
