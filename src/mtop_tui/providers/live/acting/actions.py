"""Plans, tries, sends and watches changes of a cluster's objects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from pathlib import Path
from typing import Final

from mtop_tui.actions.contract import Prepared
from mtop_tui.actions.differences import Difference, differences, not_taken, status_differences
from mtop_tui.actions.intents import Intent, Scene
from mtop_tui.actions.planning import plan
from mtop_tui.actions.plans import Change, Refused
from mtop_tui.actions.progress import Progress, progress
from mtop_tui.clock import Clock
from mtop_tui.domain.durations import short_duration
from mtop_tui.providers.live import discovery
from mtop_tui.providers.live.acting.audit import Audit, log_file
from mtop_tui.providers.live.acting.client import WritingClient
from mtop_tui.providers.live.acting.scenes import read_scene
from mtop_tui.providers.live.acting.sending import Sender
from mtop_tui.providers.live.acting.words import why_not
from mtop_tui.providers.live.kinds import Kind
from mtop_tui.providers.live.kubeconfig import Connection, connection
from mtop_tui.providers.live.problems import ConfigError, Problem

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at what becomes of a change."""


class LiveActions:
    """Implements `Actions` for the clusters of a kubeconfig.

    Args:
        clock: the machine's.
        kubeconfig: the only one to read; None: those that kubectl would read.
        log: where it is written down what was done; None: the usual place.
        every: seconds between two looks at what becomes of a change.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        kubeconfig: Path | None = None,
        log: Path | None = None,
        every: float = LOOK_EVERY,
    ) -> None:
        self._clock, self._every, self._kubeconfig = clock, every, kubeconfig
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
        if not isinstance(client, WritingClient):
            yield Progress("failed", client.sentence)
            return
        sender = Sender(client, self._audit, self._clock)
        refused = await self._outdated(client, prepared) or await sender.send(planned.changes)
        if refused:
            yield Progress("failed", refused)
            return
        yield Progress("going", "the API server took it")
        async for one in self._watched(client, prepared):
            if one.state != "going":
                await sender.note(planned.changes[-1], "ended", f"{one.state}: {one.text}")
            yield one

    async def close(self) -> None:
        """Release all connections; safe to call twice."""
        clients, self._clients, self._kinds = list(self._clients.values()), {}, {}
        for client in clients:
            await client.close()

    # Watching

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
            # A login that has expired, or a server made anew, stands in the kubeconfig by now.
            if isinstance(scene, Problem):
                newer = await self._client(planned.intent.service.cluster)
                client = newer if isinstance(newer, WritingClient) else client
        yield Progress(
            "open", f"not done after {short_duration(planned.limit)}, watched no more: {last.text}"
        )

    # To whom

    async def _client(self, cluster: str) -> WritingClient | Refused:
        """The client of a cluster, as the kubeconfig has it now."""
        try:
            found = await asyncio.to_thread(_connection, cluster, self._kubeconfig)
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


def _connection(cluster: str, kubeconfig: Path | None) -> Connection:
    try:
        return connection(cluster, file=kubeconfig)
    except ConfigError:
        # Inside a pod there is a cluster, but no context by its name.
        found = connection(file=kubeconfig)
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
