"""Where the data is from, and how far each source can be trusted just now."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, Literal, NamedTuple

from mtop_tui.domain.durations import short_duration
from mtop_tui.observations import SourceHealth
from mtop_tui.state.contact import last_heard, tells
from mtop_tui.state.fleet import FleetStore
from mtop_tui.text import safe
from mtop_tui.views.fleet import Why
from mtop_tui.views.format import UNKNOWN
from mtop_tui.views.table import Cell, Column, SortValue, Tone

SourceKind = Literal["cluster", "endpoints", "recipe"]

WATCHED: Final = "watched"


class SourceChoice(NamedTuple):
    """A source that can be opened, and what may be set of it, each as it is if nobody does."""

    kind: SourceKind
    name: str
    about: str
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """What may be set of it."""
        return tuple(field for field, _ in self.settings)

    @property
    def line(self) -> str:
        """The line that asks for it as it is."""
        return " ".join((self.name, *(f"{field}={value}" for field, value in self.settings)))


class SourceFacts(NamedTuple):
    """A source that is watched, with its health, or one that could be, as a choice.

    `lag` is how far the newest record of one that is watched is behind.
    """

    health: SourceHealth | None
    lag: float | None
    now: float
    choice: SourceChoice | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        if self.choice is not None:
            return self.choice.name
        return "" if self.health is None else self.health.source

    @property
    def kind(self) -> str:
        """Whether it is watched, else what it is."""
        return WATCHED if self.choice is None else self.choice.kind

    @property
    def about(self) -> str:
        """A sentence on it."""
        if self.choice is not None:
            return self.choice.about
        return "" if self.health is None else self.health.detail


def sources(
    store: FleetStore, now: float, choices: Sequence[SourceChoice] = ()
) -> dict[Hashable, SourceFacts]:
    """All sources that have said anything, then those that could be watched instead."""
    rows: dict[Hashable, SourceFacts] = {
        (WATCHED, name): SourceFacts(health, _behind(health, store.latest, now), now)
        for name, health in store.sources.items()
    }
    for choice in choices:
        rows[choice.kind, choice.name] = SourceFacts(None, None, now, choice)
    return rows


def _behind(health: SourceHealth, latest: float | None, now: float) -> float | None:
    newest = latest if tells(health) else health.last_contact
    return None if newest is None else max(0.0, now - newest)


def explain(facts: SourceFacts) -> Why:
    """What the source says of itself, and what it may not read; how to open one."""
    if (choice := facts.choice) is not None:
        settings = f", set {', '.join(choice.fields)}" if choice.fields else ""
        return Why(Cell(choice.about), Cell(f"Enter to watch it{settings}", "quiet"))
    forbidden = facts.health.forbidden if facts.health is not None else ()
    words = f"may not read: {', '.join(forbidden)}" if forbidden else ""
    return Why(Cell(facts.about or "says nothing more of itself"), Cell(words, "warn"))


def refused(problems: Sequence[str]) -> Why:
    """Why a source could not be opened."""
    first, *more = map(safe, problems)
    which = f"1 of {len(problems)}: " if more else ""
    return Why(Cell(which + first, "bad"), Cell("; ".join(more), "bad"))


def summary(rows: Iterable[SourceFacts]) -> list[Cell]:
    """How many are live, and how many could be watched instead."""
    rows = list(rows)
    watched = [facts.health.state for facts in rows if facts.health is not None]
    live = watched.count("live")
    said = [Cell(f"{live}/{len(watched)} live", "normal" if live == len(watched) else "warn")]
    if (others := len(rows) - len(watched)) > 0:
        said.append(Cell(f"{others} others to watch", "quiet"))
    return said


NOTHING = Cell("")
"""Of a source that is not watched there is nothing to say, rather than something unknown."""


def _state(facts: SourceFacts) -> Cell:
    if facts.health is None:
        return NOTHING
    tones: dict[str, Tone] = {"live": "normal", "connecting": "warn", "ended": "quiet"}
    state = facts.health.state
    return Cell(state, tones.get(state, "warn" if state == "stale" else "bad"))


def _contact(facts: SourceFacts) -> Cell:
    if facts.health is None:
        return NOTHING
    silence = _silence(facts)
    return Cell(UNKNOWN if silence is None else f"{short_duration(silence)} ago", "quiet")


def _silence(facts: SourceFacts) -> float | None:
    """Since it said anything at all: a source says how it is only now and then."""
    latest = None if facts.lag is None else facts.now - facts.lag
    heard = None if facts.health is None else last_heard(facts.health, latest)
    return None if heard is None else max(0.0, facts.now - heard)


def _lag(facts: SourceFacts) -> Cell:
    if facts.health is None:
        return NOTHING
    if facts.lag is None:
        return Cell(UNKNOWN, "quiet")
    return Cell(short_duration(facts.lag), "warn" if facts.lag > 30 else "normal")


def _counted(
    count: Callable[[SourceHealth], int],
) -> tuple[Callable[[SourceFacts], Cell], Callable[[SourceFacts], SortValue]]:
    """A column's cell and order by a number that a source states."""

    def cell(facts: SourceFacts) -> Cell:
        if facts.health is None:
            return NOTHING
        number = count(facts.health)
        return Cell(f"{number:,}", "warn" if number else "quiet")

    def sort(facts: SourceFacts) -> SortValue:
        return None if facts.health is None else float(count(facts.health))

    return cell, sort


_KINDS: Final = (WATCHED, "cluster", "endpoints", "recipe")

COLUMNS: tuple[Column[SourceFacts], ...] = (
    Column(
        "name",
        "SOURCE",
        "Where the data is from",
        20,
        0,
        lambda facts: Cell(facts.name),
        lambda facts: facts.name,
        right=False,
        grows=True,
        largest_first=False,
    ),
    Column(
        "kind",
        "KIND",
        "watched, or what can be instead: the simulated cluster, model servers, or a recipe",
        9,
        0,
        lambda facts: Cell(facts.kind, "normal" if facts.choice is None else "quiet"),
        lambda facts: float(_KINDS.index(facts.kind)),
        right=False,
        largest_first=False,
    ),
    Column(
        "state",
        "STATE",
        "connecting, live, stale, forbidden, disconnected, error or ended",
        12,
        0,
        _state,
        lambda facts: None if facts.health is None else facts.health.state,
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
        *_counted(lambda health: health.errors),
    ),
    Column(
        "dropped",
        "DROPPED",
        "Records that were lost or refused",
        7,
        4,
        *_counted(lambda health: health.dropped),
    ),
    Column(
        "skipped",
        "SKIPPED",
        "Objects of kinds that mtop does not read",
        7,
        5,
        *_counted(lambda health: health.skipped),
    ),
    Column(
        "forbidden",
        "FORBIDDEN",
        "Kinds it may not read",
        9,
        6,
        *_counted(lambda health: len(health.forbidden)),
    ),
    Column(
        "about",
        "ABOUT",
        "What it says of itself",
        40,
        3,
        lambda facts: Cell(facts.about, "quiet"),
        lambda facts: facts.about,
        right=False,
        grows=True,
        largest_first=False,
    ),
)
