"""What a service would cost and how it would fare with other replicas or on another GPU."""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from mtop_tui.domain.capacity.answers import Needs, NotKnown
from mtop_tui.domain.capacity.forecast import (
    Forecast,
    Lengths,
    Placement,
    ServingModel,
    Settled,
    forecast,
    goodput,
)
from mtop_tui.domain.capacity.what_if import Hardware, change_gpu
from mtop_tui.domain.slo.objectives import Kind
from mtop_tui.observations import Service
from mtop_tui.state.history import COARSE_SLOTS
from mtop_tui.state.metrics import SERIES
from mtop_tui.state.service import ServiceState
from mtop_tui.state.spend import node_price

if TYPE_CHECKING:
    from mtop_tui.state.fleet import FleetStore

HEADROOM: Final = 0.2
"""Share of the load that is to stay free when replicas are counted."""

MOST_REPLICAS, MOST_GPUS = 1000, 64

_HARDLY_ANY: Final = 1e-6
"""Requests per second at which a replica serves each alone."""


class Plan(NamedTuple):
    """Replicas, each with so many GPUs of a type."""

    gpu: str
    gpus: int
    replicas: int


class Situation(NamedTuple):
    """A service as it is: what it holds, what it costs and what it serves.

    Attributes:
        plan: what it holds now.
        placement: of one replica.
        ready: replicas that share the load.
        usd: USD per hour of all its replicas; None while a price is missing.
        usd_per_gpu: USD per hour of one GPU, by type, of the types that nodes here have.
        free: GPUs that no replica holds, by type.
        most_gpus: GPUs of the largest node, by type.
        lengths: of its requests; None without any in the last minute.
        rate: requests per second; NaN when that is not known.
        peak: the highest of the last hour; NaN when that is not known.
        waiting: requests that wait.
        ttft: 95th percentile in seconds, None when that is not known.
        tpot: seconds per output token, None when that is not known.
        limits: seconds that its objectives allow for TTFT and per token; infinite without one.
    """

    plan: Plan
    placement: Placement
    ready: int
    usd: Decimal | None
    usd_per_gpu: dict[str, Decimal]
    free: dict[str, int]
    most_gpus: dict[str, int]
    lengths: Lengths | None
    rate: float
    peak: float
    waiting: float
    ttft: float | None
    tpot: float | None
    limits: tuple[float, float]


class Change(NamedTuple):
    """A plan beside the present: USD per hour, load over capacity, and what is to be expected."""

    plan: Plan
    usd: Decimal | None
    now: Settled | NotKnown
    then: Settled | NotKnown
    forecast: Forecast | NotKnown


class RightSize(NamedTuple):
    """Replicas that the peak of the last hour needs, and USD per hour that they save.

    `hardware` is the part of the saving that is due to another GPU. `error` is that of the model,
    by which the replicas were reckoned with less than it says.
    """

    gpu: str
    replicas: int
    saving: Decimal
    hardware: Decimal
    error: float


def situation(store: FleetStore, state: ServiceState, now: float) -> Situation | NotKnown:
    """What a service holds, costs and serves at a time, or why no what-if can begin from there."""
    service = state.service
    placed = [replica for replica in state.replicas.values() if replica.nodes]
    types = Counter(replica.gpu_type or "" for replica in placed)
    sizes = {replica.gpus or 0 for replica in placed}
    if service is None or not placed:
        return NotKnown("it has no replica on a node")
    if any(pool.role != "main" for pool in service.pools):
        return NotKnown("prefill and decode pools scale apart; the model knows one pool only")
    if len(types) > 1:
        return NotKnown(f"its replicas are on {' and '.join(sorted(types))}")
    if sizes == {0} or "" in types:
        return NotKnown("it runs on no GPU that is known")
    if len(sizes) > 1:
        return NotKnown("its replicas differ in their number of GPUs")
    (gpu,), (gpus,) = types, sizes
    cost, metrics = store.summary(state).cost, state.metrics()
    is_current = not state.is_stale(now)
    return Situation(
        plan=Plan(gpu, gpus, len(placed)),
        placement=_placement(service, gpu, gpus),
        ready=sum(replica.phase == "ready" for replica in placed),
        usd=None if cost.unpriced else cost.usd,
        usd_per_gpu=_usd_per_gpu(store),
        free=dict(store.free_gpus()),
        most_gpus=_most_gpus(store),
        lengths=_lengths(state) if is_current else None,
        rate=metrics.request_rate if is_current else math.nan,
        peak=_peak(state, now),
        waiting=metrics.queue,
        ttft=_known(metrics.ttft_p95) if is_current and not metrics.ttft_at_least else None,
        tpot=_known(metrics.tpot) if is_current else None,
        limits=_limits(state),
    )


def change(at: Situation, plan: Plan, model: ServingModel) -> Change:
    """What a plan would cost, and how the service would fare on it with the load it has now."""
    now = _settled(at, at.plan, max(1, at.ready), model)
    then = now if plan == at.plan else _settled(at, plan, plan.replicas, model)
    expected: Forecast | NotKnown
    if isinstance(now, NotKnown):
        expected = now
    elif isinstance(then, NotKnown):
        expected = then
    else:
        expected = forecast(now, then, at.ttft, at.tpot)
    return Change(plan, usd_per_hour(at, plan), now, then, expected)


def usd_per_hour(at: Situation, plan: Plan) -> Decimal | None:
    """What a plan costs; None when no node with such GPUs has a price.

    On the GPUs it has, a replica goes on to cost what it does.
    """
    if (plan.gpu, plan.gpus) == (at.plan.gpu, at.plan.gpus) and at.usd is not None:
        return at.usd * plan.replicas / at.plan.replicas
    price = at.usd_per_gpu.get(plan.gpu)
    return None if price is None else price * plan.gpus * plan.replicas


