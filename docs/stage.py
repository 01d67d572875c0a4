"""The app on the simulated cluster or a story, held at one simulated time: pictures and tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import NamedTuple

from textual.pilot import Pilot

from mtop_tui import resources
from mtop_tui.app import MtopApp
from mtop_tui.cli.story import BEGIN
from mtop_tui.clock import ManualClock
from mtop_tui.config.prices import bundled_prices
from mtop_tui.config.promises import promises
from mtop_tui.config.settings import Settings
from mtop_tui.providers.mock.manifests import load
from mtop_tui.providers.mock.provider import CLUSTER, MockProvider
from mtop_tui.providers.mock.recipes import find_recipe, read_recipe
from mtop_tui.providers.mock.story import story_of
from mtop_tui.screens.looking import LookingScreen
from mtop_tui.state.fleet import FleetStore

AFTERNOON = 1_800_021_600.0
"""A Friday, 14:00 UTC: the busier half of the simulated day."""


class Stage(NamedTuple):
    """The app, and what there is to act on it."""

    app: MtopApp
    pilot: Pilot[int]

    async def settle(self) -> None:
        """Let what was asked for arrive and be drawn."""
        for worker in [one for one in self.app.workers if one.group == "object"]:
            await worker.wait()
        for _ in range(3):
            await self.pilot.pause()
            if isinstance(self.app.screen, LookingScreen):
                self.app.screen.look()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        """Press keys, each once the one before has led to where it leads."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    @property
    def lines(self) -> list[str]:
        """What a user reads, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return [strip.text.rstrip() for strip in strips]

    @property
    def text(self) -> str:
        """What a user reads."""
        return "\n".join(self.lines)


@asynccontextmanager
async def held(
    recipe: str | None,
    passed: float,
    size: tuple[int, int],
    settings: Settings | None = None,
    *,
    notifications: bool = False,
) -> AsyncIterator[Stage]:
    """The app once so many seconds have passed in a story, or in the simulated cluster (None).

    From then on, no time passes.
    """
    # Figures are derived when somebody looks: who looks by the machine's time gets other ones.
    settings = replace(settings or Settings(), refresh=3600.0)
    begin = AFTERNOON if recipe is None else BEGIN
    clock, over = ManualClock(begin), asyncio.Event()

    async def sleep(seconds: float) -> None:
        if clock.now() + seconds > begin + passed:
            over.set()
            await asyncio.Event().wait()  # for ever: nothing changes any more
        clock.advance(seconds)
        await asyncio.sleep(0)

    story = None if recipe is None else story_of(read_recipe(find_recipe(recipe)), CLUSTER)
    provider = MockProvider(
        load(resources.path("mocks")) if story is None else story.manifests,
        seed=settings.seed if story is None else story.seed,
        clock=clock,
        clones=None if story is None else story.clones,
        sleep=sleep,
        story=story,
        fluid=None if story is None else story.fluid,
    )
    store = FleetStore(bundled_prices(), promises(settings, None))
    app = MtopApp(settings, provider, store, clock)
    async with app.run_test(size=size, notifications=notifications) as pilot:
        await over.wait()
        stage = Stage(app, pilot)
        await stage.settle()
        yield stage
