"""Who gets how much traffic: what services ask for, and how a route group splits it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


def shares(
    seed: int,
    services: Sequence[tuple[Service, Demand]],
    groups: Sequence[RouteGroup],
    usual_rate: Callable[[ServiceKey], float],
) -> dict[ServiceKey, Share]:
    """The traffic of every service.

    A group's traffic is the sum of what its members ask for, split by weight; a stopped member
    receives nothing. `usual_rate` gives requests per second where nothing is asked for.
    """
    stated = {service.key: demand.requests_per_second for service, demand in services}
    split: dict[ServiceKey, Share] = {}
    for group in groups:
        split |= _group_shares(seed, group, stated, usual_rate)
    for service, _ in services:
        if service.key not in split:
            rate = stated[service.key]
            mean = usual_rate(service.key) if rate is None else rate
            split[service.key] = Share(_arrivals(seed, service.ref, mean), 1.0)
    return split


def _group_shares(
    seed: int,
    group: RouteGroup,
    stated: Mapping[ServiceKey, float | None],
    usual_rate: Callable[[ServiceKey], float],
) -> dict[ServiceKey, Share]:
    keys = {
        ServiceKey(group.ref.cluster, group.ref.namespace, member.service): member
        for member in group.members
    }
    rates = [rate for key in keys if (rate := stated[key]) is not None]
    mean = sum(rates) if rates else sum(usual_rate(key) for key in keys)
    weights = {key: 0 if member.stopped else member.weight for key, member in keys.items()}
    total = sum(weights.values())
    arrivals = _arrivals(seed, group.ref, mean)
    return {
        key: Share(arrivals, weight / total if total else 0.0) for key, weight in weights.items()
    }


def _arrivals(seed: int, ref: ObjectRef, mean: float) -> Arrivals:
    return Arrivals(mean, stream(seed, ref.namespace, ref.kind, ref.name, "arrivals"))
