"""The Cost screen: by what the money is grouped, over which period, and how that is chosen."""

from __future__ import annotations

import msgspec
import pytest

from conftest import Fleet
from fleet_source import START, key, node, replica, service, traffic
from mtop_tui.observations import Observation

MIDDLE = (120, 40)


def labelled(name: str, **labels: str) -> Observation:
    return msgspec.structs.replace(service(name, gpus=2), labels=labels)


@pytest.fixture
def fleet() -> Fleet:
    """Two services that have been watched for ten minutes."""
    chat, batch = replica(key("chat"), gpus=2), replica(key("batch"), gpus=4)
    there = [
        node("node-0"),
        labelled("chat", team="search", tier="gold"),
        labelled("batch", team="data", **{"a.b/c": "[red]x"}),
        chat,
        batch,
    ]
    begun = [msgspec.structs.replace(one, at=START - 600) for one in there]
    fleet = Fleet(*begun)
    for samples in zip(traffic(chat, 10, seconds=600), traffic(batch, 1, seconds=600), strict=True):
        fleet.provider.emit(*samples)
    return fleet


async def test_any_label_is_chosen_from_a_list(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("dollar_sign", "B")
        await pilot.pause()
        assert "Group cost by" in fleet.text
        offered = [line.split()[0] for line in fleet.lines if "value" in line and "service" in line]
        assert offered == ["team", "a.b/c", "tier"]
        assert "2 values on 2 services" in fleet.text
        await pilot.press("end", "k", "enter")
        await fleet.settle(pilot)
        assert "fleet > cost   by a.b/c   last 1h" in fleet.lines[0]
        assert "[red]x" in fleet.text
        assert "no a.b/c" in fleet.text
        await pilot.press("b")
        await fleet.settle(pilot)
        assert "by service" in fleet.lines[0]


async def test_a_list_that_is_left_changes_nothing(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("dollar_sign", "B", "j", "escape")
        await fleet.settle(pilot)
        assert "fleet > cost   by service" in fleet.lines[0]


async def test_a_period_is_typed_and_what_was_observed_of_it_is_said(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("dollar_sign", "W", "ctrl+u", *"8d", "enter")
        await pilot.pause()
        assert "accounts are kept for 7 days" in fleet.text
        await pilot.press("ctrl+u", *"20h", "enter")
        await fleet.settle(pilot)
        assert "by service   last 20h   0.8% observed" in fleet.lines[0]
        await pilot.press("W", "ctrl+u", *"since 2027-01-15 07:50", "enter")
        await fleet.settle(pilot)
        assert "since 2027-01-15 07:50   " in fleet.lines[0]
        assert "100% observed" in fleet.lines[0]
