"""The Sources screen of a running app on a small terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from mtop_tui.app import MtopApp
from mtop_tui.clock import Clock
from mtop_tui.config.settings import Settings
from mtop_tui.screens.sources import SourcesScreen
from mtop_tui.state.fleet import FleetStore

SMALL = (80, 24)
PATIENCE = 30.0


class Screen:
    """The Sources screen of a running app."""

    def __init__(self, app: MtopApp, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot

    async def until(self, holds: Callable[[], object], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"never came: {what}; {self.app.store.sources}") from None

    async def says(self, source: str) -> str:
        """What stands under the table when the row of a source is selected."""
        screen = self.app.screen
        assert isinstance(screen, SourcesScreen)
        screen.look()
        key = next(key for key in screen._order if source in key)
        screen.table.select(key)
        await self.pilot.pause()
        area = screen.why.region
        strips = screen._compositor.render_strips()[area.y : area.bottom]
        return " ".join(strip.text.strip() for strip in strips).strip()


@asynccontextmanager
async def opened(provider: Any, clock: Clock) -> AsyncIterator[Screen]:
    """The app on a small screen, with Sources open."""
    app = MtopApp(Settings(), provider, FleetStore(), clock)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("v")
        await pilot.pause()
        yield Screen(app, pilot)
        assert app.is_running
        assert app.return_code is None
