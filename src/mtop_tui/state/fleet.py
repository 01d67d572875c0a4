"""The fleet as it is known: applies observations and answers questions."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mtop_tui.domain.cost.money import Dollars
from mtop_tui.domain.cost.prices import PriceBook
from mtop_tui.domain.readiness import Status
from mtop_tui.observations import (
    Annotation,
    Autoscaler,
    GpuReading,
    KubeEvent,
    LogLines,
    MetricSample,
    Node,
    ObjectRef,
    Observation,
    Past,
    Removed,
    Replica,
    Revision,
    RouteGroup,
    Service,
    ServiceKey,
    SourceHealth,
)
from mtop_tui.state.rings import SeriesRing
from mtop_tui.state.routes import RouteGroups
from mtop_tui.state.service import ServiceState
from mtop_tui.state.spend import NodeKey, bill, replica_cost
from mtop_tui.state.sums import (
    FleetTotals,
    ObjectTotals,
    ServiceSummary,
    free_by_type,
    service_status,
    sum_objects,
    sum_rates,
    summarise,
)
from mtop_tui.state.totals import MINUTE, Member

if TYPE_CHECKING:
    from mtop_tui.state.accounts import Accounts
    from mtop_tui.state.alerts import Alerts
    from mtop_tui.state.canary import CanaryTrack, CanaryVerdict
    from mtop_tui.state.comparisons import Comparisons
    from mtop_tui.state.objectives import Promises

ANNOTATIONS_KEPT = 500
EVENTS_KEPT = 2000
SUMMARIES_AT_ONCE = 100
"""About three milliseconds."""

FLEET_STEP = 2.0
FLEET_SLOTS = 300


class FleetStore:
    """State of one fleet. Synchronous; `apply` is the only way in.

    Raw objects pass through without being kept: their screens read them on demand. Of log lines,
    the signatures of known faults are kept.
    """

    def __init__(self, prices: PriceBook | None = None, promises: Promises | None = None) -> None:
        self.prices = prices if prices is not None else PriceBook()
        self._promises = promises
        self.gpus: dict[ObjectRef, GpuReading] = {}
        self.nodes: dict[NodeKey, Node] = {}
        self.groups = RouteGroups()
        self.sources: dict[str, SourceHealth] = {}
        self.events: dict[ObjectRef, KubeEvent] = {}
        self.annotations: deque[Annotation] = deque(maxlen=ANNOTATIONS_KEPT)
        self.revision = 0
        self.topology_revision = 0
        self.latest: float | None = None
        self.history = SeriesRing(2, FLEET_SLOTS, FLEET_STEP, 15)
        self._services: dict[ServiceKey, ServiceState] = {}
        self._members: dict[ObjectRef, tuple[ServiceState, Member]] = {}
        self._owners: dict[ObjectRef, ServiceState] = {}
        self._nodes_revision = 0
        self._caught_up_at = -1
        self._costs = _NodeCosts(0)
        self._summaries: dict[ServiceKey, tuple[int, int, ServiceSummary]] = {}
        self._object_totals: tuple[int, ObjectTotals] | None = None
        self._free_gpus: tuple[int, tuple[tuple[str, int], ...]] | None = None
        self._by_name: list[ServiceState] | None = None
        self._has_services = False
        self._history_slot = -math.inf
        self._rates = (math.nan, math.nan)
        self._burning: int | None = None
        self.accounts: Accounts | None = None
        self._busy: dict[ServiceKey, float] = {}
        self.alerts: Alerts | None = None
        """Who wants to know of alerts puts them here; they are stepped from then on."""
        self._turn = 0
        self._rolling: set[ServiceKey] = set()
        self._mirrored: set[ServiceKey] = set()
        self._comparisons: Comparisons | None = None
        self._paired_at = -1
        self._handlers: dict[type, Callable[[Any], None]] = {
            MetricSample: self._sample,
            Past: self._past,
            GpuReading: self._gpu,
            Service: self._service,
            Replica: self._replica,
            Revision: self._revision,
            Autoscaler: self._autoscaler,
            RouteGroup: self._group,
            Node: self._node,
            Removed: self._removed,
            KubeEvent: self._event,
            LogLines: self._logs,
            SourceHealth: self._source,
            Annotation: self.annotations.append,
        }

    def apply(self, observations: Iterable[Observation]) -> None:
        """Take records in the order in which they were observed."""
        handlers = self._handlers
        latest = -math.inf if self.latest is None else self.latest
        for record in observations:
            handler = handlers.get(type(record))
            if handler is not None:
                handler(record)
            latest = max(latest, record.at)
        if latest != self.latest and latest > -math.inf:
            self.latest = latest
            if latest // FLEET_STEP > self._history_slot:
                self._history_slot = latest // FLEET_STEP
                self._rates = sum_rates(self._services.values())
                promised = [state for state in self._services.values() if state.has_objectives]
                self._burning = sum(one.is_burning for one in promised) if promised else None
                self.history.write(latest, self._rates)
                self._pair(latest)
                self._keep_accounts(latest)
                if self.alerts is not None:
                    self.alerts.step(self, latest)
            if self._comparisons is not None:
                self._comparisons.step(latest)
        self.revision += 1

    # Questions

    @property
    def main_sources(self) -> list[SourceHealth]:
        """The sources of which every screen tells when something ails them."""
        return [health for health in self.sources.values() if not health.is_extra]

    def services(self) -> list[ServiceState]:
        """All services whose object has been seen, by name."""
        if self._by_name is None:
            seen = [state for state in self._services.values() if state.service is not None]
            seen.sort(key=_by_name)
            self._by_name = seen
        return list(self._by_name)

    @property
    def has_services(self) -> bool:
        """Whether the object of any has been seen."""
        return self._has_services

    def kind_of(self, key: ServiceKey | None) -> str:
        """Kind of the object that a service is; empty where that is not known."""
        state = None if key is None else self.service(key)
        return "" if state is None or state.service is None else state.service.ref.kind

    def service(self, key: ServiceKey) -> ServiceState | None:
        """One service, or None when it is not (or no longer) there."""
        state = self._services.get(key)
        return state if state is not None and state.service is not None else None

    def status(self, state: ServiceState, now: float) -> Status:
        """How a service fares at a time, in words."""
        return service_status(state, now)

    def summary(self, state: ServiceState) -> ServiceSummary:
        """A service's replicas, GPUs and money; computed when its objects or nodes change."""
        held = self._summaries.get(state.key)
        if held is not None and self._is_new(held, state):
            return held[2]
        summary = summarise(state, self.cost_of)
        self._summaries[state.key] = (state.topology_revision, self._nodes_revision, summary)
        return summary

    def catch_up(self) -> Iterator[None]:
        """Compute the summaries that are out of date, and let others have their turn between."""
        if self._caught_up_at == self.topology_revision:
            return
        computed, begun_at = 0, self.topology_revision
        for state in self.services():
            held = self._summaries.get(state.key)
            if held is None or not self._is_new(held, state):
                self.summary(state)
                computed += 1
                if computed % SUMMARIES_AT_ONCE == 0:
                    yield
        self._caught_up_at = begun_at

    def _is_new(self, held: tuple[int, int, ServiceSummary], state: ServiceState) -> bool:
        return held[0] == state.topology_revision and held[1] == self._nodes_revision

    def free_gpus(self) -> tuple[tuple[str, int], ...]:
        """GPUs of ready nodes that no replica holds, by type."""
        held = self._free_gpus
        if held is None or held[0] != self.topology_revision:
            summaries = [self.summary(state) for state in self._services.values()]
            by_type = free_by_type(self.nodes.values(), summaries)
            held = self._free_gpus = (self.topology_revision, by_type)
        return held[1]

    def service_about(self, ref: ObjectRef) -> ServiceState | None:
        """The service that an object is, or belongs to."""
        key = ServiceKey(ref.cluster, ref.namespace, ref.name)
        return self._owners.get(ref) or self._services.get(key)

    def canary(self, key: ServiceKey) -> CanaryVerdict | None:
        """What is said of a member of a route group beside its stable one; None of others."""
        track = self.comparison(key)
        return None if track is None or track.ended is not None else track.verdict()

    def comparison(self, key: ServiceKey, *, of_revisions: bool = False) -> CanaryTrack | None:
        """The comparison of a service with the one it stands beside, or of its two revisions.

        The last one there was, if it is over.
        """
        if self._comparisons is None:
            return None
        from mtop_tui.state.comparisons import Subject  # noqa: PLC0415 - imported by now

        return self._comparisons.of(Subject(key, of_revisions))

    def totals(self) -> FleetTotals:
        """Sums over all services; GPUs and the bill are the cluster's.

        Rates and burning services are added up once in `FLEET_STEP` seconds.
        """
        held = self._object_totals
        if held is None or held[0] != self.topology_revision:
            summaries = [self.summary(state) for state in self.services()]
            objects = sum_objects(summaries, self.nodes.values(), self._billed())
            held = self._object_totals = (self.topology_revision, objects)
        return FleetTotals(held[1], *self._rates, self._burning)

    # Records

    def _state(self, key: ServiceKey) -> ServiceState:
        state = self._services.get(key)
        if state is None:
            state = self._services[key] = ServiceState(key, self._promises)
        return state

    def _sample(self, sample: MetricSample) -> None:
        known = self._members.get(sample.ref)
        if known is not None:
            state, member = known
            if member.layout is sample.layout or member.layout == sample.layout:
                state.take(member, sample)
                return
            state.leave(member)
        state = self._state(sample.service)
        if sample.subject == "picker":
            state.picker = sample
            return
        self._members[sample.ref] = (state, state.join(sample))

    def _past(self, record: Past) -> None:
        state = self.service(record.service)
        if state is not None:
            state.fill_past(record)

    def _gpu(self, record: GpuReading) -> None:
        self.gpus[record.ref] = record

    def _service(self, record: Service) -> None:
        state = self._state(record.key)
        if state.service is not None and state.service.ref.uid != record.ref.uid:
            self._forget(state)
            state = self._state(record.key)
        if state.service is None:
            self._by_name, self._has_services = None, True
        state.note_mirror(record)
        (self._mirrored.add if record.mirrors_to else self._mirrored.discard)(record.key)
        state.service = record
        self._touch(state)

    def _replica(self, record: Replica) -> None:
        state = self._state(record.service)
        state.replicas[record.ref] = record
        self._owners[record.ref] = state
        self._touch(state)

    def _revision(self, record: Revision) -> None:
        state = self._state(record.service)
        state.note_revision(record)
        (self._rolling.add if state.has_two_revisions else self._rolling.discard)(state.key)
        self._owners[record.ref] = state
        self._touch(state)

    def _autoscaler(self, record: Autoscaler) -> None:
        state = self._state(record.service)
        before = state.autoscalers.get(record.ref)
        state.autoscalers[record.ref] = record
        if before is not None:
            state.note_scaling(record.at, before.desired, record.desired)
        self._owners[record.ref] = state
        self._touch(state)

    def _group(self, record: RouteGroup) -> None:
        self.groups.take(record)
        for member in record.members:
            key = ServiceKey(record.ref.cluster, record.ref.namespace, member.service)
            if key in self._services:
                self._touch(self._services[key])

    def _node(self, record: Node) -> None:
        self.nodes[record.ref.cluster, record.ref.name] = record
        self._nodes_revision += 1
        self.topology_revision += 1

    def _event(self, record: KubeEvent) -> None:
        if record.involved.kind == "Node":
            concerned = self._concerned(record.involved)
        else:
            state = self.service_about(record.involved)
            concerned = () if state is None else (state,)
        for state in concerned:
            state.events.append(record)
        self.events.pop(record.ref, None)  # one that happened again is the newest
        self.events[record.ref] = record
        if len(self.events) > EVENTS_KEPT:
            del self.events[next(iter(self.events))]

    def _logs(self, record: LogLines) -> None:
        from mtop_tui.state.log_hits import note_hits  # noqa: PLC0415 - rarely needed

        for state in self._concerned(record.ref):
            note_hits(state.log_hits, record)

    def _concerned(self, ref: ObjectRef) -> Iterable[ServiceState]:
        """The service a container belongs to; of a node's kernel, all that have replicas there."""
        if ref.kind == "Node":
            return [
                state
                for state in self._services.values()
                if any(ref.name in replica.nodes for replica in state.replicas.values())
            ]
        owner = self._owners.get(ref)
        return [] if owner is None else [owner]

    def _source(self, record: SourceHealth) -> None:
        self.sources[record.source] = record

    def _removed(self, record: Removed) -> None:
        ref = record.ref
        if ref.kind == "Node":
            self.nodes.pop((ref.cluster, ref.name), None)
            self.gpus = {gpu: one for gpu, one in self.gpus.items() if one.node != ref.name}
            self._nodes_revision += 1
            self.topology_revision += 1
            return
        self.groups.drop(ref)
        self.gpus.pop(ref, None)
        state = self._services.get(ServiceKey(ref.cluster, ref.namespace, ref.name))
        if state is not None and state.service is not None and state.service.ref == ref:
            self._forget(state)
            return
        owner = self._owners.pop(ref, None)
        if owner is not None:
            owner.replicas.pop(ref, None)
            owner.drop_revision(ref, record.at)
            owner.autoscalers.pop(ref, None)
            self._touch(owner)
        known = self._members.pop(ref, None)
        if known is not None:
            known[0].leave(known[1])

    def _forget(self, state: ServiceState) -> None:
        """Drop a service and all that was kept for it; its name may come back as another."""
        del self._services[state.key]
        self._by_name = None
        self._has_services = any(one.service is not None for one in self._services.values())
        self._rolling.discard(state.key)
        self._mirrored.discard(state.key)
        if self._comparisons is not None:
            self._comparisons.forget(state.key)
        self.topology_revision += 1
        self._summaries.pop(state.key, None)
        for ref in state.object_refs():
            self._owners.pop(ref, None)
        for ref in state.sample_refs():
            self._members.pop(ref, None)

    def _pair(self, at: float) -> None:
        """Follow which services and revisions stand beside something older."""
        if self._paired_at == self.topology_revision:
            return
        self._paired_at = self.topology_revision
        if self._comparisons is None:
            if not (self.groups or self._rolling or self._mirrored):
                return
            from mtop_tui.state.comparisons import Comparisons  # noqa: PLC0415 - with two versions

            self._comparisons = Comparisons(self.cost_of)
        from mtop_tui.state.comparisons import Beside  # noqa: PLC0415 - imported by now

        self._comparisons.pair(at, Beside(self.service, self.groups, self._mirrored, self._rolling))

    def cost_of(self, replica: Replica) -> Dollars:
        """USD per hour of a replica; of those on the same nodes it is worked out once."""
        where = replica.ref.cluster, replica.nodes, replica.gpus
        costs = self._node_costs().by_place
        cost = costs.get(where)
        if cost is None:
            cost = costs[where] = replica_cost(replica, self.nodes, self.prices)
        return cost

    def _billed(self) -> Dollars:
        """USD per hour of all nodes."""
        costs = self._node_costs()
        if costs.bill is None:
            costs.bill = bill(self.nodes.values(), self.prices)
        return costs.bill

    def _node_costs(self) -> _NodeCosts:
        """What was worked out of the nodes as they are."""
        if self._costs.revision != self._nodes_revision:
            self._costs = _NodeCosts(self._nodes_revision)
        return self._costs

    def _keep_accounts(self, at: float) -> None:
        """Write accounts of a part of the services: of each, once a minute."""
        from mtop_tui.state.minutes import busy_by_service  # noqa: PLC0415 - not at the start

        if self.accounts is None:
            from mtop_tui.state.accounts import Accounts  # noqa: PLC0415 - not at the start

            self.accounts = Accounts()
        turns = int(MINUTE / FLEET_STEP)
        last, self._turn = self._turn, int(at // FLEET_STEP)
        services = self.services()
        for turn in range(max(last + 1, self._turn - turns + 1), self._turn + 1):
            if turn % turns == 0 or not self._busy:
                self._busy = busy_by_service(self.gpus.values())
            for state in services[turn % turns :: turns]:
                cost = self.summary(state).cost
                self.accounts.write_service(at, state, cost, self.nodes, self.prices)
                self._keep_minute(at, state, cost)
            if turn % turns == 0:
                nodes = sum(node.gpus > 0 for node in self.nodes.values())
                self.accounts.write_nodes(at, self.totals().objects.bill, nodes)

    def _keep_minute(self, at: float, state: ServiceState, cost: Dollars) -> None:
        from mtop_tui.state.latency import request_time  # noqa: PLC0415 - not at the start
        from mtop_tui.state.minutes import (  # noqa: PLC0415 - not at the start
            MinuteFigures,
            MinuteHistory,
            priced,
        )

        if state.minutes is None:
            state.minutes = MinuteHistory()
        busy = self._busy.get(state.key, math.nan)
        state.minutes.record(at, MinuteFigures(request_time(state), busy, priced(cost)))

    def _touch(self, state: ServiceState) -> None:
        state.revision += 1
        state.topology_revision += 1
        self.topology_revision += 1


class _NodeCosts:
    """What replicas and nodes cost, as long as no node changes.

    Attributes:
        revision: of the nodes.
        by_place: of a replica, by its cluster, nodes and GPUs.
        bill: of all nodes, once it is known.
    """

    __slots__ = ("bill", "by_place", "revision")

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.by_place: dict[tuple[str, tuple[str, ...], int | None], Dollars] = {}
        self.bill: Dollars | None = None


def _by_name(state: ServiceState) -> tuple[str, str, str]:
    return state.key.name, state.key.namespace, state.key.cluster
