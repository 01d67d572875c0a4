"""Events: which are about the fleet, and which come before what they are about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mtop_tui.observations import KubeEvent, ObjectRef, RouteGroup
from mtop_tui.providers.live import kinds
from mtop_tui.providers.live.objects.known import Known
from mtop_tui.providers.live.objects.names import Place

EARLY_EVENTS: Final = 2_000
"""Events about objects nobody knows yet that are kept at most."""

_PULL_ENDS = frozenset({"Pulled", "Failed", "Created", "Started"})


class Heard:
    """Holds Events back until what they are about is known.

    Attributes:
        pulling: since when the image of a pod is pulled, by the pod's uid; no pod says so itself.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._held: dict[str, KubeEvent] | None = {}
        self._early: dict[str, KubeEvent] = {}
        self.pulling: dict[str, float] = {}

    def note_pull(self, event: KubeEvent) -> Place | None:
        """Take from an Event whether an image is pulled; the pod of which that is news."""
        uid = event.involved.uid
        if event.involved.kind != kinds.POD or not uid:
            return None
        if event.reason == "Pulling":
            self.pulling[uid] = event.at
        elif event.reason in _PULL_ENDS:
            self.pulling.pop(uid, None)
        else:
            return None
        return event.involved.namespace, event.involved.name

    def take(self, event: KubeEvent) -> Iterator[KubeEvent]:
        """An Event, if it is about the fleet; one that came early waits for its service."""
        if self._held is not None:
            self._held[event.ref.uid] = event
        elif self._is_ours(event.involved):
            yield event
        else:
            self._early[event.ref.uid] = event
            if len(self._early) > EARLY_EVENTS:
                del self._early[next(iter(self._early))]

    def release(self) -> Iterator[KubeEvent]:
        """Events of before, oldest first, once all else is there."""
        held, self._held = self._held, None
        for event in sorted((held or {}).values(), key=lambda one: one.at):
            yield from self.take(event)

    def service_came(self, place: Place) -> Iterator[KubeEvent]:
        """Events about a service, or its children, that came before it."""
        for uid, event in list(self._early.items()):
            if _is_about(event.involved, place):
                del self._early[uid]
                yield event

    def _is_ours(self, involved: ObjectRef) -> bool:
        """Whether an object is a node, a service, or by its name a child of one."""
        if involved.kind == kinds.NODE:
            return involved.name in self._known.nodes
        namespace, name = involved.namespace, involved.name
        # Children are named after their service: try what the name begins with.
        while name:
            if (namespace, name) in self._known.services:
                return True
            name = name.rpartition("-")[0]
        return any(
            isinstance(told, RouteGroup)
            and told.ref.namespace == namespace
            and involved.name.startswith(told.ref.name)
            for told in self._known.told.values()
        )


def _is_about(involved: ObjectRef, place: Place) -> bool:
    namespace, name = place
    return involved.namespace == namespace and (
        involved.name == name or involved.name.startswith(f"{name}-")
    )
