"""The Cost screen: where the money goes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType

from mtop_tui.commands import COST, bindings
from mtop_tui.observations import ServiceKey
from mtop_tui.screens.table_screen import TableScreen
from mtop_tui.views import cost, kubectl
from mtop_tui.views.cost import GROUPS, PERIODS, CostFacts, CostView
from mtop_tui.views.fleet import Why
from mtop_tui.views.kubectl import Kubectl
from mtop_tui.views.table import Cell


class CostScreen(TableScreen[CostFacts]):
    """Groups that add up to the bill, the dearest first."""

    CRUMB = "cost"
    COLUMNS = cost.COLUMNS
    SORT = "spent"
    EXTRA = COST
    BINDINGS: ClassVar[list[BindingType]] = bindings(COST)

    def __init__(self) -> None:
        super().__init__()
        self._group = GROUPS[0]
        self._period = next(iter(PERIODS))
        self._view = CostView({}, None, 0.0)

    def facts(self, now: float) -> Mapping[Hashable, CostFacts]:
        """The groups chosen, over the period chosen."""
        self._view = cost.costs(self.app.store, now, self._group, PERIODS[self._period])
        return self._view.rows

    def summary(self, facts: Mapping[Hashable, CostFacts]) -> Sequence[Cell]:  # noqa: ARG002
        """The bill in its parts."""
        return cost.summary(self._view, self._group, self._period)

    def say(self, facts: CostFacts) -> Why:
        """What its tokens cost."""
        return cost.explain(facts)

    def nothing(self) -> str:
        """Why there is no account."""
        return "accounts are kept from the first full minute on"

    def service_of(self, facts: CostFacts) -> ServiceKey | None:
        """The service, while each row is one."""
        if self._group != "service":
            return None
        keys = (state.key for state in self.app.store.services())
        named = (facts.namespace, facts.name)
        return next((key for key in keys if (key.namespace, key.name) == named), None)

    def kubectl(self) -> Sequence[Kubectl]:
        """What the bill is made of."""
        return kubectl.of_cost(self.selected_service)

    def action_group(self) -> None:
        """Group by the next thing."""
        self._group = GROUPS[(GROUPS.index(self._group) + 1) % len(GROUPS)]
        self.look()

    def action_period(self) -> None:
        """Look over the next longer period."""
        periods = list(PERIODS)
        self._period = periods[(periods.index(self._period) + 1) % len(periods)]
        self.look()
