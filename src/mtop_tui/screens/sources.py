"""The Sources screen: can I trust this."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from mtop_tui.screens.table_screen import TableScreen
from mtop_tui.views import kubectl, sources
from mtop_tui.views.fleet import Why
from mtop_tui.views.kubectl import Kubectl
from mtop_tui.views.sources import SourceFacts
from mtop_tui.views.table import Cell


class SourcesScreen(TableScreen[SourceFacts]):
    """Every source with its health."""

    CRUMB = "sources"
    COLUMNS = sources.COLUMNS
    SORT = "name"

    def facts(self, now: float) -> Mapping[Hashable, SourceFacts]:
        """All that have said anything."""
        return sources.sources(self.app.store, now)

    def summary(self, facts: Mapping[Hashable, SourceFacts]) -> Sequence[Cell]:
        """How many of them are live."""
        live = sum(one.health.state == "live" for one in facts.values())
        return (Cell(f"{live}/{len(facts)} live", "normal" if live == len(facts) else "warn"),)

    def say(self, facts: SourceFacts) -> Why:
        """What it says of itself."""
        return sources.explain(facts)

    def nothing(self) -> str:
        """Why there is no source."""
        return "no source has said anything yet"

    def kubectl(self) -> Sequence[Kubectl]:
        """Whether the cluster answers, and what one may read."""
        return kubectl.of_sources(self.app.settings.namespaces)
