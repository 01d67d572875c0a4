"""One simulated service while the simulation runs: its status, as its replicas come and go."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mtop_tui.engine import naming, status
from mtop_tui.engine.arrivals import stream
from mtop_tui.engine.deployment import Deployer, SimulatedPool, SimulatedService
from mtop_tui.engine.traffic import Share, load_of
from mtop_tui.observations import Autoscaler, Condition, Revision, Role, Service

_DAY = 86_400.0

_SCALING = (
    Condition("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size"),
    Condition("ScalingActive", "True", "ValidMetricFound"),
)


class ServiceRun(msgspec.Struct, eq=False):
    """A service with the status it has now.

    Attributes:
        service: as last reported.
        created_at: Unix seconds.
        pools: its workloads; none when its presets could not be combined.
        autoscalers: those of its pools.
    """

    service: Service
    created_at: float
    pools: list[SimulatedPool]
    autoscalers: list[Autoscaler]
    _conditions: dict[str, Condition] = msgspec.field(default_factory=dict)

    def pool(self, role: Role) -> SimulatedPool:
        """The pool of a role."""
        return next(one for one in self.pools if one.pool.role == role)

    @property
    def ready(self) -> bool:
        """Whether the service was last reported ready."""
        condition = self._conditions.get(status.READY)
        return condition is not None and condition.status == "True"

    @property
    def capacity(self) -> float:
        """Requests per second that its narrowest pool can sustain when all of it is ready."""
        found = [
            sum(one.profile.capacity for one in pool.replicas if one.profile is not None)
            for pool in self.pools
        ]
        return min(found, default=0.0)

    def rate(self, share: Share, role: Role, at: float) -> float:
        """Requests per second of one replica; those of its pool that serve share evenly."""
        return share.arrivals.rate(at) * share.part / max(self.pool(role).ready, 1)

    def report(self, at: float) -> Service:
        """The service with the status its pools have now."""
        statuses = [
            status.PoolStatus(one.pool, one.ready, len(one.replicas), one.changed_at)
            for one in self.pools
        ]
        found = status.conditions(
            statuses,
            given=self.service.conditions,
            stopped=self.service.stopped,
            created_at=self.created_at,
        )
        found = status.unchanged_kept(found, self._conditions)
        self._conditions = {one.type: one for one in found}
        pools = tuple(
            msgspec.structs.replace(one.pool, desired=len(one.replicas), ready=one.ready)
            for one in self.pools
        )
        self.service = msgspec.structs.replace(
            self.service, at=at, conditions=found, pools=pools or self.service.pools
        )
        return self.service


def revision_at(pool: SimulatedPool, at: float) -> Revision:
    """The pool's revision with the replicas it has ready."""
    pool.revision = msgspec.structs.replace(pool.revision, at=at, ready=pool.ready)
    return pool.revision


def count_ready(pool: SimulatedPool, now: float) -> None:
    """Bring up to date how many replicas of a pool serve, and since when that is so."""
    serving = [one.stage.at for one in pool.replicas if one.ready]
    pool.ready = len(serving)
    pool.changed_at = max((min(one, now) for one in serving), default=pool.changed_at)


def born(
    services: Sequence[SimulatedService], seed: int, start: float
) -> list[tuple[float, SimulatedService]]:
    """When each service was created, oldest first: the order in which they got their places."""
    aged = ((_created_at(one, seed, start), one.service.ref, one) for one in services)
    return [(at, one) for at, _, one in sorted(aged, key=lambda item: item[:2])]


def deployed(
    simulated: SimulatedService,
    autoscalers: Sequence[Autoscaler],
    deployer: Deployer,
    *,
    seed: int,
    created_at: float,
    now: float,
) -> ServiceRun:
    """A service on the cluster, in the state it has by now."""
    service = simulated.service
    load = load_of(seed, service, simulated.demand)
    pools = deployer.deploy(simulated, load, created_at)
    for pool in pools:
        for replica in pool.replicas:
            replica.settle(now)
        count_ready(pool, now)
    generation = service.generation or 1
    identified = msgspec.structs.replace(
        service,
        ref=naming.identified(seed, service.ref),
        created_at=created_at,
        generation=generation,
        observed_generation=generation,
    )
    scaled = [_scaled(one, pools, seed) for one in autoscalers]
    return ServiceRun(identified, created_at, pools, scaled)


def _created_at(one: SimulatedService, seed: int, start: float) -> float:
    if one.demand.age is not None:
        return start - one.demand.age
    stated = one.service.created_at
    if stated is not None and stated <= start:
        return stated
    ref = one.service.ref
    return start - stream(seed, ref.namespace, ref.name, "age").uniform(1.0, 60.0) * _DAY


def _scaled(autoscaler: Autoscaler, pools: Sequence[SimulatedPool], seed: int) -> Autoscaler:
    count = next((len(one.replicas) for one in pools if one.pool.role == autoscaler.role), None)
    return msgspec.structs.replace(
        autoscaler,
        ref=naming.identified(seed, autoscaler.ref),
        desired=count,
        current=count,
        conditions=_SCALING if count else (),
    )
