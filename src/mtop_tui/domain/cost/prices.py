"""What a node costs per hour, and where that figure is from.

A node is priced by what it is, never by the name of its GPU alone: one GPU costs 1.006 USD per
hour in a g5.xlarge and 2.036 in a g5.48xlarge. Four layers are asked in turn: the rules of the
user's price file, the node's own label, OpenCost, and the list that ships with mtop. What none of
them knows has no price, not a price of 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

HIGHEST = Decimal(100_000)
"""USD per hour beyond which a price is a slip of the pen: the dearest node costs a few hundred."""

PRICE_LABEL = "mtop.dev/usd-per-hour"
"""Node label with the price of the whole node in USD per hour."""

OPENCOST = "OpenCost"

PHYSICAL_GPUS_LABEL = "nvidia.com/gpu.count"
"""Node label with the real number of GPUs, where time slices or MIG multiply the resource."""


class PriceError(ValueError):
    """A price that cannot be one; the message says which and why."""


class Capacity(StrEnum):
    """How a node is bought, which decides its price as much as its type does."""

    ON_DEMAND = "on-demand"
    SPOT = "spot"
    RESERVED = "reserved"


CAPACITY_LABELS: Mapping[str, Mapping[str, Capacity]] = {
    "karpenter.sh/capacity-type": {
        "on-demand": Capacity.ON_DEMAND,
        "spot": Capacity.SPOT,
        "reserved": Capacity.RESERVED,
    },
    "eks.amazonaws.com/capacityType": {
        "on_demand": Capacity.ON_DEMAND,
        "spot": Capacity.SPOT,
        "capacity_block": Capacity.RESERVED,
    },
    "cloud.google.com/gke-provisioning": {
        "standard": Capacity.ON_DEMAND,
        "spot": Capacity.SPOT,
        "preemptible": Capacity.SPOT,
    },
    "cloud.google.com/gke-spot": {"true": Capacity.SPOT, "false": Capacity.ON_DEMAND},
    "cloud.google.com/gke-preemptible": {"true": Capacity.SPOT},
    "kubernetes.azure.com/scalesetpriority": {
        "regular": Capacity.ON_DEMAND,
        "spot": Capacity.SPOT,
    },
}
"""What the clouds' node labels say about capacity, in lower case; the first that speaks decides."""


def capacity_of(labels: Mapping[str, str]) -> Capacity | None:
    """How a node with these labels is bought, or None when no label says it."""
    for label, meanings in CAPACITY_LABELS.items():
        if label in labels and (found := meanings.get(labels[label].lower())):
            return found
    return None


def read_price(text: str) -> Decimal:
    """USD per hour as people write it, such as `55.04`.

    Raises:
        PriceError: no number, or not above 0.
    """
    try:
        usd = Decimal(text)
    except InvalidOperation:
        raise PriceError(f"a price is a number of USD per hour such as 55.04, not {text}") from None
    return _checked(usd)


@dataclass(frozen=True, slots=True)
class Price:
    """USD per hour of one whole node, with its source and date.

    Without a date it is what the node's own label says at this moment.
    """

    usd_per_hour: Decimal
    source: str
    as_of: date | None

    def __post_init__(self) -> None:
        _checked(self.usd_per_hour)


class NoPrice(NamedTuple):
    """Why a node has no price."""

    reason: str


class Instance(NamedTuple):
    """What decides a list price: the type, where it runs, and how it is bought."""

    instance_type: str
    region: str
    capacity: Capacity = Capacity.ON_DEMAND


class PricedNode(Protocol):
    """What a price book asks of a node; a node record has it."""

    @property
    def gpus(self) -> int:
        """GPUs that can be requested."""

    @property
    def gpu_type(self) -> str | None:
        """Short name of the GPU, such as `H100`."""

    @property
    def instance_type(self) -> str | None:
        """The cloud's name for the machine."""

    @property
    def region(self) -> str | None:
        """The cloud's region."""

    @property
    def capacity(self) -> Literal["on-demand", "spot", "reserved"] | None:
        """How it is bought, where its labels do not say it."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The node's labels."""

    @property
    def opencost_usd_per_hour(self) -> float | None:
        """Of the whole node as OpenCost has it; None where it says nothing."""


@dataclass(frozen=True, slots=True)
class PriceRule:
    """One entry of a price file: which nodes it is for, and what they cost.

    A criterion that is None, and labels that are empty, fit every node. `capacity` alone has a
    default: an entry that does not speak of it is not for spot or reserved nodes. It gives the
    price of a whole node, of one GPU, or, with neither, the list price; `discount_percent` is
    taken off either.

    Raises:
        PriceError: both prices, a price of 0 or less, a discount outside 0 to 100, or neither a
            price nor a discount.
    """

    source: str
    as_of: date | None
    instance_type: str | None = None
    region: str | None = None
    gpu_type: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    capacity: Capacity | None = Capacity.ON_DEMAND
    usd_per_hour: Decimal | None = None
    usd_per_gpu_hour: Decimal | None = None
    discount_percent: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        prices = [usd for usd in (self.usd_per_hour, self.usd_per_gpu_hour) if usd is not None]
        if len(prices) == 2:
            raise PriceError("a price is per node or per GPU, not both")
        for usd in prices:
            _checked(usd)
        if not self.discount_percent.is_finite() or not 0 <= self.discount_percent < 100:
            raise PriceError(
                f"a discount is 0 or more and below 100 percent, not {self.discount_percent}"
            )
        if not prices and not self.discount_percent:
            raise PriceError("neither a price nor a discount")

    def fits(self, node: PricedNode, capacity: Capacity) -> bool:
        """Whether the rule is for a node that is bought like this."""
        return (
            self.capacity in {None, capacity}
            and self.instance_type in {None, node.instance_type}
            and self.region in {None, node.region}
            and self.gpu_type in {None, node.gpu_type}
            and all(node.labels.get(label) == value for label, value in self.labels)
        )

    def price(self, node: PricedNode, listed: Price | None) -> Price | None:
        """What a node it fits costs; None when it needs a list price or GPUs that are not there."""
        if self.usd_per_hour is not None:
            found = Price(self.usd_per_hour, self.source, self.as_of)
        elif self.usd_per_gpu_hour is not None:
            if not (gpus := physical_gpus(node)):
                return None
            found = Price(self.usd_per_gpu_hour * gpus, self.source, self.as_of)
        elif listed is not None:
            found = replace(listed, source=f"{listed.source}, less {self.source}")
        else:
            return None
        if not self.discount_percent:
            return found
        return replace(
            found,
            usd_per_hour=found.usd_per_hour * (100 - self.discount_percent) / 100,
            source=f"{found.source}, -{self.discount_percent}%",
        )


