"""Route groups: who shares traffic with whom by which weights, now and before."""

from __future__ import annotations

from collections.abc import Iterator

from mtop_tui.observations import ObjectRef, RouteGroup, RouteMember, Service, ServiceKey
from mtop_tui.state.changes import ChangeLog

WEIGHT_CHANGES_KEPT = 100

WeightLog = ChangeLog[ObjectRef, RouteGroup]


class RouteGroups:
    """The groups that are there, and how each came to be as it is."""

    def __init__(self) -> None:
        self._groups: dict[ObjectRef, RouteGroup] = {}
        self._logs: dict[ObjectRef, WeightLog] = {}

    def __iter__(self) -> Iterator[RouteGroup]:
        return iter(self._groups.values())

    def __bool__(self) -> bool:
        return bool(self._groups)

    def take(self, record: RouteGroup) -> None:
        """Take what a group is by now."""
        before = self._groups.get(record.ref)
        self._groups[record.ref] = record
        if before is None or before.members != record.members:
            log = self._logs.setdefault(record.ref, ChangeLog(WEIGHT_CHANGES_KEPT))
            log.note(record.at, record.ref, record)

    def drop(self, ref: ObjectRef) -> None:
        """A group is gone, if it was one."""
        self._groups.pop(ref, None)
        self._logs.pop(ref, None)

    def of(self, key: ServiceKey) -> RouteGroup | None:
        """The group that a service belongs to."""
        for group in self._groups.values():
            if (group.ref.cluster, group.ref.namespace) == key[:2] and any(
                member.service == key.name for member in group.members
            ):
                return group
        return None

    def share(self, service: Service) -> float | None:
        """Share of its group's traffic a service should get; None outside a group."""
        group = self.of(service.key)
        return None if group is None else shares_of(group.members).get(service.ref.name, 0)

    def log(self, ref: ObjectRef) -> WeightLog | None:
        """How the weights of a group changed."""
        return self._logs.get(ref)


def shares_of(members: tuple[RouteMember, ...]) -> dict[str, float | None]:
    """The part of the traffic of each member that is not stopped; None while all weights are 0."""
    live = {member.service: member.weight for member in members if not member.stopped}
    weight = sum(live.values())
    return {name: one / weight if weight else None for name, one in live.items()}
