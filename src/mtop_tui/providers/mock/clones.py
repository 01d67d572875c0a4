"""More of the same: copies of the shipped services and nodes under new, legal names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from mtop_tui.engine.deployment import SimulatedService
from mtop_tui.observations import Autoscaler, Node, ServiceKey

_LONGEST = 63


class Fleet(NamedTuple):
    """What a simulation starts from."""

    services: Sequence[SimulatedService]
    nodes: Sequence[Node]
    autoscalers: Sequence[Autoscaler]


def clone_name(name: str, copy: int) -> str:
    """The name of a copy; the first is the original and keeps its own."""
    if copy == 1:
        return name
    ending = f"-{copy:04d}"
    return f"{name[: _LONGEST - len(ending)].rstrip('-.')}{ending}"


def cloned(fleet: Fleet, count: int) -> Fleet:
    """`count` services, the first of those there are or copies of all; nodes grow with them.

    No node goes when there are fewer services than described. Copies of a route group's members
    form a copy of the group.
    """
    originals = len(fleet.services)
    if not originals:
        return fleet
    copies = -(-count // originals)
    services = [_service(one, copy) for copy in range(1, copies + 1) for one in fleet.services][
        :count
    ]
    scaled: dict[ServiceKey, list[Autoscaler]] = {}
    for one in fleet.autoscalers:
        scaled.setdefault(one.service, []).append(one)
    keys = [one.service.key for one in fleet.services]
    autoscalers = [
        _autoscaler(autoscaler, copy)
        for copy in range(1, copies + 1)
        for key in keys[: count - (copy - 1) * originals]
        for autoscaler in scaled.get(key, ())
    ]
    nodes = [_node(one, copy) for copy in range(1, copies + 1) for one in fleet.nodes]
    return Fleet(services, nodes, autoscalers)


def _service(one: SimulatedService, copy: int) -> SimulatedService:
    if copy == 1:
        return one
    service = one.service
    route = service.route
    if route is not None:
        route = msgspec.structs.replace(route, group=clone_name(route.group, copy))
    name = clone_name(service.ref.name, copy)
    ref = service.ref._replace(name=name, uid="")
    return SimulatedService(msgspec.structs.replace(service, ref=ref, route=route), one.demand)


def _node(one: Node, copy: int) -> Node:
    if copy == 1:
        return one
    ref = one.ref._replace(name=clone_name(one.ref.name, copy), uid="")
    return msgspec.structs.replace(one, ref=ref)


def _autoscaler(one: Autoscaler, copy: int) -> Autoscaler:
    if copy == 1:
        return one
    ref = one.ref._replace(name=clone_name(one.ref.name, copy), uid="")
    service = one.service._replace(name=clone_name(one.service.name, copy))
    return msgspec.structs.replace(one, ref=ref, service=service)
