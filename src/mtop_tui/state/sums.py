"""Sums over the objects of a service, over all services, and over their figures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from mtop_tui.domain.cost.money import Dollars, total
from mtop_tui.domain.readiness import Health, Status, is_ready, status_of
from mtop_tui.observations import Node, Replica
from mtop_tui.state.service import ServiceState

UNKNOWN_GPU: Final = "GPU"


class ServiceSummary(NamedTuple):
    """What changes only with a service's objects: replicas, GPUs and money.

    `gpus` counts those that placed replicas hold, `gpus_by_type` the same by type.
    """

    ready: bool | None
    health: Health
    ready_replicas: int
    desired_replicas: int | None
    gpus: int
    gpus_by_type: Mapping[str, int]
    cost: Dollars


class ObjectTotals(NamedTuple):
    """Sums that change only with objects."""

    services: int
    services_ready: int
    replicas_ready: int
    replicas_desired: int
    gpus_used: int
    gpus: int
    cost: Dollars
    bill: Dollars


class FleetTotals(NamedTuple):
    """Sums over all services; rates are per second, NaN where no service has one.

    `burning` counts services with a firing alert on a burn rate, None when none has an objective.
    """

    objects: ObjectTotals
    request_rate: float
    token_rate: float
    burning: int | None

    @property
    def idle_ratio(self) -> float | None:
        """Share of the bill that no replica asked for; None while a price is missing."""
        bill, cost = self.objects.bill, self.objects.cost
        if bill.unpriced or cost.unpriced or not bill.usd:
            return None
        return float(max(Decimal(0), bill.usd - cost.usd) / bill.usd)


def service_status(state: ServiceState, now: float) -> Status:
    """How a service fares at a time, in words."""
    service = state.service
    if service is None:
        return Status(Health.UNKNOWN, "no object yet")
    return status_of(
        service.conditions, list(state.replicas.values()), stopped=service.stopped, now=now
    )


def summarise(state: ServiceState, cost_of: Callable[[Replica], Dollars]) -> ServiceSummary:
    """A service's replicas, GPUs and money, by what a replica costs."""
    service = state.service
    pools = () if service is None else service.pools
    desired = [pool.desired for pool in pools if pool.desired is not None]
    placed = [replica for replica in state.replicas.values() if replica.nodes]
    held: Counter[str] = Counter()
    for replica in placed:
        if replica.gpus:
            held[replica.gpu_type or UNKNOWN_GPU] += replica.gpus
    return ServiceSummary(
        ready=None if service is None else is_ready(service.conditions),
        health=service_status(state, 0.0).health,
        ready_replicas=sum(replica.phase == "ready" for replica in state.replicas.values()),
        desired_replicas=sum(desired) if desired else None,
        gpus=held.total(),
        gpus_by_type=held,
        cost=total(map(cost_of, placed)),
    )


def sum_objects(
    summaries: Collection[ServiceSummary], nodes: Collection[Node], billed: Dollars
) -> ObjectTotals:
    """All services together, beside what the nodes have and cost."""
    cost = total(summary.cost for summary in summaries)
    # Where no node is known and services run somewhere, what they cost is not known either.
    unknown = cost.unpriced > 0 and not nodes
    return ObjectTotals(
        services=len(summaries),
        services_ready=sum(summary.ready is True for summary in summaries),
        replicas_ready=sum(summary.ready_replicas for summary in summaries),
        replicas_desired=sum(summary.desired_replicas or 0 for summary in summaries),
        gpus_used=sum(summary.gpus for summary in summaries),
        gpus=sum(node.gpus for node in nodes),
        cost=cost,
        bill=Dollars(unpriced=cost.unpriced) if unknown else billed,
    )


_PART = " MIG-"


def free_by_type(
    nodes: Iterable[Node], summaries: Iterable[ServiceSummary]
) -> tuple[tuple[str, int], ...]:
    """GPUs of ready nodes that no replica holds, by type."""
    free: Counter[str] = Counter()
    for node in nodes:
        if node.ready and node.gpus:
            free[node.gpu_type or UNKNOWN_GPU] += node.gpus
    for summary in summaries:
        for kind, count in summary.gpus_by_type.items():
            # A node with several kinds of parts of GPUs is called by what they are parts of.
            free[kind if kind in free else kind.partition(_PART)[0]] -= count
    return tuple(sorted((kind, max(0, count)) for kind, count in free.items()))


def sum_rates(states: Iterable[ServiceState]) -> tuple[float, float]:
    """Requests and tokens per second of all services; NaN where no service has a rate."""
    requests = tokens = 0.0
    known = False
    for state in states:
        metrics = state.last_metrics
        if metrics.request_rate == metrics.request_rate:  # not NaN
            known = True
            requests += metrics.request_rate
        if (rate := metrics.token_rate) == rate:
            tokens += rate
    return (requests, tokens) if known else (math.nan, math.nan)
