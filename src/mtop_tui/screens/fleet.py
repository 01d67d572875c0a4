"""The Fleet screen: where is the fire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual import getters
from textual.app import ComposeResult
from textual.binding import BindingType

from mtop_tui.commands import APP, BURNING, FLEET, MENU, MOVE, VIEWS, bindings
from mtop_tui.observations import ServiceKey
from mtop_tui.screens.acting import Acting
from mtop_tui.screens.tabular import TabularScreen
from mtop_tui.state.service import ServiceState
from mtop_tui.text import safe
from mtop_tui.views import columns as table_columns
from mtop_tui.views.cells import ServiceFacts, burns
from mtop_tui.views.columns import FleetColumn, fleet_column
from mtop_tui.views.fleet import FleetQuery, Why, facts_of, row, select, why
from mtop_tui.views.format import counted
from mtop_tui.views.header import header
from mtop_tui.views.table import Cell, Row, is_descending
from mtop_tui.views.trouble import why_nothing
from mtop_tui.widgets.fleet_header import FleetHeader
from mtop_tui.widgets.key_bar import KeyBar
from mtop_tui.widgets.row_table import RowTable

if TYPE_CHECKING:
    from mtop_tui.views.export import Exported
    from mtop_tui.views.fleet_filter import Asked
    from mtop_tui.views.groups import Group, GroupKey
    from mtop_tui.views.kubectl import Kubectl
    from mtop_tui.views.query import Field


class FleetScreen(Acting, TabularScreen[FleetQuery]):
    """The model table under the fleet's totals.

    The screen pulls: once per refresh interval, and on keys, it asks the store what is there and
    lets the widgets repaint what differs. Nothing is posted per observation.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings((*FLEET, *BURNING, MENU))
    BINDING_GROUP_TITLE = "Fleet"
    COMMANDS_SHOWN = (*MOVE, *FLEET, MENU, *VIEWS, *APP)
    COLUMNS = table_columns.COLUMNS

    heading = getters.query_one(FleetHeader)

    def __init__(self, query: FleetQuery) -> None:
        super().__init__(query)
        self._order: list[ServiceKey | GroupKey] = []
        self._groups: dict[GroupKey, Group] = {}
        self._folded: frozenset[GroupKey] = frozenset()
        self._states: dict[ServiceKey, ServiceState] = {}
        self._ordered_at: tuple[FleetQuery, frozenset[GroupKey], int, float] | None = None
        self._longest: dict[str, int] = {}
        self._placed: list[tuple[FleetColumn, int]] = []
        self._explained = False

    def compose(self) -> ComposeResult:
        """Header, table, why line, key bar."""
        yield FleetHeader()
        yield RowTable(ascii_only=self.app.settings.ascii)
        yield self.why_line()
        yield KeyBar((*self.menu_key, *FLEET, *VIEWS, *APP))

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
                shown=len(self._states),
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
        self._groups, self._folded = {}, frozenset()
        self._ordered_at = None
        self._explained = False
        self.table.begin_again()
        self.look_if_seen()

    def _reorder(self, now: float) -> None:
        """Sort again when the order may have changed, and not else."""
        store, query = self.app.store, self._query
        lively = fleet_column(query.sort).moves or bool(query.filter)
        held = now // self.hold if lively else 0
        basis = (query, self._folded, store.topology_revision, held)
        if basis == self._ordered_at:
            return
        if self._ordered_at is None or self._ordered_at[2] != store.topology_revision:
            self._longest = table_columns.longest(
                [(state, store.summary(state)) for state in store.services()]
            )
        self._ordered_at = basis
        chosen = select(store, query, now)
        self._states = {state.key: state for state in chosen}
        order: list[ServiceKey | GroupKey] = [state.key for state in chosen]
        if query.group:
            order = self._in_groups(chosen)
        if order != self._order:
            self._order = order

    def _in_groups(self, states: Iterable[ServiceState]) -> list[ServiceKey | GroupKey]:
        from mtop_tui.views.groups import grouped  # noqa: PLC0415 - when wanted

        groups = grouped(self.app.store, states, self._query.group)
        self._groups = {group.key: group for group in groups}
        order: list[ServiceKey | GroupKey] = []
        for group in groups:
            order.append(group.key)
            if group.key not in self._folded:
                order += [state.key for state in group.members]
        return order

    def _place(self) -> None:
        query = self._query
        longest = self._longest
        if query.group:  # what is added up is no longer than the sum of all
            all_of_it = self.app.store.totals().objects
            text = f"{all_of_it.replicas_ready}/{all_of_it.replicas_desired}"
            longest = {**longest, "replicas": max(longest["replicas"], len(text))}
        placed = table_columns.placed(self.room, longest, query.columns, query.sort)
        self._placed = placed
        descending = is_descending(query, fleet_column(query.sort))
        self.table.use_columns(placed, query.sort, descending=descending)

    def _make_row(self, key: ServiceKey | GroupKey) -> Row:
        if isinstance(key, ServiceKey):
            facts = self._facts_of(self._states[key])
            return row(facts, [column for column, _ in self._placed])
        from mtop_tui.views.groups import heading  # noqa: PLC0415 - when wanted

        folded, ascii_only = key in self._folded, self.app.settings.ascii
        return heading(self._groups[key], self._facts_of, folded=folded, ascii_only=ascii_only)

    def _facts_of(self, state: ServiceState) -> ServiceFacts:
        app = self.app
        return facts_of(app.store, state, app.time(), ascii_only=app.settings.ascii)

    @property
    def selected_service(self) -> ServiceKey | None:
        """The service under the cursor."""
        selected = self.table.selected
        return selected if isinstance(selected, ServiceKey) else None

    @property
    def acted_on(self) -> ServiceKey | None:
        """The service under the cursor."""
        return self.selected_service

    @property
    def _selected_group(self) -> Group | None:
        selected = self.table.selected
        return None if selected is None or not self._query.group else self._groups.get(selected)

    def explain(self) -> tuple[str, Why]:
        """Why the selected service is as it is, or why there is none."""
        self._explained = bool(self._order)
        if (group := self._selected_group) is not None:
            from mtop_tui.views.groups import explain  # noqa: PLC0415 - when wanted

            return group.key.value, Why(explain(group, self._facts_of))
        selected = self.selected_service
        state = None if selected is None else self._states.get(selected)
        if state is None:
            return "", Why(Cell(self._why_empty(), "quiet"))
        name = state.key.name
        return name, why(self.app.store, self._facts_of(state), self.why.room(name))

    def _why_empty(self) -> str:
        if self._query.filter:
            return "no service matches the filter; Esc clears it"
        if self._query.namespaces and self.app.store.services():
            return safe(f"no service in {', '.join(self._query.namespaces)}")
        return why_nothing(self.app.store, self.app.time()) or "no services yet"

    def all_columns(self) -> Sequence[FleetColumn]:
        """Also those that are shown only when asked for, and the labels that services carry."""
        from mtop_tui.views.asked_columns import MORE, label_columns  # noqa: PLC0415 - when wanted

        return (*self.COLUMNS, *MORE, *label_columns(self.app.store.services()))

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
        facts = [facts_of(store, state, now) for state in self._states.values()]
        document = fleet_document(self.app.provider.name, now, facts)
        return Exported(document, [service_document(one) for one in facts])

    def kubectl(self) -> Sequence[Kubectl]:
        """The services, and the selected one."""
        from mtop_tui.views import kubectl  # noqa: PLC0415 - when wanted

        key = self.selected_service
        return kubectl.of_fleet(self._query.namespaces, key, self.app.store.kind_of(key))

    def action_open(self) -> None:
        """Open the selected service; on a group, fold it or unfold it."""
        self.table.pin()
        if (group := self._selected_group) is not None:
            self._folded ^= {group.key}
            self.look()
        self.open_service(self.selected_service)

    def action_logs(self) -> None:
        """Open the logs of the selected service."""
        from mtop_tui.screens.logs import LogsScreen  # noqa: PLC0415 - on first use

        if self.selected_service is not None:
            self.app.push_screen(LogsScreen(self.selected_service))

    def action_rollout(self) -> None:
        """Open the rollout of the selected service."""
        from mtop_tui.screens.rollout import RolloutScreen  # noqa: PLC0415 - on first use

        if self.selected_service is not None:
            self.app.push_screen(RolloutScreen(self.selected_service))

    def action_group(self) -> None:
        """Group by the next thing that services have in common; after the last, by nothing."""
        from mtop_tui.views.groups import WAYS  # noqa: PLC0415 - when wanted

        ways = ("", *WAYS)
        here = ways.index(self._query.group) if self._query.group in ways else 0
        self.ask(replace(self._query, group=ways[(here + 1) % len(ways)]))

    def action_namespaces(self) -> None:
        """Choose the namespaces to show."""
        from mtop_tui.screens.namespaces import NamespacesScreen  # noqa: PLC0415 - on first use

        def choose(chosen: tuple[str, ...]) -> None:
            self.ask(replace(self._query, namespaces=chosen))

        self.app.push_screen(NamespacesScreen(self._query.namespaces, choose))

    def action_saved_views(self) -> None:
        """Go to a saved view, or save this one."""
        from mtop_tui.screens.saved_views import SavedViewsScreen  # noqa: PLC0415 - on first use

        self.app.push_screen(SavedViewsScreen(self._query, self.ask))

    def action_burning(self, number: int) -> None:
        """Select the n-th service that burns or fails, from the top of the table."""
        store = self.app.store
        states: Iterable[ServiceState] = self._states.values()
        if self._query.group:
            states = [one for group in self._groups.values() for one in group.members]
        found = [one for one in states if burns(one, store.summary(one))]
        if number <= len(found):
            self._unfold(found[number - 1])
            self.table.select(found[number - 1].key)
        elif found:
            verb = "burns or fails" if len(found) == 1 else "burn or fail"
            self.app.say(f"only {counted(len(found), 'service')} {verb}")
        else:
            narrow = self._query.filter or self._query.namespaces
            whose = "none of the services shown" if narrow else "no service"
            self.app.say(f"{whose} burns or fails")

    def _unfold(self, state: ServiceState) -> None:
        """Show a service whose group is folded."""
        if state.key not in self._order:
            self._folded -= {key for key, group in self._groups.items() if state in group.members}
            self.look()

    def action_back(self) -> None:
        """There is no screen before this one."""
        self.app.say("this is the first screen; q quits")
