"""What nodes cost by OpenCost, from a Prometheus that scrapes it.

Names: OpenCost's metrics reference (`node_total_hourly_cost` of the whole node,
`node_gpu_hourly_cost` of one of its GPUs, both USD).
"""

from __future__ import annotations

import asyncio
import math
from typing import Final, NamedTuple

from mtop_tui.domain.cost.prices import HIGHEST
from mtop_tui.providers.live.metrics.prometheus_api import Labels, PrometheusApi

EVERY: Final = 300.0
"""Seconds between two questions: prices change rarely."""

DEFAULT_PER_GPU: Final = 0.95
"""What OpenCost takes for a GPU that it knows no price of."""

_NAMES = ("node", "exported_node", "exported_instance", "instance")
_BY = ", ".join(_NAMES)
_WHOLE = f"max by ({_BY}) (node_total_hourly_cost)"
_PER_GPU = f"max by ({_BY}) (node_gpu_hourly_cost)"


class NodePrices(NamedTuple):
    """USD per hour of whole nodes by their names, and how many have but OpenCost's default."""

    usd_per_hour: dict[str, float]
    defaults: int = 0

    @property
    def said(self) -> str:
        """What is read of OpenCost, in words."""
        count = len(self.usd_per_hour)
        read = f"{count} node{'s' if count != 1 else ''} with a price"
        if not self.defaults:
            return read
        return (
            f"{read}; {self.defaults} with its default of {DEFAULT_PER_GPU:g} USD per GPU, which"
            " is nobody's price and is not read"
        )


async def node_prices(api: PrometheusApi) -> NodePrices | None:
    """What OpenCost says of each node; None where Prometheus has nothing of it.

    Raises:
        FetchError: Prometheus does not answer, or not as it does.
    """
    moment = await api.now()
    whole, per_gpu = await asyncio.gather(api.at(_WHOLE, moment), api.at(_PER_GPU, moment))
    if not whole:
        return None
    default = {
        _node(one.metric)
        for one in per_gpu
        if math.isclose(one.number, DEFAULT_PER_GPU, rel_tol=1e-6)
    }
    prices = {
        name: one.number
        for one in whole
        if (name := _node(one.metric)) not in default and 0 < one.number <= HIGHEST
    }
    return NodePrices(prices, len(default))


def _node(metric: Labels) -> str:
    return next((metric[name] for name in _NAMES if metric.get(name)), "")
