"""Sends the changes of a plan, each for the state it was planned from, and writes them down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from msgspec.structs import replace

from mtop_tui.actions.differences import differences
from mtop_tui.actions.plans import Change, is_same
from mtop_tui.clock import Clock
from mtop_tui.providers.live.acting.audit import Audit
from mtop_tui.providers.live.acting.client import WritingClient, decoded
from mtop_tui.providers.live.acting.words import CONFLICT, why_not, why_not_known
from mtop_tui.providers.live.problems import Unreachable

_TRIES: Final = 4
"""Controllers write into an object all the time, which makes a change of it come too late."""


class Sender:
    """Sends to one cluster.

    Args:
        client: to whom.
        audit: where it is written down.
        clock: when.
    """

    def __init__(self, client: WritingClient, audit: Audit, clock: Clock) -> None:
        self._client, self._audit, self._clock = client, audit, clock

    async def send(self, changes: Sequence[Change]) -> str:
        """Make all changes, in their order; why one was not made, and so none after it."""
        latest: dict[str, dict[str, Any]] = {}
        for done, change in enumerate(changes):
            uid = str(change.before["metadata"].get("uid", ""))
            try:
                answer = await self._made(replace(change, before=latest.get(uid, change.before)))
            except OSError as error:
                answer = f"it cannot be written down in {self._audit.path}: {error.strerror}"
                answer += "" if done else "; nothing was sent"
            if isinstance(answer, str):
                return f"{answer}; {done} of {len(changes)} changes were made" if done else answer
            latest[uid] = answer
        return ""

    async def note(self, change: Change, answer: str, said: str = "") -> None:
        """Write down what became of a change; that it was sent stands there already."""
        with suppress(OSError):
            await self._write_down(change, answer, said)

    async def _made(self, change: Change) -> dict[str, Any] | str:
        """The object as it is after a change; why it was not made.

        Raises:
            OSError: it cannot be written down, and so was not sent.
        """
        for _ in range(_TRIES):
            await self._write_down(change, "sending")
            answer = await self._client.send(change, dry_run=False)
            if isinstance(answer, dict):
                await self.note(change, "done")
                return answer
            if isinstance(answer, Unreachable):
                said = why_not_known(answer, change)
                await self.note(change, "not known", said)
                return said
            said = why_not(answer, change)
            await self.note(change, "refused", said)
            if answer.status != CONFLICT:
                return said
            path = change.path.removesuffix(f"/{change.subresource}")
            now = decoded(await self._client.get(path))
            if not isinstance(now, dict):
                return why_not(now, change)
            if not is_same(change.before, now):
                found = next(iter(differences(change.before, now)), None)
                return f"{said}: {found.path} is {found.after} by now" if found else said
            change = replace(change, before=now)
        return said

    async def _write_down(self, change: Change, answer: str, said: str = "") -> None:
        to = self._client.connection
        entry = {
            "context": to.name,
            "server": to.cluster.server,
            "as": to.user_name,
            "method": change.method,
            "object": f"{change.kind} {change.namespace}/{change.name}",
            "path": change.path,
            "body": change.body(dry_run=False),
            "answer": answer,
            **({"said": said} if said else {}),
        }
        await asyncio.to_thread(self._audit.write, self._clock.now(), entry)
