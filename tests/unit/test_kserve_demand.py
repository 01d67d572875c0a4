"""Simulation hints on our own manifests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.engine.demand import UNSTATED, Demand, demand_of
from mtop_tui.engine.workload.kinds import CODE


def test_a_manifest_without_hints_leaves_every_choice_to_the_engine() -> None:
    assert demand_of({"serving.kserve.io/stop": "true"}) == (UNSTATED, {})


def test_every_hint_is_read_in_its_unit() -> None:
    hints = {
        "sim.mtop.dev/requests-per-second": "61",
        "sim.mtop.dev/prompt-tokens": "900",
        "sim.mtop.dev/output-tokens": "220.5",
        "sim.mtop.dev/age": "2d",
        "sim.mtop.dev/fault": "image-pull",
        "sim.mtop.dev/kind": "code",
        "sim.mtop.dev/cv": "4.5",
        "sim.mtop.dev/diurnal": "0.5",
        "sim.mtop.dev/tenants": "12",
        "sim.mtop.dev/cached-share": "0.8",
    }
    stated = Demand(61.0, 900.0, 220.5, 172_800.0, True, CODE, 4.5, 0.5, 12, 0.8)
    assert demand_of(hints) == (stated, {})


@pytest.mark.parametrize(
    ("period", "seconds"), [("190s", 190), ("1h30m", 5_400), ("1.5m", 90), ("0s", 0)]
)
def test_ages_are_periods(period: str, seconds: float) -> None:
    demand, _ = demand_of({"sim.mtop.dev/age": period})
    assert demand.age == seconds


def test_a_service_nobody_calls_is_not_one_without_a_stated_rate() -> None:
    demand, _ = demand_of({"sim.mtop.dev/requests-per-second": "0"})
    assert demand.requests_per_second == 0.0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requests-per-second", "-1"),
        ("requests-per-second", "nan"),
        ("requests-per-second", "many"),
        ("requests-per-second", "1e6"),
        ("prompt-tokens", "0"),
        ("prompt-tokens", "1e300"),
        ("output-tokens", "inf"),
        ("age", "2 days"),
        ("age", ""),
        ("age", "9" * 400 + "d"),
        ("fault", "meteor"),
        ("kind", "music"),
        ("cv", "0"),
        ("cv", "31"),
        ("diurnal", "1.5"),
        ("tenants", "0"),
        ("tenants", "2.5"),
        ("tenants", "٣"),
        ("tenants", "9" * 5_000),
        ("cached-share", "80%"),
        ("requests-per-minute", "3"),
    ],
)
def test_a_hint_that_cannot_be_read_is_named(name: str, text: str) -> None:
    demand, wrong = demand_of({f"sim.mtop.dev/{name}": text})
    assert demand == UNSTATED
    assert list(wrong) == [f"sim.mtop.dev/{name}"]


@given(
    st.dictionaries(
        st.sampled_from(["age", "fault", "prompt-tokens", "kind", "cv", "tenants"]), st.text()
    )
)
def test_any_text_is_read_or_refused_with_its_name(hints: dict[str, str]) -> None:
    named = {f"sim.mtop.dev/{name}": text for name, text in hints.items()}
    _, wrong = demand_of(named)
    assert wrong.keys() <= named.keys()
