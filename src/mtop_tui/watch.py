"""One source being watched: where it is from, what was seen of it, and its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from mtop_tui.clock import Clock
from mtop_tui.observations import MetricSample, Observation, SourceHealth
from mtop_tui.providers.base import FleetProvider
from mtop_tui.state.fleet import FleetStore

if TYPE_CHECKING:
    from mtop_tui.actions.contract import Actions
    from mtop_tui.observations import ServiceKey
    from mtop_tui.undertaking import Undertaking

_APART = 0.5
"""Seconds that the held time of a source and of its screen may differ: far less than a step."""


class Watch:
    """What the app holds of one source; of another source it makes another one.

    Args:
        provider, store, clock: what says something, what keeps it, and whose time it is.
        actions: makes what changes something there; None where mtop only looks.
        is_first: see below.

    Attributes:
        takes_actions: whether something there can be changed.
        undertakings: the last action on each service that was begun.
        is_first: whether mtop was started with it.
        has_shown: whether its services have been put on the screen.
        is_described: whether all objects are there: its first figures, or its word, come after.
        has_drawn: whether the picture of that stands.
    """

    def __init__(
        self,
        provider: FleetProvider,
        store: FleetStore,
        clock: Clock,
        *,
        actions: Callable[[], Actions] | None = None,
        is_first: bool = True,
    ) -> None:
        self.provider = provider
        self.takes_actions = actions is not None
        self.undertakings: dict[ServiceKey, Undertaking] = {}
        self._make_actions = actions
        self.store = store
        self.clock = clock
        self.is_first = is_first
        self.has_shown = self.is_described = self.has_drawn = False
        self._held_at: float | None = None
        self._goal: float | None = None
        self._behind = 0.0

    @cached_property
    def actions(self) -> Actions | None:
        """What changes something there, made when it is first wanted."""
        return None if self._make_actions is None else self._make_actions()

    @property
    def paused(self) -> bool:
        """Whether its time is held."""
        return self._held_at is not None

    def time(self) -> float:
        """Now by its clock: it stands still while held and goes on from there."""
        return self._held_at if self._held_at is not None else self.clock.now() - self._behind

    def toggle_pause(self) -> None:
        """Hold or resume its time."""
        if self._held_at is None:
            self._held_at = self.time()
        else:
            self._behind = self.clock.now() - (self._goal or self._held_at)
            self._held_at = self._goal = None
        self.provider.pause(self.paused)

    def step(self, seconds: float) -> None:
        """Move the time at which it is held forward.

        The time comes after as far as the source has told what happened in it: else all that is
        known would look old while the source catches up.
        """
        if self._held_at is not None:
            self._goal = (self._goal or self._held_at) + seconds
            self.provider.step(seconds)

    def take(self, observations: Sequence[Observation]) -> None:
        """Take what it says."""
        self.store.apply(observations)
        if self._goal is not None:
            self._come_after(self._goal, observations)
        if not self.is_described and self.store.has_services:
            self.is_described = any(map(_describes, observations))

    async def close(self) -> None:
        """Let go of it."""
        if (actions := vars(self).get("actions")) is not None:
            await actions.close()
        await self.provider.close()

    def _come_after(self, goal: float, observations: Sequence[Observation]) -> None:
        """Let the held time follow the source to where a step leads; its word says it is there."""
        there = any(type(one) is SourceHealth and one.at >= goal - _APART for one in observations)
        latest = self.store.latest
        if there:
            self._held_at, self._goal = goal, None
        elif latest is not None and self._held_at is not None:
            self._held_at = max(self._held_at, min(goal, latest))


def _describes(record: Observation) -> bool:
    """Whether a record comes after all objects: a first figure, or word that all is there."""
    if type(record) is SourceHealth:
        return record.state == "live"
    return type(record) is MetricSample
