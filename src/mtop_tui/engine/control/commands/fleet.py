"""The levers of a simulated fleet: what scenarios, faults and users do to it."""

from __future__ import annotations

from collections.abc import Callable

from mtop_tui.engine.control.commands.nodes import NodeCommands
from mtop_tui.engine.control.commands.pods import PodCommands
from mtop_tui.engine.control.commands.services import ServiceCommands


class FleetLevers(ServiceCommands, PodCommands, NodeCommands):
    """`Levers` of one fleet; see there for what each does."""

    def at(self, when: float, action: Callable[[], object]) -> None:
        """Call `action` when the fleet's time has come to `when`."""
        self._world.at(when, action)
