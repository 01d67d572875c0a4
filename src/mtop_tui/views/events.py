"""What Kubernetes said lately, of any object of the fleet."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from mtop_tui.domain.durations import short_duration
from mtop_tui.observations import KubeEvent
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.fleet import Why
from mtop_tui.views.table import Cell, Column


class EventFacts(NamedTuple):
    """One event, at a time."""

    event: KubeEvent
    now: float


def events(store: FleetStore, now: float) -> dict[Hashable, EventFacts]:
    """The events that are kept, newest first."""
    return {ref: EventFacts(event, now) for ref, event in reversed(store.events.items())}


def explain(facts: EventFacts) -> Why:
    """The whole message, and how long this has been going on."""
    event = facts.event
    again = ""
    if event.count > 1 and event.first_at is not None:
        again = f"{event.count} times within {short_duration(event.at - event.first_at)}"
    return Why(Cell(event.message), Cell(again, "quiet"))


def _mark(facts: EventFacts) -> Cell:
    return Cell("!", "warn") if facts.event.severity == "Warning" else Cell(" ")


def _age(facts: EventFacts) -> Cell:
    return Cell(short_duration(facts.now - facts.event.at), "quiet")


def _object(facts: EventFacts) -> str:
    involved = facts.event.involved
    return f"{involved.kind.lower()}/{involved.name}"


COLUMNS: tuple[Column[EventFacts], ...] = (
    Column(
        "mark",
        "",
        "! a warning",
        1,
        0,
        _mark,
        lambda facts: float(facts.event.severity != "Normal"),
    ),
    Column(
        "age",
        "AGE",
        "Since it happened last",
        5,
        0,
        _age,
        lambda facts: facts.now - facts.event.at,
        largest_first=False,
        unit="seconds",
    ),
    Column(
        "reason",
        "REASON",
        "In the word of the component that said it",
        18,
        1,
        lambda facts: Cell(
            facts.event.reason, "warn" if facts.event.severity == "Warning" else "normal"
        ),
        lambda facts: facts.event.reason.lower(),
        right=False,
        largest_first=False,
    ),
    Column(
        "namespace",
        "NAMESPACE",
        "Of the object",
        9,
        3,
        lambda facts: Cell(facts.event.involved.namespace, "quiet"),
        lambda facts: facts.event.involved.namespace,
        right=False,
        exact=True,
        largest_first=False,
    ),
    Column(
        "name",
        "OBJECT",
        "What it is about",
        32,
        0,
        lambda facts: Cell(_object(facts)),
        _object,
        right=False,
        largest_first=False,
        keep_end=True,
    ),
    Column(
        "count",
        "COUNT",
        "How often it happened",
        5,
        4,
        lambda facts: Cell(str(facts.event.count), "normal" if facts.event.count > 1 else "quiet"),
        lambda facts: float(facts.event.count),
    ),
    Column(
        "message",
        "MESSAGE",
        "What was said",
        20,
        2,
        lambda facts: Cell(facts.event.message),
        lambda facts: facts.event.message.lower(),
        right=False,
        grows=True,
        largest_first=False,
    ),
)
