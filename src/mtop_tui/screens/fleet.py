"""The Fleet screen: where is the fire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual import getters
from textual.app import ComposeResult
from textual.binding import BindingType

from mtop_tui.commands import APP, BURNING, FLEET, MOVE, VIEWS, bindings
from mtop_tui.observations import ServiceKey
from mtop_tui.screens.tabular import TabularScreen
from mtop_tui.state.service import ServiceState
from mtop_tui.text import safe
from mtop_tui.views import columns as table_columns
from mtop_tui.views.cells import burns
from mtop_tui.views.columns import FleetColumn
from mtop_tui.views.fleet import FleetQuery, Why, facts_of, row, select, why
from mtop_tui.views.format import counted
from mtop_tui.views.header import header
from mtop_tui.views.table import Cell, Row, is_descending
from mtop_tui.widgets.fleet_header import FleetHeader
from mtop_tui.widgets.key_bar import KeyBar
from mtop_tui.widgets.row_table import RowTable
from mtop_tui.widgets.why_line import WhyLine

if TYPE_CHECKING:
    from mtop_tui.views.export import Exported
    from mtop_tui.views.fleet_filter import Asked
    from mtop_tui.views.kubectl import Kubectl
    from mtop_tui.views.query import Field


class FleetScreen(TabularScreen[FleetQuery]):
    """The model table under the fleet's totals.

    The screen pulls: once per refresh interval, and on keys, it asks the store what is there and
    lets the widgets repaint what differs. Nothing is posted per observation.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings((*FLEET, *BURNING))
    BINDING_GROUP_TITLE = "Fleet"
    COMMANDS_SHOWN = (*MOVE, *FLEET, *VIEWS, *APP)
    COLUMNS = table_columns.COLUMNS

    heading = getters.query_one(FleetHeader)

    def __init__(self, query: FleetQuery, wanted: tuple[str, ...] = ()) -> None:
        super().__init__(query)
        self._wanted = wanted
        self._order: list[ServiceKey] = []
        self._states: dict[ServiceKey, ServiceState] = {}
        self._ordered_at: tuple[FleetQuery, int, float] | None = None
        self._longest: dict[str, int] = {}
        self._placed: list[tuple[FleetColumn, int]] = []
        self._explained = False

    def compose(self) -> ComposeResult:
        """Header, table, why line, key bar."""
        yield FleetHeader()
        yield RowTable(ascii_only=self.app.settings.ascii)
        yield WhyLine()
        yield KeyBar((*FLEET, *VIEWS, *APP))

    def look(self) -> None:
        """Ask the store what is there, and repaint what differs."""
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
            self.show_why()
        else:  # what a diagnosis needs is imported once the first table stands
            self.call_after_refresh(self.show_why)

    def begin_again(self, namespaces: tuple[str, ...]) -> None:
        """Show another fleet, and of it these namespaces: nothing is left of the last one."""
        self.close_filter_bar()
        self._query = replace(self._query, filter="", namespaces=namespaces)
        self._order, self._states, self._longest = [], {}, {}
        self._ordered_at = None
        self._explained = False
        self.table.begin_again()
        self.look_if_seen()

    def _reorder(self, now: float) -> None:
        """Sort again when the order may have changed, and not else."""
        store, query = self.app.store, self._query
        lively = table_columns.BY_ID[query.sort].moves or bool(query.filter)
        basis = (query, store.topology_revision, now // self.hold if lively else 0)
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
        query = self._query
        placed = table_columns.placed(self.room, self._longest, self._wanted, query.sort)
        self._placed = placed
        self.table.use_columns(placed, query.sort, descending=is_descending(query, self.COLUMNS))

    def _make_row(self, key: ServiceKey) -> Row:
        app = self.app
        facts = facts_of(app.store, self._states[key], app.time(), ascii_only=app.settings.ascii)
        return row(facts, [column for column, _ in self._placed])

    def explain(self) -> tuple[str, Why]:
        """Why the selected service is as it is, or why there is none."""
        self._explained = bool(self._order)
        selected = self.table.selected
        state = None if selected is None else self._states.get(selected)
        if state is None:
            return "", Why(Cell(self._why_empty(), "quiet"))
        facts = facts_of(self.app.store, state, self.app.time())
        name = state.key.name
        return name, why(self.app.store, facts, self.why.room(name))

    def _why_empty(self) -> str:
        if self._query.filter:
            return "no service matches the filter; Esc clears it"
        if self._query.namespaces and self.app.store.services():
            return safe(f"no service in {', '.join(self._query.namespaces)}")
        return "no services yet"

    # Filtering

    def fields(self) -> Mapping[str, Field[Asked]]:
        """What a service can be asked for."""
        from mtop_tui.views.fleet_filter import FIELDS  # noqa: PLC0415 - when wanted

        return FIELDS

    def check_filter(self, text: str) -> None:
        """Tell whether what was typed is a filter of services."""
        from mtop_tui.views.fleet_filter import fleet_filter  # noqa: PLC0415 - when wanted

        fleet_filter(text)

    def finds(self, query: FleetQuery) -> bool:
        """Whether any service is wanted."""
        return bool(select(self.app.store, query, self.app.time()))

    # Commands

    def exported(self) -> Exported:
        """The services that are wanted, in their order."""
        from mtop_tui.views.document import fleet_document, service_document  # noqa: PLC0415 - rare
        from mtop_tui.views.export import Exported  # noqa: PLC0415 - when wanted

        store, now = self.app.store, self.app.time()
        facts = [facts_of(store, self._states[key], now) for key in self._order]
        document = fleet_document(self.app.provider.name, now, facts)
        return Exported(document, [service_document(one) for one in facts])

    def kubectl(self) -> Sequence[Kubectl]:
        """The services, and the selected one."""
        from mtop_tui.views import kubectl  # noqa: PLC0415 - when wanted

        return kubectl.of_fleet(self._query.namespaces, self.table.selected)

    def action_open(self) -> None:
        """Open the selected service."""
        self.table.pin()
        self.open_service(self.table.selected)

    def action_logs(self) -> None:
        """Open the logs of the selected service."""
        from mtop_tui.screens.logs import LogsScreen  # noqa: PLC0415 - on first use

        if self.table.selected is not None:
            self.app.push_screen(LogsScreen(self.table.selected))

    def action_rollout(self) -> None:
        """Open the rollout of the selected service."""
        from mtop_tui.screens.rollout import RolloutScreen  # noqa: PLC0415 - on first use

        if self.table.selected is not None:
            self.app.push_screen(RolloutScreen(self.table.selected))

    def action_burning(self, number: int) -> None:
        """Select the n-th service that burns or fails, from the top of the table."""
        store = self.app.store
        found = [key for key, one in self._states.items() if burns(one, store.summary(one))]
        if number <= len(found):
            self.table.select(found[number - 1])
        elif found:
            verb = "burns or fails" if len(found) == 1 else "burn or fail"
            self.app.say(f"only {counted(len(found), 'service')} {verb}")
        else:
            self.app.say("no service burns or fails")

    def action_back(self) -> None:
        """There is no screen before this one."""
