"""Commands on who gets which requests, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mtop_tui.engine.control.commands.meant import Commands, name_of, names_of
from mtop_tui.engine.levers import LeverError
from mtop_tui.engine.serving.replica import ReplicaServer
from mtop_tui.observations import ServiceKey

if TYPE_CHECKING:
    from mtop_tui.engine.workload.changes import LoadChange


class TrafficCommands(Commands):
    """See `Levers` for what each does."""

    def set_workload_change(self, key: ServiceKey, change: LoadChange) -> tuple[str, ...]:
        """Change the rate of requests at a service, or at the group it is in."""
        self._run(key)
        self._router.change(key, change)
        return (name_of(key),)

    def set_weights(
        self, namespace: str, group: str, weights: Mapping[str, int]
    ) -> tuple[str, ...]:
        """Set weights of members of a route group."""
        flow = self._group(namespace, group)
        members = {run.key.name for run, _ in flow.members}
        for name, weight in weights.items():
            if name not in members:
                raise LeverError(f"{name} is not in route group {namespace}/{group}")
            if weight < 0:
                raise LeverError(f"weight {weight} of {name}: expected 0 or more")
        self._router.set_weights(flow, dict(weights))
        for run, _ in flow.members:
            if run.key.name in weights:
                self._report(run)
        return tuple(f"{namespace}/{name}" for name in weights)

    def mirror(self, key: ServiceKey, shadow: ServiceKey | None) -> tuple[str, ...]:
        """Send a copy of every request of `key` to `shadow`."""
        run = self._run(key)
        flow = self._router.flow(key)
        if flow is None:
            raise LeverError(f"{name_of(key)} gets no requests")
        if shadow is None:
            flow.mirrors.pop(key, None)
        else:
            self._run(shadow)
            flow.mirrors[key] = shadow
        run.change(mirrors_to="" if shadow is None else shadow.name)
        self._report(run)
        return (name_of(key),) if shadow is None else (name_of(key), name_of(shadow))

    def prefix_flush(self, key: ServiceKey) -> tuple[str, ...]:
        """Empty the prefix caches of all its replicas."""
        found = [one for pool in self._run(key).pools for one in pool.serving]
        for replica in found:
            if isinstance(replica.server, ReplicaServer):
                replica.server.advance(max(self.now, replica.server.at))
                replica.server.flush_prefixes()
        return names_of(found)
