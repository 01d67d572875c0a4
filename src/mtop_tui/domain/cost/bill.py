"""The bill of a window in four parts that add up: serving, headroom, service idle and node idle.

The layers are mtop's own, on top of OpenCost's `total = workload + idle`. Node idle is GPUs that
nobody requested. Service idle is requested, with no request running. Headroom is running above what
the SLO needs. The remainder is serving.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from mtop_tui.domain.cost.allocation import idle_cost
from mtop_tui.domain.cost.money import (
    SECONDS_PER_HOUR,
    decimal_of,
    exact_difference,
    exact_sum,
    in_cents,
)


class Spend(NamedTuple):
    """USD that one pool of a service (prefill or decode), or a sum of pools, held in a window.

    `serving` includes `unobserved`, the part in which nobody looked whether it served, and all
    headroom of the `headroom_unknown` pools whose need is not known.
    """

    serving: Decimal
    headroom: Decimal
    idle: Decimal
    unobserved: Decimal = Decimal(0)
    headroom_unknown: int = 0

    @property
    def usd(self) -> Decimal:
        """All that the pool held: its allocation cost."""
        return exact_sum((self.serving, self.headroom, self.idle))


def spend_of(
    usd_per_replica_hour: Decimal,
    replica_seconds: float,
    *,
    idle_seconds: float,
    spare_seconds: float | None,
    unobserved_seconds: float = 0.0,
) -> Spend:
    """What a pool of like replicas held in a window, by what it was held for.

    Each number of seconds is summed over replicas. Gauges are sampled, so idle is off by one
    scrape step per change of state at most; what exceeds the whole is cut off, in the order
    unobserved, idle, spare.

    Args:
        usd_per_replica_hour: price of one replica.
        replica_seconds: from scheduled to terminated, loading included.
        idle_seconds: of these, with no request running.
        spare_seconds: of these, with requests running and more replicas than the SLO needs; None
            when the need is not known.
        unobserved_seconds: of these, without a sample: not idle, but not known to serve.

    Raises:
        ValueError: a negative number or NaN.
    """
    rate = decimal_of(usd_per_replica_hour, "a price") / SECONDS_PER_HOUR
    left = decimal_of(replica_seconds, "replica seconds")
    held = left * rate
    unobserved = min(left, decimal_of(unobserved_seconds, "unobserved seconds"))
    left -= unobserved
    idle = min(left, decimal_of(idle_seconds, "idle seconds"))
    left -= idle
    spare = min(left, decimal_of(spare_seconds or 0.0, "spare seconds"))
    parts = (spare * rate, idle * rate)
    return Spend(
        max(Decimal(0), exact_difference(held, exact_sum(parts))),
        *parts,
        unobserved=unobserved * rate,
        headroom_unknown=int(spare_seconds is None),
    )


def total_spend(spends: Iterable[Spend]) -> Spend:
    """Several pools of a service, or several services, added up part by part."""
    pools = list(spends)
    return Spend(
        exact_sum(pool.serving for pool in pools),
        exact_sum(pool.headroom for pool in pools),
        exact_sum(pool.idle for pool in pools),
        exact_sum(pool.unobserved for pool in pools),
        sum(pool.headroom_unknown for pool in pools),
    )


@dataclass(frozen=True, slots=True)
class Bill:
    """USD of the priced nodes in a window; the four parts add up to `usd` exactly.

    `raw_node_idle` is below 0 when services held more than the nodes cost: data to doubt. The
    services' parts are then scaled down to the bill. With `unpriced_nodes` the true bill is more.

    Raises:
        ValueError: the parts do not add up, or one is negative.
    """

    usd: Decimal
    serving: Decimal
    headroom: Decimal
    service_idle: Decimal
    node_idle: Decimal
    raw_node_idle: Decimal
    unobserved: Decimal = Decimal(0)
    headroom_unknown: int = 0
    priced_nodes: int = 0
    unpriced_nodes: int = 0

    def __post_init__(self) -> None:
        for part in self.parts:
            decimal_of(part, "a part of a bill")
        if exact_sum(self.parts) != self.usd:
            raise ValueError(f"the parts {self.parts} do not add up to {self.usd}")

    @property
    def parts(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Serving, headroom, service idle, node idle."""
        return self.serving, self.headroom, self.service_idle, self.node_idle

    @property
    def doubtful(self) -> bool:
        """Whether more was allocated than there is."""
        return self.raw_node_idle < 0

    def parts_in_cents(self) -> list[Decimal]:
        """The parts in cents, which still add up to the bill in cents."""
        return in_cents(self.parts)


def bill_of(
    asset_usd: Decimal, spends: Iterable[Spend], *, priced_nodes: int = 0, unpriced_nodes: int = 0
) -> Bill:
    """The bill of nodes that cost `asset_usd` in the window in which services held `spends`.

    Both sides are about the same nodes and the same window, so only nodes with a price.

    Raises:
        ValueError: a negative number or NaN.
    """
    decimal_of(asset_usd, "a bill")
    held = total_spend(spends)
    node_idle = idle_cost(asset_usd, (held.usd,))
    fits = asset_usd / held.usd if node_idle.doubtful else Decimal(1)
    # `fits` is rounded, so a part could pass what is left by a hair.
    headroom = min(asset_usd, held.headroom * fits)
    service_idle = min(exact_difference(asset_usd, headroom), held.idle * fits)
    rest = exact_sum((headroom, service_idle, node_idle.usd))
    return Bill(
        usd=asset_usd,
        serving=exact_difference(asset_usd, rest),
        headroom=headroom,
        service_idle=service_idle,
        node_idle=node_idle.usd,
        raw_node_idle=node_idle.raw,
        unobserved=held.unobserved * fits,
        headroom_unknown=held.headroom_unknown,
        priced_nodes=priced_nodes,
        unpriced_nodes=unpriced_nodes,
    )
