"""What is known of one service, put together for `domain.diagnosis`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median

from mtop_tui.domain.diagnosis.facts import (
    AutoscalerFacts,
    ChildFacts,
    ClusterFacts,
    LastExit,
    MemberFacts,
    NodeFacts,
    ReplicaFacts,
    ReplicaFigures,
    RevisionFacts,
    RolloutFacts,
    RouteFacts,
    ServiceFacts,
    ServiceFigures,
    SourceFacts,
)
from mtop_tui.domain.readiness import is_ready
from mtop_tui.domain.regression import least_squares
from mtop_tui.domain.slo.objectives import Kind
from mtop_tui.observations import ContainerExit, ObjectRef, RouteGroup, Service, ServiceKey
from mtop_tui.state.contact import last_heard
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.history import COARSE_STEP, FINE_STEP
from mtop_tui.state.latency import first_token
from mtop_tui.state.metrics import SERIES, WINDOW, ServiceMetrics, figures_of
from mtop_tui.state.service import ServiceState
from mtop_tui.state.totals import Member
from mtop_tui.state.transfers import transfers

GROWTH_SECONDS = 90
"""Over how long the growth of the queue is seen."""

BASELINE_SECONDS, RECENT_SECONDS = 3600.0, 300.0
"""A baseline is the median of the last hour without its last minutes."""

LEAST_BASELINE = 20
"""Steps of 15 s that a baseline needs."""

QUEUE_LEAST = 10.0
"""Requests that wait from which on those that end say nothing of those that come."""

QUEUE_LASTS = 20.0
"""Seconds for which requests wait that are more than a burst: one is worked off sooner."""

BURST_LASTS = WINDOW + 30.0
"""Seconds after which a burst, or weights that changed, no longer show in figures of a window."""

_WORST_SOURCES = ("error", "disconnected", "forbidden", "stale", "connecting", "ended", "live")


def service_facts(store: FleetStore, state: ServiceState, now: float) -> ServiceFacts:
    """All that a diagnosis may know of a service at a time (Unix seconds)."""
    service = state.service
    if service is None:
        return ServiceFacts(name=state.key.name, namespace=state.key.namespace, now=now)
    members = state.members()
    return ServiceFacts(
        name=state.key.name,
        namespace=state.key.namespace,
        now=now,
        resource="isvc" if service.ref.kind == "InferenceService" else "llmisvc",
        stopped=service.stopped,
        generation=service.generation,
        observed_generation=service.observed_generation,
        conditions=tuple(one for one in service.conditions if not one.about),
        children=_workloads(service),
        pools=service.pools,
        replicas=[
            ReplicaFacts(
                record=replica,
                figures=_replica_figures(members.get(replica.ref), now),
                last_exit=_last_exit(replica.last_exit),
            )
            for replica in state.replicas.values()
        ],
        events=list(state.events),
        logs=list(state.log_hits.values()),
        figures=_service_figures(store, state, now),
        rollout=_rollout(store, state, members),
        autoscalers=[
            AutoscalerFacts(record=one, changes=list(state.scale_changes))
            for one in state.autoscalers.values()
        ],
        cluster=_cluster(store, state),
        route=_route(store, state, now),
        source=_source(store, now),
    )


def _workloads(service: Service) -> list[ChildFacts]:
    return [
        ChildFacts(
            kind="LeaderWorkerSet" if pool.nodes_per_replica > 1 else "Deployment",
            name=pool.workload,
            conditions=pool.conditions,
        )
        for pool in service.pools
        if pool.conditions
    ]


def _replica_figures(member: Member | None, now: float) -> ReplicaFigures:
    if member is None:
        return ReplicaFigures()
    figures = figures_of([member])
    return ReplicaFigures(
        request_rate=figures.request_rate,
        generation_rate=figures.generation_token_rate,
        fresh_prompt_rate=_fresh(figures.prompt_token_rate, figures.prefix_hit_ratio),
        stalled=None if member.stalled_since is None else member.at - member.stalled_since,
        running=figures.running,
        waiting=figures.queue,
        kv_usage=figures.kv_usage,
        preemption_rate=figures.preemption_rate,
        error_ratio=figures.error_ratio,
        ttft_p95=figures.ttft_p95,
        tpot=figures.tpot,
        sample_age=now - member.at,
    )


def _last_exit(last: ContainerExit | None) -> LastExit | None:
    if last is None:
        return None
    return LastExit(
        reason=last.reason, exit_code=last.code, message=last.message, finished_at=last.at
    )


def _service_figures(store: FleetStore, state: ServiceState, now: float) -> ServiceFigures:
    if state.last_at is None or state.is_stale(now):
        return ServiceFigures(
            ttft_objective=_objective(state, Kind.TTFT), tpot_objective=_objective(state, Kind.TPOT)
        )
    metrics = state.metrics()
    before = {name: _baseline(state, name, now) for name in _BASELINES}
    parts = first_token(state)
    usage = [
        reading.utilization
        for reading in store.gpus.values()
        if reading.service == state.key and reading.utilization is not None
    ]
    moved = transfers(state, now)
    return ServiceFigures(
        kv_transfer_time=moved.time,
        kv_transfer_time_baseline=moved.baseline,
        kv_transfer_failure_rate=moved.failure_rate,
        request_rate=metrics.request_rate,
        request_rate_baseline=before["request_rate"],
        prompt_rate=metrics.prompt_token_rate,
        prompt_rate_baseline=before["prompt_token_rate"],
        generation_rate=metrics.generation_token_rate,
        generation_rate_baseline=before["generation_token_rate"],
        running=metrics.running,
        waiting=metrics.queue,
        waiting_least=_least(state, "queue", now, QUEUE_LASTS),
        waiting_growth=_queue_growth(state, now),
        kv_usage=metrics.kv_usage,
        preemption_rate=metrics.preemption_rate,
        prefix_hit_ratio=metrics.prefix_hit_ratio,
        prefix_hit_ratio_baseline=before["prefix_hit_ratio"],
        ttft_p95=metrics.ttft_p95,
        ttft_least=_least(state, "ttft_p95", now, BURST_LASTS),
        ttft_baseline=before["ttft_p95"],
        ttft_objective=_objective(state, Kind.TTFT),
        ttft_mean=parts.ttft,
        queue_time=parts.queue,
        prefill_time=parts.prefill,
        tpot=metrics.tpot,
        tpot_least=_least(state, "tpot", now, BURST_LASTS),
        tpot_objective=_objective(state, Kind.TPOT),
        tpot_baseline=before["tpot"],
        error_ratio=metrics.error_ratio,
        gpu_utilisation=sum(usage) / len(usage) if usage else None,
    )


_BASELINES = (
    "request_rate",
    "prompt_token_rate",
    "generation_token_rate",
    "prefix_hit_ratio",
    "ttft_p95",
    "tpot",
)


def _fresh(prompts: float, hits: float) -> float:
    """Prompt tokens that have to be computed; without a ratio of hits, all of them."""
    return prompts if math.isnan(hits) else prompts * (1.0 - hits)


def _least(state: ServiceState, series: str, now: float, seconds: float) -> float | None:
    """The least a figure was for so long; None while it is not known for all of that time."""
    if state.history is None:
        return None
    count = int(seconds / FINE_STEP)
    values = state.history.fine.series(SERIES.index(series), now, count)
    return None if any(map(math.isnan, values)) else min(values)


def _baseline(state: ServiceState, series: str, now: float) -> float | None:
    if state.history is None:
        return None
    # Never from a simulated past: formulas know less of tails than samples do.
    span = max(0.0, min(BASELINE_SECONDS, now - state.history.since) - RECENT_SECONDS)
    count = math.ceil(span / COARSE_STEP)
    values = state.history.coarse.series(SERIES.index(series), now - RECENT_SECONDS, count)
    known = [value for value in values if not math.isnan(value)]
    return median(known) if len(known) >= LEAST_BASELINE else None


def _queue_growth(state: ServiceState, now: float) -> float | None:
    if state.history is None:
        return None
    count = int(GROWTH_SECONDS / FINE_STEP)
    values = state.history.fine.series(SERIES.index("queue"), now, count)
    line = least_squares(
        [(second * FINE_STEP, value) for second, value in enumerate(values) if value == value]  # noqa: PLR0124 - not NaN
    )
    return None if line is None else line.slope


def _objective(state: ServiceState, kind: Kind) -> float | None:
    return next(
        (
            one.objective.indicator.threshold
            for one in state.objectives()
            if one.objective.indicator.kind is kind
        ),
        None,
    )


def _rollout(
    store: FleetStore, state: ServiceState, members: Mapping[ObjectRef, Member]
) -> RolloutFacts | None:
    beside = store.comparison(state.key)
    if beside is not None and beside.ended is None:
        stable = store.service(state.key._replace(name=beside.stable.name))
        return RolloutFacts(
            new=_revision_facts(state.metrics()),
            old=RevisionFacts() if stable is None else _revision_facts(stable.metrics()),
            error_verdict=beside.standing("errors"),
            latency_verdict=beside.standing("TTFT", "TPOT"),
        )
    hashes = {replica.revision for replica in state.replicas.values() if replica.revision}
    if len(hashes) < 2:
        return None
    numbers = {ref.name.rpartition("-")[2]: one.number for ref, one in state.revisions.items()}
    newest = max(hashes, key=lambda name: numbers.get(name, 0))
    sides: tuple[list[Member], list[Member]] = ([], [])
    for ref, replica in state.replicas.items():
        if ref in members:
            sides[replica.revision == newest].append(members[ref])
    old, new = (_revision_facts(figures_of(side)) for side in sides)
    return RolloutFacts(new_revision=newest, new=new, old=old)


def _revision_facts(metrics: ServiceMetrics) -> RevisionFacts:
    return RevisionFacts(
        requests=metrics.request_rate * 60,
        error_ratio=metrics.error_ratio,
        ttft_p95=metrics.ttft_p95,
        tpot=metrics.tpot,
    )


def _cluster(store: FleetStore, state: ServiceState) -> ClusterFacts:
    cluster = state.key.cluster
    names = sorted({name for replica in state.replicas.values() for name in replica.nodes})
    faults: dict[str, tuple[int, float]] = {}
    throttled: dict[str, str] = {}
    for reading in store.gpus.values():
        if reading.service not in (None, state.key):
            continue  # what ails a GPU of others on this node is not felt here
        if reading.xid:
            faults[reading.node] = (reading.xid, reading.at)
        if reading.throttled:
            throttled[reading.node] = reading.throttled
    return ClusterFacts(
        free_gpus=store.free_gpus(),
        nodes=[
            NodeFacts(
                name=name,
                ready=None if (node := store.nodes.get((cluster, name))) is None else node.ready,
                xid=faults.get(name, (None, None))[0],
                xid_at=faults.get(name, (None, None))[1],
                throttle=throttled.get(name),
            )
            for name in names
        ],
    )


def _route(store: FleetStore, state: ServiceState, now: float) -> RouteFacts | None:
    group = store.groups.of(state.key)
    if group is None:
        return None
    least, most = _share_range(store, state, group, now) or (None, None)
    return RouteFacts(
        group=group.ref.name,
        members=[
            MemberFacts(
                service=member.service,
                weight=member.weight,
                stopped=member.stopped,
                ready=_is_member_ready(store, state.key, member.service),
            )
            for member in group.members
        ],
        observed_share=_observed_share(store, state, group),
        share_least=least,
        share_most=most,
    )


def _is_member_ready(store: FleetStore, key: ServiceKey, name: str) -> bool | None:
    other = store.service(key._replace(name=name))
    return None if other is None or other.service is None else is_ready(other.service.conditions)


def _observed_share(store: FleetStore, state: ServiceState, group: RouteGroup) -> float | None:
    rates = []
    for member in group.members:
        other = store.service(state.key._replace(name=member.service))
        if other is not None and other.last_metrics.queue >= QUEUE_LEAST:
            return None  # requests are counted as they end, and here they came and wait
        rate = math.nan if other is None else other.last_metrics.request_rate
        rates.append(0.0 if member.stopped and math.isnan(rate) else rate)
    total = sum(rates)
    return state.last_metrics.request_rate / total if total > 0 else None


def _share_range(
    store: FleetStore, state: ServiceState, group: RouteGroup, now: float
) -> tuple[float, float] | None:
    """Between what its share lay for long enough; None while that is not known for all of it."""
    count, column = int(BURST_LASTS / FINE_STEP), SERIES.index("request_rate")
    rates: dict[str, list[float]] = {}
    for member in group.members:
        other = store.service(state.key._replace(name=member.service))
        history = None if other is None else other.history
        series = [math.nan] * count
        if history is not None:
            series = history.fine.series(column, now, count)
        rates[member.service] = [
            0.0 if member.stopped and math.isnan(rate) else rate for rate in series
        ]
    totals = [math.fsum(each) for each in zip(*rates.values(), strict=True)]
    own = rates.get(state.key.name)
    if own is None or not all(total > 0 for total in totals):
        return None
    shares = [rate / total for rate, total in zip(own, totals, strict=True)]
    return min(shares), max(shares)


def _source(store: FleetStore, now: float) -> SourceFacts:
    whole = [health for health in store.sources.values() if not health.is_part]
    if not whole:
        return SourceFacts()
    worst = min(whole, key=lambda health: _WORST_SOURCES.index(health.state))
    heard = last_heard(worst, store.latest)
    return SourceFacts(
        state=worst.state, age=None if heard is None else now - heard, detail=worst.detail
    )
