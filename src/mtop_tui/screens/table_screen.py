"""A screen that is one table: rows of `Facts` under a title."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType

from mtop_tui.commands import APP, MOVE, TABLE, VIEWS, Command, bindings
from mtop_tui.screens.tabular import TabularScreen
from mtop_tui.views.fleet import Why
from mtop_tui.views.table import (
    Cell,
    Row,
    TableQuery,
    asked_for,
    column_of,
    is_descending,
    longest_values,
    ordered,
    placed,
    row_fields,
    row_filter,
    row_of,
)
from mtop_tui.views.trouble import why_nothing
from mtop_tui.widgets.key_bar import KeyBar
from mtop_tui.widgets.row_table import RowTable
from mtop_tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from mtop_tui.observations import ServiceKey
    from mtop_tui.views.export import Exported
    from mtop_tui.views.query import Field

Facts = TypeVar("Facts")


class TableScreen(TabularScreen[TableQuery], Generic[Facts]):
    """Rows made of `Facts`; what they are and say is up to the screen that inherits.

    Attributes:
        CRUMB: what the screen is called in the title.
        SORT: id of the column that orders it at first.
        EXTRA: commands beside those of every table.
    """

    CRUMB: ClassVar[str] = ""
    SORT: ClassVar[str] = ""
    EXTRA: ClassVar[tuple[Command, ...]] = ()

    BINDINGS: ClassVar[list[BindingType]] = bindings(TABLE)

    def __init__(self) -> None:
        super().__init__(TableQuery(self.SORT))
        self._facts: Mapping[Hashable, Facts] = {}
        self._order: list[Hashable] = []
        self._ordered_at: object = None

    # What the screen that inherits says

    def facts(self, now: float) -> Mapping[Hashable, Facts]:
        """What there is to show, by what it is known by."""
        raise NotImplementedError

    def summary(self, facts: Mapping[Hashable, Facts]) -> Sequence[Cell]:
        """What stands in the title beside where one is."""
        return (Cell(f"{len(facts)}"),)

    def say(self, facts: Facts) -> Why:
        """What the line under the table says of the selected row."""
        raise NotImplementedError

    def nothing(self) -> str:
        """Why there is no row."""
        raise NotImplementedError

    def service_of(self, facts: Facts) -> ServiceKey | None:  # noqa: ARG002 - up to who inherits
        """The service that a row is about."""
        return None

    # Looking

    @property
    def COMMANDS_SHOWN(self) -> tuple[Command, ...]:  # noqa: N802 - named as on every screen
        """What the help page lists."""
        return (*MOVE, *TABLE, *self.EXTRA, *VIEWS, *APP)

    def compose(self) -> ComposeResult:
        """Title, table, why line, key bar."""
        yield TitleBar()
        yield RowTable(ascii_only=self.app.settings.ascii)
        yield self.why_line()
        yield KeyBar((*self.EXTRA, *TABLE, *VIEWS, *APP))

    def look(self) -> None:
        """Ask what there is, and repaint what differs."""
        now = self.app.time()
        self._facts = self.facts(now)
        self._reorder(now)
        self._place()
        self.table.show(self._order, self._make_row)
        facts = list(self.summary(self._facts))
        if self._query.filter:  # first, so that no width hides that rows are left out
            facts.insert(0, Cell(f"/{self._query.filter}  {len(self._order)} shown", "warn"))
        self.show_title((self.CRUMB,), facts)
        self.show_why()

    def _reorder(self, now: float) -> None:
        lively = now // self.hold if column_of(self._query, self.COLUMNS).moves else 0
        basis = (self._query, lively, frozenset(self._facts))
        if basis == self._ordered_at:
            return
        self._ordered_at = basis
        order = ordered(self._facts, self.COLUMNS, self._query)
        if order != self._order:
            self._order = order

    def _place(self) -> None:
        query, by = self._query, column_of(self._query, self.COLUMNS)
        column_by_id = {column.id: column for column in self.COLUMNS}
        longest = longest_values(self.COLUMNS, self._facts.values())
        wanted = asked_for(column_by_id[one] for one in query.columns)
        columns = placed(wanted or self.COLUMNS, self.room, longest, (query.sort,))
        self.table.use_columns(columns, query.sort, descending=is_descending(query, by))

    def _make_row(self, key: Hashable) -> Row:
        return row_of(key, self._facts[key], [column for column, _ in self.table.columns])

    def explain(self) -> tuple[str, Why]:
        """What there is to say of the selected row, or why there is none."""
        if (facts := self.selected) is not None:
            return "", self.say(facts)
        if self._query.filter:
            return "", Why(Cell("nothing matches the filter; Esc clears it", "quiet"))
        trouble = why_nothing(self.app.store, self.app.time())
        return "", Why(Cell(trouble, "warn") if trouble else Cell(self.nothing(), "quiet"))

    @property
    def selected(self) -> Facts | None:
        """What the selected row is made of."""
        key = self.table.selected
        return None if key is None else self._facts.get(key)

    @property
    def selected_service(self) -> ServiceKey | None:
        """The service that the selected row is about."""
        return None if self.selected is None else self.service_of(self.selected)

    def exported(self) -> Exported:
        """The rows that are wanted, in their order, with all columns."""
        from mtop_tui.views.export import Exported, table_records  # noqa: PLC0415 - when wanted

        rows = [self._facts[key] for key in self._order if key in self._facts]
        records = table_records(rows, self.COLUMNS)
        document = {"at_unix_seconds": self.app.time(), self.CRUMB: records}
        return Exported(document, records)

    def action_open(self) -> None:
        """Open the service that the selected row is about."""
        key = self.selected_service
        if key is None:
            self.app.say("this row is about no service")
        else:
            self.table.pin()
            self.open_service(key)

    # Filtering

    def fields(self) -> Mapping[str, Field[Facts]]:
        """The columns."""
        return row_fields(self.COLUMNS)

    def check_filter(self, text: str) -> None:
        """Tell whether what was typed is a filter of these columns."""
        row_filter(text, self.COLUMNS)

    def finds(self, query: TableQuery) -> bool:
        """Whether any row is wanted."""
        return bool(ordered(self._facts, self.COLUMNS, query))
