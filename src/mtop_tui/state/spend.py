"""What services and nodes cost, from who sits on which node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from mtop_tui.domain.cost import Dollars, allocated, total
from mtop_tui.domain.prices import Instance, PriceBook
from mtop_tui.observations import Node, Replica

NodeKey = tuple[str, str]
"""Cluster and name of a node."""


def node_price(node: Node, prices: PriceBook) -> Decimal | None:
    """USD per hour of a node, or None when its instance type, region or price is not known."""
    if node.instance_type is None or node.region is None:
        return None
    price = prices.find(Instance(node.instance_type, node.region, node.capacity == "spot"))
    return None if price is None else price.usd_per_hour


def replica_cost(replica: Replica, nodes: Mapping[NodeKey, Node], prices: PriceBook) -> Dollars:
    """USD per hour of a replica: its GPUs' share of its nodes, from scheduling on.

    A replica that is not scheduled costs nothing yet. GPUs are spread evenly over its nodes.
    """
    if not replica.nodes:
        return Dollars()
    if replica.gpus is None:
        return Dollars(unpriced=1)
    share = replica.gpus // len(replica.nodes)
    parts = []
    for name in replica.nodes:
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
