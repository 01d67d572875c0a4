"""What another GPU, or another number of replicas, would cost and carry.

A change of GPU mostly comes with a new count of replicas, and the count alone may be what saves
the money. So a saving is split: right-sizing is what the present GPU would save with no more
replicas than the load needs, hardware is the rest, and may well be a loss. Goodput is never guessed
from data sheets: without a measurement on both GPUs the answer is what to measure.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from mtop_tui.domain.capacity.answers import FigureError, Needs, non_negative, positive
from mtop_tui.domain.capacity.replicas import replicas_needed


class Hardware(NamedTuple):
    """A GPU type as this service uses it; None is what nobody has measured or priced.

    `goodput_per_replica` is in requests per second within the SLO, under this service's traffic.
    """

    gpu: str
    usd_per_replica_hour: Decimal | None
    goodput_per_replica: float | None


class GpuChange(NamedTuple):
    """Replicas and USD per hour: as they are, right-sized on the same GPU, and on the other GPU.

    saving = right_sizing + hardware; each is negative if it costs more.
    """

    replicas_right_sized: int
    replicas_then: int
    usd_now: Decimal
    usd_right_sized: Decimal
    usd_then: Decimal

    @property
    def saving(self) -> Decimal:
        """USD per hour saved in all."""
        return self.usd_now - self.usd_then

    @property
    def right_sizing(self) -> Decimal:
        """The part that needs no other GPU."""
        return self.usd_now - self.usd_right_sized

    @property
    def hardware(self) -> Decimal:
        """The part that is due to the other GPU."""
        return self.usd_right_sized - self.usd_then


class CountChange(NamedTuple):
    """Another number of replicas of the same kind, in USD per hour.

    `headroom_then` is 1 - load / goodput of all replicas; None without replicas. `enough` says
    whether load and wanted headroom fit.
    """

    replicas_needed: int
    usd_now: Decimal
    usd_then: Decimal
    headroom_then: float | None
    enough: bool


def change_gpu(
    load: float, headroom: float, now: Hardware, replicas: int, then: Hardware, *, minimum: int = 0
) -> GpuChange | Needs:
    """The same load on another GPU, each with the replicas it needs.

    With no load, 0 replicas are needed or `minimum`: all of the saving is right-sizing.

    Args:
        load: requests per second.
        headroom: fraction of the load to keep free.
        now: the present hardware.
        replicas: its present replicas.
        then: the other hardware.
        minimum: replicas the service never goes below.

    Raises:
        FigureError: a figure is NaN or negative, or a price or goodput not above 0.
    """
    present, other = _measured(now), _measured(then)
    if present is None or other is None:
        return Needs((*_missing(now), *_missing(then)))
    right_sized = replicas_needed(load, present.goodput, headroom, minimum)
    needed_then = replicas_needed(load, other.goodput, headroom, minimum)
    return GpuChange(
        replicas_right_sized=right_sized,
        replicas_then=needed_then,
        usd_now=present.price * int(non_negative("replicas", replicas)),
        usd_right_sized=present.price * right_sized,
        usd_then=other.price * needed_then,
    )


def change_count(
    load: float, headroom: float, hardware: Hardware, now: int, then: int
) -> CountChange | Needs:
    """The same load on `then` replicas in place of `now`; the rest as in `change_gpu`."""
    figures = _measured(hardware)
    if figures is None:
        return Needs(_missing(hardware))
    needed = replicas_needed(load, figures.goodput, headroom)
    return CountChange(
        replicas_needed=needed,
        usd_now=figures.price * int(non_negative("replicas", now)),
        usd_then=figures.price * int(non_negative("replicas", then)),
        headroom_then=1 - load / (figures.goodput * then) if then > 0 else None,
        enough=then >= needed,
    )


class _Figures(NamedTuple):
    price: Decimal
    goodput: float


def _measured(hardware: Hardware) -> _Figures | None:
    """Both figures, checked; None if one is not known."""
    price, goodput = hardware.usd_per_replica_hour, hardware.goodput_per_replica
    if price is None or goodput is None:
        return None
    if not (price.is_finite() and price > 0):
        raise FigureError(f"price of a replica on {hardware.gpu} must be above 0, got {price}")
    return _Figures(price, positive(f"goodput on {hardware.gpu}", goodput))


def _missing(hardware: Hardware) -> tuple[str, ...]:
    asked = (
        (hardware.goodput_per_replica, "goodput per replica on {} in requests/s, measured"),
        (hardware.usd_per_replica_hour, "price of a replica on {} in USD per hour"),
    )
    return tuple(text.format(hardware.gpu) for value, text in asked if value is None)
