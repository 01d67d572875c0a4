"""Dollars per token: blended, input and output.

Source: OpenCost inference cost (`pkg/inferencecost`, docs/inference-cost-tracking.md). Rates are
never averaged: dollars and tokens are added up first, and then divided.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from mtop_tui.domain.cost.money import SECONDS_PER_HOUR, Money, decimal_of

TOKENS_PER_PRICE = 1_000_000
REQUESTS_PER_PRICE = 1000

OUTPUT_WEIGHT = Decimal("2.5")
"""What an output token costs, in input tokens, where times are not known (OpenCost's default)."""


class Method(StrEnum):
    """How cost was split into input and output, in OpenCost's words.

    COMPUTE_TIME is by the requests' prefill and decode seconds, which add up over concurrent
    requests: the split is by request time, no marginal cost, and overstates output when batches
    are large. PREFIX_CACHING_OFF is the same split where the engine says it caches no prefixes.
    MULTIPLIER takes an output token for 2.5 input tokens.
    """

    COMPUTE_TIME = "compute_time"
    PREFIX_CACHING_OFF = "prefix_caching_off"
    MULTIPLIER = "multiplier"


class InputTokens(StrEnum):
    """What input cost is divided by: ALL prompt tokens, or those that were not cached.

    EFFECTIVE is what older OpenCost did; with it a cache makes input look dearer.
    """

    ALL = "all"
    EFFECTIVE = "effective"


@dataclass(frozen=True, slots=True)
class TokenUse:
    """What was served in a window; None is not known.

    Attributes:
        prompt: prompt tokens, cached ones included.
        generation: generated tokens.
        cached: prompt tokens (not blocks) that came from the prefix cache.
        prefill_seconds: summed over requests, so concurrent requests count each.
        decode_seconds: likewise.
        requests: requests finished.

    Raises:
        ValueError: a negative number or NaN.
    """

    prompt: float = 0.0
    generation: float = 0.0
    cached: float | None = None
    prefill_seconds: float | None = None
    decode_seconds: float | None = None
    requests: float | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"{name} is 0 or more, not {value}")

    def __add__(self, other: TokenUse) -> TokenUse:
        """Both together; a part that one of them does not know is not known of the sum."""
        return TokenUse(
            self.prompt + other.prompt,
            self.generation + other.generation,
            _both(self.cached, other.cached),
            _both(self.prefill_seconds, other.prefill_seconds),
            _both(self.decode_seconds, other.decode_seconds),
            _both(self.requests, other.requests),
        )

    @property
    def cache_saving(self) -> float | None:
        """Share of prompt tokens that came from the prefix cache, 0 to 1.

        None without prompts or without a count. A share of tokens is no share of cost.
        """
        if self.cached is None or not self.prompt:
            return None
        return min(1.0, self.cached / self.prompt)


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """USD per million tokens; None where no such token was served: the spend is idle, not free.

    `cost` is what they are made of, with its basis, price sources, dates and window. Where it is a
    lower bound, so are they; where none of it has a price, they are None.
    """

    cost: Money
    blended: Decimal | None
    input: Decimal | None
    output: Decimal | None
    method: Method
    cache_saving: float | None


def token_prices(
    cost: Money,
    use: TokenUse,
    *,
    prefix_caching: bool | None = None,
    output_weight: Decimal = OUTPUT_WEIGHT,
    input_tokens: InputTokens = InputTokens.ALL,
) -> TokenPrices:
    """Prices of the tokens served in the window in which `cost` was spent.

    Blended is `cost / (prompt + generation)`. The input's share of the cost is
    `prefill / (prefill + decode)` of the request seconds if both are known and above 0; else an
    output token weighs `output_weight` input tokens.

    Args:
        cost: spent in the window, or per hour.
        use: served in the same time.
        prefix_caching: whether the engine caches prefixes; None when it does not say.
        output_weight: weight of an output token where times are not known.
        input_tokens: what input cost is divided by.

    Raises:
        ValueError: the weight is not above 0.
    """
    if not decimal_of(output_weight, "an output weight"):
        raise ValueError("an output weight is above 0")
    usd = cost.usd
    prompt, generation = Decimal(str(use.prompt)), Decimal(str(use.generation))
    if use.prefill_seconds and use.decode_seconds:
        method = Method.PREFIX_CACHING_OFF if prefix_caching is False else Method.COMPUTE_TIME
        prefill, decode = Decimal(str(use.prefill_seconds)), Decimal(str(use.decode_seconds))
        input_usd = usd * prefill / (prefill + decode)
        output_usd = usd * decode / (prefill + decode)
    else:
        method = Method.MULTIPLIER
        weighted = prompt + output_weight * generation
        input_usd = usd * prompt / weighted if weighted else Decimal(0)
        output_usd = usd * output_weight * generation / weighted if weighted else Decimal(0)
    counted = prompt
    if input_tokens is InputTokens.EFFECTIVE:
        counted = max(Decimal(0), prompt - Decimal(str(use.cached or 0.0)))
    known = cost.known
    return TokenPrices(
        cost=cost,
        blended=_per(TOKENS_PER_PRICE, usd, prompt + generation) if known else None,
        input=_per(TOKENS_PER_PRICE, input_usd, counted) if known else None,
        output=_per(TOKENS_PER_PRICE, output_usd, generation) if known else None,
        method=method,
        cache_saving=use.cache_saving,
    )


def usd_per_thousand_requests(cost: Money, requests: float | None) -> Decimal | None:
    """`cost / requests x 1000`; None without requests, a count of them, or a price.

    Raises:
        ValueError: a negative number or NaN.
    """
    if requests is None or not cost.known:
        return None
    return _per(REQUESTS_PER_PRICE, cost.usd, decimal_of(requests, "a number of requests"))


def usd_per_million_tokens(usd_per_hour: Decimal, tokens_per_second: float) -> Decimal | None:
    """Blended price of a million tokens, prompt and generated alike, at this pace.

    `cost / (prompt + generation) x 1e6` (OpenCost inference cost). None when no token is served:
    the spend is then idle, not free.
    """
    if not tokens_per_second > 0:
        return None
    tokens_per_hour = Decimal(tokens_per_second) * SECONDS_PER_HOUR
    return usd_per_hour / tokens_per_hour * TOKENS_PER_PRICE


def _per(scale: int, usd: Decimal, count: Decimal) -> Decimal | None:
    return usd / count * scale if count else None


def _both(mine: float | None, other: float | None) -> float | None:
    return None if mine is None or other is None else mine + other
