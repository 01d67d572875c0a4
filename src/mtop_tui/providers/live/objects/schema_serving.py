"""The fields mtop uses of configs, classic InferenceServices, and Argo Rollouts."""

from __future__ import annotations

from typing import Any

import msgspec

from mtop_tui.kserve.schema import Read, Resources, StatusCondition
from mtop_tui.providers.live.objects.schema import LiveContainer, Meta


class LiveConfig(Read, frozen=True, kw_only=True):
    """A config as it is: part of a spec, with Go templates in it."""

    metadata: Meta
    spec: dict[str, Any] = msgspec.field(default_factory=dict)


class ModelSpec(Read, frozen=True, kw_only=True):
    """The model of a predictor."""

    runtime: str | None = None
    storage_uri: str | None = None
    resources: Resources | None = None


class WorkerSpec(Read, frozen=True, kw_only=True):
    """The other nodes of a predictor that spans several."""

    pipeline_parallel_size: int | None = None
    tensor_parallel_size: int | None = None


class Predictor(Read, frozen=True, kw_only=True):
    """What serves; bounds are those of its autoscaler."""

    min_replicas: int | None = None
    max_replicas: int | None = None
    model: ModelSpec | None = None
    containers: list[LiveContainer] | None = None
    worker_spec: WorkerSpec | None = None


class ClassicSpec(Read, frozen=True, kw_only=True):
    """A classic service as its owner wrote it."""

    predictor: Predictor = Predictor()


class FailureInfo(Read, frozen=True, kw_only=True):
    """Why a model could not be loaded."""

    reason: str | None = None
    message: str | None = None


class ModelStatus(Read, frozen=True, kw_only=True):
    """How far the loading of a model is."""

    transition_status: str | None = None
    last_failure_info: FailureInfo | None = None


class ClassicStatus(Read, frozen=True, kw_only=True):
    """What the controller says of a classic service."""

    observed_generation: int | None = None
    conditions: list[StatusCondition] | None = None
    model_status: ModelStatus | None = None


class LiveInferenceService(Read, frozen=True, kw_only=True):
    """A classic InferenceService, serving.kserve.io/v1beta1."""

    metadata: Meta
    spec: ClassicSpec = ClassicSpec()
    status: ClassicStatus = ClassicStatus()


class ArgoRollout(Read, frozen=True, kw_only=True):
    """A Rollout of Argo Rollouts; what it says is read by `domain.rollouts`."""

    metadata: Meta
    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)
