"""The log lines of a simulated fleet: who writes what, when something happens to it."""

from __future__ import annotations

from collections.abc import Iterable

from mtop_tui.engine.outputs.container import MAIN, ContainerFacts
from mtop_tui.engine.outputs.logbook import Logbook, ring_limit
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.world import World


class Journal:
    """Writes the logs of containers and kernels.

    Attributes:
        book: where they are kept.
    """

    def __init__(self, world: World, replicas: int) -> None:
        self._world = world
        self.book = Logbook(world.now, limit=ring_limit(replicas))

    def write(self, replica: SimulatedReplica, lines: Iterable[str]) -> None:
        """Lines of a replica's main container, now."""
        ring = self.book.open(replica.service, replica.ref, MAIN, ContainerFacts(), replica.nodes)
        for text in lines:
            ring.write(self._world.now, text)
