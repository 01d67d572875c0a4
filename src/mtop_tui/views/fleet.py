"""The fleet as rows: which services, in what order, and what each row says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mtop_tui.domain.readiness import Health
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.service import ServiceState
from mtop_tui.views.cells import ServiceFacts, mark
from mtop_tui.views.columns import COLUMNS, FleetColumn, fleet_column
from mtop_tui.views.format import UNKNOWN
from mtop_tui.views.table import Cell, Row, TableQuery, is_descending


class FleetQuery(TableQuery, frozen=True):
    """Which services are wanted, in what order and groups, and what is shown of them.

    No namespaces means all of them. `group` is what `views.groups` reads; empty means that there
    are no groups.
    """

    sort: str = "mark"
    namespaces: tuple[str, ...] = ()
    group: str = ""


def select(store: FleetStore, query: FleetQuery, now: float) -> list[ServiceState]:
    """The services a query asks for, in its order; what has no value comes last, by name.

    Raises:
        QueryError: the filter is none.
    """
    chosen = _wanted(store, query, now)
    column = fleet_column(query.sort)
    valued = []
    rest = []
    for state in chosen:
        value = column.sort(state, store.summary(state))
        if value is None:
            rest.append(state)
        else:
            valued.append((value, state))
    valued.sort(key=_value, reverse=is_descending(query, column))
    return [state for _, state in valued] + rest


def _value(pair: tuple[float | str, ServiceState]) -> float | str:
    return pair[0]


def _wanted(store: FleetStore, query: FleetQuery, now: float) -> list[ServiceState]:
    chosen = store.services()
    if query.namespaces:
        chosen = [state for state in chosen if state.key.namespace in query.namespaces]
    if query.filter.strip():
        from mtop_tui.views.fleet_filter import Asked, fleet_filter  # noqa: PLC0415 - when wanted
        from mtop_tui.views.time_limit import TakesTooLong, time_limit  # noqa: PLC0415 - likewise

        wants = fleet_filter(query.filter)
        try:
            with time_limit():
                chosen = [state for state in chosen if wants(Asked(store, state, now))]
        except TakesTooLong:
            return []
    return chosen


def facts_of(
    store: FleetStore, state: ServiceState, now: float, *, ascii_only: bool = False
) -> ServiceFacts:
    """All that a row is made of.

    Raises:
        ValueError: the service's object has not been seen.
    """
    service = state.service
    if service is None:
        raise ValueError(f"{state.key.name}: no object seen yet")
    return ServiceFacts(
        state=state,
        service=service,
        summary=store.summary(state),
        metrics=state.metrics(),
        status=store.status(state, now),
        share=store.groups.share(service),
        canary=store.canary(state.key),
        now=now,
        stale=state.is_stale(now),
        ascii=ascii_only,
    )


def row(facts: ServiceFacts, columns: Sequence[FleetColumn] = COLUMNS) -> Row:
    """One service as text."""
    return Row(facts.state.key, {column.id: column.cell(facts) for column in columns})


class Why(NamedTuple):
    """Why a service is as it is.

    `chain` goes from what users feel to the deepest cause in a few words each, `detail` says that
    cause in a sentence and what to look at next; empty when there is no cause.
    """

    chain: Cell
    detail: Cell = Cell("")


def why(store: FleetStore, facts: ServiceFacts, width: int) -> Why:
    """Why a service is as it is, with its chain in at most so many characters."""
    from mtop_tui.domain.diagnosis.ranking import diagnose, why_line  # noqa: PLC0415 - see below
    from mtop_tui.state.facts import service_facts  # noqa: PLC0415 - 50 ms, after the first paint

    state = facts.state
    if state.slo_problem:
        return Why(Cell(state.slo_problem, "warn"))
    findings = diagnose(service_facts(store, state, facts.now))
    if findings:
        first = findings[0]
        detail = Cell(f"{first.sentence}; next: {first.next_step}", "quiet")
        return Why(Cell(why_line(findings, width)), detail)
    if not state.has_objectives:
        return Why(unexplained(facts))
    from mtop_tui.views.seen import budget_seen  # noqa: PLC0415 - after a minute only

    return Why(unexplained(facts), Cell(budget_seen(state, facts.now), "quiet"))


def unexplained(facts: ServiceFacts) -> Cell:
    """What is said where no cause was found."""
    if facts.status.health != Health.FINE or facts.stale:
        return Cell(UNKNOWN)
    if facts.state.is_burning:
        return Cell("it burns its error budget, and no cause is seen now: look back", "normal")
    if mark(facts).text.strip():
        return Cell(UNKNOWN)
    return Cell("nothing wrong that mtop can see", "quiet")
