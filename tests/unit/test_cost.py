"""What GPUs cost: allocation, usage, idle, sharing, and the bill that adds up."""

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.cost.allocation import (
    Workload,
    allocated,
    allocation_cost,
    asset_cost,
    idle_cost,
    node_share,
    share_by_weight,
    share_idle,
    spread,
    usage_cost,
)
from mtop_tui.domain.cost.bill import Bill, Spend, bill_of, spend_of, total_spend
from mtop_tui.domain.cost.money import (
    CENT,
    Basis,
    Dollars,
    Money,
    PriceOrigin,
    Window,
    exact_sum,
    in_cents,
    in_words,
    total,
)
from mtop_tui.domain.cost.prices import NoPrice, Price
from mtop_tui.domain.cost.sharing import (
    WHOLE,
    hami_fraction,
    mig_fraction,
    shared_gpu,
    slice_fraction,
)

FOLDER = Path(__file__).parent / "vectors"
ALLOCATION = json.loads((FOLDER / "allocation_idle.json").read_text())
EDGES = {
    case["id"]: case for case in json.loads((FOLDER / "idle_edge_cases.json").read_text())["cases"]
}
MIG = json.loads((FOLDER / "mig_cost.json").read_text())["cases"]

RESOURCES = ("cpu", "ram", "gpu", "pv", "net", "lb")
DAY = date(2026, 7, 20)
PRICE = Price(Decimal("55.04"), "list", DAY)
ORIGIN = PriceOrigin("list", DAY)

usd = st.decimals(0, 10**7, places=6)
seconds = st.integers(0, 10**7)


def money(value: float | str) -> Decimal:
    return Decimal(str(value))


# OpenCost's showback


def workloads(name: str) -> list[Workload]:
    return [
        Workload(
            cluster if name == "cluster" else namespace,
            cluster,
            {resource: money(cost) for resource, cost in zip(RESOURCES, costs, strict=True)},
        )
        for cluster, namespace, _, _, _, *costs in ALLOCATION["allocations"]
    ]


def idle() -> dict[str, dict[str, Decimal]]:
    return {
        cluster: {resource: money(cost) for resource, cost in costs.items()}
        for cluster, costs in ALLOCATION["idle_by_cluster"].items()
    }


def idle_rows(*, split: bool) -> dict[str, Decimal]:
    by_cluster = {cluster: exact_sum(costs.values()) for cluster, costs in idle().items()}
    if split:
        return {f"{cluster}/__idle__": cost for cluster, cost in by_cluster.items()}
    return {"__idle__": exact_sum(by_cluster.values())}


def showback(case: dict[str, Any]) -> dict[str, Decimal]:
    rows = workloads(case["aggregate"])
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row.name] += exact_sum(row.costs.values())
    if case["idle"] == "share_weighted":
        shared = share_idle(rows, idle())
        assert not shared.unshared
        return {name: sums[name] + shared.shares[name] for name in sums}
    if share := case.get("share"):
        spare = sums.pop(share["namespace"])
        evenly = share_by_weight(spare, dict.fromkeys(sums, Decimal(1)))
        sums.update({name: cost + evenly.shares[name] for name, cost in list(sums.items())})
    if overhead := case.get("overhead_usd_per_h"):
        paid = asset_cost(1, money(overhead), case["hours"])
        spread_out = share_by_weight(paid, sums)
        sums.update({name: cost + spread_out.shares[name] for name, cost in list(sums.items())})
    return sums | idle_rows(split=case["idle"] == "split_by_cluster")


@pytest.mark.parametrize("case", ALLOCATION["cases"], ids=lambda case: case["id"])
def test_opencost_showback(case: dict[str, Any]) -> None:
    tolerance = case.get("tolerance", 1e-9)
    got = {name: float(cost) for name, cost in showback(case).items()}
    assert got == pytest.approx(case["expected"], abs=tolerance)
    assert sum(got.values()) == pytest.approx(case["total"], rel=1e-9)


def test_negative_idle_is_0_and_the_raw_figure_is_kept_as_a_doubt() -> None:
    case = EDGES["negative-idle"]
    pods = [allocation_cost(pod["request"], pod["usage"], Decimal(1), 1) for pod in case["pods"]]
    got = idle_cost(asset_cost(case["node"]["ram_gb"], Decimal(1), 1), pods)
    assert exact_sum(pods) == case["allocated"]
    assert (got.usd, got.raw, got.doubtful) == (case["shown_idle"], case["idle"], True)
    assert not idle_cost(Decimal(8), [Decimal(8)]).doubtful


def test_idle_of_a_node_is_shared_by_the_workloads_on_it() -> None:
    case = EDGES["share-by-node"]
    rows = [
        Workload(name, node, {"gpu": Decimal(1)})
        for node, facts in case["nodes"].items()
        for name in facts["used"]
    ]
    shared = share_idle(
        rows, {node: {"gpu": money(facts["idle"])} for node, facts in case["nodes"].items()}
    )
    assert {name: 1 + float(cost) for name, cost in shared.shares.items()} == case["expected"]


