"""Plans, tries, sends and watches changes of a cluster's objects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from mtop_tui.actions.contract import Prepared
from mtop_tui.actions.differences import Difference, differences, not_taken, status_differences
from mtop_tui.actions.intents import Intent, Scene
from mtop_tui.actions.planning import plan
from mtop_tui.actions.plans import Change, Refused, is_same
from mtop_tui.actions.progress import Progress, progress
from mtop_tui.clock import Clock
from mtop_tui.domain.durations import short_duration
from mtop_tui.providers.live import discovery
from mtop_tui.providers.live.acting.audit import Audit, log_file
from mtop_tui.providers.live.acting.client import WritingClient, decoded
from mtop_tui.providers.live.acting.scenes import read_scene
from mtop_tui.providers.live.acting.words import CONFLICT, why_not, why_not_known
from mtop_tui.providers.live.kinds import Kind
from mtop_tui.providers.live.kubeconfig import connection
from mtop_tui.providers.live.problems import ConfigError, Problem, Unreachable

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at what becomes of a change."""

_TRIES: Final = 4
"""Controllers write into an object all the time, which makes a change of it come too late."""


class LiveActions:
    """Implements `Actions` for the clusters of a kubeconfig.

    Args:
        clock: the machine's.
        log: where it is written down what was done; None: the usual place.
        every: seconds between two looks at what becomes of a change.
    """

    def __init__(self, clock: Clock, *, log: Path | None = None, every: float = LOOK_EVERY) -> None:
        self._clock, self._every = clock, every
        self._audit = Audit(log or log_file())
        self._clients: dict[str, WritingClient] = {}
        self._kinds: dict[WritingClient, Mapping[Kind, str]] = {}

    async def prepare(self, intent: Intent) -> Prepared | Refused:
        """What would be done, tried by a dry run; nothing is changed."""
        client = await self._client(intent.service.cluster)
        if not isinstance(client, WritingClient):
            return client
        scene = await self._scene(client, intent)
        if isinstance(scene, Problem):
            return Refused(scene.sentence)
        planned = plan(intent, scene, self._clock.now())
        if isinstance(planned, Refused):
            return planned
        tried = []
        for change in planned.changes:
            found = await _tried(client, change)
            if isinstance(found, Refused):
                return found
            tried.append(found)
        to = client.connection
        return Prepared(
            planned,
            f"{to.user_name or 'nobody in particular'} in context {to.name}, {to.cluster.server}",
            tuple(tried),
            tuple(one.kubectl(to.name) for one in planned.changes),
        )

    async def carry_out(self, prepared: Prepared) -> AsyncGenerator[Progress, None]:
        """Do it, and watch what becomes of it."""
        planned = prepared.plan
        client = await self._client(planned.intent.service.cluster)
        outdated = (
            await self._outdated(client, prepared)
            if isinstance(client, WritingClient)
            else client.sentence
        )
        if not isinstance(client, WritingClient) or outdated:
            yield Progress("failed", outdated)
            return
        versions: dict[str, dict[str, Any]] = {}
        for done, change in enumerate(planned.changes):
            uid = change.before["metadata"].get("uid", "")
            now = replace(change, before=versions.get(uid, change.before))
            try:
                answer = await self._sent(client, now)
            except OSError as error:
                yield Progress(
                    "failed",
                    f"it cannot be written down in {self._audit.path}: {error.strerror}; "
                    f"{_so_far(done, len(planned.changes))}",
                )
                return
            if isinstance(answer, str):
                more = f"; {_so_far(done, len(planned.changes))}" if done else ""
                yield Progress("failed", f"{answer}{more}")
                return
            versions[uid] = answer
        yield Progress("going", "the API server took it")
        async for one in self._watched(client, prepared):
            if one.state != "going":
                said = f"{one.state}: {one.text}"
                await self._note(client, planned.changes[-1], "ended", said)
            yield one

    async def close(self) -> None:
        """Release all connections; safe to call twice."""
        clients, self._clients, self._kinds = list(self._clients.values()), {}, {}
        for client in clients:
            await client.close()

    # Sending

    async def _outdated(self, client: WritingClient, prepared: Prepared) -> str:
        """Why it would be another action by now than the one that was shown; empty if it is not."""
        shown = prepared.plan
        scene = await self._scene(client, shown.intent)
        if isinstance(scene, Problem):
            return scene.sentence
        now = plan(shown.intent, scene, shown.at)
        if isinstance(now, Refused):
            return now.sentence
        if not shown.comes_to_the_same(now):
            return f"it would be another action by now ({now.title}): plan it again"
        return ""

    async def _sent(self, client: WritingClient, change: Change) -> dict[str, Any] | str:
        """The object as it is after a change; why it was not made.

        Raises:
            OSError: it cannot be written down, and so was not sent.
        """
        for tries in range(1, _TRIES + 1):
            await self._write_down(client, change, "sending")
            answer = await client.send(change, dry_run=False)
            if isinstance(answer, dict):
                await self._note(client, change, "done")
                return answer
            if isinstance(answer, Unreachable):
                said = why_not_known(answer, change)
                await self._note(client, change, "not known", said)
                return said
            said = why_not(answer, change)
            await self._note(client, change, "refused", said)
            if answer.status != CONFLICT or tries == _TRIES:
                return said
            now = decoded(await client.get(change.path.removesuffix(f"/{change.subresource}")))
            if not isinstance(now, dict):
                return why_not(now, change)
            if not is_same(change.before, now):
                found = next(iter(differences(change.before, now)), None)
                what = f": {found.path} is {found.after} by now" if found else ""
                return f"{said}{what}"
            change = replace(change, before=now)
        raise AssertionError("the last try returns")

    async def _note(
        self, client: WritingClient, change: Change, answer: str, said: str = ""
    ) -> None:
        """Write an answer down; that it was sent stands there already."""
        with suppress(OSError):
            await self._write_down(client, change, answer, said)

    async def _write_down(
        self, client: WritingClient, change: Change, answer: str, said: str = ""
    ) -> None:
        to = client.connection
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

    # Watching

    async def _watched(
        self, client: WritingClient, prepared: Prepared
    ) -> AsyncGenerator[Progress, None]:
        planned, until = prepared.plan, self._clock.now() + prepared.plan.limit
        changed = {one.name for one in planned.changes}
        last = Progress("going", "")
        while self._clock.now() < until:
            scene = await self._scene(client, planned.intent, changed)
            now = (
                Progress("going", f"cannot be seen: {scene.sentence}")
                if isinstance(scene, Problem)
                else progress(planned, scene)
            )
            if now != last:
                yield now
            if now.state != "going":
                return
            last = now
            await asyncio.sleep(self._every)
        yield Progress(
            "open", f"not done after {short_duration(planned.limit)}, watched no more: {last.text}"
        )

    # To whom

    async def _client(self, cluster: str) -> WritingClient | Refused:
        """The client of a cluster, as the kubeconfig has it now."""
        try:
            found = await asyncio.to_thread(_connection, cluster)
        except ConfigError as error:
            return Refused(str(error))
        known = self._clients.get(cluster)
        if known is not None and known.connection == found:
            return known
        if known is not None:
            self._kinds.pop(known, None)
            await known.close()
        made = self._clients[cluster] = WritingClient(found, self._clock)
        return made

    async def _scene(
        self, client: WritingClient, intent: Intent, members: Collection[str] | None = None
    ) -> Scene | Problem:
        there = await self._there(client)
        if not isinstance(there, Mapping):
            return there
        return await read_scene(client, there, intent, members)

    async def _there(self, client: WritingClient) -> Mapping[Kind, str] | Problem:
        found = self._kinds.get(client) or await discovery.served(client)
        if isinstance(found, Mapping):
            self._kinds[client] = found
        return found


def _connection(cluster: str) -> Any:
    try:
        return connection(cluster)
    except ConfigError:
        # Inside a pod there is a cluster, but no context by its name.
        found = connection()
        if found.name != cluster:
            raise
        return found


async def _tried(client: WritingClient, change: Change) -> tuple[Difference, ...] | Refused:
    """What a change would come to, by the API server's own word."""
    answer = await client.send(change, dry_run=True)
    if not isinstance(answer, dict):
        return Refused(why_not(answer, change))
    if change.method == "delete":
        return (Difference(f"{change.kind} {change.name}", "is there", "is deleted"),)
    if change.subresource:
        return status_differences(change.before, change.patch)
    if lost := not_taken(change.patch, answer):
        return Refused(
            f"the API server would drop {', '.join(lost)}: this version of KServe has no such field"
        )
    return differences(change.before, answer)


def _so_far(done: int, all_of_them: int) -> str:
    if not done:
        return "nothing was sent"
    return f"{done} of {all_of_them} changes were made"
