"""How the Rollout screen looks, pinned as SVG; every change of these files is looked at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fleet_app import Fleet
from textual.pilot import Pilot

from mtop_tui.config.settings import Settings
from mtop_tui.observations import Observation
from rollout_source import canary, rolling, tell

Compare = Callable[..., bool]
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
FLEETS: dict[str, Callable[[], list[Observation]]] = {"canary": canary, "rolling": rolling}

pytestmark = pytest.mark.usefixtures("pinned_snapshots")


def opened(fleet: Fleet, *keys: str) -> Callable[[Pilot[int]], object]:
    async def before(pilot: Pilot[int]) -> None:
        await fleet.settle(pilot)
        await pilot.press("r")
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()

    return before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", FLEETS)
def test_rollout(snap_compare: Compare, kind: str, size: str) -> None:
    fleet = Fleet()
    tell(fleet.store, FLEETS[kind]())
    assert snap_compare(fleet.app, terminal_size=SIZES[size], run_before=opened(fleet))


def test_playback_in_ascii(snap_compare: Compare) -> None:
    fleet = Fleet(settings=Settings(ascii=True))
    tell(fleet.store, canary())
    before = opened(fleet, "N", "N")
    assert snap_compare(fleet.app, terminal_size=SIZES["80x24"], run_before=before)
