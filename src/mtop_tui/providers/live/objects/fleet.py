"""From changed objects to changed records: what belongs together, and what is news about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from mtop_tui.domain.startup import EngineStage
from mtop_tui.kserve.records import node_record
from mtop_tui.observations import (
    KubeEvent,
    Node,
    ObjectRef,
    Observation,
    Pool,
    Replica,
    Role,
    Service,
)
from mtop_tui.providers.live import kinds
from mtop_tui.providers.live.handover import Change
from mtop_tui.providers.live.objects.argo import Rollouts, workload_of
from mtop_tui.providers.live.objects.classic import classic_service
from mtop_tui.providers.live.objects.configs import Configs
from mtop_tui.providers.live.objects.devices import Devices
from mtop_tui.providers.live.objects.groups import Groups
from mtop_tui.providers.live.objects.heard import Heard
from mtop_tui.providers.live.objects.known import AnyService, Known
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
from mtop_tui.providers.live.objects.pods import main_container, replica_record
from mtop_tui.providers.live.objects.routes import Routes
from mtop_tui.providers.live.objects.schema import (
    LiveNode,
    LiveService,
    LiveWorkload,
    Meta,
    Pod,
)
from mtop_tui.providers.live.objects.schema_serving import (
    ArgoRollout,
    LiveConfig,
    LiveInferenceService,
)
from mtop_tui.providers.live.objects.services import effective_service, event_record, reference

AT_ONCE: Final = 32
"""Services that are told of anew at a time: a config is news of all that it went into."""


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
        self._configs, self._devices = Configs(), Devices()
        self._rollouts, self._routes = Rollouts(), Routes(self._known.services.keys())
        self._groups = Groups(self._known, self._routes)
        self._is_whole = False
        self._nodes: dict[str, LiveNode] = {}
        self._node_pods: dict[str, set[Place]] = {}
        self._leaders: dict[str, Place] = {}
        self._stages: dict[ObjectRef, EngineStage] = {}
        self._dirty_services: dict[Place, None] = {}
        self._dirty_pods: dict[Place, None] = {}
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
        self._is_whole = True
        services, workloads = self._known.services, self._known.workloads
        if self._configs:
            # What has no workload is told first: nothing but its configs says what it will be.
            order = sorted(services, key=lambda one: bool(workloads.get(one)))
            self._dirty_services.update(dict.fromkeys(order))
        return list(self._heard.release())

    def note_stage(self, ref: ObjectRef, stage: EngineStage) -> None:
        """An engine that starts says what it is at."""
        if self._stages.get(ref) != stage:
            self._stages[ref] = stage
            self._dirty_pods[ref.namespace, ref.name] = None

    @property
    def is_waiting(self) -> bool:
        """Whether there are services to tell of anew."""
        return bool(self._dirty_services)

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
            case kinds.SERVICE | kinds.CLASSIC:
                yield from self._service(metadata, body, at)
            case kinds.POD:
                yield from self._pod(metadata, body, at)
            case kinds.NODE:
                yield from self._node(metadata, body, at)
            case kinds.DEPLOYMENT | kinds.LEADER_WORKER_SET:
                self._workload(change.kind, metadata, body)
            case kinds.CONTROLLER_REVISION:
                yield from self._owned.group_revision(metadata, body, at)
            case kinds.REPLICA_SET | kinds.HPA | kinds.SCALED_OBJECT:
                yield from self._owned.change(change.kind, metadata, body, at)
            case _:
                yield from self._beside(change.kind, metadata, body, at)

    def _beside(self, kind: str, metadata: Meta, body: Any, at: float) -> Iterator[Observation]:
        """What belongs to no service alone, and says something of some."""
        match kind:
            case kinds.ROLLOUT:
                self._rollout(metadata, body)
            case kinds.CONFIG:
                self._config(metadata, body)
            case kinds.HTTP_ROUTE:
                self._routing(self._routes.take_route(metadata, body))
            case kinds.INFERENCE_POOL:
                self._routing(self._routes.take_pool(metadata, body))
            case kinds.RESOURCE_CLAIM:
                for uid in self._devices.take_claim(metadata, body):
                    if uid in self._leaders:
                        self._dirty_pods[self._leaders[uid]] = None
            case kinds.RESOURCE_SLICE:
                name = self._devices.take_slice(metadata, body)
                if name in self._nodes:
                    yield from self._tell_node(self._nodes[name], at)

    def _service(self, metadata: Meta, body: AnyService | None, at: float) -> Iterator[Observation]:
        place = place_of(metadata)
        services = self._known.services
        before = services.get(place)
        if isinstance(before, LiveService) and isinstance(body, LiveInferenceService):
            return  # two of one name cannot be told apart by what belongs to them
        self._groups.changed(place[0])
        if before is not None and (body is None or before.metadata.uid != metadata.uid):
            if body is None and before.metadata.uid != metadata.uid:
                return
            # Another one may come by this name: what was told of the first goes with it.
            self._known.forget_children(place)
            self._known.drop(place)
            told = self._known.told_of(before)
            if told is not None:
                yield from self._known.gone(told.ref, at)
            before = None
        if body is None:
            return
        self._known.put(place, body)
        self._dirty_services[place] = None
        if before is None or _is_split(before) != _is_split(body):
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

    def _rollout(self, metadata: Meta, body: ArgoRollout | None) -> None:
        place = self._rollouts.take(metadata, body)
        if place == place_of(metadata):
            self._workload(kinds.ROLLOUT, metadata, None if body is None else workload_of(body))
            return
        for owner, children in self._known.workloads.items():
            if place in children:
                self._dirty_services[owner] = None

    def _config(self, metadata: Meta, body: LiveConfig | None) -> None:
        self._configs.take(place_of(metadata), body)
        if self._is_whole:
            self._dirty_services.update(dict.fromkeys(self._known.services))

    def _routing(self, services: set[Place]) -> None:
        for place in services & self._known.services.keys():
            self._dirty_services[place] = None
        if len(services) > 1:  # requests of one alone are shared with nobody
            for namespace in {place[0] for place in services}:
                self._groups.changed(namespace)

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
        if isinstance(self._known.services.get(owner), LiveInferenceService):
            self._dirty_services[owner] = None  # its pods are all that says how many serve
        if body is None and (before is None or before.metadata.uid != metadata.uid):
            return
        if before is not None:
            self._node_pods.get(before.spec.node_name or "", set()).discard(leader)
            if index == "0" and (body is None or before.metadata.uid != metadata.uid):
                old = reference(self._known.cluster, kinds.POD, before.metadata)
                self._stages.pop(old, None)
                yield from self._known.gone(old, at)
        if body is None:
            self._heard.pulling.pop(metadata.uid or "", None)
            self._leaders.pop(metadata.uid or "", None)
            del parts[index]
            if not parts:
                del pods[leader]
                self._known.service_pods.get(owner, set()).discard(leader)
            return
        parts[index] = body
        self._leaders[metadata.uid or ""] = leader
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
        name = metadata.name
        if body is not None:
            self._nodes[name] = body
            yield from self._tell_node(body, at)
            return
        self._nodes.pop(name, None)
        self._known.nodes.pop(name, None)
        ref = reference(self._known.cluster, kinds.NODE, metadata)
        yield from self._known.gone(ref, at)
        self._dirty_pods.update(dict.fromkeys(self._node_pods.get(name, ())))

    def _tell_node(self, body: LiveNode, at: float) -> Iterator[Observation]:
        name, nodes = body.metadata.name, self._known.nodes
        before = nodes.get(name)
        node = self._priced(node_record(body, cluster=self._known.cluster, at=at))
        offered = self._devices.of_node(name)
        if offered is not None and not node.gpus:
            gpu_type = node.gpu_type or offered.gpu_type
            node = msgspec.structs.replace(node, gpus=offered.gpus, gpu_type=gpu_type)
        nodes[name] = node
        yield from self._known.tell(node)
        if before is None or (before.ready, before.gpu_type) != (node.ready, node.gpu_type):
            self._dirty_pods.update(dict.fromkeys(self._node_pods.get(name, ())))

    def _priced(self, node: Node) -> Node:
        usd = self._node_prices.get(node.ref.name)
        return msgspec.structs.replace(node, opencost_usd_per_hour=usd)

    # What follows

    def _settle(self, at: float) -> Iterator[Observation]:
        """Records of all that may have changed, services first."""
        came, self._came = self._came, {}
        for place in dict.fromkeys((*came, *islice(self._dirty_services, AT_ONCE))):
            self._dirty_services.pop(place, None)
            found = self._known.services.get(place)
            if found is not None:
                yield from self._known.tell(self._told(found, place, at))
        pods, self._dirty_pods = self._dirty_pods, {}
        for leader in pods:
            replica = self._replica(leader, at)
            if replica is not None:
                yield from self._known.tell(replica)
        yield from self._owned.settle(at)
        for place in came:
            yield from self._heard.service_came(place)
        yield from self._groups.settle(at)
        self._dirty_services |= self._groups.take_moved()

    def _told(self, found: AnyService, place: Place, at: float) -> Service:
        """What there is to tell of a service."""
        if isinstance(found, LiveInferenceService):
            leaders = list(self._known.service_pods.get(place, ()))
            replicas = [one for leader in leaders if (one := self._replica(leader, at))]
            record = classic_service(
                found,
                ready=sum(one.phase == "ready" for one in replicas),
                image=self._image(leaders),
                cluster=self._known.cluster,
                at=at,
            )
        else:
            children = self._children(place)
            bare = self._is_whole and not children
            record = effective_service(
                found,
                {role: self._rollouts.carried_out(one) for role, one in children.items()},
                cluster=self._known.cluster,
                at=at,
                merged=self._configs.combined(found) if bare else None,
            )
            record = msgspec.structs.replace(
                record,
                pools=tuple(self._in_steps(pool, children.get(pool.role)) for pool in record.pools),
                applied_configs=self._configs.names_of(found),
                origins=self._configs.origins(found),
            )
        note = self._groups.note(record)
        return msgspec.structs.replace(
            record,
            conditions=(*record.conditions, *self._routes.conditions(place)),
            mirrors_to=self._routes.mirror_of(place),
            notes=(*record.notes, note) if note else record.notes,
        )

    def _in_steps(self, pool: Pool, child: LiveWorkload | None) -> Pool:
        steps = None if child is None else self._rollouts.steps(child)
        return pool if steps is None else msgspec.structs.replace(pool, canary=steps)

    def _image(self, leaders: Sequence[Place]) -> str:
        """What the pods of a service run, as far as they agree on it."""
        mains = (main_container(self._known.pods[one]["0"]) for one in leaders)
        images = {main.image for main in mains if main is not None and main.image}
        return images.pop() if len(images) == 1 else ""

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
        pods = [parts[index] for index in sorted(parts, key=_number)]
        return replica_record(
            pods,
            cluster=self._known.cluster,
            service=self._known.key(owner),
            role=role,
            nodes=self._known.nodes,
            pulling=self._heard.pulling,
            devices=self._devices.of_pods(pods),
            claimed=self._claimed(owner, role),
            logged=self._stages.get(reference(self._known.cluster, kinds.POD, first)),
            at=at,
        )

    def _claimed(self, owner: Place, role: Role) -> int | None:
        """GPUs per replica that a service has by other means than resources of its pods."""
        told = self._known.told_of(self._known.services[owner])
        pools = told.pools if told else ()
        return next((one.gpus_per_replica for one in pools if one.role == role), None)


def _is_split(service: AnyService) -> bool:
    return isinstance(service, LiveService) and service.spec.prefill is not None


def _leader_of(metadata: Meta) -> tuple[Place, str]:
    """The replica a pod is part of, by the name of its leader, and which part it is."""
    namespace = metadata.namespace or ""
    group, index = metadata.label(GROUP_OF), metadata.label(WORKER_INDEX)
    if not group or not index:
        return (namespace, metadata.name), "0"
    return (namespace, f"{group}-{metadata.label(GROUP_INDEX)}"), index


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
