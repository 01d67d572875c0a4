"""What gateways do: weights in force, copies of requests, and what is wrong with a route."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

import msgspec

from mtop_tui.kserve.records import condition
from mtop_tui.observations import Condition
from mtop_tui.providers.live import kinds
from mtop_tui.providers.live.objects.names import NAME, Place, place_of
from mtop_tui.providers.live.objects.schema import Meta
from mtop_tui.providers.live.objects.schema_network import (
    BackendRef,
    HTTPRoute,
    InferencePool,
    ParentsStatus,
    ParentStatus,
)

POOL_SUFFIX, FRONT_SUFFIX = "-inference-pool", "-kserve-workload-svc"
_SUFFIXES: Final = {kinds.INFERENCE_POOL: POOL_SUFFIX, "Service": FRONT_SUFFIX}
_DEFAULT_WEIGHT: Final = 1
_MIRROR: Final = "RequestMirror"


class Split(NamedTuple):
    """How a route shares requests out among services of its namespace."""

    route: str
    weights: dict[str, int]


class Routes:
    """HTTPRoutes and InferencePools of a cluster.

    Args:
        services: of the cluster, by place; those that are there now.
    """

    def __init__(self, services: Collection[Place]) -> None:
        self._services = services
        self._routes: dict[Place, HTTPRoute] = {}
        self._several: dict[str, dict[Place, None]] = {}
        self._to: dict[Place, frozenset[Place]] = {}
        self._leading: dict[Place, dict[Place, None]] = {}
        self._pools: dict[Place, dict[str, InferencePool]] = {}
        self._pools_of: dict[Place, dict[Place, None]] = {}

    def take_route(self, metadata: Meta, body: HTTPRoute | None) -> set[Place]:
        """A route is as it is now, or gone; the services of which that is news."""
        place = place_of(metadata)
        self._routes.pop(place, None)
        self._several.get(place[0], {}).pop(place, None)
        before = self._to.pop(place, frozenset())
        for service in before:
            self._leading.get(service, {}).pop(place, None)
        if body is None:
            return set(before)
        self._routes[place] = body
        after = self._to[place] = frozenset(
            service for rule in self._behind(body) for service, _ in rule
        )
        for service in after:
            self._leading.setdefault(service, {})[place] = None
        if len(after) > 1:
            self._several.setdefault(place[0], {})[place] = None
        return {*before, *after}

    def take_pool(self, metadata: Meta, body: InferencePool | None) -> set[Place]:
        """A pool is as it is now, or gone; the services of which that is news.

        The same name may stand in both API groups.
        """
        place, uid = place_of(metadata), metadata.uid or ""
        pools = self._pools.setdefault(place, {})
        ref = BackendRef(name=metadata.name, kind=kinds.INFERENCE_POOL)
        before = place[0], self._service_behind(place[0], ref)
        pools.pop(uid, None)
        if body is not None:
            pools[uid] = body
        after = place[0], self._service_behind(place[0], ref)
        self._pools_of.get(before, {}).pop(place, None)
        if pools:
            self._pools_of.setdefault(after, {})[place] = None
        if before == after:
            return {after}
        # Only now is it known to which service those routes lead that lead here.
        again = [one for at, one in self._routes.items() if at[0] == place[0]]
        return {before, after}.union(*(self.take_route(one.metadata, one) for one in again))

    def splits(self, namespace: str) -> list[Split]:
        """Routes in force that share requests out among several services, the oldest first."""
        several = (self._routes[at] for at in self._several.get(namespace, ()))
        accepted = [one for one in several if _in_force(one)]
        accepted.sort(key=lambda one: (one.metadata.creation_timestamp or "", one.metadata.name))
        found = []
        for route in accepted:
            weights: dict[str, int] = {}
            for place, weight in next(self._behind(route), ()):
                if place in self._services and place[0] == namespace:
                    weights[place[1]] = weights.get(place[1], 0) + weight
            if len(weights) > 1:
                found.append(Split(route.metadata.name, weights))
        return found

    def mirror_of(self, place: Place) -> str:
        """The service of its namespace that gets a copy of each request; empty without one."""
        for at in self._leading.get(place, ()):
            for rule in self._routes[at].spec.rules or ():
                behind = [self._service_behind(at[0], one) for one in rule.backend_refs or ()]
                if place[1] not in behind:
                    continue
                for one in rule.filters or ():
                    if one.type == _MIRROR and one.request_mirror is not None:
                        return self._service_behind(at[0], one.request_mirror.backend_ref)
        return ""

    def conditions(self, place: Place) -> tuple[Condition, ...]:
        """What gateways say of the routes and pools of a service."""
        found: list[Condition] = []
        for at in self._leading.get(place, ()):
            found += _said(f"{kinds.HTTP_ROUTE} {at[1]}", self._routes[at].status)
        for at in self._pools_of.get(place, ()):
            for pool in self._pools[at].values():
                found += _said(f"{kinds.INFERENCE_POOL} {at[1]}", pool.status)
        return tuple(found)

    def _behind(self, route: HTTPRoute) -> Iterator[list[tuple[Place, int]]]:
        """Services behind each rule of a route that leads to any, with their weights there."""
        home = route.metadata.namespace or ""
        for rule in route.spec.rules or ():
            found = [
                ((namespace, name), _DEFAULT_WEIGHT if ref.weight is None else max(0, ref.weight))
                for ref in rule.backend_refs or ()
                if (name := self._service_behind((namespace := ref.namespace or home), ref))
            ]
            if found:
                yield found

    def _service_behind(self, namespace: str, ref: BackendRef) -> str:
        """The service that a backend is of, by its pool's label or its own name; else nothing."""
        kind = ref.kind or "Service"
        if kind == kinds.INFERENCE_POOL:
            for pool in self._pools.get((namespace, ref.name), {}).values():
                if labelled := pool.metadata.label(NAME):
                    return labelled
        suffix = _SUFFIXES.get(kind, "")
        return ref.name.removesuffix(suffix) if suffix and ref.name.endswith(suffix) else ""


def _in_force(route: HTTPRoute) -> bool:
    """Whether a gateway has taken it up; of one without a status nobody knows."""
    return any(
        one.type == "Accepted" and one.status == "True"
        for parent in route.status.parents or ()
        for one in parent.conditions or ()
    )


def _said(about: str, status: ParentsStatus) -> Iterator[Condition]:
    """Conditions by all parents; where there are several, each is named."""
    parents: list[ParentStatus] = [*(status.parents or ()), *(status.parent or ())]
    for parent in parents:
        by = f" at {parent.parent_ref.name}" if len(parents) > 1 else ""
        for one in parent.conditions or ():
            yield msgspec.structs.replace(condition(one), about=f"{about}{by}")
