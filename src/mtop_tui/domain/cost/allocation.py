"""What was reserved, what was used, what was idle, and how shared costs are spread.

Source: the OpenCost specification 0.1 (assets, workload costs, idle costs) and OpenCost's document
on how allocations and idle are calculated. A node is priced as a whole and its price is shared by
its GPUs, so stranded CPU and memory are a cost of the GPU.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar

from mtop_tui.domain.cost.money import (
    SECONDS_PER_HOUR,
    Basis,
    Dollars,
    Money,
    PriceOrigin,
    Window,
    decimal_of,
    exact_difference,
    exact_sum,
)
from mtop_tui.domain.cost.prices import NoPrice, Price

Key = TypeVar("Key", bound=Hashable)


def asset_cost(
    amount: Decimal | float, usd_per_unit_hour: Decimal, hours: Decimal | float
) -> Decimal:
    """USD of owning `amount` units for some hours: `amount x rate x hours`.

    Raises:
        ValueError: a negative number or NaN.
    """
    return (
        decimal_of(amount, "an amount")
        * decimal_of(usd_per_unit_hour, "a rate")
        * decimal_of(hours, "a number of hours")
    )


def allocation_cost(
    requested: Decimal | float,
    used: Decimal | float | None,
    usd_per_unit_hour: Decimal,
    hours: Decimal | float,
) -> Decimal:
    """USD of what a workload holds: `max(requested, used) x rate x hours`.

    The hours run from scheduled to terminated, loading included. Without a measurement of use
    (None) the request counts alone.

    Raises:
        ValueError: a negative number or NaN.
    """
    held = decimal_of(requested, "a request")
    if used is not None:
        held = max(held, decimal_of(used, "a use"))
    return asset_cost(held, usd_per_unit_hour, hours)


def usage_cost(
    used: Decimal | float | None, usd_per_unit_hour: Decimal, hours: Decimal | float
) -> Decimal | None:
    """USD of measured use: `used x rate x hours`, which does not reconcile to the bill.

    For GPUs `used` is GPUs times their measured utilisation (DCGM). Without a measurement it is
    None: a request times hours is no usage.

    Raises:
        ValueError: a negative number or NaN.
    """
    return None if used is None else asset_cost(used, usd_per_unit_hour, hours)


class Idle(NamedTuple):
    """USD paid and allocated to nobody.

    `raw` is below 0 when more was allocated than there is, for instance by pods that request
    nothing and use something: data to doubt, not a credit. `usd` is then 0.
    """

    usd: Decimal
    raw: Decimal

    @property
    def doubtful(self) -> bool:
        """Whether more was allocated than there is."""
        return self.raw < 0


def idle_cost(asset_usd: Decimal, allocated_usd: Iterable[Decimal]) -> Idle:
    """`asset cost - sum of allocation costs`, not below 0."""
    raw = exact_difference(asset_usd, exact_sum(allocated_usd))
    return Idle(max(raw, Decimal(0)), raw)


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


def node_share(
    node: str,
    share: Fraction,
    price: Price | NoPrice,
    basis: Basis = Basis.ALLOCATION,
    window: Window | None = None,
) -> Money:
    """A share of a node with its provenance: USD in the window, or USD per hour without one.

    Args:
        node: its name, with the cluster where there are several.
        share: `GPUs held / GPUs on the node`; a share of a GPU counts as its fraction, and on the
            usage basis a GPU as its measured utilisation.
        price: of the whole node.
        basis: whether the share was reserved or measured.
        window: what the amount covers.

    Raises:
        ValueError: a share outside 0 to 1, or a window that ends before it starts.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share of a node is 0 to 1, not {share}")
    if not share:
        return Money(Decimal(0), basis, window)
    if isinstance(price, NoPrice):
        return Money(Decimal(0), basis, window, unpriced=frozenset({node}))
    usd = price.usd_per_hour * share.numerator / share.denominator
    if window is not None:
        usd = usd * decimal_of(window.end - window.start, "a window") / SECONDS_PER_HOUR
    origins = frozenset({PriceOrigin(price.source, price.as_of)})
    return Money(usd, basis, window, origins, priced=frozenset({node}))


def spread(gpus: int, nodes: int) -> list[int]:
    """GPUs on each node of a replica that spans several, as even as can be, the first with more.

    Raises:
        ValueError: no node, or a negative number of GPUs.
    """
    if nodes < 1 or gpus < 0:
        raise ValueError(f"{gpus} GPUs cannot be spread over {nodes} nodes")
    each, more = divmod(gpus, nodes)
    return [each + 1] * more + [each] * (nodes - more)


class Shared(NamedTuple, Generic[Key]):
    """USD by who takes them over, and what nobody takes."""

    shares: dict[Key, Decimal]
    unshared: Decimal


def share_by_weight(usd: Decimal, weights: Mapping[Key, Decimal]) -> Shared[Key]:
    """A shared cost spread in proportion to weights: idle, overhead, gateways.

    Equal weights share evenly. When all weights are 0, or there are none, nobody can be charged
    and the amount stays visible as `unshared` (opencost#883).

    Raises:
        ValueError: a negative weight or amount, or NaN.
    """
    decimal_of(usd, "a shared cost")
    whole = sum((decimal_of(weight, "a weight") for weight in weights.values()), Decimal(0))
    if not whole:
        return Shared(dict.fromkeys(weights, Decimal(0)), usd)
    return Shared({key: usd * weight / whole for key, weight in weights.items()}, Decimal(0))


class Workload(NamedTuple):
    """One workload's allocation cost in USD by resource.

    `pool` is the node or the cluster whose idle it shares in; `name` is what sums are asked for,
    such as a namespace, and need not be unique.
    """

    name: str
    pool: str
    costs: Mapping[str, Decimal]


class SharedIdle(NamedTuple):
    """USD of idle by workload name, and by (pool, resource) where nobody uses the resource."""

    shares: dict[str, Decimal]
    unshared: dict[tuple[str, str], Decimal]


def share_idle(
    workloads: Iterable[Workload], idle: Mapping[str, Mapping[str, Decimal]]
) -> SharedIdle:
    """Idle spread over the workloads of its pool, each resource by the cost of that resource.

    Args:
        workloads: who shares.
        idle: USD by pool, then by resource.
    """
    weights: defaultdict[tuple[str, str], defaultdict[str, Decimal]] = defaultdict(
        lambda: defaultdict(Decimal)
    )
    shares: dict[str, Decimal] = {}
    for workload in workloads:
        shares.setdefault(workload.name, Decimal(0))
        for resource, usd in workload.costs.items():
            weights[workload.pool, resource][workload.name] += usd
    unshared: dict[tuple[str, str], Decimal] = {}
    for pool, resources in idle.items():
        for resource, usd in resources.items():
            shared = share_by_weight(usd, weights[pool, resource])
            for name, share in shared.shares.items():
                shares[name] += share
            if shared.unshared:
                unshared[pool, resource] = shared.unshared
    return SharedIdle(shares, unshared)
