"""What a replica costs, from the nodes it sits on."""

from datetime import date
from decimal import Decimal

from mtop_tui.domain.cost.money import Dollars
from mtop_tui.domain.cost.prices import Instance, Price, PriceBook
from mtop_tui.observations import Node, ObjectRef, Replica, ServiceKey
from mtop_tui.state.spend import NodeKey, bill, replica_cost

BOOK = PriceBook([(Instance("p5.48xlarge", "us-east-1"), Price(Decimal(80), "list", date.min))])


def node(name: str, **facts: object) -> Node:
    described = {"instance_type": "p5.48xlarge", "region": "us-east-1", "gpus": 8} | facts
    return Node(at=0.0, ref=ObjectRef("eu", "", "Node", name, name), ready=True, **described)  # type: ignore[arg-type]


NODES: dict[NodeKey, Node] = {
    ("eu", name): found
    for name, found in {
        "n1": node("n1"),
        "n2": node("n2"),
        "odd": node("odd", instance_type="home-made"),
        "bare": node("bare", gpus=0),
    }.items()
}


def cost(gpus: int | None, *names: str) -> Dollars:
    ref = ObjectRef("eu", "prod", "Pod", "chat-0", "uid")
    replica = Replica(
        at=0.0,
        ref=ref,
        service=ServiceKey("eu", "prod", "chat"),
        role="workload",
        phase="ready",
        nodes=names,
        gpus=gpus,
    )
    return replica_cost(replica, NODES, BOOK)


def test_a_replica_costs_its_gpus_share_of_its_nodes() -> None:
    assert cost(2, "n1") == Dollars(Decimal(20))
    assert cost(16, "n1", "n2") == Dollars(Decimal(160))
    assert cost(3, "n1", "n2") == Dollars(Decimal(30))
    assert cost(1, "n1", "odd") == Dollars(Decimal(10))
    assert cost(0, "n1") == Dollars()


def test_a_replica_that_is_not_scheduled_costs_nothing_yet() -> None:
    assert cost(8) == Dollars()


def test_what_is_not_known_of_a_replica_s_nodes_is_unpriced() -> None:
    assert cost(None, "n1") == Dollars(unpriced=1)
    assert cost(8, "gone") == Dollars(unpriced=1)
    assert cost(9, "n1") == Dollars(unpriced=1)
    assert cost(1, "bare") == Dollars(unpriced=1)
    assert cost(16, "n1", "odd") == Dollars(Decimal(80), unpriced=1)


def test_the_bill_is_of_nodes_with_gpus_used_or_not() -> None:
    assert bill(NODES.values(), BOOK) == Dollars(Decimal(160), unpriced=1)
