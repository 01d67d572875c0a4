"""The cheapest mix of GPU types for a load of several request sizes.

Model: Melange, as in AIBrix' GPU optimizer (vllm-project/aibrix, Apache-2.0, at e3e10f9e): the load
is divided into buckets of request size, each bucket into equal slices, each slice runs on one GPU
type and takes load / goodput of a GPU there. Minimise the sum of count x price with whole GPUs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations, product
from typing import NamedTuple

from mtop_tui.domain.capacity.answers import (
    FigureError,
    NotKnown,
    non_negative,
    whole_up,
)

MOST_WAYS = 50_000
"""Ways to place the slices; looking through more takes longer than a user waits."""


class GpuType(NamedTuple):
    """A GPU type with its price and its measured goodput for each bucket.

    Goodput is in requests per second within the SLO, of one GPU that gets this bucket only; 0 if
    it cannot meet the SLO.
    """

    name: str
    usd_per_hour: Decimal
    goodput: tuple[float, ...]


class Mix(NamedTuple):
    """GPUs of each type, without the types not used, and their price in USD per hour."""

    counts: dict[str, int]
    usd_per_hour: Decimal


def cheapest_mix(
    types: Sequence[GpuType], loads: Sequence[float], slices: int = 1
) -> Mix | NotKnown:
    """The mix with the least price; among equal prices, that with the fewest GPUs.

    Every way to place the slices is looked at, so the answer is exact. Nothing is said if a bucket
    meets the SLO on no GPU type, or if there are too many ways. Without load no GPU is needed.

    Args:
        types: what can be rented.
        loads: requests per second of each bucket.
        slices: into how many equal parts each bucket may be divided; more finds cheaper mixes.

    Raises:
        FigureError: a price not above 0, a load or goodput below 0 or NaN, slices below 1, or
            goodput that is not given for each bucket.
    """
    _check(types, loads, slices)
    buckets = [bucket for bucket, load in enumerate(loads) if load > 0]
    able = {bucket: [gpu for gpu in types if gpu.goodput[bucket] > 0] for bucket in buckets}
    for bucket in buckets:
        if not able[bucket]:
            return NotKnown(f"bucket {bucket + 1} meets the SLO on none of these GPUs")
    ways = math.prod(math.comb(slices + len(able[b]) - 1, slices) for b in buckets)
    if ways > MOST_WAYS:
        return NotKnown(f"{ways} ways to place the load are too many: take fewer slices or sizes")
    placements = product(
        *(_placements(able[bucket], bucket, loads[bucket] / slices, slices) for bucket in buckets)
    )
    return min(
        (_mix(types, placement) for placement in placements),
        key=lambda mix: (mix.usd_per_hour, sum(mix.counts.values())),
    )


def _placements(
    able: Sequence[GpuType], bucket: int, slice_load: float, slices: int
) -> list[list[tuple[str, float]]]:
    """Each way to place a bucket's slices, as (type, how many GPUs they take)."""
    return [
        [
            (gpu.name, part * slice_load / gpu.goodput[bucket])
            for gpu, part in zip(able, parts, strict=True)
            if part
        ]
        for parts in _splits(slices, len(able))
    ]


def _splits(items: int, groups: int) -> Iterator[list[int]]:
    """Each way to put equal items into groups: bars between items in a row divide the groups."""
    places = items + groups - 1
    for bars in combinations(range(places), groups - 1):
        edges = (-1, *bars, places)
        yield [edges[i + 1] - edges[i] - 1 for i in range(groups)]


def _mix(types: Sequence[GpuType], placement: Sequence[Sequence[tuple[str, float]]]) -> Mix:
    taken: dict[str, float] = {}
    for parts in placement:
        for name, gpus in parts:
            taken[name] = taken.get(name, 0.0) + gpus
    counts = {gpu.name: whole_up(taken[gpu.name]) for gpu in types if gpu.name in taken}
    price = sum((counts.get(gpu.name, 0) * gpu.usd_per_hour for gpu in types), Decimal(0))
    return Mix(counts, price)


def _check(types: Sequence[GpuType], loads: Sequence[float], slices: int) -> None:
    if slices < 1:
        raise FigureError(f"slices must be 1 or more, got {slices}")
    if len({gpu.name for gpu in types}) < len(types):
        raise FigureError("two GPU types have the same name")
    for load in loads:
        non_negative("load", load)
    for gpu in types:
        if not (gpu.usd_per_hour.is_finite() and gpu.usd_per_hour > 0):
            raise FigureError(f"price of {gpu.name} must be above 0, got {gpu.usd_per_hour}")
        if len(gpu.goodput) != len(loads):
            raise FigureError(f"{gpu.name} has {len(gpu.goodput)} goodputs for {len(loads)} loads")
        for goodput in gpu.goodput:
            non_negative(f"goodput of {gpu.name}", goodput)
