"""What services and nodes cost, from who sits on which node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from mtop_tui.domain.cost.allocation import allocated, spread
from mtop_tui.domain.cost.money import Dollars, total
from mtop_tui.domain.cost.prices import Price, PriceBook
from mtop_tui.observations import Node, Replica

NodeKey = tuple[str, str]
"""Cluster and name of a node."""


def node_price(node: Node, prices: PriceBook) -> Decimal | None:
    """USD per hour of a node, or None when its price is not known."""
    price = prices.price_of(node)
    return price.usd_per_hour if isinstance(price, Price) else None


def replica_cost(replica: Replica, nodes: Mapping[NodeKey, Node], prices: PriceBook) -> Dollars:
    """USD per hour of a replica: its GPUs' share of its nodes, from scheduling on.

    A replica that is not scheduled costs nothing yet. GPUs are spread evenly over its nodes.
    """
    if not replica.nodes:
        return Dollars()
    if replica.gpus is None:
        return Dollars(unpriced=1)
    parts = []
    for name, share in zip(replica.nodes, spread(replica.gpus, len(replica.nodes)), strict=True):
        node = nodes.get((replica.ref.cluster, name))
        if share == 0:
            continue
        if node is None or share > node.gpus:
            parts.append(Dollars(unpriced=1))
        else:
            parts.append(allocated(share, node.gpus, node_price(node, prices)))
    return total(parts)


def bill(nodes: Iterable[Node], prices: PriceBook) -> Dollars:
    """USD per hour of all nodes with GPUs, used or not."""
    return total(
        allocated(node.gpus, node.gpus, node_price(node, prices)) for node in nodes if node.gpus
    )
