"""Sloth documents: what is taken from them, what is complained about."""

from typing import Any

import pytest
import yaml
from slo_documents import GOOD, TOTAL, VECTORS, load, only, said, slo, sloth

from mtop_tui.domain.slo.importing import import_documents
from mtop_tui.domain.slo.objectives import (
    Indicator,
    Kind,
)
from mtop_tui.domain.slo.periods import DAY, RollingWindow


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
