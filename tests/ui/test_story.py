"""A story on the screen: it can be held, stepped, and run faster or slower."""

from __future__ import annotations

import pytest

from conftest import Fleet
from fleet_source import START
from mtop_tui.app import MtopApp
from mtop_tui.cli.story import BEGIN, open_story
from mtop_tui.clock import ManualClock, PacedClock
from mtop_tui.config.settings import load
from mtop_tui.providers.mock.provider import MockProvider

MIDDLE = (120, 24)


class Story:
    """The app on a shipped recipe, with a wall clock that stands still until told otherwise."""

    def __init__(self) -> None:
        loaded = load({})
        self.fleet = open_story(loaded, "canary-failure", speed=4.0)
        self.wall = ManualClock(START)
        self.clock = PacedClock(BEGIN, 4.0, self.wall)
        provider = self.fleet.provider
        assert isinstance(provider, MockProvider)
        provider._clock = self.clock
        self.provider = provider
        self.app = MtopApp(loaded.settings, provider, self.fleet.store, self.clock)


@pytest.fixture
def story() -> Story:
    return Story()


async def test_simulated_time_runs_so_many_times_as_fast(story: Story) -> None:
    async with story.app.run_test(size=MIDDLE):
        story.wall.advance(10.0)
        assert story.app.time() == BEGIN + 40.0
        assert story.provider._now() == BEGIN + 40.0


async def test_keys_set_the_pace_and_keep_what_has_passed(story: Story) -> None:
    async with story.app.run_test(size=MIDDLE) as pilot:
        story.wall.advance(10.0)
        await pilot.press("plus")
        story.wall.advance(1.0)
        assert story.app.time() == BEGIN + 48.0
        await pilot.press("less_than_sign", "minus")
        story.wall.advance(1.0)
        assert story.app.time() == BEGIN + 50.0


async def test_a_step_moves_screen_and_source_alike_and_only_while_held(story: Story) -> None:
    async with story.app.run_test(size=MIDDLE) as pilot:
        await pilot.press("full_stop")
        assert story.app.time() == BEGIN
        await pilot.press("p")
        story.wall.advance(99.0)
        await pilot.press("full_stop", "full_stop")
        assert story.app.time() == BEGIN + 20.0
        assert story.provider._now() == BEGIN + 20.0
        await pilot.press("p")
        story.wall.advance(1.0)
        assert story.app.time() == BEGIN + 24.0
        assert story.provider._now() == BEGIN + 24.0


async def test_what_is_no_story_says_that_it_has_no_pace(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        await pilot.press("plus")
        await pilot.pause()
        assert "only a story has a pace" in fleet.text
        await pilot.press("full_stop")
        await pilot.pause()
        assert "cannot be stepped" in fleet.text
