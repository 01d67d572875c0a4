"""What the control plane says: configuration, gateway, scheduler and route group."""

from __future__ import annotations

from typing import NamedTuple

from mtop_tui.domain.diagnosis.current import live_events
from mtop_tui.domain.diagnosis.facts import ServiceFacts
from mtop_tui.domain.diagnosis.findings import Depth, Evidence, Finding, Severity
from mtop_tui.domain.diagnosis.wording import kubectl, named, percent, quoted
from mtop_tui.domain.readiness import CONDITION_ORDER
from mtop_tui.domain.records import ConditionRecord


class _Reason(NamedTuple):
    id: str
    words: str
    severity: Severity = "critical"
    short: str = ""


_CONFIG = {
    "ConfigNotFound": _Reason("config-not-found", "a config it refers to does not exist"),
    "CombineBaseError": _Reason("config-merge", "its configs do not merge"),
    "InvalidRenderedConfig": _Reason("config-invalid", "its merged config is not valid"),
    "ValidationUnavailable": _Reason("config-unchecked", "its config could not be checked"),
}
_ROUTER = {
    "WaitingForGateway": _Reason("waiting-for-gateway", "no gateway has accepted its pool yet"),
    "GatewaysNotReady": _Reason("gateway-not-ready", "its gateway is not ready"),
    "GatewayPreconditionNotMet": _Reason("gateway-not-ready", "its gateway lacks something"),
    "RefsInvalid": _Reason("route-not-ready", "a gateway or route it refers to is not valid"),
    "HTTPRouteReconcileError": _Reason("route-not-ready", "its route cannot be written"),
    "HTTPRouteFetchError": _Reason("route-not-ready", "its route cannot be read"),
    "HTTPRoutesNotReady": _Reason("route-not-ready", "its route is not ready"),
    "InferencePoolNotReady": _Reason("pool-not-ready", "its inference pool is not ready"),
    "InferencePoolFetchError": _Reason("pool-not-ready", "its inference pool cannot be read"),
    "SchedulerReconcileError": _Reason("scheduler-down", "its scheduler cannot be written"),
    "PlatformNetworkingReconcileError": _Reason("route-not-ready", "its network is not set up"),
}
_RECONCILE = {
    reason: _Reason("reconcile-error", "the controller cannot create what it needs")
    for reason in (
        "ReconcileCertsError",
        "ReconcileWorkloadPermissionsError",
        "ReconcileSingleNodeWorkloadError",
        "ReconcileMultiNodeWorkloadError",
        "ReconcileWorkloadServiceError",
        "FinalizationPending",
    )
}
_GROUP = frozenset(
    {"MemberDivergence", "ModelNameMismatch", "ModelNameAmbiguous", "BackendResolutionFailed"}
)


def config_broken(facts: ServiceFacts) -> Finding | None:
    """The configs of a service cannot be found, merged or checked: nothing is created."""
    return _by_reason(facts, _CONFIG, Depth.CONFIG)


def router_broken(facts: ServiceFacts) -> Finding | None:
    """Gateway, route, inference pool or scheduler is not ready."""
    found = _by_reason(facts, _ROUTER, Depth.CONTROL)
    if found is not None:
        return found
    condition = facts.condition("SchedulerWorkloadReady")
    if condition is None or condition.status != "False" or condition.reason == "Stopped":
        return None
    return _condition(
        facts, condition, _Reason("scheduler-down", "its scheduler does not run"), Depth.CONTROL
    )


def reconcile_error(facts: ServiceFacts) -> Finding | None:
    """The controller cannot create or change a child object."""
    return _by_reason(facts, _RECONCILE, Depth.CONTROL)


def revision_failed(facts: ServiceFacts) -> Finding | None:
    """A revision of a classic InferenceService failed: its container ended."""
    reason = {"RevisionFailed": _Reason("revision-failed", "its revision failed")}
    return _by_reason(facts, reason, Depth.LOOP)


def not_ready(facts: ServiceFacts) -> Finding | None:
    """A condition fails, whatever the reason: the deepest one is quoted.

    Not when the reason is "Stopped". KServe's order counts where it knows the condition; others
    come last, and Ready itself is only quoted when nothing else fails.
    """
    failing = [
        condition
        for condition in facts.conditions
        if condition.status == "False"
        and condition.type not in ("Stopped", "GroupDegraded")
        and condition.reason != "Stopped"
    ]
    if not failing:
        return None
    deepest = max(failing, key=lambda condition: _order(condition.type))
    reason = _Reason("not-ready", f"{deepest.type} is False", short="not ready")
    return _condition(facts, deepest, reason, Depth.SYMPTOM)


def in_progress(facts: ServiceFacts) -> Finding | None:
    """Ready is Unknown: the controller is still at work, no fault."""
    ready = facts.condition("Ready")
    if ready is None or ready.status != "Unknown":
        return None
    reason = _Reason("in-progress", "the controller is at work", severity="info")
    return _condition(facts, ready, reason, Depth.SYMPTOM)


