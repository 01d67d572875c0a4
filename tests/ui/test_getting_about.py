"""The same keys lead to the same places from every screen, and Esc leads back."""

from __future__ import annotations

import weakref

import pytest
from fleet_app import Fleet
from opening import SCREENS, open_screen

from fleet_source import health, service
from mtop_tui.app import MtopApp

MIDDLE = (120, 40)
VIEW_KEYS = {
    "a": "alerts",
    "dollar_sign": "cost",
    "o": "objectives",
    "e": "events",
    "v": "sources",
}
IN_PLACE = {*VIEW_KEYS.values()}
"""Screens that another view takes the place of."""


def seen(app: MtopApp) -> str:
    return type(app.screen).__name__


@pytest.mark.parametrize("name", [name for name in SCREENS if name not in IN_PLACE])
async def test_every_view_opens_from_every_screen_and_escape_leads_back(
    fleet: Fleet, name: str
) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await open_screen(fleet, pilot, name)
        before = seen(fleet.app)
        for pressed, crumb in VIEW_KEYS.items():
            await pilot.press(pressed)
            await fleet.settle(pilot)
            assert f"mtop  fleet > {crumb}" in fleet.lines[0]
            await pilot.press("escape")
            await fleet.settle(pilot)
            assert seen(fleet.app) == before


@pytest.mark.parametrize("name", SCREENS)
async def test_p_holds_time_on_every_screen_and_the_help_says_so(fleet: Fleet, name: str) -> None:
    async with fleet.app.run_test(size=(120, 100)) as pilot:
        await open_screen(fleet, pilot, name)
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Pause or resume" in fleet.text
        await pilot.press("escape", "p")
        await fleet.settle(pilot)
        assert fleet.app.paused
        assert "paused" in fleet.lines[0]


async def test_the_help_of_a_service_explains_the_columns_of_its_replicas(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=(120, 100)) as pilot:
        await open_screen(fleet, pilot, "service")
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Number of the latest XID error" in fleet.text
        assert "$/1M" not in fleet.text


@pytest.mark.parametrize("name", ["logs", "rollout", "yaml"])
async def test_no_columns_are_explained_where_there_are_none(fleet: Fleet, name: str) -> None:
    async with fleet.app.run_test(size=(120, 100)) as pilot:
        await open_screen(fleet, pilot, name)
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Columns" not in fleet.text


@pytest.mark.parametrize("width", [80, 40])
async def test_words_of_the_help_stand_beside_the_keys(fleet: Fleet, width: int) -> None:
    async with fleet.app.run_test(size=(width, 200)) as pilot:
        await open_screen(fleet, pilot, "fleet")
        await pilot.press("question_mark")
        await pilot.pause()
        rows = [line[4:].strip("│ ╮╯") and line[4:] for line in fleet.lines]
        begin = next(place for place, row in enumerate(rows) if row.startswith("  Enter "))
        for row in rows[begin : rows.index("", begin)]:
            assert row[11:13] == "  "
            assert row[13] != " "


async def test_a_name_is_whole_before_the_way_to_it_is_told() -> None:
    name = "falcon-40b-instruct-long"
    fleet = Fleet(health(), service(name, ready=False, reason="MinimumReplicasUnavailable"))
    async with fleet.app.run_test(size=(80, 24)) as pilot:
        await open_screen(fleet, pilot, "service")
        assert f"… > production/{name}" in fleet.lines[0]
        await pilot.press("y")
        await fleet.settle(pilot)
        assert f"{name} > yaml" in fleet.lines[0]
        await pilot.resize_terminal(50, 24)
        await fleet.settle(pilot)
        assert "… > prod" in fleet.lines[0]
        assert "-long > yaml" in fleet.lines[0]


@pytest.mark.parametrize(
    ("words", "leads_to"),
    [("/ filter", "words, or such as"), ("a alerts", "fleet > alerts"), ("? help", "Page down")],
)
async def test_a_click_in_the_key_bar_does_what_the_key_does(
    fleet: Fleet, words: str, leads_to: str
) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        for offset in (fleet.lines[-1].index(words), len(fleet.lines[-1])):
            await pilot.click(offset=(offset, MIDDLE[1] - 1))
            await fleet.settle(pilot)
        assert leads_to in fleet.text


async def test_a_click_on_back_leads_back(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await open_screen(fleet, pilot, "service")
        await pilot.click(offset=(fleet.lines[-1].index("Esc back"), MIDDLE[1] - 1))
        await fleet.settle(pilot)
        assert seen(fleet.app) == "FleetScreen"


@pytest.mark.parametrize("pressed", VIEW_KEYS)
async def test_a_small_screen_too_says_that_a_filter_leaves_rows_out(
    fleet: Fleet, pressed: str
) -> None:
    async with fleet.app.run_test(size=(80, 24)) as pilot:
        await fleet.settle(pilot)
        await pilot.press(pressed, "slash", *"nowhere", "enter")
        await fleet.settle(pilot)
        assert "/nowhere  0 shown" in fleet.lines[0]


async def test_screens_that_were_closed_are_dropped_one_by_one(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=(80, 24)) as pilot:
        closed = []
        for key in ("dollar_sign", "e", "o", "a", "v"):
            await pilot.press(key)
            await fleet.settle(pilot)
            closed.append(weakref.ref(fleet.app.screen))
            await pilot.press("escape")
            await fleet.settle(pilot)
        for _ in range(40):
            if sum(one() is not None for one in closed) <= 2:  # the last may still be held
                break
            await pilot.pause(0.05)
        assert sum(one() is not None for one in closed) <= 2
