"""`make picture`: draws docs/fleet.svg, the simulated cluster at one fixed time."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from mtop_tui import resources
from mtop_tui.app import MtopApp
from mtop_tui.clock import ManualClock
from mtop_tui.config.prices import bundled_prices
from mtop_tui.config.promises import promises
from mtop_tui.config.settings import Settings
from mtop_tui.providers.mock.manifests import load
from mtop_tui.providers.mock.provider import MockProvider
from mtop_tui.screens.fleet import FleetScreen
from mtop_tui.state.fleet import FleetStore

START = 1_800_021_600.0
"""A Friday, 14:00 UTC: the busier half of the simulated day."""

LOOKED_AT = START + 300
SIZE = (120, 40)
PICTURE = Path(__file__).with_name("fleet.svg")


async def draw() -> str:
    """The screen as SVG, once five minutes of simulated time have passed."""
    clock, over = ManualClock(START), asyncio.Event()

    async def sleep(seconds: float) -> None:
        if clock.now() + seconds > LOOKED_AT:
            over.set()
            await asyncio.Event().wait()  # for ever: nothing changes any more
        clock.advance(seconds)
        await asyncio.sleep(0)

    provider = MockProvider(load(resources.path("mocks")), seed=7, clock=clock, sleep=sleep)
    settings = Settings()
    store = FleetStore(bundled_prices(), promises(settings, None))
    app = MtopApp(settings, provider, store, clock)
    async with app.run_test(size=SIZE) as pilot:
        await over.wait()
        await pilot.pause()
        assert isinstance(app.screen, FleetScreen)
        app.screen.look()
        await pilot.pause()
        return app.export_screenshot()


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"  # the header has local time
    time.tzset()
    PICTURE.write_text(asyncio.run(draw()))
