"""What holds on every screen: nothing that is shown breaks it, whatever size it has."""

from __future__ import annotations

import pytest
from fleet_app import Fleet
from msgspec.structs import replace
from opening import SCREENS, assert_whole, open_screen

from fleet_source import START, health, key, node, replica, service, traffic
from mtop_tui.config.settings import Settings
from mtop_tui.observations import KubeEvent, ObjectRef, Observation, Removed
from service_source import KEY, burning
from service_source import service as long_lived

SSH, MIDDLE = (80, 24), (120, 40)
HOSTILE = (
    "\x1b]0;pwned\x07\x1b[2J\x9b31m",
    "[bold]no markup[/bold] [/] [@click=app.quit]x[/]",
    "日本語のログ" * 40,
    "e\u0301\u0301\u0301" * 50,
    "שלום עולם " * 20,
    "\u202eabc\u200b\u2066\x00\r\n\t",
    "👩‍👩‍👧‍👦🇩🇪👍🏽" * 30,
    b"\xff\xfe broken".decode(errors="surrogateescape"),
    "y" * 100_000,
)
PROMISED = Settings(objectives="ttft<=100ms@99%/30d")


def promised_and_burning() -> list[Observation]:
    return [long_lived(at=START - 600), *burning()]


# What is shown


def hostile() -> list[Observation]:
    """A fleet in which all that is told is as bad as it can be."""
    records: list[Observation] = [health(detail=HOSTILE[0] + HOSTILE[2]), node()]
    for index, text in enumerate(HOSTILE):
        name = f"{index}" + "a" * 252
        one = replica(key(name), phase="failed", reason=text[:300], message=text)
        said = KubeEvent(
            at=START - index,
            ref=ObjectRef("test", "production", "Event", f"e{index}", f"e{index}"),
            involved=ObjectRef("test", "production", "Pod", one.ref.name, f"{index}"),
            severity="Warning",
            reason=text[:300],
            message=text,
        )
        broken = service(name, ready=False, reason=text[:300], message=text, model=text)
        labelled = replace(broken, annotations={"mtop.dev/slo": text, "team": text})
        records += [labelled, one, said]
    return records


@pytest.mark.parametrize("ascii_only", [False, True], ids=["unicode", "ascii"])
@pytest.mark.parametrize("name", SCREENS)
async def test_nothing_that_is_told_breaks_a_screen(name: str, ascii_only: bool) -> None:
    fleet = Fleet(*hostile(), settings=Settings(ascii=ascii_only))
    async with fleet.app.run_test(size=SSH) as pilot:
        await open_screen(fleet, pilot, name)
        for size in (SSH, (33, 9), (200, 60)):
            await pilot.resize_terminal(*size)
            for pressed in ("j", "G"):
                await pilot.press(pressed)
                await fleet.settle(pilot)
                assert_whole(fleet.app)


@pytest.mark.parametrize("name", SCREENS)
async def test_a_resize_to_one_cell_and_back_leaves_all_as_it_was(name: str) -> None:
    fleet = Fleet(*promised_and_burning(), settings=PROMISED)
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await open_screen(fleet, pilot, name)
        before = fleet.text
        for size in ((1, 1), (10, 3), (200, 2), (3, 60), MIDDLE):
            await pilot.resize_terminal(*size)
            await fleet.settle(pilot)
            assert_whole(fleet.app)
        assert fleet.text == before


@pytest.mark.parametrize("name", SCREENS)
async def test_500_replicas_of_one_service_are_shown_and_walked_through(name: str) -> None:
    owned = [replica(KEY, index) for index in range(500)]
    fleet = Fleet(health(), node(), long_lived(), *owned, *traffic(owned[0], 10))
    async with fleet.app.run_test(size=SSH) as pilot:
        await open_screen(fleet, pilot, name)
        for pressed in ("G", "g", "pagedown"):
            await pilot.press(pressed)
            await fleet.settle(pilot)
            assert_whole(fleet.app)


@pytest.mark.parametrize("name", SCREENS)
async def test_a_service_may_vanish_while_a_screen_shows_it(name: str) -> None:
    fleet = Fleet(*promised_and_burning(), settings=PROMISED)
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await open_screen(fleet, pilot, name)
        state = fleet.store.service(KEY)
        assert state is not None
        assert state.service is not None
        gone = [Removed(at=START + 1, ref=ref) for ref in (*state.replicas, state.service.ref)]
        await fleet.emit(pilot, *gone)
        assert fleet.store.service(KEY) is None
        for pressed in ("j", "G", "enter", "escape", "escape", "escape"):
            await pilot.press(pressed)
            await fleet.settle(pilot)
            assert_whole(fleet.app)
        assert "no services yet" in fleet.text
