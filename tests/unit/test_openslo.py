"""OpenSLO documents: what is taken from them, what is complained about."""

from datetime import datetime
from typing import Any

import pytest
from slo_documents import GOOD, RATIO, TOTAL, TTFT, load, metric, only, said, slo, with_condition

from mtop_tui.domain.slo.fields import Field, FieldError
from mtop_tui.domain.slo.objectives import (
    Budgeting,
    BurnCondition,
    Indicator,
    Kind,
    Method,
)
from mtop_tui.domain.slo.periods import DAY, HOUR, CalendarWindow, RollingWindow


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
