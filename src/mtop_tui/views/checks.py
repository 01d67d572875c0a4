"""Whether what was expected of a story came true: computed from the store and its records.

A checker sees what a provider emits, and nothing else. It samples figures while time goes by, so
that a check can ask for the largest queue of a window as well as for the last one. A figure that is
not known never passes.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from mtop_tui.observations import KubeEvent, ObjectRef, Observation, Replica, Revision, ServiceKey
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.check_metrics import FLEET_METRICS, SERVICE_METRICS

LOOK_EVERY = 5.0
"""Seconds between two looks at the figures."""

Operator = Literal["<", "<=", ">", ">=", "==", "!="]
Aggregate = Literal["last", "first", "min", "max", "mean"]

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Check(msgspec.Struct, frozen=True):
    """One expectation, with its window in seconds after the beginning of the story.

    Exactly one of `metric`, `event` and `diagnosis` is set. Without a service, metrics are the
    fleet's and events those of any object.
    """

    name: str
    start: float
    end: float
    service: ServiceKey | None = None
    metric: str = ""
    aggregate: Aggregate = "last"
    op: Operator = "<"
    value: float = 0.0
    times_of: ServiceKey | None = None
    event: str = ""
    diagnosis: str = ""

    @property
    def expected(self) -> str:
        """What must be, in words."""
        if self.event:
            return f"event {self.event}"
        if self.diagnosis:
            return f"diagnosis {self.diagnosis}"
        figure = self.metric if self.aggregate == "last" else f"{self.aggregate} {self.metric}"
        times = f" x that of {self.times_of.name}" if self.times_of else ""
        return f"{figure} {self.op} {self.value:g}{times}"


class Outcome(msgspec.Struct, frozen=True):
    """What came of a check. `observed` is the figure, None where it is not known."""

    check: Check
    passed: bool
    observed: float | None
    said: str


def first_cause(store: FleetStore, key: ServiceKey, now: float) -> str:
    """The first cause that the diagnosis gives for a service; empty when nothing is wrong."""
    from mtop_tui.domain.diagnosis.ranking import diagnose  # noqa: PLC0415 - few checks ask why
    from mtop_tui.state.facts import service_facts  # noqa: PLC0415

    state = store.service(key)
    found = () if state is None else diagnose(service_facts(store, state, now))
    return next((one.id for one in found if one.severity != "info"), "")


class _Figure:
    """A figure over a window: what the aggregates need, and no more."""

    __slots__ = ("count", "first", "largest", "last", "smallest", "total")

    def __init__(self) -> None:
        self.count = 0
        self.first = self.last = self.largest = self.smallest = math.nan
        self.total = 0.0

    def add(self, value: float) -> None:
        self.last = value
        if math.isnan(value):
            return
        if not self.count:
            self.first = self.largest = self.smallest = value
        self.count += 1
        self.total += value
        self.largest = max(self.largest, value)
        self.smallest = min(self.smallest, value)

    def value(self, aggregate: Aggregate) -> float:
        if aggregate == "last":
            return self.last
        if aggregate == "mean":
            return self.total / self.count if self.count else math.nan
        return {"first": self.first, "min": self.smallest, "max": self.largest}[aggregate]


class Checker:
    """Follows a story and tells what came of its checks.

    Args:
        checks: what is expected.
        store: takes the same records before `see` gets them.
        start: Unix seconds at which the story begins.
    """

    def __init__(self, checks: Sequence[Check], store: FleetStore, start: float) -> None:
        self.checks = checks
        self._store = store
        self._start = start
        self._next = start
        self._figures = [(_Figure(), _Figure()) for _ in checks]
        self._reached = [False] * len(checks)
        self._happened: list[float | None] = [None] * len(checks)
        self._said: list[set[str]] = [set() for _ in checks]
        self._owners: dict[ObjectRef, ServiceKey] = {}
        self._reasons = {check.event for check in checks if check.event}

    def see(self, records: Iterable[Observation]) -> None:
        """Take note of events, and look at the figures when it is time to."""
        for record in records:
            if isinstance(record, Replica | Revision):
                self._owners[record.ref] = record.service
            elif isinstance(record, KubeEvent) and record.reason in self._reasons:
                self._event(record)
        now = self._store.latest
        if now is not None and now >= self._next:
            self._next = now + LOOK_EVERY
            self.look(now)

    def look(self, now: float) -> None:
        """Take the figures of all checks whose window it is."""
        passed = now - self._start
        for index, check in enumerate(self.checks):
            if not check.start <= passed <= check.end:
                continue
            self._reached[index] = True
            if check.metric:
                one, other = self._figures[index]
                one.add(self._read(check.metric, check.service))
                if check.times_of is not None:
                    other.add(self._read(check.metric, check.times_of))
            elif check.diagnosis and self._happened[index] is None:
                self._look_why(index, check, now)

    def outcomes(self) -> list[Outcome]:
        """What came of each check by now."""
        return [self._outcome(index, check) for index, check in enumerate(self.checks)]

    def _read(self, metric: str, key: ServiceKey | None) -> float:
        if key is None:
            return FLEET_METRICS[metric](self._store)
        state = self._store.service(key)
        return math.nan if state is None else SERVICE_METRICS[metric](self._store, state)

    def _look_why(self, index: int, check: Check, now: float) -> None:
        if check.service is None:
            return
        cause = first_cause(self._store, check.service, now)
        self._said[index].add(cause or "nothing")
        if cause == check.diagnosis:
            self._happened[index] = now - self._start

    def _event(self, record: KubeEvent) -> None:
        passed = record.at - self._start
        involved = record.involved
        key = self._owners.get(involved)
        for index, check in enumerate(self.checks):
            if check.event != record.reason or not check.start <= passed <= check.end:
                continue
            about = key or ServiceKey(*involved[:2], involved.name)
            if (check.service is None or about == check.service) and self._happened[index] is None:
                self._happened[index] = passed

    def _outcome(self, index: int, check: Check) -> Outcome:
        if not self._reached[index]:
            return Outcome(check, False, None, f"its time, {_clock(check.start)} on, did not come")
        if check.metric:
            return self._figure_outcome(index, check)
        at = self._happened[index]
        if at is not None:
            return Outcome(check, True, at, f"at {_clock(at)}")
        said = ", ".join(sorted(self._said[index]))
        return Outcome(check, False, None, f"said {said}" if said else "did not happen")

    def _figure_outcome(self, index: int, check: Check) -> Outcome:
        one, other = self._figures[index]
        value, limit = one.value(check.aggregate), check.value
        if check.times_of is not None:
            limit *= other.value(check.aggregate)
        if math.isnan(value):
            return Outcome(check, False, None, "not known")
        if math.isnan(limit):
            return Outcome(check, False, value, f"{value:.4g}, with nothing to compare")
        said = f"{value:.4g}" if check.times_of is None else f"{value:.4g} against {limit:.4g}"
        return Outcome(check, _OPERATORS[check.op](value, limit), value, said)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
