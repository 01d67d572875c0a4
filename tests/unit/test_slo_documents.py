"""Examples of OpenSLO and Sloth: what mtop takes from them, and what it says of the rest."""

import copy

import pytest
import yaml
from slo_documents import FILE, GOOD, RATIO, TOTAL, VECTORS, load, only

from mtop_tui.config.slo_file import SloFileError, read_slo_file
from mtop_tui.domain.slo.burn_alerts import burn_alerts
from mtop_tui.domain.slo.objectives import (
    Budgeting,
    Indicator,
    Kind,
    Method,
    Objective,
)
from mtop_tui.domain.slo.periods import DAY, MINUTE, RollingWindow


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
