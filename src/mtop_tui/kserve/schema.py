"""The fields mtop uses of KServe's LLMInferenceService, its configs, and Kubernetes nodes.

Everything else in an object is ignored. A field that is absent, or null, is None here: an empty
mapping (`route: {}` means "managed by the controller") stays apart from an absent one.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

GROUP = "serving.kserve.io"
SERVICE_KIND = "LLMInferenceService"
CLASSIC_KIND = "InferenceService"
CONFIG_KIND = "LLMInferenceServiceConfig"
NODE_KIND = "Node"
KSERVE_VERSIONS = (f"{GROUP}/v1alpha1", f"{GROUP}/v1alpha2")
NODE_VERSIONS = ("v1",)
DEFAULT_NAMESPACE = "default"

Quantity = int | float | str
"""A Kubernetes quantity as written: `1`, `"1"` and `500m` are all legal."""

_INT32_MAX = 2**31 - 1
Count = Annotated[int, msgspec.Meta(ge=0, le=_INT32_MAX)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=_INT32_MAX)]
PERCENT = "^[0-9]+%$"
Size = Count | Annotated[str, msgspec.Meta(pattern=PERCENT)]
Weight = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Read(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Base of what is read: camelCase outside, snake_case inside.

    What was decoded has no cycles, and a large cluster has millions of parts: the collector leaves
    them alone.
    """


class Metadata(Read, frozen=True, kw_only=True):
    """Object metadata. `creation_timestamp` is RFC 3339 text."""

    name: str
    namespace: str | None = None
    uid: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    creation_timestamp: str | None = None
    generation: int | None = None


class EnvVar(Read, frozen=True, kw_only=True):
    """One environment variable; `value` is None when it comes from elsewhere."""

    name: str
    value: str | None = None


class Resources(Read, frozen=True, kw_only=True):
    """What a container asks for."""

    limits: dict[str, Quantity] | None = None
    requests: dict[str, Quantity] | None = None


class Container(Read, frozen=True, kw_only=True):
    """One container; the one that serves the model is called `main`."""

    name: str
    image: str | None = None
    args: list[str] | None = None
    env: list[EnvVar] | None = None
    resources: Resources | None = None


class NodeExpression(Read, frozen=True, kw_only=True):
    """One requirement on a node's labels."""

    key: str
    operator: str
    values: list[str] | None = None


class NodeTerm(Read, frozen=True, kw_only=True):
    """Requirements that must all hold."""

    match_expressions: list[NodeExpression] | None = None


class RequiredNodes(Read, frozen=True, kw_only=True):
    """Terms of which one must hold."""

    node_selector_terms: list[NodeTerm] | None = None


class NodeAffinity(Read, frozen=True, kw_only=True):
    """Which nodes may run a pod. The wire name is Kubernetes' own."""

    required: RequiredNodes | None = msgspec.field(
        default=None, name="requiredDuringSchedulingIgnoredDuringExecution"
    )


class Affinity(Read, frozen=True, kw_only=True):
    """Scheduling affinity; only that towards nodes matters here."""

    node_affinity: NodeAffinity | None = None


class PodSpec(Read, frozen=True, kw_only=True):
    """The pod a workload is made of."""

    containers: list[Container] | None = None
    node_selector: dict[str, str] | None = None
    affinity: Affinity | None = None


class Parallelism(Read, frozen=True, kw_only=True):
    """How one replica is spread: over GPUs (tensor), nodes (pipeline) or engines (data)."""

    tensor: Positive | None = None
    pipeline: Positive | None = None
    data: Positive | None = None
    data_local: Positive | None = None
    expert: bool | None = None


class Scaling(Read, frozen=True, kw_only=True):
    """Bounds of the autoscaler; exactly one of `wva` and `keda` drives it."""

    min_replicas: Positive | None = None
    max_replicas: Positive | None = None
    wva: dict[str, Any] | None = None
    keda: dict[str, Any] | None = None


class RolloutStrategy(Read, frozen=True, kw_only=True):
    """Bounds of rolling updates: so many replicas, or a share such as "25%"."""

    max_surge: Size | None = None
    max_unavailable: Size | None = None


class Workload(Read, frozen=True, kw_only=True):
    """One pool: `worker` present means that a replica spans several nodes."""

    replicas: Count | None = None
    scaling: Scaling | None = None
    parallelism: Parallelism | None = None
    rollout_strategy: RolloutStrategy | None = None
    template: PodSpec | None = None
    worker: PodSpec | None = None


class Adapter(Read, frozen=True, kw_only=True):
    """One LoRA adapter."""

    name: str | None = None
    uri: str | None = None


class Lora(Read, frozen=True, kw_only=True):
    """LoRA adapters served beside the base model."""

    adapters: list[Adapter] | None = None


class Model(Read, frozen=True, kw_only=True):
    """What is served; the name defaults to the service's."""

    uri: str | None = None
    name: str | None = None
    lora: Lora | None = None


class Reference(Read, frozen=True, kw_only=True):
    """A reference by name."""

    name: str


class Route(Read, frozen=True, kw_only=True):
    """The service's route and its share of a route group."""

    group: str | None = None
    weight: Weight | None = None


class Router(Read, frozen=True, kw_only=True):
    """Routing; what is an empty mapping is managed by the controller."""

    route: Route | None = None
    gateway: dict[str, Any] | None = None
    scheduler: dict[str, Any] | None = None


class ServiceSpec(Workload, frozen=True, kw_only=True):
    """A service, or the part of one that a config states. It is its own main (decode) pool."""

    model: Model | None = None
    base_refs: list[Reference] | None = None
    annotations: dict[str, str] | None = None
    prefill: Workload | None = None
    router: Router | None = None


class StatusCondition(Read, frozen=True, kw_only=True):
    """One condition as Kubernetes reports it."""

    type: str
    status: str
    reason: str | None = None
    message: str | None = None
    severity: str | None = None
    last_transition_time: str | None = None


class WorkloadStatus(Read, frozen=True, kw_only=True):
    """How many replicas of a pool serve; groups, not pods, when they span nodes."""

    ready_replicas: Count | None = None


class WorkloadsStatus(Read, frozen=True, kw_only=True):
    """The pools as the controller sees them; v1alpha2 only."""

    primary: WorkloadStatus | None = None
    prefill: WorkloadStatus | None = None


class ServiceStatus(Read, frozen=True, kw_only=True):
    """Status of a service, either version."""

    observed_generation: int | None = None
    conditions: list[StatusCondition] | None = None
    workloads: WorkloadsStatus | None = None


class LLMInferenceService(Read, frozen=True, kw_only=True):
    """One service as its owner wrote it: unmerged."""

    metadata: Metadata
    spec: ServiceSpec
    status: ServiceStatus | None = None


class LLMInferenceServiceConfig(Read, frozen=True, kw_only=True):
    """A preset or team config: part of a spec. Values that hold a Go template are left out."""

    metadata: Metadata
    spec: ServiceSpec


class NodeStatus(Read, frozen=True, kw_only=True):
    """What a node has and how it fares."""

    capacity: dict[str, Quantity] | None = None
    allocatable: dict[str, Quantity] | None = None
    conditions: list[StatusCondition] | None = None


class ClusterNode(Read, frozen=True, kw_only=True):
    """One Kubernetes node."""

    metadata: Metadata
    status: NodeStatus | None = None
