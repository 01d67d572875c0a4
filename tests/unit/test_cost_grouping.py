"""Costs by group, and over a period that was seen in parts."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.cost.grouping import DIMENSIONS, CostRow, by_label, group_name, grouped
from mtop_tui.domain.cost.money import Basis, Dollars, Money, PriceOrigin, Window, in_words
from mtop_tui.domain.cost.period import Accrued, accrue
from mtop_tui.domain.cost.tokens import TokenUse, token_prices

ORIGIN = PriceOrigin("list", date(2026, 7, 20))


def spent(usd: int) -> Money:
    return Money(Decimal(usd), Basis.ALLOCATION, None, frozenset({ORIGIN}), frozenset({"n1"}))


def row(replica: str = "chat-0", usd: int = 1, **facts: object) -> CostRow:
    given_facts = {
        "cluster": "eu",
        "namespace": "prod",
        "service": "chat",
        "revision": "r1",
        "gpu_type": "H100",
        "labels": {"team": "search"},
    } | facts
    return CostRow(replica=replica, cost=spent(usd), **given_facts)  # type: ignore[arg-type]


ROWS = [
    row("chat-0", 1),
    row("chat-1", 2, revision="r2", gpu_type=None, labels={}),
    row("code-0", 4, service="code", labels={"team": ""}),
    row("chat-0", 8, cluster="us", revision=""),
    row("chat-0", 16, namespace="test", gpu_type="A100-80GB", labels={"team": "ads"}),
]


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        (
            "replica",
            {
                ("eu", "prod", "chat-0"): 1,
                ("eu", "prod", "chat-1"): 2,
                ("eu", "prod", "code-0"): 4,
                ("us", "prod", "chat-0"): 8,
                ("eu", "test", "chat-0"): 16,
            },
        ),
        (
            "revision",
            {
                ("eu", "prod", "chat", "r1"): 1,
                ("eu", "prod", "chat", "r2"): 2,
                ("eu", "prod", "code", "r1"): 4,
                None: 8,
                ("eu", "test", "chat", "r1"): 16,
            },
        ),
        (
            "service",
            {
                ("eu", "prod", "chat"): 3,
                ("eu", "prod", "code"): 4,
                ("us", "prod", "chat"): 8,
                ("eu", "test", "chat"): 16,
            },
        ),
        ("namespace", {("eu", "prod"): 7, ("us", "prod"): 8, ("eu", "test"): 16}),
        ("gpu", {("H100",): 13, None: 2, ("A100-80GB",): 16}),
    ],
)
def test_costs_by_dimension(dimension: str, expected: dict[object, int]) -> None:
    got = grouped(ROWS, DIMENSIONS[dimension])
    assert {group: sums.cost.usd for group, sums in got.items()} == expected


def test_what_has_no_team_is_a_group_of_its_own() -> None:
    got = grouped(ROWS, by_label())
    assert {group_name(group, "team"): sums.cost.usd for group, sums in got.items()} == {
        "search": 9,
        "no team": 6,
        "ads": 16,
    }
    assert group_name(("eu", "prod"), "namespace") == "eu/prod"
    assert list(grouped(ROWS, by_label("owner"))) == [None]


def test_rates_of_a_group_are_made_of_sums_not_averaged() -> None:
    folder = Path(__file__).parent / "vectors"
    cases = json.loads((folder / "token_cost.json").read_text())["cases"]
    (parts,) = (case["parts"] for case in cases if case["id"] == "accumulate-windows")
    rows = [
        row(f"chat-{index}", usd, use=TokenUse(prompt, generation))
        for index, (usd, prompt, generation) in enumerate(parts)
    ]
    (chat,) = grouped(rows, DIMENSIONS["service"]).values()
    price = token_prices(chat.cost, chat.use).blended
    assert price is not None
    assert float(price) == pytest.approx(220 / 3.3)
    cheap = row("a", 1, use=TokenUse(1_000_000, 0))
    dear = row("b", 299, use=TokenUse(3_500_000, 0))
    (both,) = grouped([cheap, dear], DIMENSIONS["namespace"]).values()
    assert float(token_prices(both.cost, both.use).blended or 0) == pytest.approx(66.67, abs=0.01)


def test_an_unpriced_replica_marks_its_group_only() -> None:
    unpriced = Money(Decimal(0), Basis.ALLOCATION, unpriced=frozenset({"n2"}))
    got = grouped(
        [*ROWS, row("chat-9", labels={"team": "ads"})._replace(cost=unpriced)], by_label()
    )
    assert in_words(got[("ads",)].cost) == ">= $16.00 (1 of 2 nodes priced)"
    assert in_words(got[("search",)].cost) == "$9.00"


@given(st.lists(st.tuples(st.integers(0, 99), st.sampled_from(["", "a", "b"])), max_size=20))
def test_groups_lose_nothing(facts: list[tuple[int, str]]) -> None:
    rows = [row(usd=usd, labels={"team": team}) for usd, team in facts]
    got = grouped(rows, by_label())
    assert sum(sums.cost.usd for sums in got.values()) == sum(usd for usd, _ in facts)


# Over a period

RATE = Dollars(Decimal(36))


def test_a_period_that_was_seen_whole() -> None:
    got = accrue([(0.0, RATE), (50.0, Dollars(Decimal(72)))], 0.0, 100.0, 60.0)
    assert got == Accrued(Decimal(36 * 50 + 72 * 50), observed=100.0)
    assert got.usd == Decimal("1.5")
    assert got.usd_per_hour == Decimal(54)
    assert got.share_observed == 1
    assert not got.at_least


def test_a_gap_is_not_observed_rather_than_free() -> None:
    got = accrue([(0.0, RATE), (25.0, RATE), (75.0, RATE)], 0.0, 100.0, 30.0)
    assert got.usd == Decimal("0.5")
    assert got.usd_per_hour == Decimal(36)
    assert got.share_observed == 0.5
    assert got.at_least


def test_a_gap_of_just_the_most_is_none() -> None:
    assert accrue([(0.0, RATE), (30.0, RATE)], 0.0, 60.0, 30.0).share_observed == 1


def test_before_the_first_point_nobody_looked() -> None:
    got = accrue([(40.0, RATE)], 0.0, 100.0, 60.0)
    assert (got.observed, got.missed) == (60.0, 40.0)


def test_after_the_last_point_too_long_nobody_looked() -> None:
    got = accrue([(0.0, RATE), (10.0, RATE)], 0.0, 100.0, 60.0)
    assert (got.observed, got.missed) == (10.0, 90.0)


def test_points_around_the_period_count_inside_it_only() -> None:
    points = [(-100.0, RATE), (-10.0, RATE), (20.0, RATE), (90.0, RATE), (110.0, RATE)]
    got = accrue(points, 0.0, 100.0, 100.0)
    assert got == Accrued(Decimal(3600), observed=100.0)
    assert accrue([(110.0, RATE)], 0.0, 100.0, 60.0) == Accrued(missed=100.0)
    assert accrue([(-50.0, RATE)], 0.0, 100.0, 60.0) == Accrued(missed=100.0)


def test_nothing_observed_is_unknown_not_zero() -> None:
    got = accrue([], 0.0, 100.0, 60.0)
    assert (got.usd, got.usd_per_hour, got.share_observed) == (None, None, 0.0)
    assert got.at_least
    assert Accrued().share_observed is None
    assert accrue([(0.0, Dollars())], 0.0, 50.0, 60.0).usd == 0


def test_a_part_without_a_price_makes_a_period_a_lower_bound() -> None:
    got = accrue([(0.0, RATE), (40.0, Dollars(Decimal(36), unpriced=2))], 0.0, 100.0, 60.0)
    assert got.unpriced == 60.0
    twice = accrue([(0.0, Dollars(unpriced=1)), (40.0, Dollars(unpriced=1))], 0.0, 90.0, 60.0)
    assert twice.unpriced == 90.0
    assert (got + twice).unpriced == 150.0
    assert got.usd == 1
    assert got.at_least


def test_money_of_a_period_keeps_the_provenance_of_its_rate() -> None:
    window = Window(0.0, 50.0)
    got = accrue([(0.0, RATE)], *window, 60.0).money(spent(36), window)
    assert got == Money(
        Decimal("0.5"), Basis.ALLOCATION, window, frozenset({ORIGIN}), frozenset({"n1"})
    )
    assert accrue([], *window, 60.0).money(spent(36), window) is None


def test_a_clock_that_went_back_is_left_out() -> None:
    wrong = (5.0, Dollars(Decimal(10**6)))
    nan = (float("nan"), Dollars(Decimal(10**6)))
    points = [nan, (0.0, RATE), (50.0, RATE), wrong, (50.0, wrong[1]), nan]
    assert accrue(points, 0.0, 100.0, 60.0) == Accrued(Decimal(3600), observed=100.0)


@pytest.mark.parametrize(
    ("start", "end", "gap"),
    [
        (1.0, 1.0, 1.0),
        (2.0, 1.0, 1.0),
        (0.0, 1.0, 0.0),
        (0.0, 1.0, -1.0),
        (float("nan"), 1.0, 1.0),
        (0.0, float("inf"), 1.0),
        (0.0, 1.0, float("nan")),
    ],
)
def test_periods_that_are_none(start: float, end: float, gap: float) -> None:
    with pytest.raises(ValueError, match="no period"):
        accrue([], start, end, gap)


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 99)), max_size=20),
    st.integers(1, 999),
    st.integers(1, 500),
)
def test_periods_that_meet_at_a_point_add_up(
    raw: list[tuple[int, int]], middle: int, gap: int
) -> None:
    times = sorted({0, middle, *(at for at, _ in raw)})
    points = [(float(at), Dollars(Decimal(index))) for index, at in enumerate(times)]
    first = accrue(points, 0.0, float(middle), gap)
    second = accrue(points, float(middle), 1000.0, gap)
    whole = accrue(points, 0.0, 1000.0, gap)
    assert first + second == whole
    assert whole.observed + whole.missed == 1000
