"""The Alerts screen, and how many alerts the other screens say there are."""

from __future__ import annotations

import pytest
from fleet_app import Fleet, typical_fleet
from textual.pilot import Pilot
from troubles import down, xid

from fleet_source import START, health, service
from mtop_tui.screens.alerts import AlertsScreen
from mtop_tui.screens.fleet import FleetScreen
from mtop_tui.screens.service import ServiceScreen

MIDDLE = (120, 40)
NARROW = (80, 24)


async def begin(fleet: Fleet, pilot: Pilot[int], *more: object) -> None:
    """Show the first picture, from which on alerts are looked for, then let time pass."""
    await fleet.settle(pilot)
    await pass_time(fleet, pilot, 10, *more)


async def pass_time(fleet: Fleet, pilot: Pilot[int], seconds: float, *more: object) -> None:
    fleet.clock.advance(seconds)
    await fleet.emit(pilot, *more, health(fleet.clock.now()))  # type: ignore[arg-type]


async def test_alerts_say_what_is_wrong_and_the_most_urgent_stands_first(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=(160, 40)) as pilot:
        await begin(
            fleet,
            pilot,
            xid("granite-3-8b", 79, START + 10),
            down("falcon-40b", "staging", START - 7200),
            down("mixtral-8x7b", "staging", START - 100),
        )
        await pilot.press("a")
        await fleet.settle(pilot)
        assert "fleet > alerts   2 firing   1 paging   0 acknowledged   1 pending" in fleet.lines[0]
        assert fleet.lines[0].endswith("2 alerts   08:00:10")
        page, ticket, pending = fleet.lines[2:5]
        assert page.startswith(">! page    firing    1h55 06:05:00  falcon-40b            staging")
        assert "not ready: no GPU" in page
        assert ticket.startswith(" ! ticket  firing      0s 08:00:10  granite-3-8b ")
        assert "  production  xid  " in ticket
        assert "GPU error XID 79 on node-1" in ticket
        assert pending.startswith(" ~ page    pending   1m50 07:58:20  mixtral-8x7b")
        assert "not ready: loading 3m22/10m" in pending
        assert "rule not-ready: page when the condition Ready is False for 5m" in fleet.text
        assert "firing since 06:05:00" in fleet.text


async def test_an_alert_is_acknowledged_until_it_changes(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await begin(fleet, pilot, xid("granite-3-8b", 79, START + 10))
        assert fleet.lines[0].endswith("1 alert   08:00:10")
        await pilot.press("a", "A")
        await fleet.settle(pilot)
        assert "1 firing   0 paging   1 acknowledged" in fleet.lines[0]
        assert "alert " not in fleet.lines[0]
        assert "08:00:10  GPU error" in fleet.lines[2]
        assert "acknowledged 08:00:10, until it changes" in fleet.text
        await pilot.press("A")
        await fleet.settle(pilot)
        assert fleet.lines[0].endswith("1 alert   08:00:10")
        await pilot.press("A")
        await pass_time(fleet, pilot, 10, xid("granite-3-8b", 0, START + 20))
        line = next(line for line in fleet.lines if "granite-3-8b" in line)
        assert "resolved" in line
        assert "over after 10s: the GPU driver" in line
        await pass_time(fleet, pilot, 10, xid("granite-3-8b", 31, START + 30))
        assert fleet.lines[0].endswith("1 alert   08:00:30")
        assert "fired 1 time before within 20s" in fleet.text


async def test_all_that_the_filter_leaves_are_acknowledged_at_once(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await begin(
            fleet,
            pilot,
            xid("granite-3-8b", 79, START + 10),
            xid("qwen2-5-7b", 48, START + 10),
            down("falcon-40b", "staging", START - 7200),
        )
        await pilot.press("a", "slash", *"severity=page", "enter", "ctrl+a")
        await fleet.settle(pilot)
        assert fleet.lines[0].endswith("2 alerts   08:00:10")
        await pilot.press("escape", "ctrl+a")
        await fleet.settle(pilot)
        assert "3 acknowledged" in fleet.lines[0]
        assert " alert" not in fleet.lines[0].split("acknowledged")[1]


async def test_enter_opens_the_service_and_escape_leads_back(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await begin(fleet, pilot, down("falcon-40b", "staging", START - 7200))
        await pilot.press("a", "enter")
        await fleet.settle(pilot)
        assert isinstance(fleet.app.screen, ServiceScreen)
        assert "staging/falcon-40b" in fleet.lines[0]
        assert fleet.lines[0].endswith("1 alert   08:00:10")
        await pilot.press("escape")
        assert isinstance(fleet.app.screen, AlertsScreen)
        await pilot.press("escape")
        assert isinstance(fleet.app.screen, FleetScreen)


async def test_a_silent_source_fires_and_its_alert_opens_the_sources(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await begin(fleet, pilot)
        for _ in range(14):
            fleet.clock.advance(10)
            fleet.app.alarm.look()
        await fleet.settle(pilot)
        assert fleet.lines[0].endswith("1 alert   08:02:30")
        await pilot.press("a")
        await fleet.settle(pilot)
        assert "scripted" in fleet.lines[2]
        assert "not heard of for 2m20" in fleet.lines[2]
        await pilot.press("enter")
        await fleet.settle(pilot)
        assert "fleet > sources" in fleet.lines[0]


async def test_without_alerts_it_is_said_so_and_nothing_is_counted() -> None:
    fleet = Fleet(health(), service("chat"))
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await begin(fleet, pilot)
        fleet.app.alarm.look()
        await pilot.press("a")
        await fleet.settle(pilot)
        assert fleet.lines[0].count("alert") == 1
        assert "no alerts: no rule is exceeded" in fleet.text


async def test_before_the_fleet_is_known_it_is_said_so() -> None:
    fleet = Fleet()
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await pilot.press("a", "A", "ctrl+a", "enter")
        await fleet.settle(pilot)
        assert "connecting: no source has said anything yet" in fleet.text


async def test_at_eighty_columns_nothing_is_crowded_out(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.settle(pilot)
        totals = fleet.lines[1]
        await pass_time(fleet, pilot, 10, down("falcon-40b", "staging", START - 7200))
        assert fleet.lines[0].startswith(" mtop  fleet   scripted  live")
        assert fleet.lines[0].endswith("1 alert   08:00:10")
        assert fleet.lines[1] == totals
        await pilot.press("a")
        await fleet.settle(pilot)
        assert "page    firing    1h55  falcon-40b" in fleet.lines[2]
        assert "not ready: no GPU" in fleet.lines[2]


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (1, 1), (200, 60)])
async def test_the_screen_bears_every_size(size: tuple[int, int]) -> None:
    fleet = Fleet(*typical_fleet())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await begin(fleet, pilot, down("falcon-40b", "staging", START - 7200))
        await pilot.press("a")
        await pilot.resize_terminal(*size)
        await fleet.settle(pilot)
        await pilot.press("s", "r", "j", "A", "A", "ctrl+a", "question_mark", "escape", "escape")
        await fleet.settle(pilot)
        assert isinstance(fleet.app.screen, FleetScreen)
