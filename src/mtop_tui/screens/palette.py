"""The command palette: every declared command by its name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.widgets import Input

from mtop_tui.commands import APP, FLEET, MOVE
from mtop_tui.config.settings import THEME_NAMES
from mtop_tui.screens.fleet import FleetScreen
from mtop_tui.views.columns import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.dom import DOMNode

    from mtop_tui.app import MtopApp

    Entry = tuple[str, str, Callable[[], Awaitable[object] | object]]


class Palette(CommandPalette):
    """Textual's palette, in which nothing blinks."""

    def on_mount(self) -> None:
        """Let the cursor stand still."""
        self.query_one(Input).cursor_blink = False

    def take_keys(self) -> None:
        """From the next key on, what is typed is what is searched for."""
        self.set_focus(self.query_one(Input))


class MtopCommands(Provider):
    """Commands of the app and of the screen the palette was opened from."""

    async def search(self, query: str) -> Hits:
        """Commands whose name matches what was typed."""
        matcher = self.matcher(query)
        for title, help_text, run in [*self._entries(), *await self._sources()]:
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), run, help=help_text)

    async def discover(self) -> Hits:
        """All commands, before anything is typed."""
        for title, help_text, run in [*self._entries(), *await self._sources()]:
            yield DiscoveryHit(title, run, help=help_text)

    def _entries(self) -> Iterator[Entry]:
        screen = self.screen
        shown = getattr(screen, "COMMANDS_SHOWN", (*FLEET, *MOVE, *APP))
        for command in (*shown, *getattr(screen, "acts", ())):
            if command.palette:
                target = self._target(command.action)
                run = partial(self.app.run_action, command.action, default_namespace=target)
                yield f"{command.title} ({command.key_label})", command.help, run
        if isinstance(screen, FleetScreen):
            for column in COLUMNS:
                if column.title:
                    yield f"Sort by {column.title}", column.help, partial(screen.sort_by, column.id)
        for theme in THEME_NAMES:
            yield (
                f"Theme {theme}",
                "Colours of the screen",
                partial(setattr, self.app, "theme", theme),
            )

    async def _sources(self) -> list[Entry]:
        """What else could be watched, each as it is."""
        from mtop_tui.providers.opening import SourceRequest  # noqa: PLC0415 - when asked

        app = cast("MtopApp", self.app)
        return [
            (
                f"Watch {one.kind} {one.name}"
                if one.kind != "cluster"
                else f"Watch the {one.name}",
                one.about,
                partial(app.switch.open, SourceRequest(one.kind, one.name)),
            )
            for one in await app.switch.choices()
        ]

    def _target(self, action: str) -> DOMNode:
        """Whose action it is: as with a key, the focused widget comes first and the app last."""
        name = f"action_{action.partition('(')[0]}"
        screen = self.screen
        nodes = [node for node in (screen.focused, screen) if node is not None]
        return next((node for node in nodes if hasattr(node, name)), self.app)
