"""The logs of a service's replicas, those that come and go while they are followed included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from random import Random
from typing import Final, Protocol

from mtop_tui.clock import Clock
from mtop_tui.observations import LogLines, ObjectRef
from mtop_tui.providers.base import LogQuery
from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.kinds import POD, SERVICE
from mtop_tui.providers.live.logs.choice import (
    MOST_PODS,
    RULE,
    Life,
    choose,
    containers_of,
    life_of,
    status_of,
)
from mtop_tui.providers.live.logs.container import ContainerLog, Target, Wanted
from mtop_tui.providers.live.logs.merge import FOLLOWING, READING, Merge
from mtop_tui.providers.live.objects.schema import Pod

LOOK: Final = 0.5
"""Seconds between two looks at which pods there are, which are known from their watch."""


class Cluster(Protocol):
    """What is asked of the cluster that a service is in."""

    @property
    def client(self) -> ReadOnlyClient | None:
        """Who asks its API server; None while there is no connection."""
        ...

    @property
    def returns(self) -> int:
        """How often it answered again after a silence: no stream of before can be trusted."""
        ...

    @property
    def ahead(self) -> float:
        """Seconds by which its clock is ahead of this machine's."""
        ...

    def pods(self, namespace: str, service: str) -> Sequence[Pod]:
        """The pods of a service's replicas."""
        ...


async def read_logs(
    cluster: Cluster, query: LogQuery, clock: Clock, random: Random
) -> AsyncGenerator[LogLines, None]:
    """What the containers of a service write, merged in time order; see `FleetProvider`."""
    ahead = cluster.ahead
    if query.since is not None:
        query = query._replace(since=query.since + ahead)
    merge = Merge(clock, FOLLOWING if _follows(query) else READING, ahead)
    reading = asyncio.create_task(_Reading(cluster, query, merge, random).run())
    try:
        while records := await merge.take():
            for record in records:
                yield record
            await asyncio.sleep(0)
        await reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _follows(query: LogQuery) -> bool:
    return query.follow and not query.previous


class _Reader:
    """One log, who reads it, and the container as it was last seen."""

    __slots__ = ("log", "seen", "task", "uid")

    def __init__(self, log: ContainerLog, uid: str, seen: object) -> None:
        self.log, self.uid, self.seen = log, uid, seen
        self.task = asyncio.create_task(log.run())


class _Reading:
    """Keeps a reader for each container that is to be read."""

    def __init__(self, cluster: Cluster, query: LogQuery, merge: Merge, random: Random) -> None:
        self._cluster, self._query, self._merge, self._random = cluster, query, merge, random
        self._readers: dict[Target, _Reader] = {}
        self._pods: dict[str, Pod] = {}
        self._at_first: frozenset[str] | None = None
        self._returns = cluster.returns
        self._chosen = self._lacking = self._forbidden = self._said = ""

    async def run(self) -> None:
        """Read until all logs have ended, or for ever if they are followed."""
        try:
            self._look()
            while _follows(self._query):
                await asyncio.sleep(LOOK)
                self._look()
            await asyncio.gather(*(one.task for one in self._readers.values()))
        finally:
            tasks = [one.task for one in self._readers.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._merge.close()

    def _look(self) -> None:
        """Begin to read what is there now, and forget what is gone."""
        query, service = self._query, self._query.service
        pods = [
            one
            for one in self._cluster.pods(service.namespace, service.name)
            if query.pod in {None, one.metadata.name}
        ]
        self._pods = {one.metadata.name: one for one in pods}
        if self._at_first is None:
            self._at_first = frozenset(self._pods)
        for target in [one for one in self._readers if one.pod not in self._pods]:
            if self._readers[target].task.done():
                del self._readers[target]
        chosen = choose(pods, {target.pod for target in self._readers}, MOST_PODS)
        self._chosen = ""
        if len(chosen) < len(pods):
            self._chosen = (
                f"{len(chosen)} of {len(pods)} pods are read, {RULE};"
                " `mtop logs --pod NAME` reads another"
            )
        self._lacking = _lacking(pods, query.container)
        self._say()
        for pod in chosen:
            for container in containers_of(pod, query.container):
                self._keep(pod, container)
        if self._returns != self._cluster.returns:
            self._returns = self._cluster.returns
            for reader in self._readers.values():
                reader.log.recycle()

    def _keep(self, pod: Pod, container: str) -> None:
        """Have a container read."""
        metadata = pod.metadata
        target = Target(metadata.namespace or "", metadata.name, container)
        uid, status = metadata.uid or "", status_of(pod, container)
        seen = status and (status.restart_count, status.state)
        reader = self._readers.get(target)
        if reader is not None and not (reader.task.done() and reader.uid != uid):
            if reader.seen != seen:
                reader.seen = seen
                reader.log.wake()
            return
        if self._query.previous and not (status and status.restart_count):
            return
        query, is_new = self._query, metadata.name not in (self._at_first or ())
        wanted = Wanted(
            query.since,
            None if is_new or reader is not None else query.tail,
            query.previous,
            _follows(query),
        )
        ref = ObjectRef(query.service.cluster, target.namespace, POD, target.pod, uid)
        log = ContainerLog(
            target,
            wanted,
            self._merge.strand(ref, container),
            client=lambda: self._cluster.client,
            life=partial(self._life, target),
            random=self._random,
            forbidden=self._refused,
        )
        self._readers[target] = _Reader(log, uid, seen)

    def _life(self, target: Target) -> Life:
        return life_of(self._pods.get(target.pod), target.container)

    def _refused(self, said: str) -> None:
        """Logs may not be read, or (with nothing said) may be."""
        self._forbidden = said
        self._say()

    def _say(self) -> None:
        """Say what is true of all logs of the service, where it is something else than before."""
        said = self._forbidden or self._lacking or self._chosen
        if said != self._said:
            self._said = said
            key = self._query.service
            ref = ObjectRef(key.cluster, key.namespace, SERVICE, key.name)
            self._merge.say(ref, "", said, failed=said != self._chosen)


def _lacking(pods: Sequence[Pod], container: str | None) -> str:
    """That no pod has a container of this name, if that is so."""
    names = dict.fromkeys(name for one in pods for name in containers_of(one, None))
    if container is None or not names or container in names:
        return ""
    return f"no pod has a container {container}; there is {', '.join(names)}"
