"""A story on the screen: it can be held, stepped, and run faster or slower."""

from __future__ import annotations

import pytest
from fleet_app import Fleet
from textual.pilot import Pilot

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

    async def caught_up(self, pilot: Pilot[int], at: float) -> list[str]:
        """Wait until the screen shows that time; all that it showed meanwhile."""
        shown: list[str] = []
        for _ in range(5_000):
            await pilot.pause()
            strips = self.app.screen._compositor.render_strips()
            shown.append("\n".join(strip.text for strip in strips))
            if self.app.time() >= at:
                return shown
        raise AssertionError(f"still at {self.app.time()}, not at {at}")


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
        await story.caught_up(pilot, BEGIN + 20.0)
        assert story.app.time() == BEGIN + 20.0
        assert story.provider._now() == BEGIN + 20.0
        await pilot.press("p")
        story.wall.advance(1.0)
        assert story.app.time() == BEGIN + 24.0
        assert story.provider._now() == BEGIN + 24.0


async def test_time_goes_on_from_where_steps_lead_though_the_source_is_still_on_its_way(
    story: Story,
) -> None:
    async with story.app.run_test(size=MIDDLE) as pilot:
        await pilot.press("p")
        story.app.action_step()
        story.app.action_step()
        assert story.app.time() == BEGIN
        await pilot.press("p")
        story.wall.advance(1.0)
        assert story.app.time() == BEGIN + 24.0
        assert story.provider._now() == BEGIN + 24.0


async def test_steps_in_a_burst_make_nothing_look_old(story: Story) -> None:
    async with story.app.run_test(size=MIDDLE) as pilot:
        await story.caught_up(pilot, BEGIN)
        await pilot.press("p")
        for _ in range(3):
            for _ in range(30):
                story.app.action_step()
            leads_to = story.provider._now()
            shown = await story.caught_up(pilot, leads_to)
            assert "assistant" in shown[-1]
            assert not any("no fresh metrics" in one for one in shown)


async def test_a_pace_that_is_said_takes_the_place_of_the_one_before(story: Story) -> None:
    async with story.app.run_test(size=MIDDLE, notifications=True) as pilot:
        for _ in range(3):
            await pilot.press("greater_than_sign")
        await pilot.pause()
        said = [one.message for one in story.app._notifications]
        assert said == ["32 simulated seconds per second"]


async def test_what_is_no_story_says_that_it_has_no_pace(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        await pilot.press("plus")
        await pilot.pause()
        assert "only a story has a pace" in fleet.text
        await pilot.press("full_stop")
        await pilot.pause()
        assert "cannot be stepped" in fleet.text
