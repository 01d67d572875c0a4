"""What a user wants done, and what of a cluster has to be known for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from mtop_tui.observations import ObjectRef, Role, ServiceKey

Verb = Literal[
    "scale",
    "restart",
    "weight",
    "promote",
    "abort",
    "stop",
    "start",
    "delete",
    "pause",
    "resume",
    "undo",
]

Body = Mapping[str, Any]
"""An object as the API server has it."""

Part = Literal["workloads", "pods", "autoscalers", "members", "rollouts", "revisions"]
"""What may stand around a service."""

PARTS: Final[Mapping[Verb, frozenset[Part]]] = MappingProxyType(
    {
        "scale": frozenset({"workloads", "pods", "autoscalers"}),
        "restart": frozenset({"workloads", "pods"}),
        "weight": frozenset({"members"}),
        "promote": frozenset({"members", "rollouts", "workloads"}),
        "abort": frozenset({"members", "rollouts", "workloads"}),
        "stop": frozenset({"workloads", "pods", "members"}),
        "start": frozenset({"workloads", "pods"}),
        "delete": frozenset({"workloads", "pods"}),
        "pause": frozenset({"rollouts", "workloads"}),
        "resume": frozenset({"rollouts", "workloads"}),
        "undo": frozenset({"rollouts", "workloads", "revisions"}),
    }
)
"""What has to be read beside the service, to plan an action and to see what becomes of it."""


class Intent(msgspec.Struct, frozen=True):
    """What shall be done to a service.

    Attributes:
        verb: what.
        service: to which.
        role: to which pool; None: to the main one, or to all where it makes no difference.
        number: replicas of "scale", weight of "weight".
        pod: to "delete".
    """

    verb: Verb
    service: ServiceKey
    role: Role | None = None
    number: int | None = None
    pod: ObjectRef | None = None


class Scene(msgspec.Struct, frozen=True):
    """A service and what stands around it, as far as it was asked for; each as it is now.

    Attributes:
        service: itself.
        members: the other services of its namespace that may share its route.
        workloads: Deployments and LeaderWorkerSets that run its engines.
        pods: that run its engines.
        autoscalers: of its workloads.
        rollouts: Argo Rollouts of its namespace.
        revisions: ReplicaSets of its namespace that Argo Rollouts made.
        unread: what could not be read, and why.
    """

    service: Body
    members: tuple[Body, ...] = ()
    workloads: tuple[Body, ...] = ()
    pods: tuple[Body, ...] = ()
    autoscalers: tuple[Body, ...] = ()
    rollouts: tuple[Body, ...] = ()
    revisions: tuple[Body, ...] = ()
    unread: tuple[str, ...] = ()
