"""Carries out a story on a fleet: begins each deed, ends it, and marks it on the time axis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Protocol

from mtop_tui.engine.faults.stage import Running, Stage, Target
from mtop_tui.engine.faults.workflow import Planned
from mtop_tui.engine.levers import LeverError, Levers
from mtop_tui.observations import Annotation, ObjectRef, Observation, ServiceKey

SERVICE_KIND = "LLMInferenceService"


class Fleet(Protocol):
    """What can be advanced and has levers: a `SimulatedFleet`."""

    @property
    def levers(self) -> Levers:
        """The only way in."""
        ...

    def advance(self, until: float) -> Iterator[list[Observation]]:
        """What is observed up to `until`, in time order."""
        ...

    def next_due(self) -> float | None:
        """When something happens next."""
        ...


class Director:
    """A fleet that a story happens to.

    Deeds happen at their own times, however seldom somebody looks, so that the same story on the
    same seed gives the same observations. Each is announced by an `Annotation`, drawn and never
    given to the domain. What cannot be done (nothing is there any more) is said so there too.

    Args:
        fleet: is advanced.
        planned: what happens, in seconds after `start`.
        start: Unix seconds at which the story begins.
    """

    def __init__(self, fleet: Fleet, planned: Iterable[Planned], start: float) -> None:
        self._fleet = fleet
        self._stage = Stage(fleet.levers)
        self._due: list[tuple[float, int, Planned, Running | None]] = [
            (start + one.at, order, one, None) for order, one in enumerate(planned)
        ]
        heapify(self._due)
        self._order = len(self._due)
        self._start = start
        self.failures: list[str] = []

    def add(self, planned: Iterable[Planned]) -> None:
        """Let more happen, in seconds after its start; what is past already happens at once."""
        for one in planned:
            self._order += 1
            heappush(self._due, (self._start + one.at, self._order, one, None))

    def advance(self, until: float) -> Iterator[list[Observation]]:
        """What is observed from where the last call ended up to `until`, in time order."""
        while self._due and self._due[0][0] <= until:
            at, _, planned, running = heappop(self._due)
            yield from self._observe(at)
            yield [self._end(at, planned, running) if running else self._begin(at, planned)]
        yield from self._observe(until)

    def next_due(self) -> float | None:
        """When something happens next, in Unix seconds; None when nothing ever will."""
        due = self._fleet.next_due()
        if not self._due:
            return due
        return self._due[0][0] if due is None else min(due, self._due[0][0])

    def _observe(self, until: float) -> Iterator[list[Observation]]:
        for batch in self._fleet.advance(until):
            self._stage.see(batch)
            yield batch

    def _begin(self, at: float, planned: Planned) -> Annotation:
        deed = planned.deed
        self._order += 1
        name = f"{deed.action.name}-{self._order}"
        running = Running(name, deed.target, deed.values, self._start + planned.until)
        until = None if math.isinf(planned.until) else running.until
        try:
            deed.action.start(self._stage, running)
        except LeverError as error:
            self.failures.append(f"{planned.name}: {error}")
            return self._mark(at, f"{planned.name} could not be done: {error}", deed.target)
        if until is not None:
            heappush(self._due, (until, self._order, planned, running))
        return self._mark(at, f"{planned.name}: {_words(planned)}", deed.target, until)

    def _end(self, at: float, planned: Planned, running: Running) -> Annotation:
        running.active = False
        text = f"{planned.name} has ended"
        if planned.deed.action.end is not None:
            try:
                planned.deed.action.end(self._stage, running)
            except LeverError as error:
                text = f"{text}; nothing was left to take back: {error}"
        return self._mark(at, text, planned.deed.target)

    def _mark(self, at: float, text: str, target: Target, until: float | None = None) -> Annotation:
        key = target.services[0] if target.services else None
        return Annotation(at=at, text=text, target=_ref(key), until=until)


def _words(planned: Planned) -> str:
    deed = planned.deed
    values = ", ".join(f"{name} {_short(value)}" for name, value in deed.values.items() if value)
    return f"{deed.target.words}, {values}" if values else deed.target.words


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _ref(key: ServiceKey | None) -> ObjectRef | None:
    return None if key is None else ObjectRef(*key[:2], SERVICE_KIND, key.name)
