"""What the domain asks of the records a source emits; those records satisfy it as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class ObjectName(Protocol):
    """What an object is called."""

    @property
    def kind(self) -> str:
        """Its Kubernetes kind."""
        ...

    @property
    def name(self) -> str:
        """Its name within its namespace."""
        ...


class ConditionRecord(Protocol):
    """A Kubernetes status condition."""

    @property
    def type(self) -> str:
        """Its name in the tree of its controller."""
        ...

    @property
    def status(self) -> str:
        """True, False or Unknown."""
        ...

    @property
    def reason(self) -> str:
        """The controller's word for why."""
        ...

    @property
    def message(self) -> str:
        """The controller's sentence for why."""
        ...


class PoolRecord(Protocol):
    """One workload of a service and how many of its replicas are ready."""

    @property
    def role(self) -> str:
        """main, decode or prefill."""
        ...

    @property
    def desired(self) -> int | None:
        """Replicas asked for."""
        ...

    @property
    def ready(self) -> int | None:
        """Replicas that serve."""
        ...


class ReplicaRecord(Protocol):
    """One replica: a pod, or a group of pods over several nodes."""

    @property
    def ref(self) -> ObjectName:
        """Its identity."""
        ...

    @property
    def role(self) -> str:
        """main, decode or prefill."""
        ...

    @property
    def phase(self) -> str:
        """pending, starting, ready, failed or terminating."""
        ...

    @property
    def reason(self) -> str:
        """The scheduler's, kubelet's or engine's word for why."""
        ...

    @property
    def message(self) -> str:
        """Their sentence for why."""
        ...

    @property
    def since(self) -> float | None:
        """When the phase began, Unix seconds."""
        ...

    @property
    def deadline(self) -> float | None:
        """When the start-up probe gives up, Unix seconds."""
        ...

    @property
    def revision(self) -> str:
        """The hash of its revision, or empty."""
        ...

    @property
    def nodes(self) -> tuple[str, ...]:
        """Where it runs."""
        ...

    @property
    def gpus(self) -> int | None:
        """GPUs it holds or asks for."""
        ...

    @property
    def restarts(self) -> int:
        """How often its container was restarted."""
        ...


class EventRecord(Protocol):
    """A Kubernetes event, either API."""

    @property
    def at(self) -> float:
        """When it was last seen, Unix seconds."""
        ...

    @property
    def involved(self) -> ObjectName:
        """The object it is about."""
        ...

    @property
    def reason(self) -> str:
        """Its reason."""
        ...

    @property
    def message(self) -> str:
        """Its message."""
        ...

    @property
    def count(self) -> int:
        """How often it was seen."""
        ...


class AutoscalerRecord(Protocol):
    """The autoscaler of one pool."""

    @property
    def role(self) -> str:
        """main, decode or prefill."""
        ...

    @property
    def minimum(self) -> int | None:
        """Fewest replicas it may ask for."""
        ...

    @property
    def maximum(self) -> int | None:
        """Most replicas it may ask for."""
        ...

    @property
    def desired(self) -> int | None:
        """Replicas it asks for."""
        ...

    @property
    def current(self) -> int | None:
        """Replicas that are there."""
        ...

    @property
    def conditions(self) -> Sequence[ConditionRecord]:
        """Its own conditions."""
        ...
