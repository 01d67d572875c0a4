"""What a command means: names and selectors as services, pools, groups, nodes and replicas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mtop_tui.engine.control.selection import chosen
from mtop_tui.engine.levers import LeverError, Selector
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.service_run import PoolRun, ServiceRun
from mtop_tui.observations import Role, ServiceKey

if TYPE_CHECKING:
    from mtop_tui.engine.fleet import SimulatedFleet
    from mtop_tui.engine.router import Flow


class Commands:
    """The base of all commands: the fleet they are for, and what is meant in it.

    Whatever is looked up here raises LeverError when it is not there.
    """

    def __init__(self, fleet: SimulatedFleet) -> None:
        self._fleet = fleet
        self._world = fleet.world
        self._workloads = fleet.workloads
        self._kubelet = fleet.kubelet
        self._nodes = fleet.nodes
        self._router = fleet.router
        self._draws = 0

    @property
    def now(self) -> float:
        """The fleet's present time, Unix seconds."""
        return self._world.now

    def _run(self, key: ServiceKey) -> ServiceRun:
        self._fleet.describe_first()
        run = self._world.services.get(key)
        if run is None:
            raise LeverError(f"there is no service {name_of(key)}")
        return run

    def _pool(self, key: ServiceKey, role: Role | None) -> tuple[ServiceRun, PoolRun]:
        run = self._run(key)
        if not run.pools:
            raise LeverError(f"{name_of(key)} has no workload")
        found = [one for one in run.pools if role in {None, one.role}]
        if not found:
            raise LeverError(f"{name_of(key)} has no {role} pool")
        return run, found[0]

    def _rolling(self, key: ServiceKey) -> list[PoolRun]:
        found = [pool for pool in self._run(key).pools if not pool.settled]
        if not found:
            raise LeverError(f"{name_of(key)} has no rollout under way")
        return found

    def _group(self, namespace: str, group: str) -> Flow:
        self._fleet.describe_first()
        flow = self._router.group(namespace, group)
        if flow is None:
            raise LeverError(f"there is no route group {namespace}/{group}")
        return flow

    def _flow_of_group(self, key: ServiceKey) -> Flow | None:
        self._run(key)
        flow = self._router.flow(key)
        return flow if flow is not None and flow.group is not None else None

    def _node(self, name: str) -> str:
        self._fleet.describe_first()
        if name not in self._world.cluster.hosts:
            raise LeverError(f"there is no node {name}")
        return name

    def _chosen(self, selector: Selector, *, running: bool = False) -> list[SimulatedReplica]:
        self._fleet.describe_first()
        self._draws += 1
        random = self._world.random("selector", str(self._draws))
        found = [
            one
            for one in self._fleet.replicas()
            if not running or (one.life.stage.phase in {"starting", "ready"} and one.seats)
        ]
        return chosen(selector, found, self._world, random)

    def _report(self, run: ServiceRun) -> None:
        service = run.report(self.now)
        if service is not None:
            self._world.emit(service)


def name_of(key: ServiceKey) -> str:
    """A service as commands name it."""
    return f"{key.namespace}/{key.name}"


def names_of(replicas: Iterable[SimulatedReplica]) -> tuple[str, ...]:
    """The pods of replicas."""
    return tuple(one.ref.name for one in replicas)
