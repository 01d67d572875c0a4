"""The Events screen: what happened."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from mtop_tui.observations import ServiceKey
from mtop_tui.screens.table_screen import TableScreen
from mtop_tui.views import events, kubectl
from mtop_tui.views.events import EventFacts
from mtop_tui.views.fleet import Why
from mtop_tui.views.format import counted
from mtop_tui.views.kubectl import Kubectl
from mtop_tui.views.table import Cell


class EventsScreen(TableScreen[EventFacts]):
    """Events of the whole fleet, newest first."""

    CRUMB = "events"
    COLUMNS = events.COLUMNS
    SORT = "age"

    def facts(self, now: float) -> Mapping[Hashable, EventFacts]:
        """What is kept."""
        return events.events(self.app.store, now)

    def summary(self, facts: Mapping[Hashable, EventFacts]) -> Sequence[Cell]:
        """How many there are, and how many warn."""
        warnings = sum(one.event.severity == "Warning" for one in facts.values())
        return (
            Cell(counted(len(facts), "event")),
            Cell(counted(warnings, "warning"), "warn" if warnings else "quiet"),
        )

    def say(self, facts: EventFacts) -> Why:
        """The whole message."""
        return events.explain(facts)

    def nothing(self) -> str:
        """Why there is no event."""
        return "no events yet; Kubernetes keeps its own for an hour"

    def service_of(self, facts: EventFacts) -> ServiceKey | None:
        """The service whose object it is about."""
        state = self.app.store.service_about(facts.event.involved)
        return None if state is None else state.key

    def kubectl(self) -> Sequence[Kubectl]:
        """All events, and those of the selected one's object."""
        return kubectl.of_events(None if self.selected is None else self.selected.event)
