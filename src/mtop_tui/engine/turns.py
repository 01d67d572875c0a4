"""What is done to many things again and again, each in its own turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from mtop_tui.engine.world import World

Thing = TypeVar("Thing")


class Turns(Generic[Thing]):
    """Things in the order of their turns, of which the agenda knows the first alone.

    With the same time between the turns of each, who had a turn goes to the end. An agenda of
    100,000 entries would spend more on its order than is spent on what is done.

    Args:
        world: whose agenda it is.
        action: what is done in a turn; it may plan the next one.
    """

    __slots__ = ("_action", "_due", "_world")

    def __init__(self, world: World, action: Callable[[Thing], object]) -> None:
        self._world, self._action = world, action
        self._due: deque[tuple[float, Thing]] = deque()

    def at(self, when: float, thing: Thing) -> None:
        """Give something a turn. One that is before another's goes on the agenda by itself."""
        if self._due and when < self._due[-1][0]:
            self._world.at(when, self._action, thing)
            return
        self._due.append((when, thing))
        if len(self._due) == 1:
            self._world.at(when, self._take)

    def _take(self) -> None:
        # The first stays in its place meanwhile, by which `at` knows that the agenda has one.
        self._action(self._due[0][1])
        self._due.popleft()
        if self._due:
            self._world.at(self._due[0][0], self._take)
