"""Revisions and autoscalers: what belongs to a service and is told once that is known."""

from __future__ import annotations

from collections.abc import Iterator

from mtop_tui.observations import Autoscaler, Observation, Replica, Revision, Role
from mtop_tui.providers.live import kinds
from mtop_tui.providers.live.objects.known import Known
from mtop_tui.providers.live.objects.names import (
    GROUP_HASH,
    GROUP_OF,
    Place,
    is_engine,
    is_prefill,
    place_of,
    service_of,
)
from mtop_tui.providers.live.objects.schema import (
    ControllerRevision,
    LiveWorkload,
    Meta,
    Pod,
    Scaler,
)
from mtop_tui.providers.live.objects.services import (
    autoscaler_record,
    group_revision_record,
    reference,
    revision_record,
)

Which = tuple[str, Place]
"""Kind, and where it is."""

Child = LiveWorkload | Scaler


class Owned:
    """ReplicaSets, revisions of LeaderWorkerSets, and autoscalers."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._children: dict[Which, Child] = {}
        self._of_service: dict[Place, dict[Which, None]] = {}
        self._of_set: dict[Place, dict[str, ControllerRevision]] = {}
        self._dirty: dict[Which, None] = {}
        self._dirty_sets: dict[Place, None] = {}

    def change(
        self, kind: str, metadata: Meta, body: Child | None, at: float
    ) -> Iterator[Observation]:
        """A ReplicaSet or an autoscaler is as it is now, or gone."""
        if not is_engine(metadata) and kind == kinds.REPLICA_SET:
            return
        which, owner = (kind, place_of(metadata)), service_of(metadata)
        if body is None:
            self._children.pop(which, None)
            self._of_service.get(owner, {}).pop(which, None)
            yield from self._known.gone(reference(self._known.cluster, kind, metadata), at)
            return
        self._children[which] = body
        self._of_service.setdefault(owner, {})[which] = None
        self._dirty[which] = None
        above = _scaled_object_above(kind, metadata)
        if above is not None:
            self._dirty[above] = None

    def group_revision(
        self, metadata: Meta, body: ControllerRevision | None, at: float
    ) -> Iterator[Observation]:
        """A revision of a LeaderWorkerSet is as it is now, or gone."""
        of = metadata.namespace or "", metadata.label(GROUP_OF)
        revisions = self._of_set.setdefault(of, {})
        if body is None:
            revisions.pop(metadata.name, None)
            ref = reference(self._known.cluster, kinds.CONTROLLER_REVISION, metadata)
            yield from self._known.gone(ref, at)
            return
        revisions[metadata.name] = body
        self._dirty_sets[of] = None

    def service_changed(self, place: Place) -> None:
        """A service came, or is put together in another way: so may be what it owns."""
        self._dirty.update(self._of_service.get(place, {}))
        for workload in self._known.workloads.get(place, {}):
            self._dirty_sets[workload] = None

    def set_changed(self, place: Place) -> None:
        """A LeaderWorkerSet or its pods changed: its revisions are counted again."""
        self._dirty_sets[place] = None

    def settle(self, at: float) -> Iterator[Observation]:
        """Records of what may have changed and belongs to a service that is known."""
        dirty, self._dirty = self._dirty, {}
        for which in dirty:
            body = self._children.get(which)
            if body is None or service_of(body.metadata) not in self._known.services:
                continue
            if isinstance(body, Scaler):
                # KEDA works through an autoscaler of its own, which is not another one.
                if _scaled_object_above(which[0], body.metadata) is None:
                    yield from self._known.tell(self._autoscaler(which[0], body, at))
            else:
                yield from self._known.tell(self._revision(body, at))
        sets, self._dirty_sets = self._dirty_sets, {}
        for place in sets:
            for revision in self._of_set.get(place, {}).values():
                record = self._counted(revision, at)
                if record is not None:
                    yield from self._known.tell(record)

    def _revision(self, body: LiveWorkload, at: float) -> Revision:
        owner = service_of(body.metadata)
        return revision_record(
            body,
            cluster=self._known.cluster,
            service=self._known.key(owner),
            role=self._known.role(body.metadata, owner),
            at=at,
        )

    def _autoscaler(self, kind: str, body: Scaler, at: float) -> Autoscaler:
        owner = service_of(body.metadata)
        target = owner[0], body.spec.scale_target_ref.name
        scaled = self._known.workloads.get(owner, {}).get(target)
        prefill = is_prefill(scaled.metadata) if scaled else target[1].endswith("-prefill")
        role: Role = "prefill" if prefill else "decode" if self._known.is_split(owner) else "main"
        return autoscaler_record(
            body,
            self._behind(kind, body.metadata, owner),
            cluster=self._known.cluster,
            kind=kind,
            service=self._known.key(owner),
            role=role,
            at=at,
        )

    def _behind(self, kind: str, metadata: Meta, owner: Place) -> Scaler | None:
        """The autoscaler that KEDA made for a ScaledObject."""
        for which in self._of_service.get(owner, {}):
            body = self._children[which]
            above = _scaled_object_above(which[0], body.metadata)
            if isinstance(body, Scaler) and above == (kind, place_of(metadata)):
                return body
        return None

    def _counted(self, found: ControllerRevision, at: float) -> Revision | None:
        """A revision with its replicas, which nothing else counts."""
        known, label = self._known, found.metadata.label
        place = found.metadata.namespace or "", label(GROUP_OF)
        owner = known.set_owner.get(place)
        if owner is None or owner not in known.services:
            return None
        leaders: list[tuple[Pod, bool]] = []
        for one in known.service_pods.get(owner, ()):
            leader = known.pods.get(one, {}).get("0")
            if leader is None or leader.metadata.label(GROUP_HASH) != label(GROUP_HASH):
                continue
            if leader.metadata.label(GROUP_OF) == label(GROUP_OF):
                told = known.told.get(reference(known.cluster, kinds.POD, leader.metadata))
                leaders.append((leader, isinstance(told, Replica) and told.phase == "ready"))
        workload = known.workloads.get(owner, {}).get(place)
        return group_revision_record(
            found,
            leaders,
            cluster=known.cluster,
            service=known.key(owner),
            role=known.role(workload.metadata if workload else found.metadata, owner),
            at=at,
        )


def _scaled_object_above(kind: str, metadata: Meta) -> Which | None:
    """The ScaledObject that a HorizontalPodAutoscaler works for."""
    if kind != kinds.HPA:
        return None
    for one in metadata.owner_references or ():
        if one.kind == kinds.SCALED_OBJECT:
            return kinds.SCALED_OBJECT, (metadata.namespace or "", one.name)
    return None
