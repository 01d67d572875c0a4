"""What a node costs: the layers of the price book, and the traps of price lists."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

from mtop_tui.config.prices import BUNDLED, bundled_prices
from mtop_tui.domain.cost.prices import (
    CAPACITY_LABELS,
    PHYSICAL_GPUS_LABEL,
    PRICE_LABEL,
    Capacity,
    Instance,
    NoPrice,
    Price,
    PriceBook,
    PriceError,
    PriceRule,
    capacity_of,
    read_price,
)

FOLDER = Path(__file__).parent / "vectors"
TRAPS = {
    case["id"]: case for case in json.loads((FOLDER / "price_traps.json").read_text())["cases"]
}

DAY = date(2026, 7, 20)
P5 = Instance("p5.48xlarge", "us-east-1")
SPOT = P5._replace(capacity=Capacity.SPOT)
LIST = Price(Decimal("55.04"), "list", DAY)


@dataclass(frozen=True)
class Node:
    instance_type: str | None = "p5.48xlarge"
    region: str | None = "us-east-1"
    capacity: Literal["on-demand", "spot", "reserved"] | None = None
    gpus: int = 8
    gpu_type: str | None = "H100"
    labels: Mapping[str, str] = field(default_factory=dict)
    opencost_usd_per_hour: float | None = None


def rule(**facts: Any) -> PriceRule:
    return PriceRule("prices.yaml", date(2026, 11, 1), **facts)


def usd(found: Price | NoPrice) -> Decimal:
    assert isinstance(found, Price), found
    return found.usd_per_hour


def reason(found: Price | NoPrice) -> str:
    assert isinstance(found, NoPrice), found
    return found.reason


# Layers


def test_a_list_price_needs_type_region_and_capacity() -> None:
    book = PriceBook([(P5, LIST)])
    assert book.price_of(Node()) == LIST
    assert book.price_of(Node(capacity="on-demand")) == LIST
    assert reason(book.price_of(Node(region="eu-west-1"))) == (
        "no on-demand price is known for p5.48xlarge in eu-west-1"
    )
    assert reason(book.price_of(Node(instance_type=None))) == (
        "the node does not say its instance type"
    )
    assert "p5.48xlarge, does not say its region" in reason(book.price_of(Node(region=None)))
    assert len(book) == 1


@pytest.mark.parametrize("capacity", ["spot", "reserved"])
def test_spot_and_reserved_nodes_are_not_priced_as_on_demand(
    capacity: Literal["spot", "reserved"],
) -> None:
    found = PriceBook([(P5, LIST)]).price_of(Node(capacity=capacity))
    assert reason(found) == f"no {capacity} price is known for p5.48xlarge in us-east-1"


def test_spot_can_be_priced_as_on_demand_on_request_and_says_so() -> None:
    book = PriceBook([(P5, LIST)], spot_as_on_demand=True)
    assert book.price_of(Node(capacity="spot")) == Price(
        Decimal("55.04"), "list, on-demand for a spot node", DAY
    )
    assert book.price_of(Node()) == LIST
    assert isinstance(book.price_of(Node(capacity="reserved")), NoPrice)
    assert "no spot price" in reason(book.price_of(Node("odd", capacity="spot")))
    both = PriceBook([(P5, LIST), (SPOT, Price(Decimal(20), "list", DAY))], spot_as_on_demand=True)
    assert usd(both.price_of(Node(capacity="spot"))) == 20


def test_the_node_s_label_comes_before_the_list() -> None:
    book = PriceBook([(P5, LIST)])
    found = book.price_of(Node(labels={PRICE_LABEL: "40.5"}))
    assert found == Price(Decimal("40.5"), f"node label {PRICE_LABEL}", None)
    assert usd(book.price_of(Node("odd", None, labels={PRICE_LABEL: "3"}))) == 3


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "cheap", ""])
def test_a_label_that_is_no_price_is_said_rather_than_passed_over(text: str) -> None:
    found = PriceBook([(P5, LIST)]).price_of(Node(labels={PRICE_LABEL: text}))
    assert reason(found).startswith(f"node label {PRICE_LABEL}: a price is")


def test_the_file_comes_before_the_label_and_its_first_fitting_entry_decides() -> None:
    book = PriceBook(
        [(P5, LIST)],
        [
            rule(instance_type="p5.48xlarge", region="eu-west-1", usd_per_hour=Decimal(1)),
            rule(labels=(("pool", "a"),), usd_per_hour=Decimal(2)),
            rule(instance_type="p5.48xlarge", usd_per_hour=Decimal(3)),
            rule(gpu_type="H100", usd_per_gpu_hour=Decimal(4)),
        ],
    )
    assert book.price_of(Node(region="eu-west-1")) == Price(
        Decimal(1), "prices.yaml", date(2026, 11, 1)
    )
    assert usd(book.price_of(Node(labels={"pool": "a"}))) == 2
    assert usd(book.price_of(Node(labels={"pool": "b", PRICE_LABEL: "9"}))) == 3
    assert usd(book.price_of(Node("odd"))) == 32
    assert isinstance(book.price_of(Node("odd", gpu_type="T4")), NoPrice)
    assert len(book) == 5


def test_an_entry_says_which_capacity_it_is_for() -> None:
    book = PriceBook(
        [],
        [
            rule(gpu_type="H100", usd_per_hour=Decimal(1)),
            rule(gpu_type="H100", usd_per_hour=Decimal(2), capacity=Capacity.SPOT),
            rule(gpu_type="H100", usd_per_hour=Decimal(3), capacity=None),
        ],
    )
    assert usd(book.price_of(Node())) == 1
    assert usd(book.price_of(Node(capacity="spot"))) == 2
    assert usd(book.price_of(Node(capacity="reserved"))) == 3


def test_a_price_per_gpu_counts_real_gpus() -> None:
    book = PriceBook([], [rule(gpu_type="H100", usd_per_gpu_hour=Decimal(2))])
    assert usd(book.price_of(Node(gpus=8))) == 16
    sliced = Node(gpus=32, labels={PHYSICAL_GPUS_LABEL: "8"})
    assert usd(book.price_of(sliced)) == 16
    assert usd(book.price_of(Node(gpus=4, labels={PHYSICAL_GPUS_LABEL: "many"}))) == 8
    assert usd(book.price_of(Node(gpus=4, labels={PHYSICAL_GPUS_LABEL: "0"}))) == 8
    assert isinstance(book.price_of(Node(gpus=0)), NoPrice)


def test_a_contract_s_discount_is_taken_off_list_prices_and_named() -> None:
    book = PriceBook([(P5, LIST)], [rule(discount_percent=Decimal(25))])
    assert book.price_of(Node()) == Price(Decimal("41.28"), "list, less prices.yaml, -25%", DAY)
    assert "no on-demand price" in reason(book.price_of(Node("odd")))
    assert "instance type" in reason(book.price_of(Node(None)))
    assert usd(book.price_of(Node("odd", labels={PRICE_LABEL: "9"}))) == 9


def test_a_discount_on_an_entry_s_own_price() -> None:
    book = PriceBook(
        [], [rule(gpu_type="H100", usd_per_gpu_hour=Decimal(2), discount_percent=Decimal(50))]
    )
    assert book.price_of(Node()) == Price(Decimal(8), "prices.yaml, -50%", date(2026, 11, 1))


# Capacity


@pytest.mark.parametrize(
    ("label", "value", "expected"),
    [
        (label, spelling, capacity)
        for label, meanings in CAPACITY_LABELS.items()
        for spelling, capacity in meanings.items()
    ]
    + [
        ("eks.amazonaws.com/capacityType", "SPOT", Capacity.SPOT),
        ("eks.amazonaws.com/capacityType", "ON_DEMAND", Capacity.ON_DEMAND),
        ("eks.amazonaws.com/capacityType", "CAPACITY_BLOCK", Capacity.RESERVED),
        ("karpenter.sh/capacity-type", "cosmic", None),
        ("example.com/spot", "true", None),
    ],
)
def test_labels_say_how_a_node_is_bought(label: str, value: str, expected: Capacity | None) -> None:
    assert capacity_of({label: value}) == expected


def test_labels_outrank_what_the_source_says_of_capacity() -> None:
    book = PriceBook([(P5, LIST), (SPOT, Price(Decimal(20), "list", DAY))])
    node = Node(capacity="on-demand", labels={"karpenter.sh/capacity-type": "spot"})
    assert usd(book.price_of(node)) == 20
    assert capacity_of({}) is None


# Prices that cannot be


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "Infinity"])
def test_prices_that_cannot_be(text: str) -> None:
    with pytest.raises(PriceError, match=f"above 0 USD per hour, not {text}"):
        Price(Decimal(text), "list", DAY)
    with pytest.raises(PriceError, match=f"above 0 USD per hour, not {text}"):
        rule(usd_per_hour=Decimal(text))
    with pytest.raises(PriceError, match=f"above 0 USD per hour, not {text}"):
        rule(usd_per_gpu_hour=Decimal(text))
    with pytest.raises(PriceError, match=f"above 0 USD per hour, not {text}"):
        read_price(text)


def test_prices_are_read_as_they_are_written() -> None:
    assert read_price("0.1") == Decimal("0.1")
    with pytest.raises(PriceError, match=r"such as 55\.04, not 5,50"):
        read_price("5,50")


def test_entries_that_cannot_be() -> None:
    with pytest.raises(PriceError, match=r"^a price is per node or per GPU, not both$"):
        rule(usd_per_hour=Decimal(1), usd_per_gpu_hour=Decimal(1))
    with pytest.raises(PriceError, match="neither a price nor a discount"):
        rule(gpu_type="H100")
    for percent in ("-1", "100", "NaN"):
        with pytest.raises(PriceError, match="below 100 percent"):
            rule(usd_per_hour=Decimal(1), discount_percent=Decimal(percent))


# The bundled list, and the traps of price lists


def test_gcp_instances_are_priced_with_their_gpus_not_as_hosts() -> None:
    case = TRAPS["skypilot-gcp-host-only"]
    instance, region = case["row"].split()
    found = bundled_prices().price_of(Node(instance, region, gpus=1))
    assert usd(found) == Decimal(str(case["whole_instance_price"]))


def test_a_list_that_has_spot_at_the_price_of_on_demand_has_no_spot_price() -> None:
    case = TRAPS["skypilot-runpod-spot"]
    here = Instance(case["row"], "secure")
    book = PriceBook(
        [
            (here, Price(Decimal(str(case["price"])), "catalogue", DAY)),
            (
                here._replace(capacity=Capacity.SPOT),
                Price(Decimal(str(case["spot"])), "catalogue", DAY),
            ),
        ]
    )
    assert usd(book.price_of(Node(case["row"], "secure"))) == Decimal("1.39")
    assert isinstance(book.price_of(Node(case["row"], "secure", "spot")), NoPrice)
    alone = PriceBook([(SPOT, LIST)])
    assert alone.price_of(Node(capacity="spot")) == LIST


def test_nodes_are_priced_not_gpu_names() -> None:
    case = TRAPS["aws-host-share"]
    book = bundled_prices()
    large = usd(book.price_of(Node(case["instance"], gpu_type="A10G")))
    assert large == Decimal(str(case["usd_per_h"]))
    assert large / case["gpus"] == Decimal(str(case["usd_per_gpu_h"]))
    small = usd(book.price_of(Node(case["single_gpu_instance"], gpu_type="A10G", gpus=1)))
    assert small == Decimal(str(case["usd_single"]))


@pytest.mark.parametrize("gpu", ["H100", "A100-80GB", None])
def test_a_gpu_s_name_alone_has_no_price_however_plausible(gpu: str | None) -> None:
    """OpenCost's default of 0.95 USD would under-price an H100 seven times."""
    found = bundled_prices().price_of(Node("home-made", "here", gpu_type=gpu))
    assert reason(found) == "no on-demand price is known for home-made in here"


