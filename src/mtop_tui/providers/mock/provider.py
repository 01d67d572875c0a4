"""The simulated cluster as a source of observations."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mtop_tui.clock import Clock
from mtop_tui.engine.deployment import SimulatedService
from mtop_tui.engine.fleet import HISTORY, SimulatedFleet
from mtop_tui.engine.naming import identified
from mtop_tui.kserve.merge import combine
from mtop_tui.kserve.origins import origins, stated
from mtop_tui.kserve.records import autoscalers, node_record, service_record
from mtop_tui.kserve.schema import DEFAULT_NAMESPACE, NODE_KIND, SERVICE_KIND
from mtop_tui.observations import (
    Autoscaler,
    LogLines,
    ObjectRef,
    Observation,
    RawObject,
    ServiceKey,
    SourceHealth,
    SourceState,
)
from mtop_tui.providers.base import LogQuery, Offer
from mtop_tui.providers.mock.clones import Fleet, clone_name, cloned
from mtop_tui.providers.mock.logs import read_logs
from mtop_tui.providers.mock.manifests import Manifests
from mtop_tui.providers.mock.objects import with_identity, with_status

if TYPE_CHECKING:
    from mtop_tui.engine.faults.director import Director
    from mtop_tui.engine.faults.workflow import Planned
    from mtop_tui.engine.workload.replay import TraceWorkload
    from mtop_tui.providers.mock.story import Story

CLUSTER: Final = "mock"

_SHORTEST_WAIT, _LONGEST_WAIT = 0.25, 1.0
_HEARTBEAT = 15.0

Sleep = Callable[[float], Awaitable[object]]


class MockProvider:
    """Manifests brought to life by the engine; implements `FleetProvider`.

    Args:
        manifests: what the cluster consists of.
        seed: decides everything that is drawn; with the same clock the same is observed.
        clock: simulated time runs with it, except while paused.
        clones: show so many services: the first ones, or copies, then with nodes in proportion.
        sleep: waits between two looks at the clock; a test passes one that moves the clock.
        story: what happens to it, beginning when it is first observed.
        fluid: whether formulas take the place of single requests; by size, unless it is said.
    """

    def __init__(
        self,
        manifests: Manifests,
        *,
        seed: int,
        clock: Clock,
        clones: int | None = None,
        sleep: Sleep = asyncio.sleep,
        story: Story | None = None,
        fluid: bool | None = None,
    ) -> None:
        self._manifests = manifests
        self._seed = seed
        self._clock = clock
        self._clones = clones
        self._sleep = sleep
        self._story = story
        self._fluid = fluid
        self._closed = False
        self._lost = 0.0
        self._paused_at: float | None = None
        self._stepped = False
        self._moved = asyncio.Event()
        self._fleet: SimulatedFleet | None = None
        self._director: Director | None = None
        self._services = 0
        self._bodies: dict[tuple[str, str, str], dict[str, Any]] | None = None

    @property
    def name(self) -> str:
        """Which simulation it is."""
        story = "" if self._story is None else f"{self._story.name}, "
        return f"mock: {story}seed {self._seed}"

    @property
    def undone(self) -> tuple[str, ...]:
        """Steps of its story that could not be done so far, and why."""
        return () if self._director is None else tuple(self._director.failures)

    @property
    def offers(self) -> frozenset[Offer]:
        """All there is."""
        return frozenset({"logs", "objects", "pause", "step"})

    @property
    def fleet(self) -> SimulatedFleet | None:
        """The engine, once it is observed: for those who do something to it."""
        return self._fleet

    def settle(self) -> Iterator[Sequence[Observation]]:
        """What follows at once from what was just done to the engine."""
        moving = self._fleet if self._director is None else self._director
        if moving is not None and self._fleet is not None:
            yield from moving.advance(self._fleet.world.now)

    async def observe(self) -> AsyncIterator[Sequence[Observation]]:
        """The fleet as it is some time before now, what happened since, then what happens."""
        now = self._now()
        yield [self._health("connecting", now)]
        fleet = self._begin(now)
        pasts = self._pasts(now)
        reported = float("-inf")
        while not self._closed:
            now = self._now()
            for batch in fleet.advance(now):
                yield batch
                await asyncio.sleep(0)
                if self._closed:
                    return
            held = self._paused_at
            if held is None and now - reported >= _HEARTBEAT:
                reported = now
                yield [self._health("live", now)]
            elif held is not None and self._stepped and now >= held - self._lost:
                self._stepped = False
                yield [self._health("live", now)]
            past = next(pasts, None)
            if past is not None:
                yield [past]
                await asyncio.sleep(0)
                continue
            due = fleet.next_due()
            wait = _LONGEST_WAIT if due is None else due - self._now()
            await self._wait(min(max(wait, _SHORTEST_WAIT), _LONGEST_WAIT))

    def read_logs(self, query: LogQuery) -> AsyncGenerator[LogLines, None]:
        """What the containers of a service wrote, and the kernels of their nodes."""
        return read_logs(
            lambda: None if self._fleet is None else self._fleet.logbook,
            query,
            sleep=self._nap,
            closed=lambda: self._closed,
        )

    async def read_object(self, ref: ObjectRef) -> RawObject | None:
        """The manifest as it was received, with the identity and the status it has by now."""
        body = self.body(ref)
        known = identified(self._seed, ref._replace(uid=_uid(body))) if body else None
        if body is None or known is None or ref.uid not in {"", known.uid}:
            return None
        at = self._now()
        service = None
        if ref.kind == SERVICE_KIND and self._fleet is not None:
            service = self._fleet.service(ServiceKey(ref.cluster, ref.namespace, ref.name))
        found = with_identity(body, known)
        return RawObject(at=at, ref=known, body=with_status(found, service) if service else found)

    def pause(self, paused: bool) -> None:
        """Hold simulated time, or let it go on from where it was held."""
        now = self._clock.now()
        if paused and self._paused_at is None:
            self._paused_at = now
        elif not paused and self._paused_at is not None:
            self._lost += now - self._paused_at
            self._paused_at = None
            self._moved.set()

    def step(self, seconds: float) -> None:
        """Move the time at which it is held forward."""
        if self._paused_at is not None:
            self._paused_at += seconds
            self._stepped = True
            self._moved.set()

    def add(self, planned: Iterable[Planned]) -> None:
        """Let more happen in a story that has begun, in seconds after its beginning."""
        if self._director is not None:
            self._director.add(planned)

    async def close(self) -> None:
        """End `observe` at its next step."""
        self._closed = True
        self._moved.set()

    async def _wait(self, seconds: float) -> None:
        """Wait for time to pass; while it is held, for it to be moved, or let go on."""
        if self._paused_at is None:
            await self._sleep(seconds)
            return
        self._moved.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), _LONGEST_WAIT)

    async def _nap(self, seconds: float) -> None:
        """Wait as `observe` does, and let others have their turn where time does not wait."""
        await asyncio.sleep(0)
        if self._paused_at is None:
            await self._sleep(seconds)
        else:
            await asyncio.sleep(_SHORTEST_WAIT)

    def _now(self) -> float:
        now = self._clock.now() if self._paused_at is None else self._paused_at
        return now - self._lost

    def _begin(self, now: float) -> SimulatedFleet | Director:
        fleet = self._build(now)
        if self._story is None:
            return fleet
        from mtop_tui.engine.faults.director import Director  # noqa: PLC0415 - only for stories

        self._director = Director(fleet, self._story.planned, now)
        return self._director

    def _build(self, now: float) -> SimulatedFleet:
        source = _fleet(self._manifests, now)
        if self._clones is not None:
            source = cloned(source, self._clones)
        self._services = len(source.services)
        self._fleet = SimulatedFleet(
            source.services,
            source.nodes,
            seed=self._seed,
            start=now,
            history=HISTORY if self._story is None else min(HISTORY, self._story.history),
            autoscalers=source.autoscalers,
            fluid=self._fluid,
            sources=self._recorded(now),
        )
        return self._fleet

    def _pasts(self, now: float) -> Iterator[Observation]:
        """What was before the fleet begins, where its story asks for more than rates need."""
        if self._fleet is None or self._story is None or self._story.history <= HISTORY:
            return iter(())
        from mtop_tui.engine.past import pasts  # noqa: PLC0415 - few stories state a history

        return pasts(self._fleet, self._story.history, now)

    def _recorded(self, now: float) -> dict[ServiceKey, TraceWorkload]:
        """The traces of the story, which begin with it."""
        if self._story is None or not self._story.replays:
            return {}
        from mtop_tui.engine.workload.replay import TraceWorkload  # noqa: PLC0415 - only for traces

        return {
            key: TraceWorkload(
                one.trace, now - one.start / one.speed, speed=one.speed, repeat=one.repeat
            )
            for key, one in self._story.replays.items()
        }

    def _health(self, state: SourceState, at: float) -> SourceHealth:
        problems, skipped = self._manifests.problems, sum(self._manifests.skipped.values())
        files = len({problem.file for problem in problems})
        # Once the fleet is shown, how many services there are can be seen.
        counted = _counted(self._services or len(self._manifests.services), "service")
        parts = [] if state == "live" else [counted]
        if files:
            parts.append(f"{_counted(files, 'file')} with problems")
        if skipped:
            parts.append(f"{_counted(skipped, 'object')} of other kinds skipped")
        return SourceHealth(
            at=at,
            source=self.name,
            state=state,
            detail=", ".join(parts),
            last_contact=at if state == "live" else None,
            errors=len(problems),
            skipped=skipped,
        )

    def body(self, ref: ObjectRef) -> dict[str, Any] | None:
        """The manifest of a service or a node, under the name it has here, if there is one."""
        if ref.cluster != CLUSTER:
            return None
        if self._bodies is None:
            self._bodies = _bodies(self._manifests, self._clones)
        return self._bodies.get((ref.kind, ref.namespace, ref.name))


def _fleet(manifests: Manifests, at: float) -> Fleet:
    services: list[SimulatedService] = []
    scaled: list[Autoscaler] = []
    for one in manifests.services:
        merged = combine(one.body, manifests.find_config)
        layers = [
            (config.name, manifests.stated_by(config.namespace, config.name))
            for config in merged.applied
        ]
        record = msgspec.structs.replace(
            service_record(one.parsed, merged, cluster=CLUSTER, at=at),
            origins=origins(stated(one.parsed.spec), layers),
        )
        services.append(SimulatedService(record, one.demand))
        scaled += autoscalers(one.parsed, merged, cluster=CLUSTER, at=at)
    nodes = [node_record(one.parsed, cluster=CLUSTER, at=at) for one in manifests.nodes]
    return Fleet(services, nodes, scaled)


def _bodies(manifests: Manifests, clones: int | None) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Bodies by kind, namespace and name; those of copies differ only in their names."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    originals = len(manifests.services)
    count = originals if clones is None else clones
    copies = -(-count // originals) if originals else 1
    for copy in range(1, copies + 1):
        left = count - (copy - 1) * originals
        for service in manifests.services[:left]:
            metadata = service.parsed.metadata
            namespace = metadata.namespace or DEFAULT_NAMESPACE
            name = clone_name(metadata.name, copy)
            found[SERVICE_KIND, namespace, name] = _renamed(service.body, name, copy)
        for node in manifests.nodes:
            name = clone_name(node.parsed.metadata.name, copy)
            found[NODE_KIND, "", name] = _renamed(node.body, name, copy)
    return found


def _renamed(body: dict[str, Any], name: str, copy: int) -> dict[str, Any]:
    if copy == 1:
        return body
    metadata = {key: value for key, value in body["metadata"].items() if key != "uid"}
    return body | {"metadata": metadata | {"name": name}}


def _uid(body: dict[str, Any] | None) -> str:
    uid = (body or {}).get("metadata", {}).get("uid")
    return uid if isinstance(uid, str) else ""


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count:,} {what}s"
