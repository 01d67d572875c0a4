"""What an alert says: in words, with figures and their units."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from mtop_tui.domain.alerts import AlertRule, Limit
from mtop_tui.domain.durations import short_duration
from mtop_tui.domain.slo.burn_alerts import Severity
from mtop_tui.domain.slo.grammar import indicator_text, percent_text
from mtop_tui.domain.slo.periods import duration_text
from mtop_tui.state.alert_readings import allowed_wait
from mtop_tui.state.alerts import Alert
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.service import ServiceState
from mtop_tui.views import format as fmt
from mtop_tui.views.seen import is_seen_whole, seen_since


def alert_words(store: FleetStore, alert: Alert, now: float) -> str:
    """What is wrong, with the figures of now; of what is over, what it was and for how long."""
    if alert.phase == "resolved":
        lasted = "" if alert.fired_at is None else short_duration(alert.since - alert.fired_at)
        return f"over after {lasted}: {alert.rule.summary}"
    if alert.key.service is None:
        return _source(store, alert, now)
    state = store.service(alert.key.service)
    say = _SAID.get(alert.rule.name)
    words = alert.rule.summary if state is None or say is None else say(store, state, alert, now)
    if alert.state.exceeded:
        return words
    return f"{words}; not known for {short_duration(now - alert.read_at)}"


def rule_words(rule: AlertRule) -> str:
    """When a rule fires, and when it is over."""
    limits = [(_LIMITS[limit.reading], limit) for limit in rule.limits if limit.reading in _LIMITS]
    fires = " and ".join(one(limit, limit.fires_at) for one, limit in limits) or rule.summary
    hold = f" for {short_duration(rule.hold)}" if rule.hold else ""
    clears = [
        f"{one(limit, limit.clears_below)} no more"
        for one, limit in limits
        if limit.clears_below < limit.fires_at
    ]
    end = f", over when {clears[0]}" if clears else ""
    return f"{rule.severity} when {fires}{hold}{end}"


def _burns(severity: Severity) -> Callable[[FleetStore, ServiceState, Alert, float], str]:
    def say(_store: FleetStore, state: ServiceState, alert: Alert, now: float) -> str:
        for status in state.objectives():
            fires = next((one for one in status.firing if one.severity == severity), None)
            rate = None if fires is None else status.burn.get(fires.long)
            if fires is None or rate is None:
                continue
            pace = fmt.count(rate.high)
            most = "" if fmt.count(rate.low) == pace else "at most "
            left = ""
            if status.budget is not None:
                left = f", {fmt.share_left(status.budget.left_of_period.low)} left"
            if not is_seen_whole(status, fires.long, now):
                left = f", {seen_since(status.since, now)}{left}"
            target = percent_text(status.objective.target)
            return (
                f"{indicator_text(status.objective.indicator)}@{target}: "
                f"burn {most}{pace}x over {duration_text(fires.long)}{left}"
            )
        return alert.rule.summary

    return say


def _not_ready(store: FleetStore, state: ServiceState, _alert: Alert, now: float) -> str:
    text = store.status(state, now).text
    return text if text == "not ready" else f"not ready: {text}"


def _stuck(store: FleetStore, state: ServiceState, _alert: Alert, now: float) -> str:
    return f"rollout stuck: {store.status(state, now).text}"


def _full(_store: FleetStore, _state: ServiceState, alert: Alert, _now: float) -> str:
    usage, rate = (_number(alert, name) for name in ("kv_usage", "preemption_rate"))
    return f"KV cache {fmt.whole_percent(usage)} full, {fmt.count(rate)} preemptions/s"


def _queue(_store: FleetStore, state: ServiceState, _alert: Alert, now: float) -> str:
    metrics, allowed = state.last_metrics, allowed_wait(state)
    if state.is_stale(now):
        return "more requests wait than can be served in time"
    rate = metrics.request_rate
    wait = fmt.seconds(metrics.queue / rate) if rate > 0 else "without end"
    return (
        f"{fmt.whole(metrics.queue)} requests wait {wait} at {fmt.count(rate)} req/s,"
        f" allowed {fmt.seconds(allowed)}"
    )


def _xid(store: FleetStore, state: ServiceState, alert: Alert, _now: float) -> str:
    nodes = sorted(
        {gpu.node for gpu in store.gpus.values() if gpu.service == state.key and gpu.xid}
    )
    where = f" on {', '.join(nodes)}" if nodes else ""
    return f"GPU error XID {fmt.whole(_number(alert, 'xid'))}{where}"


def _source(store: FleetStore, alert: Alert, now: float) -> str:
    health = store.sources.get(alert.key.source)
    age = _number(alert, "source_age")
    said = f"not heard of for {short_duration(age + now - alert.read_at)}"
    if health is None or health.state == "live":
        return said
    return f"{said}: {health.state}" + (f", {health.detail}" if health.detail else "")


def _number(alert: Alert, reading: str) -> float:
    value = alert.readings.get(reading)
    return math.nan if value is None else float(value)


_SAID: Mapping[str, Callable[[FleetStore, ServiceState, Alert, float], str]] = {
    "slo-page": _burns("page"),
    "slo-ticket": _burns("ticket"),
    "not-ready": _not_ready,
    "rollout-stuck": _stuck,
    "kv-saturated": _full,
    "queue-above-capacity": _queue,
    "xid": _xid,
}


def _is_plain(words: str) -> Callable[[Limit, float], str]:
    return lambda _limit, _value: words


_LIMITS: Mapping[str, Callable[[Limit, float], str]] = {
    "slo_page": _is_plain("an objective's budget burns at a rate that pages"),
    "slo_ticket": _is_plain("an objective's budget burns at a rate that tickets"),
    "not_ready": _is_plain("the condition Ready is False"),
    "rollout_stuck": _is_plain("a replica of the new revision fails, waits or loads too long"),
    "kv_usage": lambda _limit, value: f"KV cache >= {fmt.whole_percent(value)}",
    "preemption_rate": lambda _limit, _value: "requests are preempted",
    "queue_to_capacity": lambda _limit, value: (
        f"what waits takes >= {fmt.count(value)} times what TTFT allows"
    ),
    "xid": _is_plain("DCGM reports an XID error"),
    "source_age": lambda _limit, value: f"not heard of >= {short_duration(value)}",
}
