"""What OpenCost says nodes cost: whom it is believed after, and how far it is from the rest."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from fleet_source import START
from mtop_tui.clock import ManualClock
from mtop_tui.domain.cost.prices import (
    PRICE_LABEL,
    Instance,
    Price,
    PriceBook,
    PriceRule,
)
from mtop_tui.domain.cost.reconciling import reconcile
from mtop_tui.observations import Node, ObjectRef, SourceHealth
from mtop_tui.providers.live.metrics.opencost import (
    NodePrices,
    OpenCost,
    asked_for,
    read_page,
)
from mtop_tui.providers.live.metrics.prometheus_api import PrometheusApi
from mtop_tui.providers.scraping.fetching import FetchError
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.cost import NODE_IDLE, SERVICE, costs, explain

DAY = date(2026, 7, 20)
LISTED = [(Instance("p5", "east"), Price(Decimal(50), "list", DAY))]


def node(name: str = "n", **more: object) -> Node:
    plain = Node(
        at=START,
        ref=ObjectRef("c", "", "Node", name, name),
        ready=True,
        gpus=8,
        instance_type="p5",
        region="east",
    )
    return msgspec.structs.replace(plain, **more)


def source(book: PriceBook, one: Node) -> str:
    found = book.price_of(one)
    return found.source if isinstance(found, Price) else "none"


def test_it_is_believed_before_a_list_and_after_what_somebody_wrote() -> None:
    said = node(opencost_usd_per_hour=48.0)
    labelled = node(opencost_usd_per_hour=48.0, labels={PRICE_LABEL: "47"})
    rule = PriceRule("file", DAY, gpu_type="H100", usd_per_hour=Decimal(46))
    assert source(PriceBook(LISTED), node()) == "list"
    assert source(PriceBook(LISTED), said) == "OpenCost"
    assert source(PriceBook(LISTED), labelled) == f"node label {PRICE_LABEL}"
    assert source(PriceBook(LISTED, [rule]), node(gpu_type="H100")) == "file"
    assert source(PriceBook(), said) == "OpenCost"


@pytest.mark.parametrize("said", [0.0, -1.0, 1e9, float("nan"), float("inf")])
def test_what_cannot_be_a_price_is_none(said: float) -> None:
    book = PriceBook(LISTED)
    assert source(book, node(opencost_usd_per_hour=said)) == "list"
    assert reconcile([node(opencost_usd_per_hour=said)], book) is None


def test_the_difference_is_of_the_same_nodes() -> None:
    nodes = [
        node("a", opencost_usd_per_hour=40.0),
        node("b"),  # of which OpenCost says nothing
        node("c", opencost_usd_per_hour=30.0, instance_type="own"),
        node("d", opencost_usd_per_hour=3.0, gpus=0),  # which is in no bill of mtop
    ]
    found = reconcile(nodes, PriceBook(LISTED))
    assert found is not None
    assert (found.nodes, found.only_theirs, found.ours, found.theirs) == (1, 1, 50, 40)
    assert found.difference == pytest.approx(-0.2)
    assert reconcile([node()], PriceBook(LISTED)) is None


def test_the_cost_screen_says_whose_prices_they_are_and_how_far_apart() -> None:
    store = FleetStore(PriceBook(LISTED))
    for minute in range(4):
        at = START + 60.0 * minute
        store.apply([msgspec.structs.replace(node(opencost_usd_per_hour=48.0), at=at)])
    rows = costs(store, START + 180.0, SERVICE, START).rows
    assert explain(rows[NODE_IDLE]).detail.text == (
        "prices: OpenCost; OpenCost says $48.0/h of 1 node, without it $50.0/h: 4.0% less"
    )


def answering(**results: dict[str, float]) -> Callable[[str], bytes]:
    """Values by node of each metric."""

    def answer(path: str) -> bytes:
        (query,) = parse_qs(urlsplit(path).query)["query"]
        found = next((values for name, values in results.items() if name in query), {"": 1.0})
        told = [
            {"metric": {"node": name}, "value": [0, str(value)]} for name, value in found.items()
        ]
        return json.dumps({"status": "success", "data": {"result": told}}).encode()

    return answer


def test_its_default_price_of_a_gpu_is_not_read() -> None:
    answer = answering(
        node_total_hourly_cost={"a": 12.5, "b": 8.1},
        node_gpu_hourly_cost={"a": 1.5, "b": 0.95},
    )

    async def ask(path: str) -> bytes:
        return answer(path)

    found = asyncio.run(asked_for(PrometheusApi(ask)))
    assert found is not None
    assert found.usd_per_hour == {"a": 12.5}
    assert found.said.startswith("1 node with a price; 1 with its default of 0.95 USD per GPU")


def test_where_it_is_not_scraped_nothing_is_said() -> None:
    answer = answering(node_total_hourly_cost={}, node_gpu_hourly_cost={})

    async def ask(path: str) -> bytes:
        return answer(path)

    assert asyncio.run(asked_for(PrometheusApi(ask))) is None


def test_its_own_page_says_the_same() -> None:
    page = b"""# TYPE node_total_hourly_cost gauge
node_total_hourly_cost{arch="amd64",instance="a",instance_type="p5",node="a",region="east"} 12.5
node_total_hourly_cost{instance="b",node="b"} 8.1
node_gpu_hourly_cost{instance="a",node="a"} 1.5
node_gpu_hourly_cost{instance="b",node="b"} 0.95
"""
    found = read_page(page)
    assert found is not None
    assert (found.usd_per_hour, found.defaults) == ({"a": 12.5}, 1)
    assert read_page(b"<html>") is None


@pytest.mark.parametrize("named", [True, False])
def test_it_is_missed_only_where_somebody_says_that_it_is_there(named: bool) -> None:
    answers: list[FetchError | NodePrices | None] = [
        FetchError("error", "HTTP 404", "the API server answered 404: not found"),
        None,
        NodePrices({"a": 12.5}),
    ]

    async def look() -> NodePrices | None:
        answer = answers.pop(0)
        if isinstance(answer, FetchError):
            raise answer
        return answer

    async def at_once(_seconds: float) -> None:
        """Waits for nothing."""

    async def told() -> list[tuple[str, str, int]]:
        costs = OpenCost(look, "it", clock=ManualClock(START), is_named=named, sleep=at_once)
        found = []
        async for batch in costs.observe():
            (health,) = batch
            assert isinstance(health, SourceHealth)
            found.append((health.state, health.detail, health.errors))
            if not answers:
                assert costs.prices == {"a": 12.5}
                return found
        return found

    assert asyncio.run(told()) == [
        *(
            [
                ("error", "the API server answered 404: not found", 1),
                ("error", "says nothing of nodes; is it OpenCost?", 2),
            ]
            if named
            else []
        ),
        ("live", "1 node with a price", 0),
    ]
