"""What each screen says when its source connects, is empty, stale, forbidden, gone or broken."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fleet_app import Fleet
from opening import SCREENS, assert_whole, open_screen

from fleet_source import START, health
from mtop_tui.config.settings import Settings
from mtop_tui.observations import Observation
from mtop_tui.providers.base import Offer
from service_source import burning
from service_source import service as long_lived

SSH, MIDDLE = (80, 24), (120, 40)
OF_THE_FLEET = ("fleet", "objectives", "cost", "events", "alerts", "sources")
TELLING = {"service", "causes", "alerts", "sources"}
"""What they show is also about the source."""

PROMISED = Settings(objectives="ttft<=100ms@99%/30d")

BROKEN = {
    "connecting": health(state="connecting", detail="3 of 9 kinds listed"),
    "stale": health(state="stale", detail="no scrape since 07:59"),
    "forbidden": health(state="forbidden", detail="ask for a role", forbidden=("pods", "nodes")),
    "disconnected": health(state="disconnected", detail="connection refused"),
    "error": health(state="error", detail="certificate has expired"),
    "ended": health(state="ended", detail="the recording is over"),
}
IN_WORDS = {
    "connecting": "has not told all it has yet: 3 of 9 kinds listed",
    "stale": "has nothing new: no scrape since 07:59",
    "forbidden": "may not read pods, nodes: ask for a role",
    "disconnected": "is lost: connection refused",
    "error": "has failed: certificate has expired",
    "ended": "has ended: the recording is over",
}
EMPTY = {
    "fleet": "no services yet",
    "objectives": "no objectives: state them with",
    "cost": "accounts are kept from the first full minute on",
    "events": "no events yet",
    "alerts": "",
    "sources": "1/1 live",
}


def said(fleet: Fleet) -> str:
    return " ".join(fleet.text.split())


def filled(*more: Observation) -> Sequence[Observation]:
    return [long_lived(at=START - 600), *burning(), *more]


@pytest.mark.parametrize("name", OF_THE_FLEET)
async def test_before_a_source_says_anything_it_is_being_connected_to(name: str) -> None:
    fleet = Fleet()
    async with fleet.app.run_test(size=SSH) as pilot:
        await open_screen(fleet, pilot, name)
        assert "connecting" in said(fleet)
        assert_whole(fleet.app)


@pytest.mark.parametrize("name", EMPTY)
async def test_an_empty_fleet_says_so_and_what_to_do(name: str) -> None:
    fleet = Fleet(health())
    async with fleet.app.run_test(size=SSH) as pilot:
        await open_screen(fleet, pilot, name)
        assert EMPTY[name] in said(fleet)


@pytest.mark.parametrize("name", [one for one in OF_THE_FLEET if one != "sources"])
async def test_a_screen_without_a_row_says_what_its_source_says(name: str) -> None:
    fleet = Fleet(BROKEN["connecting"])
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await open_screen(fleet, pilot, name)
        for state, record in BROKEN.items():
            await fleet.emit(pilot, record)
            assert IN_WORDS[state] in said(fleet)


@pytest.mark.parametrize("size", [SSH, MIDDLE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_keeps_what_was_known_and_says_that_its_source_is_not_live(
    name: str, size: tuple[int, int]
) -> None:
    fleet = Fleet(*filled(), settings=PROMISED)
    async with fleet.app.run_test(size=size) as pilot:
        await open_screen(fleet, pilot, name)
        kept = fleet.lines[2:6]
        for state, record in BROKEN.items():
            await fleet.emit(pilot, record)
            assert state in fleet.lines[0]
            assert_whole(fleet.app)
            if name not in TELLING:
                assert fleet.lines[2:6] == kept


@pytest.mark.parametrize("name", SCREENS)
async def test_a_source_that_falls_silent_is_called_stale(name: str) -> None:
    fleet = Fleet(*filled(), settings=PROMISED)
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await open_screen(fleet, pilot, name)
        assert "stale" not in fleet.lines[0]
        fleet.clock.advance(95)
        await fleet.settle(pilot)
        assert "stale for" in fleet.lines[0]


async def test_sources_tell_state_and_reason_of_each() -> None:
    fleet = Fleet(*filled())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await open_screen(fleet, pilot, "sources")
        for state, record in BROKEN.items():
            await fleet.emit(pilot, record)
            assert state in said(fleet)
            assert record.detail in said(fleet)
        await fleet.emit(pilot, BROKEN["forbidden"])
        assert "may not read: pods, nodes" in said(fleet)


@pytest.mark.parametrize(
    ("name", "offers", "words"),
    [
        ("logs", {"pause"}, "This source has no logs."),
        ("yaml", {"pause"}, "this source does not give objects"),
        ("logs", {"pause", "logs"}, "The containers have written nothing."),
        ("yaml", {"pause", "objects"}, "its source has no such object any more"),
    ],
)
async def test_pages_say_why_they_have_nothing(name: str, offers: set[Offer], words: str) -> None:
    fleet = Fleet(*filled())
    fleet.provider.offers = frozenset(offers)
    async with fleet.app.run_test(size=SSH) as pilot:
        await open_screen(fleet, pilot, name)
        assert words in said(fleet)
