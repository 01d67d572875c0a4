"""OpenSLO and Sloth documents: what mtop takes from them, what it says of the rest, and back."""

import copy
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from mtop_tui.config.slo_file import MAX_BYTES, SloFileError, read_slo_file
from mtop_tui.domain.slo.burn_alerts import burn_alerts
from mtop_tui.domain.slo.fields import Field, FieldError, Imported, resource_name, unique_names
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
from mtop_tui.domain.slo.periods import DAY, HOUR, MINUTE, CalendarWindow, RollingWindow
from mtop_tui.domain.slo.sloth import sloth_documents

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


# --- the examples of both projects ------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "warnings"),
    [
        (
            "slo_openslo_occurrences.yaml",
            ["document 1, spec.objectives[0]: search-slo: not evaluated: custom query"],
        ),
        (
            "slo_openslo_ratio_timeslices.yaml",
            ["document 1, spec.objectives[0]: main-page: not evaluated: custom query"],
        ),
        (
            "slo_sloth_openslo.yaml",
            ["document 1, spec.objectives[0]: sloth-slo-my-service: not evaluated: custom query"],
        ),
        (
            "slo_sloth_getting_started.yaml",
            ["document 1, slos[0].sli: requests-availability: not evaluated: custom query"],
        ),
    ],
)
def test_examples_of_web_shops_are_read_and_not_evaluated(name: str, warnings: list[str]) -> None:
    path = VECTORS / name
    read = read_slo_file(path)
    assert read.objectives == ()
    assert list(read.warnings) == [f"{path}: {warning}" for warning in warnings]


def test_the_openslo_example_with_a_query_of_vllm() -> None:
    body = yaml.safe_load((VECTORS / "slo_openslo_occurrences.yaml").read_text())
    source = body["spec"]["indicator"]["spec"]["thresholdMetric"]["metricSource"]
    source["spec"]["query"] = "vllm:e2e_request_latency_seconds"
    body["spec"]["objectives"][0]["value"] = 0.5
    assert only(load(body)) == Objective(
        Indicator(Kind.E2E, 0.5),
        0.99,
        RollingWindow(14 * DAY),
        name="search-slo",
        service="web-shop",
        origin=FILE,
    )


def test_the_timeslices_example_with_queries_of_vllm() -> None:
    body = yaml.safe_load((VECTORS / "slo_openslo_ratio_timeslices.yaml").read_text())
    body["spec"]["indicator"]["spec"] = RATIO
    objective = only(load(body))
    assert objective.budgeting == Budgeting(Method.RATIO_TIMESLICES, MINUTE)
    assert objective.window == RollingWindow(14 * DAY)


def test_sloths_openslo_example_with_queries_of_vllm() -> None:
    body = yaml.safe_load((VECTORS / "slo_sloth_openslo.yaml").read_text())
    ratio = body["spec"]["objectives"][0]["ratioMetrics"]
    ratio["good"]["query"], ratio["total"]["query"] = GOOD, TOTAL
    assert only(load(body)) == Objective(
        Indicator(Kind.TTFT, 0.5),
        0.999,
        RollingWindow(30 * DAY),
        name="sloth-slo-my-service",
        service="my-service",
        origin=FILE,
    )


def test_the_sloth_example_with_queries_of_vllm() -> None:
    body = yaml.safe_load((VECTORS / "slo_sloth_getting_started.yaml").read_text())
    body["slos"][0]["sli"]["events"] = {
        "error_query": 'sum(vllm:request_success_total{finished_reason="error"})',
        "total_query": 'sum(vllm:request_success_total{finished_reason!="abort"})',
    }
    objective = only(load(body))
    assert objective.indicator == Indicator(Kind.AVAILABILITY)
    assert objective.target == 0.999
    assert (objective.name, objective.service) == ("requests-availability", "myservice")


