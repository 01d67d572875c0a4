"""Where the data is from, and how far each source can be trusted just now."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from mtop_tui.domain.durations import short_duration
from mtop_tui.observations import SourceHealth
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.fleet import Why
from mtop_tui.views.format import UNKNOWN
from mtop_tui.views.table import Cell, Column, Tone


class SourceFacts(NamedTuple):
    """One source, at a time; `lag` is how far its newest record is behind."""

    health: SourceHealth
    lag: float | None
    now: float


def sources(store: FleetStore, now: float) -> dict[Hashable, SourceFacts]:
    """All sources that have said anything."""
    lag = None if store.latest is None else max(0.0, now - store.latest)
    return {name: SourceFacts(health, lag, now) for name, health in store.sources.items()}


def explain(facts: SourceFacts) -> Why:
    """What the source says of itself, and what it may not read."""
    health = facts.health
    forbidden = f"may not read: {', '.join(health.forbidden)}" if health.forbidden else ""
    return Why(Cell(health.detail or "says nothing more of itself"), Cell(forbidden, "warn"))


def _state(facts: SourceFacts) -> Cell:
    tones: dict[str, Tone] = {"live": "normal", "connecting": "warn", "ended": "quiet"}
    state = facts.health.state
    return Cell(state, tones.get(state, "warn" if state == "stale" else "bad"))


def _contact(facts: SourceFacts) -> Cell:
    silence = _silence(facts)
    return Cell(UNKNOWN if silence is None else f"{short_duration(silence)} ago", "quiet")


def _silence(facts: SourceFacts) -> float | None:
    """Since it said anything at all: a source says how it is only now and then."""
    heard = facts.health.last_contact
    if heard is None:
        return None
    said = facts.now - heard
    return said if facts.lag is None else min(said, facts.lag)


def _lag(facts: SourceFacts) -> Cell:
    if facts.lag is None:
        return Cell(UNKNOWN, "quiet")
    return Cell(short_duration(facts.lag), "warn" if facts.lag > 30 else "normal")


def _count(number: int) -> Cell:
    return Cell(f"{number:,}", "warn" if number else "quiet")


COLUMNS: tuple[Column[SourceFacts], ...] = (
    Column(
        "name",
        "SOURCE",
        "Where the data is from",
        20,
        0,
        lambda facts: Cell(facts.health.source),
        lambda facts: facts.health.source,
        right=False,
        grows=True,
        largest_first=False,
    ),
    Column(
        "state",
        "STATE",
        "connecting, live, stale, forbidden, disconnected, error or ended",
        12,
        0,
        _state,
        lambda facts: facts.health.state,
        right=False,
        largest_first=False,
    ),
    Column(
        "contact",
        "CONTACT",
        "Since it was last heard of",
        10,
        1,
        _contact,
        _silence,
        unit="seconds",
    ),
    Column(
        "lag",
        "LAG",
        "How far its newest record is behind",
        6,
        1,
        _lag,
        lambda facts: facts.lag,
        unit="seconds",
    ),
    Column(
        "errors",
        "ERRORS",
        "Of its own",
        6,
        2,
        lambda facts: _count(facts.health.errors),
        lambda facts: float(facts.health.errors),
    ),
    Column(
        "dropped",
        "DROPPED",
        "Records that were lost or refused",
        7,
        3,
        lambda facts: _count(facts.health.dropped),
        lambda facts: float(facts.health.dropped),
    ),
    Column(
        "skipped",
        "SKIPPED",
        "Objects of kinds that mtop does not read",
        7,
        4,
        lambda facts: _count(facts.health.skipped),
        lambda facts: float(facts.health.skipped),
    ),
    Column(
        "forbidden",
        "FORBIDDEN",
        "Kinds it may not read",
        9,
        5,
        lambda facts: _count(len(facts.health.forbidden)),
        lambda facts: float(len(facts.health.forbidden)),
    ),
)
