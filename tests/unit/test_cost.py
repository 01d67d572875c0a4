"""Dollars: showback of workloads, what replicas cost, and where an amount is from."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from cost_cases import ALLOCATION, EDGES, ORIGIN, PRICE, RESOURCES, money, spend, usd
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
from mtop_tui.domain.cost.bill import Bill, bill_of
from mtop_tui.domain.cost.money import (
    Basis,
    Dollars,
    Money,
    Window,
    exact_sum,
    in_cents,
    in_words,
    total,
)
from mtop_tui.domain.cost.prices import NoPrice
from mtop_tui.domain.cost.sharing import (
    WHOLE,
    shared_gpu,
)


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
