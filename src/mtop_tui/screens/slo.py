"""The SLO screen: how much budget is left."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from mtop_tui.observations import ServiceKey
from mtop_tui.screens.table_screen import TableScreen
from mtop_tui.views import kubectl, slo
from mtop_tui.views.fleet import Why
from mtop_tui.views.format import counted
from mtop_tui.views.kubectl import Kubectl
from mtop_tui.views.slo import ObjectiveFacts
from mtop_tui.views.table import Cell


class SloScreen(TableScreen[ObjectiveFacts]):
    """Every objective of the fleet, the most urgent first."""

    CRUMB = "objectives"
    COLUMNS = slo.COLUMNS
    SORT = "alert"

    def facts(self, now: float) -> Mapping[Hashable, ObjectiveFacts]:
        """All objectives."""
        return slo.objectives(self.app.store, now)

    def summary(self, facts: Mapping[Hashable, ObjectiveFacts]) -> Sequence[Cell]:
        """How many there are, and how many alerts fire."""
        pages = sum(one.status.pages for one in facts.values())
        tickets = sum(one.status.tickets for one in facts.values())
        said = [
            Cell(counted(len(facts), "objective")),
            Cell(f"{pages} paging", "bad" if pages else "quiet"),
            Cell(f"{tickets} ticketing", "warn" if tickets else "quiet"),
        ]
        if unread := sum(bool(state.slo_problem) for state in self.app.store.services()):
            said.append(Cell(f"{counted(unread, 'annotation')} unreadable", "warn"))
        return said

    def say(self, facts: ObjectiveFacts) -> Why:
        """When the budget ends at this pace, and what to keep in mind."""
        return slo.explain(facts)

    def nothing(self) -> str:
        """Why there is no objective."""
        for state in self.app.store.services():
            if state.slo_problem:
                return f"{state.key.namespace}/{state.key.name}: {state.slo_problem}"
        if any(state.last_at is None for state in self.app.store.services()):
            return "objectives are counted once a minute has passed"
        return (
            "no objectives: state them with --slo FILE, the annotation mtop.dev/slo or the settings"
        )

    def service_of(self, facts: ObjectiveFacts) -> ServiceKey:
        """The service that has it."""
        return facts.key

    def kubectl(self) -> Sequence[Kubectl]:
        """Where objectives are annotated."""
        key = self.selected_service
        return kubectl.of_objectives(key, self.app.store.kind_of(key))
