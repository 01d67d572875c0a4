"""Sums over the objects of a service, over all services, and over their figures."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from mtop_tui.domain.cost.money import Dollars, total
from mtop_tui.domain.cost.prices import PriceBook
from mtop_tui.domain.readiness import Health, Status, is_ready, status_of
from mtop_tui.observations import Node
from mtop_tui.state.service import ServiceState
from mtop_tui.state.spend import NodeKey, bill, replica_cost


class ServiceSummary(NamedTuple):
    """What changes only with a service's objects: replicas, GPUs and money."""

    ready: bool | None
    health: Health
    ready_replicas: int
    desired_replicas: int | None
    gpus: int
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


def summarise(
    state: ServiceState, nodes: Mapping[NodeKey, Node], prices: PriceBook
) -> ServiceSummary:
    """A service's replicas, GPUs and money."""
    service = state.service
    pools = () if service is None else service.pools
    desired = [pool.desired for pool in pools if pool.desired is not None]
    placed = [replica for replica in state.replicas.values() if replica.nodes]
    return ServiceSummary(
        ready=None if service is None else is_ready(service.conditions),
        health=service_status(state, 0.0).health,
        ready_replicas=sum(replica.phase == "ready" for replica in state.replicas.values()),
        desired_replicas=sum(desired) if desired else None,
        gpus=sum(replica.gpus or 0 for replica in placed),
        cost=total(replica_cost(replica, nodes, prices) for replica in placed),
    )


def sum_objects(
    summaries: Collection[ServiceSummary], nodes: Collection[Node], prices: PriceBook
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
        bill=Dollars(unpriced=cost.unpriced) if unknown else bill(nodes, prices),
    )


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
