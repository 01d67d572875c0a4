"""Which service an object belongs to, and which part of it the object is."""

from __future__ import annotations

from typing import Final

from mtop_tui.observations import Role
from mtop_tui.providers.live.objects.schema import Meta

NAME: Final = "app.kubernetes.io/name"
COMPONENT: Final = "app.kubernetes.io/component"
CLASSIC_NAME: Final = "serving.kserve.io/inferenceservice"
CLASSIC_COMPONENT: Final = "component"
ROLE: Final = "llm-d.ai/role"
POD_HASH: Final = "pod-template-hash"
ARGO_HASH: Final = "rollouts-pod-template-hash"
KNATIVE_REVISION: Final = "serving.knative.dev/revision"
GROUP_OF: Final = "leaderworkerset.sigs.k8s.io/name"
GROUP_INDEX: Final = "leaderworkerset.sigs.k8s.io/group-index"
WORKER_INDEX: Final = "leaderworkerset.sigs.k8s.io/worker-index"
GROUP_HASH: Final = "leaderworkerset.sigs.k8s.io/template-revision-hash"
REVISION: Final = "deployment.kubernetes.io/revision"
ARGO_REVISION: Final = "rollout.argoproj.io/revision"

Place = tuple[str, str]
"""Namespace and name."""


def service_of(metadata: Meta) -> Place:
    """The service an object belongs to; its name is empty where no label says."""
    return metadata.namespace or "", metadata.label(CLASSIC_NAME) or metadata.label(NAME)


def place_of(metadata: Meta) -> Place:
    """Where an object is."""
    return metadata.namespace or "", metadata.name


def is_engine(metadata: Meta) -> bool:
    """Whether an object runs engines, rather than an endpoint picker, a transformer or the like."""
    if metadata.label(CLASSIC_NAME):
        return metadata.label(CLASSIC_COMPONENT) in {"", "predictor"}
    component = metadata.label(COMPONENT)
    return not component or "workload" in component


def is_picker(metadata: Meta) -> bool:
    """Whether an object runs an endpoint picker."""
    return metadata.label(COMPONENT) == "llminferenceservice-router-scheduler"


def is_prefill(metadata: Meta) -> bool:
    """Whether an object belongs to the prefill half of a service."""
    component = metadata.label(COMPONENT)
    return component.endswith("-prefill") or metadata.label(ROLE) == "prefill"


def role_of(metadata: Meta, *, split: bool) -> Role:
    """The pool an object belongs to, of a service that is split into two or not."""
    if is_prefill(metadata):
        return "prefill"
    return "decode" if split or metadata.label(ROLE) == "decode" else "main"


def revision_of(metadata: Meta) -> str:
    """The revision that a pod is of, by the hash or name that its controller labels it with."""
    labels = (POD_HASH, ARGO_HASH, GROUP_HASH, KNATIVE_REVISION)
    return next((found for name in labels if (found := metadata.label(name))), "")
