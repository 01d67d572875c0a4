"""Money: what GPUs, services and tokens cost.

Words and identities follow the OpenCost specification: an asset's cost is split into what
workloads were allocated and what is idle. A node is priced as a whole and its price is shared by
its GPUs, so stranded CPU and memory are a cost of the GPU.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

TOKENS_PER_PRICE = 1_000_000
SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Dollars:
    """USD per hour, and whether some part of it has no price.

    With `unpriced` above 0 the true amount is `usd` or more.
    """

    usd: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: Dollars) -> Dollars:
        return Dollars(self.usd + other.usd, self.unpriced + other.unpriced)


def total(parts: Iterable[Dollars]) -> Dollars:
    """The sum of parts, keeping count of what is unpriced."""
    result = Dollars()
    for part in parts:
        result = result + part
    return result


def allocated(gpus: int, gpus_on_node: int, node_usd_per_hour: Decimal | None) -> Dollars:
    """USD per hour of `gpus` of a node's GPUs, by requests (OpenCost's allocation basis).

    A share of the node is `gpus / gpus_on_node`; a node without a price gives an unpriced part.

    Raises:
        ValueError: more GPUs than the node has, or a negative number.
    """
    if not 0 <= gpus <= gpus_on_node:
        raise ValueError(f"{gpus} GPUs cannot be allocated on a node with {gpus_on_node}")
    if gpus == 0:
        return Dollars()
    if node_usd_per_hour is None:
        return Dollars(unpriced=1)
    return Dollars(node_usd_per_hour * gpus / gpus_on_node)


def usd_per_million_tokens(usd_per_hour: Decimal, tokens_per_second: float) -> Decimal | None:
    """Blended price of a million tokens, prompt and generated alike, at this pace.

    `cost / (prompt + generation) x 1e6` (OpenCost inference cost). None when no token is served:
    the spend is then idle, not free.
    """
    if not tokens_per_second > 0:
        return None
    tokens_per_hour = Decimal(tokens_per_second) * SECONDS_PER_HOUR
    return usd_per_hour / tokens_per_hour * TOKENS_PER_PRICE
