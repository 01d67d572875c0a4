"""Shares of a GPU: MIG, time slices, HAMi."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from cost_cases import EDGES, MIG, money, usd
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.cost.money import (
    exact_sum,
)
from mtop_tui.domain.cost.sharing import (
    hami_fraction,
    mig_fraction,
    shared_gpu,
    slice_fraction,
)


@pytest.mark.parametrize(
    "case", [case for case in MIG if "profile" in case], ids=lambda case: case["id"]
)
def test_mig_fractions(case: dict[str, Any]) -> None:
    fraction = mig_fraction(case["gpu"], case["profile"])
    assert fraction is not None
    assert float(fraction) == pytest.approx(case["cost_fraction"], rel=1e-9)


@pytest.mark.parametrize(
    "case", [case for case in MIG if "layout" in case], ids=lambda case: case["id"]
)
def test_mig_layouts(case: dict[str, Any]) -> None:
    fractions = [mig_fraction(case["gpu"], profile) for profile in case["layout"]]
    assert [float(f or 0) for f in fractions] == pytest.approx(case["raw_fractions"], rel=1e-9)
    got = shared_gpu(money(case["usd_per_gpu_h"]), [f for f in fractions if f is not None])
    assert [float(part) for part in got.parts] == pytest.approx(case["per_instance_usd"])
    assert float(got.idle) == pytest.approx(case["idle_usd"], rel=1e-9, abs=1e-9)
    assert float(got.claimed) == pytest.approx(case["raw_sum"], rel=1e-9)


def test_a_layout_that_claims_more_than_the_gpu_is_scaled_to_it() -> None:
    layout = [mig_fraction("A100-40GB", "4g.20gb"), mig_fraction("A100-40GB", "3g.20gb")]
    got = shared_gpu(Decimal(15), [f for f in layout if f is not None])
    assert got.claimed == Fraction(15, 14)
    assert got.parts == (Decimal(8), Decimal(7))
    assert got.idle == 0


def test_mig_profiles_by_gpu() -> None:
    assert mig_fraction("A100-40GB", "1g.10gb") == Fraction(2, 8)
    assert mig_fraction("H100", "1g.10gb") == Fraction(1, 7)
    assert mig_fraction("H100", "1g.10gb+me") == Fraction(1, 7)
    assert mig_fraction("A30", "2g.12gb+me") == Fraction(1, 2)
    assert mig_fraction("H200", "7g.141gb") == 1
    assert mig_fraction("T4", "1g.5gb") is None
    assert mig_fraction("H100", "9g.90gb") is None


def test_unused_time_slices_are_idle() -> None:
    got = shared_gpu(Decimal(4), [slice_fraction(4)] * 3)
    assert got.parts == (Decimal(1), Decimal(1), Decimal(1))
    assert got.idle == Decimal(1)
    assert slice_fraction(1) == 1
    with pytest.raises(ValueError, match="one replica or more"):
        slice_fraction(0)


def test_hami_shares() -> None:
    case = EDGES["hami-25pct"]
    got = shared_gpu(
        money(case["usd_per_gpu_h"]), [hami_fraction(core) for core in case["core_percent"]]
    )
    assert list(got.parts) == case["per_pod_usd"]
    assert got.idle == case["idle_usd"]
    assert hami_fraction(25, 50) == Fraction(1, 2)
    assert hami_fraction(None, 12.5) == Fraction(1, 8)
    assert hami_fraction(0.5) == Fraction(1, 200)
    assert hami_fraction(100) == hami_fraction(None) == 1


@pytest.mark.parametrize("percent", [0, -1, 100.5, float("nan")])
def test_percentages_that_are_no_share(percent: float) -> None:
    with pytest.raises(ValueError, match="percentage of a GPU"):
        hami_fraction(percent)


def test_fractions_that_are_no_share() -> None:
    with pytest.raises(ValueError, match="fraction of a GPU"):
        shared_gpu(Decimal(1), [Fraction(-1, 2), Fraction(1)])


@given(usd, st.lists(st.fractions(0, 1), max_size=9))
def test_shares_and_idle_are_the_gpu(price: Decimal, fractions: list[Fraction]) -> None:
    got = shared_gpu(price, fractions)
    together = exact_sum([*got.parts, got.idle])
    assert together == pytest.approx(price, abs=Decimal("1e-12"))
    assert got.idle >= 0
