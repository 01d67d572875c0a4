"""Another source while mtop runs: it is chosen, the last one is let go of, slips are said."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fleet_app import Fleet, typical_fleet
from msgspec.structs import replace
from textual.pilot import Pilot

from fleet_source import START, ScriptedProvider, health, node, replica, service, traffic
from mtop_tui.cli.opening import Sources
from mtop_tui.clock import ManualClock, PacedClock
from mtop_tui.config.settings import Settings, load
from mtop_tui.observations import ServiceKey
from mtop_tui.providers.base import FleetProvider
from mtop_tui.providers.opening import CannotOpenError, OpenedSource, SourceRequest
from mtop_tui.screens.fleet import FleetScreen
from mtop_tui.screens.sources import SourcesScreen
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.sources import SourceChoice

MIDDLE = (120, 40)

LATER = START + 5000


class Scripted:
    """An opener of fleets made by hand, each with one service in the namespace `lab`."""

    def __init__(self) -> None:
        self.asked: list[SourceRequest] = []
        self.providers: list[ScriptedProvider] = []

    def choices(self) -> Sequence[SourceChoice]:
        settings = (("seed", "7"), ("speed", "1"))
        return [
            SourceChoice("cluster", "simulated cluster", "What ships with mtop", settings[:1]),
            SourceChoice("recipe", "storm", "Too many requests", settings),
        ]

    def open(self, request: SourceRequest) -> OpenedSource:
        self.asked.append(request)
        if request.name == "broken.yaml":
            raise CannotOpenError(
                [
                    "broken.yaml:3: fleet.services[0].gpu: expected a GPU, got \x1b[2J",
                    "broken.yaml:9: expect: expected a list",
                ]
            )
        one = replica(ServiceKey("test", "lab", "thunder"), node="other")
        name = f"mock: {request.name}, seed {request.seed}"
        there = replace(health(at=LATER), source=name)
        records = [there, node("other"), service("thunder", "lab", at=LATER), one]
        provider = ScriptedProvider([*records, *traffic(one, 5, until=LATER)])
        provider.name = name
        self.providers.append(provider)
        complaints = ("storm.yaml:7: note: ignored",) if request.seed == 13 else ()
        return OpenedSource(provider, FleetStore(), ManualClock(LATER), complaints)


async def until(pilot: Pilot[int], holds: Callable[[], object]) -> None:
    """Let the app go on until something holds."""
    async with asyncio.timeout(60):
        while not holds():
            await pilot.pause()


async def choose(fleet: Fleet, pilot: Pilot[int], name: str, *, line: str = "") -> None:
    """Open the Sources screen, go to a source, write in its line, and take it."""
    await pilot.press("v")
    screen = fleet.app.screen
    assert isinstance(screen, SourcesScreen)
    await until(pilot, lambda: name in fleet.text)
    screen.table.select(next(key for key in screen._order if name in key))
    await pilot.press("enter")
    if line:
        await pilot.press("ctrl+u", *line)
    await pilot.press("enter")
    await until(pilot, lambda: not fleet.app.switch.opening)
    await fleet.settle(pilot)


@pytest.fixture
def opener() -> Scripted:
    return Scripted()


@pytest.fixture
def fleet(opener: Scripted) -> Fleet:
    return Fleet(*typical_fleet(), opener=opener)


async def test_the_sources_screen_lists_what_else_there_is_to_watch(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("v")
        await until(pilot, lambda: "storm" in fleet.text)
        assert "1/1 live   2 others to watch" in fleet.lines[0]
        kinds = [line[1:].split() for line in fleet.lines[2:5]]
        assert [words[0] for words in kinds] == ["scripted", "simulated", "storm"]
        assert "watched" in kinds[0]
        await pilot.press("G")
        await pilot.pause()
        assert "Too many requests" in fleet.text
        assert "Enter to watch it, set seed, speed" in fleet.text


async def test_another_source_takes_the_place_of_all_that_was_known(
    fleet: Fleet, opener: Scripted
) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("p", "slash", *"granite", "enter")
        await choose(fleet, pilot, "storm", line="storm seed=42 speed=4")
        assert opener.asked == [SourceRequest("recipe", "storm", seed=42, speed=4.0)]
        assert "mock: storm, seed 42" in fleet.lines[0]
        assert "thunder" in fleet.text
        assert "granite" not in fleet.text
        assert "paused" not in fleet.text
        assert fleet.app.time() == LATER
        assert fleet.provider.closed
        assert list(fleet.app.store.sources) == ["mock: storm, seed 42"]


async def test_groups_of_the_last_fleet_are_not_those_of_the_next(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("b", "g", "enter")
        await fleet.settle(pilot)
        assert "development" in fleet.text
        await choose(fleet, pilot, "storm")
        assert "lab" in fleet.text
        assert "thunder" in fleet.text
        assert "development" not in fleet.text


async def test_what_a_key_opens_while_a_source_closes_is_closed_with_it(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_close = asyncio.Event()
    monkeypatch.setattr(fleet.provider, "close", may_close.wait)
    app = fleet.app
    async with app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        app.switch.open(SourceRequest("recipe", "storm"))
        await until(pilot, lambda: app._feed is None or app._feed.is_finished)
        await pilot.press("enter")
        await until(pilot, lambda: "fleet > staging/falcon-40b" in fleet.lines[0])
        app.switch.open(SourceRequest("recipe", "other"))
        may_close.set()
        await until(pilot, lambda: not app.switch.opening)
        await fleet.settle(pilot)
        assert "mock: storm" in fleet.lines[0]
        assert "thunder" in fleet.text


async def test_what_is_set_is_checked_before_anything_is_opened(
    fleet: Fleet, opener: Scripted
) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await choose(fleet, pilot, "storm", line="storm sed=3")
        assert "storm takes no sed; did you mean seed?" in fleet.text
        await pilot.press("ctrl+u", *"storm speed=0", "enter")
        await fleet.settle(pilot)
        assert "speed: expected a number above 0 and at most 1000, got 0" in fleet.text
        await pilot.press("escape", "escape")
        await fleet.settle(pilot)
        assert "granite-3-8b" in fleet.text
        assert opener.asked == []


async def test_what_cannot_be_opened_is_said_and_the_present_source_goes_on(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await choose(fleet, pilot, "storm", line="broken.yaml")
        assert "1 of 2: broken.yaml:3: fleet.services[0].gpu: expected a GPU" in fleet.text
        assert "broken.yaml:9: expect: expected a list" in fleet.text
        assert "\x1b" not in fleet.text
        await pilot.press("escape", "escape")
        await fleet.emit(pilot, service("newcomer"))
        assert not fleet.provider.closed
        assert "newcomer" in fleet.text


async def test_the_palette_opens_one_from_any_screen_and_leads_to_the_fleet(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("enter")
        await fleet.settle(pilot)
        assert "fleet > staging/falcon-40b" in fleet.lines[0]
        await pilot.press("colon", *"watch storm")
        await until(pilot, lambda: "Watch recipe storm" in fleet.text)
        await pilot.press("down", "enter")
        await until(pilot, lambda: fleet.provider.closed)
        await until(pilot, lambda: "thunder" in fleet.text)
        assert isinstance(fleet.app.screen, FleetScreen)


async def test_what_a_source_lacks_is_said_once_it_is_open(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        await choose(fleet, pilot, "storm", line="storm seed=13")
        await until(pilot, lambda: "storm: storm.yaml:7: note: ignored" in fleet.text)


async def test_namespaces_of_another_source_do_not_leave_an_empty_screen(opener: Scripted) -> None:
    fleet = Fleet(*typical_fleet(), settings=Settings(namespaces=("production",)), opener=opener)
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        assert "ns production" in fleet.lines[0]
        await choose(fleet, pilot, "storm")
        await until(pilot, lambda: "thunder" in fleet.text)
        assert "ns production" not in fleet.lines[0]
        await until(pilot, lambda: "no namespace production here" in fleet.text)


async def test_a_source_that_breaks_after_another_was_chosen_says_nothing_of_it(
    fleet: Fleet,
) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        fleet.provider.failure = RuntimeError("lost")
        fleet.provider.end()
        await choose(fleet, pilot, "storm")
        assert "lost" not in fleet.text
        assert [one.state for one in fleet.app.store.sources.values()] == ["live"]


async def test_ten_sources_later_nothing_of_the_first_nine_is_left() -> None:
    made: list[weakref.ref[FleetProvider]] = []

    class Remembering(Sources):
        """Knows which providers were made."""

        def open(self, request: SourceRequest) -> OpenedSource:
            opened = super().open(request)
            made.append(weakref.ref(opened.provider))
            return opened

    fleet = Fleet(*typical_fleet(), opener=Remembering(load({})))
    app = fleet.app
    names = ("canary-failure", "simulated cluster", "cost-optimization", "startup", "node-loss")
    async with app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        before = asyncio.all_tasks()
        for turn, name in enumerate(names * 2):
            kind = "cluster" if name == "simulated cluster" else "recipe"
            app.switch.open(SourceRequest(kind, name, seed=turn))
            await until(pilot, lambda: not app.switch.opening)
            await until(pilot, lambda: app._watch.has_drawn)
            assert f"seed {turn}" in fleet.lines[0]
            await pilot.press("enter", "l")  # the logs are read from the source, too
            await pilot.pause()
        while len(app.screen_stack) > 1:
            await app.pop_screen()
        await fleet.settle(pilot)
        # What was cancelled while it waited is held until the time it waited for.
        await until(pilot, lambda: len(asyncio.all_tasks() - before) == 1)  # it reads the last one
        await until(pilot, lambda: gc.collect() >= 0 and not any(ref() for ref in made[:-1]))
        assert [ref() for ref in made] == [None] * 9 + [app.provider]
        assert fleet.provider.closed


async def test_a_bad_recipe_is_refused_with_file_line_and_field(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("summary: slip of the pen\nfleet:\n  services:\n    - name: UPPER\n")
    fleet = Fleet(*typical_fleet(), opener=Sources(load({})))
    async with fleet.app.run_test(size=(200, 40)) as pilot:
        await fleet.settle(pilot)
        await choose(fleet, pilot, "canary-failure", line=f"{bad} seed=3")
        assert "bad.yaml:4: fleet.services[0].name: expected a name" in fleet.text
        assert fleet.app.provider is fleet.provider


async def test_a_recipe_runs_as_fast_as_was_asked_for() -> None:
    fleet = Fleet(*typical_fleet(), opener=Sources(load({})))
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await choose(fleet, pilot, "canary-failure", line="canary-failure seed=3 speed=16")
        clock = fleet.app._watch.clock
        assert isinstance(clock, PacedClock)
        assert clock.speed == 16
        await until(pilot, lambda: "mock: canary-failure, seed 3" in fleet.lines[0])
