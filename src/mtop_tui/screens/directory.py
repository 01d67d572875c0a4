"""The fleet's other screens by name; each is imported when it is first opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mtop_tui.screens.table_screen import TableScreen


def _alerts() -> TableScreen[Any]:
    from mtop_tui.screens.alerts import AlertsScreen  # noqa: PLC0415 - when first opened

    return AlertsScreen()


def _cost() -> TableScreen[Any]:
    from mtop_tui.screens.cost import CostScreen  # noqa: PLC0415 - when first opened

    return CostScreen()


def _events() -> TableScreen[Any]:
    from mtop_tui.screens.events import EventsScreen  # noqa: PLC0415 - when first opened

    return EventsScreen()


def _objectives() -> TableScreen[Any]:
    from mtop_tui.screens.slo import SloScreen  # noqa: PLC0415 - when first opened

    return SloScreen()


def _sources() -> TableScreen[Any]:
    from mtop_tui.screens.sources import SourcesScreen  # noqa: PLC0415 - when first opened

    return SourcesScreen()


SCREENS: Final[dict[str, Callable[[], TableScreen[Any]]]] = {
    "alerts": _alerts,
    "cost": _cost,
    "events": _events,
    "objectives": _objectives,
    "sources": _sources,
}
