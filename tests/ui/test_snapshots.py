"""How the screens look, pinned as SVG; every change of these files is looked at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fleet_app import Fleet, typical_fleet
from textual.pilot import Pilot
from troubles import down, xid

from mtop_tui.config.settings import Settings

Compare = Callable[..., bool]
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}

pytestmark = pytest.mark.usefixtures("pinned_snapshots")


def arranged(fleet: Fleet, *keys: str) -> Callable[[Pilot[int]], object]:
    async def before(pilot: Pilot[int]) -> None:
        await fleet.settle(pilot)
        await pilot.press(*keys)
        await pilot.pause()

    return before


@pytest.mark.parametrize("size", SIZES)
def test_fleet(snap_compare: Compare, size: str) -> None:
    fleet = Fleet(*typical_fleet())
    assert snap_compare(fleet.app, terminal_size=SIZES[size], run_before=arranged(fleet))


def test_fleet_without_services(snap_compare: Compare) -> None:
    fleet = Fleet()
    assert snap_compare(fleet.app, terminal_size=SIZES["80x24"], run_before=arranged(fleet))


def test_fleet_sorted_and_filtered(snap_compare: Compare) -> None:
    fleet = Fleet(*typical_fleet())
    before = arranged(fleet, "s", "s", "s", "j", "slash", *"prod")
    assert snap_compare(fleet.app, terminal_size=SIZES["120x40"], run_before=before)


def test_help(snap_compare: Compare) -> None:
    fleet = Fleet(*typical_fleet())
    before = arranged(fleet, "question_mark")
    assert snap_compare(fleet.app, terminal_size=SIZES["120x40"], run_before=before)


def test_fleet_in_the_light_theme(snap_compare: Compare) -> None:
    fleet = Fleet(*typical_fleet(), settings=Settings(theme="mtop-light"))
    assert snap_compare(fleet.app, terminal_size=SIZES["120x40"], run_before=arranged(fleet))


def test_fleet_in_ascii(snap_compare: Compare) -> None:
    fleet = Fleet(*typical_fleet(), settings=Settings(ascii=True))
    assert snap_compare(fleet.app, terminal_size=SIZES["80x24"], run_before=arranged(fleet))


def alerting(fleet: Fleet) -> Callable[[Pilot[int]], object]:
    """Alerts that page, wait, are acknowledged, pend and are over."""

    async def before(pilot: Pilot[int]) -> None:
        await fleet.settle(pilot)
        fleet.clock.advance(10)
        now = fleet.clock.now()
        await fleet.emit(
            pilot,
            down("falcon-40b", "staging", now - 7200, at=now),
            down("mixtral-8x7b", "staging", now - 100, at=now),
            down("phi-4", "development", now - 900, at=now),
            xid("granite-3-8b", 79, at=now),
            xid("gpt-oss-120b", 48, at=now),
        )
        await pilot.press("a", "j", "A", "g")
        fleet.clock.advance(10)
        await fleet.emit(pilot, xid("gpt-oss-120b", 0, at=now + 10))

    return before


@pytest.mark.parametrize("size", SIZES)
def test_alerts(snap_compare: Compare, size: str) -> None:
    fleet = Fleet(*typical_fleet())
    assert snap_compare(fleet.app, terminal_size=SIZES[size], run_before=alerting(fleet))


def test_alerts_for_the_colour_blind(snap_compare: Compare) -> None:
    fleet = Fleet(*typical_fleet(), settings=Settings(theme="mtop-colour-blind"))
    assert snap_compare(fleet.app, terminal_size=SIZES["120x40"], run_before=alerting(fleet))
