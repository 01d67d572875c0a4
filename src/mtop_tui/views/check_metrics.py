"""Figures that a check can ask of a service or of the fleet, by name; NaN where not known."""

from __future__ import annotations

import math
from collections.abc import Callable

from mtop_tui.domain.cost.money import Dollars
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.service import ServiceState

ServiceFigure = Callable[[FleetStore, ServiceState], float]
FleetFigure = Callable[[FleetStore], float]


def _ready(store: FleetStore, state: ServiceState) -> float:
    ready = store.summary(state).ready
    return math.nan if ready is None else float(ready)


def _desired(store: FleetStore, state: ServiceState) -> float:
    desired = store.summary(state).desired_replicas
    return math.nan if desired is None else desired


def _weight(store: FleetStore, state: ServiceState) -> float:
    share = None if state.service is None else store.groups.share(state.service)
    return math.nan if share is None else share


def _received(store: FleetStore, state: ServiceState) -> float:
    """Share of its route group's requests that came to the service in the last minute."""
    service = state.service
    if service is None or service.route is None:
        return math.nan
    group, namespace = service.route.group, service.ref.namespace
    rates = [
        one.metrics().request_rate
        for one in store.services()
        if one.service is not None
        and one.service.route is not None
        and (one.key.namespace, one.service.route.group) == (namespace, group)
    ]
    total = sum(rate for rate in rates if not math.isnan(rate))
    return state.metrics().request_rate / total if total else math.nan


def _newest(store: FleetStore, state: ServiceState) -> float:  # noqa: ARG001
    numbers = [revision.number for revision in state.revisions.values()]
    return max(numbers) if numbers else math.nan


def _old_replicas(store: FleetStore, state: ServiceState) -> float:  # noqa: ARG001
    """Replicas of other revisions than the newest of their pool."""
    newest: dict[str, tuple[int, str]] = {}
    for revision in state.revisions.values():
        found = (revision.number, revision.ref.name.rpartition("-")[2])
        newest[revision.role] = max(found, newest.get(revision.role, found))
    return sum(
        replica.role in newest and replica.revision != newest[replica.role][1]
        for replica in state.replicas.values()
    )


def _restarts(store: FleetStore, state: ServiceState) -> float:  # noqa: ARG001
    return sum(replica.restarts for replica in state.replicas.values())


def _dollars(dollars: Dollars) -> float:
    return math.nan if dollars.unpriced else float(dollars.usd)


def _measured(name: str) -> ServiceFigure:
    def figure(store: FleetStore, state: ServiceState) -> float:  # noqa: ARG001
        value: float = getattr(state.metrics(), name)
        return value

    return figure


SERVICE_METRICS: dict[str, ServiceFigure] = {
    **{
        name: _measured(name)
        for name in (
            "request_rate",
            "error_ratio",
            "ttft_p95",
            "tpot",
            "queue",
            "running",
            "kv_usage",
            "preemption_rate",
            "prefix_hit_ratio",
            "prompt_token_rate",
            "generation_token_rate",
        )
    },
    "ready": _ready,
    "replicas_ready": lambda store, state: store.summary(state).ready_replicas,
    "replicas_desired": _desired,
    "gpus": lambda store, state: store.summary(state).gpus,
    "cost_per_hour": lambda store, state: _dollars(store.summary(state).cost),
    "weight_share": _weight,
    "request_share": _received,
    "revision": _newest,
    "old_replicas": _old_replicas,
    "restarts": _restarts,
}
"""Rates are per second and quantiles over the last minute, durations seconds, ratios 0 to 1,
`ready` 1 or 0, shares those of the route group, `cost_per_hour` in US dollars."""

FLEET_METRICS: dict[str, FleetFigure] = {
    "services": lambda store: store.totals().objects.services,
    "services_ready": lambda store: store.totals().objects.services_ready,
    "fleet_replicas_ready": lambda store: store.totals().objects.replicas_ready,
    "fleet_gpus_used": lambda store: store.totals().objects.gpus_used,
    "fleet_gpus": lambda store: store.totals().objects.gpus,
    "fleet_cost_per_hour": lambda store: _dollars(store.totals().objects.cost),
    "fleet_bill_per_hour": lambda store: _dollars(store.totals().objects.bill),
    "fleet_request_rate": lambda store: store.totals().request_rate,
    "nodes_ready": lambda store: sum(node.ready for node in store.nodes.values()),
}
"""Sums over all services; the bill is that of all nodes with GPUs, used or not."""
