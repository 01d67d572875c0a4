"""Latency words of LLM serving, from the times and tokens of single requests.

Times are in any one unit and come back in it. A latency that does not exist is None: that of a
request with too few tokens, or of times that run backwards or are NaN.

Two conventions of TPOT (time per output token) are in use. vLLM, NVIDIA and AIPerf leave out the
first token, whose time is the TTFT; guidellm divides the whole latency by all tokens. And a mean
over requests can count every request alike, or every token alike, so that long answers dominate.
mtop says which: `tpot` excludes the first token and counts requests alike, `itl` counts tokens
alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple


class Decoding(NamedTuple):
    """The tokens of one answer, and the time from its first to its last."""

    output_tokens: float
    decode_time: float


def time_to_first_token(start: float, first: float) -> float | None:
    """TTFT: from the start of the request to its first token.

    Measured in the server it lacks the network and the gateway's queue; at the client it has them.
    """
    return _elapsed(start, first)


def request_latency(start: float, last: float) -> float | None:
    """End-to-end latency: from the start of the request to its last token."""
    return _elapsed(start, last)


def tpot_excluding_first(
    request_latency: float, time_to_first_token: float, output_tokens: float
) -> float | None:
    """Mean time per output token after the first: (e2e - TTFT) / (tokens - 1).

    AIPerf calls it ITL, vLLM `request_time_per_output_token`. None with fewer than two tokens.
    """
    decode_time = _elapsed(time_to_first_token, request_latency)
    if decode_time is None or not time_to_first_token >= 0 or not 2 <= output_tokens < math.inf:
        return None
    return decode_time / (output_tokens - 1)


def tpot_including_first(request_latency: float, output_tokens: float) -> float | None:
    """guidellm's TPOT: the whole latency over all tokens, e2e / tokens. None without tokens."""
    if not 0 <= request_latency < math.inf or not 1 <= output_tokens < math.inf:
        return None
    return request_latency / output_tokens


def mean_tpot_per_request(answers: Iterable[Decoding]) -> float | None:
    """Mean TPOT (first token excluded) that counts every request alike.

    Answers of fewer than two tokens have none and are left out. None when no answer is left.
    """
    each = [
        answer.decode_time / (answer.output_tokens - 1) for answer in answers if _decodes(answer)
    ]
    return math.fsum(each) / len(each) if each else None


def mean_itl_per_token(answers: Iterable[Decoding]) -> float | None:
    """Mean inter-token latency: TPOT that counts every token alike.

    It is what the sum of vLLM's inter-token histogram over its count gives. Answers of fewer than
    two tokens have none and are left out. None when no answer is left.
    """
    decoding = [answer for answer in answers if _decodes(answer)]
    tokens = math.fsum(answer.output_tokens - 1 for answer in decoding)
    return math.fsum(answer.decode_time for answer in decoding) / tokens if tokens else None


def _decodes(answer: Decoding) -> bool:
    return 2 <= answer.output_tokens < math.inf and 0 <= answer.decode_time < math.inf


def _elapsed(start: float, end: float) -> float | None:
    elapsed = end - start
    return elapsed if 0 <= elapsed < math.inf else None