def right_size(at: Situation, plan: Plan, model: ServingModel) -> RightSize | NotKnown:
    """The fewest replicas of a plan's kind that serve the peak of the last hour, with headroom.

    What one replica serves is reckoned lower by as much as the model may be wrong.
    """
    if at.lengths is None or not at.peak > 0:
        return NotKnown("no request was served in the last minute: no load to size for")
    now = _hardware(at, at.plan, at.lengths, model)
    if isinstance(now, NotKnown):
        return now
    then = _hardware(at, plan, at.lengths, model)
    if isinstance(then, NotKnown):
        return then
    sized = change_gpu(at.peak, HEADROOM, now[0], at.plan.replicas, then[0], minimum=1)
    if isinstance(sized, Needs):
        return NotKnown(f"not known: {'; '.join(sized.numbers)}")
    return RightSize(plan.gpu, sized.replicas_then, sized.saving, sized.hardware, then[1])


def _hardware(
    at: Situation, plan: Plan, lengths: Lengths, model: ServingModel
) -> tuple[Hardware, float] | NotKnown:
    """A replica of a plan with what it serves within the objectives, and the model's error."""
    now = _settled(at, at.plan, max(1, at.ready), model)
    if isinstance(now, NotKnown):
        return now
    placement = _replica_of(at, plan)
    if isinstance(placement, NotKnown):
        return placement
    most_ttft, most_tpot = at.limits
    alone = model(placement, lengths, _HARDLY_ANY)
    if isinstance(alone, NotKnown):
        return alone
    begun = forecast(now, alone, at.ttft, at.tpot)
    if isinstance(begun, NotKnown):
        return begun
    if isinstance(begun.ttft, NotKnown) and math.isfinite(most_ttft):
        return begun.ttft

    def meets(settled: Settled) -> bool:
        expected = forecast(now, settled, at.ttft, at.tpot)
        if isinstance(expected, NotKnown):
            return False
        ttft = 0.0 if isinstance(expected.ttft, NotKnown) else expected.ttft.value
        return ttft <= most_ttft and expected.tpot.value <= most_tpot

    served = goodput(model, placement, lengths, meets)
    if isinstance(served, NotKnown):
        return served
    if served <= 0:
        return NotKnown(f"on {plan.gpus} x {plan.gpu} no load keeps its objectives")
    usd = usd_per_hour(at, plan._replace(replicas=1))
    return Hardware(plan.gpu, usd, served * (1 - now.tpot_error)), now.tpot_error


def _settled(at: Situation, plan: Plan, replicas: int, model: ServingModel) -> Settled | NotKnown:
    if at.lengths is None or not at.rate > 0:
        return NotKnown("no request was served in the last minute: no load to reckon with")
    placement = _replica_of(at, plan)
    if isinstance(placement, NotKnown):
        return placement
    return model(placement, at.lengths, at.rate / replicas)


def _replica_of(at: Situation, plan: Plan) -> Placement | NotKnown:
    """One replica of a plan; of another kind than now, it has to fit on one node."""
    if (plan.gpu, plan.gpus) == (at.plan.gpu, at.plan.gpus):
        return at.placement
    if plan.gpus > at.most_gpus.get(plan.gpu, 0):
        return NotKnown(f"no node here has {plan.gpus} {plan.gpu}")
    return at.placement._replace(gpu=plan.gpu, gpus=plan.gpus, nodes=1)


def _placement(service: Service, gpu: str, gpus: int) -> Placement:
    nodes = max((pool.nodes_per_replica for pool in service.pools), default=1)
    return Placement((service.model_uri, service.model), gpu, gpus, nodes)


def _usd_per_gpu(store: FleetStore) -> dict[str, Decimal]:
    """The mean over the GPUs of all nodes of a type, or what those with a price have."""
    usd: dict[str, Decimal] = {}
    counts: Counter[str] = Counter()
    for node in store.nodes.values():
        price = node_price(node, store.prices) if node.gpus else None
        if price is not None and node.gpu_type:
            usd[node.gpu_type] = usd.get(node.gpu_type, Decimal(0)) + price
            counts[node.gpu_type] += node.gpus
    return {gpu: amount / counts[gpu] for gpu, amount in usd.items()}


def _most_gpus(store: FleetStore) -> dict[str, int]:
    most: dict[str, int] = {}
    for node in store.nodes.values():
        if node.gpu_type:
            most[node.gpu_type] = max(node.gpus, most.get(node.gpu_type, 0))
    return most


def _lengths(state: ServiceState) -> Lengths | None:
    metrics = state.metrics()
    rate = metrics.request_rate
    if not (rate > 0 and metrics.prompt_token_rate > 0 and metrics.generation_token_rate > 0):
        return None
    return Lengths(
        metrics.prompt_token_rate / rate,
        metrics.generation_token_rate / rate,
        _known(metrics.prefix_hit_ratio) or 0.0,
    )


def _peak(state: ServiceState, now: float) -> float:
    """The highest request rate of the last hour, in steps of 15 s."""
    if state.history is None:
        return math.nan
    rates = state.history.coarse.series(SERIES.index("request_rate"), now, COARSE_SLOTS)
    return max((rate for rate in rates if rate == rate), default=math.nan)  # noqa: PLR0124 - NaN


def _limits(state: ServiceState) -> tuple[float, float]:
    limits = {Kind.TTFT: math.inf, Kind.TPOT: math.inf}
    for status in state.objectives():
        indicator = status.objective.indicator
        kind = Kind.TPOT if indicator.kind is Kind.ITL else indicator.kind
        if kind in limits and indicator.threshold is not None:
            limits[kind] = min(limits[kind], indicator.threshold)
    return limits[Kind.TTFT], limits[Kind.TPOT]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
