"""Every objective of the fleet: how much was good, what is left of its budget, and how long."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from typing import NamedTuple

from mtop_tui.domain.quantiles import Bounds
from mtop_tui.domain.slo.attainment import attainment
from mtop_tui.domain.slo.burn_alerts import burn_alerts
from mtop_tui.domain.slo.caveats import (
    Caveat,
    low_traffic,
    short_history,
    slow_scrape,
    unreachable_alerts,
)
from mtop_tui.domain.slo.grammar import objective_text
from mtop_tui.domain.slo.periods import duration_text
from mtop_tui.domain.slo.words import budget_end, spent_in
from mtop_tui.observations import ServiceKey
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.objectives import ObjectiveStatus
from mtop_tui.state.service import ServiceState
from mtop_tui.views import format as fmt
from mtop_tui.views.fleet import Why
from mtop_tui.views.seen import is_seen_whole, seen_since
from mtop_tui.views.table import Cell, Column, SortValue, Tone

HOUR = 3600.0
WINDOWS = (300.0, HOUR, 6 * HOUR, 72 * HOUR)
"""The burn rates that have a column, as far as an alert looks at them."""

UNKNOWN = Cell(fmt.UNKNOWN, "quiet")


class ObjectiveFacts(NamedTuple):
    """One objective of one service, at a time."""

    state: ServiceState
    status: ObjectiveStatus
    now: float

    @property
    def key(self) -> ServiceKey:
        """The service."""
        return self.state.key


def objectives(store: FleetStore, now: float) -> dict[Hashable, ObjectiveFacts]:
    """All objectives, by service and by what they measure."""
    return {
        (state.key, index): ObjectiveFacts(state, status, now)
        for state in store.services()
        for index, status in enumerate(state.objectives())
    }


def explain(facts: ObjectiveFacts) -> Why:
    """When the budget ends at this pace, what was spent, and what to keep in mind."""
    status = facts.status
    span = status.objective.window.span_at(facts.now)
    period = span.end - span.start
    pace = status.burn.get(HOUR)
    if status.budget is None:
        chain = "no requests were counted yet, so nothing can be said of the budget"
    else:
        zone = datetime.fromtimestamp(facts.now).astimezone().tzinfo
        assert zone is not None
        end = budget_end(
            pace,
            status.budget.left_of_period,
            period=period,
            remaining=span.end - facts.now if span.end > facts.now else period,
            now=facts.now,
            zone=zone,
        )
        chain = f"{end}; {_spent(facts, pace, period)}"
    caveats = [caveat.text for caveat in _caveats(facts, period)]
    origin = f"from {status.objective.origin.text}"
    past = ["simulated past"] if facts.state.simulated_past else []
    return Why(Cell(chain), Cell("; ".join([*past, *caveats, origin]), "quiet"))


def _spent(facts: ObjectiveFacts, pace: Bounds | None, period: float) -> str:
    """What the last hour used of the budget, or as much of it as was seen."""
    status, now = facts.status, facts.now
    if is_seen_whole(status, HOUR, now):
        return spent_in("last hour", pace, HOUR, period)
    return spent_in(seen_since(status.since, now), pace, max(0.0, now - status.since), period)


def _caveats(facts: ObjectiveFacts, period: float) -> list[Caveat]:
    status = facts.status
    target, alerts = status.objective.target, burn_alerts(period)
    service = facts.state.service
    created = None if service is None else service.created_at
    age = None if created is None else facts.now - created
    found: list[Caveat | None] = [*unreachable_alerts(target, alerts)]
    if status.budget is not None:
        observed = status.budget.observed
        if observed + HOUR < period:  # the hour that is under way counts as a whole one
            partly = [
                window
                for window in WINDOWS
                if window in status.burn and not is_seen_whole(status, window, facts.now)
            ]
            seen = seen_since(status.since, facts.now)
            found.append(short_history(observed, period, age, seen=seen, windows=partly))
        rare = low_traffic(status.events, target, observed, period, alerts)
        found.append(None if rare is None else rare.caveat)
    if facts.state.interval > 0:
        found += slow_scrape(facts.state.interval, alerts)
    return [caveat for caveat in found if caveat is not None]


def _share(bounds: Bounds | None) -> str:
    if bounds is None:
        return fmt.UNKNOWN
    low, high = (f"{100 * value:.2f}" for value in bounds)
    return f"{low}%" if low == high else f"{low} to {high}%"


def _attained(facts: ObjectiveFacts) -> Cell:
    share = attainment(facts.status.events)
    if share is None:
        return UNKNOWN
    missed = share.high < facts.status.objective.target
    return Cell(_share(share), "bad" if missed else "normal")


def _left(facts: ObjectiveFacts) -> Cell:
    if facts.status.budget is None:
        return UNKNOWN
    left = facts.status.budget.left_of_period
    tone: Tone = "bad" if left.high <= 0 else "warn" if left.low < 0.25 else "normal"
    low, high = fmt.share_left(left.low), fmt.share_left(left.high)
    return Cell(low if low == high else f"{low} to {high}", tone)


def _left_sort(facts: ObjectiveFacts) -> SortValue:
    return None if facts.status.budget is None else facts.status.budget.left_of_period.low


def _alert(facts: ObjectiveFacts) -> Cell:
    status = facts.status
    if status.pages:
        return Cell("page", "bad")
    if status.tickets:
        return Cell("ticket", "warn")
    if status.untold:
        return Cell("cannot tell", "warn")
    return Cell("quiet" if status.budget is not None else fmt.UNKNOWN, "quiet")


def _urgency(facts: ObjectiveFacts) -> SortValue:
    status = facts.status
    rate = status.burn.get(HOUR)
    return 1000.0 * status.pages + 500.0 * status.tickets + (0.0 if rate is None else rate.high)


def _burn_column(window: float) -> Column[ObjectiveFacts]:
    def rate(facts: ObjectiveFacts) -> Bounds | None:
        return facts.status.burn.get(window)

    def cell(facts: ObjectiveFacts) -> Cell:
        found = rate(facts)
        if found is None:
            return UNKNOWN
        low, high = fmt.count(found.low), fmt.count(found.high)
        return Cell(high if low == high else f"<{high}", "warn" if found.low > 1 else "normal")

    def sort(facts: ObjectiveFacts) -> SortValue:
        found = rate(facts)
        return None if found is None else found.high

    name = duration_text(window)
    title = f"BURN {name}"
    words = f"Burn rate over {name}, 1 is sustainable"
    return Column(f"burn_{name}", title, words, len(title), 4, cell, sort, moves=True)


COLUMNS: tuple[Column[ObjectiveFacts], ...] = (
    Column(
        "name",
        "MODEL",
        "The service",
        20,
        0,
        lambda facts: Cell(facts.key.name),
        lambda facts: facts.key.name,
        right=False,
        grows=True,
        largest_first=False,
        keep_end=True,
    ),
    Column(
        "namespace",
        "NAMESPACE",
        "Its namespace",
        9,
        5,
        lambda facts: Cell(facts.key.namespace, "quiet"),
        lambda facts: facts.key.namespace,
        right=False,
        exact=True,
        largest_first=False,
    ),
    Column(
        "objective",
        "OBJECTIVE",
        "What is promised",
        22,
        0,
        lambda facts: Cell(objective_text(facts.status.objective)),
        lambda facts: objective_text(facts.status.objective),
        right=False,
        exact=True,
        largest_first=False,
    ),
    Column(
        "attained",
        "GOOD",
        "Share of good events over the period, as far as it was observed",
        7,
        2,
        _attained,
        lambda facts: (share := attainment(facts.status.events)) and share.low,
        largest_first=False,
        exact=True,
        moves=True,
        unit="ratio",
    ),
    Column(
        "left",
        "BUDGET",
        "Error budget left",
        6,
        1,
        _left,
        _left_sort,
        largest_first=False,
        exact=True,
        moves=True,
        unit="ratio",
    ),
    *(_burn_column(window) for window in WINDOWS),
    Column("alert", "ALERT", "Whether an alert fires", 11, 0, _alert, _urgency, moves=True),
    Column(
        "events",
        "EVENTS",
        "Events counted",
        6,
        6,
        lambda facts: Cell(fmt.whole(facts.status.events.total)),
        lambda facts: facts.status.events.total,
        moves=True,
    ),
)
