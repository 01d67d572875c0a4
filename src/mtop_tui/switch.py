"""From one source to another while the app runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtop_tui.app import MtopApp
    from mtop_tui.providers.opening import Opener, SourceRequest
    from mtop_tui.views.sources import SourceChoice


class Switch:
    """Opens the source that is asked for; while it cannot be opened, the present one goes on.

    Attributes:
        opening: what the source is called that is being opened; empty while none is.
    """

    def __init__(self, app: MtopApp, opener: Opener | None) -> None:
        self.opening = ""
        self._app = app
        self._opener = opener
        self._choices: Sequence[SourceChoice] | None = None

    async def choices(self) -> Sequence[SourceChoice]:
        """Which sources could be watched."""
        if self._choices is None:
            opener = self._opener
            self._choices = () if opener is None else await asyncio.to_thread(opener.choices)
        return self._choices

    def open(self, request: SourceRequest) -> None:
        """Watch another source as soon as it is open; one at a time is opened."""
        if self._opener is None:
            return
        if self.opening:
            self._app.say(f"{self.opening} is being opened: wait for it")
            return
        self.opening = request.name
        self._app.run_worker(self._open(self._opener, request), group="opening")

    async def _open(self, opener: Opener, request: SourceRequest) -> None:
        from mtop_tui.providers.opening import CannotOpenError  # noqa: PLC0415 - on first use

        try:
            opened = await asyncio.to_thread(opener.open, request)
        except CannotOpenError as error:
            self.opening = ""
            self._refuse(request, error.problems)
        else:
            await self._app.exchange(opened)
            if opened.complaints:
                self._app.say(f"{request.name}: {_first_of(opened.complaints)}", "warning")
        finally:
            self.opening = ""

    def _refuse(self, request: SourceRequest, problems: Sequence[str]) -> None:
        """Say what is wrong where it can be mended, else over whatever is seen."""
        from mtop_tui.screens.sources import SourcesScreen  # noqa: PLC0415 - on first use

        screen = self._app.screen
        if isinstance(screen, SourcesScreen):
            screen.refuse(problems)
        else:
            self._app.say(f"{request.name} cannot be opened: {_first_of(problems)}", "error")


def _first_of(lines: Sequence[str]) -> str:
    more = len(lines) - 1
    return f"{lines[0]} (and {more} more)" if more else lines[0]
