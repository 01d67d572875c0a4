"""The filter line: what one types narrows the table, and what is no filter says why."""

from __future__ import annotations

from fleet_app import Fleet, typical_fleet

from mtop_tui.config.settings import Settings
from mtop_tui.widgets.row_table import RowTable

MIDDLE = (120, 40)
NARROW = (80, 24)


async def test_the_header_says_what_narrows_the_table(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.settle(pilot)
        assert " of 7" not in fleet.lines[0]
        await pilot.press("slash", *"prod", "enter")
        await pilot.pause()
        assert "/prod  3 of 7" in fleet.lines[0]
        assert fleet.lines[0].endswith("08:00:00")
        await pilot.press("escape")
        assert " of 7" not in fleet.lines[0]


async def test_the_header_says_which_namespaces_are_shown() -> None:
    settings = Settings(namespaces=("staging", "development"))
    fleet = Fleet(*typical_fleet(), settings=settings)
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.settle(pilot)
        assert "ns staging,development  4 of 7" in fleet.lines[0]
        await pilot.press("slash", *"phi", "enter")
        await pilot.pause()
        assert "ns staging,development  /phi  1 of 7" in fleet.lines[0]


async def test_a_filter_narrows_as_one_types(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("slash", "p", "r", "o", "d")
        assert sorted(fleet.names) == ["gpt-oss-120b", "granite-3-8b", "llama-3-70b"]
        await pilot.press("space", "g", "r", "a")
        assert fleet.names == ["granite-3-8b"]
        await pilot.press("enter", "k")
        assert fleet.names == ["granite-3-8b"]
        await pilot.press("escape")
        assert len(fleet.names) == 7


async def test_the_table_may_be_clicked_while_the_filter_is_open(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("slash", *"prod")
        await pilot.click(RowTable, offset=(5, 2))
        await pilot.press("slash", "enter")
        await pilot.pause()
        assert len(fleet.names) == 3
        await pilot.press("slash")
        await pilot.click(RowTable, offset=(5, 2))
        await pilot.press("escape")
        await pilot.pause()
        assert len(fleet.names) == 7
        assert len(fleet.app.screen.query("FilterBar")) == 0


async def test_a_filter_finds_states_and_gpus(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("slash", *"loading")
        assert fleet.names == ["mixtral-8x7b"]
        await pilot.press("escape", "slash", *"nosuch")
        assert fleet.names == []
        assert "no service matches the filter" in fleet.text
        await pilot.press("escape")
        assert len(fleet.names) == 7


async def test_a_filter_compares_figures(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("slash", *"queue>100 and kv>=90%")
        await fleet.settle(pilot)
        assert fleet.names == ["gpt-oss-120b"]


async def test_a_filter_that_is_none_yet_says_so_and_keeps_the_last_one(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("slash", *"gpt and queue")
        await fleet.settle(pilot)
        assert fleet.names == ["gpt-oss-120b"]
        await pilot.press(*">x")
        await fleet.settle(pilot)
        assert "filter, column 15: expected a number such as 500ms, 80% or 12k" in fleet.text
        assert fleet.names == ["gpt-oss-120b"]
        await pilot.press("enter")
        await fleet.settle(pilot)
        assert "filter, column 15: expected a number" in fleet.text
        await pilot.press("backspace", *"100", "enter")
        await fleet.settle(pilot)
        assert "expected" not in fleet.text
        assert "/gpt and queue>100  1 of 7" in fleet.lines[0]


async def test_enter_on_half_a_comparison_says_what_is_missing(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("slash", *"queue>")
        await fleet.settle(pilot)
        assert "expected" not in fleet.text
        await pilot.press("enter")
        await fleet.settle(pilot)
        assert "filter, column 7: expected a value after `>`" in fleet.text
        await pilot.press("escape")
        await fleet.settle(pilot)
        assert "expected" not in fleet.text
        assert len(fleet.names) == 7
