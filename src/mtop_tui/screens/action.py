"""The page of one action: what it would change, the question, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import getters
from textual.app import ComposeResult
from textual.binding import BindingType

from mtop_tui.actions.plans import Refused
from mtop_tui.commands import APP, DOING, MOVE, bindings
from mtop_tui.screens.ask import AskScreen
from mtop_tui.screens.looking import LookingScreen
from mtop_tui.text import safe
from mtop_tui.views import action as views
from mtop_tui.views import kubectl
from mtop_tui.views.action_advice import advice
from mtop_tui.views.format import counted
from mtop_tui.views.kubectl import Kubectl
from mtop_tui.views.table import Cell
from mtop_tui.widgets.key_bar import KeyBar
from mtop_tui.widgets.lines_view import LinesView
from mtop_tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from mtop_tui.undertaking import Undertaking


class ActionScreen(LookingScreen):
    """Plans at once, does nothing before it was told to, and then shows how it goes on.

    Who leaves it does not end what was begun: how that ends is said wherever they are.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(DOING)
    BINDING_GROUP_TITLE = "Action"
    COMMANDS_SHOWN = (*MOVE, *DOING, *APP)

    page = getters.query_one(LinesView)

    def __init__(self, undertaking: Undertaking) -> None:
        super().__init__()
        self._undertaking = undertaking
        self._advice = Cell("")

    def compose(self) -> ComposeResult:
        """Title, lines, key bar."""
        yield TitleBar()
        yield LinesView()
        yield KeyBar((*DOING, *APP))

    def on_mount(self) -> None:
        """The keys go to the lines; plan, unless that was done before."""
        self.page.focus()
        if self._undertaking.prepared is None:
            self._plan()

    def look(self) -> None:
        """Show how far it is."""
        intent = self._undertaking.intent
        self.show_title((f"{intent.service.namespace}/{intent.service.name}", intent.verb))
        self.page.show(self._lines(max(self.page.size.width - 1, 1)))

    def kubectl(self) -> Sequence[Kubectl]:
        """What shows the object that is changed."""
        return kubectl.of_service(self._undertaking.intent.service)

    def _lines(self, width: int) -> Sequence[tuple[Cell, ...]]:
        undertaking, prepared = self._undertaking, self._undertaking.prepared
        if prepared is None:
            return views.planning_lines()
        if isinstance(prepared, Refused):
            return views.refusal_lines(prepared, width)
        return views.prepared_lines(prepared, undertaking.said, self._advice, width)

    def _plan(self) -> None:
        undertaking = self._undertaking
        self._advice = advice(self.app.store, undertaking.intent, self.app.time())

        async def prepare() -> None:
            await undertaking.prepare()
            self.look_if_seen()

        self.run_worker(prepare(), group="object")

    # Commands

    def action_again(self) -> None:
        """Plan it anew from what is there by now."""
        if self._undertaking.has_begun and not self._undertaking.is_over:
            self.app.say("it is under way: its end comes first")
            return
        self._undertaking = self._undertaking.anew()
        self._plan()
        self.look()

    def action_copy(self) -> None:
        """Copy the commands that do the same."""
        prepared = self._undertaking.prepared
        if prepared is None or isinstance(prepared, Refused):
            self.app.say("there is no command to copy")
        else:
            self.copy("\n".join(prepared.commands), counted(len(prepared.commands), "command"))

    def action_do(self) -> None:
        """Do it; what destroys wants the name typed first."""
        undertaking, prepared = self._undertaking, self._undertaking.prepared
        if prepared is None:
            self.app.say("it is not planned yet")
        elif isinstance(prepared, Refused):
            self.app.say("it is refused: nothing to do")
        elif not undertaking.can_begin:
            self.app.say("it was done: r plans it again")
        elif prepared.plan.loses:
            self._confirm(undertaking, prepared.plan.confirmed_by)
        else:
            self._carry_out(undertaking)

    def _confirm(self, undertaking: Undertaking, name: str) -> None:
        typed: list[str] = []

        async def take(text: str) -> str:
            if text != name:
                return "not done: another name"
            typed.append(text)
            return ""

        def go_on(_: object) -> None:
            if typed:
                self._carry_out(undertaking)

        question = f"type {name}; Esc gives up"
        self.app.push_screen(AskScreen(safe(question), "", take), go_on)

    def _carry_out(self, undertaking: Undertaking) -> None:
        """It belongs to the app, and goes on when this page is closed."""
        app, intent = self.app, undertaking.intent
        app.undertakings[intent.service] = undertaking

        async def go() -> None:
            ended = await undertaking.carry_out()
            if ended is not None and not self.is_current:
                words = views.outcome(f"{intent.verb} {intent.service.name}", ended)
                app.say(words, "information" if ended.state == "done" else "error")
            self.look_if_seen()

        app.run_worker(go(), group="actions")
        self.look()
