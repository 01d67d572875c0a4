"""What is known of one cluster, as its objects have it and as it was last told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from mtop_tui.observations import (
    Autoscaler,
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
from mtop_tui.providers.live.objects.names import Place, is_prefill, role_of
from mtop_tui.providers.live.objects.schema import LiveService, LiveWorkload, Meta, Pod
from mtop_tui.providers.live.objects.schema_serving import LiveInferenceService

AnyService = LiveService | LiveInferenceService
Told = Service | Replica | Revision | RouteGroup | Node | Autoscaler


class Known:
    """Objects by where they are, and the last record of each.

    Args:
        cluster: as records name it.

    Attributes:
        services: by namespace and name.
        workloads: Deployments, Rollouts and LeaderWorkerSets of engines, by service.
        set_owner: the service of a LeaderWorkerSet.
        pods: of each replica by their number in it, by the place of the first.
        service_pods: places of the replicas of a service.
        nodes: by name.
        told: records by what they are about.
    """

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster
        self.services: dict[Place, AnyService] = {}
        self._of_namespace: dict[str, dict[Place, AnyService]] = {}
        self.workloads: dict[Place, dict[Place, LiveWorkload]] = {}
        self.set_owner: dict[Place, Place] = {}
        self.pods: dict[Place, dict[str, Pod]] = {}
        self.service_pods: dict[Place, set[Place]] = {}
        self.nodes: dict[str, Node] = {}
        self.told: dict[ObjectRef, Told] = {}

    def put(self, place: Place, service: AnyService) -> None:
        """A service is there, as it is."""
        self.services[place] = service
        self._of_namespace.setdefault(place[0], {})[place] = service

    def drop(self, place: Place) -> None:
        """A service is there no more."""
        del self.services[place], self._of_namespace[place[0]][place]

    def services_of(self, namespace: str) -> Iterable[AnyService]:
        """The services of a namespace."""
        return self._of_namespace.get(namespace, {}).values()

    def key(self, place: Place) -> ServiceKey:
        """The key of a service."""
        return ServiceKey(self.cluster, *place)

    def is_split(self, place: Place) -> bool:
        """Whether a service prefills and decodes apart."""
        service = self.services.get(place)
        if isinstance(service, LiveService) and service.spec.prefill is not None:
            return True
        return any(is_prefill(one.metadata) for one in self.workloads.get(place, {}).values())

    def role(self, metadata: Meta, owner: Place) -> Role:
        """The pool that an object of a service belongs to."""
        return role_of(metadata, split=self.is_split(owner))

    def tell(self, record: Told) -> Iterator[Observation]:
        """A record, unless it says what was told before."""
        before = self.told.get(record.ref)
        if before is not None and msgspec.structs.replace(before, at=record.at) == record:
            return
        self.told[record.ref] = record
        yield record

    def gone(self, ref: ObjectRef, at: float) -> Iterator[Observation]:
        """That an object is gone, if it was ever told of."""
        if self.told.pop(ref, None) is not None:
            yield Removed(at=at, ref=ref)

    def forget_children(self, place: Place) -> None:
        """Forget what was told of the children of a service: who was told forgets it too."""
        key = self.key(place)
        for ref in [ref for ref, one in self.told.items() if getattr(one, "service", None) == key]:
            del self.told[ref]

    def told_of(self, service: AnyService) -> Service | None:
        """What was last told of a service."""
        kind = kinds.SERVICE if isinstance(service, LiveService) else kinds.CLASSIC
        metadata = service.metadata
        told = self.told.get(
            ObjectRef(
                self.cluster, metadata.namespace or "", kind, metadata.name, metadata.uid or ""
            )
        )
        return told if isinstance(told, Service) else None
