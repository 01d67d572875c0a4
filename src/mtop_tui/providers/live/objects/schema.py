"""The fields mtop uses of Kubernetes objects as an API server sends them.

Everything else is passed over while decoding, which is what makes it fast: half of a pod is
`managedFields`. A field that is absent, or null, is None here.
"""

from __future__ import annotations

from mtop_tui.kserve.schema import (
    ClusterNode,
    LLMInferenceService,
    Metadata,
    PodSpec,
    Read,
    Resources,
    ServiceStatus,
    Size,
    StatusCondition,
)


class Owner(Read, frozen=True, kw_only=True):
    """What an object belongs to."""

    kind: str
    name: str
    uid: str = ""
    controller: bool | None = None


class Meta(Metadata, frozen=True, kw_only=True):
    """Metadata of an object that is in an API server."""

    resource_version: str = ""
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: float | None = None
    owner_references: tuple[Owner, ...] | None = None

    def label(self, name: str) -> str:
        """A label; empty where it has none of this name."""
        return (self.labels or {}).get(name, "")


class KubeObject(Read, frozen=True, kw_only=True):
    """Any object, by its metadata alone."""

    metadata: Meta


class AppliedConfig(Read, frozen=True, kw_only=True):
    """A config that went into a service."""

    name: str
    namespace: str | None = None


class LiveServiceStatus(ServiceStatus, frozen=True, kw_only=True):
    """What the controller says of a service, with what it merged into it."""

    applied_configs: list[AppliedConfig] | None = None
    annotations: dict[str, str] | None = None


class LiveService(LLMInferenceService, frozen=True, kw_only=True):
    """One service as an API server has it: unmerged."""

    metadata: Meta
    status: LiveServiceStatus | None = None


class LiveNode(ClusterNode, frozen=True, kw_only=True):
    """One node."""

    metadata: Meta


class Probe(Read, frozen=True, kw_only=True):
    """How the kubelet asks a container whether it has started."""

    initial_delay_seconds: float | None = None
    period_seconds: float | None = None
    failure_threshold: int | None = None


class LiveContainer(Read, frozen=True, kw_only=True):
    """One container of a pod."""

    name: str
    image: str | None = None
    resources: Resources | None = None
    restart_policy: str | None = None
    startup_probe: Probe | None = None


class LivePodSpec(Read, frozen=True, kw_only=True):
    """Where a pod is and what it runs."""

    node_name: str | None = None
    containers: tuple[LiveContainer, ...] | None = None
    init_containers: tuple[LiveContainer, ...] | None = None


class Waiting(Read, frozen=True, kw_only=True):
    """A container that does not run yet, or not now."""

    reason: str | None = None
    message: str | None = None


class Running(Read, frozen=True, kw_only=True):
    """A container that runs."""

    started_at: str | None = None


class Terminated(Read, frozen=True, kw_only=True):
    """A container that ended."""

    exit_code: int | None = None
    reason: str | None = None
    message: str | None = None
    finished_at: str | None = None


class ContainerState(Read, frozen=True, kw_only=True):
    """One of three."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Read, frozen=True, kw_only=True):
    """How a container fares, and how it ended before."""

    name: str
    state: ContainerState | None = None
    last_state: ContainerState | None = None
    ready: bool = False
    restart_count: int = 0
    started: bool | None = None


class PodStatus(Read, frozen=True, kw_only=True):
    """How a pod fares."""

    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    start_time: str | None = None
    conditions: tuple[StatusCondition, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(Read, frozen=True, kw_only=True):
    """One pod."""

    metadata: Meta
    spec: LivePodSpec = LivePodSpec()
    status: PodStatus = PodStatus()


class Template(Read, frozen=True, kw_only=True):
    """What the pods of a workload look like."""

    spec: PodSpec | None = None


class RollingUpdate(Read, frozen=True, kw_only=True):
    """Bounds of a rolling update."""

    max_surge: Size | None = None
    max_unavailable: Size | None = None


class Strategy(Read, frozen=True, kw_only=True):
    """How a Deployment replaces pods."""

    type: str | None = None
    rolling_update: RollingUpdate | None = None


class GroupTemplate(Read, frozen=True, kw_only=True):
    """What the groups of a LeaderWorkerSet look like."""

    size: int | None = None
    leader_template: Template | None = None
    worker_template: Template | None = None


class WorkloadSpec(Read, frozen=True, kw_only=True):
    """A Deployment's, ReplicaSet's or LeaderWorkerSet's."""

    replicas: int | None = None
    template: Template | None = None
    strategy: Strategy | None = None
    leader_worker_template: GroupTemplate | None = None
    paused: bool = False


class WorkloadStatus(Read, frozen=True, kw_only=True):
    """How many of its replicas serve."""

    replicas: int | None = None
    ready_replicas: int | None = None
    conditions: list[StatusCondition] | None = None


class LiveWorkload(Read, frozen=True, kw_only=True):
    """A Deployment, ReplicaSet or LeaderWorkerSet."""

    metadata: Meta
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()


class ControllerRevision(Read, frozen=True, kw_only=True):
    """A revision of a LeaderWorkerSet."""

    metadata: Meta
    revision: int = 0


class ScaleTarget(Read, frozen=True, kw_only=True):
    """What an autoscaler scales."""

    name: str = ""
    kind: str = ""


class ScalerSpec(Read, frozen=True, kw_only=True):
    """Bounds of a HorizontalPodAutoscaler or a ScaledObject."""

    scale_target_ref: ScaleTarget = ScaleTarget()
    min_replicas: int | None = None
    max_replicas: int | None = None
    min_replica_count: int | None = None
    max_replica_count: int | None = None


class ScalerStatus(Read, frozen=True, kw_only=True):
    """What an autoscaler wants and has."""

    current_replicas: int | None = None
    desired_replicas: int | None = None
    conditions: list[StatusCondition] | None = None


class Scaler(Read, frozen=True, kw_only=True):
    """A HorizontalPodAutoscaler or a ScaledObject."""

    metadata: Meta
    spec: ScalerSpec = ScalerSpec()
    status: ScalerStatus = ScalerStatus()


class Involved(Read, frozen=True, kw_only=True):
    """What an Event is about."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class Series(Read, frozen=True, kw_only=True):
    """How often something was said again."""

    count: int | None = None
    last_observed_time: str | None = None


class Event(Read, frozen=True, kw_only=True):
    """One Event of the core API."""

    metadata: Meta
    involved_object: Involved = Involved()
    type: str | None = None
    reason: str | None = None
    message: str | None = None
    count: int | None = None
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    series: Series | None = None
