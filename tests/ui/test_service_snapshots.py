"""How the Service screen looks, pinned as SVG; every change of these files is looked at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fleet_app import Fleet
from textual.pilot import Pilot

from mtop_tui.config.settings import Settings
from service_source import burning, calm

Compare = Callable[..., bool]
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
FLEETS = {"calm": calm, "burning": burning}

pytestmark = pytest.mark.usefixtures("pinned_snapshots")


def opened(fleet: Fleet, *keys: str) -> Callable[[Pilot[int]], object]:
    async def before(pilot: Pilot[int]) -> None:
        await fleet.settle(pilot)
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()

    return before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", FLEETS)
def test_service(snap_compare: Compare, kind: str, size: str) -> None:
    fleet = Fleet(*FLEETS[kind]())
    assert snap_compare(fleet.app, terminal_size=SIZES[size], run_before=opened(fleet))


def test_service_in_ascii_with_the_cursor(snap_compare: Compare) -> None:
    fleet = Fleet(*burning(), settings=Settings(ascii=True))
    before = opened(fleet, "N", "tab")
    assert snap_compare(fleet.app, terminal_size=SIZES["80x24"], run_before=before)


def test_all_causes(snap_compare: Compare) -> None:
    fleet = Fleet(*burning())
    assert snap_compare(fleet.app, terminal_size=SIZES["80x24"], run_before=opened(fleet, "w"))
