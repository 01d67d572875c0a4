"""A simulated fleet: services on a cluster, and everything an observer of it would see.

Time moves only when `advance` is called. The fleet is described once as it is at its beginning;
after that come samples of the replicas that serve, and whatever else changes, in time order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

import msgspec

from mtop_tui.engine import naming
from mtop_tui.engine.arrivals import stream
from mtop_tui.engine.cluster import Cluster
from mtop_tui.engine.deployment import Deployer, SimulatedService
from mtop_tui.engine.kube_events import Said, event, stage_events
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.service_run import ServiceRun, born, count_ready, deployed, revision_at
from mtop_tui.engine.traffic import Traffic, route_groups
from mtop_tui.observations import (
    Autoscaler,
    Node,
    Observation,
    Service,
    ServiceKey,
)

BATCH = 64
"""Records in a batch at most: as many samples take two to three milliseconds to make."""

_HISTORY_SAMPLES = 600
_INTERVALS = ((300, 2.0), (5_000, 5.0))
_LONGEST_INTERVAL = 15.0
_GOLDEN = 0.6180339887498949


def sample_interval(replicas: int) -> float:
    """Seconds between two samples of one replica in a fleet of this many."""
    for most, interval in _INTERVALS:
        if replicas <= most:
            return interval
    return _LONGEST_INTERVAL


_Due = tuple[float, int, SimulatedService | SimulatedReplica]


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
    """

    def __init__(
        self,
        services: Sequence[SimulatedService],
        nodes: Sequence[Node],
        *,
        seed: int,
        start: float,
        history: float = 120.0,
        autoscalers: Sequence[Autoscaler] = (),
    ) -> None:
        self._seed = seed
        self._start = start
        wanted = sum(pool.desired or 1 for one in services for pool in one.service.pools)
        self._interval = sample_interval(wanted)
        self._coarse = max(self._interval, history * wanted / _HISTORY_SAMPLES)
        self.begin = start - history if self._coarse * 2 <= history else start
        self._nodes = nodes
        self._born = born(services, seed, start)
        self._groups = route_groups(seed, [one.service for _, one in self._born], self.begin)
        self._traffic = Traffic(
            seed,
            [(one.service, one.demand) for _, one in self._born],
            self._groups,
            self._usual_rate,
        )
        self._deployer = Deployer(Cluster(nodes), seed=seed, settled_at=self.begin)
        self._autoscalers: dict[ServiceKey, list[Autoscaler]] = {}
        for autoscaler in autoscalers:
            self._autoscalers.setdefault(autoscaler.service, []).append(autoscaler)
        self._runs: dict[ServiceKey, ServiceRun] = {}
        self._due: list[_Due] = []
        self._replicas = 0
        self._described = False

    def advance(self, until: float) -> Iterator[list[Observation]]:
        """What is observed from where the last call ended up to `until`, in time order."""
        batch: list[Observation] = []
        for record in self._observe(until):
            batch.append(record)
            if len(batch) >= BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def next_due(self) -> float | None:
        """When something happens next, in Unix seconds; None when nothing ever will."""
        if not self._described:
            return self.begin
        return self._due[0][0] if self._due else None

    def service(self, key: ServiceKey) -> Service | None:
        """A service with its present status; None before it was observed."""
        run = self._runs.get(key)
        return None if run is None else run.service

    def _usual_rate(self, key: ServiceKey) -> float:
        run = self._runs.get(key)
        random = stream(self._seed, key.namespace, key.name, "utilisation")
        return run.capacity * random.uniform(0.15, 0.6) if run else 0.0

    def _observe(self, until: float) -> Iterator[Observation]:
        if not self._described:
            if until < self.begin:
                return
            self._described = True
            yield from self._describe()
        while self._due and self._due[0][0] <= until:
            at, order, what = heappop(self._due)
            if isinstance(what, SimulatedService):
                yield from self._appear(what, at, at)
            else:
                yield from self._continue(what, order, at)

    def _describe(self) -> Iterator[Observation]:
        for node in self._nodes:
            ref = naming.identified(self._seed, node.ref)
            yield msgspec.structs.replace(node, ref=ref, at=self.begin)
        yield from self._groups
        # Replicas are made while they are reported, so that a large fleet comes in slices too.
        for index, (created_at, one) in enumerate(self._born):
            if created_at > self.begin:
                heappush(self._due, (created_at, -1 - index, one))
            else:
                yield from self._appear(one, created_at, self.begin)

    def _appear(self, one: SimulatedService, created_at: float, at: float) -> Iterator[Observation]:
        run = deployed(
            one,
            self._autoscalers.get(one.service.key, ()),
            self._deployer,
            seed=self._seed,
            created_at=created_at,
            now=at,
        )
        self._runs[run.service.key] = run
        yield run.report(at)
        for autoscaler in run.autoscalers:
            yield msgspec.structs.replace(autoscaler, at=at)
        for pool in run.pools:
            yield revision_at(pool, at)
            for replica in pool.replicas:
                order, self._replicas = self._replicas, self._replicas + 1
                yield replica.record(at)
                if replica.ready:
                    replica.next_sample = self._first_sample(at, order)
                else:
                    yield from self._events(replica, at)
                self._plan(replica, order)

    def _continue(self, replica: SimulatedReplica, order: int, at: float) -> Iterator[Observation]:
        if replica.next_stage is not None and replica.next_stage.at <= at:
            yield from self._change(replica, order, at)
        else:
            run = self._runs[replica.service]
            share = self._traffic.share(replica.service)
            sample = replica.sample(at, run.rate(share, replica.role, at))
            if sample is not None:
                yield sample
            replica.next_sample = self._sample_after(at, order)
        self._plan(replica, order)

    def _change(self, replica: SimulatedReplica, order: int, at: float) -> Iterator[Observation]:
        replica.enter_next_stage()
        yield replica.record(at)
        yield from self._events(replica, at)
        if not replica.ready:
            return
        replica.next_sample = self._first_sample(at, order)
        run = self._runs[replica.service]
        pool = run.pool(replica.role)
        was_ready = run.ready
        count_ready(pool, at)
        yield revision_at(pool, at)
        yield run.report(at)
        if run.ready and not was_ready:
            text = f"LLMInferenceService [{run.service.ref.name}] is Ready"
            said = Said("Normal", "LLMInferenceServiceReady", text)
            yield event(self._seed, run.service.ref, said, at=at, first_at=at)

    def _events(self, replica: SimulatedReplica, at: float) -> Iterator[Observation]:
        stage = replica.stage
        for said in stage_events(stage, replica.ref, replica.nodes, replica.image, at):
            first = min(stage.at, replica.created_at) if said.times > 1 else stage.at
            yield event(self._seed, replica.ref, said, at=at, first_at=first)

    def _plan(self, replica: SimulatedReplica, order: int) -> None:
        """Put a replica where its next sample or stage is due."""
        stage, sample = replica.next_stage, replica.next_sample
        due = sample if stage is None else stage.at if sample is None else min(sample, stage.at)
        if due is not None:
            heappush(self._due, (due, order, replica))

    def _first_sample(self, at: float, order: int) -> float:
        step = self._coarse if at < self._start else self._interval
        return at + step * _stagger(order)

    def _sample_after(self, at: float, order: int) -> float:
        if at >= self._start:
            return at + self._interval
        if at + self._coarse <= self._start:
            return at + self._coarse
        return self._start + self._interval * _stagger(order)


def _stagger(order: int) -> float:
    """A place in [0, 1) that spreads replicas evenly over an interval, however many there are."""
    return (order * _GOLDEN) % 1.0
