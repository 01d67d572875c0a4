"""The fleet arranged: groups, namespaces, columns, and views that keep all of it under a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from fleet_app import Fleet, typical_fleet
from msgspec.structs import replace

from fleet_source import key, service
from mtop_tui.config.saved_views import read_views, views_file
from mtop_tui.config.settings import Settings
from mtop_tui.widgets.prompt_bar import PromptBar
from mtop_tui.widgets.row_table import RowTable

WIDE = (200, 60)
MIDDLE = (120, 40)


@pytest.fixture(autouse=True)
def _own_views(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


async def test_services_are_grouped_and_added_up(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("b")
        await fleet.settle(pilot)
        assert "by namespace" in fleet.lines[0]
        heading = next(line for line in fleet.lines if "▾ production (" in line)
        assert "149" in heading.split()  # 88 + 61 requests a second
        assert "214" in heading.split()
        below = fleet.lines[fleet.lines.index(heading) + 1]
        assert "production" in below


async def test_a_sum_of_nothing_known_is_not_zero(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("b")
        await fleet.settle(pilot)
        heading = next(line for line in fleet.lines if "▾ staging (" in line)
        assert "--" in heading.split()


async def test_enter_folds_a_group_and_unfolds_it(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("b", "g")
        before = fleet.names
        await pilot.press("enter")
        await fleet.settle(pilot)
        assert "▸" in fleet.lines[3]
        assert len(fleet.names) < len(before)
        assert "to look at" in fleet.text or "nothing wrong" in fleet.text
        await pilot.press("l", "r", "y")  # a group has no logs and no rollout
        assert fleet.screen.is_current
        await pilot.press("enter")
        await fleet.settle(pilot)
        assert fleet.names == before


async def test_after_the_last_way_to_group_there_are_no_groups(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        seen = []
        for _ in range(6):
            await pilot.press("b")
            await fleet.settle(pilot)
            seen.append("▾" in fleet.text)
        assert seen == [True] * 5 + [False]
        assert len(fleet.names) == 7


async def test_a_group_that_is_set_is_there_at_first() -> None:
    settings = Settings(group="gpu")
    fleet = Fleet(*typical_fleet(), settings=settings)
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        assert "▾ H100 (" in fleet.text


async def test_one_namespace_is_chosen_by_enter_and_all_by_zero(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("n")
        await fleet.settle(pilot)
        assert "fleet > namespaces" in fleet.lines[0]
        assert "all shown" in fleet.lines[0]
        await pilot.press("G", "enter")
        await fleet.settle(pilot)
        assert "ns staging" in fleet.lines[0]
        assert fleet.names == ["falcon-40b", "mixtral-8x7b"]
        await pilot.press("n", "0")
        await fleet.settle(pilot)
        assert len(fleet.names) == 7


async def test_several_namespaces_are_chosen_by_space(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("n", "space", "G", "space", "enter")
        await fleet.settle(pilot)
        assert "ns development,staging" in fleet.lines[0]
        await pilot.press("n", "escape")
        await fleet.settle(pilot)
        assert "ns development,staging" in fleet.lines[0]


async def test_a_filter_is_typed_on_the_namespaces_too(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("n", "slash", *"prod space", "enter")
        await fleet.settle(pilot)
        assert "/prod space  0 shown" in fleet.lines[0]


async def test_columns_are_chosen_ordered_and_given_back_to_the_width(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        by_width = [column.id for column, _ in fleet.screen.table.columns]
        await pilot.press("c")
        await fleet.settle(pilot)
        assert "Time to first token" in fleet.text
        await pilot.press("j", "j", "space")  # NAMESPACE goes
        await pilot.press("g", "j", "j", "greater_than_sign", "enter")  # STATE after REPL
        await fleet.settle(pilot)
        shown = [column.id for column, _ in fleet.screen.table.columns]
        assert "namespace" not in shown
        assert shown.index("replicas") < shown.index("state")
        await pilot.press("c", "0")
        await fleet.settle(pilot)
        assert [column.id for column, _ in fleet.screen.table.columns] == by_width


async def test_what_there_is_no_room_for_is_said(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        await pilot.press("c", "G", "space", "k", "space", "k", "space", "enter")
        await fleet.settle(pilot)
        await fleet.settle(pilot)
        assert "no room for" in fleet.text


async def test_columns_of_another_table_are_chosen_too(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("v")
        await fleet.settle(pilot)
        before = [column.id for column, _ in fleet.app.screen.query_one(RowTable).columns]
        await pilot.press("c", "space", "enter")
        await fleet.settle(pilot)
        assert "fleet > sources" in fleet.lines[0]
        after = [column.id for column, _ in fleet.app.screen.query_one(RowTable).columns]
        assert after == before[1:]


async def test_labels_and_more_figures_are_columns_when_asked_for() -> None:
    settings = Settings(columns=("name", "label:team", "running", "age"))
    records = [*typical_fleet(), replace(service("named"), labels={"team": "search"})]
    fleet = Fleet(*records, settings=settings)
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        assert "TEAM" in fleet.lines[2]
        assert "search" in fleet.line("named")
        assert fleet.line("granite-3-8b").split()[-3:-1] == ["--", "12"]


async def test_a_view_is_saved_and_gone_to(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("slash", *"queue>100", "enter", "b", "u", "a")
        await fleet.settle(pilot)
        fleet.app.screen.query_one(PromptBar).value = "pressed"
        await pilot.press("enter")
        await fleet.settle(pilot)
        assert "pressed" in fleet.text
        saved = read_views(views_file())["pressed"]
        assert (saved.filter, saved.group) == ("queue>100", "namespace")
        await pilot.press("escape", "escape", "b")
        await fleet.settle(pilot)
        assert len(fleet.names) == 7
        await pilot.press("u", "enter")
        await fleet.settle(pilot)
        assert fleet.names == ["gpt-oss-120b"]
        await pilot.press("u", "D")
        await fleet.settle(pilot)
        await pilot.press("escape")
        assert "pressed" in read_views(views_file())
        await pilot.press("D")
        await fleet.settle(pilot)
        await pilot.press("enter")
        await fleet.settle(pilot)
        assert read_views(views_file()) == {}
        assert "no views yet" in fleet.text


async def test_a_file_of_views_that_is_wrong_is_said_and_kept(fleet: Fleet) -> None:
    views_file().parent.mkdir(parents=True)
    views_file().write_text("a:\n  sort: nonsense\n")
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("u")
        await fleet.settle(pilot)
        assert "no column nonsense" in fleet.text
        await pilot.press("a")
        await fleet.settle(pilot)
        fleet.app.screen.query_one(PromptBar).value = "mine"
        await pilot.press("enter")
        await fleet.settle(pilot)
        assert "nothing was written" in fleet.text
        assert views_file().read_text() == "a:\n  sort: nonsense\n"


async def test_a_service_that_comes_joins_its_group(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("b")
        await fleet.emit(pilot, service("newcomer", "lab"))
        assert "▾ lab (1)" in fleet.text
        assert key("newcomer", "lab") in [
            state.key for state in fleet.store.services() if state.key.namespace == "lab"
        ]
