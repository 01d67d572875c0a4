"""MtopApp: puts source, store and screens together, and exchanges the source."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, cast
from weakref import WeakSet

os.environ.setdefault("TEXTUAL_FPS", "120")  # read when textual is imported: halves key latency

from textual import events
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.command import Provider
from textual.driver import Driver
from textual.filter import LineFilter, NoColor
from textual.notifications import Notification, SeverityLevel
from textual.worker import Worker, WorkerError, WorkerState

from mtop_tui import resources
from mtop_tui.clock import Clock, PacedClock
from mtop_tui.commands import APP, VIEWS, bindings
from mtop_tui.config.first_query import first_query
from mtop_tui.config.settings import Loaded, Settings
from mtop_tui.keys_in_turn import KeysInTurn
from mtop_tui.observations import Observation, SourceHealth
from mtop_tui.providers.base import FleetProvider, feed
from mtop_tui.screens.fleet import FleetScreen
from mtop_tui.screens.looking import LookingScreen
from mtop_tui.signals import leave_on_signals
from mtop_tui.state.fleet import FleetStore
from mtop_tui.switch import Switch
from mtop_tui.text import safe
from mtop_tui.themes import THEMES
from mtop_tui.watch import Watch
from mtop_tui.widgets.ascii_filter import AsciiOnly

if TYPE_CHECKING:
    from textual.screen import Screen
    from textual.timer import Timer

    from mtop_tui.actions.contract import Actions
    from mtop_tui.alarm import Alarm
    from mtop_tui.domain.capacity.forecast import ServingModel
    from mtop_tui.observations import ServiceKey
    from mtop_tui.providers.opening import OpenedSource, Opener
    from mtop_tui.undertaking import Undertaking


STEP = 10.0
"""Seconds that a step moves a source forward that is held."""

SLOWEST, FASTEST = 0.25, 256.0
"""Simulated seconds per second that keys can set."""

LONGEST_DRAWING = 1.0
"""Seconds for which data is held back until the first picture stands."""

TOAST_SECONDS, MOST_TOASTS = 5.0, 3
"""How long something said stands, and how much of it at once."""

ALERTS_EVERY = 1.0
"""Seconds between looks at the alerts."""

LONGEST_WITHOUT_GC = 5.0
"""Seconds after which collection resumes even if no service has been shown."""

TIDYING = 0.1
"""Seconds after a screen was closed at which what it consisted of is dropped.