def test_the_kubernetes_form_of_sloth_says_the_same() -> None:
    slos = [{"name": "fast", "objective": 99, "sli": {"events": {}}}]
    plain = {"version": "prometheus/v1", "service": "chat", "slos": copy.deepcopy(slos)}
    crd = {
        "apiVersion": "sloth.slok.dev/v1",
        "kind": "PrometheusServiceLevel",
        "metadata": {"name": "x"},
        "spec": {"service": "chat", "slos": copy.deepcopy(slos)},
    }
    plain["slos"][0]["sli"]["events"] = {  # type: ignore[index, call-overload]
        "error_query": f"{TOTAL} - {GOOD}",
        "total_query": TOTAL,
    }
    crd["spec"]["slos"][0]["sli"]["events"] = {  # type: ignore[index, call-overload]
        "errorQuery": f"{TOTAL} - {GOOD}",
        "totalQuery": TOTAL,
    }
    assert only(load(crd)) == only(load(plain))
    assert only(load(crd)).indicator == Indicator(Kind.TTFT, 0.5)


def test_sloths_alert_windows_replace_those_of_their_period() -> None:
    read = read_slo_file(VECTORS / "slo_sloth_windows_7d.yaml")
    assert list(read.catalogues) == [7 * DAY]
    assert read.warnings == ()
    assert burn_alerts(7 * DAY, read.catalogues) == burn_alerts(7 * DAY)


def test_rules_that_sloth_generated_are_refused() -> None:
    with pytest.raises(
        SloFileError, match="groups: expected an OpenSLO or Sloth document"
    ) as caught:
        read_slo_file(VECTORS / "slo_sloth_generated.yaml")
    assert "these are rules for Prometheus" in caught.value.problems[0]


# --- OpenSLO ----------------------------------------------------------------------------------


def test_an_sli_and_policies_may_stand_in_documents_of_their_own() -> None:
    documents = [
        slo(indicator="absent", indicatorRef="sli", alertPolicies=[{"alertPolicyRef": "p"}]),
        {"apiVersion": "openslo/v1", "kind": "Service", "metadata": {"name": "chat"}},
        {"apiVersion": "openslo/v1", "kind": "SLI", "metadata": {"name": "sli"}, "spec": RATIO},
        {
            "apiVersion": "openslo/v1",
            "kind": "AlertPolicy",
            "metadata": {"name": "p"},
            "spec": {"alertWhenNoData": True, "conditions": [{"conditionRef": "c"}]},
        },
        {
            "apiVersion": "openslo/v1",
            "kind": "AlertCondition",
            "metadata": {"name": "c"},
            "spec": {
                "severity": "page",
                "condition": {
                    "op": "gte",
                    "threshold": 2,
                    "lookbackWindow": "1h",
                    "alertAfter": "5m",
                },
            },
        },
    ]
    imported = load(*documents)
    assert said(imported) == ([], [])
    assert only(imported).conditions == (BurnCondition("c", "page", 2, True, HOUR, 300, True),)


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


@pytest.mark.parametrize("after", ["0s", "0m", None])
@pytest.mark.parametrize("threshold", [0.5, 1])
def test_conditions_may_be_low_and_fire_at_once(threshold: float, after: str | None) -> None:
    imported = with_condition(threshold=threshold, alertAfter=after)
    assert only(imported).conditions == (BurnCondition("c", "page", threshold, False, HOUR),)


@pytest.mark.parametrize(("op", "inclusive"), [("gte", True), ("gt", False)])
def test_conditions_may_stand_inline(op: str, inclusive: bool) -> None:
    imported = with_condition(op=op)
    assert said(imported) == ([], [])
    assert only(imported).conditions == (BurnCondition("c", "page", 2, inclusive, HOUR),)


@pytest.mark.parametrize(("op", "inclusive", "taken"), [("lte", True, "gte"), ("lt", False, "gt")])
def test_the_readmes_upside_down_condition_is_not_obeyed(
    op: str, inclusive: bool, taken: str
) -> None:
    imported = with_condition(op=op)
    assert only(imported).conditions[0].inclusive is inclusive
    assert said(imported)[1] == [
        "document 1, spec.alertPolicies[0].spec.conditions[0].spec.condition.op: op "
        f"{op} would alert while the budget is not burning; it is taken as {taken}"
    ]


def test_conditions_of_another_kind_are_named() -> None:
    imported = with_condition(kind="anomaly")
    assert only(imported).conditions == ()
    assert said(imported)[1] == [
        "document 1, spec.alertPolicies[0].spec.conditions[0].spec.condition.kind: "
        "not evaluated: only conditions on the burn rate are"
    ]


