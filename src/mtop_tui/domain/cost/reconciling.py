"""What OpenCost says nodes cost, beside the prices that mtop would take without it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from mtop_tui.domain.cost.prices import Price, PriceBook, PricedNode


class Reconciled(NamedTuple):
    """USD per hour of the nodes that both have a price of, and how many only OpenCost has.

    `ours` and `theirs` are of the same nodes, so that they can be compared.
    """

    nodes: int
    ours: Decimal
    theirs: Decimal
    only_theirs: int

    @property
    def difference(self) -> float | None:
        """By what share OpenCost's are higher; None where no node has both."""
        return float(self.theirs / self.ours) - 1 if self.ours else None


def reconcile(nodes: Iterable[PricedNode], book: PriceBook) -> Reconciled | None:
    """Both prices of the nodes with GPUs; None where OpenCost says nothing of any."""
    both = only_theirs = 0
    ours = theirs = Decimal(0)
    for node in nodes:
        said = book.opencost_price_of(node)
        if not node.gpus or said is None:
            continue
        own = book.price_of(node, with_opencost=False)
        if isinstance(own, Price):
            both += 1
            ours += own.usd_per_hour
            theirs += said.usd_per_hour
        else:
            only_theirs += 1
    return Reconciled(both, ours, theirs, only_theirs) if both or only_theirs else None
