"""What all screens but the first have in common: they look once per interval, and when asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual import getters
from textual.screen import Screen

from mtop_tui.views.table import Cell
from mtop_tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from mtop_tui.app import MtopApp


class LookingScreen(Screen[None]):
    """A screen that asks the store what is there, and repaints what differs.

    It looks once per refresh interval while it is the one that is seen, when it comes back, and
    when its size changes.
    """

    app: MtopApp
    title_bar = getters.query_one(TitleBar)

    def on_mount(self) -> None:
        """Begin to look."""
        self.set_interval(self.app.settings.refresh, self.look_if_seen)
        self.look_if_seen()

    def on_screen_resume(self) -> None:
        """Time went on while another screen was seen."""
        self.look_if_seen()

    def on_resize(self) -> None:
        """What is shown follows the size."""
        self.call_after_refresh(self.look_if_seen)

    def look_if_seen(self) -> None:
        """Look, unless another screen covers this one."""
        if self.is_current and self.is_mounted:
            self.look()

    def look(self) -> None:
        """Ask the store what is there, and repaint what differs."""
        raise NotImplementedError

    def show_title(self, crumbs: Sequence[str], facts: Sequence[Cell] = ()) -> None:
        """Show where one is, what there is to say of it, and the time by the source's clock."""
        now = self.app.time()
        clock = datetime.fromtimestamp(now).astimezone().strftime("%H:%M:%S")
        held = (Cell("paused", "warn"),) if self.app.paused else ()
        self.title_bar.show(" > ".join(("mtop  fleet", *crumbs)), (*held, *facts), clock)

    def action_back(self) -> None:
        """Go back to the screen before."""
        self.app.pop_screen()

    def action_pause(self) -> None:
        """Hold or resume the source's time."""
        self.app.toggle_pause()
        self.look_if_seen()
