"""Neutral names of what engines expose. Adapters translate an engine's names into these.

Counters count since the process started. `*_requests` count requests that ended, by how they
ended; a client's cancellation is not an error. Durations are seconds, ratios 0 to 1.
"""

from typing import Final

FINISHED_REQUESTS: Final = "finished_requests"
ABORTED_REQUESTS: Final = "aborted_requests"
FAILED_REQUESTS: Final = "failed_requests"
PROMPT_TOKENS: Final = "prompt_tokens"
GENERATION_TOKENS: Final = "generation_tokens"
PREEMPTIONS: Final = "preemptions"
PREFIX_QUERIES: Final = "prefix_queries"
PREFIX_HITS: Final = "prefix_hits"

COUNTERS: Final = (
    FINISHED_REQUESTS,
    ABORTED_REQUESTS,
    FAILED_REQUESTS,
    PROMPT_TOKENS,
    GENERATION_TOKENS,
    PREEMPTIONS,
    PREFIX_QUERIES,
    PREFIX_HITS,
)

RUNNING: Final = "running"
WAITING: Final = "waiting"
KV_USAGE: Final = "kv_usage"

GAUGES: Final = (RUNNING, WAITING, KV_USAGE)

TTFT: Final = "ttft"
"""Time to first token, per request."""
ITL: Final = "itl"
"""Inter-token latency, per token; its mean is TPOT weighted by tokens."""
E2E: Final = "e2e"
QUEUE_TIME: Final = "queue_time"
PREFILL_TIME: Final = "prefill_time"
DECODE_TIME: Final = "decode_time"

HISTOGRAMS: Final = (TTFT, ITL, E2E, QUEUE_TIME, PREFILL_TIME, DECODE_TIME)
