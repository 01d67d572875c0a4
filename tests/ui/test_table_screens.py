"""The fleet's other tables: what a user reads on them, and how one gets there and back."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from fleet_app import Fleet

from fleet_source import START, health, key, replica, sample, service
from mtop_tui.commands import ALERTS, APP, COST, MOVE, TABLE, VIEWS, Command
from mtop_tui.observations import KubeEvent, ObjectRef

MIDDLE = (120, 40)


def line_with(fleet: Fleet, text: str) -> str:
    return next(line for line in fleet.lines[2:] if text in line)


def said(name: str, at: float, reason: str, message: str, *, count: int = 1) -> KubeEvent:
    return KubeEvent(
        at=at,
        ref=ObjectRef("test", "production", "Event", f"{name}-{reason}"),
        involved=ObjectRef("test", "production", "Pod", name),
        severity="Warning" if reason.startswith("Failed") else "Normal",
        reason=reason,
        message=message,
        count=count,
        first_at=at - 300,
    )


async def test_events_stand_newest_first_and_say_their_message(fleet: Fleet) -> None:
    fleet.provider.emit(
        said("chat-0", START - 600, "Scheduled", "assigned to node-0"),
        said("chat-1", START - 20, "FailedScheduling", "0/2 nodes are available", count=7),
    )
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("e")
        await fleet.settle(pilot)
        assert "fleet > events" in fleet.lines[0]
        assert "1 warning" in fleet.lines[0]
        rows = [line for line in fleet.lines if "pod/chat-" in line]
        assert "FailedScheduling" in rows[0]
        assert " 20s " in rows[0]
        assert "Scheduled" in rows[1]
        assert "7 times within 5m" in fleet.text


async def test_a_filter_narrows_and_escape_leads_back_to_the_same_row(fleet: Fleet) -> None:
    fleet.provider.emit(
        said("chat-0", START - 600, "Scheduled", "assigned"),
        said("chat-1", START - 20, "FailedMount", "no such volume"),
    )
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("j", "j")
        before = fleet.screen.table.selected
        await pilot.press("e", "slash", *"volume", "enter")
        await fleet.settle(pilot)
        assert "/volume  1 shown" in fleet.lines[0]
        assert "pod/chat-0" not in fleet.text
        await pilot.press("escape")
        await fleet.settle(pilot)
        assert "pod/chat-0" in fleet.text
        await pilot.press("escape")
        await fleet.settle(pilot)
        assert fleet.screen.table.selected == before


async def test_without_events_it_is_said_so(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("e")
        await fleet.settle(pilot)
        assert "no events yet" in fleet.text


async def test_a_source_says_how_far_it_can_be_trusted(fleet: Fleet) -> None:
    fleet.provider.emit(
        health(state="forbidden", detail="pods: not allowed", errors=3, forbidden=("pods", "nodes"))
    )
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("v")
        await fleet.settle(pilot)
        assert "0/1 live" in fleet.lines[0]
        line = line_with(fleet, "scripted")
        assert "forbidden" in line
        assert "pods: not allowed" in fleet.text
        assert "may not read: pods, nodes" in fleet.text


async def test_an_objective_says_when_its_budget_ends(fleet: Fleet) -> None:
    promised = msgspec.structs.replace(
        service("chat"), annotations={"mtop.dev/slo": "availability@99%/7d"}, created_at=START - 1e6
    )
    one = replica(key("chat"))
    failing = [
        sample(one, START - 600 + t, requests=9 * t, failed=t, tokens=900 * t)
        for t in range(0, 601, 10)
    ]
    fleet.provider.emit(promised, one, *failing)
    async with fleet.app.run_test(size=(160, 40)) as pilot:
        await fleet.settle(pilot)
        await pilot.press("o")
        await fleet.settle(pilot)
        assert "1 paging" in fleet.lines[0]
        line = line_with(fleet, "availability@99%/7d")
        assert "90.00%" in line
        assert "page" in line
        assert "at this pace the budget ends" in fleet.text
        assert "from annotation mtop.dev/slo" in fleet.text


async def test_without_objectives_it_is_said_how_to_state_them(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("o")
        await fleet.settle(pilot)
        assert "objectives" in fleet.lines[0]
        assert "objectives are counted once a minute has passed" in fleet.text or (
            "state them with --slo FILE" in fleet.text
        )


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (1, 1), (200, 60)])
@pytest.mark.parametrize("name", ["o", "e", "v"])
async def test_every_table_bears_every_size(fleet: Fleet, size: tuple[int, int], name: str) -> None:
    fleet.provider.emit(said("chat-0", START, "Scheduled", "assigned"))
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press(name)
        await pilot.resize_terminal(*size)
        await fleet.settle(pilot)
        await pilot.press("s", "R", "j", "k", "question_mark", "escape", "escape")
        await fleet.settle(pilot)
        assert fleet.app.screen.__class__.__name__ == "FleetScreen"


async def test_one_view_leads_to_another_and_back_to_the_fleet(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("o", "e", "v", "v")
        await fleet.settle(pilot)
        assert "fleet > sources" in fleet.lines[0]
        await pilot.press("escape")
        await fleet.settle(pilot)
        assert fleet.app.screen.__class__.__name__ == "FleetScreen"


async def test_cost_is_grouped_and_adds_up(fleet: Fleet) -> None:
    one = replica(key("granite-3-8b"), gpus=2)
    later = [
        sample(one, START + t, requests=61 * t, tokens=6100 * t, running=12)
        for t in range(0, 601, 10)
    ]
    for record in later:
        fleet.provider.emit(record)
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        fleet.clock.advance(600)
        await pilot.press("dollar_sign")
        await fleet.settle(pilot)
        assert "fleet > cost   by service   last 1h" in fleet.lines[0]
        assert "(nodes, idle)" in fleet.text
        assert "granite-3-8b" in fleet.text
        await pilot.press("b", "w")
        await fleet.settle(pilot)
        assert "by namespace   last 6h" in fleet.lines[0]
        assert line_with(fleet, "production")


async def test_events_are_compared_by_age_and_count(fleet: Fleet) -> None:
    fleet.provider.emit(
        said("chat-0", START - 600, "Scheduled", "assigned"),
        said("chat-1", START - 20, "FailedMount", "no such volume", count=9),
    )
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("e", "slash", *"age<5m and count>=5", "enter")
        await fleet.settle(pilot)
        assert "pod/chat-1" in fleet.text
        assert "pod/chat-0" not in fleet.text


@pytest.mark.parametrize("extra", [ALERTS, COST], ids=["alerts", "cost"])
def test_no_key_of_a_table_means_two_things(extra: Sequence[Command]) -> None:
    declared = (*MOVE, *TABLE, *extra, *VIEWS, *APP)
    keys = [key for command in declared for key in command.keys.split(",")]
    assert [key for key in keys if keys.count(key) > 1] == []