def test_policies_that_do_not_alert_when_breaching_have_no_conditions() -> None:
    policy = {"spec": {"alertWhenBreaching": False, "conditions": [{"conditionRef": "gone"}]}}
    imported = load(slo(alertPolicies=[policy]))
    assert only(imported).conditions == ()
    warning = "not evaluated: the policy does not alert when breaching"
    assert said(imported)[1] == [f"document 1, spec.alertPolicies[0]: {warning}"]
    other = {"spec": {"conditions": []}}
    assert said(load(slo(alertPolicies=[policy, other, policy])))[1] == [
        f"document 1, spec.alertPolicies[{index}]: {warning}" for index in (0, 2)
    ]


def test_a_calendar_window_keeps_its_zone() -> None:
    for start in ("2026-01-01 12:00:00", datetime.fromisoformat("2026-01-01 12:00:00")):
        calendar = {"startTime": start, "timeZone": "America/New_York"}
        window = only(
            load(slo(timeWindow=[{"duration": "1M", "isRolling": False, "calendar": calendar}]))
        ).window
        assert window == CalendarWindow(
            1, "M", datetime.fromisoformat("2026-01-01 12:00:00"), "America/New_York"
        )


def test_a_window_said_to_roll_does_so_in_spite_of_a_calendar() -> None:
    window = {"duration": "4w", "isRolling": True, "calendar": CALENDAR}
    assert only(load(slo(timeWindow=[window]))).window == RollingWindow(28 * DAY)


@pytest.mark.parametrize(("duration", "days"), [("1M", 30), ("12M", 360), ("1Q", 90), ("1Y", 365)])
def test_rolling_months_get_a_length_and_a_warning(duration: str, days: int) -> None:
    imported = load(slo(timeWindow=[{"duration": duration, "isRolling": True}]))
    assert only(imported).window == RollingWindow(days * DAY)
    assert said(imported)[1] == [
        "document 1, spec.timeWindow[0].duration: a rolling window has a fixed length; "
        f"{duration} is taken as {days}d"
    ]


def test_what_is_left_out_has_a_default_and_a_warning() -> None:
    imported = load(slo(timeWindow="absent", budgetingMethod="absent"))
    objective = only(imported)
    assert objective.window == RollingWindow(30 * DAY)
    assert objective.budgeting.method is Method.OCCURRENCES
    assert said(imported)[1] == [
        "document 1, spec.timeWindow: no time window; 30d is taken",
        "document 1, spec.budgetingMethod: no budgetingMethod; Occurrences is taken",
    ]


def test_several_objectives_of_one_slo() -> None:
    imported = load(slo(objectives=[{"target": 0.98}, {"targetPercent": 99.99}]))
    assert [(one.name, one.target) for one in imported.objectives] == [
        ("fast/1", 0.98),
        ("fast/2", 0.9999),
    ]


@pytest.mark.parametrize(("window", "seconds"), [("5m", 300), (5, 300), (0.5, 30), ("1h", 3600)])
def test_slices_of_time(window: Any, seconds: float) -> None:
    objective = {"target": 0.99, "timeSliceTarget": 0.95, "timeSliceWindow": window}
    imported = load(slo(budgetingMethod="Timeslices", objectives=[objective]))
    assert only(imported).budgeting == Budgeting(Method.TIMESLICES, seconds, 0.95)


@pytest.mark.parametrize("kind", ["success", "failure"])
def test_precomputed_ratios(kind: str) -> None:
    query = f"{GOOD} / {TOTAL}" if kind == "success" else f"1 - {GOOD} / {TOTAL}"
    spec = {"ratioMetric": {"rawType": kind, "raw": metric(query)}}
    assert only(load(slo(indicator={"spec": spec}))).indicator == Indicator(Kind.TTFT, 0.5)


def test_bad_and_total() -> None:
    for bad in ("bad", "incorrect"):  # v1, and v1alpha
        spec = {"ratioMetric": {bad: metric(f"{TOTAL} - {GOOD}"), "total": metric(TOTAL)}}
        assert only(load(slo(indicator={"spec": spec}))).indicator == Indicator(Kind.TTFT, 0.5)


