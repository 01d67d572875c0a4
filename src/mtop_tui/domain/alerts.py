"""Alert rules as values, and the states they go through: pending, firing, resolved.

Nothing here has a clock: the caller steps each rule with what it reads and the time it read it.

- A reading that is not known (None or NaN) never changes a state, and the time it lasts does not
  count towards a rule's duration. One part of a rule that is known to be fine settles it, even
  while another part is not known.
- A reading between `clears_below` and `fires_at` keeps a firing alert firing, so that it does not
  flap; a pending one falls back, as in Prometheus, where it must be exceeded all the time.
- A clock that goes back counts as no time passed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Severity = Literal["page", "ticket"]
Phase = Literal["inactive", "pending", "firing", "resolved"]
Readings = Mapping[str, "float | bool | None"]
"""What is read now, by name. A name that is absent is not known; True is 1 and False 0."""

RESOLVED_KEPT = 900.0
"""Seconds a resolved alert stays visible as such (Prometheus keeps it as long)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One part of a rule: exceeded at `fires_at` and above, fine below `clears_below`."""

    reading: str
    fires_at: float
    clears_below: float

    def __post_init__(self) -> None:
        if not self.clears_below <= self.fires_at:
            raise ValueError(
                f"{self.reading}: clears_below {self.clears_below} must not be above "
                f"fires_at {self.fires_at}"
            )


@dataclass(frozen=True, slots=True)
class AlertRule:
    """Fires when all limits are exceeded for `hold` seconds on end; 0 is at once."""

    name: str
    limits: tuple[Limit, ...]
    hold: float
    severity: Severity
    summary: str

    def __post_init__(self) -> None:
        if not self.limits:
            raise ValueError(f"{self.name}: a rule needs at least one limit")
        if not (math.isfinite(self.hold) and self.hold >= 0):
            raise ValueError(f"{self.name}: hold must be 0 or more seconds, not {self.hold}")


@dataclass(frozen=True, slots=True)
class AlertState:
    """Where one rule stands for one service.

    `since` is when the phase began, `held` for how many seconds the rule was known to be exceeded
    on end, `seen` the latest time stepped to, and `exceeded` whether the rule was known to be
    exceeded then.
    """

    phase: Phase = "inactive"
    since: float | None = None
    held: float = 0.0
    seen: float | None = None
    exceeded: bool = False


def _is(reading: str) -> Limit:
    return Limit(reading, fires_at=1.0, clears_below=1.0)


RULES = (
    AlertRule("slo-page", (_is("slo_page"),), 0.0, "page", "the error budget burns fast"),
    AlertRule("slo-ticket", (_is("slo_ticket"),), 0.0, "ticket", "the error budget burns"),
    AlertRule("not-ready", (_is("not_ready"),), 300.0, "page", "not ready"),
    AlertRule("rollout-stuck", (_is("rollout_stuck"),), 60.0, "ticket", "the rollout is stuck"),
    AlertRule(
        "kv-saturated",
        (Limit("kv_usage", 0.95, 0.90), Limit("preemption_rate", 1e-9, 1e-9)),
        60.0,
        "ticket",
        "the KV cache is full and requests are preempted",
    ),
    AlertRule(
        "queue-above-capacity",
        (Limit("queue_to_capacity", 1.0, 0.8),),
        120.0,
        "ticket",
        "more requests wait than can be served in time",
    ),
    AlertRule("xid", (_is("xid"),), 0.0, "ticket", "the GPU driver reports an error"),
    AlertRule(
        "source-stale",
        (Limit("source_age", 60.0, 30.0),),
        60.0,
        "ticket",
        "the source has not been heard of",
    ),
)
"""Thresholds and durations are values: a caller may `dataclasses.replace` them.

`slo_page` and `slo_ticket` are booleans of the burn-rate alerts, whose windows are their duration;
`not_ready` and `rollout_stuck` are booleans; `xid` is the number of the error, 0 for none;
`kv_usage` is 0 to 1 of the fullest replica; `preemption_rate` per second; `queue_to_capacity` is
what waits by what the capacity can take within the objective; `source_age` is seconds. A service
stopped on purpose is not `not_ready`.
"""


def step(rule: AlertRule, state: AlertState, readings: Readings, now: float) -> AlertState:
    """The state after a reading at `now`, in seconds of any clock that goes forward.

    Raises:
        ValueError: `now` is not a finite number.
    """
    if not math.isfinite(now):
        raise ValueError(f"{rule.name}: expected a finite time, got {now}")
    now = now if state.seen is None else max(now, state.seen)
    verdict = _verdict(rule, readings, firing=state.phase == "firing")
    if verdict is None:
        return replace(state, seen=now, exceeded=False)
    if not verdict:
        return _not_exceeded(replace(state, held=0.0, seen=now, exceeded=False), now)
    gap = now - state.seen if state.exceeded and state.seen is not None else 0.0
    state = replace(state, held=state.held + gap, seen=now, exceeded=True)
    if state.phase == "firing":
        return state
    if state.held >= rule.hold:
        return replace(state, phase="firing", since=now)
    return state if state.phase == "pending" else replace(state, phase="pending", since=now)


def is_exceeded(rule: AlertRule, readings: Readings) -> bool | None:
    """Whether a rule that does not fire yet is exceeded; None when that is not known."""
    return _verdict(rule, readings, firing=False)


def _not_exceeded(state: AlertState, now: float) -> AlertState:
    match state.phase:
        case "firing":
            return replace(state, phase="resolved", since=now)
        case "pending":
            return replace(state, phase="inactive", since=now)
        case "resolved" if state.since is not None and now - state.since >= RESOLVED_KEPT:
            return replace(state, phase="inactive", since=now)
    return state


def _verdict(rule: AlertRule, readings: Readings, *, firing: bool) -> bool | None:
    """Whether the rule counts as exceeded; None when that is not known."""
    known = True
    for limit in rule.limits:
        value = readings.get(limit.reading)
        if value is None or math.isnan(value):
            known = False
        elif value < (limit.clears_below if firing else limit.fires_at):
            return False
    return True if known else None
