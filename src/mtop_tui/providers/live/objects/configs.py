"""Configs that went into services: what each states, and what a service will be by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from mtop_tui.kserve.merge import PRESET_NAMESPACE, PRESET_PREFIX, Combined, combine
from mtop_tui.kserve.origins import Stated, origins, stated
from mtop_tui.kserve.schema import ServiceSpec
from mtop_tui.kserve.templates import without_templates
from mtop_tui.providers.live.objects.names import Place
from mtop_tui.providers.live.objects.schema import LiveService, LiveServiceStatus
from mtop_tui.providers.live.objects.schema_serving import LiveConfig

_PRESETS: Final = f"{PRESET_PREFIX}config-llm-"


class Configs:
    """The configs of a cluster, as far as they may be read."""

    def __init__(self) -> None:
        self._bodies: dict[Place, LiveConfig] = {}
        self._stated: dict[Place, Stated] = {}
        self._homes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self._bodies)

    def take(self, place: Place, body: LiveConfig | None) -> None:
        """A config is as it is now, or gone."""
        self._bodies.pop(place, None)
        self._stated.pop(place, None)
        if body is not None:
            self._bodies[place] = body
        # Presets are in the namespace of the controller, which is not called the same everywhere.
        homes = (namespace for namespace, name in self._bodies if name.startswith(_PRESETS))
        self._homes = tuple(dict.fromkeys(homes))

    def names_of(self, service: LiveService) -> tuple[str, ...]:
        """The configs that went into a service, lowest precedence first."""
        return tuple(name for _, name in self._applied(service))

    def origins(self, service: LiveService) -> dict[str, str]:
        """Which of its configs states what of a service."""
        if not self._bodies:
            return {}
        layers = [(place[1], self._states(place)) for place in self._applied(service)]
        return origins(stated(service.spec), layers)

    def combined(self, service: LiveService) -> Combined | None:
        """A service with its configs merged in; None where they are not all known."""
        if not self._bodies:
            return None
        metadata, status = service.metadata, service.status or LiveServiceStatus()
        body = {
            "metadata": {
                "name": metadata.name,
                "namespace": metadata.namespace,
                "annotations": metadata.annotations,
            },
            "spec": msgspec.to_builtins(service.spec),
            "status": {"annotations": status.annotations},
        }
        found = combine(body, self._find)
        return found if found.complete else None

    def _applied(self, service: LiveService) -> Iterator[Place]:
        """As the controller says; before v0.19 it does not, so what the service refers to."""
        if not _is_combined(service):
            return
        namespace = service.metadata.namespace or ""
        applied = (service.status.applied_configs if service.status else None) or ()
        if applied:
            for one in applied:
                yield one.namespace or namespace, one.name
            return
        for reference in service.spec.base_refs or ():
            own = namespace, reference.name
            home = next(((at, own[1]) for at in self._homes if (at, own[1]) in self._bodies), own)
            yield own if own in self._bodies else home

    def _states(self, place: Place) -> Stated:
        found = self._stated.get(place)
        body = self._bodies.get(place)
        if found is None:
            found = self._stated[place] = frozenset() if body is None else _stated_by(body.spec)
        return found

    def _find(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        places = [(namespace, name)]
        if namespace == PRESET_NAMESPACE:
            places += [(home, name) for home in self._homes]
        found = next((self._bodies[place] for place in places if place in self._bodies), None)
        return None if found is None else {"spec": found.spec}


def _is_combined(service: LiveService) -> bool:
    """Whether anything but the service itself went into it, as far as its controller says."""
    said = (service.status.conditions if service.status else None) or ()
    return not any(one.type == "PresetsCombined" and one.status == "False" for one in said)


def _stated_by(spec: Mapping[str, Any]) -> Stated:
    try:
        return stated(msgspec.convert(without_templates(spec), ServiceSpec))
    except msgspec.ValidationError:
        return frozenset()
