"""What is known of a service over time: series, marks and a cursor on one time axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from mtop_tui.domain.durations import short_duration
from mtop_tui.observations import Annotation
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.history import (
    COARSE_SLOTS,
    COARSE_STEP,
    FINE_SLOTS,
    FINE_STEP,
)
from mtop_tui.state.metrics import SERIES
from mtop_tui.state.minutes import MINUTE_SERIES, MINUTE_SLOTS, MINUTE_STEP
from mtop_tui.state.rings import SeriesRing
from mtop_tui.state.service import ServiceState
from mtop_tui.views import format as fmt

DAY = 86_400.0


class Span(NamedTuple):
    """How far back the axis goes."""

    label: str
    seconds: float


SPANS = (
    Span("1m", 60),
    Span("5m", 300),
    Span("15m", 900),
    Span("1h", 3600),
    Span("6h", 21_600),
)
"""The store keeps six hours: see `state.history`."""


class Axis(NamedTuple):
    """Points in time, `step` seconds each; `end` is when the last one ends.

    Points begin at multiples of the step, so that what is past does not change its shape.
    """

    end: float
    step: float
    points: int

    @property
    def start(self) -> float:
        """When the first point begins."""
        return self.end - self.points * self.step

    def place(self, at: float) -> int | None:
        """The point that a time falls into; None outside the axis."""
        place = int((at - self.start) // self.step)
        return place if 0 <= place < self.points else None

    def time(self, place: int) -> float:
        """When a point ends: until then, what it says had been seen."""
        return self.start + (place + 1) * self.step


def axis_until(now: float, span: Span, points: int) -> Axis:
    """The axis whose last point holds a time."""
    step = span.seconds / max(points, 1)
    return Axis((now // step + 1) * step, step, points)


class Series(NamedTuple):
    """One chart: what it shows of `ServiceMetrics` or of `MinuteFigures`, and how.

    Of several values that fall into one point, `pick` says which counts: the one to worry about.
    `full` is the value at full height, None where that follows the values.
    """

    name: str
    title: str
    text: Callable[[float], str]
    pick: Callable[[Iterable[float]], float] = max
    full: float | None = None


CHARTS = (
    Series("request_rate", "req/s", fmt.count),
    Series("ttft_p95", "TTFT p95", fmt.seconds),
    Series("queue", "queue", fmt.whole),
    Series("kv_usage", "KV cache", fmt.whole_percent, full=1.0),
    Series("tpot", "TPOT", fmt.seconds),
    Series("error_ratio", "errors", fmt.percent),
    Series("e2e", "e2e mean", fmt.seconds),
    Series("running", "running", fmt.whole),
    Series("prefix_hit_ratio", "prefix hits", fmt.whole_percent, pick=min, full=1.0),
    Series("generation_token_rate", "tok/s out", fmt.count),
    Series("preemption_rate", "preempt/s", fmt.count),
    Series("gpu_utilisation", "GPU busy", fmt.whole_percent, full=1.0),
    Series("usd_per_hour", "$/h", fmt.usd),
)
"""Those that say most come first: a small terminal shows no more."""


def values_of(state: ServiceState, series: Series, axis: Axis) -> list[float]:
    """One value per point of the axis; NaN where nothing is known."""
    ring = _ring(state, series, round(axis.points * axis.step))
    if ring is None:
        return [math.nan] * axis.points
    step = ring.step
    index = (SERIES if series.name in SERIES else MINUTE_SERIES).index(series.name)
    if step >= axis.step:  # a kept value spans several points
        first, last = int(axis.start // step), int((axis.end - axis.step / 2) // step)
        kept = ring.series(index, last * step, last - first + 1)
        middles = (axis.start + (place + 0.5) * axis.step for place in range(axis.points))
        return [kept[int(at // step) - first] for at in middles]
    first, last = math.ceil(axis.start / step), math.ceil(axis.end / step) - 1
    kept = ring.series(index, last * step, last - first + 1)
    points: list[float] = []
    for place in range(axis.points):
        low = math.ceil((axis.start + place * axis.step) / step) - first
        high = math.ceil((axis.start + (place + 1) * axis.step) / step) - first
        known = [value for value in kept[low:high] if value == value]  # noqa: PLR0124 - not NaN
        points.append(series.pick(known) if known else math.nan)
    return points


def _ring(state: ServiceState, series: Series, span: int) -> SeriesRing | None:
    """What holds a series, in the finest steps that reach back so many seconds."""
    if series.name not in SERIES:
        if state.minutes is None:
            return None
        return state.minutes.hour if span <= MINUTE_SLOTS * MINUTE_STEP else state.minutes.long
    history = state.history
    if history is None:
        return None
    if span <= FINE_SLOTS * FINE_STEP:
        return history.fine
    return history.coarse if span <= COARSE_SLOTS * COARSE_STEP else history.long


def value_now(state: ServiceState, series: Series) -> float:
    """What a series has come to; NaN where nothing is known."""
    if series.name in SERIES:
        return float(getattr(state.metrics(), series.name))
    return math.nan if state.minutes is None else float(getattr(state.minutes.latest, series.name))


Kind = Literal["fault", "verdict", "weight", "revision", "warning", "ready", "scale", "event"]

SIGNS: dict[Kind, str] = {
    "fault": "*",
    "verdict": "v",
    "weight": "%",
    "revision": "^",
    "warning": "!",
    "ready": "+",
    "scale": "s",
    "event": ".",
}
"""What stands for a mark on the axis. Of several in one place, the first in this order is drawn."""

KIND_WORDS: dict[Kind, str] = {
    "fault": "note",
    "verdict": "verdict",
    "weight": "traffic",
    "ready": "replicas",
    "revision": "revision",
    "warning": "warning",
    "scale": "scaling",
    "event": "event",
}


class Mark(NamedTuple):
    """Something that happened at a time."""

    at: float
    kind: Kind
    text: str


def marks_of(store: FleetStore, state: ServiceState) -> list[Mark]:
    """Events, revisions, scaling and annotations of a service, oldest first."""
    marks = [
        Mark(
            event.at,
            "warning" if event.severity == "Warning" else "event",
            f"{event.reason}: {event.message}" if event.message else event.reason,
        )
        for event in state.events
    ]
    marks += [
        Mark(one.created_at, "revision", f"revision {one.number} of {one.role} created")
        for one in state.revisions.values()
        if one.created_at is not None
    ]
    marks += [
        Mark(one.at, "scale", f"autoscaler asks for {one.after} replicas, before {one.before}")
        for one in state.scale_changes
    ]
    marks += [Mark(one.at, "fault", one.text) for one in store.annotations if _is_about(one, state)]
    return sorted(marks)


def _is_about(annotation: Annotation, state: ServiceState) -> bool:
    target = annotation.target
    if target is None:
        return True
    if target.kind == "Node":
        return any(target.name in replica.nodes for replica in state.replicas.values())
    if (target.cluster, target.namespace) != state.key[:2]:
        return False
    return target.name == state.key.name or any(
        target.name == ref.name for ref in state.object_refs()
    )


def marks_at(marks: Sequence[Mark], axis: Axis, cell: int) -> list[Mark]:
    """The marks in one cell of the charts, which is two points wide; most telling first."""
    order = list(SIGNS)
    found = [
        mark for mark in marks if (place := axis.place(mark.at)) is not None and place // 2 == cell
    ]
    return sorted(found, key=lambda mark: (order.index(mark.kind), -mark.at))


def clock(at: float) -> str:
    """A time of day, in the zone of who looks."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def moment(now: float, at: float) -> str:
    """A time of day, or the day when that is another one; in the zone of who looks."""
    if now - at < DAY:
        return clock(at)
    return datetime.fromtimestamp(at).astimezone().strftime("%d %b")


def ago(now: float, at: float) -> str:
    """How long ago: `3m12 ago`."""
    return f"{short_duration(now - at)} ago"
