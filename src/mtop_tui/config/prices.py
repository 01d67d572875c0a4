"""The price list that ships with mtop: on-demand and spot prices of GPU instances, with dates."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from importlib.resources import files

from mtop_tui.domain.prices import Instance, Price, PriceBook

BUNDLED = "bundled list price"


def bundled_prices() -> PriceBook:
    """List prices in USD per hour, each with the day it was read.

    The figures come from the price tables of the Karpenter providers for AWS and Azure and of
    Karpenter's GCP provider, which are Apache-2.0.
    """
    text = files("mtop_tui.config").joinpath("data/instance_prices.csv").read_text("utf-8")
    return PriceBook(
        (
            Instance(row["instance_type"], row["region"], row["capacity"] == "spot"),
            Price(
                Decimal(row["usd_per_hour"]),
                f"{BUNDLED}, {row['provider']}",
                date.fromisoformat(row["as_of"]),
            ),
        )
        for row in csv.DictReader(text.splitlines())
    )
