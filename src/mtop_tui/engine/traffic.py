"""Who gets how much traffic: what services ask for, and how a route group splits it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from mtop_tui.engine import naming
from mtop_tui.engine.arrivals import Arrivals, stream
from mtop_tui.engine.demand import Demand
from mtop_tui.engine.service_time import Load
from mtop_tui.observations import ObjectRef, RouteGroup, RouteMember, Service, ServiceKey

_USUAL_PROMPT, _USUAL_OUTPUT, _LENGTH_SPREAD = 600.0, 220.0, 0.5


class Share(NamedTuple):
    """What one service receives: a part of a stream of requests."""

    arrivals: Arrivals
    part: float


def load_of(seed: int, service: Service, demand: Demand) -> Load:
    """The lengths of a service's requests; what the demand leaves open is drawn from the seed."""
    random = stream(seed, service.ref.namespace, service.ref.name, "lengths")
    prompt = _USUAL_PROMPT * random.lognormvariate(0.0, _LENGTH_SPREAD)
    output = _USUAL_OUTPUT * random.lognormvariate(0.0, _LENGTH_SPREAD)
    return Load(
        rate=demand.requests_per_second or 0.0,
        prompt=demand.prompt_tokens or prompt,
        output=demand.output_tokens or output,
        hit_ratio=random.uniform(0.1, 0.5),
    )


def route_groups(seed: int, services: Sequence[Service], at: float) -> list[RouteGroup]:
    """The groups that services form by naming the same one in the same namespace."""
    members: dict[ObjectRef, list[RouteMember]] = {}
    for service in services:
        if service.route is not None:
            where = ObjectRef(
                service.ref.cluster, service.ref.namespace, "RouteGroup", service.route.group
            )
            members.setdefault(where, []).append(
                RouteMember(service.ref.name, service.route.weight, service.stopped)
            )
    return [
        RouteGroup(
            at=at,
            ref=naming.identified(seed, ref),
            members=tuple(sorted(group, key=lambda one: one.service)),
        )
        for ref, group in members.items()
    ]


class Traffic:
    """The traffic of every service, worked out when it is first asked for.

    A group's traffic is the sum of what its members ask for, split by weight; a stopped member
    receives nothing.

    Args:
        seed: decides how the rates move.
        services: with what they ask for.
        groups: that some of them form.
        usual_rate: requests per second of a service that does not say.
    """

    def __init__(
        self,
        seed: int,
        services: Sequence[tuple[Service, Demand]],
        groups: Iterable[RouteGroup],
        usual_rate: Callable[[ServiceKey], float],
    ) -> None:
        self._seed = seed
        self._usual_rate = usual_rate
        self._asked = {service.key: demand.requests_per_second for service, demand in services}
        self._refs = {service.key: service.ref for service, _ in services}
        self._shares: dict[ServiceKey, Share] = {}
        self._groups = {
            ServiceKey(group.ref.cluster, group.ref.namespace, member.service): group
            for group in groups
            for member in group.members
        }

    def share(self, key: ServiceKey) -> Share:
        """What a service receives."""
        share = self._shares.get(key)
        if share is None:
            group = self._groups.get(key)
            if group is not None:
                self._shares |= self._split(group)
            else:
                mean = self._mean([key])
                self._shares[key] = Share(_arrivals(self._seed, self._refs[key], mean), 1.0)
            share = self._shares[key]
        return share

    def _mean(self, keys: Collection[ServiceKey]) -> float:
        rates = [rate for key in keys if (rate := self._asked[key]) is not None]
        return sum(rates) if rates else sum(self._usual_rate(key) for key in keys)

    def _split(self, group: RouteGroup) -> dict[ServiceKey, Share]:
        weights = {
            ServiceKey(group.ref.cluster, group.ref.namespace, member.service): (
                0 if member.stopped else member.weight
            )
            for member in group.members
        }
        total = sum(weights.values())
        arrivals = _arrivals(self._seed, group.ref, self._mean(weights))
        return {
            key: Share(arrivals, weight / total if total else 0.0)
            for key, weight in weights.items()
        }


def _arrivals(seed: int, ref: ObjectRef, mean: float) -> Arrivals:
    return Arrivals(mean, stream(seed, ref.namespace, ref.kind, ref.name, "arrivals"))