class PriceBook:
    """Prices of nodes from four layers: rules of a file, the node's label, OpenCost, a list.

    In a list, spot at the very price of on-demand means that there is no spot price, so such a row
    is left out; a rule that says so is believed.

    Args:
        listed: list prices of whole nodes.
        rules: the file's entries; the first that fits and has a price decides.
        spot_as_on_demand: price spot nodes without a spot price as on-demand, and say so. Without
            it they have no price.
    """

    def __init__(
        self,
        listed: Iterable[tuple[Instance, Price]] = (),
        rules: Sequence[PriceRule] = (),
        *,
        spot_as_on_demand: bool = False,
    ) -> None:
        prices = dict(listed)
        self._listed = {
            instance: price
            for instance, price in prices.items()
            if instance.capacity != Capacity.SPOT
            or (on_demand := prices.get(instance._replace(capacity=Capacity.ON_DEMAND))) is None
            or price.usd_per_hour != on_demand.usd_per_hour
        }
        self._rules = tuple(rules)
        self._spot_as_on_demand = spot_as_on_demand

    def __len__(self) -> int:
        return len(self._listed) + len(self._rules)

    def unused(self, nodes: Iterable[PricedNode]) -> tuple[int, ...]:
        """Which entries of the file, from 0, are for none of these nodes; likely slips."""
        left = dict(enumerate(self._rules))
        for node in nodes:
            capacity = _capacity(node)
            ways = [capacity]
            if capacity == Capacity.SPOT and self._spot_as_on_demand:
                ways.append(Capacity.ON_DEMAND)
            fitting = [
                index for index, rule in left.items() if any(rule.fits(node, way) for way in ways)
            ]
            for index in fitting:
                del left[index]
        return tuple(left)

    def opencost_price_of(self, node: PricedNode) -> Price | None:
        """USD per hour of the whole node as OpenCost has it, if it says anything that can be."""
        said = node.opencost_usd_per_hour
        if said is None or not 0 < said <= HIGHEST:
            return None
        return Price(round(Decimal(said), 6), OPENCOST, None)

    def price_of(self, node: PricedNode, *, with_opencost: bool = True) -> Price | NoPrice:
        """USD per hour of the whole node, or why it is not known.

        A node whose capacity is not known counts as on-demand. Without OpenCost it is what the
        other layers say.
        """
        capacity = _capacity(node)
        found = self._find(node, capacity, with_opencost=with_opencost)
        if (
            isinstance(found, NoPrice)
            and capacity == Capacity.SPOT
            and self._spot_as_on_demand
            and isinstance(
                stand_in := self._find(node, Capacity.ON_DEMAND, with_opencost=with_opencost), Price
            )
        ):
            return replace(stand_in, source=f"{stand_in.source}, on-demand for a spot node")
        return found

    def _find(
        self, node: PricedNode, capacity: Capacity, *, with_opencost: bool
    ) -> Price | NoPrice:
        listed = None
        if node.instance_type is not None and node.region is not None:
            listed = self._listed.get(Instance(node.instance_type, node.region, capacity))
        for rule in self._rules:
            if rule.fits(node, capacity) and (price := rule.price(node, listed)):
                return price
        stated = node.labels.get(PRICE_LABEL)
        if stated is not None:
            return _stated_price(stated)
        if with_opencost and (said := self.opencost_price_of(node)) is not None:
            return said
        return listed or NoPrice(_why_none(node, capacity))


def _capacity(node: PricedNode) -> Capacity:
    return capacity_of(node.labels) or Capacity(node.capacity or Capacity.ON_DEMAND)


def physical_gpus(node: PricedNode) -> int:
    """The node's real GPUs: time slices and MIG instances make more of them than are paid for."""
    count = node.labels.get(PHYSICAL_GPUS_LABEL, "")
    return int(count) if count.isdecimal() and int(count) else node.gpus


def _checked(usd: Decimal) -> Decimal:
    if not usd.is_finite() or usd <= 0:
        raise PriceError(f"a price is above 0 USD per hour, not {usd}")
    if usd > HIGHEST:
        raise PriceError(f"a price is at most {HIGHEST:,} USD per hour, not {usd}")
    return usd


def _stated_price(text: str) -> Price | NoPrice:
    try:
        return Price(read_price(text), f"node label {PRICE_LABEL}", None)
    except PriceError as error:
        return NoPrice(f"node label {PRICE_LABEL}: {error}")


def _why_none(node: PricedNode, capacity: Capacity) -> str:
    if node.instance_type is None:
        return "the node does not say its instance type"
    if node.region is None:
        return f"the node, a {node.instance_type}, does not say its region"
    return f"no {capacity} price is known for {node.instance_type} in {node.region}"
