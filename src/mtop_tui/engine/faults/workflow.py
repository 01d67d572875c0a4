"""Steps in series and in parallel, as the flat list of what begins and ends when.

The words are Chaos Mesh's: Serial, Parallel, Suspend, deadline. All durations are known beforehand,
so the whole story is laid out before it begins; nothing is looked up while it runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from mtop_tui.engine.faults.actions import Action
from mtop_tui.engine.faults.parameters import Values
from mtop_tui.engine.faults.stage import Target


class Deed(msgspec.Struct, frozen=True):
    """One action on one target. `lasts` is in seconds; None: it is not taken back."""

    action: Action
    target: Target
    values: Values
    lasts: float | None = None


class Suspend(msgspec.Struct, frozen=True):
    """A wait, in seconds."""

    seconds: float


class Serial(msgspec.Struct, frozen=True):
    """Steps one after the other: each begins when the one before has ended."""

    steps: tuple[Step, ...]


class Parallel(msgspec.Struct, frozen=True):
    """Steps that begin together; it ends when the last of them has."""

    steps: tuple[Step, ...]


class Step(msgspec.Struct, frozen=True):
    """Something at some time, once or several times.

    Attributes:
        what: happens.
        name: what an annotation calls it; empty: its action.
        at: seconds after the beginning of what it is part of.
        every: seconds from one time to the next; None: once.
        times: how often; None: as often as there is time.
        deadline: seconds after which all of it ends, and nothing more begins.
    """

    what: Deed | Suspend | Serial | Parallel
    name: str = ""
    at: float = 0.0
    every: float | None = None
    times: int | None = None
    deadline: float | None = None


class Planned(msgspec.Struct, frozen=True):
    """A deed with its time. `until` is infinite for what is not taken back."""

    at: float
    until: float
    deed: Deed
    name: str


def timeline(steps: Iterable[Step], duration: float) -> list[Planned]:
    """What begins in the first `duration` seconds, in time order, as listed at the same time."""
    planned: list[Planned] = []
    for step in steps:
        planned += _planned(step, 0.0, duration)[0]
    return sorted(planned, key=lambda one: one.at)


def unreached(steps: Sequence[Step], duration: float) -> Iterator[tuple[tuple[int, ...], float]]:
    """Steps that never begin, for what they are part of is over by then.

    Each is named by its place in the list, and in the lists of the steps it is part of; with the
    seconds after the beginning at which it would begin.
    """
    for index, step in enumerate(steps):
        yield from _unreached(step, (index,), 0.0, duration)


def _unreached(
    step: Step, place: tuple[int, ...], begin: float, limit: float
) -> Iterator[tuple[tuple[int, ...], float]]:
    at = begin + step.at
    if at >= limit:
        yield place, at
    elif isinstance(step.what, Serial | Parallel):
        stop = limit if step.deadline is None else min(limit, at + step.deadline)
        for index, part in enumerate(step.what.steps):
            yield from _unreached(part, (*place, index), at, stop)
            if isinstance(step.what, Serial):
                at = _planned(part, at, stop)[1]


def occurrences(steps: Iterable[Step], duration: float) -> int:
    """How many things happen at most: counted without laying them out."""
    return sum(_occurrences(step, duration) for step in steps)


def _occurrences(step: Step, limit: float) -> int:
    times = 1
    if step.every is not None:
        times = max(1, math.ceil((limit - step.at) / step.every))
        times = times if step.times is None else min(times, step.times)
    parts = step.what.steps if isinstance(step.what, Serial | Parallel) else ()
    return times * max(1, sum(_occurrences(one, limit) for one in parts))


def _planned(step: Step, begin: float, limit: float) -> tuple[list[Planned], float]:
    """What a step consists of, and when it has ended."""
    planned: list[Planned] = []
    end = first = begin + step.at
    for at in _times(step, first, limit):
        stop = limit if step.deadline is None else min(limit, at + step.deadline)
        found, end = _once(step, at, stop)
        planned += [one for one in found if one.at < stop or math.isinf(stop)]
        if step.deadline is not None:
            end = min(end, at + step.deadline)
    return planned, end


def _times(step: Step, first: float, limit: float) -> Iterator[float]:
    if step.every is None:
        if first < limit:
            yield first
        return
    count = 0
    while (at := first + count * step.every) < limit and (step.times is None or count < step.times):
        yield at
        count += 1


def _once(step: Step, at: float, stop: float) -> tuple[list[Planned], float]:
    what = step.what
    if isinstance(what, Suspend):
        return [], at + what.seconds
    if isinstance(what, Deed):
        until = math.inf if what.lasts is None else at + what.lasts
        if step.deadline is not None:
            until = min(until, stop)
        planned = Planned(at, until, what, step.name or what.action.name)
        return [planned], at if what.lasts is None else until
    return (
        _sequence(what.steps, at, stop, step)
        if isinstance(what, Serial)
        else _together(what.steps, at, stop, step)
    )


def _sequence(
    steps: Sequence[Step], at: float, stop: float, whole: Step
) -> tuple[list[Planned], float]:
    planned: list[Planned] = []
    for step in steps:
        found, at = _planned(step, at, stop)
        planned += found
    return _cut(planned, stop, whole), at


def _together(
    steps: Sequence[Step], at: float, stop: float, whole: Step
) -> tuple[list[Planned], float]:
    planned: list[Planned] = []
    end = at
    for step in steps:
        found, ended = _planned(step, at, stop)
        planned += found
        end = max(end, ended)
    return _cut(planned, stop, whole), end


def _cut(planned: list[Planned], stop: float, whole: Step) -> list[Planned]:
    """With a deadline, what would last longer ends there."""
    if whole.deadline is None:
        return planned
    return [msgspec.structs.replace(one, until=min(one.until, stop)) for one in planned]
