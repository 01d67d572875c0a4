"""From when on something was seen, in words: what is over less time than its name says tells so."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from mtop_tui.domain.slo.words import moment

if TYPE_CHECKING:
    from mtop_tui.state.objectives import ObjectiveStatus
    from mtop_tui.state.service import ServiceState

UNDER_WAY: Final = 120.0
"""Seconds at the ends of a window that need not have been seen: its first and its last minute."""


def seen_since(since: float, now: float) -> str:
    """Such as `seen since 14:02`, in the zone of who looks."""
    zone = datetime.fromtimestamp(now).astimezone().tzinfo
    assert zone is not None
    return f"seen since {moment(since, now, zone)}"


def is_seen_whole(status: ObjectiveStatus, window: float, now: float) -> bool:
    """Whether the events of a window before now were counted from its beginning on."""
    return now - status.since >= window - UNDER_WAY


def budget_seen(state: ServiceState, now: float) -> str:
    """From when on the error budgets of a service are counted; empty where that is all of them."""
    partly = [
        status.since
        for status in state.objectives()
        if status.budget is not None and not status.budget.is_whole
    ]
    return f"error budget {seen_since(max(partly), now)}" if partly else ""
