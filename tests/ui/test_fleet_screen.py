"""What a user reads on the Fleet screen, and what the keys do."""

from __future__ import annotations

import asyncio
import re

import pytest
from fleet_app import Fleet, typical_fleet

from fleet_source import START, health, key, node, replica, sample, service, traffic
from mtop_tui.commands import APP, FLEET, MOVE
from mtop_tui.config.settings import THEME_NAMES, Settings
from mtop_tui.observations import Removed
from mtop_tui.screens.help import HelpScreen
from mtop_tui.screens.tabular import HOLD_SECONDS
from mtop_tui.views.columns import BY_ID, COLUMN_IDS
from mtop_tui.views.fleet import FleetQuery, facts_of, select
from mtop_tui.widgets.row_table import RowTable

WIDE = (200, 60)
MIDDLE = (120, 40)
NARROW = (80, 24)


async def test_header_says_source_clock_and_totals(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        assert "scripted  live" in fleet.lines[0]
        assert fleet.lines[0].endswith("08:00:00")
        assert "ready 4/7" in fleet.lines[1]
        assert "-- burning" in fleet.lines[1]
        assert "162 req/s" in fleet.lines[1]
        assert "GPUs 7/16" in fleet.lines[1]
        assert "$110/h, 56% idle" in fleet.lines[1]


async def test_a_row_says_what_is_measured_with_units(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        cells = fleet.line("granite-3-8b").split()
        for expected in ("production", "ready", "1/1", "H100", "x2", "61.0", "41%", "13.8"):
            assert expected in cells
        assert "11 ms" in fleet.line("granite-3-8b")
        assert "242 ms" in fleet.line("granite-3-8b")


async def test_fires_come_first(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        assert fleet.names[:3] == ["falcon-40b", "mixtral-8x7b", "phi-4"]
        assert fleet.names[3] == "gpt-oss-120b"
        assert "no GPU" in fleet.line("falcon-40b")
        assert "loading 3m12/10m" in fleet.line("mixtral-8x7b")
        assert "queueing" in fleet.line("gpt-oss-120b")
        assert fleet.lines[3].startswith(">!")


async def test_what_is_not_known_is_not_zero(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        line = fleet.line("mixtral-8x7b")
        assert line.split("H100 x1")[-1].split()[:3] == ["--", "--", "--"]
        assert "0.0" not in line


async def test_the_why_line_says_the_cause_and_what_to_look_at(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        assert "why  falcon-40b: not ready ← no GPU for 1 replica" in fleet.text
        assert "next: " in fleet.text
        await pilot.press("j", "j", "j", "j")
        assert "why  granite-3-8b: nothing wrong that mtop can see" in fleet.text


async def test_the_why_line_calls_nothing_well_that_queues_or_is_silent(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("j", "j", "j")
        assert "why  gpt-oss-120b: queue 214" in fleet.text
        await pilot.press("j")
        fleet.clock.advance(120)
        await fleet.settle(pilot)
        assert "why  granite-3-8b: " in fleet.text
        assert "nothing wrong" not in fleet.text


async def test_a_name_of_a_namespace_does_nothing_to_the_terminal() -> None:
    settings = Settings(namespaces=("\x1b]0;pwned\x07",))
    fleet = Fleet(*typical_fleet(), settings=settings)
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.settle(pilot)
        assert "0 of 7" in fleet.lines[0]
        assert "\x1b" not in fleet.text


async def test_the_header_says_what_a_live_source_left_out() -> None:
    detail = "2 files with problems, 12 objects of other kinds skipped"
    fleet = Fleet(*typical_fleet()[1:], health(detail=detail, errors=2, skipped=12))
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        assert f"live, 2 errors  {detail}" in fleet.lines[0]
        await pilot.resize_terminal(*NARROW)
        await fleet.settle(pilot)
        assert "live, 2 errors  2 files with" in fleet.lines[0]
        assert fleet.lines[0].endswith("08:00:00")
        await pilot.press("slash", *"a model", "enter")
        await pilot.pause()
        assert "live, 2 errors   /a model  0 of 7" in fleet.lines[0]
        await pilot.press("slash", *"a model that nobody has called that", "enter")
        await pilot.pause()
        assert "live, 2 errors   /a model that…" in fleet.lines[0]
        assert fleet.lines[0].endswith("  0 of 7  08:00:00")


async def test_names_that_differ_at_their_ends_can_be_told_apart() -> None:
    names = [f"granite-3-2-8b-instruct-{end}" for end in ("canary", "stable", "0002")]
    for settings, mark in ((Settings(), "…"), (Settings(ascii=True), "~")):
        fleet = Fleet(health(), *map(service, names), settings=settings)
        async with fleet.app.run_test(size=NARROW) as pilot:
            await fleet.settle(pilot)
            shown = [line[3:].split()[0] for line in fleet.lines[3:6]]
            assert all(name.startswith("granite-3-2") and mark in name for name in shown)
            assert [name.rpartition("-")[2] for name in shown] == ["0002", "canary", "stable"]


@pytest.mark.parametrize("column", COLUMN_IDS)
@pytest.mark.parametrize("reverse", [False, True], ids=["own direction", "reversed"])
async def test_sorting_by_every_column(column: str, reverse: bool) -> None:
    fleet = Fleet(*typical_fleet())
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        fleet.screen.sort_by("name")
        if column != "name":
            fleet.screen.sort_by(column)
        if reverse:
            await pilot.press("R")
        await pilot.pause()
        descending = BY_ID[column].largest_first != reverse
        states = {state.key.name: state for state in fleet.store.services()}
        values = [
            BY_ID[column].sort(states[name], fleet.store.summary(states[name]))
            for name in fleet.names
        ]
        assert len(values) == 7
        known = [value for value in values if value is not None]
        assert values[: len(known)] == known, "what is not known comes last"
        assert known == sorted(known, reverse=descending)


async def test_s_walks_over_the_columns_in_view_and_marks_the_one(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.settle(pilot)
        marked = []
        for _ in range(8):
            await pilot.press("s")
            marked.append(next((w for w in fleet.lines[2].split() if "▲" in w or "▼" in w), ""))
        assert marked[:3] == ["MODEL▲", "STATE▼", "REPL▼REQ/S"]
        await pilot.press("S")
        assert marked[-2] in fleet.lines[2]


@pytest.mark.parametrize("width", [200, 80, 60, 40])
@pytest.mark.parametrize("column", [one for one in COLUMN_IDS if one != "mark"])
async def test_the_sorted_column_is_there_and_marked_at_every_width(
    column: str, width: int
) -> None:
    fleet = Fleet(*typical_fleet())
    async with fleet.app.run_test(size=(width, 24)) as pilot:
        await fleet.settle(pilot)
        fleet.screen.sort_by(column)
        await pilot.pause()
        title = BY_ID[column].title
        assert f"{title}▼" in fleet.lines[2] or f"{title}▲" in fleet.lines[2]
        assert "MODEL" in fleet.lines[2]


async def test_the_selection_stays_on_its_service_while_rows_move(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("s", "G")
        fleet.screen.sort_by("requests")
        await pilot.pause()
        chosen = fleet.screen.table.selected
        assert chosen is not None
        busier = replica(chosen, 9)
        fleet.clock.advance(HOLD_SECONDS)
        await fleet.emit(pilot, busier, *traffic(busier, 900))
        assert fleet.screen.table.selected == chosen
        assert fleet.names[0] == chosen.name
        assert fleet.lines[3].startswith(">")


async def test_a_vanished_service_gives_its_place_to_the_next(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("j")
        chosen = fleet.screen.table.selected
        assert chosen is not None
        ref = next(s.service.ref for s in fleet.store.services() if s.key == chosen and s.service)
        await fleet.emit(pilot, Removed(at=START, ref=ref))
        assert chosen.name not in fleet.names
        assert fleet.screen.table.selected is not None


async def test_the_last_service_may_vanish(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        refs = [state.service.ref for state in fleet.store.services() if state.service]
        await fleet.emit(pilot, *(Removed(at=START, ref=ref) for ref in refs))
        assert fleet.names == []
        assert "no services yet" in fleet.text
        await pilot.press("j", "k", "G", "pagedown", "s")


async def test_moving_by_rows_and_pages() -> None:
    many = [service(f"model-{i:03}") for i in range(100)]
    fleet = Fleet(health(), *many)
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.settle(pilot)
        table = fleet.screen.table

        def at() -> str:
            assert table.selected is not None
            return table.selected.name

        assert at() == "model-000"
        await pilot.press("j", "down", "k")
        assert at() == "model-001"
        await pilot.press("G")
        assert at() == "model-099"
        assert "model-099" in fleet.text
        await pilot.press("home")
        assert at() == "model-000"
        await pilot.press("pagedown")
        page = int(at()[-3:])
        assert page > 10
        await pilot.press("ctrl+b")
        assert at() == "model-000"


@pytest.mark.parametrize("width", [200, 160, 120, 100, 80, 60, 40, 30, 20])
async def test_columns_drop_and_numbers_are_never_cut(width: int) -> None:
    fleet = Fleet(*typical_fleet())
    async with fleet.app.run_test(size=(width, 24)) as pilot:
        await fleet.settle(pilot)
        for column, cells in fleet.screen.table.columns:
            for state in fleet.store.services():
                text = column.cell(facts_of(fleet.store, state, START)).text
                assert not column.right or width < 40 or len(text) <= cells
        assert all(len(line) <= width for line in fleet.lines)
        assert "MODEL" in fleet.lines[2]


async def test_what_stays_at_eighty_columns(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.settle(pilot)
        titles = fleet.lines[2].split()
        for title in ("MODEL", "STATE", "REPL", "REQ/S", "TTFT", "BURN"):
            assert title in titles
        assert "ready 4/7" in fleet.lines[1]
        assert "burning" in fleet.lines[1]
        assert "/h" in fleet.lines[1]


@pytest.mark.parametrize(
    "size", [(1, 1), (2, 2), (5, 3), (10, 2), (20, 5), (40, 6), (300, 4), (3, 80)]
)
async def test_any_size_is_survived(size: tuple[int, int]) -> None:
    fleet = Fleet(*typical_fleet())
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.settle(pilot)
        await pilot.resize_terminal(*size)
        await pilot.press("j", "G", "slash", "x", "escape", "question_mark", "escape", "s", "R")
        await pilot.resize_terminal(*NARROW)
        await fleet.settle(pilot)
        assert len(fleet.names) == 7


async def test_help_lists_every_command_and_column(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=(100, 120)) as pilot:
        await fleet.settle(pilot)
        await pilot.press("question_mark")
        assert isinstance(fleet.app.screen, HelpScreen)
        for command in (*MOVE, *FLEET, *APP):
            assert command.title in fleet.text
            assert command.key_label in fleet.text
        for column in BY_ID.values():
            assert column.help in fleet.text
        await pilot.press("escape")
        assert not isinstance(fleet.app.screen, HelpScreen)


async def test_every_binding_does_something_and_is_declared(fleet: Fleet) -> None:
    declared = [command.id for command in (*MOVE, *FLEET, *APP)]
    assert len(declared) == len(set(declared))
    keys = [key for command in (*MOVE, *FLEET, *APP) for key in command.keys.split(",")]
    assert len(keys) == len(set(keys))
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        for binding in keys:
            if binding not in ("q", "ctrl+c"):
                await pilot.press(binding)
                await pilot.press("escape", "escape")
        assert fleet.app.is_running


async def test_the_palette_runs_commands_by_name(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("colon", *"sort by ttft")
        async with asyncio.timeout(10):
            while "Sort by TTFT" not in fleet.text:
                await asyncio.sleep(0)
        await pilot.press("down", "enter")
        await pilot.pause()
        assert "TTFT p95▼" in fleet.lines[2]


async def test_the_palette_offers_the_themes_a_setting_may_name(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("colon", *"theme")
        async with asyncio.timeout(10):
            while "Theme mtop-light" not in fleet.text:
                await asyncio.sleep(0)
        await pilot.pause()
        assert re.findall(r"Theme ([\w-]+)", fleet.text) == list(THEME_NAMES)


async def test_pause_holds_the_source_and_the_clock(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("p")
        fleet.clock.advance(30)
        await fleet.settle(pilot)
        assert fleet.provider.paused
        assert "paused" in fleet.lines[0]
        assert "08:00:00" in fleet.lines[0]
        await pilot.press("space")
        await fleet.settle(pilot)
        assert not fleet.provider.paused
        assert "live" in fleet.lines[0]
        assert "08:00:00" in fleet.lines[0]


async def test_a_source_that_cannot_pause_says_so(fleet: Fleet) -> None:
    fleet.provider.offers = frozenset()
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        await pilot.press("p")
        await pilot.pause()
        assert "cannot be paused" in fleet.text
        assert not fleet.app.paused


async def test_figures_that_are_no_longer_current_are_withdrawn(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        fleet.clock.advance(120)
        await fleet.settle(pilot)
        assert "no fresh metrics" in fleet.line("granite-3-8b")
        assert "61.0" not in fleet.line("granite-3-8b")
        assert "stale for 120 s" in fleet.lines[0]


async def test_a_source_that_breaks_is_said_and_the_screen_stays(fleet: Fleet) -> None:
    fleet.provider.failure = ConnectionError("the wire was cut")
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        fleet.provider.end()
        await fleet.settle(pilot)
        assert "error" in fleet.lines[0]
        assert "the wire was cut" in fleet.lines[0]
        assert len(fleet.names) == 7


async def test_a_source_that_ends_is_said(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        fleet.provider.end()
        await fleet.settle(pilot)
        assert "ended" in fleet.lines[0]


async def test_q_closes_the_source_and_leaves_no_task(fleet: Fleet) -> None:
    before = asyncio.all_tasks()
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("q")
    assert fleet.app.return_value == 0
    assert fleet.provider.closed
    assert asyncio.all_tasks() <= before


async def test_mouse_selects_rows_and_sorts_by_titles(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.click(RowTable, offset=(5, 3))
        assert fleet.lines[5].startswith(">")
        x = fleet.lines[2].index("REQ/S")
        await pilot.click(RowTable, offset=(x + 2, 0))
        assert "REQ/S▼" in fleet.lines[2]
        await pilot.click(RowTable, offset=(x + 2, 0))
        assert "REQ/S▲" in fleet.lines[2]


async def test_namespaces_and_columns_come_from_the_settings() -> None:
    settings = Settings(namespaces=("staging",), columns=("name", "ttft", "cost"), sort="-name")
    fleet = Fleet(*typical_fleet(), settings=settings)
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        assert fleet.names == ["mixtral-8x7b", "falcon-40b"]
        assert fleet.lines[2].split() == ["MODEL▼", "TTFT", "p95", "$/H"]


async def test_ascii_only() -> None:
    fleet = Fleet(*typical_fleet(), settings=Settings(ascii=True))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.settle(pilot)
        await pilot.press("s")
        assert fleet.text.isascii()


@pytest.mark.parametrize("theme", THEME_NAMES)
async def test_themes_draw_in_other_colours_without_losing_text(theme: str) -> None:
    fleet = Fleet(*typical_fleet(), settings=Settings(theme=theme))
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        assert len(fleet.names) == 7


async def test_a_new_service_appears(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await fleet.emit(pilot, service("brand-new"))
        assert "brand-new" in fleet.names


async def test_a_fleet_without_prices_says_so() -> None:
    fleet = Fleet(health(), node(instance_type=None), service("chat"), replica(key("chat")))
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        assert "$/h --" in fleet.lines[1]


async def test_a_ttft_beyond_the_buckets_is_at_least() -> None:
    one = replica(key("slow"))
    fleet = Fleet(health(), node(), service("slow"), one, *traffic(one, 1, ttft=99))
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.settle(pilot)
        assert ">=10.0 s" in fleet.line("slow")


def test_select_is_stable_by_name_where_values_are_equal(fleet: Fleet) -> None:
    fleet.store.apply([service(name) for name in ("c", "a", "b")])
    names = [state.key.name for state in select(fleet.store, FleetQuery(sort="cost"), START)]
    assert names == ["a", "b", "c"]


def test_a_sample_of_an_unknown_service_shows_nothing(fleet: Fleet) -> None:
    fleet.store.apply([sample(replica(key("ghost")), START)])
    assert select(fleet.store, FleetQuery(), START) == []
