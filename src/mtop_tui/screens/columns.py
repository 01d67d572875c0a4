"""Which columns a table has, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from textual.binding import BindingType

from mtop_tui.commands import CHOOSING, bindings
from mtop_tui.screens.table_screen import TableScreen
from mtop_tui.text import safe
from mtop_tui.views.fleet import Why
from mtop_tui.views.format import counted
from mtop_tui.views.table import Cell, Column


class ColumnFacts(NamedTuple):
    """A column of another table; `place` counts from 1, None when it is not shown."""

    column: Column[Any]
    place: int | None


COLUMNS: tuple[Column[ColumnFacts], ...] = (
    Column(
        "place",
        "#",
        "Where it stands, empty when it is not shown",
        3,
        0,
        lambda facts: Cell(f"{facts.place}" if facts.place else "", "good"),
        lambda facts: None if facts.place is None else float(facts.place),
        largest_first=False,
    ),
    Column(
        "title",
        "TITLE",
        "What stands above it",
        10,
        0,
        lambda facts: Cell(safe(facts.column.title or "!"), "normal" if facts.place else "quiet"),
        lambda facts: facts.column.title.lower(),
        right=False,
        exact=True,
        largest_first=False,
    ),
    Column(
        "name",
        "ID",
        "What --columns and the settings call it",
        12,
        1,
        lambda facts: Cell(safe(facts.column.id), "quiet"),
        lambda facts: facts.column.id,
        right=False,
        exact=True,
        largest_first=False,
    ),
    Column(
        "help",
        "SAYS",
        "What it says",
        20,
        2,
        lambda facts: Cell(safe(facts.column.help), "normal" if facts.place else "quiet"),
        lambda facts: facts.column.help.lower(),
        right=False,
        grows=True,
        largest_first=False,
    ),
)


class ColumnsScreen(TableScreen[ColumnFacts]):
    """All columns there are; those that are shown come first, in their order.

    `choose` gets the ids of those that are wanted, none when the width is to decide.
    """

    CRUMB = "columns"
    COLUMNS = COLUMNS
    SORT = "place"
    EXTRA = CHOOSING
    BINDINGS: ClassVar[list[BindingType]] = bindings(CHOOSING)

    def __init__(
        self,
        columns: Sequence[Column[Any]],
        shown: Sequence[str],
        choose: Callable[[tuple[str, ...]], object],
    ) -> None:
        super().__init__()
        self._all = {column.id: column for column in columns}
        self._shown = [identity for identity in shown if identity in self._all]
        self._choose = choose

    def facts(self, now: float) -> Mapping[Hashable, ColumnFacts]:  # noqa: ARG002 - they stand
        """The columns."""
        places = {identity: place for place, identity in enumerate(self._shown, 1)}
        ids = [*self._shown, *(one for one in self._all if one not in places)]
        return {one: ColumnFacts(self._all[one], places.get(one)) for one in ids}

    def summary(self, facts: Mapping[Hashable, ColumnFacts]) -> Sequence[Cell]:
        """How many are shown."""
        return (Cell(f"{len(self._shown)} of {counted(len(facts), 'column')} shown"),)

    def say(self, facts: ColumnFacts) -> Why:
        """What the column says."""
        return Why(Cell(safe(facts.column.help)))

    def nothing(self) -> str:
        """Why there is no column."""
        return "no columns"

    def look(self) -> None:
        """Columns change places at each key: sort them again."""
        self._ordered_at = None
        super().look()

    def action_choose(self) -> None:
        """Show the selected column, or no longer."""
        identity = self.table.selected
        if identity in self._shown:
            self._shown.remove(identity)
        elif isinstance(identity, str):
            self._shown.append(identity)
        self.table.pin()
        self.look()

    def action_shift(self, step: int) -> None:
        """Move the selected column by so many places."""
        identity = self.table.selected
        if identity in self._shown:
            at = self._shown.index(identity)
            self._shown.insert(max(0, at + step), self._shown.pop(at))
            self.table.pin()
            self.look()

    def action_open(self) -> None:
        """Take the columns as they stand."""
        self._take(tuple(self._shown))

    def action_all(self) -> None:
        """Let the width decide."""
        self._take(())

    def _take(self, ids: tuple[str, ...]) -> None:
        self.app.pop_screen()
        self._choose(ids)
