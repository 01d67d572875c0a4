"""The resources this server has, as discovery lists them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

KSERVE: Final = "serving.kserve.io"
LWS: Final = "leaderworkerset.x-k8s.io"
INFERENCE: Final = "inference.networking.k8s.io"
GATEWAY: Final = "gateway.networking.k8s.io"
KEDA: Final = "keda.sh"

_READ = ("get", "list", "watch")
_ALL = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)
# A genuine server lists the verbs of custom resources in this order.
_CUSTOM = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


class Resource(msgspec.Struct, frozen=True):
    """One resource of one API version.

    Attributes:
        group: empty for the core group.
        version: of the group.
        plural, singular, kind: its names.
        namespaced: whether its objects live in namespaces.
        verbs: that can be done to it.
        short: short names.
        categories: such as "all".
        subresources: names, each with the kind it has and its verbs.
        custom: whether a CustomResourceDefinition made it: bodies, tables and errors differ.
        stored: under which name its objects are kept; those of two versions are the same objects.
    """

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool = True
    verbs: tuple[str, ...] = _ALL
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    custom: bool = False
    stored: str = ""

    @property
    def group_version(self) -> str:
        """As `apiVersion` says it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """Plural and group, as errors name it: "deployments.apps", "pods"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """Kind and group, as errors of validation name it."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def collection(self) -> str:
        """The name its objects are stored under."""
        return self.stored or self.qualified


_STATUS = ("get", "patch", "update")
_SCALE = ("scale", "Scale", _STATUS)


def _status(kind: str) -> tuple[str, str, tuple[str, ...]]:
    return ("status", kind, _STATUS)


_LOG = ("log", "Pod", ("get",))
_POD_PROXY = (
    "proxy",
    "PodProxyOptions",
    ("create", "delete", "get", "patch", "update"),
)
_SERVICE_PROXY = (
    "proxy",
    "ServiceProxyOptions",
    ("create", "delete", "get", "patch", "update"),
)
_EVICTION = ("eviction", "Eviction", ("create",))

_SERVED: Final = (
    Resource("", "v1", "endpoints", "endpoints", "Endpoints", short=("ep",), verbs=_READ),
    Resource("", "v1", "events", "event", "Event", short=("ev",), verbs=_READ),
    Resource("", "v1", "namespaces", "namespace", "Namespace", False, _READ, ("ns",)),
    Resource(
        *("", "v1", "nodes", "node", "Node", False),
        ("get", "list", "patch", "update", "watch"),
        short=("no",),
        subresources=(_status("Node"),),
    ),
    Resource(
        *("", "v1", "pods", "pod", "Pod"),
        verbs=("delete", "deletecollection", "get", "list", "patch", "update", "watch"),
        short=("po",),
        categories=("all",),
        subresources=(_EVICTION, _LOG, _POD_PROXY, _status("Pod")),
    ),
    Resource(
        *("", "v1", "services", "service", "Service"),
        verbs=_READ,
        short=("svc",),
        categories=("all",),
        subresources=(_SERVICE_PROXY, _status("Service")),
    ),
    Resource(
        "apps", "v1", "controllerrevisions", "controllerrevision", "ControllerRevision", True, _READ
    ),
    Resource(
        *("apps", "v1", "deployments", "deployment", "Deployment"),
        verbs=("get", "list", "patch", "update", "watch"),
        short=("deploy",),
        categories=("all",),
        subresources=(_SCALE, _status("Deployment")),
    ),
    Resource(
        *("apps", "v1", "replicasets", "replicaset", "ReplicaSet"),
        verbs=_READ,
        short=("rs",),
        categories=("all",),
        subresources=(("scale", "Scale", ("get",)), _status("ReplicaSet")),
    ),
    Resource(
        *("apps", "v1", "statefulsets", "statefulset", "StatefulSet"),
        verbs=_READ,
        short=("sts",),
        categories=("all",),
        subresources=(_status("StatefulSet"),),
    ),
    Resource(
        *("events.k8s.io", "v1", "events", "event", "Event"),
        verbs=_READ,
        short=("ev",),
        stored="events",
    ),
    Resource(
        "authentication.k8s.io",
        "v1",
        "selfsubjectreviews",
        "selfsubjectreview",
        "SelfSubjectReview",
        False,
        ("create",),
    ),
    Resource(
        "authorization.k8s.io",
        "v1",
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        "SelfSubjectAccessReview",
        False,
        ("create",),
    ),
    Resource(
        "authorization.k8s.io",
        "v1",
        "selfsubjectrulesreviews",
        "selfsubjectrulesreview",
        "SelfSubjectRulesReview",
        False,
        ("create",),
    ),
    *(
        Resource(
            *("autoscaling", version, "horizontalpodautoscalers", "horizontalpodautoscaler"),
            "HorizontalPodAutoscaler",
            verbs=("get", "list", "patch", "update", "watch"),
            short=("hpa",),
            categories=("all",),
            subresources=(_status("HorizontalPodAutoscaler"),),
        )
        for version in ("v2", "v1")
    ),
    Resource(
        "discovery.k8s.io", "v1", "endpointslices", "endpointslice", "EndpointSlice", verbs=_READ
    ),
    *(
        resource
        for version in ("v1alpha2", "v1alpha1")
        for resource in (
            Resource(
                *(KSERVE, version, "llminferenceservices", "llminferenceservice"),
                "LLMInferenceService",
                verbs=_CUSTOM,
                short=("llmisvc",),
                subresources=(_status("LLMInferenceService"),),
                custom=True,
            ),
            Resource(
                *(KSERVE, version, "llminferenceserviceconfigs", "llminferenceserviceconfig"),
                "LLMInferenceServiceConfig",
                verbs=_CUSTOM,
                subresources=(_status("LLMInferenceServiceConfig"),),
                custom=True,
            ),
        )
    ),
    Resource(
        *(LWS, "v1", "leaderworkersets", "leaderworkerset", "LeaderWorkerSet"),
        verbs=("get", "list", "patch", "update", "watch"),
        short=("lws",),
        subresources=(_SCALE, _status("LeaderWorkerSet")),
        custom=True,
    ),
    Resource(
        *(INFERENCE, "v1", "inferencepools", "inferencepool", "InferencePool"),
        verbs=_READ,
        short=("infpool",),
        subresources=(_status("InferencePool"),),
        custom=True,
    ),
    Resource(
        *(GATEWAY, "v1", "gateways", "gateway", "Gateway"),
        verbs=_READ,
        short=("gtw",),
        categories=("gateway-api",),
        subresources=(_status("Gateway"),),
        custom=True,
    ),
    Resource(
        *(GATEWAY, "v1", "httproutes", "httproute", "HTTPRoute"),
        verbs=_READ,
        categories=("gateway-api",),
        subresources=(_status("HTTPRoute"),),
        custom=True,
    ),
    Resource(
        *(KEDA, "v1alpha1", "scaledobjects", "scaledobject", "ScaledObject"),
        verbs=_READ,
        short=("so",),
        subresources=(_status("ScaledObject"),),
        custom=True,
    ),
)

