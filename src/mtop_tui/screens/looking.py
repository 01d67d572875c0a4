"""What all screens but the first have in common: they look once per interval, and when asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual import getters
from textual.screen import Screen

from mtop_tui.views.header import alert_count
from mtop_tui.views.table import Cell, Column
from mtop_tui.views.trouble import marks
from mtop_tui.widgets.title_bar import CRUMB, TitleBar

if TYPE_CHECKING:
    from mtop_tui.app import MtopApp
    from mtop_tui.observations import ServiceKey
    from mtop_tui.views.export import Exported
    from mtop_tui.views.kubectl import Kubectl
    from mtop_tui.widgets.row_table import RowTable


class LookingScreen(Screen[None]):
    """A screen that asks the store what is there, and repaints what differs.

    It looks once per refresh interval while it is the one that is seen, when it comes back, and
    when its size changes.
    """

    app: MtopApp
    COLUMNS: ClassVar[Sequence[Column[Any]]] = ()
    title_bar = getters.query_one(TitleBar)

    def on_mount(self) -> None:
        """Begin to look."""
        self.set_interval(self.app.settings.refresh, self._look_by_and_by)
        self.look_if_seen()

    def on_screen_resume(self) -> None:
        """Time went on while another screen was seen."""
        self.look_if_seen()

    def on_resize(self) -> None:
        """What is shown follows the size."""
        self.call_after_refresh(self.look_if_seen)

    async def _look_by_and_by(self) -> None:
        """Look, once what a large fleet takes long to add up was added up part by part."""
        if self.is_current:
            for _ in self.app.store.catch_up():
                await asyncio.sleep(0)
        self.look_if_seen()

    def look_if_seen(self) -> None:
        """Look, unless another screen covers this one."""
        if self.is_current and self.is_mounted:
            self.look()

    def look(self) -> None:
        """Ask the store what is there, and repaint what differs."""
        raise NotImplementedError

    def show_title(self, crumbs: Sequence[str], facts: Sequence[Cell] = ()) -> None:
        """Show where one is, what there is to say of it, alerts, and the source's time."""
        now = self.app.time()
        clock = Cell(datetime.fromtimestamp(now).astimezone().strftime("%H:%M:%S"))
        held = (Cell("paused", "warn"),) if self.app.paused else ()
        trouble = marks(self.app.store, now)
        alerts = alert_count(self.app.store)
        end = (alerts, clock) if alerts.text else (clock,)
        self.title_bar.show(CRUMB.join(("mtop  fleet", *crumbs)), (*held, *trouble, *facts), end)

    def kubectl(self) -> Sequence[Kubectl]:
        """The commands that show what this screen shows."""
        return ()

    @property
    def called(self) -> str:
        """What a file with its content is named after."""
        return type(self).__name__.removesuffix("Screen").lower()

    def exported(self) -> Exported | None:
        """What the screen shows, for other programs; None where it is no more than a picture."""
        return None

    def copy(self, text: str, what: str) -> None:
        """Give text to the terminal's clipboard (OSC 52), and say what it was."""
        self.app.copy_to_clipboard(text)
        self.app.say(f"copied {what}")

    def copy_row(self, table: RowTable[Any]) -> None:
        """Copy the selected row of a table, the fields in view separated by tabs."""
        row = table.selected_row
        if row is not None:
            shown = [column for column, _ in table.columns if column.title]
            text = "\t".join(row.cells[column.id].text.strip() for column in shown)
            self.copy(text, f"a row of {len(shown)} fields")

    def open_service(self, key: ServiceKey | None) -> None:
        """Open a service, if there is one."""
        from mtop_tui.screens.service import ServiceScreen  # noqa: PLC0415 - on first use

        if key is not None:
            self.app.push_screen(ServiceScreen(key))

    def action_back(self) -> None:
        """Go back to the screen before."""
        self.app.pop_screen()

    def action_pause(self) -> None:
        """Hold or resume the source's time."""
        self.app.toggle_pause()
        self.look_if_seen()
