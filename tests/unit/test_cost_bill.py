"""Cents that add up, and the bill in its four parts."""

from decimal import Decimal

import pytest
from cost_cases import ORIGIN, money, seconds, usd
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.cost.allocation import (
    idle_cost,
)
from mtop_tui.domain.cost.bill import Bill, Spend, bill_of, spend_of, total_spend
from mtop_tui.domain.cost.money import (
    CENT,
    Basis,
    Money,
    exact_sum,
    in_cents,
    in_words,
)


@given(st.lists(usd, max_size=12))
def test_parts_in_cents_add_up_to_their_sum_in_cents(parts: list[Decimal]) -> None:
    cents = in_cents(parts)
    assert abs(exact_sum(cents) - exact_sum(parts)) <= CENT / 2
    assert all(abs(cent - part) < CENT for cent, part in zip(cents, parts, strict=True))
    assert all(cent == cent.quantize(CENT) for cent in cents)


def test_missing_cents_go_to_what_lost_most_and_first_of_equals() -> None:
    assert in_cents([money("0.333"), money("0.339"), money("0.328")]) == [
        money("0.33"),
        money("0.34"),
        money("0.33"),
    ]
    third = Decimal(1) / 3
    assert in_cents([third, third, third]) == [money("0.34"), money("0.33"), money("0.33")]
    assert in_cents([money("0.005")]) == [money("0.01")]
    assert in_cents([]) == []


def test_amounts_longer_than_decimal_s_default_precision() -> None:
    large, small = Decimal(10) ** 30, Decimal("0.01")
    assert in_cents([large, small]) == [large, small]
    assert in_words(Money(large, Basis.USAGE, origins=frozenset({ORIGIN}))) == f"${large:f}.00"
    assert bill_of(large, [Spend(small, Decimal(0), Decimal(0))]).usd == large
    assert idle_cost(large, [small]).raw == Decimal("9" * 30 + ".99")


def test_what_a_service_held_is_split_by_what_it_was_held_for() -> None:
    held = spend_of(Decimal(36), 1000, idle_seconds=300, spare_seconds=200, unobserved_seconds=100)
    assert held == Spend(Decimal(5), Decimal(2), Decimal(3), Decimal(1))
    assert held.usd == Decimal(10)


def test_without_an_objective_headroom_is_unknown_and_stays_in_serving() -> None:
    held = spend_of(Decimal(36), 1000, idle_seconds=0, spare_seconds=None)
    assert held == Spend(Decimal(10), Decimal(0), Decimal(0), headroom_unknown=1)
    assert bill_of(Decimal(10), [held, held._replace(serving=Decimal(0))]).headroom_unknown == 2


def test_a_service_that_was_idle_throughout_served_nothing() -> None:
    held = spend_of(Decimal(36), 1000, idle_seconds=1000, spare_seconds=0)
    assert held == Spend(Decimal(0), Decimal(0), Decimal(10))


def test_seconds_that_exceed_the_whole_are_cut_off() -> None:
    held = spend_of(Decimal(36), 1000, idle_seconds=950, spare_seconds=900, unobserved_seconds=100)
    assert held == Spend(Decimal(1), Decimal(0), Decimal(9), Decimal(1))


def test_prefill_and_decode_have_their_own_idle_and_one_service() -> None:
    prefill = spend_of(Decimal(36), 1000, idle_seconds=500, spare_seconds=0)
    decode = spend_of(Decimal(72), 2000, idle_seconds=0, spare_seconds=100)
    assert (prefill.idle, decode.idle) == (Decimal(5), Decimal(0))
    service = total_spend([prefill, decode])
    assert service == Spend(Decimal(43), Decimal(2), Decimal(5))
    assert service.usd == prefill.usd + decode.usd


def test_what_nobody_requested_is_node_idle() -> None:
    held = Spend(Decimal(4), Decimal(2), Decimal(3), Decimal(1))
    got = bill_of(Decimal(16), [held], priced_nodes=2, unpriced_nodes=1)
    assert got.parts == (Decimal(4), Decimal(2), Decimal(3), Decimal(7))
    assert (got.usd, got.unobserved, got.doubtful) == (Decimal(16), Decimal(1), False)
    assert (got.priced_nodes, got.unpriced_nodes) == (2, 1)


def test_more_held_than_there_is_is_doubtful_and_scaled_to_the_bill() -> None:
    got = bill_of(Decimal(8), [Spend(Decimal(8), Decimal(4), Decimal(4), Decimal(2))])
    assert got.parts == (Decimal(4), Decimal(2), Decimal(2), Decimal(0))
    assert got.unobserved == Decimal(1)
    assert got.doubtful
    assert got.raw_node_idle == Decimal(-8)


def test_no_nodes_no_bill() -> None:
    got = bill_of(Decimal(0), [])
    assert got.parts == (0, 0, 0, 0)
    assert (got.priced_nodes, got.unpriced_nodes, got.headroom_unknown) == (0, 0, 0)


def test_parts_that_do_not_add_up_are_no_bill() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        Bill(Decimal(9), Decimal(4), Decimal(2), Decimal(3), Decimal(1), Decimal(1))
    with pytest.raises(ValueError, match="0 or more"):
        Bill(Decimal(0), Decimal(-1), Decimal(1), Decimal(0), Decimal(0), Decimal(0))


pools = st.builds(
    lambda rate, whole, idle, spare, gap: spend_of(
        rate, whole, idle_seconds=idle, spare_seconds=spare, unobserved_seconds=gap
    ),
    usd,
    seconds,
    seconds,
    st.none() | seconds,
    seconds,
)


@given(usd, st.lists(pools, max_size=5))
def test_every_dollar_of_the_bill_is_in_exactly_one_part(
    asset: Decimal, spends: list[Spend]
) -> None:
    got = bill_of(asset, spends)
    assert exact_sum(got.parts) == asset
    assert exact_sum(got.parts_in_cents()) == asset.quantize(CENT, "ROUND_HALF_UP")
    assert all(part >= 0 for part in got.parts)
    assert got.doubtful == (exact_sum(spend.usd for spend in spends) > asset)


@given(pools)
def test_what_was_not_observed_is_part_of_serving(held: Spend) -> None:
    assert held.unobserved <= held.serving + Decimal("1e-12")
