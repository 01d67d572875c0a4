"""Route groups: who shares requests with whom, by the weights that gateways have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import NAMESPACE_URL, uuid5

import msgspec

from mtop_tui.kserve.records import route_groups
from mtop_tui.observations import ObjectRef, Observation, RouteGroup, RouteMember, Service
from mtop_tui.providers.live.objects.known import Known
from mtop_tui.providers.live.objects.names import Place
from mtop_tui.providers.live.objects.routes import Routes, Split


class Groups:
    """The route groups of a cluster: no object is one, its members and its route say so."""

    def __init__(self, known: Known, routes: Routes) -> None:
        self._known, self._routes = known, routes
        self._dirty: dict[str, None] = {}
        self._told: dict[str, tuple[ObjectRef, ...]] = {}
        self._in_force: dict[Place, int] = {}
        self._moved: dict[Place, None] = {}

    def changed(self, namespace: str) -> None:
        """Something that groups of a namespace are made of is another one."""
        self._dirty[namespace] = None

    def note(self, service: Service) -> str:
        """What is to be said where the gateway has another weight than the service asks for."""
        found = self._in_force.get((service.ref.namespace, service.ref.name))
        if service.route is None or found is None or found == service.route.weight:
            return ""
        return f"weight {service.route.weight} is asked for, the gateway has {found}"

    def take_moved(self) -> dict[Place, None]:
        """Services whose weight in force became another one since."""
        moved, self._moved = self._moved, {}
        return moved

    def settle(self, at: float) -> Iterator[Observation]:
        """Groups that are news."""
        dirty, self._dirty = self._dirty, {}
        for namespace in dirty:
            services = [
                told
                for service in self._known.services_of(namespace)
                if (told := self._known.told_of(service)) is not None
            ]
            found = self._found(namespace, services, at)
            for ref in self._told.get(namespace, ()):
                if ref not in found:
                    yield from self._known.gone(ref, at)
            self._told[namespace] = tuple(found)
            in_force: dict[Place, int] = {}
            for group in found.values():
                yield from self._known.tell(group)
                for member in group.members:
                    if not member.stopped:
                        in_force[namespace, member.service] = member.weight
            for place in {*in_force, *(one for one in self._in_force if one[0] == namespace)}:
                before, after = self._in_force.pop(place, None), in_force.get(place)
                if after is not None:
                    self._in_force[place] = after
                if before != after:
                    self._moved[place] = None

    def _found(
        self, namespace: str, services: Sequence[Service], at: float
    ) -> dict[ObjectRef, RouteGroup]:
        splits = self._routes.splits(namespace)
        found: dict[ObjectRef, RouteGroup] = {}
        grouped = {one.ref.name for one in services if one.route is not None}
        for group in route_groups(services, at=at):
            record = _named(group, group.ref)
            names = {member.service for member in group.members}
            split = next((one for one in splits if len(names & one.weights.keys()) > 1), None)
            if split is not None:
                record = msgspec.structs.replace(record, members=_weighed(group.members, split))
            found[record.ref] = record
        there = {one.ref.name: one for one in services}
        for split in splits:
            # Whoever writes a route by hand needs no group of KServe's.
            if grouped & split.weights.keys():
                continue
            grouped |= split.weights.keys()
            members = tuple(
                RouteMember(name, weight, there[name].stopped)
                for name, weight in sorted(split.weights.items())
                if name in there
            )
            ref = ObjectRef(self._known.cluster, namespace, "RouteGroup", split.route)
            record = _named(RouteGroup(at=at, ref=ref, members=members), ref)
            found[record.ref] = record
        return found


def _weighed(members: Sequence[RouteMember], split: Split) -> tuple[RouteMember, ...]:
    """Members with the weights in force; one that is stopped keeps what it asks for."""
    return tuple(
        one if one.stopped else RouteMember(one.service, split.weights.get(one.service, 0))
        for one in members
    )


def _named(group: RouteGroup, ref: ObjectRef) -> RouteGroup:
    uid = str(uuid5(NAMESPACE_URL, "/".join(ref[:4])))
    return msgspec.structs.replace(group, ref=ref._replace(uid=uid))
