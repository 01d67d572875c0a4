"""Pods of endpoint pickers, which are no replicas and of which no record tells."""

from __future__ import annotations

from collections.abc import Iterator

from mtop_tui.observations import ObjectRef, ServiceKey
from mtop_tui.providers.live.objects.names import Place

Picker = tuple[ObjectRef, ServiceKey]
"""A pod, and the service whose requests it routes."""


class PickerPods:
    """The endpoint pickers that run in a cluster; `revision` rises with every change."""

    def __init__(self) -> None:
        self._found: dict[Place, Picker] = {}
        self.revision = 0

    def __iter__(self) -> Iterator[Picker]:
        return iter(self._found.values())

    def at(self, namespace: str, name: str) -> Picker | None:
        """The one of this name."""
        return self._found.get((namespace, name))

    def put(self, ref: ObjectRef, service: ServiceKey) -> None:
        """Learn that a pod routes requests of a service."""
        place = ref.namespace, ref.name
        if self._found.get(place) != (ref, service):
            self._found[place] = ref, service
            self.revision += 1

    def drop(self, ref: ObjectRef) -> None:
        """Learn that a pod does not, or no more."""
        known = self._found.get((ref.namespace, ref.name))
        if known is not None and known[0] == ref:
            del self._found[ref.namespace, ref.name]
            self.revision += 1
