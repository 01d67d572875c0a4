"""The what-if: one service with other replicas, or on another GPU."""

from __future__ import annotations

from typing import ClassVar

from textual import getters
from textual.app import ComposeResult
from textual.binding import BindingType

from mtop_tui.commands import APP, MOVE, VIEWS, WHAT_IF, bindings
from mtop_tui.domain.capacity.answers import NotKnown
from mtop_tui.domain.capacity.forecast import ServingModel
from mtop_tui.observations import ServiceKey
from mtop_tui.screens.looking import LookingScreen
from mtop_tui.text import safe
from mtop_tui.views.table import Cell
from mtop_tui.views.what_if import (
    MOST_GPUS,
    MOST_REPLICAS,
    Plan,
    Situation,
    change,
    right_size,
    situation,
)
from mtop_tui.views.what_if_lines import lines
from mtop_tui.widgets.key_bar import KeyBar
from mtop_tui.widgets.lines_view import LinesView
from mtop_tui.widgets.title_bar import TitleBar


class WhatIfScreen(LookingScreen):
    """Now, then and the difference; keys change the plan, and nothing else."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(WHAT_IF)
    BINDING_GROUP_TITLE = "What if"
    COMMANDS_SHOWN = (*MOVE, *WHAT_IF, *VIEWS, *APP)

    page = getters.query_one(LinesView)

    def __init__(self, key: ServiceKey, model: ServingModel) -> None:
        super().__init__()
        self._key = key
        self._model = model
        self._at: Situation | NotKnown = NotKnown("it was not looked at yet")
        self._plan: Plan | None = None

    def compose(self) -> ComposeResult:
        """Title, lines, key bar."""
        yield TitleBar()
        yield LinesView()
        yield KeyBar((*WHAT_IF, *APP))

    def on_mount(self) -> None:
        """The keys go to the lines."""
        self.page.focus()

    def look(self) -> None:
        """Reckon again from what is there now, and repaint what differs."""
        name = f"{self._key.namespace}/{self._key.name}"
        self.show_title(("cost", name, "what if"))
        self.page.show(self._lines(max(self.page.size.width - 1, 1)))

    def _lines(self, width: int) -> list[tuple[Cell, ...]]:
        store = self.app.store
        state = store.service(self._key)
        if state is None:
            return [(Cell(" this service is no longer there", "warn"),)]
        at = self._at = situation(store, state, self.app.time())
        if isinstance(at, NotKnown):
            return [(Cell(safe(f" no what-if: {at.reason}"), "warn"),)]
        plan = self._plan or at.plan
        sized = right_size(at, plan, self._model)
        return list(lines(at, change(at, plan, self._model), sized, width))

    # The plan

    def action_replicas(self, more: int) -> None:
        """Plan more or fewer replicas."""
        if (plan := self._present) is not None:
            replicas = min(max(plan.replicas + more, 1), MOST_REPLICAS)
            self._show_plan(plan._replace(replicas=replicas))

    def action_gpu(self, step: int) -> None:
        """Plan with the next GPU type that nodes here have."""
        plan, at = self._present, self._at
        if plan is not None and not isinstance(at, NotKnown):
            types = sorted({*at.free, *at.usd_per_gpu, at.plan.gpu})
            place = types.index(plan.gpu) if plan.gpu in types else -step
            self._show_plan(plan._replace(gpu=types[(place + step) % len(types)]))

    def action_gpus(self, times: float) -> None:
        """Plan with twice or half as many GPUs for each replica."""
        if (plan := self._present) is not None:
            self._show_plan(plan._replace(gpus=min(max(int(plan.gpus * times), 1), MOST_GPUS)))

    def action_as_now(self) -> None:
        """Go back to what there is."""
        self._show_plan(None)

    @property
    def _present(self) -> Plan | None:
        at = self._at
        return self._plan or (None if isinstance(at, NotKnown) else at.plan)

    def _show_plan(self, plan: Plan | None) -> None:
        self._plan = plan
        self.look()
