"""The namespaces of the fleet: what runs in each, and which ones to show."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType

from mtop_tui.commands import NAMESPACES, bindings
from mtop_tui.screens.table_screen import TableScreen
from mtop_tui.views import kubectl, namespaces
from mtop_tui.views.fleet import Why
from mtop_tui.views.format import counted
from mtop_tui.views.kubectl import Kubectl
from mtop_tui.views.namespaces import NamespaceFacts
from mtop_tui.views.table import Cell


class NamespacesScreen(TableScreen[NamespaceFacts]):
    """Every namespace; those that are chosen are the ones that the fleet shows."""

    CRUMB = "namespaces"
    COLUMNS = namespaces.COLUMNS
    SORT = "name"
    EXTRA = NAMESPACES
    BINDINGS: ClassVar[list[BindingType]] = bindings(NAMESPACES)

    def __init__(self, chosen: Sequence[str], choose: Callable[[tuple[str, ...]], object]) -> None:
        super().__init__()
        self._chosen = frozenset(chosen)
        self._choose = choose

    def facts(self, now: float) -> Mapping[Hashable, NamespaceFacts]:
        """The namespaces there are, and those that were chosen before."""
        return namespaces.namespaces(self.app.store, self._chosen, now)

    def summary(self, facts: Mapping[Hashable, NamespaceFacts]) -> Sequence[Cell]:
        """How many there are, and how many are chosen."""
        shown = f"{len(self._chosen)} chosen" if self._chosen else "all shown"
        return (Cell(counted(len(facts), "namespace")), Cell(shown, "quiet"))

    def say(self, facts: NamespaceFacts) -> Why:
        """What Enter does."""
        words = f"Enter shows {facts.name} alone, Space chooses it beside others, 0 shows all"
        return Why(Cell(words, "quiet"))

    def nothing(self) -> str:
        """Why there is no namespace."""
        return "no services yet, and so no namespaces"

    def kubectl(self) -> Sequence[Kubectl]:
        """The services of what is chosen."""
        return kubectl.of_fleet(sorted(self._chosen), None)

    def action_open(self) -> None:
        """Show what is chosen, or else the selected one alone."""
        if self._chosen or self.selected is not None:
            selected = () if self.selected is None else (self.selected.name,)
            self._take(tuple(sorted(self._chosen)) or selected)

    def action_choose(self) -> None:
        """Choose the selected one, or no longer."""
        if self.selected is not None:
            self._chosen ^= {self.selected.name}
            self.look()

    def action_all(self) -> None:
        """Show all namespaces."""
        self._take(())

    def _take(self, chosen: tuple[str, ...]) -> None:
        self.app.pop_screen()
        self._choose(chosen)
