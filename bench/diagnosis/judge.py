"""Cases: a fleet, a fault drawn from a seed, and what the diagnosis made of what was emitted."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from contextlib import closing
from multiprocessing.connection import Connection
from typing import NamedTuple

from bench.diagnosis.fleets import CANARY, SERVICE, FleetKind
from bench.diagnosis.watch import HEALTHY, Look, Watch
from mtop_tui.engine.faults.actions import Action
from mtop_tui.engine.faults.catalogue import FAULTS
from mtop_tui.engine.faults.parameters import drawn_values
from mtop_tui.engine.randomness import stream

ILL = 420.0
"""Seconds of the fault, after which a case ends."""
LONGER = {"nccl-hang": 780.0}
"""What takes longer to be felt: the watchdog of a collective waits ten minutes."""
HOUR = 3600.0

_FORK = multiprocessing.get_context("fork")


class Case(NamedTuple):
    """A fault on a fleet, and all that was said from its beginning on."""

    fault: str
    fleet: str
    seed: int
    target: str
    looks: tuple[Look, ...]


class Judged(NamedTuple):
    """What was said of a fleet with one seed: under each fault, and while nothing happens."""

    fleet: str
    seed: int
    cases: tuple[Case, ...]
    healthy: tuple[Look, ...]


def judge(fleet: FleetKind, seed: int, faults: Iterable[str], hours: float) -> Judged:
    """Run a fleet until its baselines stand; each fault befalls a fork of it from there on.

    What is left goes on for some hours in which nothing happens.
    """
    with closing(Watch(fleet, seed)) as watch:
        watch.advance(0.0)
        cases = tuple(_forked(watch, FAULTS[name], fleet, seed) for name in faults)
        return Judged(fleet.name, seed, cases, tuple(watch.advance(hours * HOUR)))


def _forked(watch: Watch, action: Action, fleet: FleetKind, seed: int) -> Case:
    """One case, in a process that begins where the watch stands and leaves it untouched."""
    mine, its = _FORK.Pipe(duplex=False)
    child = _FORK.Process(target=_send_case, args=(its, watch, action, fleet, seed))
    child.start()
    its.close()
    try:
        case: Case = mine.recv()
    finally:
        child.join()
    return case


def _send_case(pipe: Connection, watch: Watch, action: Action, fleet: FleetKind, seed: int) -> None:
    target = CANARY if action.name == "canary-regression" else SERVICE
    ill = LONGER.get(action.name, ILL)
    watch.begin(
        {
            "at": HEALTHY,
            "fault": action.name,
            "on": target,
            "with": drawn_values(action.parameters, stream(seed, fleet.name, action.name)),
            "for": ill,
        }
    )
    pipe.send(Case(action.name, fleet.name, seed, target, tuple(watch.advance(ill))))
