"""Dollars: rates that the table adds up, and amounts that say where they are from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from enum import StrEnum
from typing import NamedTuple

CENT = Decimal("0.01")
SECONDS_PER_HOUR = 3600

_EXACT = Context(prec=100)
"""Wide enough that adding amounts of money never rounds."""


class Basis(StrEnum):
    """What a cost counts, in OpenCost's words.

    ALLOCATION is what was reserved and reconciles to the bill. USAGE is what was measured to be
    used and does not.
    """

    ALLOCATION = "allocation"
    USAGE = "usage"


class PriceOrigin(NamedTuple):
    """Where a price is from, and its day; without a day the node itself states it now."""

    source: str
    as_of: date | None


class Window(NamedTuple):
    """The time an amount covers, in Unix seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Dollars:
    """USD per hour, and whether some part of it has no price.

    With `unpriced` above 0 the true amount is `usd` or more.
    """

    usd: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: Dollars) -> Dollars:
        return Dollars(self.usd + other.usd, self.unpriced + other.unpriced)


def total(parts: Iterable[Dollars]) -> Dollars:
    """The sum of parts, keeping count of what is unpriced."""
    usd, unpriced = Decimal(0), 0
    for part in parts:
        usd += part.usd
        unpriced += part.unpriced
    return Dollars(usd, unpriced)


@dataclass(frozen=True, slots=True)
class Money:
    """USD with what makes the figure believable: basis, price sources with dates, and window.

    Without a window it is USD per hour at one moment. `priced` and `unpriced` name the nodes that
    it is made from; with an unpriced node the true amount is `usd` or more.

    Raises:
        ValueError: dollars without a price source, or an amount that is negative or no number.
    """

    usd: Decimal
    basis: Basis
    window: Window | None = None
    origins: frozenset[PriceOrigin] = frozenset()
    priced: frozenset[str] = frozenset()
    unpriced: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        decimal_of(self.usd, "an amount of money")
        if self.usd and not self.origins:
            raise ValueError(f"{self.usd} USD without a price source")

    def __add__(self, other: Money) -> Money:
        """The sum of amounts of one basis and one window.

        Raises:
            ValueError: basis or window differ: such dollars do not add up to anything.
        """
        if self.basis != other.basis or self.window != other.window:
            raise ValueError(
                f"{self.basis} dollars of {self.window} and {other.basis} dollars of "
                f"{other.window} do not add up"
            )
        return Money(
            self.usd + other.usd,
            self.basis,
            self.window,
            self.origins | other.origins,
            self.priced | other.priced,
            self.unpriced | other.unpriced,
        )

    @property
    def at_least(self) -> bool:
        """Whether a node without a price makes this a lower bound."""
        return bool(self.unpriced)

    @property
    def known(self) -> bool:
        """Whether any of it has a price; what costs nothing is known to."""
        return bool(self.priced) or not self.unpriced


def in_words(money: Money) -> str:
    """`$12.34`, `>= $12.34 (3 of 5 nodes priced)`, or `no price (0 of 2 nodes priced)`."""
    amount = f"${money.usd.quantize(CENT, ROUND_HALF_UP, _EXACT)}"
    if not money.at_least:
        return amount
    nodes = len(money.priced | money.unpriced)
    coverage = f"({len(money.priced)} of {nodes} nodes priced)"
    return f">= {amount} {coverage}" if money.known else f"no price {coverage}"


def in_cents(parts: Sequence[Decimal]) -> list[Decimal]:
    """Amounts of USD rounded to cents so that they still add up to their sum in cents.

    The sum is rounded half up; every part is rounded down, and the cents that are then missing go
    to the parts that lost most, to the earlier of two that lost the same (largest remainder).

    Raises:
        ValueError: an amount is negative or no number.
    """
    for part in parts:
        decimal_of(part, "an amount of money")
    floors = [part.quantize(CENT, ROUND_FLOOR, _EXACT) for part in parts]
    goal = exact_sum(parts).quantize(CENT, ROUND_HALF_UP, _EXACT)
    missing = int((goal - exact_sum(floors)) / CENT)
    lost_most = sorted(range(len(parts)), key=lambda index: floors[index] - parts[index])
    for index in lost_most[:missing]:
        floors[index] += CENT
    return floors


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """The sum without the rounding to 28 digits that Decimal does by default."""
    with localcontext(_EXACT):
        return sum(amounts, Decimal(0))


def exact_difference(amount: Decimal, less: Decimal) -> Decimal:
    """`amount - less` without rounding."""
    with localcontext(_EXACT):
        return amount - less


def decimal_of(value: Decimal | float, what: str) -> Decimal:
    """A number as Decimal; a float as its shortest spelling, so that 0.13 is 0.13.

    Raises:
        ValueError: `value` is negative, infinite or NaN; the message begins with `what`.
    """
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite() or number < 0:
        raise ValueError(f"{what} is 0 or more, not {value}")
    return number
