"""What is wrong with the sources: said on every screen, before what they say is believed."""

from __future__ import annotations

from collections import Counter

from mtop_tui.domain.durations import short_duration
from mtop_tui.observations import SourceHealth
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.header import STALE_SECONDS
from mtop_tui.views.table import Cell

_PASSING = ("connecting", "stale", "ended")


def marks(store: FleetStore, now: float) -> list[Cell]:
    """A word or two on sources that are not live, or say nothing; empty if all is well."""
    if not store.main_sources:
        return [Cell("connecting", "warn")]
    states = Counter(one.state for one in store.main_sources if one.state != "live")
    found = [
        Cell(
            f"source {state}" if count == 1 else f"{count} sources {state}",
            "warn" if state in _PASSING else "bad",
        )
        for state, count in states.items()
    ]
    if not found and (silence := _silence(store, now)) > STALE_SECONDS:
        found.append(Cell(f"stale for {short_duration(silence)}", "warn"))
    return found


def why_nothing(store: FleetStore, now: float) -> str:
    """Why a screen may be empty because of its sources; empty if it is not because of them."""
    if not store.main_sources:
        return "connecting: no source has said anything yet"
    for one in store.main_sources:
        if one.state != "live":
            return _in_words(one)
    if (silence := _silence(store, now)) > STALE_SECONDS:
        return f"the source has said nothing for {short_duration(silence)}"
    return ""


def _silence(store: FleetStore, now: float) -> float:
    return 0.0 if store.latest is None else now - store.latest


def _in_words(health: SourceHealth) -> str:
    words = {
        "connecting": f"loading: {health.source} has not told all it has yet",
        "stale": f"{health.source} has nothing new",
        "forbidden": f"{health.source} may not read {', '.join(health.forbidden) or 'this'}",
        "disconnected": f"the connection to {health.source} is lost",
        "error": f"{health.source} has failed",
        "ended": f"{health.source} has ended",
    }
    said = words.get(health.state, f"{health.source} is {health.state}")
    return f"{said}: {health.detail}" if health.detail else said
