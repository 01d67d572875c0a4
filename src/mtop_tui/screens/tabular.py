"""What the Fleet and the tables have in common: rows that are sorted, narrowed and explained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from msgspec.structs import replace
from textual import getters, on

from mtop_tui.screens.looking import LookingScreen
from mtop_tui.views.fleet import Why
from mtop_tui.views.table import Cell, Column, TableQuery
from mtop_tui.widgets.row_table import GUTTER, RIGHT_MARGIN, RowTable
from mtop_tui.widgets.why_line import WhyLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.widgets import Input

    from mtop_tui.views.query import Field
    from mtop_tui.widgets.filter_bar import FilterBar

Query = TypeVar("Query", bound=TableQuery)

HOLD_SECONDS, LONG_HOLD_SECONDS = 3.0, 30.0
"""Rows that trade places with every sample cannot be read: the order holds this long, the longer
where motion is to be reduced."""


class TabularScreen(LookingScreen, Generic[Query]):
    """A table, the line under it, and the filter line that is mounted when it is first wanted.

    Attributes:
        COLUMNS: all there are; which of them fit is another matter.
        TALL: lines from which on there is room for a sentence on why.
    """

    TALL: ClassVar[int] = 30

    table: getters.query_one[RowTable[Any]] = getters.query_one(RowTable)
    why = getters.query_one(WhyLine)

    def __init__(self, query: Query) -> None:
        super().__init__()
        self._query = query
        self._bar: FilterBar | None = None
        self._complaint = ""

    # What the screen that inherits says

    def explain(self) -> tuple[str, Why]:
        """What the line under the table says: of what, and what."""
        raise NotImplementedError

    def fields(self) -> Mapping[str, Field[Any]]:
        """What a filter can compare."""
        raise NotImplementedError

    def check_filter(self, text: str) -> None:
        """Tell whether what was typed is a filter.

        Raises:
            QueryError: it is none; at which column, and what was expected there.
        """
        raise NotImplementedError

    def finds(self, query: Query) -> bool:
        """Whether any row is wanted by the query."""
        raise NotImplementedError

    def all_columns(self) -> Sequence[Column[Any]]:
        """What can be chosen from."""
        return self.COLUMNS

    # Looking

    def on_mount(self) -> None:
        """The keys are for the table; the class above begins to look, as Textual calls both."""
        self.table.focus()

    def on_resize(self) -> None:
        """A tall screen has room for more words."""
        self.why.set_class(self.size.height >= self.TALL, "-tall")

    def why_line(self) -> WhyLine:
        """The line under the table; as high as it stays, for another height is another layout."""
        return WhyLine("-tall" if self.app.size.height >= self.TALL else None)

    @property
    def room(self) -> int:
        """Cells there are for the columns of the table."""
        return self.table.size.width - GUTTER - RIGHT_MARGIN

    @property
    def hold(self) -> float:
        """Seconds for which rows keep their places, whatever is measured."""
        return LONG_HOLD_SECONDS if self.app.settings.reduced_motion else HOLD_SECONDS

    def show_why(self) -> None:
        """Show what there is to say of the selected row, or what is wrong with the filter."""
        name, why = ("", Why(Cell(self._complaint, "warn"))) if self._complaint else self.explain()
        self.why.show(name, why)

    # Commands

    def ask(self, query: Query) -> None:
        """Show what another query asks for."""
        self.table.pin()
        self._query = query
        self.look()

    def action_sort(self, step: int) -> None:
        """Sort by the next or previous column in view, in that column's own direction."""
        ids = [column.id for column, _ in self.table.columns]
        here = ids.index(self._query.sort) if self._query.sort in ids else -step
        self.sort_by(ids[(here + step) % len(ids)])

    def sort_by(self, column: str) -> None:
        """Sort by a column; by the same one again, in the other direction."""
        if column == self._query.sort:
            self.action_reverse()
        else:
            self.ask(replace(self._query, sort=column, reversed=False))

    def action_reverse(self) -> None:
        """Turn the order around."""
        self.ask(replace(self._query, reversed=not self._query.reversed))

    def action_mark(self, step: int) -> None:
        """Mark the column so many to the right: its field is what is copied."""
        self.table.mark_next(step)

    def action_copy_cell(self) -> None:
        """Copy the field of the selected row in the marked column, whole."""
        row, column = self.table.selected_row, self.table.marked
        if row is not None and column is not None:
            text = row.cells[column.id].text.strip()
            self.copy(text, f"{column.title}: {text}")

    def action_copy_row(self) -> None:
        """Copy the selected row, its fields separated by tabs."""
        self.copy_row(self.table)

    def action_columns(self) -> None:
        """Choose the columns."""
        from mtop_tui.screens.columns import ColumnsScreen  # noqa: PLC0415 - on first use

        def choose(ids: tuple[str, ...]) -> None:
            self.ask(replace(self._query, columns=ids))
            there = {column.id for column, _ in self.table.columns}
            if missing := [identity for identity in ids if identity not in there]:
                self.app.say(f"no room for {', '.join(missing)}: the last give way first")

        shown = self._query.columns or [column.id for column, _ in self.table.columns]
        self.app.push_screen(ColumnsScreen(self.all_columns(), shown, choose))

    async def action_filter(self) -> None:
        """Open the filter, with what it holds."""
        from mtop_tui.widgets.filter_bar import FilterBar  # noqa: PLC0415 - Input is 10 ms

        if self._bar is None:
            self._bar = FilterBar(self._query.filter)
            await self.mount(self._bar, after=self.why)
        self.set_focus(self._bar)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While the filter is open, its key is a character like any other."""
        del parameters
        return action != "filter" or self.focused is self.table

    async def action_close_filter(self, keep: bool) -> None:
        """Close the filter line, keeping what it filters by or not.

        What is no filter cannot be kept: the line stays open, and says why.
        """
        bar = self._bar
        if bar is None:
            self.ask(replace(self._query, filter=""))
            return
        await bar.catch_up()
        if keep and not self._narrow(bar.value, typing=False):
            return
        self.close_filter_bar()
        if not keep:
            self.ask(replace(self._query, filter=""))

    def close_filter_bar(self) -> None:
        """Take the filter line away, and give the keys back to the table."""
        bar, self._bar, self._complaint = self._bar, None, ""
        if bar is not None:
            self.set_focus(self.table)
            bar.remove()

    async def action_leave(self) -> None:
        """Give up the filter; without one, go back to the screen before."""
        if self._query.filter or self._bar is not None:
            await self.action_close_filter(keep=False)
        else:
            self.action_back()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the table while the filter is typed."""
        if event.input is self._bar:  # else it was closed meanwhile, and its filter with it
            self._narrow(event.value, typing=True)

    def _narrow(self, text: str, *, typing: bool) -> bool:
        """Filter by what is typed; as long as it is no filter, by the last that was one.

        While it is typed, what finds nothing and may go on to be a comparison does not count yet,
        and what is only not complete is not complained about.
        """
        from mtop_tui.views.query import QueryError, is_begun  # noqa: PLC0415 - when wanted

        query = replace(self._query, filter=text)
        self._complaint = ""
        try:
            self.check_filter(text)
        except QueryError as error:
            if not typing or error.column <= len(text):
                self._complaint = f"filter, {error}"
            self.show_why()
            return False
        if not (typing and is_begun(text, self.fields())) or self.finds(query):
            self.ask(query)
        return True

    @on(RowTable.Highlighted)
    def _selection_moved(self) -> None:
        self.show_why()

    @on(RowTable.TitleClicked)
    def _title_clicked(self, message: RowTable.TitleClicked) -> None:
        self.sort_by(message.column)