def test_wva_s_unitless_cost_is_not_taken_for_dollars() -> None:
    value = TRAPS["wva-variantCost-default"]["value"]
    node = Node("home-made", labels={"variantCost": value, "llm-d.ai/variant-cost": value})
    assert isinstance(bundled_prices().price_of(node), NoPrice)


def test_bundled_prices_say_where_they_are_from_and_when() -> None:
    found = bundled_prices().price_of(Node())
    assert found == Price(
        Decimal("55.04"), f"{BUNDLED}, aws/karpenter-provider-aws@1d927085", date(2026, 7, 20)
    )
    assert len(bundled_prices()) == 54
    gcp = Node("a2-highgpu-1g", "us-central1", "spot")
    assert usd(bundled_prices().price_of(gcp)) == Decimal("1.92802")


@pytest.mark.parametrize("text", ["1e400", "100001", "1e9"])
def test_a_price_that_no_node_can_have_is_refused(text: str) -> None:
    with pytest.raises(PriceError, match="at most 100,000 USD per hour"):
        read_price(text)


def test_entries_of_the_file_for_none_of_the_nodes_are_told() -> None:
    rules = [
        PriceRule("file", DAY, gpu_type="H100", usd_per_hour=Decimal(1)),
        PriceRule("file", DAY, gpu_type="H1OO", usd_per_hour=Decimal(1)),
        PriceRule("file", DAY, gpu_type="H100", region="mars-1", usd_per_hour=Decimal(1)),
        PriceRule("file", DAY, capacity=Capacity.RESERVED, usd_per_hour=Decimal(1)),
    ]
    nodes = [Node(gpu_type="H100"), Node(gpu_type="L4")]
    assert PriceBook(rules=rules).unused(nodes) == (1, 2, 3)
    assert PriceBook(rules=rules).unused([]) == (0, 1, 2, 3)
    assert PriceBook().unused(nodes) == ()


def test_a_price_that_stands_in_for_spot_is_used() -> None:
    rules = [PriceRule("file", DAY, gpu_type="H100", usd_per_hour=Decimal(1))]
    spot = [Node(gpu_type="H100", capacity="spot")]
    assert PriceBook(rules=rules).unused(spot) == (0,)
    assert PriceBook(rules=rules, spot_as_on_demand=True).unused(spot) == ()
