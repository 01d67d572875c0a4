"""What a source that takes actions offers to the screens."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from mtop_tui.actions.differences import Difference
from mtop_tui.actions.intents import Intent
from mtop_tui.actions.plans import Plan, Refused
from mtop_tui.actions.progress import Progress


class Prepared(msgspec.Struct, frozen=True):
    """A plan that the API server has tried without keeping it.

    Attributes:
        plan: what would be done.
        who: as whom, and where.
        tried: for each change, what would be different.
        commands: the same for a shell.
    """

    plan: Plan
    who: str
    tried: tuple[tuple[Difference, ...], ...]
    commands: tuple[str, ...]


class Actions(Protocol):
    """Changes objects of a source; there is none unless mtop was started to act."""

    async def prepare(self, intent: Intent) -> Prepared | Refused:
        """What would be done, tried by a dry run; nothing is changed."""
        ...

    def carry_out(self, prepared: Prepared) -> AsyncGenerator[Progress, None]:
        """Do it, and watch what becomes of it: the last one says how it ended.

        Closing it ends the watching; what was sent stays sent.
        """
        ...

    async def close(self) -> None:
        """Release all connections; safe to call twice."""
        ...
