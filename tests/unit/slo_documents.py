"""OpenSLO and Sloth documents for tests."""

from pathlib import Path
from typing import Any

from mtop_tui.domain.slo.fields import Imported
from mtop_tui.domain.slo.importing import import_documents
from mtop_tui.domain.slo.objectives import (
    Objective,
    Origin,
)

VECTORS = Path(__file__).parent / "vectors"

TTFT = "vllm:time_to_first_token_seconds"

GOOD, TOTAL = f'sum({TTFT}_bucket{{le="0.5"}})', f"sum({TTFT}_count)"

FILE = Origin("file", "f, document 1")


def load(*bodies: Any) -> Imported:
    return import_documents(bodies, "f")


def said(imported: Imported) -> tuple[list[str], list[str]]:
    return [str(one) for one in imported.errors], [str(one) for one in imported.warnings]


def metric(query: Any) -> dict[str, Any]:
    return {"metricSource": {"type": "Prometheus", "spec": {"query": query}}}


RATIO = {"ratioMetric": {"counter": True, "good": metric(GOOD), "total": metric(TOTAL)}}


def slo(**spec: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "service": "chat",
        "indicator": {"metadata": {"name": "sli"}, "spec": RATIO},
        "timeWindow": [{"duration": "4w", "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"target": 0.99}],
    }
    given = {key: value for key, value in (plain | spec).items() if value != "absent"}
    return {
        "apiVersion": "openslo/v1",
        "kind": "SLO",
        "metadata": {"name": "fast"},
        "spec": given,
    }


def only(imported: Imported) -> Objective:
    assert said(imported)[0] == []
    (objective,) = imported.objectives
    return objective


def with_condition(**changes: Any) -> Imported:
    condition = {
        "kind": "burnrate",
        "op": "gt",
        "threshold": 2,
        "lookbackWindow": "1h",
        "alertAfter": "0m",
    } | changes
    inline = {
        "kind": "AlertCondition",
        "metadata": {"name": "c"},
        "spec": {"severity": "page", "condition": condition},
    }
    return load(slo(alertPolicies=[{"kind": "AlertPolicy", "spec": {"conditions": [inline]}}]))


def sloth(**changes: Any) -> dict[str, Any]:
    entry = {
        "name": "fast",
        "objective": 99.9,
        "sli": {"events": {"error_query": f"{TOTAL} - {GOOD}", "total_query": TOTAL}},
    } | changes
    return {"version": "prometheus/v1", "service": "chat", "slos": [entry]}
