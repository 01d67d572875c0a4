"""What GPUs and tokens cost."""

from datetime import date
from decimal import Decimal

import pytest

from mtop_tui.domain.cost import Dollars, allocated, total, usd_per_million_tokens
from mtop_tui.domain.prices import Instance, Price, PriceBook, PriceError

P5 = Instance("p5.48xlarge", "us-east-1")
PRICE = Price(Decimal("55.04"), "list", date(2026, 7, 20))


def test_gpus_share_the_price_of_their_node() -> None:
    assert allocated(2, 8, Decimal("55.04")) == Dollars(Decimal("13.76"))


def test_shares_of_a_node_add_up_to_the_cent() -> None:
    node = Decimal("55.04")
    assert total(allocated(gpus, 8, node) for gpus in (1, 2, 5)) == Dollars(node)


def test_a_node_without_a_price_is_unpriced_not_free() -> None:
    assert allocated(1, 8, None) == Dollars(Decimal(0), unpriced=1)
    assert allocated(0, 8, None) == Dollars()


@pytest.mark.parametrize("gpus", [-1, 9])
def test_gpus_a_node_does_not_have(gpus: int) -> None:
    with pytest.raises(ValueError, match="cannot be allocated"):
        allocated(gpus, 8, Decimal(1))


def test_tokens_at_a_pace() -> None:
    assert usd_per_million_tokens(Decimal("3.6"), 1000) == Decimal(1)


@pytest.mark.parametrize("pace", [0.0, -1.0, float("nan")])
def test_no_tokens_have_no_price(pace: float) -> None:
    assert usd_per_million_tokens(Decimal("3.6"), pace) is None


def test_a_spot_node_is_not_priced_as_on_demand() -> None:
    book = PriceBook([(P5, PRICE)])
    assert book.find(P5) == PRICE
    assert book.find(Instance("p5.48xlarge", "us-east-1", spot=True)) is None
    assert book.find(Instance("p5.48xlarge", "eu-west-1")) is None
    assert len(book) == 1


@pytest.mark.parametrize("usd", ["0", "-1", "NaN", "Infinity"])
def test_prices_that_cannot_be(usd: str) -> None:
    with pytest.raises(PriceError, match="above 0"):
        Price(Decimal(usd), "list", date(2026, 7, 20))
