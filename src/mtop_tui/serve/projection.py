"""From the records of the simulation to objects in the store.

As screens do, it sees records only, and the manifests they were made from. Objects that no record
is about (Deployments, Services, pools, routes and so on) follow from those that are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from mtop_tui.kserve.merge import Combined
from mtop_tui.observations import (
    Autoscaler,
    KubeEvent,
    Node,
    ObjectRef,
    Observation,
    Removed,
    Replica,
    Revision,
    Role,
    RouteGroup,
    Service,
    ServiceKey,
)
from mtop_tui.serve.children import Children
from mtop_tui.serve.entries import Entry
from mtop_tui.serve.objects.autoscalers import autoscaler_entry
from mtop_tui.serve.objects.facts import ServiceFacts
from mtop_tui.serve.objects.network import group_route_entry
from mtop_tui.serve.objects.pod_status import PodTimes
from mtop_tui.serve.objects.pods import parts_of, pod_entry
from mtop_tui.serve.objects.services import route_name, service_entry
from mtop_tui.serve.overlays import Overlays
from mtop_tui.serve.store import Store
from mtop_tui.serve.surroundings import NODES, Surroundings
from mtop_tui.serve.timescale import Timescale

SERVICES = "llminferenceservices.serving.kserve.io"
PODS = "pods"
ROUTES = "httproutes.gateway.networking.k8s.io"
_COLLECTIONS = {
    "ReplicaSet": "replicasets.apps",
    "ControllerRevision": "controllerrevisions.apps",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers.autoscaling",
    "ScaledObject": "scaledobjects.keda.sh",
    "LLMInferenceService": SERVICES,
    "Node": NODES,
}


class Manifests(Protocol):
    """What the simulated objects were made from."""

    def body(self, ref: ObjectRef) -> Mapping[str, Any] | None:
        """The manifest of a service or a node."""
        ...

    def combined(self, body: Mapping[str, Any]) -> Combined:
        """The spec of a service with its configs merged in."""
        ...

    def configs(self) -> Iterator[Mapping[str, Any]]:
        """All configs."""
        ...


class Engine(Protocol):
    """What no record says."""

    def paused(self, key: ServiceKey, role: Role) -> bool:
        """Whether a rollout is held."""
        ...

    def cordoned(self, node: str) -> bool:
        """Whether nothing new comes onto a node."""
        ...


class KnownService:
    """A service and what was observed of its children.

    Attributes:
        service: its record.
        body: as its owner wrote it; replaced when it is patched.
        unseen: changes of its spec that meant nothing to the simulation.
        revisions: by role and uid, oldest first.
        leaving: whether it was deleted while its pods still end.
    """

    def __init__(
        self, service: Service, body: Mapping[str, Any], merge: Callable[[], ServiceFacts]
    ) -> None:
        self.service, self.body = service, body
        self._merge = merge
        self.unseen = 0
        self.revisions: dict[Role, dict[str, Revision]] = {}
        self.leaving = False

    @cached_property
    def facts(self) -> ServiceFacts:
        """What follows from its spec."""
        return self._merge()

    @property
    def generation(self) -> int:
        """Changes of its spec so far, and one."""
        return (self.service.generation or 1) + self.unseen

    def rewritten(self, body: Mapping[str, Any]) -> None:
        """It has another spec."""
        self.body = body
        self.__dict__.pop("facts", None)


class Projection:
    """Keeps the store as the simulation is.

    Args:
        store: to keep.
        manifests: what the simulated objects were made from.
        engine: tells what no record says.
        seed: of the simulation, which gives every object its uid.
        scale: from simulated time to that of clients.
        cluster: name of the cluster in records.
    """

    def __init__(
        self,
        store: Store,
        manifests: Manifests,
        engine: Engine,
        *,
        seed: int,
        scale: Timescale,
        cluster: str,
    ) -> None:
        self.store, self.seed, self.scale = store, seed, scale
        self.overlays = Overlays()
        self.services: dict[ServiceKey, KnownService] = {}
        self.replicas: dict[ObjectRef, tuple[Replica, PodTimes, int]] = {}
        self.groups: dict[tuple[str, str], RouteGroup] = {}
        self._pods_of: dict[ServiceKey, dict[ObjectRef, None]] = {}
        self._manifests, self._engine = manifests, engine
        self.surroundings = Surroundings(
            self.put,
            self.remove,
            manifest=manifests.body,
            cordoned=engine.cordoned,
            seed=seed,
            scale=scale,
            cluster=cluster,
        )
        self._children = Children(self)
        self._dirty: dict[ServiceKey, None] = {}
        self._began = False

    def apply(self, batch: Sequence[Observation]) -> None:
        """Take records in."""
        for record in batch:
            match record:
                case Service():
                    self._service(record)
                case Replica():
                    self._replica(record)
                case Revision():
                    self._revision(record)
                case Node():
                    self.surroundings.node(record)
                case RouteGroup():
                    self._group(record)
                case Autoscaler():
                    self._autoscaler(record)
                case KubeEvent():
                    self._event(record)
                case Removed():
                    self._removed(record)
                case _:
                    pass
        for key in self._dirty:
            if key in self.services:
                self._children.refresh(self.services[key])
        self._dirty.clear()

    def put(self, collection: str, entry: Entry) -> Entry:
        """Store an object, with the labels and annotations that users gave it."""
        return self.store.put(collection, self.overlays.on(collection, entry))

    def remove(self, collection: str, key: str, uid: str = "") -> None:
        """An object is gone."""
        gone = self.store.remove(collection, key, uid)
        if gone is not None:
            self.overlays.forget(collection, gone.uid)

    def begin(self, at: float) -> None:
        """What is there whatever the fleet is."""
        if self._began:
            return
        self._began = True
        self.surroundings.begin(at, self._manifests.configs())

    # Services

    def know(self, service: Service, body: Mapping[str, Any]) -> KnownService:
        """Begin to keep a service."""

        def merge() -> ServiceFacts:
            version = str(known.body.get("apiVersion", "")).rpartition("/")[2] or "v1alpha2"
            return ServiceFacts(service, self._manifests.combined(known.body), self.seed, version)

        known = self.services[service.key] = KnownService(service, body, merge)
        self.surroundings.namespace(service.ref.namespace, service.created_at or service.at)
        return known

    def show(self, known: KnownService) -> None:
        """Store a service as it is."""
        group = self._group_of(known.service)
        entry = service_entry(
            known.body,
            known.service,
            known.facts,
            generation=known.generation,
            group=group,
            scale=self.scale,
        )
        self.put(SERVICES, entry)

    def leave(self, key: ServiceKey) -> None:
        """A service was deleted: it and all its children but the pods are gone at once."""
        known = self.services[key]
        known.leaving = True
        self.remove(SERVICES, f"{key.namespace}/{key.name}")
        self._children.remove(known)
        for record in list(self._revisions_of(known)):
            self.remove(_COLLECTIONS[record.ref.kind], f"{key.namespace}/{record.ref.name}")

    def _service(self, record: Service) -> None:
        known = self.services.get(record.key)
        if known is None or known.service.ref.uid != record.ref.uid:
            body = self._manifests.body(record.ref) or {}
            known = self.know(record, body)
            self._children.create(known)
        mirrored, known.service = known.service.mirrors_to != record.mirrors_to, record
        if mirrored and not known.leaving:
            self._children.route(known)
        if not known.leaving:
            self.show(known)
            self._dirty[record.key] = None

    def _revision(self, record: Revision) -> None:
        known = self.services.get(record.service)
        if known is None or known.leaving:
            return
        known.revisions.setdefault(record.role, {})[record.ref.uid] = record
        self._children.revision(known, record)
        self._dirty[record.service] = None

    @staticmethod
    def _revisions_of(known: KnownService) -> Iterator[Revision]:
        for found in known.revisions.values():
            yield from found.values()

    def _autoscaler(self, record: Autoscaler) -> None:
        known = self.services.get(record.service)
        if known is None or known.leaving:
            return
        grouped = self.nodes_of(record.service, record.role) > 1
        entry = autoscaler_entry(record, known.facts, grouped=grouped, scale=self.scale)
        self.put(_COLLECTIONS[record.ref.kind], entry)

    def nodes_of(self, key: ServiceKey, role: Role) -> int:
        """Pods of one replica."""
        known = self.services.get(key)
        pools = known.service.pools if known else ()
        return next((one.nodes_per_replica for one in pools if one.role == role), 1)

    def paused(self, key: ServiceKey, role: Role) -> bool:
        """Whether a rollout is held."""
        return self._engine.paused(key, role)

    # Route groups

    def _group(self, record: RouteGroup) -> None:
        self.groups[record.ref.namespace, record.ref.name] = record
        members = {
            one.service: self.services[key].facts
            for one in record.members
            if (key := ServiceKey(record.ref.cluster, record.ref.namespace, one.service))
            in self.services
        }
        entry = group_route_entry(record, members, self.scale)
        if entry is not None:
            self.put(ROUTES, entry)
        for name in members:
            known = self.services[ServiceKey(record.ref.cluster, record.ref.namespace, name)]
            if not known.leaving:
                self.show(known)

    def _group_of(self, service: Service) -> RouteGroup | None:
        if service.route is None:
            return None
        return self.groups.get((service.ref.namespace, service.route.group))

    # Pods

    def _replica(self, record: Replica) -> None:
        known = self.services.get(record.service)
        if known is None:
            return
        before = self.replicas.get(record.ref)
        times = (before[1] if before else PodTimes()).after(record, before[0] if before else None)
        nodes = self.nodes_of(record.service, record.role)
        self.replicas[record.ref] = record, times, nodes
        self._pods_of.setdefault(record.service, {})[record.ref] = None
        self._show_pods(known, record, times, nodes)
        self._dirty[record.service] = None

    def replicas_of(self, key: ServiceKey) -> list[Replica]:
        """The replicas of a service, in the order they came."""
        return [self.replicas[ref][0] for ref in self._pods_of.get(key, ())]

    def _show_pods(self, known: KnownService, record: Replica, times: PodTimes, nodes: int) -> None:
        image = next(
            (
                one.image
                for one in known.revisions.get(record.role, {}).values()
                if one.ref.name.endswith(f"-{record.revision}")
            ),
            "",
        )
        for part in parts_of(record, nodes, self.seed):
            entry = pod_entry(part, record, times, known.facts, image=image, scale=self.scale)
            self.put(PODS, entry)

    # What events are about

    def _event(self, record: KubeEvent) -> None:
        involved = record.involved
        if involved.kind == "RouteGroup":
            group = self.groups.get((involved.namespace, involved.name))
            known = self._first_member(group)
            if known is not None:
                involved = known.facts.child("HTTPRoute", route_name(known.facts, group))
        replica = self.replicas.get(involved)
        host = replica[0].nodes[0] if replica is not None and replica[0].nodes else ""
        self.surroundings.event(record, involved, host)

    def _first_member(self, group: RouteGroup | None) -> KnownService | None:
        if group is None:
            return None
        keys = (
            ServiceKey(group.ref.cluster, group.ref.namespace, one.service) for one in group.members
        )
        return next((self.services[key] for key in keys if key in self.services), None)

    # Ends

    def _removed(self, record: Removed) -> None:
        ref = record.ref
        key = f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name
        if ref.kind == "Pod":
            self._pod_gone(ref)
            return
        if ref.kind == "Node":
            self.surroundings.node_gone(ref.name)
        if ref.kind == "LLMInferenceService":
            known = self.services.get(ServiceKey(ref.cluster, ref.namespace, ref.name))
            if known is None or known.service.ref.uid != ref.uid:
                return
            if not known.leaving:
                self.leave(known.service.key)
            del self.services[known.service.key]
            return
        for known in self.services.values():
            for found in known.revisions.values():
                found.pop(ref.uid, None)
        if ref.kind in _COLLECTIONS:
            self.remove(_COLLECTIONS[ref.kind], key, ref.uid)

    def _pod_gone(self, ref: ObjectRef) -> None:
        found = self.replicas.pop(ref, None)
        if found is None:
            return
        record, _, nodes = found
        self._pods_of.get(record.service, {}).pop(ref, None)
        for part in parts_of(record, nodes, self.seed):
            self.remove(PODS, f"{part.ref.namespace}/{part.ref.name}", part.ref.uid)
        self._dirty[record.service] = None
