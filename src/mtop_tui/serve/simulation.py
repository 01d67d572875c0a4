"""The running simulation behind the API: the provider, its engine, and the store kept up to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from mtop_tui.engine.fleet import SimulatedFleet
from mtop_tui.engine.levers import Levers
from mtop_tui.kserve.merge import Combined, combine
from mtop_tui.observations import ObjectRef, Role, ServiceKey, SourceHealth
from mtop_tui.providers.mock.manifests import Manifests
from mtop_tui.providers.mock.provider import CLUSTER, MockProvider
from mtop_tui.serve.projection import Projection
from mtop_tui.serve.store import Store
from mtop_tui.serve.timescale import Timescale


class Simulation:
    """A simulated cluster that goes on while it is served.

    Args:
        provider: the simulation; it is observed once, here.
        manifests: what it was made from.
        seed: of it.
        scale: from simulated time to that of clients.

    Attributes:
        store: all objects.
        projection: keeps the store.
        ready: set once the cluster was described.
        cluster: its name in records.
    """

    def __init__(
        self, provider: MockProvider, manifests: Manifests, *, seed: int, scale: Timescale
    ) -> None:
        self.store = Store()
        self.scale, self.seed = scale, seed
        self.ready = asyncio.Event()
        self._provider, self._manifests = provider, manifests
        self._created: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._configs: dict[tuple[str, str], Mapping[str, Any] | None] = {}
        self.cluster = CLUSTER
        self.projection = Projection(
            self.store, self, self, seed=seed, scale=scale, cluster=CLUSTER
        )

    async def run(self) -> None:
        """Observe the simulation until it ends or this is cancelled."""
        try:
            async for batch in self._provider.observe():
                fleet = self._provider.fleet
                if fleet is None:
                    continue
                self.projection.begin(fleet.begin)
                self.projection.apply(batch)
                if not self.ready.is_set() and any(_is_live(one) for one in batch):
                    # What led up to now is history: nobody watched it.
                    self.store.compact()
                    self.ready.set()
        finally:
            await self._provider.close()

    def act(self) -> None:
        """Let the store see at once what was done to the simulation."""
        for batch in self._provider.settle():
            self.projection.apply(batch)

    @property
    def fleet(self) -> SimulatedFleet:
        """The engine; only once `ready` is set."""
        fleet = self._provider.fleet
        assert fleet is not None, "the simulation has not begun"
        return fleet

    @property
    def levers(self) -> Levers:
        """The only way to change the simulation."""
        return self.fleet.levers

    @property
    def now(self) -> float:
        """Simulated Unix seconds up to which everything has happened."""
        return self.fleet.world.now

    # What users made

    def created(self, ref: ObjectRef, body: Mapping[str, Any]) -> None:
        """A service is created with this manifest."""
        self._created[ref.namespace, ref.name] = body

    def set_config(self, namespace: str, name: str, body: Mapping[str, Any] | None) -> None:
        """A config is what users made of it; None: they deleted it."""
        self._configs[namespace, name] = body

    # What its projection asks

    def body(self, ref: ObjectRef) -> Mapping[str, Any] | None:
        """The manifest of a service or a node."""
        made = self._created.get((ref.namespace, ref.name))
        return self._provider.body(ref) if made is None else made

    def combined(self, body: Mapping[str, Any]) -> Combined:
        """The spec of a service with its configs merged in."""
        return combine(body, self._find_config)

    def configs(self) -> Iterator[Mapping[str, Any]]:
        """All configs."""
        return (one.body for one in self._manifests.configs)

    def paused(self, key: ServiceKey, role: Role) -> bool:
        """Whether a rollout is held."""
        run = self.fleet.world.services.get(key)
        return run is not None and any(one.paused for one in run.pools if one.role == role)

    def cordoned(self, node: str) -> bool:
        """Whether nothing new comes onto a node."""
        host = self.fleet.world.cluster.hosts.get(node)
        return host is not None and host.cordoned

    def _find_config(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        if (namespace, name) in self._configs:
            return self._configs[namespace, name]
        return self._manifests.find_config(namespace, name)


def _is_live(record: object) -> bool:
    return isinstance(record, SourceHealth) and record.state == "live"
