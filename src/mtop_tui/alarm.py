"""Who watches the alerts: steps what only a clock can tell, and tells what begins to fire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mtop_tui.domain.alert_grammar import changed_rules
from mtop_tui.state.alerts import Alert, Alerts
from mtop_tui.text import safe
from mtop_tui.views.alert_words import alert_words

if TYPE_CHECKING:
    from mtop_tui.app import MtopApp

QUIET_LOOKS = 10
"""Looks, one a second, for which nothing more is told: what begins meanwhile is told together."""

NAMED = 3
"""How many alerts are named when several begin at once."""

LONGEST = 200
"""Characters of what a desktop is told."""

USUAL: Final = ("toast", "bell")
"""How alerts are told when a key asks for it and the settings do not say how."""


class Alarm:
    """Tells of alerts as they begin to fire, in the ways asked for; each one once.

    Attributes:
        ways: how: "toast", "bell", and notifications of the desktop by "osc9" or "osc777".
        is_on: whether anything is told.
    """

    def __init__(self, app: MtopApp) -> None:
        settings = app.settings
        self.ways = settings.notify_ways or USUAL
        self.is_on = bool(settings.notify_ways)
        self._app = app
        self._rules = changed_rules(settings.alerts)
        self._quiet = 0

    def look(self) -> None:
        """Step the rules about sources, and tell what began to fire since the last look.

        Those about services are stepped as the store is told of them.
        """
        store, now = self._app.store, self._app.time()
        if store.alerts is None:
            store.alerts = Alerts(self._rules)
        store.alerts.step_sources(store.main_sources, store.latest, now)
        self._quiet = max(0, self._quiet - 1)
        if self.is_on and self._quiet:
            return
        begun = store.alerts.take_begun()
        if self.is_on and begun:
            self._tell(begun, now)
            self._quiet = QUIET_LOOKS

    def toggle(self) -> str:
        """Tell from now on, or be silent; says which."""
        self.is_on = not self.is_on
        if self.is_on:
            return f"alerts that begin to fire are told by {' and '.join(self.ways)}"
        return "alerts are counted and listed, not told"

    def _tell(self, begun: Sequence[Alert], now: float) -> None:
        app = self._app
        pages = any(alert.rule.severity == "page" for alert in begun)
        text = safe(self._words(begun, now), LONGEST)
        if "toast" in self.ways:
            app.say(text, "error" if pages else "warning")
        if "bell" in self.ways:
            app.bell()
        if "osc9" in self.ways:
            app.tell_terminal(f"\x1b]9;{text}\x1b\\")
        if "osc777" in self.ways:
            app.tell_terminal(f"\x1b]777;notify;mtop;{text}\x1b\\")

    def _words(self, begun: Sequence[Alert], now: float) -> str:
        if len(begun) == 1:
            (alert,) = begun
            said = alert_words(self._app.store, alert, now)
            return f"{alert.rule.severity}: {_name(alert)}: {said}"
        pages = sum(alert.rule.severity == "page" for alert in begun)
        named = [f"{_name(alert)} {alert.rule.name}" for alert in begun[:NAMED]]
        more = len(begun) - len(named)
        rest = f" and {more} more" if more else ""
        return f"{len(begun)} alerts fire, {pages} page: {', '.join(named)}{rest}"


def _name(alert: Alert) -> str:
    service = alert.key.service
    return alert.key.source if service is None else service.name
