"""The children of services that no record is about: kept as the records about the others say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mtop_tui.observations import Pool, Replica, Revision, Role
from mtop_tui.serve.entries import Entry
from mtop_tui.serve.objects.meta import owner
from mtop_tui.serve.objects.network import (
    PICKER_PORTS,
    WORKLOAD_PORTS,
    Backend,
    Ports,
    endpoint_slice_entry,
    endpoints_entry,
    inference_pool_entry,
    picker_service,
    route_entry,
    workload_service,
)
from mtop_tui.serve.objects.pods import parts_of, scheduler_pod
from mtop_tui.serve.objects.workloads import (
    controller_revision_entry,
    deployment_entry,
    leader_worker_set_entry,
    replica_set_entry,
    scheduler_entries,
    stateful_set_entry,
)
from mtop_tui.serve.resources import LWS

if TYPE_CHECKING:
    from mtop_tui.serve.projection import KnownService, Projection

DEPLOYMENTS, REPLICA_SETS = "deployments.apps", "replicasets.apps"
LEADER_WORKER_SETS, STATEFUL_SETS = f"leaderworkersets.{LWS}", "statefulsets.apps"
CONTROLLER_REVISIONS = "controllerrevisions.apps"
SERVICES, ENDPOINTS = "services", "endpoints"
SLICES = "endpointslices.discovery.k8s.io"
POOLS = "inferencepools.inference.networking.k8s.io"
ROUTES = "httproutes.gateway.networking.k8s.io"


class Children:
    """Deployments and the like of all services of a projection."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._scale = projection.scale
        self._fronts: dict[str, Entry] = {}
        self._made: dict[tuple[str, str], object] = {}

    def create(self, known: KnownService) -> None:
        """What a service has as long as it is there."""
        facts, put = known.facts, self._projection.put
        if not facts.complete:
            return
        self._front(known, workload_service(facts, self._scale))
        self.route(known)
        if not facts.scheduled:
            return
        deployment, replica_set, below = scheduler_entries(facts, self._scale)
        put(DEPLOYMENTS, deployment)
        put(REPLICA_SETS, replica_set)
        pod = facts.child("Pod", f"{below.name}-{below.uid[:5]}")
        node = self._projection.surroundings.some_node()
        put("pods", scheduler_pod(pod, below, node, facts, self._scale))
        put(POOLS, inference_pool_entry(facts, self._scale))
        picker = picker_service(facts, self._scale)
        put(SERVICES, picker)
        self._backends(known, picker, PICKER_PORTS, (Backend(pod, node, True),))

    def route(self, known: KnownService) -> None:
        """The route of a service that shares it with nobody."""
        facts, service = known.facts, known.service
        if not facts.complete or not facts.routed or service.route is not None:
            return
        shadow = self._projection.services.get(service.key._replace(name=service.mirrors_to))
        entry = route_entry(facts, self._scale, None if shadow is None else shadow.facts)
        self._projection.put(ROUTES, entry)

    def remove(self, known: KnownService) -> None:
        """Everything a service has goes with it, but the pods that still end."""
        uid, key = known.service.ref.uid, known.service.key
        self._fronts.pop(uid, None)
        projection = self._projection
        for name in (
            *(DEPLOYMENTS, REPLICA_SETS, LEADER_WORKER_SETS, STATEFUL_SETS, CONTROLLER_REVISIONS),
            *(SERVICES, ENDPOINTS, SLICES, POOLS, ROUTES),
            *("horizontalpodautoscalers.autoscaling", "scaledobjects.keda.sh"),
        ):
            for entry in projection.store.collection(name).ordered():
                if entry.namespace == key.namespace and _belongs(entry, key.name):
                    projection.remove(name, entry.key)
                    self._made.pop((name, entry.uid), None)
        for entry in projection.store.collection("pods").ordered():
            if (
                entry.namespace == key.namespace
                and entry.identity.get("app.kubernetes.io/name") == key.name
                and entry.identity.get("app.kubernetes.io/component", "").endswith("-scheduler")
            ):
                projection.remove("pods", entry.key)

    def revision(self, known: KnownService, record: Revision) -> None:
        """A revision of a workload has changed."""
        if record.ref.kind == "ControllerRevision":
            entry = controller_revision_entry(known.facts, record, self._scale)
            self._projection.put(CONTROLLER_REVISIONS, entry)
            return
        pool = next((one for one in known.service.pools if one.role == record.role), None)
        desired = (pool.desired if pool else None) or 0
        entry = replica_set_entry(known.facts, record, desired, self._scale)
        self._projection.put(REPLICA_SETS, entry)

    def refresh(self, known: KnownService) -> None:
        """Workloads and endpoints of a service, where its pods or revisions have changed."""
        if known.leaving or not known.facts.complete:
            return
        replicas = self._projection.replicas_of(known.service.key)
        for pool in known.service.pools:
            mine = [one for one in replicas if one.role == pool.role]
            if pool.nodes_per_replica > 1:
                self._group(known, pool, mine)
            else:
                self._deployment(known, pool)
        front = self._fronts.get(known.service.ref.uid)
        if front is not None:
            backends = tuple(self._backends_of(known, replicas))
            self._backends(known, front, WORKLOAD_PORTS, backends)

    def _front(self, known: KnownService, entry: Entry) -> None:
        self._fronts[known.service.ref.uid] = entry
        self._projection.put(SERVICES, entry)

    def _deployment(self, known: KnownService, pool: Pool) -> None:
        revisions = _revisions(known, pool.role)
        key = known.service.key
        paused = self._projection.paused(key, pool.role)
        entry = deployment_entry(
            known.facts,
            pool,
            revisions,
            generation=known.generation,
            paused=paused,
            scale=self._scale,
        )
        counts = [(one.ref.uid, one.number, one.desired, one.ready) for one in revisions]
        self._put_changed(DEPLOYMENTS, entry, (pool, counts, known.generation, paused, known.facts))

    def _group(self, known: KnownService, pool: Pool, replicas: list[Replica]) -> None:
        facts, scale = known.facts, self._scale
        entry = leader_worker_set_entry(
            facts,
            pool,
            _revisions(known, pool.role),
            generation=known.generation,
            scale=scale,
        )
        revisions = _revisions(known, pool.role)
        counts = [(one.ref.uid, one.number, one.desired, one.ready) for one in revisions]
        made_from = (pool, counts, known.generation, facts)
        self._put_changed(LEADER_WORKER_SETS, entry, made_from)
        workload = facts.workload(pool.role, grouped=True)
        parent = owner(f"{LWS}/v1", workload)
        ready = sum(one.phase == "ready" for one in replicas)
        leaders = stateful_set_entry(
            facts, pool.role, workload.name,
            group="", wanted=pool.desired or 0, ready=ready, parent=parent, scale=scale,
        )  # fmt: skip
        self._put_changed(STATEFUL_SETS, leaders, (pool.desired, ready, facts))
        for one in replicas:
            workers = pool.nodes_per_replica - 1
            up = workers if one.phase == "ready" else 0
            entry = stateful_set_entry(
                facts, pool.role, one.ref.name,
                group=one.ref.name.rpartition("-")[2],
                wanted=workers, ready=up, parent=owner("v1", one.ref), scale=scale,
            )  # fmt: skip
            self._put_changed(STATEFUL_SETS, entry, (workers, up, one.ref.uid, facts))

    def _backends_of(self, known: KnownService, replicas: list[Replica]) -> Iterator[Backend]:
        for record in replicas:
            if record.phase not in {"ready", "starting"} or not record.nodes:
                continue
            nodes = self._projection.nodes_of(known.service.key, record.role)
            for part in parts_of(record, nodes, self._projection.seed):
                if part.number == 0:
                    yield Backend(part.ref, part.node, record.phase == "ready")

    def _backends(
        self, known: KnownService, front: Entry, ports: Ports, backends: tuple[Backend, ...]
    ) -> None:
        created = self._scale.stamp(known.facts.created_at)
        self._put_changed(ENDPOINTS, endpoints_entry(front, ports, backends, created), backends)
        self._put_changed(SLICES, endpoint_slice_entry(front, ports, backends, created), backends)

    def _put_changed(self, collection: str, entry: Entry, made_from: object) -> None:
        """Store an object unless it is made from the same as before: controllers look often."""
        projection = self._projection
        there = projection.store.collection(collection).get(entry.key)
        if there is not None and self._made.get((collection, entry.uid)) == made_from:
            return
        self._made[collection, entry.uid] = made_from
        projection.put(collection, entry)


def _revisions(known: KnownService, role: Role) -> list[Revision]:
    return sorted(known.revisions.get(role, {}).values(), key=lambda one: one.number)


def _belongs(entry: Entry, service: str) -> bool:
    if entry.identity.get("app.kubernetes.io/name") == service:
        return True
    name = entry.identity.get("leaderworkerset.sigs.k8s.io/name", "")
    return name in {f"{service}-kserve-mn", f"{service}-kserve-mn-prefill"}
