"""Objectives written as OpenSLO v1 documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mtop_tui.domain.slo.fields import resource_name, unique_names
from mtop_tui.domain.slo.objectives import BurnCondition, Kind, Method, Objective
from mtop_tui.domain.slo.periods import MINUTE, CalendarWindow, Window, duration_text
from mtop_tui.domain.slo.queries import event_queries, throughput_query


def openslo_documents(
    objectives: Sequence[Objective], service: str, matchers: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """One SLO document per objective, as plain values.

    Args:
        objectives: of one service.
        service: its name in the documents.
        matchers: labels that narrow the queries to its series, such as its namespace.

    Latency objectives are written as good and total counters; the threshold must be a bucket edge
    of the engine for the query to have data. Names become lower-case letters, digits and dashes.
    """
    names = unique_names(objective.name or objective.indicator.kind for objective in objectives)
    return [
        _document(objective, name, service, matchers)
        for objective, name in zip(objectives, names, strict=True)
    ]


def _document(
    objective: Objective, name: str, service: str, matchers: Mapping[str, str] | None
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "service": service,
        "indicator": {
            "metadata": {"name": f"{name[:59]}-sli"},
            "spec": _indicator(objective, matchers),
        },
        "timeWindow": [_window(objective.window)],
        "budgetingMethod": str(objective.budgeting.method),
        "objectives": [_objective(objective)],
    }
    if objective.conditions:
        spec["alertPolicies"] = [_policy(condition) for condition in objective.conditions]
    metadata = {"name": name}
    if objective.name and objective.name != name:
        metadata["displayName"] = objective.name
    return {"apiVersion": "openslo/v1", "kind": "SLO", "metadata": metadata, "spec": spec}


def _indicator(objective: Objective, matchers: Mapping[str, str] | None) -> dict[str, Any]:
    if objective.indicator.kind is Kind.TOKENS_PER_SECOND:
        return {"thresholdMetric": _metric(throughput_query(matchers))}
    queries = event_queries(objective.indicator, "sum(%s)", matchers)
    return {
        "ratioMetric": {
            "counter": True,
            "good": _metric(queries.good),
            "total": _metric(queries.total),
        }
    }


def _metric(query: str) -> dict[str, Any]:
    return {"metricSource": {"type": "Prometheus", "spec": {"query": query}}}


def _window(window: Window) -> dict[str, Any]:
    if isinstance(window, CalendarWindow):
        calendar = {"startTime": f"{window.start:%Y-%m-%d %H:%M:%S}", "timeZone": window.zone}
        return {"duration": window.text, "isRolling": False, "calendar": calendar}
    return {"duration": window.text, "isRolling": True}


def _objective(objective: Objective) -> dict[str, Any]:
    written: dict[str, Any] = {"target": objective.target}
    if objective.indicator.kind is Kind.TOKENS_PER_SECOND:
        written |= {"op": "gte", "value": objective.indicator.threshold}
    budgeting = objective.budgeting
    if budgeting.slice_seconds is not None:
        # Whole minutes are text with a unit; OpenSLO has no seconds, a number is minutes.
        minutes = budgeting.slice_seconds / MINUTE
        whole = minutes == int(minutes)
        written["timeSliceWindow"] = duration_text(budgeting.slice_seconds) if whole else minutes
    if budgeting.method is Method.TIMESLICES:
        written["timeSliceTarget"] = budgeting.slice_target
    return written


def _policy(condition: BurnCondition) -> dict[str, Any]:
    name = resource_name(condition.name)
    return {
        "kind": "AlertPolicy",
        "metadata": {"name": f"{name[:56]}-policy"},
        "spec": {
            "alertWhenBreaching": True,
            "alertWhenResolved": False,
            "alertWhenNoData": condition.when_no_data,
            "conditions": [
                {
                    "kind": "AlertCondition",
                    "metadata": {"name": name},
                    "spec": {
                        "severity": condition.severity,
                        "condition": {
                            "kind": "burnrate",
                            "op": "gte" if condition.inclusive else "gt",
                            "threshold": condition.threshold,
                            "lookbackWindow": duration_text(condition.lookback),
                            "alertAfter": (
                                duration_text(condition.alert_after)
                                if condition.alert_after
                                else "0m"
                            ),
                        },
                    },
                }
            ],
            "notificationTargets": [],
        },
    }
