"""What nodes cost by OpenCost: from a Prometheus that scrapes it, or from its own page.

Names: OpenCost's metrics reference (`node_total_hourly_cost` of the whole node,
`node_gpu_hourly_cost` of one of its GPUs, both USD).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from mtop_tui.clock import Clock
from mtop_tui.domain.cost.prices import HIGHEST
from mtop_tui.domain.exposition import PageReader
from mtop_tui.observations import Observation, SourceHealth, SourceState
from mtop_tui.providers.live.metrics.prometheus_api import Labels, PrometheusApi
from mtop_tui.providers.scraping.fetching import FetchError

EVERY: Final = 45.0
"""Seconds between two questions. Prices change rarely, but what is not heard of for a minute counts
as lost."""

DEFAULT_PER_GPU: Final = 0.95
"""What OpenCost takes for a GPU that it knows no price of."""

_WHOLE, _PER_GPU = "node_total_hourly_cost", "node_gpu_hourly_cost"
_NAMES = ("node", "exported_node", "exported_instance", "instance")
_BY = ", ".join(_NAMES)

Costs = Iterable[tuple[Labels, float]]
"""Values of one metric with their labels."""


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


Look = Callable[[], Awaitable[NodePrices | None]]
"""Asks once; None where nothing is said of any node. Raises `FetchError`."""


class OpenCost:
    """Asks for the prices of nodes again and again.

    Args:
        look: asks once.
        source: how its health is called.
        clock: dates it.
        is_named: whether somebody says that it is there, so that silence is a fault.
        sleep: waits; a test passes one that does not.

    Attributes:
        prices: USD per hour by the names of nodes, a new one each time that it says anything.
    """

    def __init__(
        self,
        look: Look,
        source: str,
        *,
        clock: Clock,
        is_named: bool,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._look, self._source, self._clock = look, source, clock
        self._is_named, self._sleep = is_named, sleep
        self.prices: Mapping[str, float] = {}

    async def observe(self) -> AsyncGenerator[Sequence[Observation], None]:
        """How it fares; until cancelled."""
        heard, errors = None, 0
        while True:
            found, state, said = await self._asked()
            errors = 0 if found is not None else errors + 1
            if found is not None:
                heard, self.prices = self._clock.now(), found.usd_per_hour
            if heard is not None or self._is_named:
                yield [
                    SourceHealth(
                        at=self._clock.now(),
                        source=self._source,
                        state=state,
                        detail=said,
                        last_contact=heard,
                        errors=errors,
                        is_part=True,
                        is_extra=True,
                    )
                ]
            await self._sleep(EVERY)

    async def _asked(self) -> tuple[NodePrices | None, SourceState, str]:
        try:
            found = await self._look()
        except FetchError as error:
            return None, error.state, error.sentence
        if found is None:
            return None, "error", "says nothing of nodes; is it OpenCost?"
        return found, "live", found.said


async def asked_for(api: PrometheusApi) -> NodePrices | None:
    """What a Prometheus knows of it.

    Raises:
        FetchError: Prometheus does not answer, or not as it does.
    """
    moment = await api.now()
    whole, per_gpu = await asyncio.gather(
        *(api.at(f"max by ({_BY}) ({name})", moment) for name in (_WHOLE, _PER_GPU))
    )
    return prices_in(
        [(one.metric, one.number) for one in whole], [(one.metric, one.number) for one in per_gpu]
    )


def read_page(body: bytes) -> NodePrices | None:
    """What its own metrics page says."""
    costs: dict[str, list[tuple[Labels, float]]] = {_WHOLE: [], _PER_GPU: []}
    for sample in PageReader().read(body).samples:
        if sample.name in costs:
            costs[sample.name].append((dict(sample.labels), sample.value))
    return prices_in(costs[_WHOLE], costs[_PER_GPU])


def prices_in(whole: Costs, per_gpu: Costs) -> NodePrices | None:
    """Prices of whole nodes; those left out of which OpenCost has none but its default."""
    default = {
        _node(labels) for labels, usd in per_gpu if math.isclose(usd, DEFAULT_PER_GPU, rel_tol=1e-6)
    }
    prices = {
        name: usd
        for labels, usd in whole
        if (name := _node(labels)) not in default and 0 < usd <= HIGHEST
    }
    return NodePrices(prices, len(default)) if prices or default else None


def _node(labels: Labels) -> str:
    return next((labels[name] for name in _NAMES if labels.get(name)), "")
