"""One cluster: its readers, and whether it still answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Final

from mtop_tui.clock import Clock
from mtop_tui.domain.durations import short_duration
from mtop_tui.observations import SourceHealth, SourceState
from mtop_tui.providers.live import discovery
from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.credentials import PLUGIN_LIMIT
from mtop_tui.providers.live.handover import Handover
from mtop_tui.providers.live.kinds import BY_NAME, SERVICE, Kind
from mtop_tui.providers.live.kubeconfig import Connection
from mtop_tui.providers.live.pace import BackOff
from mtop_tui.providers.live.problems import UNAUTHORIZED, Problem, Refusal, Unreachable
from mtop_tui.providers.live.reflector import Reflector

HEARTBEAT: Final = 5.0
HEARTBEAT_LIMIT: Final = 3.0
"""Seconds between two questions whether the server is there, and for its answer."""

DISCOVER_EVERY: Final = 60.0
CLOCKS_APART: Final = 5.0
"""Seconds by which two clocks may differ without a word."""

LARGE: Final = 1_000_000
"""Bytes from which on objects are worth a word."""

_PASSING: Final = frozenset({429, 500, 502, 503, 504})
"""What servers and proxies answer while they start or are asked too much."""


class Link:
    """Readers of all kinds of one cluster, and a heartbeat on a connection of its own.

    Args:
        connection: to its API server.
        clock: the machine's.
        handover: gets what changed.
        random: draws waits.
        namespaces: to read; none: all, or what the context names if that is forbidden.
        before: an earlier link to the cluster; what it knew stands until it is read again.
    """

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        handover: Handover,
        random: Random,
        *,
        namespaces: Sequence[str] = (),
        before: Link | None = None,
    ) -> None:
        self._before = {} if before is None else dict(before._readers)
        self.connection = connection
        self.client = ReadOnlyClient(connection, clock)
        self._pulse = ReadOnlyClient(connection, clock, connections=1)
        # One login serves both.
        self._pulse.credentials = self.client.credentials
        self._clock, self._handover, self._random = clock, handover, random
        self._namespaces = tuple(namespaces)
        self._back_off = BackOff(random)
        self._turn = asyncio.Lock()
        self._readers: dict[tuple[Kind, str], Reflector] = {}
        self._tasks: dict[tuple[Kind, str], asyncio.Task[None]] = {}
        self._absent: tuple[str, ...] = ()
        self._discovered = False
        self._problem: Problem | None = None
        self._lost_since: float | None = None
        self._heard_at: float | None = None
        self.returns = 0
        """How often it answered again after a silence."""
        self._ahead = 0.0

    @property
    def readers(self) -> Iterable[Reflector]:
        """One per kind and namespace."""
        return self._readers.values()

    @property
    def is_synced(self) -> bool:
        """Whether each kind was read once, or cannot be."""
        return self._discovered and all(reader.synced for reader in self.readers)

    async def run(self) -> None:
        """Keep reading, until cancelled."""
        heart = asyncio.create_task(self._beat())
        try:
            while True:
                found = await discovery.served(self.client)
                if isinstance(found, Mapping):
                    self._begin(found)
                    wait = DISCOVER_EVERY
                else:
                    self._problem = found
                    wait = self._back_off.after(found)
                self._handover.wake()
                await asyncio.sleep(wait)
        finally:
            tasks = [heart, *self._tasks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Release all sockets."""
        await self.client.close()
        await self._pulse.close()

    def _begin(self, found: Mapping[Kind, str]) -> None:
        """Read the kinds that are there."""
        self._discovered, self._problem = True, None
        self._back_off.reset()
        self._absent = tuple(kind.qualified for kind in (BY_NAME[SERVICE],) if kind not in found)
        for kind, version in found.items():
            scopes = self._namespaces if kind.namespaced and self._namespaces else ("",)
            for namespace in scopes:
                self._read(kind, version, namespace)

    def _read(self, kind: Kind, version: str, namespace: str) -> None:
        key = kind, namespace
        fallen_back = not namespace and (kind, self.connection.namespace) in self._readers
        if key in self._readers or fallen_back:
            return
        reader = self._readers[key] = Reflector(
            kind,
            version,
            self.client,
            self._handover,
            self._random,
            turn=self._turn,
            namespace=namespace,
            forbidden=self._fall_back,
        )
        if (before := self._before.pop(key, None)) is not None:
            reader.inherit(before)
        self._tasks[key] = asyncio.create_task(reader.run())

    def _fall_back(self, reader: Reflector) -> None:
        """Who may not read a kind everywhere may do so in the namespace of the context."""
        kind = reader.kind
        if reader.namespace or not kind.namespaced or reader.lists:
            return
        # It is the reader's own task that comes here: it ends where it next waits.
        self._tasks.pop((kind, "")).cancel()
        del self._readers[kind, ""]
        self._read(kind, reader.version, self.connection.namespace)

    async def _beat(self) -> None:
        """Ask now and then; when it answers again, no stream of before can be trusted."""
        while True:
            answer = await self._pulse.get("/version", limit=HEARTBEAT_LIMIT)
            if isinstance(answer, Unreachable):
                if self._lost_since is None:
                    self._lost_since = self._clock.now()
                    self._handover.wake()
                self._problem = answer
                await asyncio.sleep(self._back_off.spread(1.0) + 0.5)
                continue
            self._heard_at = self._clock.now()
            if self._lost_since is not None:
                self._lost_since = None
                self.returns += 1
                if isinstance(self._problem, Unreachable):
                    self._problem = None
                for reader in self._readers.values():
                    reader.recycle()
                self._handover.wake()
            await asyncio.sleep(HEARTBEAT)

    # Health

    @property
    def ahead(self) -> float:
        """Seconds by which the server's clock is ahead of ours; 0 while that is next to nothing.

        It is taken to be the same until it differs by much, for all times hang on it.
        """
        told = self.client.ahead if self._pulse.ahead is None else self._pulse.ahead
        if told is not None and abs(told - self._ahead) > CLOCKS_APART:
            self._ahead = told if abs(told) > CLOCKS_APART else 0.0
        return self._ahead

    def health(self, source: str) -> SourceHealth:
        """How far what is shown of it can be trusted."""
        now = self._clock.now()
        forbidden = tuple(
            sorted(
                f"{reader.kind.plural}{f' in {namespace}' if namespace else ''}"
                for (_, namespace), reader in self._readers.items()
                if reader.state == "forbidden"
            )
        )
        return SourceHealth(
            at=now,
            source=source,
            state=self._state(),
            detail="; ".join(self._says(now)),
            last_contact=self._heard_at,
            errors=sum(reader.state in {"waiting", "polling"} for reader in self.readers),
            dropped=self._handover.dropped,
            skipped=sum(reader.skipped for reader in self._readers.values()),
            forbidden=forbidden,
        )

    def _state(self) -> SourceState:
        if self._lost_since is not None:
            return "disconnected"
        problem = self._worst()
        if isinstance(problem, Unreachable):
            return "disconnected" if problem.kind != "protocol" else "error"
        if isinstance(problem, Refusal) and problem.status in _PASSING:
            return "stale" if self.is_synced else "connecting"
        if problem is not None:
            return "error"
        if not self._discovered:
            return "connecting"
        if self._services_forbidden() is not None:
            return "forbidden"
        if not self.is_synced:
            return "connecting"
        return "live"

    def _services_forbidden(self) -> Problem | None:
        """Why no service may be read, if that is so."""
        services = [one for one in self.readers if one.kind.name == SERVICE]
        if services and all(one.state == "forbidden" for one in services):
            return services[0].problem
        return None

    def _worst(self) -> Problem | None:
        """A problem of the whole: with the login, or with all readers at once."""
        if self._problem is not None:
            return self._problem
        problems = [reader.problem for reader in self.readers]
        for problem in problems:
            if isinstance(problem, Refusal) and problem.status == UNAUTHORIZED:
                return problem
        stuck = [one for one in self.readers if one.state == "waiting"]
        return stuck[0].problem if stuck and len(stuck) == len(problems) else None

    def _says(self, now: float) -> Iterator[str]:
        worst = self._worst()
        if self._lost_since is not None:
            yield f"no answer for {short_duration(max(0.0, now - self._lost_since))}"
        if plugin := self.client.credentials.waits_for:
            yield f"waits for {plugin}, which has {PLUGIN_LIMIT:.0f} s to give a login"
        for problem in (worst, self._services_forbidden()):
            if problem is not None:
                yield problem.sentence
        if self.connection.cluster.insecure_skip_tls_verify:
            yield "its certificate is not checked (insecure-skip-tls-verify)"
        if self._absent:
            yield f"not installed: {', '.join(self._absent)}; mtop shows what KServe serves"
        scopes = sorted({namespace for _, namespace in self._readers if namespace})
        if scopes and not self._namespaces:
            yield f"all namespaces are forbidden, so only {', '.join(scopes)} is read"
        if ahead := self.ahead:
            side = "ahead of" if ahead > 0 else "behind"
            apart = short_duration(round(abs(ahead)))
            yield (
                f"its clock is {apart} {side} this machine's, by which times are corrected;"
                " set the one that is wrong, by NTP"
            )
        yield from self._readers_say(worst)

    def _readers_say(self, known: Problem | None) -> Iterator[str]:
        """What is wrong with some kinds only."""
        for reader in self.readers:
            if reader.problem is known or reader.problem is None:
                continue
            if reader.state == "polling":
                yield f"{reader.kind.plural}: polling, since a watch is refused"
            elif reader.state == "waiting":
                yield f"{reader.kind.plural}: {reader.problem.sentence}"
            elif reader.state == "absent":
                yield f"{reader.kind.plural}: not served any more"
        for reader in self.readers:
            if reader.largest > LARGE:
                plural, size = reader.kind.plural, reader.largest / 1e6
                yield (
                    f"{plural}: objects of about {size:.1f} MB are slow to read; `kubectl get"
                    f" {plural} -A -o yaml` shows what fills them"
                )
        unreadable = [one.last_unreadable for one in self.readers if one.last_unreadable]
        if unreadable:
            yield f"passed over {unreadable[0]}"
