"""The prices in force: the list that ships with mtop, and the user's price file before it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from mtop_tui.domain.cost.prices import Capacity, Instance, Price, PriceBook

if TYPE_CHECKING:
    from mtop_tui.config.price_file import PriceFile

BUNDLED = "bundled list price"


def bundled_prices() -> PriceBook:
    """List prices in USD per hour, each with the day it was read."""
    return PriceBook(_listed())


def price_book(file: Path | None) -> PriceBook:
    """The bundled list with the rules of a price file before it.

    Raises:
        PriceFileError: the file cannot be read, or an entry cannot be a price.
    """
    if file is None:
        return bundled_prices()
    from mtop_tui.config.price_file import read  # noqa: PLC0415 - yaml only when there is a file

    return with_file(read(file))


def with_file(prices: PriceFile) -> PriceBook:
    """The bundled list with the rules of a price file that has been read before it."""
    return PriceBook(_listed(), prices.rules, spot_as_on_demand=prices.spot_as_on_demand)


def _listed() -> Iterator[tuple[Instance, Price]]:
    """The bundled list.

    The figures come from the price tables of the Karpenter providers for AWS and Azure and of
    Karpenter's GCP provider, which are Apache-2.0.
    """
    text = files("mtop_tui.config").joinpath("data/instance_prices.csv").read_text("utf-8")
    for row in csv.DictReader(text.splitlines()):
        yield (
            Instance(row["instance_type"], row["region"], Capacity(row["capacity"])),
            Price(
                Decimal(row["usd_per_hour"]),
                f"{BUNDLED}, {row['source']}",
                date.fromisoformat(row["as_of"]),
            ),
        )
