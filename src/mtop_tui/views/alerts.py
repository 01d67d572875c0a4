"""The alerts of the fleet as rows: what is wrong, since when, and whether anybody took note."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from typing import NamedTuple

from mtop_tui.domain.durations import short_duration
from mtop_tui.state.alerts import Alert
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.alert_words import alert_words, rule_words
from mtop_tui.views.fleet import Why
from mtop_tui.views.format import counted
from mtop_tui.views.table import Cell, Column, Tone

PHASES = ("resolved", "pending", "firing")
"""By how urgent they are."""

LONG_AGO = 1e11
"""More than any Unix time: what is newer is more urgent, but never than what is graver."""


class AlertFacts(NamedTuple):
    """One alert, at a time."""

    store: FleetStore
    alert: Alert
    now: float

    @property
    def words(self) -> str:
        """What is wrong."""
        return alert_words(self.store, self.alert, self.now)


def alerts(store: FleetStore, now: float) -> dict[Hashable, AlertFacts]:
    """All alerts that are pending, fire, or were resolved lately."""
    if store.alerts is None:
        return {}
    return {alert.key: AlertFacts(store, alert, now) for alert in store.alerts.all()}


def explain(facts: AlertFacts) -> Why:
    """What is wrong in full, and by which rule, since when, how often, and who took note."""
    alert, store = facts.alert, facts.store
    said = [f"rule {alert.rule.name}: {rule_words(alert.rule)}"]
    said.append(f"{alert.phase} since {_clock(alert.since)}")
    before = [] if store.alerts is None else store.alerts.ended(alert.key)
    if alert.phase == "resolved":
        before = before[:-1]  # the last time that it fired is the one in this row
    if before:
        ago = short_duration(facts.now - before[0].fired_at)
        said.append(f"fired {counted(len(before), 'time')} before within {ago}")
    if alert.acknowledged_at is not None:
        said.append(f"acknowledged {_clock(alert.acknowledged_at)}, until it changes")
    return Why(Cell(facts.words), Cell("; ".join(said), "quiet"))


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def _tone(facts: AlertFacts) -> Tone:
    if not facts.alert.wants_attention:
        return "quiet"
    return "bad" if facts.alert.rule.severity == "page" else "warn"


def _mark(facts: AlertFacts) -> Cell:
    if facts.alert.wants_attention:
        return Cell("!", _tone(facts))
    return Cell("~", "quiet") if facts.alert.phase == "pending" else Cell(" ")


def _urgency(facts: AlertFacts) -> float:
    alert = facts.alert
    rank = 4 * PHASES.index(alert.phase) + 2 * (alert.acknowledged_at is None)
    return (rank + (alert.rule.severity == "page")) * LONG_AGO + alert.since


def _name(facts: AlertFacts) -> str:
    key = facts.alert.key
    return key.source if key.service is None else key.service.name


def _namespace(facts: AlertFacts) -> str:
    service = facts.alert.key.service
    return "" if service is None else service.namespace


def _acknowledged(facts: AlertFacts) -> Cell:
    at = facts.alert.acknowledged_at
    return Cell("" if at is None else _clock(at), "quiet")


COLUMNS: tuple[Column[AlertFacts], ...] = (
    Column(
        "mark",
        "",
        "! fires, and nobody has taken note; ~ may fire soon",
        1,
        0,
        _mark,
        _urgency,
        moves=True,
    ),
    Column(
        "severity",
        "ALERT",
        "page: somebody has to look now; ticket: it can wait",
        6,
        0,
        lambda facts: Cell(facts.alert.rule.severity, _tone(facts)),
        lambda facts: facts.alert.rule.severity,
        right=False,
        largest_first=False,
    ),
    Column(
        "phase",
        "PHASE",
        "pending: not for long enough yet; firing; resolved: over, kept for 15 minutes",
        8,
        0,
        lambda facts: Cell(facts.alert.phase, _tone(facts)),
        lambda facts: facts.alert.phase,
        right=False,
        largest_first=False,
        moves=True,
    ),
    Column(
        "for",
        "FOR",
        "How long it has been in this phase",
        5,
        0,
        lambda facts: Cell(short_duration(facts.now - facts.alert.since)),
        lambda facts: facts.now - facts.alert.since,
        largest_first=False,
        moves=True,
    ),
    Column(
        "since",
        "SINCE",
        "When the phase began",
        8,
        5,
        lambda facts: Cell(_clock(facts.alert.since), "quiet"),
        lambda facts: facts.alert.since,
        moves=True,
    ),
    Column(
        "name",
        "MODEL",
        "The service; of rules about sources, the source",
        20,
        0,
        lambda facts: Cell(_name(facts)),
        _name,
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
        3,
        lambda facts: Cell(_namespace(facts), "quiet"),
        _namespace,
        right=False,
        exact=True,
        largest_first=False,
    ),
    Column(
        "rule",
        "RULE",
        "What it goes by",
        4,
        4,
        lambda facts: Cell(facts.alert.rule.name, "quiet"),
        lambda facts: facts.alert.rule.name,
        right=False,
        exact=True,
        largest_first=False,
    ),
    Column(
        "ack",
        "ACK",
        "When somebody took note; forgotten when the phase changes",
        3,
        2,
        _acknowledged,
        lambda facts: facts.alert.acknowledged_at,
        right=False,
        exact=True,
    ),
    Column(
        "summary",
        "WHAT",
        "What is wrong, with the figures of now",
        30,
        1,
        lambda facts: Cell(facts.words, "quiet" if facts.alert.phase == "resolved" else "normal"),
        lambda facts: facts.words.lower(),
        right=False,
        grows=True,
        largest_first=False,
    ),
)
