"""When simulated things happened, on the clock that clients compare them with."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


class Timescale:
    """Maps simulated time to the machine's.

    What was before the beginning is as long ago as it is in the simulation. From the beginning on,
    a simulation at speed N takes an N-th of the time, so that nothing seems to happen in the
    future and ages and rates agree with each other.

    Args:
        start: simulated Unix seconds at the beginning.
        wall: the machine's Unix seconds then.
        speed: simulated seconds per second.
    """

    def __init__(self, start: float, wall: float, speed: float = 1.0) -> None:
        self._start, self._wall, self._speed = start, wall, speed

    def wall(self, at: float) -> float:
        """The machine's time of a simulated moment, Unix seconds."""
        passed = at - self._start
        return self._wall + (passed / self._speed if passed > 0 else passed)

    def simulated(self, wall: float) -> float:
        """The simulated moment that a machine's time stands for."""
        passed = wall - self._wall
        return self._start + (passed * self._speed if passed > 0 else passed)

    def stamp(self, at: float) -> str:
        """A simulated moment as objects state it, in whole seconds."""
        return _stamp(int(self.wall(at)))

    def fine_stamp(self, at: float) -> str:
        """The same with microseconds, as container runtimes and leases state it."""
        return datetime.fromtimestamp(self.wall(at), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@lru_cache(maxsize=16_384)
def _stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