def threshold(query: Any, **objective: Any) -> dict[str, Any]:
    return slo(
        indicator={"spec": {"thresholdMetric": metric(query)}},
        objectives=[{"target": 0.99, "op": "lte", "value": 1, **objective}],
    )


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        (threshold("vllm:generation_tokens_total", op="gte"), "needs the method Timeslices"),
        (threshold(TTFT, op="gte"), "needs op lte or lt, not gte"),
        (threshold(["no", "text"]), "custom query"),
        (threshold("SELECT 1"), "custom query"),
    ],
)
def test_what_is_not_evaluated_is_named(body: Any, warning: str) -> None:
    imported = load(body)
    assert imported.objectives == ()
    (line,) = said(imported)[1]
    assert line.startswith("document 1, spec.objectives[0]: fast: not evaluated: ")
    assert line.endswith(warning)


def test_notes_on_queries_become_warnings() -> None:
    good, total = GOOD.replace("{", '{pod="a",'), TOTAL.replace("_count", '_count{pod="a"}')
    spec = {"ratioMetric": {"good": metric(good), "total": metric(total)}}
    imported = load(slo(indicator={"spec": spec}))
    assert only(imported).indicator == Indicator(Kind.TTFT, 0.5)
    assert said(imported)[1] == [
        'document 1, spec.objectives[0]: fast: mtop takes the whole service; pod="a" is not applied'
    ]


