"""Canaries that a platform runs itself: InferenceServices and Argo Rollouts.

Field names: KServe serving.kserve.io/v1beta1, Argo Rollouts argoproj.io/v1alpha1.
"""

from __future__ import annotations

from collections.abc import Sequence

from mtop_tui.domain.rollouts import objects
from mtop_tui.domain.rollouts.objects import Object
from mtop_tui.domain.rollouts.revisions import Phase, Rollout, Step


def inference_service_rollout(service: Object) -> Rollout:
    """The canary of a classic InferenceService, from its predictor's traffic.

    The revision tagged `prev`, or else the one rolled out last, is stable; the latest ready one is
    the canary while both have traffic. Percent become shares.
    """
    name = objects.name_of(service)
    predictor = objects.at(service, "status", "components", "predictor")
    shares: dict[str, float] = {}
    previous = None
    for target in objects.items(predictor, "traffic"):
        revision, percent = objects.text(target, "revisionName"), objects.number(target, "percent")
        if revision is None or percent is None:
            continue
        shares[revision] = shares.get(revision, 0.0) + percent / 100
        if objects.text(target, "tag") == "prev":
            previous = revision
    ready, created = (
        objects.text(predictor, key) for key in ("latestReadyRevision", "latestCreatedRevision")
    )
    stable = previous or objects.text(predictor, "latestRolledoutRevision") or ready
    canary = next((r for r in (created, ready) if r is not None and r != stable), None)
    if objects.annotation(service, objects.STOP_ANNOTATION) == "true":
        phase, reason = Phase.STOPPED, "stopped by annotation"
    elif objects.unseen(service):
        phase, reason = Phase.UNSEEN, "the controller has not seen the last change"
    elif stable is None:
        phase, reason = Phase.UNKNOWN, ""
    elif canary is None:
        phase, reason = Phase.COMPLETE, ""
    else:
        phase, reason = Phase.PROGRESSING, ""
        if created != ready:
            reason = f"revision {created} is not ready"
    return Rollout(
        "InferenceService", name, phase, stable, canary, tuple(shares.items()), reason=reason
    )


def argo_rollout(rollout: Object) -> Rollout:
    """An Argo Rollout with the canary strategy.

    The weight is what the traffic router reports, or else the last one set by the steps up to the
    current one: 0 before the first and after an abort, 100 % after the last step.
    """
    spec, status = objects.at(rollout, "spec"), objects.at(rollout, "status")
    stable = objects.text(status, "stableRS") or objects.text(
        objects.at(status, "canary"), "stableRS"
    )
    newest = objects.text(status, "currentPodHash")
    canary = newest if newest != stable else None
    steps = objects.items(objects.at(spec, "strategy", "canary"), "steps")
    index = objects.count(status, "currentStepIndex")
    step = Step(min(index, len(steps)), len(steps)) if steps and index is not None else None
    phase, reason = _argo_phase(rollout, canary)
    weight = objects.number(objects.at(status, "canary", "weights", "canary"), "weight")
    if weight is None:
        weight = 0.0 if phase is Phase.ABORTED else _set_weight(steps, step)
    shares: tuple[tuple[str, float], ...] = ()
    if stable is not None and canary is not None and weight is not None:
        shares = ((stable, 1 - weight / 100), (canary, weight / 100))
    elif stable is not None and canary is None:
        shares = ((stable, 1.0),)
    known = bool(status)
    return Rollout(
        "Argo Rollout",
        objects.name_of(rollout),
        phase,
        stable,
        canary,
        shares,
        step,
        objects.count(spec, "replicas"),
        (objects.count(status, "updatedReplicas") or 0) if known else None,
        (objects.count(status, "readyReplicas") or 0) if known else None,
        reason,
    )


def _argo_phase(rollout: Object, canary: str | None) -> tuple[Phase, str]:
    spec, status = objects.at(rollout, "spec"), objects.at(rollout, "status")
    said = objects.text(status, "message") or ""
    condition = objects.condition(status, "Progressing")
    why = said or objects.text(condition, "message") or ""
    if not status:
        return Phase.UNKNOWN, ""
    if objects.unseen(rollout):
        return Phase.UNSEEN, "the controller has not seen the last change"
    if status.get("abort") is True:
        return Phase.ABORTED, why
    if spec.get("paused") is True or objects.items(status, "pauseConditions"):
        return Phase.PAUSED, why
    if objects.text(condition, "reason") == "ProgressDeadlineExceeded":
        return Phase.OVERDUE, why
    return (Phase.COMPLETE, "") if canary is None else (Phase.PROGRESSING, why)


def _set_weight(steps: Sequence[Object], step: Step | None) -> float | None:
    if step is None:
        return None
    if step.at == step.total:
        return 100.0
    set_weights = (objects.number(done, "setWeight") for done in reversed(steps[: step.at + 1]))
    return next((weight for weight in set_weights if weight is not None), 0.0)