# What every cluster has and this one has none of: clients such as k9s ask for them.
_EMPTY: Final = (
    ("", "v1", "ConfigMap", True, "cm"),
    ("", "v1", "PersistentVolumeClaim", True, "pvc"),
    ("", "v1", "PersistentVolume", False, "pv"),
    ("", "v1", "ReplicationController", True, "rc"),
    ("", "v1", "ResourceQuota", True, "quota"),
    ("", "v1", "Secret", True, ""),
    ("", "v1", "ServiceAccount", True, "sa"),
    ("apiregistration.k8s.io", "v1", "APIService", False, ""),
    ("apps", "v1", "DaemonSet", True, "ds"),
    ("batch", "v1", "CronJob", True, "cj"),
    ("batch", "v1", "Job", True, ""),
    ("certificates.k8s.io", "v1", "CertificateSigningRequest", False, "csr"),
    ("networking.k8s.io", "v1", "Ingress", True, "ing"),
    ("networking.k8s.io", "v1", "NetworkPolicy", True, "netpol"),
    ("policy", "v1", "PodDisruptionBudget", True, "pdb"),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", False, ""),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", False, ""),
    ("rbac.authorization.k8s.io", "v1", "Role", True, ""),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", True, ""),
    ("storage.k8s.io", "v1", "StorageClass", False, "sc"),
    ("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", False, ""),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", False, "crd"),
    ("scheduling.k8s.io", "v1", "PriorityClass", False, "pc"),
    ("coordination.k8s.io", "v1", "Lease", True, ""),
    ("node.k8s.io", "v1", "RuntimeClass", False, ""),
    ("resource.k8s.io", "v1", "ResourceClaim", True, ""),
    ("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", False, ""),
)

_GROUPS: Final = (
    *("apiregistration.k8s.io", "apps", "events.k8s.io", "authentication.k8s.io"),
    *("authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io", "networking.k8s.io"),
    *("policy", "rbac.authorization.k8s.io", "storage.k8s.io", "admissionregistration.k8s.io"),
    *("apiextensions.k8s.io", "scheduling.k8s.io", "coordination.k8s.io", "node.k8s.io"),
    *("discovery.k8s.io", "resource.k8s.io", "flowcontrol.apiserver.k8s.io"),
    *(GATEWAY, INFERENCE, KEDA, LWS, KSERVE),
)
"""In the order in which a genuine server lists them: its own, then custom ones by name."""


def _plural(kind: str) -> str:
    lowered = kind.lower()
    if lowered.endswith("y"):
        return f"{lowered[:-1]}ies"
    return f"{lowered}es" if lowered.endswith("ss") else f"{lowered}s"


class Registry:
    """The resources of a cluster, without the groups that are not installed there.

    Args:
        absent: names of groups to leave out.
    """

    def __init__(self, absent: Iterable[str] = ()) -> None:
        self._all = (
            *_SERVED,
            *(
                Resource(
                    *(group, version, _plural(kind), kind.lower(), kind, namespaced, _READ),
                    short=(short,) if short else (),
                )
                for group, version, kind, namespaced, short in _EMPTY
            ),
        )
        self.leave_out(absent)

    def leave_out(self, absent: Iterable[str]) -> None:
        """Have all groups but these."""
        left_out = frozenset(absent)
        self.resources = tuple(one for one in self._all if one.group not in left_out)
        self._named = {(one.group, one.version, one.plural): one for one in self.resources}
        self.groups: dict[str, list[str]] = {
            group: [] for group in ("", *_GROUPS) if group not in left_out
        }
        for one in self.resources:
            versions = self.groups[one.group]
            if one.version not in versions:
                versions.append(one.version)

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource of that name, or None."""
        return self._named.get((group, version, plural))

    def of_version(self, group: str, version: str) -> list[Resource]:
        """All resources of a group's version, by name."""
        found = [one for one in self.resources if (one.group, one.version) == (group, version)]
        # Custom resources are listed in the order of their definitions, the others by name.
        return found if found and found[0].custom else sorted(found, key=lambda one: one.plural)

    def stored(self, group: str, plural: str) -> Resource:
        """The resource in the version its objects are stored in: the first one listed."""
        return next(one for one in self.resources if (one.group, one.plural) == (group, plural))
