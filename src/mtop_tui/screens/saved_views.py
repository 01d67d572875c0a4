"""The saved views of the fleet: to go to one, to save what is shown, to remove one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual.binding import BindingType

from mtop_tui.commands import SAVED_VIEWS, bindings
from mtop_tui.config.saved_views import read_views, save_view, views_file
from mtop_tui.config.settings import SettingsError
from mtop_tui.screens.ask import AskScreen
from mtop_tui.screens.table_screen import TableScreen
from mtop_tui.text import safe
from mtop_tui.views.fleet import FleetQuery, Why
from mtop_tui.views.format import counted
from mtop_tui.views.table import Cell, Column


class SavedView(NamedTuple):
    """A view and its name."""

    name: str
    query: FleetQuery

    @property
    def order(self) -> str:
        """As it is written in a setting."""
        return f"{'-' if self.query.reversed else ''}{self.query.sort}"


def _words(
    identity: str, title: str, words: str, width: int, text: Callable[[SavedView], str]
) -> Column[SavedView]:
    return Column(
        identity,
        title,
        words,
        width,
        0 if identity == "name" else 1,
        lambda one: Cell(safe(text(one))),
        lambda one: text(one).lower(),
        right=False,
        grows=True,
        largest_first=False,
    )


COLUMNS: tuple[Column[SavedView], ...] = (
    _words("name", "VIEW", "Its name", 12, lambda one: one.name),
    _words("filter", "FILTER", "What services must be like", 12, lambda one: one.query.filter),
    _words("sort", "SORT", "Column that orders them", 8, lambda one: one.order),
    _words("group", "GROUP", "What they are grouped by", 9, lambda one: one.query.group),
    _words(
        "namespaces",
        "NAMESPACES",
        "Those that are shown",
        10,
        lambda one: ",".join(one.query.namespaces),
    ),
    _words(
        "columns", "COLUMNS", "Those that are shown", 10, lambda one: ",".join(one.query.columns)
    ),
)


class SavedViewsScreen(TableScreen[SavedView]):
    """Views in the file that mtop keeps; `choose` gets the one to go to."""

    CRUMB = "views"
    COLUMNS = COLUMNS
    SORT = "name"
    EXTRA = SAVED_VIEWS
    BINDINGS: ClassVar[list[BindingType]] = bindings(SAVED_VIEWS)

    def __init__(self, present: FleetQuery, choose: Callable[[FleetQuery], object]) -> None:
        super().__init__()
        self._present = present
        self._choose = choose
        self._views: Mapping[str, FleetQuery] = {}
        self._problem = ""

    def on_mount(self) -> None:
        """Read the file."""
        try:
            self._views = read_views(views_file())
        except SettingsError as error:
            self._problem = safe(error.problems[0])

    def facts(self, now: float) -> Mapping[Hashable, SavedView]:  # noqa: ARG002 - they stand
        """The views."""
        return {name: SavedView(name, query) for name, query in self._views.items()}

    def summary(self, facts: Mapping[Hashable, SavedView]) -> Sequence[Cell]:
        """How many there are, and where."""
        return (Cell(counted(len(facts), "view")), Cell(safe(f"{views_file()}"), "quiet"))

    def say(self, facts: SavedView) -> Why:
        """What Enter does."""
        return Why(Cell(safe(f"Enter shows the fleet as {facts.name}"), "quiet"))

    def nothing(self) -> str:
        """Why there is no view."""
        return self._problem or "no views yet: a saves what the fleet shows under a name"

    def action_open(self) -> None:
        """Show the fleet so."""
        if self.selected is not None:
            query = self.selected.query
            self.app.pop_screen()
            self._choose(query)

    def action_add(self) -> None:
        """Save what the fleet shows."""
        question = "a name for what the fleet shows now; one that is there is replaced"
        self.app.push_screen(AskScreen(question, "", self._save))

    def action_remove(self) -> None:
        """Remove the selected view, when that is confirmed."""
        if self.selected is None:
            return
        name = self.selected.name

        async def take(_typed: str) -> str:
            return await self._change(name, None)

        question = safe(f"Enter removes the view {name} from the file, Esc keeps it")
        self.app.push_screen(AskScreen(question, "", take))

    async def _save(self, name: str) -> str:
        return await self._change(name, self._present)

    async def _change(self, name: str, query: FleetQuery | None) -> str:
        """Change the file; returns what is wrong."""
        try:
            self._views = await asyncio.to_thread(save_view, views_file(), name, query)
        except SettingsError as error:
            return safe(f"{error.problems[0]}; nothing was written")
        except OSError as error:
            return safe(f"{views_file()}: {error.strerror}; nothing was written")
        except ValueError as error:
            return safe(f"{error}")
        self._problem = ""
        self.app.say(f"{'removed' if query is None else 'saved'} {name}")
        return ""
