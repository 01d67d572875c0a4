"""Number keys lead to what burns or fails."""

from __future__ import annotations

import msgspec
from fleet_app import Fleet, typical_fleet

from fleet_source import START, health, key, replica, sample, service
from mtop_tui.observations import Observation

MIDDLE = (120, 40)


def burning(name: str) -> list[Observation]:
    """A ready service whose requests fail, against what is promised of it."""
    promised = msgspec.structs.replace(
        service(name, at=START - 700), annotations={"mtop.dev/slo": "availability@99%/7d"}
    )
    one = replica(key(name), at=START - 700)
    failing = [
        sample(one, START - 600 + t, requests=9 * t, failed=t, tokens=900 * t)
        for t in range(0, 601, 10)
    ]
    return [promised, one, *failing]


async def test_digits_select_the_services_that_burn_or_fail_in_the_order_of_the_table() -> None:
    fleet = Fleet(*typical_fleet(), *burning("chat"))
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        assert "SLO burning" in fleet.line("chat")
        await pilot.press("G", "1")
        assert fleet.screen.table.selected == key("falcon-40b", "staging")
        await pilot.press("2")
        assert fleet.screen.table.selected == key("chat")
        await pilot.press("9")
        await fleet.settle(pilot)
        assert fleet.screen.table.selected == key("chat")
        assert "only 2 services burn or fail" in fleet.text
        await pilot.press("slash", *"chat", "enter", "1")
        await fleet.settle(pilot)
        assert fleet.screen.table.selected == key("chat")


async def test_in_groups_digits_follow_the_table_and_unfold() -> None:
    fleet = Fleet(*typical_fleet(), *burning("chat"))
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("b")
        await fleet.settle(pilot)
        headings = [line for line in fleet.lines if "staging" in line and "falcon" not in line]
        assert headings
        await pilot.press("g", "enter")
        await fleet.settle(pilot)
        assert "falcon-40b" not in fleet.names
        await pilot.press("1")
        await fleet.settle(pilot)
        assert fleet.screen.table.selected == key("falcon-40b", "staging")
        assert "falcon-40b" in fleet.names
        await pilot.press("2")
        assert fleet.screen.table.selected == key("chat")


async def test_where_a_filter_hides_what_fails_nothing_is_said_of_it() -> None:
    fleet = Fleet(*typical_fleet())
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        await pilot.press("slash", *"granite", "enter", "1")
        await fleet.settle(pilot)
        assert "none of the services shown burns or fails" in fleet.text


async def test_what_is_said_for_a_while_hides_neither_the_cause_nor_what_is_typed() -> None:
    fleet = Fleet(*typical_fleet())
    async with fleet.app.run_test(size=(80, 24), notifications=True) as pilot:
        await fleet.settle(pilot)
        below = fleet.lines[-4:]
        await pilot.press("9")
        await fleet.settle(pilot)
        assert "only 1 service burns or fails" in fleet.text
        assert fleet.lines[-4:] == below


async def test_a_calm_fleet_says_so() -> None:
    fleet = Fleet(health(), service("chat"), service("search"))
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        await pilot.press("3")
        await fleet.settle(pilot)
        assert "no service burns or fails" in fleet.text


async def test_of_what_burns_and_is_over_no_screen_says_that_nothing_is_wrong() -> None:
    promised, one, *_ = burning("chat")
    failed = [
        sample(one, START - 1500 + t, requests=9 * t, failed=min(t, 600), tokens=900 * t)
        for t in range(0, 1501, 10)
    ]
    early = [msgspec.structs.replace(first, at=START - 1600) for first in (promised, one)]
    fleet = Fleet(health(), *early, *failed)
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        assert "SLO burning" in fleet.line("chat")
        for pressed in ("k", "enter", "w"):
            await pilot.press(pressed)
            await fleet.settle(pilot)
            assert "it burns its error budget, and no cause is seen now" in fleet.text
            assert "nothing wrong" not in fleet.text


async def test_a_budget_of_which_something_is_gone_is_never_called_whole() -> None:
    promised, one, *failing = burning("chat")
    held = msgspec.structs.replace(promised, annotations={"mtop.dev/slo": "availability@60%/30d"})
    fleet = Fleet(health(), held, one, *failing)
    async with fleet.app.run_test(size=(200, 40)) as pilot:
        await fleet.settle(pilot)
        assert " 99% " in fleet.line("chat")
        await pilot.press("o")
        await fleet.settle(pilot)
        assert " 99% " in fleet.text
        assert " 100% " not in fleet.text
