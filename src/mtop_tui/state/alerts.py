"""The alerts of a fleet: each rule stepped for each service and source, a part of them in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from mtop_tui.domain.alerts import (
    RULES,
    AlertRule,
    AlertState,
    Phase,
    Readings,
    is_exceeded,
    step,
)
from mtop_tui.observations import ServiceKey, SourceHealth
from mtop_tui.state.alert_readings import (
    known_since,
    latest_xids,
    service_readings,
    source_readings,
)

if TYPE_CHECKING:
    from mtop_tui.state.fleet import FleetStore
    from mtop_tui.state.service import ServiceState

SERVICES_PER_STEP = 200
"""So that a step takes a millisecond or two; of 1,000 services, each has its turn every fifth."""

ENDED_KEPT = 500
BEGUN_KEPT = 100

SOURCE_READING = "source_age"
"""What only rules about sources read."""

OUTRANKED = {"slo-ticket": "slo-page", "rollout-stuck": "not-ready"}
"""Rules that say nothing more while another one fires for the same service."""


class AlertKey(NamedTuple):
    """Which rule, of what: a service, or the source of that name."""

    rule: str
    service: ServiceKey | None
    source: str = ""


class Alert(msgspec.Struct, frozen=True):
    """One rule that is or lately was exceeded.

    Attributes:
        key: which it is.
        rule: what it goes by.
        uid: of the service; another one of the same name has alerts of its own.
        state: where it stands.
        readings: what was read last that settled it, `read_at` when (Unix seconds).
        fired_at: when it last began to fire; None if it never did.
        acknowledged_at: when a user took note; forgotten when the phase changes.
    """

    key: AlertKey
    rule: AlertRule
    uid: str = ""
    state: AlertState = AlertState()
    readings: Readings = {}
    read_at: float = 0.0
    fired_at: float | None = None
    acknowledged_at: float | None = None

    @property
    def phase(self) -> Phase:
        """Where it stands, in a word."""
        return self.state.phase

    @property
    def since(self) -> float:
        """When the phase began, Unix seconds."""
        return self.state.since or 0.0

    @property
    def wants_attention(self) -> bool:
        """Whether it fires and nobody has taken note."""
        return self.state.phase == "firing" and self.acknowledged_at is None


class Ended(NamedTuple):
    """An alert that fired, from when to when (Unix seconds)."""

    key: AlertKey
    fired_at: float
    ended_at: float


class Alerts:
    """What is wrong by the rules, and what users have taken note of.

    A reading that is not known changes nothing. Nothing is kept of rules that are not exceeded.
    """

    def __init__(self, rules: Sequence[AlertRule] = RULES) -> None:
        self._source_rules = tuple(one for one in rules if _reads_source(one))
        self._rules = tuple(one for one in rules if not _reads_source(one))
        self._alerts: dict[AlertKey, Alert] = {}
        self._ended: deque[Ended] = deque(maxlen=ENDED_KEPT)
        self._begun: deque[Alert] = deque(maxlen=BEGUN_KEPT)
        self._next = 0
        self._topology = -1
        self._xids: dict[ServiceKey, int | None] = {}

    # Questions

    def all(self) -> list[Alert]:
        """Alerts that are pending, fire, or were resolved lately; in no order."""
        alerts = self._alerts
        return [one for one in alerts.values() if not self._is_outranked(one)]

    def get(self, key: AlertKey) -> Alert | None:
        """One of them, if there is one."""
        return self._alerts.get(key)

    def waiting(self) -> tuple[int, int]:
        """How many fire that nobody has taken note of: those that page, and the others."""
        found = [one for one in self.all() if one.wants_attention]
        pages = sum(one.rule.severity == "page" for one in found)
        return pages, len(found) - pages

    def ended(self, key: AlertKey) -> Sequence[Ended]:
        """When it fired before, oldest first, as far as that is kept."""
        return [one for one in self._ended if one.key == key]

    def take_begun(self) -> list[Alert]:
        """Alerts that began to fire since this was last asked, and still do.

        What had fired before it was first looked at is none of them.
        """
        begun = [alert for alert in self._begun if self._still_fires(alert)]
        self._begun.clear()
        return begun

    # What a user does

    def acknowledge(self, key: AlertKey, at: float) -> bool:
        """Take note of an alert, until its phase changes; False if it is over."""
        alert = self._alerts.get(key)
        if alert is None or alert.phase == "resolved":
            return False
        self._alerts[key] = replace(alert, acknowledged_at=at)
        return True

    def take_back(self, key: AlertKey) -> None:
        """Want attention for it again."""
        alert = self._alerts.get(key)
        if alert is not None:
            self._alerts[key] = replace(alert, acknowledged_at=None)

    # Time

    def step(self, store: FleetStore, at: float) -> None:
        """Step the rules of the services whose turn it is."""
        services = store.services()
        if store.topology_revision != self._topology:
            self._topology = store.topology_revision
            self._end_vanished({state.key: state for state in services}, at)
        if self._next >= len(services):
            self._next = 0
        if self._next == 0:
            self._xids = latest_xids(store.gpus.values(), at)
        for state in services[self._next : self._next + SERVICES_PER_STEP]:
            self._step_service(state, at)
        self._next += SERVICES_PER_STEP

    def step_sources(
        self, sources: Iterable[SourceHealth], latest: float | None, at: float
    ) -> None:
        """Step the rules about sources; `latest` is when any of them last said anything."""
        there = list(sources)
        if len(there) > 1:
            latest = None  # nobody knows which one it was
        for health in there:
            readings = source_readings(health, latest, at)
            for rule in self._source_rules:
                self._step(AlertKey(rule.name, None, health.source), rule, readings, at)

    def _step_service(self, state: ServiceState, at: float) -> None:
        readings = service_readings(state, at, self._xids)
        for rule in self._rules:
            key = AlertKey(rule.name, state.key)
            if key in self._alerts or is_exceeded(rule, readings):
                uid = "" if state.service is None else state.service.ref.uid
                since = known_since(state, rule.limits[0].reading)
                self._step(key, rule, readings, at, uid=uid, since=since)

    def _step(
        self,
        key: AlertKey,
        rule: AlertRule,
        readings: Readings,
        at: float,
        *,
        uid: str = "",
        since: float | None = None,
    ) -> None:
        before = self._alerts.get(key)
        if before is None:
            if not is_exceeded(rule, readings):
                return
            before = Alert(key, rule, uid, _so_far(rule, readings, since, at))
        now = step(rule, before.state, readings, at)
        if now.phase == "inactive":
            self._alerts.pop(key, None)
            return
        changed = now.phase != before.phase
        is_known = now.exceeded or now.phase == "resolved"
        alert = self._alerts[key] = Alert(
            key,
            rule,
            uid,
            now,
            readings if is_known else before.readings,
            at if is_known else before.read_at,
            now.since if now.phase == "firing" else before.fired_at,
            None if changed else before.acknowledged_at,
        )
        if changed and now.phase == "firing":
            self._begun.append(alert)
        elif changed and now.phase == "resolved":
            self._end(alert, at)

    def _end_vanished(self, there: Mapping[ServiceKey, ServiceState], at: float) -> None:
        for key, alert in list(self._alerts.items()):
            if key.service is None:
                continue
            state = there.get(key.service)
            if state is None or state.service is None or state.service.ref.uid != alert.uid:
                del self._alerts[key]
                if alert.phase == "firing":
                    self._end(alert, at)

    def _end(self, alert: Alert, at: float) -> None:
        if alert.fired_at is not None:
            self._ended.append(Ended(alert.key, alert.fired_at, at))

    def _still_fires(self, begun: Alert) -> bool:
        now = self._alerts.get(begun.key)
        return now is not None and now.wants_attention and not self._is_outranked(now)

    def _is_outranked(self, alert: Alert) -> bool:
        rule = OUTRANKED.get(alert.key.rule)
        if rule is None:
            return False
        above = self._alerts.get(alert.key._replace(rule=rule))
        return above is not None and above.phase == "firing"


def _reads_source(rule: AlertRule) -> bool:
    return any(limit.reading == SOURCE_READING for limit in rule.limits)


def _so_far(rule: AlertRule, readings: Readings, since: float | None, at: float) -> AlertState:
    """Where a rule stands that has been exceeded since then, before it is stepped to `at`."""
    state = AlertState()
    if since is None or since >= at:
        return state
    state = step(rule, state, readings, since)
    return step(rule, state, readings, since + rule.hold) if since + rule.hold < at else state