CALENDAR = {"startTime": "2026-01-01 00:00:00", "timeZone": "UTC"}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (slo(objectives=[]), "spec.objectives: expected at least one objective, not a list"),
        (slo(objectives="x"), "spec.objectives: expected a list, not 'x'"),
        (slo(objectives=[{}]), "spec.objectives[0].target: expected a number, found nothing"),
        (
            slo(objectives=[{"target": 0.9, "targetPercent": 90}]),
            "spec.objectives[0].targetPercent: expected either target or targetPercent",
        ),
        (slo(objectives=[{"target": 1}]), "spec.objectives[0].target: a target of 100 % leaves no"),
        (
            slo(objectives=[{"targetPercent": 100}]),
            "spec.objectives[0].targetPercent: a target of 100 % leaves no",
        ),
        (slo(objectives=[{"target": 99}]), "spec.objectives[0].target: expected a target above 0"),
        (slo(objectives=[{"target": True}]), "target: expected a number, not True"),
        (slo(objectives=[{"target": float("nan")}]), "target: expected a finite number, not nan"),
        (slo(objectives=[{"target": float("inf")}]), "target: expected a finite number, not inf"),
        (slo(objectives=[{"target": 10**400}]), "target: expected a finite number"),
        (slo(objectives=[{"target": "x" * 90}]), "target: expected a number, not 'xxxxx"),
        (slo(service=None), "spec.service: expected text, found nothing"),
        (slo(service=["a"]), "spec.service: expected text, not a list"),
        (slo(budgetingMethod="Ratio"), "expected one of Occurrences, Timeslices, RatioTimeslices"),
        (
            slo(budgetingMethod="Timeslices", objectives=[{"target": 0.9, "timeSliceWindow": 1}]),
            "spec.objectives[0].timeSliceTarget: expected a number, found nothing",
        ),
        (
            slo(budgetingMethod="RatioTimeslices", objectives=[{"target": 0.9}]),
            "spec.objectives[0].timeSliceWindow: expected text, found nothing",
        ),
        (
            slo(
                budgetingMethod="RatioTimeslices",
                objectives=[{"target": 0.9, "timeSliceWindow": 0}],
            ),
            "spec.objectives[0]: expected a time slice above 0 seconds",
        ),
        (
            slo(timeWindow=[{"duration": "soon"}]),
            "spec.timeWindow[0].duration: expected a whole number above 0 and a unit of s, m, h, d",
        ),
        (slo(timeWindow=[{"duration": "1w"}] * 2), "expected exactly one time window"),
        (slo(timeWindow=[{"duration": "2Y"}]), "at most 366d, not '2Y'"),
        (slo(timeWindow=[{"duration": "9" * 99}]), f"such as 30d, not '{'9' * 40}'"),
        (
            slo(timeWindow=[{"count": 400, "unit": "Day"}]),
            "spec.timeWindow[0]: expected a window above 0 and at most 366d, not '400d'",
        ),
        (
            slo(timeWindow=[{"duration": "1h", "calendar": CALENDAR}]),
            "spec.timeWindow[0].duration: expected a whole number above 0 and a unit of d, w, M",
        ),
        (
            slo(timeWindow=[{"duration": "1M", "calendar": CALENDAR | {"timeZone": "Mars"}}]),
            "spec.timeWindow[0].calendar.timeZone: expected an IANA time zone",
        ),
        (
            slo(timeWindow=[{"duration": "1M", "calendar": CALENDAR | {"startTime": "now"}}]),
            "spec.timeWindow[0].calendar.startTime: expected a time such as",
        ),
        (
            slo(
                timeWindow=[
                    {"duration": "1M", "calendar": CALENDAR | {"startTime": "2026-01-01T00:00:00Z"}}
                ]
            ),
            "spec.timeWindow[0].calendar.startTime: expected a start time without a zone",
        ),
        (
            slo(timeWindow=[{"count": 1, "unit": "Fortnight"}]),
            "spec.timeWindow[0].unit: expected one of Minute, Hour, Day, Week, Month",
        ),
        (slo(indicator="absent"), "spec.indicator: expected indicator or indicatorRef"),
        (
            slo(indicator="absent", indicatorRef="x"),
            "spec.indicatorRef: expected the name of an object of kind SLI in this file, not 'x'",
        ),
        (
            slo(indicator={"spec": {}}),
            "spec.indicator.spec.ratioMetric: expected thresholdMetric or ratioMetric",
        ),
        (
            slo(indicator={"spec": {"ratioMetric": {"total": metric(TOTAL)}}}),
            "spec.indicator.spec.ratioMetric: expected either good or bad beside total",
        ),
        (
            slo(indicator={"spec": {"ratioMetric": {"good": metric(GOOD)}}}),
            "spec.indicator.spec.ratioMetric.total: expected a metric, found nothing",
        ),
        (
            slo(indicator={"spec": {"ratioMetric": {"raw": metric(GOOD)}}}),
            "ratioMetric.rawType: expected one of success, failure, found nothing",
        ),
        (
            slo(alertPolicies=[{"alertPolicyRef": "p"}]),
            "spec.alertPolicies[0].alertPolicyRef: expected the name of an object of kind",
        ),
        (
            slo(alertPolicies=[{"spec": {"alertWhenNoData": "often"}}]),
            "alertWhenNoData: expected true or false, not 'often'",
        ),
        (threshold(TTFT, op=None), "spec.objectives[0].op: expected one of lte, gte, lt, gt"),
        (threshold(TTFT, value=0), "spec.objectives[0].value: expected a threshold for ttft above"),
        ({"apiVersion": "openslo/v1"}, "kind: expected one of SLO, SLI"),
        ({"apiVersion": "openslo/v1", "kind": "SLO"}, "metadata.name: expected text"),
        ({"apiVersion": "openslo/v9"}, "apiVersion: expected one of openslo/v1, openslo/v1alpha"),
        ({"kind": "Pod", "apiVersion": "sloth.slok.dev/v1"}, "kind: expected one of Prometheus"),
        (
            {"version": "prometheus/v2"},
            "version: expected one of prometheus/v1, not 'prometheus/v2'",
        ),
        ("text", "document 1: expected a mapping, not 'text'"),
        ([1], "document 1: expected a mapping, not a list"),
    ],
)
def test_complaints_name_document_field_and_expectation(body: Any, complaint: str) -> None:
    imported = load(body)
    assert imported.objectives == ()
    (line,) = said(imported)[0]
    assert line.startswith("document 1")
    assert complaint in line


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"threshold": 0}, "threshold: expected a burn rate above 0, not 0"),
        ({"op": "eq"}, "op: expected one of lte, gte, lt, gt, not 'eq'"),
        ({"lookbackWindow": None}, "lookbackWindow: expected text, found nothing"),
        ({"alertAfter": "now"}, "alertAfter: expected a whole number above 0"),
    ],
)
def test_complaints_about_conditions(changes: dict[str, Any], complaint: str) -> None:
    (line,) = said(with_condition(**changes))[0]
    assert complaint in line


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (500, "500"),
        (10**40 - 1, "9" * 40),
        (10**40, "a number that long"),
        ([1], "a list"),
    ],
)
def test_what_is_found_is_shown_in_short(value: object, found: str) -> None:
    with pytest.raises(FieldError) as caught:
        Field("name", value).text()
    assert str(caught.value) == f"expected text, not {found}"


