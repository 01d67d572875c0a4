"""What a node costs per hour, and where that figure is from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


class PriceError(ValueError):
    """A price that cannot be one; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Price:
    """USD per hour of one whole instance, with its source and date."""

    usd_per_hour: Decimal
    source: str
    as_of: date

    def __post_init__(self) -> None:
        if not self.usd_per_hour.is_finite() or self.usd_per_hour <= 0:
            raise PriceError(f"a price is above 0 USD per hour, not {self.usd_per_hour}")


@dataclass(frozen=True, slots=True)
class Instance:
    """What decides a node's price: its type, where it runs, and whether it is a spot node."""

    instance_type: str
    region: str
    spot: bool = False


class PriceBook:
    """Prices by instance. An instance that is not in it has no price, not a price of 0."""

    def __init__(self, prices: Iterable[tuple[Instance, Price]] = ()) -> None:
        self._prices = dict(prices)

    def __len__(self) -> int:
        return len(self._prices)

    def find(self, instance: Instance) -> Price | None:
        """The price of exactly this instance; a spot node is never priced as on-demand."""
        return self._prices.get(instance)
