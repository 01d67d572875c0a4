"""What a fault or an operation acts on: the levers, and what has been seen of the fleet."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from mtop_tui.engine.faults.parameters import Values
from mtop_tui.engine.levers import LeverError, Levers, Mode, Selector
from mtop_tui.observations import (
    ObjectRef,
    Observation,
    Removed,
    Replica,
    Role,
    Service,
    ServiceKey,
)


class Target(msgspec.Struct, frozen=True):
    """On what something is done: services, nodes, and which of their replicas.

    Nodes can be left out where services say enough: those that their replicas run on are meant.
    `mode` and `value` then choose among nodes, for what acts on nodes, and among replicas, for
    what acts on those.
    """

    services: tuple[ServiceKey, ...] = ()
    nodes: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    role: Role | None = None
    revision: str = ""
    mode: Mode = "all"
    value: float = 0.0

    @property
    def words(self) -> str:
        """What is meant, for an annotation."""
        names = [f"{key.namespace}/{key.name}" for key in self.services] + list(self.nodes)
        what = ", ".join(names) or "any service"
        if self.mode == "all":
            return what
        share = f" {self.value:g}" if self.value else ""
        return f"{what} ({self.mode}{share})"

    def selectors(self) -> list[Selector]:
        """The replicas that are meant, one selector per namespace."""
        names: dict[str, list[str]] = {}
        for key in self.services:
            names.setdefault(key.namespace, []).append(key.name)
        parts: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
            ((namespace,), tuple(found)) for namespace, found in names.items()
        ]
        return [
            Selector(
                namespaces=namespaces,
                names=found,
                labels=self.labels,
                role=self.role,
                revision=self.revision,
                nodes=self.nodes,
                mode=self.mode,
                value=self.value,
            )
            for namespaces, found in parts or [((), ())]
        ]


class Running(msgspec.Struct, eq=False):
    """One fault or operation while it lasts.

    Attributes:
        name: its own, no other's: changes are taken back by it.
        target: on what.
        values: of its parameters.
        active: False once it has ended.
        until: Unix seconds at which it will end; infinite where nothing ends it.
        nodes: chosen when it began, so that the same ones come back at its end.
    """

    name: str
    target: Target
    values: Values
    until: float = math.inf
    active: bool = True
    nodes: tuple[str, ...] = ()

    def number(self, name: str) -> float:
        """A parameter that is a number."""
        return float(self.values[name])

    def text(self, name: str) -> str:
        """A parameter that is text."""
        return str(self.values[name])

    def flag(self, name: str) -> bool:
        """A parameter that is yes or no."""
        return self.values[name] is True


class Stage:
    """The levers of a fleet, and the services and replicas that have been observed of it."""

    def __init__(self, levers: Levers) -> None:
        self.levers = levers
        self.services: dict[ServiceKey, Service] = {}
        self._replicas: dict[ObjectRef, Replica] = {}

    def see(self, records: Iterable[Observation]) -> None:
        """Take note of services and replicas."""
        for record in records:
            if isinstance(record, Replica):
                self._replicas[record.ref] = record
            elif isinstance(record, Service):
                self.services[record.key] = record
            elif isinstance(record, Removed):
                self._replicas.pop(record.ref, None)
                ref = record.ref
                key = ServiceKey(ref.cluster, ref.namespace, ref.name)
                if key in self.services and self.services[key].ref == ref:
                    del self.services[key]

    def nodes_of(self, target: Target) -> tuple[str, ...]:
        """The nodes that are meant: those named, or those of the services' replicas, busiest first.

        Raises:
            LeverError: no replica of the services is on any node.
        """
        if target.nodes:
            return target.nodes
        held: dict[str, int] = {}
        for replica in self._replicas.values():
            if replica.service in target.services and (
                target.role is None or replica.role == target.role
            ):
                for node in replica.nodes:
                    held[node] = held.get(node, 0) + 1
        if not held:
            raise LeverError(f"{target.words}: no replica is on any node")
        found = sorted(held, key=lambda node: (-held[node], node))
        if target.mode == "one":
            return tuple(found[:1])
        if target.mode == "fixed":
            return tuple(found[: int(target.value)])
        if target.mode == "all":
            return tuple(found)
        return tuple(found[: -(-len(found) * int(target.value) // 100)])

    def keys(self, target: Target) -> tuple[ServiceKey, ...]:
        """The services that are meant.

        Raises:
            LeverError: none is named.
        """
        if not target.services:
            raise LeverError("names no service; say on which")
        return target.services

    def streams(self, target: Target) -> tuple[ServiceKey, ...]:
        """The services that are meant, one of each route group: its members share their load.

        Raises:
            LeverError: none is named.
        """
        found: dict[tuple[str, str], ServiceKey] = {}
        for key in self.keys(target):
            service = self.services.get(key)
            route = None if service is None else service.route
            found.setdefault((key.namespace, f"group {route.group}" if route else key.name), key)
        return tuple(found.values())

    def group_of(self, key: ServiceKey) -> str:
        """The route group of a service.

        Raises:
            LeverError: it is in none.
        """
        service = self.services.get(key)
        if service is None or service.route is None:
            raise LeverError(f"{key.namespace}/{key.name} is in no route group")
        return service.route.group
