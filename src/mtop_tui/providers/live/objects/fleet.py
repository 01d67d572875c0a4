"""From changed objects to changed records: what belongs together, and what is news about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from mtop_tui.kserve.records import node_record, route_groups
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
from mtop_tui.providers.live import kinds
from mtop_tui.providers.live.handover import Change
from mtop_tui.providers.live.objects.names import (
    GROUP_HASH,
    GROUP_INDEX,
    GROUP_OF,
    WORKER_INDEX,
    Place,
    is_engine,
    is_prefill,
    place_of,
    role_of,
    service_of,
)
from mtop_tui.providers.live.objects.pods import replica_record
from mtop_tui.providers.live.objects.schema import (
    ControllerRevision,
    LiveNode,
    LiveService,
    LiveWorkload,
    Meta,
    Pod,
    Scaler,
)
from mtop_tui.providers.live.objects.services import (
    autoscaler_record,
    effective_service,
    event_record,
    group_revision_record,
    reference,
    revision_record,
)

EARLY_EVENTS: Final = 2_000
"""Events about objects nobody knows yet that are kept at most."""

Told = Service | Replica | Revision | RouteGroup | Node | Autoscaler


class Fleet:
    """All objects of one cluster, and what was last told of them.

    Args:
        cluster: as records name it.
    """

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._services: dict[Place, LiveService] = {}
        self._workloads: dict[Place, dict[Place, LiveWorkload]] = {}
        self._group_owner: dict[Place, Place] = {}
        self._pods: dict[Place, dict[str, Pod]] = {}
        self._service_pods: dict[Place, set[Place]] = {}
        self._node_pods: dict[str, set[Place]] = {}
        self._replica_sets: dict[Place, LiveWorkload] = {}
        self._group_revisions: dict[Place, dict[str, ControllerRevision]] = {}
        self._scalers: dict[tuple[str, Place], Scaler] = {}
        self._nodes: dict[str, Node] = {}
        self._pulling: dict[str, float] = {}
        self._told: dict[ObjectRef, Told] = {}
        self._early: dict[str, KubeEvent] = {}
        self._held: dict[str, KubeEvent] | None = {}
        self._dirty_services: dict[Place, None] = {}
        self._dirty_pods: dict[Place, None] = {}
        self._dirty_groups: dict[str, None] = {}
        self._dirty_sets: dict[Place, None] = {}

    def apply(self, changes: Sequence[Change], at: float) -> list[Observation]:
        """What is news once these changes are known; Events come after what they are about."""
        news: list[Observation] = []
        events: list[KubeEvent] = []
        for change in changes:
            if change.kind == kinds.EVENT:
                if change.body is not None:
                    events.append(event_record(change.body, cluster=self._cluster, at=at))
            else:
                news += self._change(change, at)
        for event in events:
            self._note_pull(event)
        news += self._settle(at)
        for event in events:
            news += self._event(event)
        return news

    def release(self) -> list[Observation]:
        """Events of before, once all else is there: what they are about is known by now."""
        held, self._held = self._held, None
        found: list[Observation] = []
        for event in sorted((held or {}).values(), key=lambda one: one.at):
            found += self._event(event)
        return found

    def uids(self) -> dict[str, set[str]]:
        """The uids of what is shown, by kind of record."""
        found: dict[str, set[str]] = {}
        for ref in self._told:
            found.setdefault(ref.kind, set()).add(ref.uid)
        return found

    # One object

    def _change(self, change: Change, at: float) -> Iterator[Observation]:
        metadata, body = change.metadata, change.body
        match change.kind:
            case kinds.SERVICE:
                yield from self._service(metadata, body, at)
            case kinds.POD:
                yield from self._pod(metadata, body, at)
            case kinds.NODE:
                yield from self._node(metadata, body, at)
            case kinds.DEPLOYMENT | kinds.LEADER_WORKER_SET:
                self._workload(change.kind, metadata, body)
            case kinds.REPLICA_SET:
                yield from self._replica_set(metadata, body, at)
            case kinds.CONTROLLER_REVISION:
                yield from self._group_revision(metadata, body, at)
            case kinds.HPA | kinds.SCALED_OBJECT:
                yield from self._scaler(change.kind, metadata, body, at)

    def _service(
        self, metadata: Meta, body: LiveService | None, at: float
    ) -> Iterator[Observation]:
        place = place_of(metadata)
        known = self._services.get(place)
        self._dirty_groups[place[0]] = None
        if body is None:
            if known is None or known.metadata.uid == metadata.uid:
                self._services.pop(place, None)
                yield from self._gone(reference(self._cluster, kinds.SERVICE, metadata), at)
            return
        self._services[place] = body
        self._dirty_services[place] = None
        if known is None or (known.spec.prefill is None) != (body.spec.prefill is None):
            # Only now is it known which pool its replicas are of.
            self._dirty_pods.update(dict.fromkeys(self._service_pods.get(place, ())))

    def _workload(self, kind: str, metadata: Meta, body: LiveWorkload | None) -> None:
        if not is_engine(metadata):
            return
        owner, place = service_of(metadata), place_of(metadata)
        children = self._workloads.setdefault(owner, {})
        if body is None:
            children.pop(place, None)
        else:
            children[place] = body
        if kind == kinds.LEADER_WORKER_SET:
            self._group_owner[place] = owner
            self._dirty_sets[place] = None
        self._dirty_services[owner] = None

    def _pod(self, metadata: Meta, body: Pod | None, at: float) -> Iterator[Observation]:
        if not is_engine(metadata):
            return
        leader, index = _leader_of(metadata)
        owner = service_of(metadata)
        parts = self._pods.setdefault(leader, {})
        before = parts.get(index)
        if body is None:
            self._pulling.pop(metadata.uid or "", None)
            if before is None or before.metadata.uid != metadata.uid:
                return
            del parts[index]
            self._leave(before, leader)
            if index == "0":
                yield from self._gone(reference(self._cluster, kinds.POD, metadata), at)
            if group := metadata.label(GROUP_OF):
                self._dirty_sets[leader[0], group] = None
            if not parts:
                del self._pods[leader]
                self._service_pods.get(owner, set()).discard(leader)
                return
        else:
            if before is not None:
                self._leave(before, leader)
                if index == "0" and before.metadata.uid != metadata.uid:
                    old = reference(self._cluster, kinds.POD, before.metadata)
                    yield from self._gone(old, at)
            parts[index] = body
            self._service_pods.setdefault(owner, set()).add(leader)
            if body.spec.node_name:
                self._node_pods.setdefault(body.spec.node_name, set()).add(leader)
        self._dirty_pods[leader] = None
        if group := metadata.label(GROUP_OF):
            self._dirty_sets[leader[0], group] = None

    def _leave(self, pod: Pod, leader: Place) -> None:
        self._node_pods.get(pod.spec.node_name or "", set()).discard(leader)

    def _node(self, metadata: Meta, body: LiveNode | None, at: float) -> Iterator[Observation]:
        name = metadata.name
        before = self._nodes.get(name)
        if body is None:
            self._nodes.pop(name, None)
            yield from self._gone(reference(self._cluster, kinds.NODE, metadata), at)
        else:
            node = self._nodes[name] = node_record(body, cluster=self._cluster, at=at)
            yield from self._tell(node)
            if before and (before.ready, before.gpu_type) == (node.ready, node.gpu_type):
                return
        self._dirty_pods.update(dict.fromkeys(self._node_pods.get(name, ())))

    def _replica_set(
        self, metadata: Meta, body: LiveWorkload | None, at: float
    ) -> Iterator[Observation]:
        if not is_engine(metadata):
            return
        place = place_of(metadata)
        if body is None:
            self._replica_sets.pop(place, None)
            yield from self._gone(reference(self._cluster, kinds.REPLICA_SET, metadata), at)
            return
        self._replica_sets[place] = body
        owner = service_of(metadata)
        yield from self._tell(
            revision_record(
                body,
                cluster=self._cluster,
                service=self._key(owner),
                role=self._role(metadata, owner),
                at=at,
            )
        )

    def _group_revision(
        self, metadata: Meta, body: ControllerRevision | None, at: float
    ) -> Iterator[Observation]:
        of = metadata.namespace or "", metadata.label(GROUP_OF)
        known = self._group_revisions.setdefault(of, {})
        if body is None:
            known.pop(metadata.name, None)
            ref = reference(self._cluster, kinds.CONTROLLER_REVISION, metadata)
            yield from self._gone(ref, at)
            return
        known[metadata.name] = body
        self._dirty_sets[of] = None

    def _scaler(
        self, kind: str, metadata: Meta, body: Scaler | None, at: float
    ) -> Iterator[Observation]:
        key = kind, place_of(metadata)
        if body is None:
            self._scalers.pop(key, None)
            yield from self._gone(reference(self._cluster, kind, metadata), at)
            return
        self._scalers[key] = body
        above = next(
            (
                one
                for one in metadata.owner_references or ()
                if kind == kinds.HPA and one.kind == kinds.SCALED_OBJECT
            ),
            None,
        )
        if above is not None:
            # KEDA works through an autoscaler of its own, which is not another one.
            upper = self._scalers.get((kinds.SCALED_OBJECT, (key[1][0], above.name)))
            if upper is not None:
                yield from self._tell(self._autoscaler(kinds.SCALED_OBJECT, upper, body, at))
            return
        behind = next(
            (
                one
                for (other, place), one in self._scalers.items()
                if other == kinds.HPA
                and place[0] == key[1][0]
                and any(up.uid == metadata.uid for up in one.metadata.owner_references or ())
            ),
            None,
        )
        yield from self._tell(self._autoscaler(kind, body, behind, at))

    def _autoscaler(self, kind: str, body: Scaler, behind: Scaler | None, at: float) -> Autoscaler:
        owner = service_of(body.metadata)
        target = owner[0], body.spec.scale_target_ref.name
        scaled = self._workloads.get(owner, {}).get(target)
        prefill = is_prefill(scaled.metadata) if scaled else target[1].endswith("-prefill")
        role: Role = "prefill" if prefill else "decode" if self._is_split(owner) else "main"
        return autoscaler_record(
            body,
            behind,
            cluster=self._cluster,
            kind=kind,
            service=self._key(owner),
            role=role,
            at=at,
        )

    # What follows

    def _settle(self, at: float) -> Iterator[Observation]:
        """Records of all that may have changed."""
        services, self._dirty_services = self._dirty_services, {}
        for place in services:
            found = self._services.get(place)
            if found is not None:
                children = self._children(place)
                yield from self._tell(
                    effective_service(found, children, cluster=self._cluster, at=at)
                )
                yield from self._hear_early(place)
        pods, self._dirty_pods = self._dirty_pods, {}
        for leader in pods:
            replica = self._replica(leader, at)
            if replica is not None:
                yield from self._tell(replica)
        sets, self._dirty_sets = self._dirty_sets, {}
        for place in sets:
            for revision in self._group_revisions.get(place, {}).values():
                record = self._counted(revision, at)
                if record is not None:
                    yield from self._tell(record)
        groups, self._dirty_groups = self._dirty_groups, {}
        for namespace in groups:
            yield from self._groups(namespace, at)

    def _children(self, place: Place) -> dict[Role, LiveWorkload]:
        split = self._is_split(place)
        return {
            role_of(child.metadata, split=split): child
            for child in self._workloads.get(place, {}).values()
        }

    def _replica(self, leader: Place, at: float) -> Replica | None:
        parts = self._pods.get(leader, {})
        if "0" not in parts:
            return None
        first = parts["0"].metadata
        owner = service_of(first)
        role = self._role(first, owner)
        return replica_record(
            [parts[index] for index in sorted(parts, key=_number)],
            cluster=self._cluster,
            service=self._key(owner),
            role=role,
            nodes=self._nodes,
            pulling=self._pulling,
            claimed=self._claimed(owner, role),
            at=at,
        )

    def _claimed(self, owner: Place, role: Role) -> int | None:
        """GPUs per replica that a service has by other means than resources of its pods."""
        service = self._services.get(owner)
        if service is None:
            return None
        told = self._told.get(reference(self._cluster, kinds.SERVICE, service.metadata))
        pools = told.pools if isinstance(told, Service) else ()
        return next((one.gpus_per_replica for one in pools if one.role == role), None)

    def _counted(self, found: ControllerRevision, at: float) -> Revision | None:
        namespace = found.metadata.namespace or ""
        owner = self._group_owner.get((namespace, found.metadata.label(GROUP_OF)))
        if owner is None:
            return None
        digest = found.metadata.label(GROUP_HASH)
        leaders: list[tuple[Pod, bool]] = []
        metadata = found.metadata
        for place in self._service_pods.get(owner, ()):
            leader = self._pods.get(place, {}).get("0")
            if leader is None or leader.metadata.label(GROUP_HASH) != digest:
                continue
            if leader.metadata.label(GROUP_OF) != found.metadata.label(GROUP_OF):
                continue
            metadata = leader.metadata
            told = self._told.get(reference(self._cluster, kinds.POD, leader.metadata))
            leaders.append((leader, isinstance(told, Replica) and told.phase == "ready"))
        workload = self._workloads.get(owner, {}).get((namespace, found.metadata.label(GROUP_OF)))
        about = workload.metadata if workload else metadata
        return group_revision_record(
            found,
            leaders,
            cluster=self._cluster,
            service=self._key(owner),
            role=self._role(about, owner),
            at=at,
        )

    def _groups(self, namespace: str, at: float) -> Iterator[Observation]:
        services = [
            told
            for place, service in self._services.items()
            if place[0] == namespace
            and isinstance(
                told := self._told.get(reference(self._cluster, kinds.SERVICE, service.metadata)),
                Service,
            )
        ]
        found = {group.ref: group for group in route_groups(services, at=at)}
        before = [
            ref
            for ref, told in self._told.items()
            if isinstance(told, RouteGroup) and ref.namespace == namespace
        ]
        for ref in before:
            if ref not in found:
                yield from self._gone(ref, at)
        for group in found.values():
            yield from self._tell(group)

    # Events

    def _note_pull(self, event: KubeEvent) -> None:
        uid = event.involved.uid
        if event.involved.kind != kinds.POD or not uid:
            return
        if event.reason == "Pulling":
            self._pulling[uid] = event.at
        elif event.reason not in {"Pulled", "Failed", "Created", "Started"}:
            return
        else:
            self._pulling.pop(uid, None)
        place = event.involved.namespace, event.involved.name
        if place in self._pods:
            self._dirty_pods[place] = None

    def _event(self, event: KubeEvent) -> Iterator[KubeEvent]:
        """An Event, if it is about the fleet; one that came early waits for its service."""
        if self._held is not None:
            self._held[event.ref.uid] = event
        elif self._is_ours(event.involved):
            yield event
        else:
            self._early[event.ref.uid] = event
            if len(self._early) > EARLY_EVENTS:
                del self._early[next(iter(self._early))]

    def _hear_early(self, place: Place) -> Iterator[KubeEvent]:
        if self._held is not None:
            return
        for uid, event in list(self._early.items()):
            if _belongs(event.involved, place):
                del self._early[uid]
                yield event

    def _is_ours(self, involved: ObjectRef) -> bool:
        """Whether an object is a node, a service, or by its name a child of one."""
        if involved.kind == kinds.NODE:
            return involved.name in self._nodes
        namespace, name = involved.namespace, involved.name
        # Children are named after their service: try what the name begins with.
        while name:
            if (namespace, name) in self._services:
                return True
            name = name.rpartition("-")[0]
        return any(
            group.ref.namespace == namespace and involved.name.startswith(group.ref.name)
            for group in self._told.values()
            if isinstance(group, RouteGroup)
        )

    # Helpers

    def _key(self, place: Place) -> ServiceKey:
        return ServiceKey(self._cluster, *place)

    def _is_split(self, place: Place) -> bool:
        service = self._services.get(place)
        if service is not None and service.spec.prefill is not None:
            return True
        return any(is_prefill(one.metadata) for one in self._workloads.get(place, {}).values())

    def _role(self, metadata: Meta, owner: Place) -> Role:
        return role_of(metadata, split=self._is_split(owner))

    def _tell(self, record: Told) -> Iterator[Observation]:
        """A record, unless it says what was told before."""
        before = self._told.get(record.ref)
        if before is not None and msgspec.structs.replace(before, at=record.at) == record:
            return
        self._told[record.ref] = record
        yield record

    def _gone(self, ref: ObjectRef, at: float) -> Iterator[Observation]:
        if self._told.pop(ref, None) is not None:
            yield Removed(at=at, ref=ref)


def _leader_of(metadata: Meta) -> tuple[Place, str]:
    """The replica a pod is part of, by the name of its leader, and which part it is."""
    namespace = metadata.namespace or ""
    group, index = metadata.label(GROUP_OF), metadata.label(WORKER_INDEX)
    if not group or not index:
        return (namespace, metadata.name), "0"
    return (namespace, f"{group}-{metadata.label(GROUP_INDEX)}"), index


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _belongs(involved: ObjectRef, place: Place) -> bool:
    namespace, name = place
    return involved.namespace == namespace and (
        involved.name == name or involved.name.startswith(f"{name}-")
    )
