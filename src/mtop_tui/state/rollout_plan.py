"""What is known of a rollout's risks before or while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles

from mtop_tui.domain.rollouts.pace import Limits, Pace, rolling_limits
from mtop_tui.domain.rollouts.risk import Plan
from mtop_tui.observations import Pool, Service
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.service import ServiceState
from mtop_tui.state.versions import Manner, VersionFacts, Versions

_FEW = 4
"""Starts below which a 90th percentile is the longest of them."""


def rollout_plan(
    store: FleetStore,
    owner: ServiceState,
    versions: Versions,
    facts: tuple[VersionFacts | None, VersionFacts | None],
    speed: Pace | None,
) -> Plan:
    """What is known of a rollout; `owner` is the service that has the new version's replicas.

    `facts` are those of the stable and of the new version.
    """
    stable, canary = facts
    service = owner.service
    if service is None:
        return Plan()
    pool = serving_pool(service)
    limits = limits_of(pool)
    rolls = versions.of_one_service
    replicas = owner.replicas.values()
    starts = sorted(
        one.since - one.created_at
        for one in replicas
        if one.phase == "ready" and one.since is not None and one.created_at is not None
    )
    probes = [
        one.deadline - one.since
        for one in replicas
        if one.deadline is not None and one.since is not None
    ]
    scaler = next(iter(owner.autoscalers.values()), None)
    cost = None if canary is None else canary.cost
    budgets = [
        one.budget.left_of_period.low for one in owner.objectives() if one.budget is not None
    ]
    return Plan(
        replicas=pool.desired,
        surge=limits.surge if versions.manner is Manner.ROLLING else None,
        unavailable=limits.unavailable if versions.manner is Manner.ROLLING else None,
        gpus_per_replica=pool.gpus_per_replica,
        gpu_type=pool.gpu_type or "",
        free_gpus=_free(store, pool),
        load_median=median(starts) if starts else None,
        load_p90=_p90(starts),
        budget_left=min(budgets, default=None),
        changes=_changes(store, versions, stable, canary),
        new_buckets=_new_buckets(store, versions),
        probe_limit=max(probes, default=None),
        autoscaler_minimum=None if scaler is None else scaler.minimum,
        autoscaler_maximum=None if scaler is None else scaler.maximum,
        both_per_hour=None if cost is None or cost.unpriced or not cost.usd else float(cost.usd),
        both_for=speed.left if speed is not None and speed.left else None,
        old_is_stopped=None if stable is None or rolls else stable.stopped,
    )


def limits_of(pool: Pool) -> Limits:
    """How many replicas a rolling update of a pool may move at a time."""
    return rolling_limits(
        pool.desired or 1,
        grouped=pool.nodes_per_replica > 1,
        surge=pool.max_surge,
        unavailable=pool.max_unavailable,
    )


def serving_pool(service: Service) -> Pool:
    """The pool that answers users."""
    return next(
        (pool for pool in service.pools if pool.role != "prefill"),
        service.pools[0] if service.pools else Pool(role="main"),
    )


def _free(store: FleetStore, pool: Pool) -> int | None:
    free = dict(store.free_gpus())
    if not store.nodes:
        return None
    return free.get(pool.gpu_type, 0) if pool.gpu_type else sum(free.values())


def _p90(starts: Sequence[float]) -> float | None:
    if len(starts) < _FEW:
        return starts[-1] if starts else None
    return quantiles(starts, n=10, method="inclusive")[-1]


def _changes(
    store: FleetStore,
    versions: Versions,
    stable: VersionFacts | None,
    canary: VersionFacts | None,
) -> tuple[str, ...]:
    """What differs between both versions, of what is known."""
    if stable is None or canary is None or versions.stable is None or versions.canary is None:
        return ()
    found = ["image"] if stable.image and canary.image and stable.image != canary.image else []
    states = [store.service(one.key) for one in (versions.stable, versions.canary)]
    services = [one.service for one in states if one is not None and one.service is not None]
    if len(services) == 2 and services[0] is not services[1]:
        old, new = services
        pools = serving_pool(old), serving_pool(new)
        found += ["model"] if (old.model, old.model_uri) != (new.model, new.model_uri) else []
        found += ["GPU type"] if pools[0].gpu_type != pools[1].gpu_type else []
        found += ["GPUs each"] if pools[0].gpus_per_replica != pools[1].gpus_per_replica else []
        same = pools[0].tensor_parallel == pools[1].tensor_parallel
        found += [] if same else ["tensor parallelism"]
    return tuple(found)


def _new_buckets(store: FleetStore, versions: Versions) -> bool | None:
    if versions.stable is None or versions.canary is None or versions.canary.revision is not None:
        return None
    sides = [store.service(one.key) for one in (versions.stable, versions.canary)]
    layouts = [one.serving_pools()[0].index for one in sides if one and one.serving_pools()]
    if len(layouts) < 2:
        return None
    bounds = [{name: one.bounds for name, one in index.histograms.items()} for index in layouts]
    return bounds[0] != bounds[1]
