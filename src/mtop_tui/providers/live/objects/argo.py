"""Rollouts of Argo Rollouts as workloads of services that move requests in steps."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from mtop_tui.domain.rollouts import objects
from mtop_tui.domain.rollouts.platforms import argo_rollout
from mtop_tui.domain.rollouts.revisions import Phase
from mtop_tui.observations import CanarySteps
from mtop_tui.providers.live.objects.names import Place, place_of
from mtop_tui.providers.live.objects.schema import (
    LiveWorkload,
    Meta,
    WorkloadSpec,
    WorkloadStatus,
)
from mtop_tui.providers.live.objects.schema_serving import ArgoRollout

State = Literal["progressing", "paused", "overdue", "aborted", "unseen", "complete"]

_STATES: Final[dict[Phase, State]] = {
    Phase.PAUSED: "paused",
    Phase.OVERDUE: "overdue",
    Phase.ABORTED: "aborted",
    Phase.UNSEEN: "unseen",
    Phase.COMPLETE: "complete",
}


def workload_of(found: ArgoRollout) -> LiveWorkload:
    """What it has in common with a Deployment; fields of wrong types are passed over."""
    try:
        spec = msgspec.convert(
            {name: found.spec.get(name) for name in ("replicas", "template")}, WorkloadSpec
        )
        status = msgspec.convert(found.status, WorkloadStatus)
    except msgspec.ValidationError:
        spec, status = WorkloadSpec(), WorkloadStatus()
    return LiveWorkload(metadata=found.metadata, spec=spec, status=status)


def deployment_behind(found: ArgoRollout) -> str:
    """The Deployment whose template it rolls out; empty where it has its own."""
    reference = objects.at(found.spec, "workloadRef")
    is_deployment = objects.text(reference, "kind") == "Deployment"
    return (objects.text(reference, "name") or "") if is_deployment else ""


def steps_of(found: ArgoRollout) -> CanarySteps | None:
    """How far it is; None for one that has no canary strategy."""
    if not objects.at(found.spec, "strategy", "canary"):
        return None
    metadata = {"name": found.metadata.name, "generation": found.metadata.generation}
    seen = argo_rollout({"metadata": metadata, "spec": found.spec, "status": found.status})
    shares = dict(seen.shares)
    return CanarySteps(
        stable=seen.stable or "",
        canary=seen.canary or "",
        share=shares.get(seen.canary) if seen.canary else None,
        step=seen.step.at if seen.step else None,
        steps=seen.step.total if seen.step else None,
        state=_STATES.get(seen.phase, "progressing"),
        said=seen.reason,
    )


class Rollouts:
    """The Rollouts of a cluster, each by what it rolls out: a Deployment, or its own template."""

    def __init__(self) -> None:
        self._over: dict[Place, ArgoRollout] = {}

    def take(self, metadata: Meta, body: ArgoRollout | None) -> Place:
        """A Rollout is as it is now, or gone; where the workload is of which that is news."""
        own = place_of(metadata)
        before = next((at for at, one in self._over.items() if place_of(one.metadata) == own), own)
        self._over.pop(before, None)
        if body is None:
            return before
        at = own[0], deployment_behind(body) or own[1]
        self._over[at] = body
        return at

    def carried_out(self, child: LiveWorkload) -> LiveWorkload:
        """A workload with the replicas that the Rollout over it wants and has."""
        above = self._over.get(place_of(child.metadata))
        if above is None or not deployment_behind(above):
            return child
        own = workload_of(above)
        spec = msgspec.structs.replace(child.spec, replicas=own.spec.replicas)
        return msgspec.structs.replace(child, spec=spec, status=own.status)

    def steps(self, child: LiveWorkload) -> CanarySteps | None:
        """How far a workload's canary is."""
        above = self._over.get(place_of(child.metadata))
        return None if above is None else steps_of(above)
