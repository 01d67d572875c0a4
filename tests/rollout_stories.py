"""Shipped stories of rollouts, told up to some second, and an app that shows them then."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from textual.pilot import Pilot

from fleet_source import ScriptedProvider
from mtop_tui.app import MtopApp
from mtop_tui.cli.story import BEGIN, open_story
from mtop_tui.clock import ManualClock
from mtop_tui.config.settings import Settings, load
from mtop_tui.observations import Observation, ServiceKey
from mtop_tui.providers.base import feed
from mtop_tui.screens.rollout import RolloutScreen
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.service import ServiceState

SHIPPED = "llama-3-8b-instruct"
"""The service that most of the stories are about."""


async def told(
    recipe: str, seconds: float, settings: Iterable[tuple[str, object]] = ()
) -> tuple[FleetStore, float]:
    """What a story has shown after so many simulated seconds, and what time it is then."""
    fleet = open_story(load({}), recipe, settings=settings, hurry=True)
    until = BEGIN + seconds

    def take(batch: Sequence[Observation]) -> None:
        fleet.store.apply([one for one in batch if one.at <= until])
        if fleet.clock.now() > until:
            telling.cancel()

    telling = asyncio.ensure_future(feed(fleet.provider, take))
    await asyncio.gather(telling, return_exceptions=True)
    await fleet.provider.close()
    return fleet.store, until


def service_of(store: FleetStore, name: str) -> ServiceState:
    """The service of that name."""
    return next(state for state in store.services() if state.key.name == name)


class Shown:
    """The Rollout screen of a service, with what is known at a time."""

    def __init__(
        self, store: FleetStore, now: float, name: str, settings: Settings | None = None
    ) -> None:
        self.store, self.now = store, now
        self.key: ServiceKey = service_of(store, name).key
        self.clock = ManualClock(now)
        self.provider = ScriptedProvider()
        self.app = MtopApp(settings or Settings(), self.provider, store, self.clock)

    async def open(self, pilot: Pilot[int]) -> RolloutScreen:
        """Open it."""
        await pilot.pause()
        screen = RolloutScreen(self.key)
        self.app.push_screen(screen)
        await pilot.pause()
        return screen

    async def look(self, pilot: Pilot[int]) -> None:
        """Let it look again."""
        await pilot.pause()
        self.app.screen.look()  # type: ignore[attr-defined]
        await pilot.pause()

    @property
    def lines(self) -> list[str]:
        """What a user reads, line by line."""
        return [strip.text.rstrip() for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines)

    @property
    def words(self) -> str:
        """All of it as one line, as if nothing had been broken."""
        return " ".join(self.text.split())

    def line(self, start: str) -> str:
        """The first line that begins so."""
        return next(line for line in self.lines if line.strip().startswith(start))
