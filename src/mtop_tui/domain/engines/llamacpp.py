"""llama.cpp's server with `--metrics`. Names from its README and from pages of its users.

It has no histograms and no labels. What ends in `_tokens_seconds` is tokens per second.
"""

from __future__ import annotations

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines.tables import Engine, Mean, fullest, total

LLAMACPP = Engine(
    name="llama.cpp",
    marks=(
        total(
            "llamacpp:requests_processing",
            "llamacpp:tokens_predicted_total",
            "llamacpp:prompt_tokens_total",
            "llamacpp:n_decode_total",
        ),
    ),
    namespaces=("llamacpp:",),
    counters={
        neutral.PROMPT_TOKENS: (total("llamacpp:prompt_tokens_total"),),
        neutral.GENERATION_TOKENS: (total("llamacpp:tokens_predicted_total"),),
    },
    gauges={
        neutral.RUNNING: (total("llamacpp:requests_processing"),),
        neutral.WAITING: (total("llamacpp:requests_deferred"),),
        neutral.KV_USAGE: (fullest("llamacpp:kv_cache_usage_ratio"),),
    },
    histograms={
        neutral.ITL: (
            Mean(
                total("llamacpp:tokens_predicted_seconds_total"),
                total("llamacpp:tokens_predicted_total"),
            ),
        ),
    },
    optional=frozenset({neutral.KV_USAGE}),
)
"""The usage of its cache was on the page before llama.cpp's pull request 13660 only."""
