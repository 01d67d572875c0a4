"""What screens with a time axis have in common: how far back it reaches, and its cursor."""

from __future__ import annotations

from mtop_tui.screens.looking import LookingScreen
from mtop_tui.views.board import Board
from mtop_tui.views.timeline import SPANS, Axis


class ChartedScreen(LookingScreen):
    """A screen whose charts stand on one axis, read at one time by a cursor."""

    _board: Board

    # What the screen that inherits says

    def axis(self) -> Axis:
        """The axis as it is drawn now."""
        raise NotImplementedError

    def draw(self, board: Board) -> None:
        """Show the charts so from now on."""
        raise NotImplementedError

    # Commands

    def action_span(self, index: int) -> None:
        """Look back over one of the spans."""
        self.draw(self._board.spanning(index))

    def action_zoom(self, step: int) -> None:
        """Look back over a shorter or longer span."""
        index = SPANS.index(self._board.span) - step
        if index >= len(SPANS):
            self.app.say("six hours are kept, no more")
        self.action_span(index)

    def action_cursor(self, step: int) -> None:
        """Move the cursor by cells; beyond the present, it goes away."""
        self.draw(self._board.moved(step, self.axis()))
