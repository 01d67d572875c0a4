"""How long to wait before asking again."""

from __future__ import annotations

from random import Random
from typing import Final

from mtop_tui.providers.live.problems import TOO_MANY, UNAVAILABLE, Problem, Refusal

FIRST: Final = 0.25
LONGEST: Final = 5.0
"""Seconds of the first and the longest wait while nobody says how long to wait."""

_SHORTEST_ASKED = 1.0
_SPREAD = 0.5


class BackOff:
    """Waits that double, spread by chance so that not everybody comes back at once.

    Args:
        random: draws.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._next = FIRST

    def reset(self) -> None:
        """What was asked for is there: begin anew next time."""
        self._next = FIRST

    def spread(self, seconds: float) -> float:
        """Any time up to so many seconds."""
        return self._random.uniform(0.0, seconds)

    def longer(self) -> float:
        """Seconds to wait: more each time."""
        wait, self._next = self._next, min(self._next * 2, LONGEST)
        return wait * (0.5 + self.spread(0.5))

    def after(self, problem: Problem) -> float:
        """Seconds to wait after a problem: what the server asks for, or ever longer."""
        if isinstance(problem, Refusal) and problem.status in {TOO_MANY, UNAVAILABLE}:
            return max(problem.retry_after or 0.0, _SHORTEST_ASKED) + self.spread(_SPREAD)
        wait = self.longer()
        if isinstance(problem, Refusal) and problem.retry_after is not None:
            return problem.retry_after + self.spread(_SPREAD)
        return wait
