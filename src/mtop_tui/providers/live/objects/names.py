"""Which service an object belongs to, and which part of it the object is."""

from __future__ import annotations

from typing import Final

from mtop_tui.observations import Role
from mtop_tui.providers.live.objects.schema import Meta

NAME: Final = "app.kubernetes.io/name"
COMPONENT: Final = "app.kubernetes.io/component"
ROLE: Final = "llm-d.ai/role"
POD_HASH: Final = "pod-template-hash"
GROUP_OF: Final = "leaderworkerset.sigs.k8s.io/name"
GROUP_INDEX: Final = "leaderworkerset.sigs.k8s.io/group-index"
WORKER_INDEX: Final = "leaderworkerset.sigs.k8s.io/worker-index"
GROUP_HASH: Final = "leaderworkerset.sigs.k8s.io/template-revision-hash"
REVISION: Final = "deployment.kubernetes.io/revision"

Place = tuple[str, str]
"""Namespace and name."""


def service_of(metadata: Meta) -> Place:
    """The service an object belongs to; its name is empty where no label says."""
    return metadata.namespace or "", metadata.label(NAME)


def place_of(metadata: Meta) -> Place:
    """Where an object is."""
    return metadata.namespace or "", metadata.name


def is_engine(metadata: Meta) -> bool:
    """Whether an object runs engines, rather than an endpoint picker or a tokenizer."""
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
