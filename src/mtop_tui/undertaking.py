"""One action from its plan to its end; it goes on while other screens are looked at."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from mtop_tui.actions.intents import Intent
from mtop_tui.actions.plans import Refused
from mtop_tui.actions.progress import Progress

if TYPE_CHECKING:
    from mtop_tui.actions.contract import Actions, Prepared


class Said(NamedTuple):
    """How far it was at a time, Unix seconds."""

    at: float
    progress: Progress


class Undertaking:
    """What is wanted, what it would come to, and what has become of it.

    Args:
        intent: what is wanted.
        actions: does it.
        time: tells when something was said.

    Attributes:
        prepared: what it would come to, or why it is refused; None while that is worked out.
        said: how far it has got, oldest first.
        has_begun: whether it was carried out.
    """

    def __init__(self, intent: Intent, actions: Actions, time: Callable[[], float]) -> None:
        self.intent = intent
        self._actions, self._time = actions, time
        self.prepared: Prepared | Refused | None = None
        self.said: list[Said] = []
        self.has_begun = False

    @property
    def can_begin(self) -> bool:
        """Whether all is known that has to be seen before it is done, and it was not done yet."""
        return (
            self.prepared is not None
            and not isinstance(self.prepared, Refused)
            and not (self.has_begun)
        )

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be said."""
        return bool(self.said) and self.said[-1].progress.state != "going"

    def anew(self) -> Undertaking:
        """The same from the beginning."""
        return Undertaking(self.intent, self._actions, self._time)

    async def prepare(self) -> None:
        """Plan it from what is there now, and have it tried."""
        self.prepared = None
        try:
            self.prepared = await self._actions.prepare(self.intent)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is said, and nothing is sent
            self.prepared = Refused(f"it cannot be planned: {error}")

    async def carry_out(self) -> Progress | None:
        """Do it and see it to its end, which is returned."""
        prepared = self.prepared
        if prepared is None or isinstance(prepared, Refused) or self.has_begun:
            return None
        self.has_begun = True
        self._say(Progress("going", "sending"))
        try:
            async with aclosing(self._actions.carry_out(prepared)) as course:
                async for one in course:
                    self._say(one)
        except Exception as error:  # noqa: BLE001 - as above; what was sent is in the log
            self._say(Progress("failed", f"{error}; see the log of actions for what was sent"))
        return self.said[-1].progress

    def _say(self, progress: Progress) -> None:
        self.said.append(Said(self._time(), progress))
