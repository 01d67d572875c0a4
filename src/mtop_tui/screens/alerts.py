"""The Alerts screen: what is wrong by the rules, and what nobody has taken note of yet."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType

from mtop_tui.commands import ALERTS, bindings
from mtop_tui.observations import ServiceKey
from mtop_tui.screens.table_screen import TableScreen
from mtop_tui.views import alerts, kubectl
from mtop_tui.views.alerts import AlertFacts
from mtop_tui.views.fleet import Why
from mtop_tui.views.kubectl import Kubectl
from mtop_tui.views.table import Cell


class AlertsScreen(TableScreen[AlertFacts]):
    """Every alert, the most urgent first."""

    CRUMB = "alerts"
    COLUMNS = alerts.COLUMNS
    SORT = "mark"
    EXTRA = ALERTS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ALERTS)

    def facts(self, now: float) -> Mapping[Hashable, AlertFacts]:
        """All there are."""
        return alerts.alerts(self.app.store, now)

    def summary(self, facts: Mapping[Hashable, AlertFacts]) -> Sequence[Cell]:
        """How many fire, and of how many somebody took note."""
        firing = [one.alert for one in facts.values() if one.alert.phase == "firing"]
        pages = sum(one.rule.severity == "page" for one in firing)
        noted = sum(one.acknowledged_at is not None for one in firing)
        pending = sum(one.alert.phase == "pending" for one in facts.values())
        return (
            Cell(f"{len(firing)} firing", "warn" if len(firing) > noted else "quiet"),
            Cell(f"{pages} paging", "bad" if pages else "quiet"),
            Cell(f"{noted} acknowledged", "quiet"),
            Cell(f"{pending} pending", "quiet"),
        )

    def say(self, facts: AlertFacts) -> Why:
        """What is wrong, and by which rule."""
        return alerts.explain(facts)

    def nothing(self) -> str:
        """Why there is no alert."""
        if self.app.store.alerts is None:
            return "alerts are looked for once the fleet is known"
        return "no alerts: no rule is exceeded, and none was within the last 15 minutes"

    def service_of(self, facts: AlertFacts) -> ServiceKey | None:
        """The service that it is about; a source is none."""
        return facts.alert.key.service

    def kubectl(self) -> Sequence[Kubectl]:
        """What tells of the selected service."""
        key = self.selected_service
        return () if key is None else kubectl.of_service(key, self.app.store.kind_of(key))

    def action_open(self) -> None:
        """Open the service that the selected alert is about, or the sources."""
        facts = self.selected
        if facts is not None and facts.alert.key.service is None:
            self.app.action_open("sources")
        else:
            super().action_open()

    def action_acknowledge(self) -> None:
        """Take note of the selected alert, or want attention for it again."""
        kept, facts = self.app.store.alerts, self.selected
        if kept is None or facts is None:
            return
        if facts.alert.acknowledged_at is not None:
            kept.take_back(facts.alert.key)
        elif not kept.acknowledge(facts.alert.key, self.app.time()):
            self.app.say("it is over: there is nothing to acknowledge")
        self.look()

    def action_acknowledge_all(self) -> None:
        """Take note of all in the table that fire."""
        kept, now = self.app.store.alerts, self.app.time()
        if kept is None:
            return
        for key in self._order:
            alert = self._facts[key].alert
            if alert.wants_attention:
                kept.acknowledge(alert.key, now)
        self.look()
