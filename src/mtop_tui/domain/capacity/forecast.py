"""TTFT and time per output token with other replicas or on another GPU.

A serving model says where a replica settles under a steady load. It is held to what is measured:
the forecast is the measured figure times what the model says then over what it says now, and where
model and measurement disagree now, nothing is forecast. Its error is that of the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from mtop_tui.domain.capacity.answers import NotKnown

MOST_APART: Final = 2.0
"""A time per token that is measured so many times the modelled one, or less than modelled by as
much, is due to something that the model does not know."""

MOST_APART_TTFT: Final = 6.0
"""The same of TTFT, where a measured 95th percentile is set against a modelled mean."""

_STEPS: Final = 40


class Placement(NamedTuple):
    """What one replica is: names the model goes by, GPUs over all its nodes, and how many nodes."""

    model: tuple[str, ...]
    gpu: str
    gpus: int
    nodes: int = 1


class Lengths(NamedTuple):
    """Mean tokens of a request, and the share of its prompt that is found cached."""

    prompt: float
    output: float
    cached: float = 0.0


class Settled(NamedTuple):
    """Where a model says that a replica settles; seconds, and errors relative.

    `utilisation` is load over capacity: from 1 on the queue grows, and there is no steady TTFT.
    The errors are those to expect of one figure, half of all being within them.
    """

    ttft: float
    tpot: float
    utilisation: float
    ttft_error: float
    tpot_error: float
    source: str


ServingModel = Callable[[Placement, Lengths, float], Settled | NotKnown]
"""From a placement, its requests and requests per second of one replica to where it settles."""


class Band(NamedTuple):
    """A forecast in seconds, and between what it is to be expected."""

    value: float
    low: float
    high: float


class Forecast(NamedTuple):
    """What is to be expected; without a steady TTFT, why there is none."""

    ttft: Band | NotKnown
    tpot: Band


def forecast(
    now: Settled, then: Settled, ttft: float | None, tpot: float | None
) -> Forecast | NotKnown:
    """What is to be expected of a change, from what is measured now.

    Args:
        now: what the model says of the present.
        then: what it says after the change.
        ttft: measured now, seconds; None if that is not known.
        tpot: measured now, seconds per output token; None if that is not known.
    """
    if tpot is None:
        return NotKnown("no token is generated now: there is nothing to hold the model to")
    if not 1 / MOST_APART <= tpot / now.tpot <= MOST_APART:
        said, measured = f"{now.tpot * 1e3:.3g} ms", f"{tpot * 1e3:.3g} ms"
        return NotKnown(
            f"the model says {said} per token now where {measured} are measured: it does not hold"
        )
    if then.utilisation >= 1:
        return NotKnown(f"the queue would grow: the load is {then.utilisation:.2g} x the capacity")
    tokens = _band(tpot * then.tpot / now.tpot, max(now.tpot_error, then.tpot_error))
    return Forecast(_first_token(now, then, ttft), tokens)


def _first_token(now: Settled, then: Settled, ttft: float | None) -> Band | NotKnown:
    if ttft is None:
        return NotKnown("no TTFT is measured now")
    if now.utilisation >= 1:
        return NotKnown("the queue grows now: there is no steady TTFT to begin from")
    if not 1 / MOST_APART_TTFT <= ttft / now.ttft <= MOST_APART_TTFT:
        return NotKnown(f"the model says {now.ttft:.2g} s now where {ttft:.2g} s are measured")
    return _band(ttft * then.ttft / now.ttft, max(now.ttft_error, then.ttft_error))


def _band(value: float, error: float) -> Band:
    return Band(value, value * max(0.0, 1 - error), value * (1 + error))


def goodput(
    model: ServingModel, placement: Placement, lengths: Lengths, meets: Callable[[Settled], bool]
) -> float | NotKnown:
    """Requests per second up to which one replica does what it is to do; 0 if it never does.

    Args:
        model: says where the replica settles.
        placement: the replica.
        lengths: of its requests.
        meets: whether that is good enough; what is at a rate is also at any lower one.
    """
    first = model(placement, lengths, 1e-6)
    if isinstance(first, NotKnown):
        return first
    low, high = 0.0, 1e-6 / first.utilisation
    for _ in range(_STEPS):
        rate = (low + high) / 2
        settled = model(placement, lengths, rate)
        if isinstance(settled, NotKnown):
            return settled
        if settled.utilisation < 1 and meets(settled):
            low = rate
        else:
            high = rate
    return low
