"""From changed objects to changed records: what belongs together, and what is news about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import NAMESPACE_URL, uuid5

import msgspec

from mtop_tui.kserve.records import node_record, route_groups
from mtop_tui.observations import (
    KubeEvent,
    Node,
    Observation,
    Replica,
    Role,
    RouteGroup,
    Service,
)
from mtop_tui.providers.live import kinds
from mtop_tui.providers.live.handover import Change
from mtop_tui.providers.live.objects.heard import Heard
from mtop_tui.providers.live.objects.known import Known
from mtop_tui.providers.live.objects.names import (
    GROUP_INDEX,
    GROUP_OF,
    WORKER_INDEX,
    Place,
    is_engine,
    is_picker,
    place_of,
    role_of,
    service_of,
)
from mtop_tui.providers.live.objects.owned import Owned
from mtop_tui.providers.live.objects.pickers import PickerPods
from mtop_tui.providers.live.objects.pods import replica_record
from mtop_tui.providers.live.objects.schema import (
    LiveNode,
    LiveService,
    LiveWorkload,
    Meta,
    Pod,
)
from mtop_tui.providers.live.objects.services import effective_service, event_record, reference


class Fleet:
    """All objects of one cluster, and what was last told of them.

    What belongs to a service is told once the service is.

    Args:
        cluster: as records name it.

    Attributes:
        pickers: pods of endpoint pickers.
    """

    def __init__(self, cluster: str) -> None:
        self.pickers = PickerPods()
        self._known = Known(cluster)
        self._owned, self._heard = Owned(self._known), Heard(self._known)
        self._node_prices: Mapping[str, float] = {}
        self._node_pods: dict[str, set[Place]] = {}
        self._dirty_services: dict[Place, None] = {}
        self._dirty_pods: dict[Place, None] = {}
        self._dirty_groups: dict[str, None] = {}
        self._came: dict[Place, None] = {}

    def apply(self, changes: Sequence[Change], at: float) -> list[Observation]:
        """What is news once these changes are known; Events come after what they are about."""
        news: list[Observation] = []
        events: list[KubeEvent] = []
        for change in changes:
            if change.kind != kinds.EVENT:
                news += self._change(change, at)
            elif change.body is not None:
                event = event_record(change.body, cluster=self._known.cluster, at=at)
                events.append(event)
                place = self._heard.note_pull(event)
                if place in self._known.pods:
                    self._dirty_pods[place] = None
        news += self._settle(at)
        for event in events:
            news += self._heard.take(event)
        return news

    def price_nodes(self, prices: Mapping[str, float], at: float) -> list[Observation]:
        """What is news of nodes once OpenCost has said what they cost."""
        self._node_prices = prices
        news: list[Observation] = []
        for name, node in self._known.nodes.items():
            priced = self._known.nodes[name] = self._priced(node)
            news += self._known.tell(msgspec.structs.replace(priced, at=at))
        return news

    def release(self) -> list[Observation]:
        """Events of before, once all else is there: what they are about is known by now."""
        return list(self._heard.release())

    def told(self) -> list[Observation]:
        """The newest record of all that is there."""
        return list(self._known.told.values())

    def pods(self, place: Place) -> list[Pod]:
        """The pods of a service's replicas, all parts of each."""
        leaders = sorted(self._known.service_pods.get(place, ()))
        return [pod for one in leaders for pod in self._known.pods.get(one, {}).values()]

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
            case kinds.CONTROLLER_REVISION:
                yield from self._owned.group_revision(metadata, body, at)
            case _:
                yield from self._owned.change(change.kind, metadata, body, at)

    def _service(
        self, metadata: Meta, body: LiveService | None, at: float
    ) -> Iterator[Observation]:
        place = place_of(metadata)
        services = self._known.services
        before = services.get(place)
        self._dirty_groups[place[0]] = None
        if before is not None and (body is None or before.metadata.uid != metadata.uid):
            if body is None and before.metadata.uid != metadata.uid:
                return
            # Another one may come by this name: what was told of the first goes with it.
            self._known.forget_children(place)
            del services[place]
            ref = reference(self._known.cluster, kinds.SERVICE, before.metadata)
            yield from self._known.gone(ref, at)
            before = None
        if body is None:
            return
        services[place] = body
        self._dirty_services[place] = None
        if before is None or (before.spec.prefill is None) != (body.spec.prefill is None):
            # Only now is it known whose its children are, and of which pool.
            self._dirty_pods.update(dict.fromkeys(self._known.service_pods.get(place, ())))
            self._owned.service_changed(place)
        if before is None:
            self._came[place] = None

    def _workload(self, kind: str, metadata: Meta, body: LiveWorkload | None) -> None:
        if not is_engine(metadata):
            return
        owner, place = service_of(metadata), place_of(metadata)
        children = self._known.workloads.setdefault(owner, {})
        if body is None:
            children.pop(place, None)
        elif place not in children:
            children[place] = body
            self._owned.service_changed(owner)
        else:
            children[place] = body
        if kind == kinds.LEADER_WORKER_SET:
            self._known.set_owner[place] = owner
            self._owned.set_changed(place)
        self._dirty_services[owner] = None

    def _pod(self, metadata: Meta, body: Pod | None, at: float) -> Iterator[Observation]:
        if is_picker(metadata):
            self._picker(metadata, body)
        if not is_engine(metadata):
            return
        leader, index = _leader_of(metadata)
        owner, pods = service_of(metadata), self._known.pods
        parts = pods.setdefault(leader, {})
        before = parts.get(index)
        if group := metadata.label(GROUP_OF):
            self._owned.set_changed((leader[0], group))
        self._dirty_pods[leader] = None
        if body is None and (before is None or before.metadata.uid != metadata.uid):
            return
        if before is not None:
            self._node_pods.get(before.spec.node_name or "", set()).discard(leader)
            if index == "0" and (body is None or before.metadata.uid != metadata.uid):
                old = reference(self._known.cluster, kinds.POD, before.metadata)
                yield from self._known.gone(old, at)
        if body is None:
            self._heard.pulling.pop(metadata.uid or "", None)
            del parts[index]
            if not parts:
                del pods[leader]
                self._known.service_pods.get(owner, set()).discard(leader)
            return
        parts[index] = body
        self._known.service_pods.setdefault(owner, set()).add(leader)
        if body.spec.node_name:
            self._node_pods.setdefault(body.spec.node_name, set()).add(leader)

    def _picker(self, metadata: Meta, body: Pod | None) -> None:
        ref = reference(self._known.cluster, kinds.POD, metadata)
        if body is not None and body.status.phase == "Running":
            self.pickers.put(ref, self._known.key(service_of(metadata)))
        else:
            self.pickers.drop(ref)

    def _node(self, metadata: Meta, body: LiveNode | None, at: float) -> Iterator[Observation]:
        name, nodes = metadata.name, self._known.nodes
        before = nodes.get(name)
        if body is None:
            nodes.pop(name, None)
            ref = reference(self._known.cluster, kinds.NODE, metadata)
            yield from self._known.gone(ref, at)
        else:
            node = self._priced(node_record(body, cluster=self._known.cluster, at=at))
            nodes[name] = node
            yield from self._known.tell(node)
            if before and (before.ready, before.gpu_type) == (node.ready, node.gpu_type):
                return
        self._dirty_pods.update(dict.fromkeys(self._node_pods.get(name, ())))

    def _priced(self, node: Node) -> Node:
        usd = self._node_prices.get(node.ref.name)
        return msgspec.structs.replace(node, opencost_usd_per_hour=usd)

    # What follows

    def _settle(self, at: float) -> Iterator[Observation]:
        """Records of all that may have changed, services first."""
        services, self._dirty_services = self._dirty_services, {}
        for place in services:
            found = self._known.services.get(place)
            if found is not None:
                children = self._children(place)
                yield from self._known.tell(
                    effective_service(found, children, cluster=self._known.cluster, at=at)
                )
        pods, self._dirty_pods = self._dirty_pods, {}
        for leader in pods:
            replica = self._replica(leader, at)
            if replica is not None:
                yield from self._known.tell(replica)
        yield from self._owned.settle(at)
        came, self._came = self._came, {}
        for place in came:
            yield from self._heard.service_came(place)
        groups, self._dirty_groups = self._dirty_groups, {}
        for namespace in groups:
            yield from self._groups(namespace, at)

    def _children(self, place: Place) -> dict[Role, LiveWorkload]:
        split = self._known.is_split(place)
        return {
            role_of(child.metadata, split=split): child
            for child in self._known.workloads.get(place, {}).values()
        }

    def _replica(self, leader: Place, at: float) -> Replica | None:
        """The record of a replica; None while its service, or its first pod, is not there."""
        parts = self._known.pods.get(leader, {})
        if "0" not in parts:
            return None
        first = parts["0"].metadata
        owner = service_of(first)
        if owner not in self._known.services:
            return None
        role = self._known.role(first, owner)
        return replica_record(
            [parts[index] for index in sorted(parts, key=_number)],
            cluster=self._known.cluster,
            service=self._known.key(owner),
            role=role,
            nodes=self._known.nodes,
            pulling=self._heard.pulling,
            claimed=self._claimed(owner, role),
            at=at,
        )

    def _told_of(self, service: LiveService) -> Service | None:
        ref = reference(self._known.cluster, kinds.SERVICE, service.metadata)
        told = self._known.told.get(ref)
        return told if isinstance(told, Service) else None

    def _claimed(self, owner: Place, role: Role) -> int | None:
        """GPUs per replica that a service has by other means than resources of its pods."""
        told = self._told_of(self._known.services[owner])
        pools = told.pools if told else ()
        return next((one.gpus_per_replica for one in pools if one.role == role), None)

    def _groups(self, namespace: str, at: float) -> Iterator[Observation]:
        """Route groups of a namespace: they are in what their members say, and nowhere else."""
        services = [
            told
            for place, service in self._known.services.items()
            if place[0] == namespace and (told := self._told_of(service))
        ]
        found = {}
        for group in route_groups(services, at=at):
            ref = group.ref._replace(uid=str(uuid5(NAMESPACE_URL, "/".join(group.ref[:4]))))
            found[ref] = msgspec.structs.replace(group, ref=ref)
        before = [
            ref
            for ref, told in self._known.told.items()
            if isinstance(told, RouteGroup) and ref.namespace == namespace
        ]
        for ref in before:
            if ref not in found:
                yield from self._known.gone(ref, at)
        for group in found.values():
            yield from self._known.tell(group)


def _leader_of(metadata: Meta) -> tuple[Place, str]:
    """The replica a pod is part of, by the name of its leader, and which part it is."""
    namespace = metadata.namespace or ""
    group, index = metadata.label(GROUP_OF), metadata.label(WORKER_INDEX)
    if not group or not index:
        return (namespace, metadata.name), "0"
    return (namespace, f"{group}-{metadata.label(GROUP_INDEX)}"), index


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
