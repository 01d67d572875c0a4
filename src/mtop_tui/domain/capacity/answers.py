"""What capacity questions share: answers without a number, and checks of the figures given."""

from __future__ import annotations

import math
from typing import NamedTuple

NOISE = 1e-9
"""Relative: how far the rounding of floats is let move a figure."""


class FigureError(ValueError):
    """A figure with which no question can be asked, such as a load below 0."""


class NotKnown(NamedTuple):
    """Nothing can be said, and why, in words for the user."""

    reason: str


class Needs(NamedTuple):
    """The answer depends on numbers nobody has measured; each is named with its unit."""

    numbers: tuple[str, ...]


def non_negative(name: str, value: float) -> float:
    """The value itself, finite and at least 0.

    Raises:
        FigureError: it is not; the message names it.
    """
    if not (math.isfinite(value) and value >= 0):
        raise FigureError(f"{name} must be 0 or more, got {value}")
    return value


def positive(name: str, value: float) -> float:
    """The value itself, finite and above 0.

    Raises:
        FigureError: it is not; the message names it.
    """
    if not (math.isfinite(value) and value > 0):
        raise FigureError(f"{name} must be above 0, got {value}")
    return value


def whole_up(exact: float) -> int:
    """The next whole number, where a billionth too much is rounding and not one more."""
    return math.ceil(exact * (1 - NOISE))