def test_idle_of_a_resource_nobody_pays_for_stays_a_row_of_its_own() -> None:
    case = EDGES["zero-weight-idle"]
    shared = share_by_weight(
        money(case["idle_usd"]), {index: money(w) for index, w in enumerate(case["weights"])}
    )
    assert list(shared.shares.values()) == case["expected_shared"]
    assert shared.unshared == case["expected_unshared_idle"]
    rows = [Workload("chat", "n1", {"cpu": Decimal(2)})]
    kept = share_idle(rows, {"n1": {"gpu": Decimal(27), "cpu": Decimal(1)}, "n2": {"cpu": 5}})
    assert kept.shares == {"chat": Decimal(1)}
    assert kept.unshared == {("n1", "gpu"): Decimal(27), ("n2", "cpu"): Decimal(5)}


def test_usage_needs_a_measurement_and_allocation_does_not() -> None:
    case = EDGES["gpu-usage-basis"]
    rate, hours = money(case["usd_per_gpu_h"]), case["hours"]
    used = case["gpu_util"] * case["gpus_requested"]
    assert allocation_cost(case["gpus_requested"], used, rate, hours) == money(
        case["allocation_usd"]
    )
    assert usage_cost(used, rate, hours) == money(case["usage_usd"])
    assert usage_cost(None, rate, hours) is None
    assert usage_cost(0, rate, hours) == 0
    assert allocation_cost(1, None, rate, hours) == 4


def spend(**facts: Any) -> Spend:
    price = facts.pop("usd_per_replica_hour", Decimal(1))
    whole = facts.pop("replica_seconds", 1.0)
    return spend_of(price, whole, **({"idle_seconds": 0.0, "spare_seconds": 0.0} | facts))


AMOUNTS: dict[str, list[Callable[[Any], object]]] = {
    "an amount": [lambda value: asset_cost(value, Decimal(1), 1)],
    "a rate": [lambda value: asset_cost(1, value, 1)],
    "a number of hours": [lambda value: asset_cost(1, Decimal(1), value)],
    "a request": [lambda value: allocation_cost(value, None, Decimal(1), 1)],
    "a use": [lambda value: allocation_cost(1, value, Decimal(1), 1)],
    "a weight": [lambda value: share_by_weight(Decimal(1), {"a": value})],
    "a shared cost": [lambda value: share_by_weight(value, {})],
    "a price": [
        lambda value: spend(usd_per_replica_hour=value),
        lambda value: shared_gpu(value, []),
    ],
    "replica seconds": [lambda value: spend(replica_seconds=value)],
    "unobserved seconds": [lambda value: spend(unobserved_seconds=value)],
    "idle seconds": [lambda value: spend(idle_seconds=value)],
    "spare seconds": [lambda value: spend(spare_seconds=value)],
    "a bill": [lambda value: bill_of(value, [])],
    "a part of a bill": [
        lambda value: Bill(Decimal(0), Decimal(0), value, Decimal(0), Decimal(0), Decimal(0))
    ],
    "an amount of money": [
        lambda value: in_cents([Decimal(1), value]),
        lambda value: Money(value, Basis.ALLOCATION, origins=frozenset({ORIGIN})),
    ],
}


@pytest.mark.parametrize("value", ["-1", "NaN", "Infinity"])
@pytest.mark.parametrize("what", AMOUNTS)
def test_amounts_that_cannot_be(what: str, value: str) -> None:
    for wrong in AMOUNTS[what]:
        with pytest.raises(ValueError, match=f"^{what} is 0 or more, not {value}$"):
            wrong(Decimal(value))


@pytest.mark.parametrize("value", [-0.5, float("nan"), float("inf")])
def test_floats_that_cannot_be(value: float) -> None:
    with pytest.raises(ValueError, match=f"^an amount is 0 or more, not {value}$"):
        asset_cost(value, Decimal(1), 1)


@given(usd, st.lists(st.decimals(0, 100, places=3), min_size=1, max_size=6))
def test_a_shared_cost_is_neither_lost_nor_multiplied(amount: Decimal, weights: list[Any]) -> None:
    shared = share_by_weight(amount, dict(enumerate(weights)))
    together = exact_sum([*shared.shares.values(), shared.unshared])
    assert together == pytest.approx(amount, abs=Decimal("1e-15"))


# Nodes and GPUs


def test_gpus_share_the_price_of_their_node() -> None:
    assert allocated(2, 8, Decimal("55.04")) == Dollars(Decimal("13.76"))


def test_shares_of_a_node_add_up_to_the_cent() -> None:
    node = Decimal("55.04")
    assert total(allocated(gpus, 8, node) for gpus in (1, 2, 5)) == Dollars(node)


