"""A simulated fleet: services on a cluster, and everything an observer of it would see.

Time moves only when `advance` is called. The fleet is described once as it is at its beginning;
after that come samples of the replicas that serve, and whatever else changes, in time order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from mtop_tui.engine import naming
from mtop_tui.engine.control.autoscaling import Rule, Scaler
from mtop_tui.engine.control.nodes import Nodes
from mtop_tui.engine.control.workloads import Workloads
from mtop_tui.engine.deployment import DEFAULT_IMAGE, SimulatedService, pools_of, pull_fault
from mtop_tui.engine.kubelet import Kubelet
from mtop_tui.engine.levers import Levers
from mtop_tui.engine.lifecycle import Limits
from mtop_tui.engine.outputs.chronicle import Chronicle
from mtop_tui.engine.outputs.logbook import Logbook
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.randomness import stream
from mtop_tui.engine.router import Router
from mtop_tui.engine.sampling import Sampler
from mtop_tui.engine.service_run import PoolRun, ServiceRun
from mtop_tui.engine.truth import Truth, truth_of
from mtop_tui.engine.workload.source import RequestSource
from mtop_tui.engine.world import World
from mtop_tui.observations import (
    Autoscaler,
    MetricSample,
    Node,
    ObjectRef,
    Observation,
    Removed,
    Service,
    ServiceKey,
)

if TYPE_CHECKING:
    from mtop_tui.engine.outputs.exporter import Exporter

BATCH = 64
"""Records in a batch at most: as many samples take two to three milliseconds to make."""

HISTORY = 75.0
"""Seconds of past that there are when somebody begins to look: as much as rates need."""

FLUID_FROM = 10_000
"""Replicas above which a fleet is computed by formulas, unless it is told otherwise."""

_WORK = 600
"""Requests handed out after which a batch ends, however few records it has."""

_DAY = 86_400.0


class SimulatedFleet:
    """Services and nodes in motion.

    The first batches describe the fleet at `begin`, some time before `start`, so that by `start`
    there are samples to compute rates from. Large fleets begin later, at `start` in the end: what
    came before would delay the first picture.

    Args:
        services: as their manifests describe them.
        nodes: where they run.
        seed: decides every draw; the same seed and start give the same observations.
        start: Unix seconds at which ages and histories end.
        history: seconds before `start` from which on replicas are sampled.
        autoscalers: bounds of autoscaled pools.
        fluid: whether formulas take the place of single requests; by the number of replicas,
            unless it is said.
        sources: streams of requests that take the place of the drawn ones, by service.
    """

    def __init__(
        self,
        services: Sequence[SimulatedService],
        nodes: Sequence[Node],
        *,
        seed: int,
        start: float,
        history: float = HISTORY,
        autoscalers: Sequence[Autoscaler] = (),
        fluid: bool | None = None,
        sources: Mapping[ServiceKey, RequestSource] | None = None,
    ) -> None:
        self._seed = seed
        wanted = sum(pool.desired or 1 for one in services for pool in one.service.pools)
        self.fluid = wanted > FLUID_FROM if fluid is None else fluid
        self.sampler = Sampler(wanted, start=start, history=history, fluid=self.fluid)
        self.begin = self.sampler.begin
        self.world = World(seed, self.begin, nodes)
        self.router = Router(self.world, fluid=self.fluid, sources=sources or {})
        self.workloads = Workloads(self.world)
        self.chronicle = Chronicle(self.world, wanted, start)
        self.kubelet = Kubelet(
            self.world,
            self.chronicle,
            self.workloads.changed,
            self.router.stray,
            fluid=self.fluid,
        )
        self.workloads.kubelet = self.kubelet
        self.nodes = Nodes(self.world, self.kubelet, self.chronicle)
        if nodes or services:
            self.world.at(start, self._export)
        self.sampler.attach(self.world, self.router)
        self.kubelet.serve = self._serve
        self._born = _born(services, seed, start)
        self._autoscalers: dict[ServiceKey, list[Autoscaler]] = {}
        for autoscaler in autoscalers:
            self._autoscalers.setdefault(autoscaler.service, []).append(autoscaler)
        self._scalers = 0
        self.exporter: Exporter | None = None
        self._leaving: dict[ServiceKey, ServiceRun] = {}
        self.workloads.settled = self._left
        self._described = False
        self._levers: Levers | None = None

    @property
    def levers(self) -> Levers:
        """The only way in for faults, scenarios and users."""
        if self._levers is None:
            from mtop_tui.engine.control.commands.fleet import FleetLevers  # noqa: PLC0415 - if used

            self._levers = FleetLevers(self)
        return self._levers

    def advance(self, until: float) -> Iterator[list[Observation]]:
        """What is observed from where the last call ended up to `until`, in time order."""
        batch: list[Observation] = []
        for records in self._observe(until):
            for record in records:
                batch.append(record)
                if len(batch) >= BATCH:
                    yield batch
                    batch = []
            if batch and not records:
                yield batch
                batch = []
        if batch:
            yield batch

    def next_due(self) -> float | None:
        """When something happens next, in Unix seconds; None when nothing ever will."""
        return self.world.next_at if self._described else self.begin

    @property
    def logbook(self) -> Logbook:
        """The logs of its containers."""
        return self.chronicle.book

    def service(self, key: ServiceKey) -> Service | None:
        """A service with its present status; None before it was observed."""
        run = self.world.services.get(key)
        return None if run is None else run.service

    def truth(self) -> Truth:
        """What is so, whoever has seen it: for checks, never for observers."""
        return truth_of(self.world, self.router)

    def replicas(self) -> Iterator[SimulatedReplica]:
        """All that exist, by service in the order they came."""
        for run in self.world.services.values():
            for pool in run.pools:
                yield from pool.replicas

    def _observe(self, until: float) -> Iterator[list[Observation]]:
        """Records in the order of time; an empty list says that much was done for few of them."""
        world = self.world
        described = self._described
        if not described:
            if until < self.begin:
                return
            yield from self._describe()
        yield world.take()
        done = world.work
        while (due := world.next_at) is not None and due <= until:
            world.run_next()
            seen = world.take()
            if seen:
                yield seen
                if not described and isinstance(seen[0], MetricSample):
                    # The first figures end a batch: a picture need not wait for those after it.
                    described = True
                    yield []
            if world.work - done >= _WORK:
                done = world.work
                yield []
        world.wait_until(until)
        self.chronicle.settled(world.now)

    def describe_first(self) -> None:
        """Have the fleet as it is at its beginning, so that something can be done to it."""
        for records in self._describe():
            self.world.emit(*records)

    def _describe(self) -> Iterator[list[Observation]]:
        if self._described:
            return
        self._described = True
        world = self.world
        yield [self.nodes.describe(name) for name in world.cluster.hosts]
        # Replicas are made while they are reported, so that a large fleet comes in slices too.
        for created_at, one in self._born:
            if created_at > self.begin:
                world.at(created_at, self.appear, one, created_at)
            else:
                self.appear(one, created_at, announce=False)
                yield world.take()
        yield [flow.group for flow in self.router.groups if flow.group is not None]

    def appear(self, one: SimulatedService, created_at: float, *, announce: bool = True) -> None:
        """A service is there, since `created_at`."""
        world = self.world
        generation = one.service.generation or 1
        service = msgspec.structs.replace(
            one.service,
            ref=naming.identified(self._seed, one.service.ref),
            created_at=created_at,
            generation=generation,
            observed_generation=generation,
        )
        run = world.services[service.key] = ServiceRun(service, one.demand, created_at)
        run.pools = pools_of(run, self._seed)
        for pool in run.pools:
            if one.demand.image_pull_fails:
                fault = pull_fault(pool.newest.image or DEFAULT_IMAGE)
                pool.limits = Limits(pull_fault=fault)
        made = world.take()
        for pool in run.pools:
            self.workloads.found(run, pool)
            self.workloads.settle(pool)
        replicas = world.take()
        world.emit(*made)
        for autoscaler in self._autoscalers.get(service.key, ()):
            self._scale(run, autoscaler)
        scalers = world.take()
        reported = run.report(world.now)
        if reported is not None:
            world.emit(reported)
        world.emit(*scalers)
        for pool in run.pools:
            record = pool.newest.report(world.now, pool)
            if record is not None:
                world.emit(record)
        world.emit(*replicas)
        self.router.join(run, announce=announce)

    def disappear(self, key: ServiceKey) -> None:
        """A service is deleted; it is gone when its replicas are."""
        run = self.world.services[key]
        for pool in run.pools:
            if pool.scaler is not None:
                pool.scaler.end()
        self._leaving[key] = run
        self.router.leave(run)
        self.workloads.delete(run)
        self._left(run)

    def add_scaler(
        self,
        run: ServiceRun,
        pool: PoolRun,
        minimum: int,
        maximum: int,
        rule: Rule,
        *,
        scaled_object: bool,
    ) -> None:
        """Give a pool an autoscaler."""
        kind, ending = ("ScaledObject", "keda") if scaled_object else (_HPA, "hpa")
        middle = "kserve-prefill" if pool.role == "prefill" else "kserve"
        name = f"{run.key.name}-{middle}-{ending}"
        ref = ObjectRef(run.key.cluster, run.key.namespace, kind, name)
        record = Autoscaler(
            at=self.world.now,
            ref=ref,
            service=run.key,
            role=pool.role,
            minimum=minimum,
            maximum=maximum,
        )
        self._scale(run, record, rule)

    def _scale(self, run: ServiceRun, record: Autoscaler, rule: Rule | None = None) -> None:
        pool = next((one for one in run.pools if one.role == record.role), None)
        record = msgspec.structs.replace(
            record, at=self.world.now, ref=naming.identified(self._seed, record.ref)
        )
        if pool is None:
            self.world.emit(record)
            return
        scaler = pool.scaler = Scaler(
            self.world,
            pool,
            record,
            scale=self.workloads.scale,
            changed=self.workloads.changed,
            rule=rule,
        )
        self.world.emit(scaler.record)
        self._scalers += 1
        scaler.begin((self._scalers * 0.6180339887498949) % 1.0)

    def _export(self) -> None:
        from mtop_tui.engine.outputs.exporter import (  # noqa: PLC0415 - after the first picture
            Exporter,
        )

        self.exporter = Exporter(
            self.world, self.chronicle.stats, lambda: self.nodes.xids, analytic=self.fluid
        )
        self.exporter.begin()

    def _serve(self, replica: SimulatedReplica) -> None:
        self.sampler.join(replica)
        self.router.release(replica)

    def _left(self, run: ServiceRun) -> None:
        if run.key not in self._leaving or any(pool.replicas for pool in run.pools):
            return
        world = self.world
        del self._leaving[run.key]
        del world.services[run.key]
        refs = [one.ref for pool in run.pools for one in pool.revisions]
        refs += [pool.scaler.record.ref for pool in run.pools if pool.scaler is not None]
        world.emit(*(Removed(at=world.now, ref=ref) for ref in [*refs, run.service.ref]))


_HPA = "HorizontalPodAutoscaler"


def _born(
    services: Sequence[SimulatedService], seed: int, start: float
) -> list[tuple[float, SimulatedService]]:
    """When each service was created, oldest first: the order in which they got their places."""
    aged = ((_created_at(one, seed, start), one.service.ref, one) for one in services)
    return [(at, one) for at, _, one in sorted(aged, key=lambda item: item[:2])]


def _created_at(one: SimulatedService, seed: int, start: float) -> float:
    if one.demand.age is not None:
        return start - one.demand.age
    stated = one.service.created_at
    if stated is not None and stated <= start:
        return stated
    ref = one.service.ref
    return start - stream(seed, ref.namespace, ref.name, "age").uniform(1.0, 60.0) * _DAY
