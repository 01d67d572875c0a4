"""The Rollout screen: is the new one better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, getters
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.geometry import Offset

from mtop_tui.commands import APP, MENU, MOVE, ROLLOUT, VIEWS, bindings
from mtop_tui.observations import ServiceKey
from mtop_tui.screens.acting import Acting
from mtop_tui.screens.charted import ChartedScreen
from mtop_tui.state.rollout import RolloutState, rollout_state
from mtop_tui.state.service import ServiceState
from mtop_tui.state.versions import Manner
from mtop_tui.views import rollout as views
from mtop_tui.views import rollout_lanes as lanes
from mtop_tui.views.board import Board
from mtop_tui.views.rollout_comparison import ROWS, comparison_lines
from mtop_tui.views.rollout_lanes import Lane
from mtop_tui.views.rollout_marks import rollout_marks
from mtop_tui.views.rollout_trends import TRENDS, trend_lines
from mtop_tui.views.table import Cell
from mtop_tui.views.timeline import DAY, SPANS, Axis, Mark, clock
from mtop_tui.widgets.key_bar import KeyBar
from mtop_tui.widgets.lines_view import LinesView
from mtop_tui.widgets.text_lines import TextLines
from mtop_tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from mtop_tui.views.export import Exported
    from mtop_tui.views.kubectl import Kubectl

Line = tuple[Cell, ...]

WIDE = 110
"""Cells from which on what stands beside the history is seen with it."""

WITH_AXIS = 14
"""Lines from which on the time axis is seen."""

WITH_TRENDS = 46
"""Lines from which on there is room for figures over time."""

HISTORY, *BESIDE = views.PANELS


class RolloutScreen(Acting, ChartedScreen):
    """Two versions on one time axis, and what can be said of the new one.

    A cursor on the axis makes the whole screen show what held at its time, where that is kept.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings((*ROLLOUT, MENU))
    BINDING_GROUP_TITLE = "Rollout"
    COMMANDS_SHOWN = (*MOVE, *ROLLOUT, MENU, *VIEWS, *APP)

    head = getters.query_one("#head", TextLines)
    lanes = getters.query_one("#lanes", TextLines)
    compared = getters.query_one("#compared", TextLines)
    upper = getters.query_one("#upper", TextLines)
    history = getters.query_one("#history", LinesView)
    beside = getters.query_one("#beside-history", LinesView)

    def __init__(self, key: ServiceKey) -> None:
        super().__init__()
        self._key = key
        self._board = Board(span=SPANS[2])
        self._panel = HISTORY
        self._last_beside = BESIDE[0]
        self._state: ServiceState | None = None
        self._rollout: RolloutState | None = None
        self._marks: Sequence[Mark] = ()
        self._courses: lanes.Courses = {}
        self._owners: Sequence[int] = ()
        self._titles: Sequence[tuple[str, Cell]] = ()
        self._is_gone = False
        self._looked_at: tuple[object, ...] = ()
        self._told: tuple[object, ...] = ()
        self._past: Sequence[Line] = ()

    def compose(self) -> ComposeResult:
        """From what goes on to what has happened; the key bar last.

        Each part is given its height at once: a second layout costs as much as the first.
        """
        self._ask()
        yield TitleBar()
        for name, height in (
            ("head", self._head_height),
            ("lanes", self._lanes_height),
            ("compared", self._compared_height),
            ("upper", 1),
        ):
            part = TextLines(name)
            part.styles.height = height
            yield part
        with Horizontal(id="panels"):
            yield LinesView("history")
            beside = LinesView("beside-history")
            beside.display = self._is_wide
            yield beside
        yield KeyBar((*self.menu_key, *ROLLOUT, *APP))

    def on_mount(self) -> None:
        """The keys go to the history at first."""
        self._board = Board(span=SPANS[2], ascii=self.app.settings.ascii)
        self.history.focus()

    # Looking

    def look_if_seen(self) -> None:
        """Look, unless another screen covers this one or nothing is new since the last look."""
        basis = (self.app.time(), self.app.store.revision, self.app.size)
        if basis != self._looked_at and self.is_current and self.is_mounted:
            self._looked_at = basis
            self.look()

    def look(self) -> None:
        """Ask the store what is there, and repaint what differs."""
        self._ask()
        self._show()

    def _ask(self) -> None:
        store, now = self.app.store, self.app.time()
        found = store.service(self._key)
        self._is_gone = found is None
        if found is not None:
            self._state = found
            self._rollout = rollout_state(store, found, now)
            versions = self._rollout.versions
            self._marks = rollout_marks(store, versions, self._rollout.track)
            self._courses = lanes.courses_of(store, versions)

    def _show(self) -> None:
        """Draw what was found when the store was asked."""
        rollout = self._rollout
        crumbs = (f"{self._key.namespace}/{self._key.name}", "rollout")
        if rollout is None:
            self.show_title(crumbs)
            self.head.show([(Cell(" this service is not there", "warn"),)])
            return
        gone = [Cell("removed", "bad")] if self._is_gone else []
        cursor = self._board.cursor
        if cursor is None:
            facts = views.title_facts(rollout, stale=self._is_stale)
        else:
            facts = [Cell(f"as of {clock(cursor)}", "good"), Cell(rollout.versions.manner.value)]
        self.show_title(crumbs, [*gone, *facts])
        now, width = self.app.time(), self.app.size.width
        self.head.show(_filled(self._headline(rollout, now), self._head_height))
        self.lanes.show(_filled(self._lanes(rollout, now), self._lanes_height))
        self.compared.show(_filled(self._comparison(rollout, width), self._compared_height))
        self._show_panels(rollout, now)

    def _headline(self, rollout: RolloutState, now: float) -> list[Line]:
        width, most = self.app.size.width, self._head_height
        if self._is_gone:
            said = " this service was removed; what is shown is what was last known"
            return [(Cell(said, "warn"),)]
        if self._board.cursor is not None:
            return views.at_cursor(self._board.cursor, self._marks, now, width, most)
        sources = self.app.store.sources.values()
        forbidden = list(dict.fromkeys(what for one in sources for what in one.forbidden))
        return views.headline(rollout, now, width, most, forbidden=forbidden)

    def _lanes(self, rollout: RolloutState, now: float) -> list[Line]:
        room = self._lanes_height
        if not room:
            return []
        width, axis = self.app.size.width, 2 if self.app.size.height >= WITH_AXIS else 0
        found = self._lanes_at_cursor(rollout)
        most = room - axis - self._trends_height
        lines = lanes.lane_lines(found[-most:], rollout.versions, self._board, now, width)
        lines += lanes.below(self._marks, self._board, now, width)[:axis]
        if self._trends_height and rollout.track is not None:
            lines += trend_lines(rollout.track, self._board, now, width)
        return lines

    def _lanes_at_cursor(self, rollout: RolloutState) -> list[Lane]:
        versions, at = rollout.versions, self._board.cursor
        return lanes.lanes_of(self.app.store, versions, self._courses, at)

    def _comparison(self, rollout: RolloutState, width: int) -> list[Line]:
        rows = self._compared_height - 1
        if rows < 1:
            return []
        track, cursor = rollout.track, self._board.cursor
        edges = {} if track is None else track.edges
        if rollout.versions.manner is Manner.NONE:
            return comparison_lines(None, "nothing to compare: one version serves", edges, width, 2)
        found, absent = rollout.compared, "nothing was compared yet: it takes 15 s of both"
        if cursor is not None:
            found = None if track is None else track.at(cursor)
            absent = "-- not kept, or not compared then"
        return comparison_lines(found, absent, edges, width, rows + 1)

    def _show_panels(self, rollout: RolloutState, now: float) -> None:
        wide = self._is_wide
        self.history.display = wide or self._panel == HISTORY
        self.beside.display = wide or self._panel != HISTORY
        self._titles = self._tabs(rollout)
        self.upper.show([tuple(cell for _, cell in self._titles)])
        if self.history.display:
            self._show_history(now)
        if self.beside.display:
            width = self.app.size.width
            room = width - self._history_width - 2 if wide else width - 2
            self.beside.show(self._beside_lines(rollout, now, max(room, 1)))

    def _show_history(self, now: float) -> None:
        basis = (self._marks, self._history_width, now // DAY)
        if basis != self._told:
            self._told = basis
            width = self._history_width - 2
            self._past, self._owners = views.history_lines(self._marks, now, width)
        current = views.reached(self._marks, self._board.cursor)
        self.history.show(views.pointed(self._past, self._owners, current))

    def _beside_lines(self, rollout: RolloutState, now: float, width: int) -> Sequence[Line]:
        if self._last_beside == "risks":
            return views.risk_lines(rollout, width)
        store = self.app.store
        newest_first = self._lanes_at_cursor(rollout)[::-1]
        facts = [one.facts for one in newest_first]
        return views.version_lines(store, [one.version for one in newest_first], facts, now, width)

    def _tabs(self, rollout: RolloutState) -> list[tuple[str, Cell]]:
        """The titles of the panels, each with its name; what is between them has none."""
        wide = self._is_wide
        seen = {HISTORY, self._last_beside} if wide else {self._panel}
        line = [("", Cell(" "))]
        for name in views.PANELS:
            if wide and name == BESIDE[0]:
                used = sum(len(cell.text) for _, cell in line)
                line.append(("", Cell(" " * max(1, self._history_width + 1 - used))))
            title = views.panel_title(name, self._marks, rollout.risks)
            text = f"[{title}]" if name in seen else f" {title} "
            line.append((name, Cell(text, "good" if name == self._panel else "quiet")))
            line.append(("", Cell(" ")))
        return line

    # Arranging

    @property
    def _is_stale(self) -> bool:
        return self._state is not None and self._state.is_stale(self.app.time())

    @property
    def _is_wide(self) -> bool:
        return self.app.size.width >= WIDE

    @property
    def _head_height(self) -> int:
        height = self.app.size.height
        return 1 if height < WITH_AXIS else 3 if height < 22 else 4

    @property
    def _lanes_height(self) -> int:
        height = self.app.size.height
        if height < 8 or self._rollout is None:
            return 0
        axis = 2 if height >= WITH_AXIS else 0
        shown = min(max(1, len(self._rollout.versions.all)), max(2, height // 8))
        return shown + axis + self._trends_height

    @property
    def _trends_height(self) -> int:
        has_any = self._rollout is not None and self._rollout.track is not None
        return 2 * len(TRENDS) if has_any and self.app.size.height >= WITH_TRENDS else 0

    @property
    def _compared_height(self) -> int:
        height = self.app.size.height
        if height < 16 or self._rollout is None:
            return 0
        if self._rollout.versions.manner is Manner.NONE:
            return 2
        return min(len(ROWS), height // 4) + 1

    @property
    def _history_width(self) -> int:
        width = self.app.size.width
        return width * 3 // 5 if self._is_wide else width

    # Commands

    def action_panel(self, step: int) -> None:
        """Give the keys to the next panel, and show it."""
        names = views.PANELS
        self._turn_to(names[(names.index(self._panel) + step) % len(names)])

    def _turn_to(self, panel: str) -> None:
        self._panel = panel
        if self._panel != HISTORY:
            self._last_beside = self._panel
        if self._rollout is not None:
            self._show_panels(self._rollout, self.app.time())
        self.set_focus(self.history if self._panel == HISTORY else self.beside)

    def action_mark(self, step: int) -> None:
        """Go to the next event or the one before; beyond the last one, to the present."""
        times = sorted({mark.at for mark in self._marks})
        here = self._board.cursor
        if step < 0:
            before = [at for at in times if here is None or at < here]
            if not before:
                self.app.say("nothing is known of before that")
                return
            self._go_to(before[-1])
        elif here is not None:
            after = [at for at in times if at > here]
            if after:
                self._go_to(after[0])
            else:
                self.draw(self._board.at_time(None))

    def action_open(self) -> None:
        """Open the new version's service."""
        self.open_service(self._new_key)

    def action_logs(self) -> None:
        """Open what the new version's replicas said."""
        from mtop_tui.screens.logs import LogsScreen  # noqa: PLC0415 - on first use

        self.app.push_screen(LogsScreen(self._new_key))

    @property
    def called(self) -> str:
        """The rollout, by the service with the new version."""
        return f"rollout-{self._new_key.namespace}-{self._new_key.name}"

    def exported(self) -> Exported | None:
        """The comparison, the versions and what happened, up to where the cursor is."""
        from mtop_tui.views.rollout_document import rollout_export  # noqa: PLC0415 - when wanted

        rollout, cursor = self._rollout, self._board.cursor
        if rollout is None:
            return None
        compared = rollout.compared
        if cursor is not None:
            compared = None if rollout.track is None else rollout.track.at(cursor)
            shown = self._lanes_at_cursor(rollout)
            by_version = {one.version: one.facts for one in shown}
            facts = tuple(by_version.get(one) for one in rollout.versions.all)
            rollout = rollout._replace(facts=facts)
        at = self.app.time() if cursor is None else cursor
        return rollout_export(rollout, compared, self._marks, at)

    @property
    def acted_on(self) -> ServiceKey:
        """The service with the new version."""
        return self._new_key

    def kubectl(self) -> Sequence[Kubectl]:
        """Both services, or the one whose revisions are compared."""
        from mtop_tui.views import kubectl  # noqa: PLC0415 - when wanted

        versions = () if self._rollout is None else self._rollout.versions.all
        return kubectl.of_rollout(list(dict.fromkeys(one.key for one in versions)) or [self._key])

    def action_leave(self) -> None:
        """Back to the present; from there, to the screen before."""
        if self._board.cursor is None:
            self.action_back()
        else:
            self.draw(self._board.at_time(None))

    @property
    def _new_key(self) -> ServiceKey:
        canary = None if self._rollout is None else self._rollout.versions.canary
        return self._key if canary is None else canary.key

    def _go_to(self, at: float) -> None:
        """The cursor at a time, with a span that reaches back to it, if there is one."""
        board, now = self._board.at_time(at), self.app.time()
        reaching = (index for index, span in enumerate(SPANS) if now - at < 0.95 * span.seconds)
        index = max(next(reaching, len(SPANS) - 1), SPANS.index(board.span))
        self.draw(board.spanning(index))
        self._show_current()

    def _show_current(self) -> None:
        """Scroll the history so that what the cursor has come to is in view."""
        current = views.reached(self._marks, self._board.cursor)
        if current is not None and current in self._owners:
            top, height = self._owners.index(current), max(1, self.history.size.height)
            if not self.history.scroll_offset.y <= top < self.history.scroll_offset.y + height:
                self.history.scroll_to(y=top - height // 2, animate=False, immediate=True)

    def axis(self) -> Axis:
        """The axis as it is drawn now."""
        return lanes.lane_axis(self.app.time(), self._board.span, self.app.size.width)

    def draw(self, board: Board) -> None:
        """Show the charts so from now on."""
        self._board = board
        self._show()

    # Mouse

    def on_click(self, event: events.Click) -> None:
        """A click on a lane reads there, one in the history goes to what happened then."""
        for widget, act in (
            (self.lanes, self._click_lane),
            (self.history, self._click_history),
            (self.upper, self._click_title),
        ):
            offset = event.get_content_offset(widget) if event.widget is widget else None
            if offset is not None:
                act(offset)

    def _click_lane(self, offset: Offset) -> None:
        axis = self.axis()
        cell = offset.x - lanes.name_width(self.app.size.width) - 2
        if 0 <= cell < axis.points // 2:
            self.draw(self._board.at_cell(cell, axis))

    def _click_history(self, offset: Offset) -> None:
        line = self.history.scroll_offset.y + offset.y
        if line < len(self._owners):
            self._go_to(self._marks[self._owners[line]].at)

    def _click_title(self, offset: Offset) -> None:
        before = 0
        for name, cell in self._titles:
            before += len(cell.text)
            if offset.x < before:
                if name:
                    self._turn_to(name)
                return


def _filled(lines: Sequence[Line], height: int) -> list[Line]:
    """So many lines, blank ones at the end: what stands below stays where it is."""
    return [*lines[:height], *[()] * (height - len(lines))]