@pytest.mark.parametrize(
    ("length", "shown"), [(38, "'" + "x" * 38 + "'"), (39, "'" + "x" * 39 + "…")]
)
def test_of_long_text_the_beginning_is_shown(length: int, shown: str) -> None:
    with pytest.raises(FieldError) as caught:
        Field("target", "x" * length).number()
    assert str(caught.value) == f"expected a number, not {shown}"


# --- Sloth ------------------------------------------------------------------------------------


def sloth(**changes: Any) -> dict[str, Any]:
    entry = {
        "name": "fast",
        "objective": 99.9,
        "sli": {"events": {"error_query": f"{TOTAL} - {GOOD}", "total_query": TOTAL}},
    } | changes
    return {"version": "prometheus/v1", "service": "chat", "slos": [entry]}


def test_sloths_period_is_given_from_outside() -> None:
    imported = import_documents([sloth()], "f", RollingWindow(7 * DAY))
    assert only(imported).window == RollingWindow(7 * DAY)


def test_raw_error_ratios() -> None:
    for key in ("error_ratio_query", "errorRatioQuery"):
        raw = {"raw": {key: f"1 - {GOOD} / {TOTAL}"}}
        assert only(load(sloth(sli=raw))).indicator == Indicator(Kind.TTFT, 0.5)


def test_plugins_are_not_evaluated() -> None:
    imported = load(sloth(sli={"plugin": {"id": "x"}}))
    assert said(imported) == (
        [],
        ["document 1, slos[0].sli: fast: not evaluated: a plugin makes its query"],
    )


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (sloth(objective=100), "slos[0].objective: a target of 100 % leaves no error budget"),
        (sloth(objective=0), "slos[0].objective: expected a target above 0 %"),
        (sloth(objective="high"), "slos[0].objective: expected a number, not 'high'"),
        (sloth(name=None), "slos[0].name: expected text, found nothing"),
        (sloth(sli={}), "slos[0].sli: expected events, raw or plugin, not a mapping"),
        (sloth(sli={"events": {"error_query": "x"}}), "events.total_query: expected text"),
        ({"version": "prometheus/v1", "service": "a"}, "slos: expected at least one SLO"),
        ({"version": "prometheus/v1", "slos": [{}]}, "service: expected text, found nothing"),
    ],
)
def test_complaints_about_sloth_documents(body: Any, complaint: str) -> None:
    (line,) = said(load(body))[0]
    assert line.startswith("document 1, ")
    assert complaint in line


def test_what_is_not_evaluated_does_not_hide_what_is() -> None:
    body = sloth(sli={"plugin": {"id": "x"}})
    good, total = GOOD.replace("{", '{pod="a",'), TOTAL.replace("_count", '_count{pod="a"}')
    narrowed = {"events": {"error_query": f"{total} - {good}", "total_query": total}}
    body["slos"] += [{"name": name, "objective": 99, "sli": narrowed} for name in "ab"]
    imported = load(body)
    assert [one.name for one in imported.objectives] == ["a", "b"]
    assert said(imported)[1] == [
        "document 1, slos[0].sli: fast: not evaluated: a plugin makes its query",
        'document 1, slos[1].sli: a: mtop takes the whole service; pod="a" is not applied',
        'document 1, slos[2].sli: b: mtop takes the whole service; pod="a" is not applied',
    ]


