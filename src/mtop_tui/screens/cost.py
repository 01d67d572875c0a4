"""The Cost screen: where the money goes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType

from mtop_tui.commands import COST, bindings
from mtop_tui.observations import ServiceKey
from mtop_tui.screens.table_screen import TableScreen
from mtop_tui.text import safe
from mtop_tui.views import cost, kubectl
from mtop_tui.views.cost import GROUPINGS, SERVICE, CostFacts, CostView, Grouping
from mtop_tui.views.cost_columns import COLUMNS
from mtop_tui.views.cost_period import EXPECTED, PERIODS, PeriodError, period_of
from mtop_tui.views.fleet import Why
from mtop_tui.views.kubectl import Kubectl
from mtop_tui.views.table import Cell


class CostScreen(TableScreen[CostFacts]):
    """Groups that add up to the bill, the dearest first."""

    CRUMB = "cost"
    COLUMNS = COLUMNS
    SORT = "spent"
    EXTRA = COST
    BINDINGS: ClassVar[list[BindingType]] = bindings(COST)

    def __init__(self) -> None:
        super().__init__()
        self._by = SERVICE
        self._period = PERIODS[0]
        self._view = CostView({}, None, 0.0)

    def facts(self, now: float) -> Mapping[Hashable, CostFacts]:
        """The groups chosen, over the period chosen."""
        self._view = cost.costs(self.app.store, now, self._by, self._period.start(now))
        return self._view.rows

    def summary(self, facts: Mapping[Hashable, CostFacts]) -> Sequence[Cell]:  # noqa: ARG002
        """The bill in its parts."""
        return cost.summary(self._view, self._by, self._period.words)

    def say(self, facts: CostFacts) -> Why:
        """What its tokens cost, and what the right size would save."""
        why, saving = cost.explain(facts), self._saving(facts)
        if not saving:
            return why
        return Why(why.chain, Cell(f"{saving}; {why.detail.text}", why.detail.tone))

    def _saving(self, facts: CostFacts) -> str:
        model, key = self.app.serving_model, self.service_of(facts)
        state = None if key is None else self.app.store.service(key)
        if model is None or state is None:
            return ""
        from mtop_tui.domain.capacity.answers import NotKnown  # noqa: PLC0415 - when wanted
        from mtop_tui.views.what_if import right_size, situation  # noqa: PLC0415 - when wanted
        from mtop_tui.views.what_if_lines import saving  # noqa: PLC0415 - when wanted

        at = situation(self.app.store, state, self.app.time())
        if isinstance(at, NotKnown):
            return ""
        sized = right_size(at, at.plan, model)
        return "" if isinstance(sized, NotKnown) else saving(at, sized)

    def nothing(self) -> str:
        """Why there is no account."""
        return "accounts are kept from the first full minute on"

    def service_of(self, facts: CostFacts) -> ServiceKey | None:
        """The service, while each row is one."""
        if self._by != SERVICE:
            return None
        keys = (state.key for state in self.app.store.services())
        named = (facts.namespace, facts.name)
        return next((key for key in keys if (key.namespace, key.name) == named), None)

    def kubectl(self) -> Sequence[Kubectl]:
        """What the bill is made of."""
        key = self.selected_service
        return kubectl.of_cost(key, self.app.store.kind_of(key))

    def action_what_if(self) -> None:
        """Open the what-if of the selected service."""
        from mtop_tui.screens.what_if import WhatIfScreen  # noqa: PLC0415 - on first use

        key, model = self.selected_service, self.app.serving_model
        if key is not None and model is not None:
            self.app.push_screen(WhatIfScreen(key, model))
        elif key is None:
            self.app.say("a what-if is about one service: group by service (b), and select one")

    def action_group(self) -> None:
        """Group by the next thing."""
        place = GROUPINGS.index(self._by) if self._by in GROUPINGS else -1
        self._group_by(GROUPINGS[(place + 1) % len(GROUPINGS)])

    def action_group_by(self) -> None:
        """Offer all there is to group by: labels after what every replica has."""
        from mtop_tui.screens.choose import ChooseScreen  # noqa: PLC0415 - on first use

        keys = cost.label_keys(self.app.store)
        fixed = [one for one in GROUPINGS if not one.is_label]
        there = [*fixed, *(Grouping(key.name, is_label=True) for key in keys)]
        offered = [*((one.name, "") for one in fixed), *map(cost.label_words, keys)]

        def take(place: int | None) -> None:
            if place is not None:
                self._group_by(there[place])

        chosen = there.index(self._by) if self._by in there else 0
        self.app.push_screen(ChooseScreen("Group cost by", offered, chosen), take)

    def _group_by(self, by: Grouping) -> None:
        self._by = by
        self.look()

    def action_period(self) -> None:
        """Look over the next longer period."""
        place = PERIODS.index(self._period) if self._period in PERIODS else -1
        self._period = PERIODS[(place + 1) % len(PERIODS)]
        self.look()

    def action_period_typed(self) -> None:
        """Ask for a period."""
        from mtop_tui.screens.ask import AskScreen  # noqa: PLC0415 - on first use

        async def take(typed: str) -> str:
            try:
                self._period = period_of(typed, self.app.time())
            except PeriodError as error:
                return safe(str(error))
            return ""

        self.app.push_screen(AskScreen(EXPECTED, self._period.words, take))
