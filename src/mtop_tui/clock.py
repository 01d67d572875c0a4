"""The one clock. Everything that needs the time is handed one of these."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in Unix seconds."""

    def now(self) -> float:
        """Unix seconds."""
        ...


class WallClock:
    """The machine's time."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()


class ManualClock:
    """A clock that stands still until told otherwise: tests and snapshots."""

    def __init__(self, start: float) -> None:
        self._now = start

    def now(self) -> float:
        """Unix seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward; never back."""
        if seconds < 0:
            raise ValueError(f"a clock cannot go back: {seconds} s")
        self._now += seconds


class PacedClock:
    """Simulated time that runs with the machine's, faster or slower.

    Args:
        start: Unix seconds it begins at.
        speed: its seconds per second, above 0.
    """

    def __init__(self, start: float, speed: float = 1.0, wall: Clock | None = None) -> None:
        self._wall: Clock = WallClock() if wall is None else wall
        self._from = start
        self._since = self._wall.now()
        self._speed = speed

    @property
    def speed(self) -> float:
        """Its seconds per second; what has passed stays when it changes."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if speed <= 0:
            raise ValueError(f"a clock needs a speed above 0: {speed}")
        self._from, self._since = self.now(), self._wall.now()
        self._speed = speed

    def now(self) -> float:
        """Unix seconds."""
        return self._from + (self._wall.now() - self._since) * self._speed