@pytest.mark.parametrize("percent", [0.5, 1, 100])
def test_any_part_of_the_budget_may_be_spent_before_an_alert(percent: float) -> None:
    body = yaml.safe_load((VECTORS / "slo_sloth_windows_7d.yaml").read_text())
    body["spec"]["page"]["quick"]["errorBudgetPercent"] = percent
    assert load(body).catalogues[7 * DAY][0].budget_percent == percent


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("page", "quick", "errorBudgetPercent"), 100.5, "above 0 and at most 100, not 100.5"),
        (("page", "quick", "errorBudgetPercent"), 0, "a percentage above 0 and at most 100, not 0"),
        (("page", "slow", "longWindow"), "x", "page.slow.longWindow: expected a whole number"),
        (("ticket", "quick", "shortWindow"), "1d", "a window shorter than the long one of 1d"),
        (
            ("ticket", "slow", "errorBudgetPercent"),
            None,
            "ticket.slow.errorBudgetPercent: expected",
        ),
    ],
)
def test_complaints_about_alert_windows(path: tuple[str, ...], value: Any, complaint: str) -> None:
    body = yaml.safe_load((VECTORS / "slo_sloth_windows_7d.yaml").read_text())
    body["spec"][path[0]][path[1]][path[2]] = value
    (line,) = said(load(body))[0]
    assert complaint in line


def test_one_wrong_objective_does_not_hide_the_other() -> None:
    body = sloth(objective=100)
    body["slos"].append({"name": "b", "objective": 0, "sli": {}})
    assert [one.field for one in load(body).errors] == ["slos[0].objective", "slos[1].objective"]


def test_a_document_as_a_whole_has_no_field() -> None:
    (complaint,) = load("text").errors
    assert (complaint.document, complaint.field) == (1, "")


def test_formats_may_be_mixed_and_empty_documents_count() -> None:
    imported = load(None, sloth(), slo(), {"apiVersion": "x"})
    assert [one.origin.where for one in imported.objectives] == ["f, document 2", "f, document 3"]
    assert [one.document for one in imported.errors] == [4]


# --- there and back ---------------------------------------------------------------------------

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


# --- the file ---------------------------------------------------------------------------------


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_names_itself_in_origins_and_complaints(tmp_path: Path) -> None:
    path = write(tmp_path / "team.yaml", yaml.safe_dump_all([slo(), sloth()]))
    read = read_slo_file(path)
    assert [one.origin.text for one in read.objectives] == [
        f"--slo {path}, document 2",
        f"--slo {path}, document 1",
    ]
    write(path, yaml.safe_dump(sloth(objective=100)))
    with pytest.raises(SloFileError) as caught:
        read_slo_file(path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}: document 1, slos[0].objective: a target of 100 %")


def test_a_calendar_start_may_be_a_yaml_timestamp(tmp_path: Path) -> None:
    calendar = "{startTime: 2026-01-01 00:00:00, timeZone: UTC}"
    text = yaml.safe_dump(slo(timeWindow="absent")).replace(
        "spec:\n  budget",
        f"spec:\n  timeWindow: [{{duration: 1M, calendar: {calendar}}}]\n  budget",
    )
    (objective,) = read_slo_file(write(tmp_path / "a.yaml", text)).objectives
    assert isinstance(objective.window, CalendarWindow)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff\xfe\x00", "not UTF-8 text (byte 0)"),
        ("a: [", "a.yaml:1: not YAML"),
        ("a: b: c", "a.yaml:1: not YAML"),
        ("a: \x00", "not YAML"),
        ("a: " + "9" * 5000, "not YAML"),
        ("a: !!python/object:os.system {}", "not YAML"),
        ("a: &a {x: 1}\nb: {<<: *a}", "a.yaml:2: not YAML: expected no merge key `<<`"),
        ("- " * 20_000, "nested too deep"),
        ("a: " + "x" * MAX_BYTES, "larger than 300 kB"),
    ],
    ids=["bytes", "open list", "colons", "NUL", "digits", "tag", "merge", "deep", "large"],
)
def test_files_that_cannot_be_read(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(SloFileError) as caught:
        read_slo_file(write(tmp_path / "a.yaml", text))
    (problem,) = caught.value.problems
    assert str(tmp_path / "a.yaml") in problem
    assert said in problem


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SloFileError, match="cannot be read: No such file"):
        read_slo_file(tmp_path / "gone.yaml")


def test_aliases_that_would_be_endless_are_complained_about_briefly(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    text = "\n".join([*lines, "apiVersion: *a59"])
    with pytest.raises(SloFileError) as caught:
        read_slo_file(write(tmp_path / "a.yaml", text))
    assert len(str(caught.value)) < 300


def test_an_empty_file_says_that_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", "# nothing yet\n")
    assert read_slo_file(path).warnings == (f"{path}: has no objectives",)
