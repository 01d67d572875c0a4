"""One stream of requests per service, or per route group that splits it among its members."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from mtop_tui.engine.demand import Demand
from mtop_tui.engine.workload.kinds import kind_of
from mtop_tui.engine.workload.workload import Workload, workload_of
from mtop_tui.observations import ObjectRef, Service, ServiceKey


def service_workload(
    seed: int, service: Service, demand: Demand, usual_rate: float = 0.0
) -> Workload:
    """The workload of a service that is in no group; its name and model suggest the kind."""
    kind = kind_of(service.ref.name, service.model, service.model_uri)
    return workload_of(seed, service.key, demand, usual_rate, kind)


def group_workload(
    seed: int,
    group: ObjectRef,
    members: Sequence[tuple[Service, Demand]],
    usual_rate: float = 0.0,
) -> Workload:
    """The workload of a route group: what its members ask for together.

    Its rate is the sum of those they state. Lengths are means over members, weighted by rate;
    anything else is what the first member that states it says, largest first.

    Args:
        seed: of the simulation.
        group: names the stream.
        members: one at least.
        usual_rate: requests per second of the group where no member states any.
    """
    ranked = sorted(members, key=lambda one: (-(one[1].requests_per_second or 0.0), one[0].ref))
    demands = [demand for _, demand in ranked]
    rates = [one.requests_per_second for one in demands if one.requests_per_second is not None]
    first = ranked[0][0]
    stated = Demand(
        requests_per_second=math.fsum(rates) if rates else None,
        prompt_tokens=_mean(demands, lambda one: one.prompt_tokens),
        output_tokens=_mean(demands, lambda one: one.output_tokens),
        kind=next((one.kind for one in demands if one.kind is not None), None),
        cv=next((one.cv for one in demands if one.cv is not None), None),
        diurnal=next((one.diurnal for one in demands if one.diurnal is not None), None),
        tenants=next((one.tenants for one in demands if one.tenants is not None), None),
        cached=_mean(demands, lambda one: one.cached),
    )
    key = ServiceKey(group.cluster, group.namespace, f"{group.kind}/{group.name}")
    kind = kind_of(first.ref.name, first.model, first.model_uri)
    return workload_of(seed, key, stated, usual_rate, kind)


def _mean(demands: Sequence[Demand], value: Callable[[Demand], float | None]) -> float | None:
    """The mean of what is stated, weighted by rate; by head where nobody is called."""
    found = [
        (one.requests_per_second or 0.0, stated)
        for one in demands
        if (stated := value(one)) is not None
    ]
    if not found:
        return None
    total = math.fsum(rate for rate, _ in found)
    if total <= 0.0:
        return math.fsum(stated for _, stated in found) / len(found)
    return math.fsum(rate * stated for rate, stated in found) / total
