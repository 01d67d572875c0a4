"""Objectives as OpenSLO and Sloth documents, there and back."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from slo_documents import RATIO, TTFT, load, metric, said

from mtop_tui.domain.slo.fields import resource_name, unique_names
from mtop_tui.domain.slo.grammar import parse_objectives
from mtop_tui.domain.slo.importing import import_documents
from mtop_tui.domain.slo.objectives import (
    MINUTE_SLICES,
    Budgeting,
    BurnCondition,
    Indicator,
    Kind,
    Method,
    Objective,
    Origin,
)
from mtop_tui.domain.slo.openslo_export import openslo_documents
from mtop_tui.domain.slo.periods import DAY, HOUR, CalendarWindow, RollingWindow
from mtop_tui.domain.slo.sloth import sloth_documents

EVENTS = parse_objectives(
    "ttft<=1s@99%/7d, tpot<=50ms@95%/28d, itl<=40ms@99%, e2e<=30s@90%, availability@99.9%, "
    "availability+aborts@99%",
    Origin("settings"),
)

RICH = (
    Objective(Indicator(Kind.TOKENS_PER_SECOND, 500), 0.99, budgeting=MINUTE_SLICES),
    Objective(
        Indicator(Kind.TTFT, 0.25),
        0.99,
        CalendarWindow(1, "Q", datetime.fromisoformat("2026-01-01 06:30:00"), "Europe/Berlin"),
        Budgeting(Method.TIMESLICES, 300, 0.95),
        conditions=(
            BurnCondition("slow", "ticket", 2, False, 6 * HOUR, 300, True),
            BurnCondition("fast", "page", 14.4, True, HOUR),
        ),
    ),
    Objective(
        Indicator(Kind.AVAILABILITY), 0.999, budgeting=Budgeting(Method.RATIO_TIMESLICES, 30)
    ),
)


def essence(objective: Objective) -> Objective:
    return replace(objective, name="", origin=Origin("settings"), service="chat")


@pytest.mark.parametrize("matchers", [None, {"namespace": 'a"b'}])
def test_openslo_there_and_back(matchers: dict[str, str] | None) -> None:
    written = openslo_documents([*EVENTS, *RICH], "chat", matchers)
    imported = load(*json.loads(json.dumps(written)))
    assert said(imported)[0] == []
    assert len(imported.warnings) == (len(written) if matchers else 0)
    assert [essence(one) for one in imported.objectives] == [
        essence(one) for one in (*EVENTS, *RICH)
    ]


def test_what_is_read_is_written_again_alike() -> None:
    imported = load(*openslo_documents([*EVENTS, *RICH], "chat"))
    assert openslo_documents(imported.objectives, "chat") == [
        {**document, "metadata": {"name": document["metadata"]["name"]}}
        for document in openslo_documents([*EVENTS, *RICH], "chat")
    ]


CONDITIONED = Objective(
    Indicator(Kind.TTFT, 0.5),
    0.99,
    RollingWindow(7 * DAY),
    name="TTFT of chat",
    conditions=(
        BurnCondition("Slow " + "x" * 63, "ticket", 2, False, 6 * HOUR, 300, True),
        BurnCondition("fast", "page", 14.4, True, HOUR),
    ),
)


def policy(name: str, no_data: bool, severity: str, **condition: Any) -> dict[str, Any]:
    return {
        "kind": "AlertPolicy",
        "metadata": {"name": f"{name[:56]}-policy"},
        "spec": {
            "alertWhenBreaching": True,
            "alertWhenResolved": False,
            "alertWhenNoData": no_data,
            "conditions": [
                {
                    "kind": "AlertCondition",
                    "metadata": {"name": name},
                    "spec": {
                        "severity": severity,
                        "condition": {"kind": "burnrate", **condition},
                    },
                }
            ],
            "notificationTargets": [],
        },
    }


def test_an_openslo_document_is_what_openslo_takes() -> None:
    (written,) = openslo_documents([CONDITIONED], "chat")
    assert written == {
        "apiVersion": "openslo/v1",
        "kind": "SLO",
        "metadata": {"name": "ttft-of-chat", "displayName": "TTFT of chat"},
        "spec": {
            "service": "chat",
            "indicator": {"metadata": {"name": "ttft-of-chat-sli"}, "spec": RATIO},
            "timeWindow": [{"duration": "7d", "isRolling": True}],
            "budgetingMethod": "Occurrences",
            "objectives": [{"target": 0.99}],
            "alertPolicies": [
                policy(
                    "slow-" + "x" * 58,
                    True,
                    "ticket",
                    op="gt",
                    threshold=2,
                    lookbackWindow="6h",
                    alertAfter="5m",
                ),
                policy(
                    "fast",
                    False,
                    "page",
                    op="gte",
                    threshold=14.4,
                    lookbackWindow="1h",
                    alertAfter="0m",
                ),
            ],
        },
    }


def test_an_openslo_document_of_slices_is_what_openslo_takes() -> None:
    floor, sliced, short = (document["spec"] for document in openslo_documents(RICH, "chat"))
    tokens = metric("sum(rate(vllm:generation_tokens_total[1m]))")
    assert floor["indicator"]["spec"] == {"thresholdMetric": tokens}
    assert floor["objectives"] == [
        {
            "target": 0.99,
            "op": "gte",
            "value": 500,
            "timeSliceWindow": "1m",
            "timeSliceTarget": 1.0,
        }
    ]
    assert sliced["timeWindow"] == [
        {
            "duration": "1Q",
            "isRolling": False,
            "calendar": {"startTime": "2026-01-01 06:30:00", "timeZone": "Europe/Berlin"},
        }
    ]
    assert sliced["objectives"] == [
        {"target": 0.99, "timeSliceWindow": "5m", "timeSliceTarget": 0.95}
    ]
    assert short["objectives"] == [{"target": 0.999, "timeSliceWindow": 0.5}]


def test_names_in_documents_fit_the_formats() -> None:
    (written,) = openslo_documents([replace(CONDITIONED, name="x" * 99)], "chat")
    assert written["metadata"] == {"name": "x" * 63, "displayName": "x" * 99}
    assert written["spec"]["indicator"]["metadata"] == {"name": "x" * 59 + "-sli"}


def test_sloth_there_and_back() -> None:
    read = []
    for written in sloth_documents(EVENTS, "chat", {"namespace": "prod"}):
        window = RollingWindow(int(written.period.removesuffix("d")) * DAY)
        body = json.loads(json.dumps(written.document))
        imported = import_documents([body], "f", window)
        assert said(imported)[0] == []
        assert written.warnings == ()
        for one in body["slos"]:
            assert 'namespace="prod"' in one["sli"]["events"]["total_query"]
        read += imported.objectives
    assert sorted(map(essence, read), key=repr) == sorted(map(essence, EVENTS), key=repr)


def test_a_sloth_document_is_what_sloth_takes() -> None:
    objective = parse_objectives("ttft<=500ms@99.9%", Origin("settings"))
    (written,) = sloth_documents(objective, "chat")
    assert written.period == "30d"
    assert written.document == {
        "version": "prometheus/v1",
        "service": "chat",
        "slos": [
            {
                "name": "ttft-500ms",
                "objective": 99.9,
                "sli": {
                    "events": {
                        "error_query": (
                            f"(sum(rate({TTFT}_count[{{{{.window}}}}]))"
                            f' - sum(rate({TTFT}_bucket{{le="0.5"}}[{{{{.window}}}}])))'
                        ),
                        "total_query": f"sum(rate({TTFT}_count[{{{{.window}}}}]))",
                    }
                },
                "alerting": {
                    "name": "Ttft500msBurnsBudget",
                    "page_alert": {"labels": {"severity": "page"}},
                    "ticket_alert": {"labels": {"severity": "ticket"}},
                },
            }
        ],
    }


def test_what_sloth_cannot_say_is_left_out_and_named() -> None:
    conditioned = replace(EVENTS[0], conditions=RICH[1].conditions)
    written = sloth_documents([conditioned, *RICH, EVENTS[1]], "chat")
    assert [one.period for one in written] == ["7d", "28d"]
    assert written[0].warnings == (
        "ttft-1s: its alert conditions are left out, Sloth makes its own",
        "tokens-per-second: left out, Sloth has no time slices",
        "ttft: left out, Sloth has no calendar windows",
        "ttft: its alert conditions are left out, Sloth makes its own",
        "availability: left out, Sloth has no time slices",
    )
    assert written[1].warnings == ()
    assert sloth_documents(RICH, "chat") == []


def test_names_fit_both_formats_and_stand_once() -> None:
    assert resource_name("TTFT <= 1s @ Prod") == "ttft-1s-prod"
    assert resource_name("…") == "objective"
    assert resource_name("<" + "x" * 63) == "x" * 63
    assert resource_name("x" * 62 + " y") == "x" * 62
    names = unique_names(["a", "A", "a-2", "x" * 99, "x" * 99])
    assert names[:3] == ["a", "a-2", "a-2-2"]
    assert len(set(names)) == 5
    assert max(map(len, names)) == 63
    assert unique_names(["a"] * 4) == ["a", "a-2", "a-3", "a-4"]
    many = unique_names(["x" * 99] * 120)
    assert len(set(many)) == 120
    assert max(map(len, many)) == 63
