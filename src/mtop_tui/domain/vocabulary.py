"""Neutral names of what engines expose. Adapters translate an engine's names into these.

Counters count since the process started. `*_requests` count requests that ended, by how they
ended; a client's cancellation is not an error. Durations are seconds, ratios 0 to 1.

`COUNTERS`, `GAUGES` and `HISTOGRAMS` are what the figures of a row are made from. The `EXTRA_` ones
tell more of one service, to its own screens and to diagnosis, where its engine exposes them.
"""

from typing import Final

FINISHED_REQUESTS: Final = "finished_requests"
ABORTED_REQUESTS: Final = "aborted_requests"
FAILED_REQUESTS: Final = "failed_requests"
REQUESTS: Final = "requests"
"""All requests, however they end: where an engine does not count those apart that went well."""
CLIENT_ERRORS: Final = "client_errors"
"""Requests refused for the client's fault, HTTP 4xx."""
SERVER_ERRORS: Final = "server_errors"
"""HTTP 5xx; requests that failed inside the engine may be among them."""
PROMPT_TOKENS: Final = "prompt_tokens"
GENERATION_TOKENS: Final = "generation_tokens"
PREEMPTIONS: Final = "preemptions"
PREFIX_QUERIES: Final = "prefix_queries"
"""Prompt tokens looked up in the prefix cache, of which `PREFIX_HITS` were found."""
PREFIX_HITS: Final = "prefix_hits"
SPEC_DRAFT_TOKENS: Final = "spec_draft_tokens"
"""Tokens proposed by speculative decoding, of which `SPEC_ACCEPTED_TOKENS` were right."""
SPEC_ACCEPTED_TOKENS: Final = "spec_accepted_tokens"
KV_TRANSFER_FAILURES: Final = "kv_transfer_failures"
REMOTE_PREFILLS: Final = "remote_prefills"
"""Requests whose prompt the endpoint picker gave to a prefill replica."""
SCHEDULING_FAILURES: Final = "scheduling_failures"
"""Requests for which the endpoint picker found no endpoint."""

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
EXTRA_COUNTERS: Final = (
    REQUESTS,
    CLIENT_ERRORS,
    SERVER_ERRORS,
    SPEC_DRAFT_TOKENS,
    SPEC_ACCEPTED_TOKENS,
    KV_TRANSFER_FAILURES,
    REMOTE_PREFILLS,
    SCHEDULING_FAILURES,
)

RUNNING: Final = "running"
WAITING: Final = "waiting"
KV_USAGE: Final = "kv_usage"
WAITING_CAPACITY: Final = "waiting_capacity"
"""Of those that wait: for lack of room."""
WAITING_DEFERRED: Final = "waiting_deferred"
"""Those that wait for something else: a KV transfer, an adapter, a grammar."""
SWAPPED: Final = "swapped"
"""Requests whose KV cache was moved to the host."""
PREFIX_HIT_RATE: Final = "prefix_hit_rate"
"""As the engine computes it, over a window of its own; the counters tell more where they exist."""
SPEC_ACCEPT_RATE: Final = "spec_accept_rate"
"""As the engine computes it."""
KV_BLOCKS: Final = "kv_blocks"
"""Blocks of the KV cache, of `BLOCK_SIZE` tokens each."""
BLOCK_SIZE: Final = "block_size"
KV_TOKENS: Final = "kv_tokens"
"""Tokens for which the KV cache has room, where the engine tells tokens and not blocks."""
PREFIX_CACHING: Final = "prefix_caching"
"""1 if on, 0 if off: then a hit rate says nothing."""
ASLEEP: Final = "asleep"
"""1 while the engine has given its memory back."""
LORA_RUNNING: Final = "lora_running"
"""Adapters with a running request, of at most `LORA_MAX` at a time."""
LORA_WAITING: Final = "lora_waiting"
LORA_MAX: Final = "lora_max"
KV_TRANSFER_LATENCY: Final = "kv_transfer_latency"
"""Of the latest transfer."""
AVERAGE_KV_USAGE: Final = "average_kv_usage"
"""Over the endpoints of a pool, unlike `KV_USAGE`; so is the queue."""
AVERAGE_WAITING: Final = "average_waiting"
READY_ENDPOINTS: Final = "ready_endpoints"
POOL_SATURATION: Final = "pool_saturation"
"""As the endpoint picker's flow control sees it; 1 and more: full."""

GAUGES: Final = (
    RUNNING,
    WAITING,
    KV_USAGE,
)
EXTRA_GAUGES: Final = (
    WAITING_CAPACITY,
    WAITING_DEFERRED,
    SWAPPED,
    PREFIX_HIT_RATE,
    SPEC_ACCEPT_RATE,
    KV_BLOCKS,
    BLOCK_SIZE,
    KV_TOKENS,
    PREFIX_CACHING,
    ASLEEP,
    LORA_RUNNING,
    LORA_WAITING,
    LORA_MAX,
    KV_TRANSFER_LATENCY,
    AVERAGE_KV_USAGE,
    AVERAGE_WAITING,
    READY_ENDPOINTS,
    POOL_SATURATION,
)

TTFT: Final = "ttft"
"""Time to first token, per request."""
ITL: Final = "itl"
"""Inter-token latency, per token; its mean is TPOT weighted by tokens."""
TPOT: Final = "tpot"
"""Time per output token, the mean of each request; its mean weighs all requests alike."""
E2E: Final = "e2e"
QUEUE_TIME: Final = "queue_time"
PREFILL_TIME: Final = "prefill_time"
DECODE_TIME: Final = "decode_time"
KV_TRANSFER_TIME: Final = "kv_transfer_time"
PROMPT_LENGTH: Final = "prompt_length"
"""Tokens per prompt."""
GENERATION_LENGTH: Final = "generation_length"
"""Tokens generated per request."""
PREFIX_MATCH: Final = "prefix_match"
"""Share of a prompt that the endpoint picker believes cached at the best endpoint."""

HISTOGRAMS: Final = (
    TTFT,
    ITL,
    E2E,
    QUEUE_TIME,
    PREFILL_TIME,
    DECODE_TIME,
)
EXTRA_HISTOGRAMS: Final = (
    TPOT,
    KV_TRANSFER_TIME,
    PROMPT_LENGTH,
    GENERATION_LENGTH,
    PREFIX_MATCH,
)
