"""Which kinds of objects are read, where they stand, and what mtop shows of each."""

from __future__ import annotations

from typing import Final

import msgspec

from mtop_tui.kserve.schema import CLASSIC_KIND
from mtop_tui.providers.live.objects.schema import (
    ControllerRevision,
    Event,
    LiveNode,
    LiveService,
    LiveWorkload,
    Pod,
    Scaler,
)
from mtop_tui.providers.live.objects.schema_devices import ResourceClaim, ResourceSlice
from mtop_tui.providers.live.objects.schema_network import HTTPRoute, InferencePool
from mtop_tui.providers.live.objects.schema_serving import (
    ArgoRollout,
    LiveConfig,
    LiveInferenceService,
)

PART_OF: Final = "app.kubernetes.io/part-of=llminferenceservice"
GROUPED: Final = "leaderworkerset.sigs.k8s.io/name"
OF_CLASSIC: Final = "serving.kserve.io/inferenceservice"

SERVICE, POD, NODE, EVENT = "LLMInferenceService", "Pod", "Node", "Event"
DEPLOYMENT, REPLICA_SET = "Deployment", "ReplicaSet"
LEADER_WORKER_SET, CONTROLLER_REVISION = "LeaderWorkerSet", "ControllerRevision"
HPA, SCALED_OBJECT = "HorizontalPodAutoscaler", "ScaledObject"
CLASSIC, CONFIG = CLASSIC_KIND, "LLMInferenceServiceConfig"
INFERENCE_POOL, HTTP_ROUTE = "InferencePool", "HTTPRoute"
ROLLOUT = "Rollout"
RESOURCE_CLAIM, RESOURCE_SLICE = "ResourceClaim", "ResourceSlice"


class Kind(msgspec.Struct, frozen=True):
    """One kind of object.

    Attributes:
        name: as objects state it.
        group: empty for the core group.
        versions: of it that mtop reads, best first.
        plural: as paths have it.
        type: what objects are decoded into.
        shows: what mtop knows from it, for who may not read it.
        selector: of labels, so that the server sends only what matters.
        namespaced: whether its objects live in namespaces.
        only_with: name of another kind, without which this one is not read.
    """

    name: str
    group: str
    versions: tuple[str, ...]
    plural: str
    type: type[msgspec.Struct]
    shows: str
    selector: str = ""
    namespaced: bool = True
    only_with: str = ""

    def path(self, version: str, namespace: str = "") -> str:
        """Where its objects stand, of all namespaces or one."""
        root = f"/apis/{self.group}/{version}" if self.group else f"/api/{version}"
        within = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{root}{within}/{self.plural}"

    @property
    def qualified(self) -> str:
        """Plural and group: "deployments.apps", "pods"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


KINDS: Final = (
    Kind(
        SERVICE,
        "serving.kserve.io",
        ("v1alpha2", "v1alpha1"),
        "llminferenceservices",
        LiveService,
        "the services themselves, their conditions and route groups",
    ),
    Kind(
        POD, "", ("v1",), "pods", Pod, "replicas: phase, restarts, last exit, nodes, GPUs", PART_OF
    ),
    Kind(
        DEPLOYMENT,
        "apps",
        ("v1",),
        "deployments",
        LiveWorkload,
        "desired replicas, image and GPUs of a service, as KServe merged them",
        PART_OF,
    ),
    Kind(
        LEADER_WORKER_SET,
        "leaderworkerset.x-k8s.io",
        ("v1",),
        "leaderworkersets",
        LiveWorkload,
        "the same of services whose replicas span nodes",
        PART_OF,
    ),
    Kind(
        NODE,
        "",
        ("v1",),
        "nodes",
        LiveNode,
        "GPU types, prices and idle GPUs",
        namespaced=False,
    ),
    Kind(
        REPLICA_SET, "apps", ("v1",), "replicasets", LiveWorkload, "revisions and rollouts", PART_OF
    ),
    Kind(
        CONTROLLER_REVISION,
        "apps",
        ("v1",),
        "controllerrevisions",
        ControllerRevision,
        "revisions of services whose replicas span nodes",
        GROUPED,
    ),
    Kind(
        HPA,
        "autoscaling",
        ("v2",),
        "horizontalpodautoscalers",
        Scaler,
        "what autoscalers want, and why they cannot",
        PART_OF,
    ),
    Kind(
        SCALED_OBJECT,
        "keda.sh",
        ("v1alpha1",),
        "scaledobjects",
        Scaler,
        "bounds and troubles of KEDA's autoscalers",
        PART_OF,
    ),
    Kind(
        CLASSIC,
        "serving.kserve.io",
        ("v1beta1",),
        "inferenceservices",
        LiveInferenceService,
        "classic InferenceServices as services, with their conditions",
    ),
    Kind(
        POD,
        "",
        ("v1",),
        "pods",
        Pod,
        "replicas of classic InferenceServices",
        OF_CLASSIC,
        only_with=CLASSIC,
    ),
    Kind(
        CONFIG,
        "serving.kserve.io",
        ("v1alpha2", "v1alpha1"),
        "llminferenceserviceconfigs",
        LiveConfig,
        "which config states image, GPUs and replicas; services that have no workload yet",
    ),
    Kind(
        HTTP_ROUTE,
        "gateway.networking.k8s.io",
        ("v1", "v1beta1"),
        "httproutes",
        HTTPRoute,
        "weights as the gateway has them, and why a route is not in force",
    ),
    *(
        Kind(
            INFERENCE_POOL,
            group,
            (version,),
            "inferencepools",
            InferencePool,
            "why a pool is not in force, and to which service a route leads",
        )
        for group, version in (
            ("inference.networking.k8s.io", "v1"),
            ("inference.networking.x-k8s.io", "v1alpha2"),
        )
    ),
    Kind(
        ROLLOUT,
        "argoproj.io",
        ("v1alpha1",),
        "rollouts",
        ArgoRollout,
        "steps, weight and pause of a rollout that Argo Rollouts carries out",
    ),
    Kind(
        RESOURCE_CLAIM,
        "resource.k8s.io",
        ("v1", "v1beta2", "v1beta1"),
        "resourceclaims",
        ResourceClaim,
        "GPUs that are claimed as devices (DRA)",
    ),
    Kind(
        RESOURCE_SLICE,
        "resource.k8s.io",
        ("v1", "v1beta2", "v1beta1"),
        "resourceslices",
        ResourceSlice,
        "what GPUs nodes offer as devices (DRA)",
        namespaced=False,
    ),
    Kind(EVENT, "", ("v1",), "events", Event, "what happened: the Events screen and the why lines"),
)

RIGHTS: Final = tuple(kind for kind in KINDS if not kind.only_with)
"""Kinds by what one has to be allowed: those that others are read by have the same right."""

BY_NAME: Final = {kind.name: kind for kind in reversed(KINDS)}
"""The first kind of each name."""