def test_a_node_without_a_price_is_unpriced_not_free() -> None:
    assert allocated(1, 8, None) == Dollars(Decimal(0), unpriced=1)
    assert allocated(0, 8, None) == Dollars()
    held = [allocated(2, 8, None), allocated(8, 8, Decimal(3)), allocated(1, 8, None)]
    assert total(held) == Dollars(Decimal(3), unpriced=2)


@pytest.mark.parametrize("gpus", [-1, 9])
def test_gpus_a_node_does_not_have(gpus: int) -> None:
    with pytest.raises(ValueError, match="cannot be allocated"):
        allocated(gpus, 8, Decimal(1))


@pytest.mark.parametrize(
    ("gpus", "nodes", "expected"),
    [(16, 2, [8, 8]), (3, 2, [2, 1]), (1, 3, [1, 0, 0]), (0, 2, [0, 0]), (8, 1, [8])],
)
def test_gpus_of_a_replica_over_several_nodes(gpus: int, nodes: int, expected: list[int]) -> None:
    assert spread(gpus, nodes) == expected


@pytest.mark.parametrize(("gpus", "nodes"), [(1, 0), (-1, 1)])
def test_gpus_that_cannot_be_spread(gpus: int, nodes: int) -> None:
    with pytest.raises(ValueError, match="cannot be spread"):
        spread(gpus, nodes)


# Provenance


def test_money_says_where_it_is_from() -> None:
    window = Window(0.0, 1800.0)
    got = node_share("n1", Fraction(3, 8), PRICE, window=window)
    assert got == Money(
        Decimal("10.32"), Basis.ALLOCATION, window, frozenset({ORIGIN}), frozenset({"n1"})
    )
    assert node_share("n1", Fraction(3, 8), PRICE).usd == allocated(3, 8, PRICE.usd_per_hour).usd
    assert in_words(got) == "$10.32"
    assert not got.at_least
    used = node_share("n1", Fraction("0.5") * 2 / 8, PRICE, Basis.USAGE)
    assert (used.usd, used.basis) == (Decimal("6.88"), Basis.USAGE)


def test_a_total_with_unpriced_nodes_is_a_lower_bound_and_says_so() -> None:
    nodes = {"n1": PRICE, "n2": PRICE, "n3": NoPrice("?"), "n4": NoPrice("?")}
    parts = [node_share(name, WHOLE, price) for name, price in nodes.items()]
    result = node_share("n1", WHOLE, PRICE)
    for part in parts:
        result += part
    assert in_words(result) == ">= $165.12 (2 of 4 nodes priced)"
    assert (result.at_least, result.known) == (True, True)
    assert result.origins == {ORIGIN}
    unpriced = parts[2] + parts[3]
    assert in_words(unpriced) == "no price (0 of 2 nodes priced)"
    assert (unpriced.at_least, unpriced.known) == (True, False)


def test_no_share_of_a_node_costs_nothing_whatever_its_price() -> None:
    window = Window(0.0, 1.0)
    nothing = node_share("n1", Fraction(0), NoPrice("?"), Basis.USAGE, window)
    assert nothing == Money(Decimal(0), Basis.USAGE, window)
    assert in_words(nothing) == "$0.00"
    assert (nothing.at_least, nothing.known) == (False, True)


def test_a_sum_keeps_its_basis_and_window() -> None:
    window = Window(0.0, 3600.0)
    parts = [
        node_share(name, WHOLE, price, Basis.USAGE, window)
        for name, price in {"n1": PRICE, "n2": NoPrice("?")}.items()
    ]
    assert parts[0] + parts[1] == Money(
        Decimal("55.04"),
        Basis.USAGE,
        window,
        frozenset({ORIGIN}),
        frozenset({"n1"}),
        frozenset({"n2"}),
    )


@pytest.mark.parametrize("share", [Fraction(-1, 8), Fraction(9, 8)])
def test_shares_a_node_does_not_have(share: Fraction) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        node_share("n1", share, NoPrice("?"))


def test_dollars_of_different_basis_or_window_do_not_add_up() -> None:
    here = Money(Decimal(0), Basis.ALLOCATION)
    for other in (
        Money(Decimal(0), Basis.USAGE),
        Money(Decimal(0), Basis.ALLOCATION, Window(0, 1)),
    ):
        with pytest.raises(ValueError, match="do not add up"):
            here + other


def test_dollars_need_a_source() -> None:
    with pytest.raises(ValueError, match="without a price source"):
        Money(Decimal(1), Basis.ALLOCATION)


def test_a_window_that_ends_before_it_starts() -> None:
    with pytest.raises(ValueError, match="a window is 0 or more"):
        node_share("n1", WHOLE, PRICE, window=Window(10.0, 9.0))


def test_words_round_half_up() -> None:
    amount = Money(Decimal("0.125"), Basis.ALLOCATION, origins=frozenset({ORIGIN}))
    assert in_words(amount) == "$0.13"


# Cents


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


# The bill


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


# Shares of a GPU


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
