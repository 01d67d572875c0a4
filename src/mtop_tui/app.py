"""MtopApp: puts store, source and screens together."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

os.environ.setdefault("TEXTUAL_FPS", "120")  # read when textual is imported: halves key latency

from textual.app import App
from textual.binding import BindingType
from textual.command import Provider
from textual.driver import Driver
from textual.filter import LineFilter, NoColor
from textual.notifications import Notification, SeverityLevel
from textual.worker import Worker, WorkerState

from mtop_tui import resources
from mtop_tui.clock import Clock, PacedClock
from mtop_tui.commands import APP, VIEWS, bindings
from mtop_tui.config.settings import Loaded, Settings
from mtop_tui.observations import MetricSample, Observation, SourceHealth
from mtop_tui.providers.base import FleetProvider, feed
from mtop_tui.screens.fleet import FleetScreen
from mtop_tui.screens.looking import LookingScreen
from mtop_tui.signals import leave_on_signals
from mtop_tui.state.fleet import FleetStore
from mtop_tui.text import safe
from mtop_tui.themes import THEMES
from mtop_tui.views.fleet import FleetQuery
from mtop_tui.widgets.ascii_filter import AsciiOnly

if TYPE_CHECKING:
    from textual.screen import Screen


STEP = 10.0
"""Seconds that a step moves a source forward that is held."""

SLOWEST, FASTEST = 0.25, 256.0
"""Simulated seconds per second that keys can set."""

LONGEST_DRAWING = 1.0
"""Seconds for which data is held back until the first picture stands."""

TOAST_SECONDS, MOST_TOASTS = 5.0, 3
"""How long something said stands, and how much of it at once."""

ALERTS_EVERY = 1.0
"""Seconds between looks at what only a clock can tell: that a source says nothing any more."""

LONGEST_WITHOUT_GC = 5.0
"""Seconds after which collection resumes even if no service has been shown."""


def _palette() -> type[Provider]:
    from mtop_tui.screens.palette import MtopCommands  # noqa: PLC0415 - on first use

    return MtopCommands


class MtopApp(App[int]):
    """One fleet, watched until the user quits."""

    TITLE = "mtop"
    CSS_PATH = None
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette}
    BINDINGS: ClassVar[list[BindingType]] = bindings((*VIEWS, *APP))
    COMMAND_PALETTE_BINDING = ""
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self, settings: Settings, provider: FleetProvider, store: FleetStore, clock: Clock
    ) -> None:
        super().__init__(css_path=resources.path("mtop.tcss"))
        self.settings = settings
        self.store = store
        self.paused = False
        self._provider = provider
        self._clock = clock
        self._paused_at: float | None = None
        self._behind = 0.0
        self._has_shown = self._is_described = self._has_drawn = False
        self._ascii_only = (AsciiOnly(),) if settings.ascii else ()
        self._toasts: dict[str, tuple[Notification, int]] = {}
        self.animation_level = "none"
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = settings.theme

    def get_driver_class(self) -> type[Driver]:
        """Textual's driver for this system, made to draw on stdout.

        Its own choice is stderr, so `mtop 2>file` would show nothing and fill the file.
        """

        class StdoutDriver(super().get_driver_class()):  # type: ignore[misc]
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)
                self._file = sys.__stdout__

        return StdoutDriver

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What is done to each line before it is drawn."""
        # Textual would make greys of colours; who sets NO_COLOR wants none written.
        colours = (NoColor(),) if os.environ.get("NO_COLOR") else super().get_line_filters()
        return (*colours, *self._ascii_only)

    def on_load(self) -> None:
        """Before the terminal is touched: see to it that a signal leaves it as `q` does."""
        leave_on_signals(partial(self.call_later, self.action_quit))

    def get_default_screen(self) -> Screen[None]:
        """The fleet, sorted as the settings say."""
        settings = self.settings
        sort, is_reversed = settings.sort_column or "mark", settings.sort_reversed
        query = FleetQuery(sort, is_reversed, namespaces=settings.namespaces)
        return FleetScreen(query, settings.columns)

    def on_mount(self) -> None:
        """Begin to observe."""
        self.set_timer(LONGEST_WITHOUT_GC, gc.enable)
        self.set_interval(ALERTS_EVERY, self._watch_alerts)
        # Continued after ctrl+z, the screen is blank, and Textual would draw only what changes.
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        self.run_worker(
            feed(self._provider, self._take, self._draw_first),
            name="feed",
            group="source",
            exit_on_error=False,
        )

    @property
    def provider(self) -> FleetProvider:
        """The source, for what screens read of it on demand."""
        return self._provider

    def time(self) -> float:
        """Now by the source's clock: it stands still while paused and goes on from there."""
        return self._paused_at if self._paused_at is not None else self._clock.now() - self._behind

    def _take(self, observations: Sequence[Observation]) -> None:
        self.store.apply(observations)
        if not self._has_shown and self.store.services():
            self._has_shown = True
            self.call_later(self._show)
        if self._has_shown and not self._is_described:
            # With the first figures, the fleet has been described.
            self._is_described = any(type(one) is MetricSample for one in observations)

    def _show(self) -> None:
        if isinstance(self.screen, FleetScreen):
            self.screen.look_if_seen()

    async def _draw_first(self) -> None:
        """Once the fleet has been described, its picture comes before all that is to follow."""
        if not self._is_described or self._has_drawn:
            return
        self._has_drawn = True
        drawn = asyncio.Event()
        self._show()
        if self.call_after_refresh(drawn.set):
            with suppress(TimeoutError):
                await asyncio.wait_for(drawn.wait(), LONGEST_DRAWING)
        # What was loaded to get here stays: without it, each full collection looks at it again.
        gc.collect()
        gc.freeze()
        gc.enable()
        self._watch_alerts()

    def _watch_alerts(self) -> None:
        """Step the rules about sources; those about services are stepped as the store is told."""
        store = self.store
        if store.alerts is None:
            if not self._has_shown:
                return
            from mtop_tui.state.alerts import Alerts  # noqa: PLC0415 - after the first picture

            store.alerts = Alerts()
        store.alerts.step_sources(store.sources.values(), store.latest, self.time())

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A source that breaks is said so on the screen, and the rest goes on."""
        worker = event.worker
        if worker.name != "feed" or event.state not in (WorkerState.ERROR, WorkerState.SUCCESS):
            return
        broken = event.state == WorkerState.ERROR
        self.store.apply(
            [
                SourceHealth(
                    at=self.time(),
                    source=self._provider.name,
                    state="error" if broken else "ended",
                    detail=f"{worker.error}" if broken else "",
                )
            ]
        )

    def say(self, text: str, severity: SeverityLevel = "information") -> None:
        """Say something for some seconds; what still stands there is counted, not repeated."""
        standing = {said: one for said, one in self._toasts.items() if not one[0].has_expired}
        before, times = standing.pop(text, (None, 0))
        if before is None and len(standing) >= MOST_TOASTS:
            before, _ = standing.pop(next(iter(standing)))
        if before is not None:
            self._unnotify(before, refresh=False)
        shown = text if not times else f"{text} ({times + 1} times)"
        toast = Notification(safe(shown), severity=severity, timeout=TOAST_SECONDS)
        self._toasts = {**standing, text: (toast, times + 1)}
        # Not posted, as `notify` does: what is said twice at once must find what it replaces.
        self._notifications.add(toast)
        self._refresh_notifications()

    def action_command_palette(self) -> None:
        """Open the palette."""
        from mtop_tui.screens.palette import Palette  # noqa: PLC0415 - on first use

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def toggle_pause(self) -> None:
        """Hold or resume the source's time and the screen's with it."""
        if "pause" not in self._provider.offers:
            self.say("this source cannot be paused")
            return
        self.paused = not self.paused
        if self.paused:
            self._paused_at = self.time()
        elif self._paused_at is not None:
            self._behind = self._clock.now() - self._paused_at
            self._paused_at = None
        self._provider.pause(self.paused)

    def action_step(self) -> None:
        """Move the time at which it is held forward by `STEP`."""
        if "step" not in self._provider.offers:
            self.say("this source cannot be stepped")
        elif self._paused_at is None:
            self.say("pause first: a step moves the time at which it is held")
        else:
            self._paused_at += STEP
            self._provider.step(STEP)

    def action_pace(self, times: float) -> None:
        """Let simulated time run so many times as fast as it does."""
        if not isinstance(self._clock, PacedClock):
            self.say("only a story has a pace: open one with --recipe")
            return
        speed = min(max(self._clock.speed * times, SLOWEST), FASTEST)
        self._clock.speed = speed
        self.say(f"{speed:g} simulated seconds per second")

    def action_help(self) -> None:
        """Open the help page."""
        from mtop_tui.screens.help import HelpScreen  # noqa: PLC0415 - on first use

        shown = getattr(self.screen, "COMMANDS_SHOWN", FleetScreen.COMMANDS_SHOWN)
        columns = getattr(self.screen, "COLUMNS", FleetScreen.COLUMNS)
        self.push_screen(HelpScreen(shown, columns))

    def action_open(self, name: str) -> None:
        """Open another screen of the fleet; from one of them, in its place."""
        from mtop_tui.screens.directory import SCREENS  # noqa: PLC0415 - on first use
        from mtop_tui.screens.table_screen import TableScreen  # noqa: PLC0415 - on first use

        screen = SCREENS[name]()
        if isinstance(self.screen, TableScreen):
            if type(self.screen) is not type(screen):
                self.switch_screen(screen)
        elif isinstance(self.screen, FleetScreen):
            self.push_screen(screen)

    def action_export(self) -> None:
        """Write what the screen shows to a file."""
        from mtop_tui.screens.exporting import ask_where  # noqa: PLC0415 - on first use

        if isinstance(self.screen, LookingScreen):
            self.push_screen(ask_where(self.screen))

    def action_kubectl(self) -> None:
        """Open the kubectl commands that show what the screen shows."""
        from mtop_tui.screens.kubectl import KubectlScreen  # noqa: PLC0415 - on first use

        if isinstance(self.screen, LookingScreen) and (commands := self.screen.kubectl()):
            self.push_screen(KubectlScreen(commands))
        else:
            self.say("kubectl has nothing like this screen")

    async def action_quit(self, code: int = 0) -> None:
        """Close the source and leave."""
        await self._provider.close()
        self.exit(code)


def run(loaded: Loaded, provider: FleetProvider, store: FleetStore, clock: Clock) -> int:
    """Open the screen; returns the exit code when the user leaves."""
    app = MtopApp(loaded.settings, provider, store, clock)
    return app.run() or 0
