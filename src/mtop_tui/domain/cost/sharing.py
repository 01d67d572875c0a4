"""Shares of one GPU: MIG instances, time slices and MPS, HAMi.

A share costs its fraction of the GPU's price. Fractions that add up to more than the GPU are scaled
down to it; what is below is idle.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from mtop_tui.domain.cost.money import decimal_of

WHOLE = Fraction(1)

_SEVEN_SLICES = (
    (Fraction(1, 7), Fraction(1, 8)),
    (Fraction(1, 7), Fraction(2, 8)),
    (Fraction(2, 7), Fraction(2, 8)),
    (Fraction(3, 7), Fraction(4, 8)),
    (Fraction(4, 7), Fraction(4, 8)),
    (WHOLE, WHOLE),
)
_FOUR_SLICES = (
    (Fraction(1, 4), Fraction(1, 4)),
    (Fraction(2, 4), Fraction(2, 4)),
    (WHOLE, WHOLE),
)

_PROFILES: dict[str, tuple[str, ...]] = {
    "A100-40GB": ("1g.5gb", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"),
    "A100-80GB": ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"),
    "H100": ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"),
    "H100-NVL": ("1g.12gb", "1g.24gb", "2g.24gb", "3g.47gb", "4g.47gb", "7g.94gb"),
    "H200": ("1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb"),
    "B200": ("1g.23gb", "1g.45gb", "2g.45gb", "3g.90gb", "4g.90gb", "7g.180gb"),
    "A30": ("1g.6gb", "2g.12gb", "4g.24gb"),
}
"""MIG profiles by GPU, smallest first (NVIDIA MIG user guide, supported profiles)."""

MIG_FRACTIONS: dict[tuple[str, str], tuple[Fraction, Fraction]] = {
    (gpu, profile): fractions
    for gpu, profiles in _PROFILES.items()
    for profile, fractions in zip(
        profiles, _FOUR_SLICES if len(profiles) == len(_FOUR_SLICES) else _SEVEN_SLICES, strict=True
    )
}
"""Shares of multiprocessors and of memory by GPU and MIG profile."""


def mig_fraction(gpu: str, profile: str) -> Fraction | None:
    """What a MIG instance takes of its GPU: the larger of its share of compute and of memory.

    Suffixes such as `+me` add engines that are not counted. None for a GPU or profile that is not
    known: its cost is then not known either.
    """
    fractions = MIG_FRACTIONS.get((gpu, profile.partition("+")[0]))
    return None if fractions is None else max(fractions)


def slice_fraction(replicas: int) -> Fraction:
    """What one pod takes of a GPU that is time-sliced or shared by MPS: `1 / replicas`.

    Raises:
        ValueError: fewer than one replica.
    """
    if replicas < 1:
        raise ValueError(f"a GPU is shared by one replica or more, not {replicas}")
    return Fraction(1, replicas)


def hami_fraction(core_percent: float | None, memory_percent: float | None = None) -> Fraction:
    """What a pod takes of a GPU under HAMi: the larger of its percentages, or the whole GPU.

    Raises:
        ValueError: a percentage that is not above 0 and at most 100.
    """
    given = [percent for percent in (core_percent, memory_percent) if percent is not None]
    for percent in given:
        if not 0 < percent <= 100:
            raise ValueError(f"a percentage of a GPU is above 0 and at most 100, not {percent}")
    return max((Fraction(str(percent)) / 100 for percent in given), default=WHOLE)


class SharedGpu(NamedTuple):
    """USD per hour of each share of one GPU, in the order given, and of what nobody took.

    `claimed` is the sum of the fractions before scaling; above 1 the shares were scaled down.
    """

    parts: tuple[Decimal, ...]
    idle: Decimal
    claimed: Fraction


def shared_gpu(usd_per_gpu_hour: Decimal, fractions: Sequence[Fraction]) -> SharedGpu:
    """One GPU's price split over its shares: MIG 4g + 3g claims 1.071 and is scaled to 1.

    Raises:
        ValueError: a negative price or fraction, or NaN.
    """
    decimal_of(usd_per_gpu_hour, "a price")
    if any(fraction < 0 for fraction in fractions):
        raise ValueError(f"a fraction of a GPU is 0 or more, not {min(fractions)}")
    claimed = sum(fractions, Fraction(0))
    whole = max(claimed, WHOLE)
    return SharedGpu(
        tuple(_times(usd_per_gpu_hour, fraction / whole) for fraction in fractions),
        _times(usd_per_gpu_hour, whole - claimed),
        claimed,
    )


def _times(usd: Decimal, fraction: Fraction) -> Decimal:
    return usd * fraction.numerator / fraction.denominator
