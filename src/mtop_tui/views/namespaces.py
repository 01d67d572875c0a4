"""What runs in each namespace, and what it comes to."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable
from typing import NamedTuple

from mtop_tui.domain.cost.money import Dollars, total
from mtop_tui.domain.readiness import Health
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.service import ServiceState
from mtop_tui.views import format as fmt
from mtop_tui.views.table import Cell, Column

UNKNOWN = Cell(fmt.UNKNOWN, "quiet")


class NamespaceFacts(NamedTuple):
    """One namespace; None is not known."""

    name: str
    chosen: bool
    services: int
    failing: int
    burning: int
    requests: float | None
    tokens: float | None
    gpus: int
    cost: Dollars


def namespaces(
    store: FleetStore, chosen: Collection[str], now: float
) -> dict[Hashable, NamespaceFacts]:
    """All namespaces with services, and those that are chosen all the same."""
    found: dict[str, list[ServiceState]] = {name: [] for name in sorted(chosen)}
    for state in store.services():
        found.setdefault(state.key.namespace, []).append(state)
    return {name: _facts(store, name, name in chosen, all_, now) for name, all_ in found.items()}


def _facts(
    store: FleetStore, name: str, chosen: bool, states: list[ServiceState], now: float
) -> NamespaceFacts:
    summaries = [store.summary(state) for state in states]
    fresh = [state.last_metrics for state in states if not state.is_stale(now)]
    return NamespaceFacts(
        name,
        chosen,
        len(states),
        sum(one.health == Health.FAILING for one in summaries),
        sum(bool(state.is_burning) for state in states),
        _sum([one.request_rate for one in fresh]),
        _sum([one.generation_token_rate for one in fresh]),
        sum(one.gpus for one in summaries),
        total(one.cost for one in summaries),
    )


def _sum(values: list[float]) -> float | None:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) if known else None


def _rate(value: float | None) -> Cell:
    return UNKNOWN if value is None else Cell(fmt.count(value))


def _count(number: int) -> Cell:
    return Cell(f"{number}", "normal" if number else "quiet")


COLUMNS: tuple[Column[NamespaceFacts], ...] = (
    Column(
        "mark",
        "",
        "* chosen",
        1,
        0,
        lambda facts: Cell("*", "good") if facts.chosen else Cell(" "),
        lambda facts: float(facts.chosen),
    ),
    Column(
        "name",
        "NAMESPACE",
        "Kubernetes namespace",
        20,
        0,
        lambda facts: Cell(facts.name),
        lambda facts: facts.name,
        right=False,
        grows=True,
        largest_first=False,
        keep_end=True,
    ),
    Column(
        "services",
        "SERVICES",
        "LLMInferenceServices in it",
        8,
        0,
        lambda facts: _count(facts.services),
        lambda facts: float(facts.services),
    ),
    Column(
        "failing",
        "FAILING",
        "Of them, those that do not serve and should",
        7,
        1,
        lambda facts: Cell(f"{facts.failing}", "bad" if facts.failing else "quiet"),
        lambda facts: float(facts.failing),
        moves=True,
    ),
    Column(
        "burning",
        "BURNING",
        "Of them, those whose error budget burns too fast",
        7,
        1,
        lambda facts: Cell(f"{facts.burning}", "bad" if facts.burning else "quiet"),
        lambda facts: float(facts.burning),
        moves=True,
    ),
    Column(
        "requests",
        "REQ/S",
        "Requests ended per second, over 60 s",
        6,
        2,
        lambda facts: _rate(facts.requests),
        lambda facts: facts.requests,
        moves=True,
        unit="per_second",
    ),
    Column(
        "tokens",
        "TOK/S",
        "Tokens generated per second, over 60 s",
        6,
        3,
        lambda facts: _rate(facts.tokens),
        lambda facts: facts.tokens,
        moves=True,
        unit="per_second",
    ),
    Column(
        "gpus",
        "GPUS",
        "GPUs that its replicas hold",
        5,
        2,
        lambda facts: _count(facts.gpus),
        lambda facts: float(facts.gpus),
    ),
    Column(
        "cost",
        "$/H",
        "USD per hour of the GPUs it holds",
        7,
        2,
        lambda facts: Cell(fmt.money(facts.cost), "quiet" if not facts.cost.usd else "normal"),
        lambda facts: float(facts.cost.usd),
        unit="usd_per_hour",
    ),
)
