"""The Service screen: what is wrong with this one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import getters
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from mtop_tui.commands import APP, MENU, MOVE, SERVICE, VIEWS, bindings
from mtop_tui.observations import ObjectRef, ServiceKey
from mtop_tui.screens.acting import Acting
from mtop_tui.screens.charted import ChartedScreen
from mtop_tui.state.service import ServiceState
from mtop_tui.views import charts, panels, replicas
from mtop_tui.views import service as views
from mtop_tui.views.board import Board
from mtop_tui.views.fleet import facts_of, unexplained
from mtop_tui.views.table import Cell, Row, placed, row_of
from mtop_tui.views.timeline import Axis, clock, marks_of
from mtop_tui.widgets.key_bar import KeyBar
from mtop_tui.widgets.lines_view import LinesView
from mtop_tui.widgets.row_table import GUTTER, RIGHT_MARGIN, RowTable
from mtop_tui.widgets.text_lines import TextLines
from mtop_tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from mtop_tui.domain.diagnosis.findings import Finding
    from mtop_tui.views.export import Exported
    from mtop_tui.views.kubectl import Kubectl

REPLICAS, *BESIDE = views.PANELS
MIDDLE_HEIGHT, LARGE = 34, (150, 48)
"""From here on there is room for two panels, and for all of them."""

HOLD_PER_REPLICA, FEW = 0.02, 100
"""Seconds that a diagnosis holds per replica beyond a few: all of them are compared for it."""


def _slot(place: int) -> str:
    return f"beside-{place}"


class ServiceScreen(Acting, ChartedScreen):
    """One service from its cause down to its pods.

    Causes first, then what is measured over time, then what it is made of. On a small terminal the
    panels below share one place; on a large one all are seen.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings((*SERVICE, MENU))
    BINDING_GROUP_TITLE = "Service"
    COMMANDS_SHOWN = (*MOVE, *SERVICE, MENU, *VIEWS, *APP)
    COLUMNS = replicas.COLUMNS

    table: getters.query_one[RowTable[ObjectRef]] = getters.query_one("#replicas", RowTable)
    why = getters.query_one("#why", TextLines)
    measured = getters.query_one("#measured", TextLines)
    upper = getters.query_one("#upper", TextLines)
    lower = getters.query_one("#lower", TextLines)
    beside = getters.query_one("#beside", Horizontal)

    def __init__(self, key: ServiceKey) -> None:
        super().__init__()
        self._key = key
        self._state: ServiceState | None = None
        self._is_gone = False
        self._board = Board()
        self._panel = REPLICAS
        self._last_beside = BESIDE[0]
        self._tops: dict[str, int] = {}
        self._findings: Sequence[Finding] | None = None
        self._explained_at = -math.inf
        self._summary: Sequence[tuple[Cell, ...]] = ()
        self._arranged: tuple[object, ...] = ()
        self._looked_at: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """From causes to parts; the key bar last."""
        yield TitleBar()
        yield TextLines("why")
        yield TextLines("measured")
        yield TextLines("upper")
        yield RowTable(ascii_only=self.app.settings.ascii, id="replicas")
        yield TextLines("lower")
        with Horizontal(id="beside"):
            for place in range(len(self._seen_beside)):
                yield LinesView(_slot(place))
        yield KeyBar((*self.menu_key, *SERVICE, *APP))

    def on_mount(self) -> None:
        """The keys go to the replicas at first."""
        self._board = Board(ascii=self.app.settings.ascii)
        self._arrange()
        self.table.focus()

    def on_resize(self) -> None:
        """What there is room for follows the size."""
        self._arrange()
        self._explained_at = -math.inf

    # Looking

    def look_if_seen(self) -> None:
        """Look, unless another screen covers this one or nothing is new since the last look.

        A screen that opens is told so three times, and a second layout costs as much as the first.
        """
        basis = (self.app.time(), self.app.store.revision, self.app.size)
        if basis != self._looked_at and self.is_current and self.is_mounted:
            self._looked_at = basis
            self.look()

    def look(self) -> None:
        """Ask the store what is there, and repaint what differs."""
        found = self.app.store.service(self._key)
        self._is_gone = found is None
        if found is not None:
            self._state = found
        state = self._state
        if state is None or state.service is None:
            self.show_title((self._path,))
            self.why.show([(Cell(" this service is not there", "warn"),)])
            return
        self._show_title(state)
        now, size = self.app.time(), self.app.size
        summary = views.summary_lines(state, now, size.width, ascii_only=self.app.settings.ascii)
        self._summary = summary[: max(0, size.height // 6 - 1)]
        self._show_charts(state)
        self._show_parts(state)
        if self._findings is None:  # what a diagnosis needs may have to be imported first
            self.call_after_refresh(self._explain)
        else:
            self._explain()

    @property
    def _path(self) -> str:
        return f"{self._key.namespace}/{self._key.name}"

    def _show_title(self, state: ServiceState) -> None:
        if self._is_gone:
            self.show_title((self._path,), (Cell("removed", "bad"),))
            return
        facts = facts_of(self.app.store, state, self.app.time())
        self.show_title((self._path,), views.title_facts(facts))

    def _show_charts(self, state: ServiceState) -> None:
        size = self.app.size
        lines = charts.charts(
            self.app.store,
            state,
            self.app.time(),
            self._board,
            width=size.width,
            height=self._chart_height,
        )
        self.measured.show([*lines, *self._summary])

    def _show_parts(self, state: ServiceState) -> None:
        now, width = self.app.time(), self.app.size.width
        self._show_tabs(state, width)
        if self.table.display:
            self._show_replicas(state, now)
        if self.beside.display:
            for view, name in zip(self._views, self._seen_beside, strict=False):
                view.show(self._lines_of(name, state, now))

    def _lines_of(self, name: str, state: ServiceState, now: float) -> Sequence[tuple[Cell, ...]]:
        width = self.app.size.width
        room = max((width // len(BESIDE) if self._is_large else width) - 2, 1)
        if state.service is None:
            return ()
        if name == "conditions":
            return panels.condition_lines(state.service, now, room)
        if name == "events":
            return panels.event_lines(state, now, room, forbidden=self._no_events)
        return panels.spec_lines(state, state.service, now, room)

    @property
    def _no_events(self) -> bool:
        return any(
            "event" in what for one in self.app.store.sources.values() for what in one.forbidden
        )

    def _show_tabs(self, state: ServiceState, width: int) -> None:
        active, keys = self._panel, "Tab next"
        names = views.PANELS if self._is_small else (REPLICAS,)
        if not self._is_small:
            self.lower.show([self._titles_beside(state, width)])
        self.upper.show([views.tabs(names, active, active, state, keys=keys, width=width)])

    def _titles_beside(self, state: ServiceState, width: int) -> tuple[Cell, ...]:
        active = self._panel
        if not self._is_large:
            return views.tabs(BESIDE, self._last_beside, active, state)
        titles: list[Cell] = []
        for name in BESIDE:
            tab = views.tabs((name,), active, active, state)
            length = sum(len(cell.text) for cell in tab)
            titles += [*tab, Cell(" " * max(0, width // len(BESIDE) - length))]
        return tuple(titles)

    def _show_replicas(self, state: ServiceState, now: float) -> None:
        odd = replicas.odd_ones(self._findings or ())
        shared = replicas.replicas_of(self.app.store, state, odd, now)
        has_halves = any(one.role != "main" for one in state.replicas.values())
        columns = replicas.POOLED if has_halves else replicas.SINGLE
        room = self.app.size.width - GUTTER - RIGHT_MARGIN - 1
        fitting = placed(columns, room, replicas.longest(state, shared))
        self.table.use_columns(fitting, "", descending=False)
        order = replicas.order_of(state, odd)

        def make(ref: ObjectRef) -> Row:
            return row_of(ref, shared.facts(state.replicas[ref]), [one for one, _ in fitting])

        self.table.show(order, make)
        if not self._is_small:
            most = max(2, (self.app.size.height - self._chart_height) // 3)
            self._set_height(min(len(order) + 1, most))

    def _set_height(self, lines: int) -> None:
        height = self.table.styles.height
        if height is None or height.value != lines:
            self.table.styles.height = lines

    def _explain(self) -> None:
        state, now = self._state, self.app.time()
        if state is None or not self.is_mounted:
            return
        if self._is_gone:
            said = "this service was removed; what is shown is what was last known"
            self.why.show([(Cell(" why  ", "quiet"), Cell(said, "warn"))])
            return
        held = HOLD_PER_REPLICA * max(0, len(state.replicas) - FEW)
        if now - self._explained_at < held:
            return
        from mtop_tui.domain.diagnosis.ranking import diagnose  # noqa: PLC0415 - 50 ms, see look
        from mtop_tui.state.facts import service_facts  # noqa: PLC0415 - 50 ms, see look
        from mtop_tui.views.findings import in_short  # noqa: PLC0415 - 50 ms, see look

        odd = replicas.odd_ones(self._findings or ())
        self._findings = diagnose(service_facts(self.app.store, state, now))
        self._explained_at = now
        otherwise, width = self._otherwise(state, now), self.app.size.width
        self.why.show(in_short(self._findings, otherwise, width, self._why_height))
        if odd != replicas.odd_ones(self._findings) and self.table.display:
            self._show_replicas(state, now)

    def _otherwise(self, state: ServiceState, now: float) -> Cell:
        if state.slo_problem:
            return Cell(state.slo_problem, "warn")
        return unexplained(facts_of(self.app.store, state, now))

    # Arranging

    @property
    def _is_small(self) -> bool:
        return self.app.size.height < MIDDLE_HEIGHT

    @property
    def _is_large(self) -> bool:
        return self.app.size.width >= LARGE[0] and self.app.size.height >= LARGE[1]

    @property
    def _why_height(self) -> int:
        height = self.app.size.height
        return 1 if height < 18 else 4 if height < MIDDLE_HEIGHT else 6 if height < LARGE[1] else 7

    @property
    def _chart_height(self) -> int:
        height = self.app.size.height
        if height < MIDDLE_HEIGHT:
            return 0 if height < 14 else 5 if height < 22 else 8
        return 14 if height < LARGE[1] else 20

    @property
    def _seen_beside(self) -> Sequence[str]:
        return BESIDE if self._is_large else (self._last_beside,)

    def _arrange(self) -> None:
        """Show the panels there is room for."""
        basis = (self._is_small, self._is_large, self._panel == REPLICAS)
        if basis == self._arranged:
            return
        self._arranged = basis
        small = self._is_small
        self.table.display = not small or self._panel == REPLICAS
        self.beside.display = not small or self._panel != REPLICAS
        self.lower.display = not small
        if small:
            self.table.styles.height = "1fr"
        views_there = self._views
        wanted = len(self._seen_beside)
        for place, view in enumerate(views_there):
            view.display = place < wanted
        more = [LinesView(_slot(place)) for place in range(len(views_there), wanted)]
        if more:
            self.beside.mount(*more)
            self.call_after_refresh(self.look)

    @property
    def _views(self) -> list[LinesView]:
        """Where panels beside the replicas are shown: one, or one for each on a large screen."""
        return list(self.query(LinesView))

    @property
    def _focused_view(self) -> LinesView:
        seen = self._seen_beside
        return self._views[seen.index(self._panel) if self._panel in seen else 0]

    # Commands

    def action_panel(self, step: int) -> None:
        """Give the keys to the next panel, and show it."""
        if self._panel != REPLICAS:
            self._tops[self._panel] = self._focused_view.scroll_offset.y
        names = views.PANELS
        self._panel = names[(names.index(self._panel) + step) % len(names)]
        if self._panel != REPLICAS:
            self._last_beside = self._panel
        self._arrange()
        if self._state is not None:
            self._show_parts(self._state)
        if self._panel == REPLICAS:
            self.set_focus(self.table)
        else:
            view = self._focused_view
            view.scroll_to(y=self._tops.get(self._panel, 0), animate=False, immediate=True)
            self.set_focus(view)

    def action_why(self) -> None:
        """Open every cause with its evidence."""
        from mtop_tui.screens.pages import FindingsPage  # noqa: PLC0415 - on first use

        self.app.push_screen(FindingsPage(self._key))

    def action_logs(self) -> None:
        """Open what its replicas said."""
        from mtop_tui.screens.logs import LogsScreen  # noqa: PLC0415 - on first use

        self.app.push_screen(LogsScreen(self._key))

    @property
    def called(self) -> str:
        """The service."""
        return self._path

    def exported(self) -> Exported | None:
        """The service with its causes and replicas."""
        from mtop_tui.views.document import (  # noqa: PLC0415 - when wanted
            finding_document,
            replica_document,
            service_document,
        )
        from mtop_tui.views.export import Exported  # noqa: PLC0415 - when wanted

        state, store, now = self._state, self.app.store, self.app.time()
        if state is None or state.service is None:
            return None
        odd = replicas.odd_ones(self._findings or ())
        shared = replicas.replicas_of(store, state, odd, now)
        records = [
            replica_document(shared.facts(state.replicas[ref]))
            for ref in replicas.order_of(state, odd)
        ]
        document = {
            "at_unix_seconds": now,
            "service": service_document(facts_of(store, state, now)),
            "causes": [finding_document(finding) for finding in self._findings or ()],
            "replicas": records,
        }
        return Exported(document, records)

    @property
    def acted_on(self) -> ServiceKey:
        """The service."""
        return self._key

    @property
    def selected_pod(self) -> ObjectRef | None:
        """That of the selected replica, while the keys are the table's."""
        return self.table.selected if self._panel == REPLICAS else None

    def kubectl(self) -> Sequence[Kubectl]:
        """The service and what belongs to it."""
        from mtop_tui.views import kubectl  # noqa: PLC0415 - when wanted

        return kubectl.of_service(self._key, self.app.store.kind_of(self._key))

    def action_copy_row(self) -> None:
        """Copy the row of the selected replica."""
        self.copy_row(self.table)

    def action_rollout(self) -> None:
        """Open its rollout."""
        from mtop_tui.screens.rollout import RolloutScreen  # noqa: PLC0415 - on first use

        self.app.push_screen(RolloutScreen(self._key))

    def action_yaml(self) -> None:
        """Open the object as its source has it."""
        from mtop_tui.screens.pages import YamlPage  # noqa: PLC0415 - on first use

        self.app.push_screen(YamlPage(self._key))

    def action_mark(self, step: int) -> None:
        """Move the cursor to the next or previous mark on the axis."""
        if self._state is None:
            return
        axis = self.axis()
        found = self._board.at_mark(step, axis, marks_of(self.app.store, self._state))
        if found is None:
            words = (
                f"no mark before that since {clock(axis.start)}" if step < 0 else "no later mark"
            )
            self.app.say(words)
        else:
            self.draw(found)

    def axis(self) -> Axis:
        """The axis as it is drawn now."""
        return charts.axis_in(self.app.time(), self._board.span, self.app.size.width)

    def draw(self, board: Board) -> None:
        """Show the charts so from now on."""
        self._board = board
        if self._state is not None:
            self._show_charts(self._state)
