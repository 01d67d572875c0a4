"""The kubectl commands that show what a screen shows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from mtop_tui.screens.table_screen import TableScreen
from mtop_tui.text import safe
from mtop_tui.views.fleet import Why
from mtop_tui.views.format import counted
from mtop_tui.views.kubectl import Kubectl
from mtop_tui.views.table import Cell, Column


class Listed(NamedTuple):
    """A command, and which one it is."""

    number: int
    kubectl: Kubectl


COLUMNS: tuple[Column[Listed], ...] = (
    Column(
        "number",
        "#",
        "The order in which one would type them",
        2,
        2,
        lambda one: Cell(f"{one.number}", "quiet"),
        lambda one: float(one.number),
        largest_first=False,
    ),
    Column(
        "shows",
        "SHOWS",
        "What one sees",
        22,
        1,
        lambda one: Cell(one.kubectl.shows),
        lambda one: one.kubectl.shows,
        right=False,
        grows=True,
        largest_first=False,
    ),
    Column(
        "command",
        "COMMAND",
        "What one types",
        20,
        0,
        lambda one: Cell(safe(one.kubectl.command)),
        lambda one: one.kubectl.command,
        right=False,
        grows=True,
        largest_first=False,
    ),
)


class KubectlScreen(TableScreen[Listed]):
    """Commands in the order in which one would type them; the selected one stands in full below."""

    CRUMB = "kubectl"
    COLUMNS = COLUMNS
    SORT = "number"

    def __init__(self, commands: Sequence[Kubectl]) -> None:
        super().__init__()
        self._listed: Mapping[Hashable, Listed] = {
            number: Listed(number, one) for number, one in enumerate(commands, 1)
        }

    def on_mount(self) -> None:
        """It is the command that one wants to copy."""
        self.table.mark("command")

    def facts(self, now: float) -> Mapping[Hashable, Listed]:  # noqa: ARG002 - they stand still
        """The commands."""
        return self._listed

    def summary(self, facts: Mapping[Hashable, Listed]) -> Sequence[Cell]:
        """How many there are."""
        return (Cell(counted(len(facts), "command")), Cell("all of them only read", "quiet"))

    def say(self, facts: Listed) -> Why:
        """The whole command."""
        return Why(Cell(safe(facts.kubectl.command)))

    def nothing(self) -> str:
        """Why there is no command."""
        return "kubectl has nothing like this screen"
