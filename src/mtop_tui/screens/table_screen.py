"""A screen that is one table: sorted by any column, narrowed by words, explained by a line."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import BindingType

from mtop_tui.commands import APP, MOVE, TABLE, VIEWS, Command, bindings
from mtop_tui.screens.looking import LookingScreen
from mtop_tui.views.fleet import Why
from mtop_tui.views.table import Cell, Column, Row, longest_values, ordered, placed, row_of
from mtop_tui.widgets.key_bar import KeyBar
from mtop_tui.widgets.row_table import GUTTER, RIGHT_MARGIN, RowTable
from mtop_tui.widgets.title_bar import TitleBar
from mtop_tui.widgets.why_line import WhyLine

if TYPE_CHECKING:
    from textual.widgets import Input

    from mtop_tui.widgets.filter_bar import FilterBar

Facts = TypeVar("Facts")

HOLD_SECONDS = 3.0
"""Rows that trade places with every sample cannot be read: the order holds this long."""

TALL = 30
"""Lines from which on there is room for a sentence on why."""


class TableScreen(LookingScreen, Generic[Facts]):
    """Rows made of `Facts`; what they are and say is up to the screen that inherits.

    Attributes:
        CRUMB: what the screen is called in the title.
        COLUMNS: of its table.
        SORT: id of the column that orders it at first.
        EXTRA: commands beside those of every table.
    """

    CRUMB: ClassVar[str] = ""
    COLUMNS: ClassVar[Sequence[Column[Any]]] = ()
    SORT: ClassVar[str] = ""
    EXTRA: ClassVar[tuple[Command, ...]] = ()

    BINDINGS: ClassVar[list[BindingType]] = bindings(TABLE)

    table: getters.query_one[RowTable[Any]] = getters.query_one(RowTable)
    why = getters.query_one(WhyLine)

    def __init__(self) -> None:
        super().__init__()
        self._sort = self.SORT
        self._descending: bool | None = None
        self._filter = ""
        self._facts: Mapping[Hashable, Facts] = {}
        self._order: list[Hashable] = []
        self._ordered_at: object = None
        self._bar: FilterBar | None = None
        self._complaint = ""

    # What the screen that inherits says

    def facts(self, now: float) -> Mapping[Hashable, Facts]:
        """What there is to show, by what it is known by."""
        raise NotImplementedError

    def summary(self, facts: Mapping[Hashable, Facts]) -> Sequence[Cell]:
        """What stands in the title beside where one is."""
        return (Cell(f"{len(facts)}"),)

    def explain(self, facts: Facts) -> Why:
        """What the line under the table says of the selected row."""
        raise NotImplementedError

    def nothing(self) -> str:
        """Why there is no row."""
        raise NotImplementedError

    # Looking

    @property
    def COMMANDS_SHOWN(self) -> tuple[Command, ...]:  # noqa: N802 - named as on every screen
        """What the help page lists."""
        return (*MOVE, *TABLE, *self.EXTRA, *VIEWS, *APP)

    def compose(self) -> ComposeResult:
        """Title, table, why line, key bar; the filter is mounted when it is first wanted."""
        yield TitleBar()
        yield RowTable(ascii_only=self.app.settings.ascii)
        yield WhyLine()
        yield KeyBar((*self.EXTRA, *TABLE, *VIEWS, *APP))

    def on_mount(self) -> None:
        """The keys are for the table; the class above begins to look, as Textual calls both."""
        self.table.focus()

    def look(self) -> None:
        """Ask what there is, and repaint what differs."""
        now = self.app.time()
        self._facts = self.facts(now)
        self._reorder(now)
        self._place()
        self.table.show(self._order, self._make_row)
        self.why.set_class(self.size.height >= TALL, "-tall")
        facts = list(self.summary(self._facts))
        if self._filter:
            facts.append(Cell(f"/{self._filter}  {len(self._order)} shown", "warn"))
        self.show_title((self.CRUMB,), facts)
        self._explain()

    def _column(self) -> Column[Facts]:
        return next(column for column in self.COLUMNS if column.id == self._sort)

    @property
    def _is_descending(self) -> bool:
        return self._column().largest_first if self._descending is None else self._descending

    def _reorder(self, now: float) -> None:
        lively = now // HOLD_SECONDS if self._column().moves else 0
        basis = (self._sort, self._descending, self._filter, lively, frozenset(self._facts))
        if basis == self._ordered_at:
            return
        self._ordered_at = basis
        order = ordered(
            self._facts, self.COLUMNS, self._column(), self._filter, descending=self._is_descending
        )
        if order != self._order:
            self._order = order

    def _place(self) -> None:
        width = self.table.size.width - GUTTER - RIGHT_MARGIN
        longest = longest_values(self.COLUMNS, self._facts.values())
        columns = placed(self.COLUMNS, width, longest, (self._sort,))
        self.table.use_columns(columns, self._sort, descending=self._is_descending)

    def _make_row(self, key: Hashable) -> Row:
        return row_of(key, self._facts[key], [column for column, _ in self.table.columns])

    def _explain(self) -> None:
        if self._complaint:
            self.why.show("", Why(Cell(self._complaint, "warn")))
            return
        selected = self.table.selected
        if selected is None or selected not in self._facts:
            words = "nothing matches the filter; Esc clears it" if self._filter else self.nothing()
            self.why.show("", Why(Cell(words, "quiet")))
        else:
            self.why.show("", self.explain(self._facts[selected]))

    @property
    def selected(self) -> Facts | None:
        """What the selected row is made of."""
        key = self.table.selected
        return None if key is None else self._facts.get(key)

    # Commands

    def _look_again(self) -> None:
        self.table.pin()
        self.look()

    def action_sort(self, step: int) -> None:
        """Sort by the next or previous column in view, in that column's own direction."""
        ids = [column.id for column, _ in self.table.columns]
        here = ids.index(self._sort) if self._sort in ids else -step
        self.sort_by(ids[(here + step) % len(ids)])

    def sort_by(self, column: str) -> None:
        """Sort by a column; by the same one again, in the other direction."""
        if column == self._sort:
            self._descending = not self._is_descending
        else:
            self._sort, self._descending = column, None
        self._look_again()

    def action_reverse(self) -> None:
        """Turn the order around."""
        self.sort_by(self._sort)

    async def action_filter(self) -> None:
        """Open the filter, with what it holds."""
        from mtop_tui.widgets.filter_bar import FilterBar  # noqa: PLC0415 - Input is 10 ms

        if self._bar is None:
            self._bar = FilterBar(self._filter)
            await self.mount(self._bar, after=self.why)
        self.set_focus(self._bar)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While the filter is open, its key is a character like any other."""
        del parameters
        return action != "filter" or self.focused is self.table

    async def action_close_filter(self, keep: bool) -> None:
        """Close the filter line, keeping what it filters by or not."""
        bar, self._bar = self._bar, None
        if bar is not None:
            await bar.catch_up()
            self.set_focus(self.table)
            bar.remove()
        self._narrow(bar.value if bar is not None and keep else "")
        self._complaint = ""

    async def action_leave(self) -> None:
        """Give up the filter; without one, go back to the screen before."""
        if self._filter or self._bar is not None:
            await self.action_close_filter(keep=False)
        else:
            self.action_back()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the table while the filter is typed."""
        if event.input is self._bar:
            self._narrow(event.value)

    def _narrow(self, text: str) -> None:
        """Filter by what is typed; while it is no filter yet, by the last that was one."""
        from mtop_tui.views.query import QueryError  # noqa: PLC0415 - when wanted

        before, self._filter, self._complaint = self._filter, text, ""
        try:
            self._look_again()
        except QueryError as error:
            self._filter, self._complaint = before, f"filter, {error}"
            self._look_again()

    @on(RowTable.Highlighted)
    def _selection_moved(self) -> None:
        self._explain()

    @on(RowTable.TitleClicked)
    def _title_clicked(self, message: RowTable.TitleClicked) -> None:
        self.sort_by(message.column)
