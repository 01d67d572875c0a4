"""Which pods there are, and whose they are: what series and pages are told apart by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mtop_tui.domain.slo.objectives import ANNOTATION
from mtop_tui.kserve.schema import CLASSIC_KIND
from mtop_tui.observations import (
    ObjectRef,
    Observation,
    Pool,
    Removed,
    Replica,
    Service,
    ServiceKey,
)
from mtop_tui.providers.live.metrics.scrape import Target
from mtop_tui.providers.live.objects.names import Place
from mtop_tui.providers.live.objects.pickers import PickerPods

PICKER_PORT = 9090
"""Where KServe has endpoint pickers show their metrics."""


class KnownPods:
    """Pods of engines and of endpoint pickers, as records tell of them.

    Args:
        pickers: pods of endpoint pickers, as they are known at each time.
    """

    def __init__(self, pickers: PickerPods | None = None) -> None:
        self._pickers = PickerPods() if pickers is None else pickers
        self._pickers_seen = 0
        self._services: dict[ServiceKey, Service] = {}
        self._replicas: dict[ObjectRef, Replica] = {}
        self._replica_at: dict[Place, Replica] = {}
        self._seen: set[ServiceKey] = set()

    def __len__(self) -> int:
        return len(self._replicas)

    def note(self, records: Iterable[Observation]) -> bool:
        """Learn from records; whether there are others now whose pages can be read."""
        changed = False
        for record in records:
            if type(record) is Service:
                self._services[record.key] = record
            elif type(record) is Replica:
                before = self._replicas.get(record.ref)
                self._replicas[record.ref] = record
                self._replica_at[record.ref.namespace, record.ref.name] = record
                self._seen.add(record.service)
                changed = changed or before is None or before.phase != record.phase
            elif type(record) is Removed:
                changed = self._forget(record.ref) or changed
        seen, self._pickers_seen = self._pickers_seen, self._pickers.revision
        return changed or seen != self._pickers_seen

    def owner(self, namespace: str, pod: str) -> tuple[ObjectRef, ServiceKey] | None:
        """What a pod is called in records, and its service; None if it is not known."""
        found = self._replica_at.get((namespace, pod))
        if found is not None:
            return found.ref, found.service
        return self._pickers.at(namespace, pod)

    def are_known(self, service: ServiceKey) -> bool:
        """Whether pods of a service can be told apart: some are or were known."""
        return service in self._seen

    def is_promised(self, service: ServiceKey) -> bool:
        """Whether its owner states an objective of it."""
        found = self._services.get(service)
        return found is not None and ANNOTATION in found.annotations

    def pools_of(self, service: ServiceKey) -> tuple[Pool, ...]:
        """The pools of a service, as far as they are known."""
        found = self._services.get(service)
        return () if found is None else found.pools

    def engines(self) -> Iterator[Target]:
        """The pods that serve; what classic services run, and on which port, nobody knows."""
        return (
            Target(one.ref, one.service)
            for one in self._replicas.values()
            if _serves(one) and not self._is_classic(one.service)
        )

    def pickers(self) -> Iterator[Target]:
        """The pods that choose among them."""
        return (Target(ref, key, PICKER_PORT, "http") for ref, key in self._pickers)

    def _is_classic(self, key: ServiceKey) -> bool:
        service = self._services.get(key)
        return service is not None and service.ref.kind == CLASSIC_KIND

    def _forget(self, ref: ObjectRef) -> bool:
        service = ServiceKey(ref.cluster, ref.namespace, ref.name)
        if (known := self._services.get(service)) is not None and known.ref == ref:
            del self._services[service]
        if self._replicas.pop(ref, None) is None:
            return False
        self._replica_at.pop((ref.namespace, ref.name), None)
        return True


def _serves(replica: Replica) -> bool:
    return replica.phase == "ready"