def not_observed(facts: ServiceFacts) -> Finding | None:
    """The controller has not looked at the latest change of the spec."""
    wanted, seen = facts.generation, facts.observed_generation
    if wanted is None or seen is None or seen >= wanted:
        return None
    return Finding(
        id="not-observed",
        sentence=f"The controller has not seen the last change (generation {wanted}, seen {seen})",
        short="change not seen by the controller",
        evidence=(Evidence("generation", f"{wanted}, observed {seen}", "status"),),
        next_step="Look at the controller: kubectl -n kserve get pods",
        severity="warning",
        confidence="certain",
        depth=Depth.CONTROL,
    )


def group_degraded(facts: ServiceFacts) -> Finding | None:
    """The route group is degraded, or another member that should get requests is not ready."""
    evidence = [
        Evidence(c.reason or c.type, quoted(c.message), f"condition {c.type}")
        for c in facts.conditions
        if (c.type == "GroupDegraded" and c.status == "True")
        or (c.type == "GroupReady" and c.status == "False")
        or (c.reason in _GROUP and c.status == "False")
    ]
    evidence += [
        Evidence(e.reason, quoted(e.message), f"event {e.reason}")
        for e in live_events(facts, ("MemberDivergence", "ModelNameCollision"))
    ]
    route = facts.route
    down = [
        member.service
        for member in (() if route is None else route.members)
        if member.weight > 0
        and member.ready is False
        and not member.stopped
        and member.service != facts.name  # why that is so, other rules say
    ]
    if not evidence and not down:
        return None
    group = "" if route is None else f" {route.group}"
    evidence += [Evidence("not ready", name, f"group{group}") for name in down]
    why = f"{named(down)} has weight and is not ready" if down else evidence[0].value
    return Finding(
        id="group-degraded",
        sentence=f"Route group{group} is degraded: {quoted(why, 100)}",
        short="route group degraded",
        evidence=tuple(evidence),
        next_step=kubectl(facts, "describe llmisvc", *(down[:1] or [facts.name])),
        severity="critical",
        confidence="certain",
        depth=Depth.CONTROL,
    )


SPLIT_OFF = 0.1
"""Share of the requests of a group that is worth naming when it goes astray."""


def route_split(facts: ServiceFacts) -> Finding | None:
    """The share of requests that came here is lastingly 10 points off what the weights ask for."""
    route = facts.route
    if route is None or route.observed_share is None:
        return None
    weights = {m.service: 0 if m.stopped else m.weight for m in route.members}
    whole = sum(weights.values())
    if facts.name not in weights or whole <= 0:
        return None
    wanted = weights[facts.name] / whole
    least = route.observed_share if route.share_least is None else route.share_least
    most = route.observed_share if route.share_most is None else route.share_most
    if max(least - wanted, wanted - most) < SPLIT_OFF:
        return None
    return Finding(
        id="route-split",
        sentence=f"Gets {percent(route.observed_share)} of the requests of group {route.group}, "
        f"its weight asks for {percent(wanted)}",
        short=f"route split {percent(route.observed_share)} for {percent(wanted)}",
        evidence=(
            Evidence("share", percent(route.observed_share), "requests"),
            Evidence("weight", f"{weights[facts.name]} of {whole}", f"group {route.group}"),
        ),
        next_step=kubectl(facts, "get httproute -o yaml"),
        severity="warning",
        confidence="likely",
        depth=Depth.CONTROL,
    )


def _order(kind: str) -> int:
    if kind in CONDITION_ORDER:
        return CONDITION_ORDER.index(kind)
    return 1  # deeper than Ready, which is the first


def _by_reason(facts: ServiceFacts, reasons: dict[str, _Reason], depth: Depth) -> Finding | None:
    failing = [c for c in facts.conditions if c.status != "True" and c.reason in reasons]
    if not failing:
        return None
    deepest = max(failing, key=lambda condition: _order(condition.type))
    return _condition(facts, deepest, reasons[deepest.reason], depth)


def _condition(
    facts: ServiceFacts, condition: ConditionRecord, reason: _Reason, depth: Depth
) -> Finding:
    said = quoted(condition.message) or condition.reason or condition.status
    return Finding(
        id=reason.id,
        sentence=f"Not ready: {reason.words}"
        + (f" ({quoted(said, 100)})" if said not in ("False", "Unknown") else ""),
        short=reason.short or reason.words,
        evidence=(
            Evidence(condition.reason or condition.type, said, f"condition {condition.type}"),
        ),
        next_step=kubectl(facts, f"describe {facts.resource}", facts.name),
        severity=reason.severity,
        confidence="certain",
        depth=depth,
    )
