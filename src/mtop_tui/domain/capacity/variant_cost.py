"""Whether the costs an autoscaler was told let it pick the cheapest variant.

KServe's `spec.scaling.wva.variantCost` is a number without a unit and "10.0" if nobody sets it
(kserve/kserve, Apache-2.0, at aaac4e29). WVA grows the cheapest variant and shrinks the dearest, so
two GPU types at their default values cost the same to it, and a name decides which one is rented.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

from mtop_tui.domain.capacity.answers import FigureError

DEFAULT_COST: Final = Decimal("10.0")

CENT: Final = Decimal("0.01")


class DeclaredCost(NamedTuple):
    """What a variant's spec says, and what a replica of it really costs in USD per hour.

    `declared` is the text of `variantCost`, None if it is not set; `usd_per_replica_hour` is None
    if no price is known.
    """

    variant: str
    declared: str | None
    usd_per_replica_hour: Decimal | None


class CostFinding(NamedTuple):
    """One variant's cost: what WVA reckons with, whether that is only the default, what to set.

    `paste` is the text for `variantCost`; None if no price is known.
    """

    variant: str
    in_effect: Decimal | None
    is_default: bool
    paste: str | None


class CostAudit(NamedTuple):
    """All variants of a model, and whether WVA takes the wrong one for cheapest or dearest.

    `misleads` is None if some price or cost is not known; `sentence` says it in words.
    """

    findings: tuple[CostFinding, ...]
    misleads: bool | None
    sentence: str


def audit_variant_costs(variants: Sequence[DeclaredCost]) -> CostAudit:
    """The costs in effect for the variants of one model against their prices.

    Costs mislead if the variant WVA would grow, the cheapest and first by name, or shrink, the
    dearest and last by name, is not one of those with the lowest or the highest price. The right
    number to set is the price of a replica per hour in USD, to the cent. A `variantCost` that is
    no number above 0 is a finding without a cost in effect.

    Raises:
        FigureError: a price that is not above 0.
    """
    for variant in variants:
        price = variant.usd_per_replica_hour
        if price is not None and not (price.is_finite() and price > 0):
            raise FigureError(f"price of {variant.variant} must be above 0, got {price}")
    findings = tuple(map(_finding, variants))
    costs = {finding.variant: finding.in_effect for finding in findings}
    prices = {variant.variant: variant.usd_per_replica_hour for variant in variants}
    if len(variants) < 2:
        return CostAudit(findings, False, "one variant: its cost decides nothing")
    known_costs = {name: cost for name, cost in costs.items() if cost is not None}
    known_prices = {name: price for name, price in prices.items() if price is not None}
    unknown = sorted(costs.keys() - (known_costs.keys() & known_prices.keys()))
    if unknown:
        return CostAudit(findings, None, f"cost or price not known: {', '.join(unknown)}")
    grows = min(known_costs, key=lambda name: (known_costs[name], name))
    shrinks = max(known_costs, key=lambda name: (known_costs[name], name))
    least, most = min(known_prices.values()), max(known_prices.values())
    wrong = []
    if known_prices[grows] > least:
        wrong.append(f"grows {grows} at ${known_prices[grows]}/h where ${least}/h would do")
    if known_prices[shrinks] < most:
        wrong.append(f"shrinks {shrinks} at ${known_prices[shrinks]}/h and keeps ${most}/h")
    if wrong:
        return CostAudit(findings, True, "the autoscaler " + " and ".join(wrong))
    return CostAudit(findings, False, "cheapest and dearest variant are told apart")


def _finding(variant: DeclaredCost) -> CostFinding:
    price = variant.usd_per_replica_hour
    cost = _cost(variant.declared)
    return CostFinding(
        variant=variant.variant,
        in_effect=cost,
        is_default=cost == DEFAULT_COST,
        paste=None if price is None else str(max(price.quantize(CENT), CENT)),
    )


def _cost(declared: str | None) -> Decimal | None:
    if declared is None:
        return DEFAULT_COST
    try:
        cost = Decimal(declared)
    except InvalidOperation:
        return None
    return cost if cost.is_finite() and cost > 0 else None
