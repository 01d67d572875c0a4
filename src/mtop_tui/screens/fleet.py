"""The Fleet screen: where is the fire."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual import getters, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.timer import Timer

from mtop_tui.commands import APP, FLEET, MOVE, VIEWS, bindings
from mtop_tui.observations import ServiceKey
from mtop_tui.state.service import ServiceState
from mtop_tui.text import safe
from mtop_tui.views import columns as table_columns
from mtop_tui.views.columns import FleetColumn
from mtop_tui.views.fleet import FleetQuery, Why, facts_of, row, select, why
from mtop_tui.views.header import header
from mtop_tui.views.table import Cell, Row
from mtop_tui.widgets.fleet_header import FleetHeader
from mtop_tui.widgets.key_bar import KeyBar
from mtop_tui.widgets.row_table import GUTTER, RIGHT_MARGIN, RowTable
from mtop_tui.widgets.why_line import WhyLine

if TYPE_CHECKING:
    from textual.widgets import Input

    from mtop_tui.app import MtopApp
    from mtop_tui.widgets.filter_bar import FilterBar


TALL = 30
"""Lines from which on there is room for a sentence on why."""

HOLD_SECONDS = 3.0
"""Rows that trade places with every sample cannot be read: the order holds this long."""


class FleetScreen(Screen[None]):
    """The model table under the fleet's totals.

    The screen pulls: once per refresh interval, and on keys, it asks the store what is there and
    lets the widgets repaint what differs. Nothing is posted per observation.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(FLEET)
    BINDING_GROUP_TITLE = "Fleet"
    COMMANDS_SHOWN = (*MOVE, *FLEET, *VIEWS, *APP)
    COLUMNS = table_columns.COLUMNS

    app: MtopApp
    table = getters.query_one(RowTable)
    heading = getters.query_one(FleetHeader)
    why = getters.query_one(WhyLine)

    def __init__(self, query: FleetQuery, wanted: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._query = query
        self._wanted = wanted
        self._order: list[ServiceKey] = []
        self._states: dict[ServiceKey, ServiceState] = {}
        self._ordered_at: tuple[FleetQuery, int, float] | None = None
        self._longest: dict[str, int] = {}
        self._placed: list[tuple[FleetColumn, int]] = []
        self._ticker: Timer | None = None
        self._explained = False
        self._complaint = ""
        self._bar: FilterBar | None = None

    def compose(self) -> ComposeResult:
        """Header, table, why line, key bar; the filter is mounted when it is first wanted."""
        yield FleetHeader()
        yield RowTable(ascii_only=self.app.settings.ascii)
        yield WhyLine()
        yield KeyBar((*FLEET, *VIEWS, *APP))

    def on_mount(self) -> None:
        """Begin to look once per interval."""
        self.table.focus()
        self._ticker = self.set_interval(self.app.settings.refresh, self.look)
        self.look()

    def on_resize(self) -> None:
        """Columns follow the width; a tall screen has room for more words."""
        self.why.set_class(self.size.height >= TALL, "-tall")
        self.call_after_refresh(self.look)

    def on_screen_resume(self) -> None:
        """Time went on while another screen was seen."""
        if self._ticker is not None:
            self.look()

    def look(self) -> None:
        """Ask the store what is there, and repaint what differs."""
        if not self.is_current:
            return
        store, now = self.app.store, self.app.time()
        self._reorder(now)
        self._place()
        self.table.show(self._order, self._make_row)
        self.heading.show(
            header(
                store,
                now,
                paused=self.app.paused,
                ascii_only=self.app.settings.ascii,
                query=self._query,
                shown=len(self._order),
            )
        )
        if self._explained:
            self._explain()
        else:  # what a diagnosis needs is imported once the first table stands
            self.call_after_refresh(self._explain)

    def _reorder(self, now: float) -> None:
        """Sort again when the order may have changed, and not else."""
        store, query = self.app.store, self._query
        lively = table_columns.BY_ID[query.sort].moves or bool(query.filter)
        basis = (query, store.topology_revision, now // HOLD_SECONDS if lively else 0)
        if basis == self._ordered_at:
            return
        if self._ordered_at is None or self._ordered_at[1] != store.topology_revision:
            self._longest = table_columns.longest(
                [(state, store.summary(state)) for state in store.services()]
            )
        self._ordered_at = basis
        chosen = select(store, query, now)
        self._states = {state.key: state for state in chosen}
        order = list(self._states)
        if order != self._order:
            self._order = order

    def _place(self) -> None:
        width = self.table.size.width - GUTTER - RIGHT_MARGIN
        placed = table_columns.placed(width, self._longest, self._wanted, self._query.sort)
        self._placed = placed
        self.table.use_columns(placed, self._query.sort, descending=self._query.is_descending)

    def _make_row(self, key: ServiceKey) -> Row:
        app = self.app
        facts = facts_of(app.store, self._states[key], app.time(), ascii_only=app.settings.ascii)
        return row(facts, [column for column, _ in self._placed])

    def _explain(self) -> None:
        self._explained = bool(self._order)
        if self._complaint:
            self.why.show("", Why(Cell(self._complaint, "warn")))
            return
        selected = self.table.selected
        state = None if selected is None else self._states.get(selected)
        if state is None:
            self.why.show("", Why(Cell(self._why_empty(), "quiet")))
            return
        facts = facts_of(self.app.store, state, self.app.time())
        room = self.why.room(state.key.name)
        self.why.show(state.key.name, why(self.app.store, facts, room))

    def _why_empty(self) -> str:
        if self._query.filter:
            return "no service matches the filter; Esc clears it"
        if self._query.namespaces and self.app.store.services():
            return safe(f"no service in {', '.join(self._query.namespaces)}")
        return "no services yet"

    # Commands

    def ask(self, query: FleetQuery) -> None:
        """Show what another query asks for."""
        self.table.pin()
        self._query = query
        self.look()

    def action_open(self) -> None:
        """Open the selected service."""
        from mtop_tui.screens.service import ServiceScreen  # noqa: PLC0415 - on first use

        if self.table.selected is not None:
            self.table.pin()
            self.app.push_screen(ServiceScreen(self.table.selected))

    def action_sort(self, step: int) -> None:
        """Sort by the next or previous column in view, in that column's own direction."""
        ids = [column.id for column, _ in self._placed if column.sort is not None]
        here = ids.index(self._query.sort) if self._query.sort in ids else -step
        self.sort_by(ids[(here + step) % len(ids)])

    def sort_by(self, column: str) -> None:
        """Sort by a column; by the same one again, in the other direction."""
        if column == self._query.sort:
            self.action_reverse()
        else:
            self.ask(replace(self._query, sort=column, descending=None))

    def action_reverse(self) -> None:
        """Turn the order around."""
        self.ask(replace(self._query, descending=not self._query.is_descending))

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

    async def action_back(self) -> None:
        """Give up the filter."""
        await self.action_close_filter(keep=False)

    async def action_close_filter(self, keep: bool) -> None:
        """Close the filter line, keeping what it filters by or not."""
        bar, self._bar = self._bar, None
        if bar is not None:
            await bar.catch_up()
            self.set_focus(self.table)
            bar.remove()
        if bar is not None and keep:
            self._narrow(bar.value, typing=False)
        else:
            self.ask(replace(self._query, filter=""))
        self._complaint = ""

    def action_logs(self) -> None:
        """Open the logs of the selected service."""
        from mtop_tui.screens.logs import LogsScreen  # noqa: PLC0415 - on first use

        if self.table.selected is not None:
            self.app.push_screen(LogsScreen(self.table.selected))

    def action_pause(self) -> None:
        """Hold or resume the source's time."""
        self.app.toggle_pause()
        self.look()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the table while the filter is typed."""
        if event.input is self._bar:  # else it was closed meanwhile, and its filter with it
            self._narrow(event.value)

    def _narrow(self, text: str, *, typing: bool = True) -> None:
        """Filter by what is typed; as long as it is no filter, by the last that was one.

        While it is typed, what finds nothing and may go on to be a comparison does not count yet.
        """
        from mtop_tui.views.fleet_filter import FIELDS  # noqa: PLC0415 - when wanted
        from mtop_tui.views.query import QueryError, is_begun  # noqa: PLC0415 - likewise

        query = replace(self._query, filter=text)
        self._complaint = ""
        try:
            found = select(self.app.store, query, self.app.time())
        except QueryError as error:
            if error.column <= len(text):  # else there is only something missing yet
                self._complaint = f"filter, {error}"
            self._explain()
        else:
            if found or not typing or not is_begun(text, FIELDS):
                self.ask(query)

    @on(RowTable.Highlighted)
    def _selection_moved(self) -> None:
        self._explain()

    @on(RowTable.TitleClicked)
    def _title_clicked(self, message: RowTable.TitleClicked) -> None:
        self.sort_by(message.column)
