"""The fleet in groups: services that have something in common, under a row that adds them up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from mtop_tui.domain.cost.money import total
from mtop_tui.domain.readiness import Health
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.service import ServiceState
from mtop_tui.views import cells
from mtop_tui.views import format as fmt
from mtop_tui.views.cells import ServiceFacts
from mtop_tui.views.table import Cell, Row

LABEL: Final = "label:"
WAYS: Final = ("namespace", "label:team", "gpu", "model", "route")
"""What one comes across when going through the ways to group; any `label:KEY` can be set."""

_URGENCY: Final = ("!", "~", "?")


class GroupKey(NamedTuple):
    """A group, as a row of the table: what it has in common, and by what that was judged."""

    way: str
    value: str


class Group(NamedTuple):
    """Services that have something in common, in the order of the table."""

    key: GroupKey
    members: Sequence[ServiceState]


def is_way(way: str) -> bool:
    """Whether services can be grouped so."""
    return way in WAYS or (way.startswith(LABEL) and len(way) > len(LABEL))


def grouped(store: FleetStore, states: Iterable[ServiceState], way: str) -> list[Group]:
    """Groups in the order of their first members, so that what is wrong stays on top.

    Raises:
        KeyError: there is no such way to group.
    """
    value_of = _value_of(store, way)
    found: dict[str, list[ServiceState]] = {}
    for state in states:
        found.setdefault(value_of(state) or fmt.UNKNOWN, []).append(state)
    return [Group(GroupKey(way, value), members) for value, members in found.items()]


def _value_of(store: FleetStore, way: str) -> Callable[[ServiceState], str | None]:
    if way.startswith(LABEL):
        label = way.removeprefix(LABEL)
        return lambda state: None if state.service is None else state.service.labels.get(label)

    def route(state: ServiceState) -> str | None:
        group = store.groups.of(state.key)
        return None if group is None else group.ref.name

    ways: dict[str, Callable[[ServiceState], str | None]] = {
        "namespace": lambda state: state.key.namespace,
        "gpu": lambda state: cells.gpu_text(state).partition(" ")[0],
        "model": lambda state: None if state.service is None else state.service.model,
        "route": route,
    }
    return ways[way]


def heading(
    group: Group,
    facts_of: Callable[[ServiceState], ServiceFacts],
    *,
    folded: bool,
    ascii_only: bool = False,
) -> Row:
    """The row above the members of a group: what can be added up is, the rest stays empty.

    A sum leaves out what is not known; `--` says that nothing of it is.
    """
    facts = [facts_of(state) for state in group.members]
    fold = ("+", "-") if ascii_only else ("▸", "▾")
    name = f"{fold[0] if folded else fold[1]} {group.key.value} ({len(facts)})"
    fine = sum(one.status.health == Health.FINE for one in facts)
    return Row(
        group.key,
        {
            "mark": _worst(facts),
            "name": Cell(name, "good"),
            "state": Cell(f"{fine}/{len(facts)} fine", "normal" if fine == len(facts) else "warn"),
            "replicas": Cell(_replicas(facts)),
            **_sums(facts),
            "gpus": Cell(f"{sum(one.summary.gpus for one in facts)}"),
            "cost": _cost(facts),
        },
    )


def explain(group: Group, facts_of: Callable[[ServiceState], ServiceFacts]) -> Cell:
    """Which members are not fine."""
    wrong = [
        f"{state.key.name} ({cells.state(facts_of(state)).text})"
        for state in group.members
        if cells.mark(facts_of(state)).text.strip()
    ]
    count = fmt.counted(len(group.members), "service")
    if not wrong:
        return Cell(f"{count}, nothing wrong that mtop can see", "quiet")
    return Cell(f"{len(wrong)} of {count} to look at: {', '.join(wrong)}")


def _worst(facts: Sequence[ServiceFacts]) -> Cell:
    marks = [cells.mark(one) for one in facts]
    return next((cell for urgent in _URGENCY for cell in marks if cell.text == urgent), Cell(" "))


def _replicas(facts: Sequence[ServiceFacts]) -> str:
    ready = sum(one.summary.ready_replicas for one in facts)
    wanted = sum(one.summary.desired_replicas or 0 for one in facts if not one.service.stopped)
    return f"{ready}/{wanted}"


def _sums(facts: Sequence[ServiceFacts]) -> Mapping[str, Cell]:
    written: Mapping[str, tuple[str, Callable[[float], str]]] = {
        "requests": ("request_rate", fmt.count),
        "tokens": ("generation_token_rate", fmt.count),
        "prompt": ("prompt_token_rate", fmt.count),
        "queue": ("queue", fmt.whole),
        "running": ("running", fmt.whole),
        "preemptions": ("preemption_rate", fmt.count),
    }
    found = {}
    for column, (name, write) in written.items():
        known = [
            value
            for one in facts
            if not one.stale and not math.isnan(value := getattr(one.metrics, name))
        ]
        found[column] = Cell(write(sum(known))) if known else cells.QUIET_UNKNOWN
    return found


def _cost(facts: Sequence[ServiceFacts]) -> Cell:
    text = fmt.money(total(one.summary.cost for one in facts))
    return Cell(text, "quiet" if text == fmt.UNKNOWN else "normal")
