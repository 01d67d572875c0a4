"""Spending and prices for tests."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from mtop_tui.domain.cost.bill import Spend, spend_of
from mtop_tui.domain.cost.money import (
    PriceOrigin,
)
from mtop_tui.domain.cost.prices import Price

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


def spend(**facts: Any) -> Spend:
    price = facts.pop("usd_per_replica_hour", Decimal(1))
    whole = facts.pop("replica_seconds", 1.0)
    return spend_of(price, whole, **({"idle_seconds": 0.0, "spare_seconds": 0.0} | facts))
