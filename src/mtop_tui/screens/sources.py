"""The Sources screen: can I trust this, and what else is there to watch."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from mtop_tui.commands import SOURCES, bindings
from mtop_tui.screens.table_screen import TableScreen
from mtop_tui.text import safe
from mtop_tui.views import kubectl, sources
from mtop_tui.views.fleet import Why
from mtop_tui.views.kubectl import Kubectl
from mtop_tui.views.sources import SourceChoice, SourceFacts
from mtop_tui.views.table import Cell

if TYPE_CHECKING:
    from mtop_tui.widgets.prompt_bar import PromptBar


class SourcesScreen(TableScreen[SourceFacts]):
    """Every source with its health, and those that could be watched instead."""

    CRUMB = "sources"
    COLUMNS = sources.COLUMNS
    SORT = "kind"
    TALL = 0
    EXTRA = SOURCES
    BINDINGS: ClassVar[list[BindingType]] = bindings(SOURCES)

    def __init__(self) -> None:
        super().__init__()
        self._choices: Sequence[SourceChoice] = ()
        self._prompt: PromptBar | None = None
        self._wanted: SourceChoice | None = None
        self._problems: tuple[str, ...] = ()

    def on_mount(self) -> None:
        """Ask what else there is; to read that may take a while."""
        self.run_worker(self._ask_for_choices(), group="choices")

    async def _ask_for_choices(self) -> None:
        self._choices = await self.app.switch.choices()
        self.look_if_seen()

    def facts(self, now: float) -> Mapping[Hashable, SourceFacts]:
        """All that have said anything, and all others there are."""
        return sources.sources(self.app.store, now, self._choices)

    def summary(self, facts: Mapping[Hashable, SourceFacts]) -> Sequence[Cell]:
        """How many of them are live, and what is being opened."""
        name = self.app.switch.opening
        opening = (Cell(safe(f"opening {name}"), "warn"),) if name else ()
        return (*opening, *sources.summary(facts.values()))

    def say(self, facts: SourceFacts) -> Why:
        """What it says of itself; or why what was wanted could not be opened."""
        return sources.refused(self._problems) if self._problems else sources.explain(facts)

    def refuse(self, problems: Sequence[str]) -> None:
        """Say why what was wanted could not be opened, until something else is wanted."""
        self._problems = tuple(problems)
        self.look()

    def nothing(self) -> str:
        """Why there is no source."""
        return "no source has said anything yet"

    def kubectl(self) -> Sequence[Kubectl]:
        """Whether the cluster answers, and what one may read."""
        return kubectl.of_sources(self.app.settings.namespaces)

    # Another source

    async def action_choose(self) -> None:
        """Open the line in which the selected source is asked for."""
        from mtop_tui.widgets.prompt_bar import PromptBar  # noqa: PLC0415 - Input is 10 ms

        choice = None if self.selected is None else self.selected.choice
        if choice is None:
            others = "choose another" if self._choices else "there is no other"
            self.app.say(f"this source is watched already: {others}")
        if choice is None or self._prompt is not None:
            return
        self._wanted = choice
        self._prompt = PromptBar("source", choice.line, f"{choice.name}, or the path of a recipe")
        await self.mount(self._prompt, after=self.why)
        self.set_focus(self._prompt)  # at once: the next key is for it

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter is for the line while it is open, and for the filter."""
        if action == "choose":
            return self.focused is self.table
        return super().check_action(action, parameters)

    async def action_answer(self, take: bool) -> None:
        """Open what was asked for, or give it up; what cannot be opened stays to be mended."""
        from mtop_tui.providers.opening import RequestError, request_of  # noqa: PLC0415 - when asked

        prompt, choice = self._prompt, self._wanted
        if prompt is None or choice is None:
            return
        await prompt.catch_up()
        self._complaint, self._problems = "", ()
        if not take:
            self._prompt = None
            self.set_focus(self.table)
            prompt.remove()
        else:
            try:
                self.app.switch.open(request_of(choice, prompt.value))
            except RequestError as error:
                self._complaint = safe(str(error))
        self.look()
