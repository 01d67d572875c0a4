"""Which endpoints serve which model, as the records of services and replicas.

Endpoints of one model are the replicas of one service. There is no cluster that would say how many
there should be: as many as were seen. GPUs are not known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mtop_tui.observations import (
    Condition,
    ObjectRef,
    Observation,
    Phase,
    Pool,
    Removed,
    Replica,
    Service,
    ServiceKey,
)
from mtop_tui.text import safe

CLUSTER: Final = "local"
NAMESPACE: Final = "endpoints"
_KIND, _SERVICE_KIND = "Endpoint", "Model"
_LONGEST_NAME = 63
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


def endpoint_ref(shown: str) -> ObjectRef:
    """The identity of an endpoint, by how its address is shown."""
    return ObjectRef(CLUSTER, NAMESPACE, _KIND, safe(shown))


class _Served:
    """A model and its endpoints."""

    def __init__(self, key: ServiceKey, model: str, engine: str, at: float) -> None:
        self.key, self.model, self.engine = key, model, engine
        self.since = at
        self.ready: str = ""
        self.replicas: dict[ObjectRef, Replica] = {}


class Roster:
    """All models that endpoints serve; every change becomes records."""

    def __init__(self) -> None:
        self._by_model: dict[str, _Served] = {}
        self._serving: dict[ObjectRef, _Served] = {}

    def service_of(self, ref: ObjectRef) -> ServiceKey | None:
        """The service whose replica an endpoint is, once it named its model."""
        served = self._serving.get(ref)
        return None if served is None else served.key

    def answered(self, ref: ObjectRef, model: str, engine: str, at: float) -> list[Observation]:
        """An endpoint serves a model; empty when that is known already."""
        records: list[Observation] = []
        served = self._serving.get(ref)
        if served is not None and served.model != model:
            records += self._left(ref, served, at)
            served = None
        if served is None:
            served = self._by_model.get(model)
            if served is None:
                served = _Served(self._key(model), model, engine, at)
                self._by_model[model] = served
            self._serving[ref] = served
        return [*records, *_note(served, ref, at, "ready")]

    def failed(self, ref: ObjectRef, reason: str, message: str, at: float) -> list[Observation]:
        """An endpoint does not answer; empty when it never did, or that is known already."""
        served = self._serving.get(ref)
        return [] if served is None else _note(served, ref, at, "failed", (reason, message))

    def gone(self, ref: ObjectRef, at: float) -> list[Observation]:
        """An endpoint is not looked at any more."""
        served = self._serving.get(ref)
        return [] if served is None else self._left(ref, served, at)

    def _left(self, ref: ObjectRef, served: _Served, at: float) -> list[Observation]:
        del self._serving[ref], served.replicas[ref]
        if served.replicas:
            return [Removed(at=at, ref=ref), _service(served, at)]
        del self._by_model[served.model]
        return [Removed(at=at, ref=ref), Removed(at=at, ref=_service_ref(served))]

    def _key(self, model: str) -> ServiceKey:
        """The short name of a model; with its organisation where another model has that name."""
        taken = {served.key.name for served in self._by_model.values()}
        parts = [part for part in model.split("/") if part] or [model]
        names = [_name("-".join(parts[-count:])) for count in range(1, len(parts) + 1)]
        names += [f"{names[-1]}-{number}" for number in range(2, len(taken) + 3)]
        return ServiceKey(CLUSTER, NAMESPACE, next(name for name in names if name not in taken))


def _note(
    served: _Served, ref: ObjectRef, at: float, phase: Phase, why: tuple[str, str] = ("", "")
) -> list[Observation]:
    """What changes with the phase of a replica; `why` is a reason and a message."""
    known = served.replicas.get(ref)
    if known is not None and (known.phase, known.reason) == (phase, why[0]):
        return []
    served.replicas[ref] = replica = Replica(
        at=at,
        ref=ref,
        service=served.key,
        role="main",
        phase=phase,
        reason=why[0],
        message=why[1],
        since=at,
        nodes=(ref.name.rpartition(":")[0] or ref.name,),
    )
    return [_service(served, at), replica]


def _name(text: str) -> str:
    return _NOT_IN_NAMES.sub("-", text).strip("-")[-_LONGEST_NAME:] or "model"


def _service_ref(served: _Served) -> ObjectRef:
    return ObjectRef(CLUSTER, NAMESPACE, _SERVICE_KIND, served.key.name)


def _service(served: _Served, at: float) -> Service:
    replicas: Sequence[Replica] = list(served.replicas.values())
    ready = sum(one.phase == "ready" for one in replicas)
    failed = next((one for one in replicas if one.phase != "ready"), None)
    now = "True" if ready else "False"
    if now != served.ready:
        served.ready, served.since = now, at
    return Service(
        at=at,
        ref=_service_ref(served),
        model=served.model,
        pools=(Pool(role="main", desired=len(replicas), ready=ready),),
        conditions=(
            Condition(
                "Ready",
                "True" if ready else "False",
                "" if ready or failed is None else failed.reason,
                "" if ready or failed is None else failed.message,
                changed_at=served.since,
            ),
        ),
        notes=(f"engine {served.engine}",),
    )
