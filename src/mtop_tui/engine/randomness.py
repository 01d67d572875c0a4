"""Named streams of random numbers: every draw of the simulation comes from one of them."""

from __future__ import annotations

from random import Random


def stream(seed: int, *parts: str) -> Random:
    """The random stream of one purpose: the same for the same names, in every process."""
    return Random("\x1f".join((str(seed), *parts)))