Screens are cycles of thousands of objects. Left to themselves, ten of them go at once, and a key
that is pressed then waits a quarter of a second.
"""

LINGERING = 2.0
"""Seconds for which waits that were cancelled hold on to the source before."""


GC_THRESHOLDS = 1_000, 3, 100
"""A fleet is much that lives long: collections in a hurry find nothing, and hold the event loop."""


def _stay() -> None:
    """Let collections pass over what is there to stay.

    To look for garbage in it first would hold a large fleet for longer than a key may wait.
    """
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()


def _settle() -> None:
    """Drop what is not needed any more, and let collections pass over the rest."""
    gc.unfreeze()
    gc.collect()
    _stay()


def _palette() -> type[Provider]:
    from mtop_tui.screens.palette import MtopCommands  # noqa: PLC0415 - on first use

    return MtopCommands


class MtopApp(App[int]):
    """One fleet at a time, watched until the user chooses another one or quits.

    Attributes:
        switch: opens other sources.
        serving_model: says what another GPU or other replicas would come to, if anything does.
        may_act: whether mtop was started with --allow-actions, whatever the source takes.
    """

    TITLE = "mtop"
    CSS_PATH = None
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette}
    BINDINGS: ClassVar[list[BindingType]] = bindings((*VIEWS, *APP))
    COMMAND_PALETTE_BINDING = ""
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        settings: Settings,
        provider: FleetProvider,
        store: FleetStore,
        clock: Clock,
        opener: Opener | None = None,
        *,
        serving_model: ServingModel | None = None,
        actions: Callable[[], Actions] | None = None,
        may_act: bool = False,
    ) -> None:
        super().__init__(css_path=resources.path("mtop.tcss"))
        self.settings = settings
        self._watch = Watch(provider, store, clock, actions=actions)
        self.may_act = may_act or actions is not None
        self._feed: Worker[None] | None = None
        self._settling: Timer | None = None
        self.serving_model = serving_model
        self.switch = Switch(self, opener)
        self._ascii_only = (AsciiOnly(),) if settings.ascii else ()
        self._keys = KeysInTurn(self)
        self._closed_screens: WeakSet[Screen[Any]] = WeakSet()
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

    async def on_event(self, event: events.Event) -> None:
        """Look at keys one at a time, at all else as it comes."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self._keys.take(partial(super().on_event, event))
        else:
            await super().on_event(event)

    def on_load(self) -> None:
        """Before the terminal is touched: see to it that a signal leaves it as `q` does."""
        leave_on_signals(partial(self.call_later, self.action_quit))

    def get_default_screen(self) -> Screen[None]:
        """The fleet, sorted as the settings say."""
        return FleetScreen(first_query(self.settings))

    def on_mount(self) -> None:
        """Begin to observe."""
        self.set_timer(LONGEST_WITHOUT_GC, gc.enable)
        self.set_interval(ALERTS_EVERY, self._watch_alerts)
        # Continued after ctrl+z, the screen is blank, and Textual would draw only what changes.
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        self._observe()

    @property
    def store(self) -> FleetStore:
        """What is known of the fleet that is watched."""
        return self._watch.store

    @property
    def provider(self) -> FleetProvider:
        """The source, for what screens read of it on demand."""
        return self._watch.provider

    @property
    def takes_actions(self) -> bool:
        """Whether something can be changed at the source."""
        return self._watch.takes_actions

    @property
    def undertakings(self) -> dict[ServiceKey, Undertaking]:
        """The last action on each service that was begun."""
        return self._watch.undertakings

    @property
    def actions(self) -> Actions | None:
        """What changes something at the source; None where mtop only looks."""
        return self._watch.actions

    @property
    def paused(self) -> bool:
        """Whether the source's time is held."""
        return self._watch.paused

    def time(self) -> float:
        """Now by the source's clock."""
        return self._watch.time()

    # Observing

    def _observe(self) -> None:
        """Begin to observe what is to be watched."""
        watch = self._watch
        self._feed = self.run_worker(
            feed(watch.provider, partial(self._take, watch), partial(self._draw_first, watch)),
            name="feed",
            group="source",
            exit_on_error=False,
        )

    def _take(self, watch: Watch, observations: Sequence[Observation]) -> None:
        watch.take(observations)
        if not watch.has_shown and watch.store.has_services:
            watch.has_shown = True
            self.call_later(self._show)

    def _show(self) -> None:
        if isinstance(self.screen, FleetScreen):
            self.screen.look_if_seen()

    async def _draw_first(self, watch: Watch) -> None:
        """Once the fleet has been described, its picture comes before all that is to follow."""
        if not watch.is_described or watch.has_drawn:
            return
        watch.has_drawn = True
        drawn = asyncio.Event()
        if not watch.is_first:
            self._widen()
        self._show()
        if self.call_after_refresh(drawn.set):
            with suppress(TimeoutError):
                await asyncio.wait_for(drawn.wait(), LONGEST_DRAWING)
        if watch.is_first:
            _stay()
        self._watch_alerts()

    def _watch_alerts(self) -> None:
        if self._watch.has_shown:
            self.alarm.look()

    @cached_property
    def alarm(self) -> Alarm:
        """Who watches the alerts."""
        from mtop_tui.alarm import Alarm  # noqa: PLC0415 - after the first picture

        return Alarm(self)

    def tell_terminal(self, sequence: str) -> None:
        """Write a control sequence that draws nothing."""
        if self._driver is not None:
            self._driver.write(sequence)
            self._driver.flush()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A source that breaks is said so on the screen, and the rest goes on."""
        worker = event.worker
        if worker is not self._feed or event.state not in (WorkerState.ERROR, WorkerState.SUCCESS):
            return
        broken = event.state == WorkerState.ERROR
        self.store.apply(
            [
                SourceHealth(
                    at=self.time(),
                    source=self.provider.name,
                    state="error" if broken else "ended",
                    detail=f"{worker.error}" if broken else "",
                )
            ]
        )

    def say(self, text: str, severity: SeverityLevel = "information", *, about: str = "") -> None:
        """Say something for some seconds; what still stands there is counted, not repeated.

        What is said `about` the same takes the place of what was said before.
        """
        standing = {said: one for said, one in self._toasts.items() if not one[0].has_expired}
        before, times = standing.pop(about or text, (None, 0))
        times = 0 if about else times
        if before is None and len(standing) >= MOST_TOASTS:
            before, _ = standing.pop(next(iter(standing)))
        if before is not None:
            self._unnotify(before, refresh=False)
        shown = text if not times else f"{text} ({times + 1} times)"
        toast = Notification(safe(shown), severity=severity, timeout=TOAST_SECONDS)
        self._toasts = {**standing, about or text: (toast, times + 1)}
        # Not posted, as `notify` does: what is said twice at once must find what it replaces.
        self._notifications.add(toast)
        self._refresh_notifications()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a line is typed, the keys that open one are characters like any other."""
        del parameters
        typing = self.focused is not None and self.focused.check_consume_key("x", "x")
        return not (typing and action in {"command_palette", "export"})

    async def action_command_palette(self) -> None:  # type: ignore[override]
        """Open the palette."""
        from mtop_tui.screens.palette import Palette  # noqa: PLC0415 - on first use

        if not isinstance(self.screen, Palette):
            palette = Palette()
            await self.push_screen(palette)
            palette.take_keys()

    def _widen(self) -> None:
        """Show all of a fleet that has none of the namespaces asked for: another one had them."""
        asked = self.settings.namespaces
        there = {state.key.namespace for state in self.store.services()}
        if asked and there.isdisjoint(asked):
            self._fleet.begin_again(())
            self.say(f"no namespace {' or '.join(asked)} here: all services are shown")

    async def exchange(self, opened: OpenedSource) -> None:
        """Let go of one source and all that is known of it, and begin with another.

        What was opened over the fleet is about services of the last source, and is closed.
        """
        last = self._watch
        await self._leave_all()  # what reads from the source goes before it
        if self._feed is not None:
            self._feed.cancel()
            with suppress(WorkerError):
                await self._feed.wait()
        self.workers.cancel_group(self, "actions")
        await last.close()
        self._watch = Watch(*opened[:3], is_first=False)
        fleet = await self._leave_all()  # what a key has opened meanwhile
        fleet.begin_again(self.settings.namespaces)
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(LINGERING, _settle)
        self._observe()

    def pop_screen(self) -> AwaitComplete:
        """Close the screen on top."""
        self._tidy_soon()
        return super().pop_screen()

    def switch_screen(self, screen: Screen[Any] | str) -> AwaitComplete:
        """Put a screen in the place of the one on top."""
        self._tidy_soon()
        return super().switch_screen(screen)

    def _tidy_soon(self) -> None:
        self._closed_screens.add(self.screen)
        self.set_timer(TIDYING, self._tidy)

    def _tidy(self) -> None:
        """Drop the screens that were closed, and let the next time pass over what is left.

        What still stands then is the fleet's, and there to stay.
        """
        gc.collect()
        if len(self.screen_stack) == 1 and not self._closed_screens:
            gc.freeze()

    async def _leave_all(self) -> FleetScreen:
        """Go back to the fleet, from however deep."""
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        return self._fleet

    @property
    def _fleet(self) -> FleetScreen:
        return cast("FleetScreen", self.screen_stack[0])

    # Its time

    def toggle_pause(self) -> None:
        """Hold or resume the source's time and the screen's with it."""
        if "pause" in self.provider.offers:
            self._watch.toggle_pause()
        else:
            self.say("this source cannot be paused")

    def action_step(self) -> None:
        """Move the time at which it is held forward by `STEP`."""
        if "step" not in self.provider.offers:
            self.say("this source cannot be stepped")
        elif not self.paused:
            self.say("pause first: a step moves the time at which it is held")
        else:
            self._watch.step(STEP)

    def action_pace(self, times: float) -> None:
        """Let simulated time run so many times as fast as it does."""
        clock = self._watch.clock
        if not isinstance(clock, PacedClock):
            self.say("only a story has a pace: open one with --recipe")
            return
        clock.speed = speed = min(max(clock.speed * times, SLOWEST), FASTEST)
        self.say(f"{speed:g} simulated seconds per second", about="pace")

    def action_tell(self) -> None:
        """Tell of alerts that begin to fire, or be silent."""
        self.say(self.alarm.toggle())

    def action_help(self) -> None:
        """Open the help page."""
        from mtop_tui.screens.help import HelpScreen  # noqa: PLC0415 - on first use

        shown = getattr(self.screen, "COMMANDS_SHOWN", FleetScreen.COMMANDS_SHOWN)
        shown = (*shown, *getattr(self.screen, "acts", ()))
        columns = getattr(self.screen, "COLUMNS", FleetScreen.COLUMNS)
        self.push_screen(HelpScreen(shown, columns))

    def action_open(self, name: str) -> None:
        """Open another screen of the fleet; from one of them, in its place, else over it."""
        from mtop_tui.screens.directory import SCREENS  # noqa: PLC0415 - on first use
        from mtop_tui.screens.table_screen import TableScreen  # noqa: PLC0415 - on first use

        screen = SCREENS[name]()
        if type(self.screen) is type(screen):
            self.say(f"this is {name}")
        elif any(type(one) is type(screen) for one in self.screen_stack):
            self.say(f"{name} is open: Esc leads back to it")
        elif isinstance(self.screen, TableScreen):
            self.switch_screen(screen)
        elif isinstance(self.screen, LookingScreen):
            self.push_screen(screen)

    async def action_export(self) -> None:
        """Write what the screen shows to a file."""
        from mtop_tui.screens.exporting import ask_where  # noqa: PLC0415 - on first use

        if isinstance(self.screen, LookingScreen):
            await self.push_screen(ask_where(self.screen))

    def action_kubectl(self) -> None:
        """Open the kubectl commands that show what the screen shows."""
        from mtop_tui.screens.kubectl import KubectlScreen  # noqa: PLC0415 - on first use

        if isinstance(self.screen, LookingScreen) and (commands := self.screen.kubectl()):
            self.push_screen(KubectlScreen(commands))
        else:
            self.say("kubectl has nothing like this screen")

    async def action_quit(self, code: int = 0) -> None:
        """Close the source and leave."""
        self.workers.cancel_group(self, "actions")
        await self._watch.close()
        self.exit(code)


def run(
    loaded: Loaded,
    provider: FleetProvider,
    store: FleetStore,
    clock: Clock,
    opener: Opener,
    *,
    serving_model: ServingModel,
    actions: Callable[[], Actions] | None = None,
    may_act: bool = False,
) -> int:
    """Open the screen; returns the exit code when the user leaves."""
    app = MtopApp(
        loaded.settings,
        provider,
        store,
        clock,
        opener,
        serving_model=serving_model,
        actions=actions,
        may_act=may_act,
    )
    return app.run() or 0
