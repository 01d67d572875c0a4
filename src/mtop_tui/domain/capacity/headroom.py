"""How much more load a service can take, as far as it has been seen to."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from mtop_tui.domain.capacity.answers import non_negative


class LoadWindow(NamedTuple):
    """The mean load of one window in requests per second, and whether the SLO held in it.

    `slo_held` is None if that is not known, for want of requests or of data.
    """

    load: float
    slo_held: bool | None


class Envelope(NamedTuple):
    """The highest load at which the SLO was seen to hold, and what is known around it.

    `lowest_miss` is the lowest load at which it did not, None if it always held. Below
    `highest_held` it means that load alone does not decide: the service also missed with less.
    """

    highest_held: float
    lowest_miss: float | None
    windows: int


class Headroom(NamedTuple):
    """The part of the observed capacity that is not used, 1 for no load, below 0 when exceeded.

    With `at_least` the SLO was never seen to break at a higher load, so there may be more.
    `seen_up_to` is the observed capacity in requests per second.
    """

    fraction: float
    at_least: bool
    seen_up_to: float


def observed_envelope(windows: Iterable[LoadWindow]) -> Envelope | None:
    """Capacity at the SLO as observed, never extrapolated.

    All windows must be of the same replicas and GPU; where the number of replicas changed, give
    load per replica. Windows whose load is not a positive number or whose SLO is unknown are left
    out. None if the SLO was never seen to hold under load.
    """
    known = [
        window for window in windows if window.slo_held is not None and 0 < window.load < math.inf
    ]
    held = [window.load for window in known if window.slo_held]
    missed = [window.load for window in known if not window.slo_held]
    if not held:
        return None
    return Envelope(max(held), min(missed, default=None), len(known))


def headroom(load: float, envelope: Envelope) -> Headroom:
    """1 - load / highest load at which the SLO held (the envelope's), in its unit.

    Raises:
        FigureError: the load is negative or not finite.
    """
    capacity = envelope.highest_held
    return Headroom(
        fraction=1 - non_negative("load", load) / capacity,
        at_least=envelope.lowest_miss is None,
        seen_up_to=capacity,
    )
