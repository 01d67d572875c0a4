"""Who gets which request: route groups by weight, then replicas by load and prefix.

The endpoint picker is modelled as llm-d's default: a replica that is likely to hold the prefix of
the request, unless another one, drawn at random, has much less to do (power of two choices).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mtop_tui.engine import naming
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.service_run import PoolRun, ServiceRun
from mtop_tui.engine.serving.replica import ReplicaServer
from mtop_tui.engine.serving.requests import Request
from mtop_tui.engine.serving.steady import Lengths
from mtop_tui.engine.workload.changes import LoadChange
from mtop_tui.engine.workload.source import RequestSource
from mtop_tui.engine.workload.streams import group_workload, service_workload
from mtop_tui.engine.workload.workload import Workload
from mtop_tui.engine.world import World
from mtop_tui.observations import ObjectRef, RouteGroup, RouteMember, ServiceKey

if TYPE_CHECKING:
    from mtop_tui.engine.handover import Handover

TICK = 1.0
"""Seconds between two looks of a stream: requests of that time are handed out together."""

_NONE = Lengths(1.0, 1.0)
_OVERLOADED = 1.5
_SLACK = 4_000
_MOST_HELD = 1_000
_UTILISATION = (0.3, 0.9)
"""Of a service that states no rate, in its busy hours."""

_GROUP_KIND = "RouteGroup"


class Flow:
    """One stream of requests, to a service or to a route group.

    Attributes:
        key: of the service, or of the group under its name.
        workload: when requests come and what they look like.
        members: services with their weights.
        mirrors: services whose requests are copied, and to which other one.
        total: weights of the members that are not stopped.
        beat: when in a second its requests are handed out, 0 to 1.
        lengths: mean lengths of its requests, the same object while they are the same.
        group: the record of the route group; None for a service of its own.
    """

    __slots__ = (
        "beat",
        "group",
        "key",
        "lengths",
        "members",
        "mirrors",
        "random",
        "total",
        "workload",
    )

    def __init__(
        self,
        key: ServiceKey,
        workload: RequestSource,
        random: Random | None,
        group: RouteGroup | None,
    ) -> None:
        self.key, self.workload, self.random, self.group = key, workload, random, group
        self.members: list[tuple[ServiceRun, int]] = []
        self.mirrors: dict[ServiceKey, ServiceKey] = {}
        self.total = 0
        self.beat = 0.0
        self.lengths = _NONE


class Share(NamedTuple):
    """The part of a flow that goes to one service."""

    flow: Flow
    part: float


class Router:
    """Hands requests to replicas, service by service, each second of simulated time.

    Args:
        world: whose services they are.
        fluid: formulas take the place of single requests.
        sources: streams that take the place of the drawn ones, by service or by a group's member.
    """

    def __init__(
        self, world: World, *, fluid: bool, sources: Mapping[ServiceKey, RequestSource]
    ) -> None:
        self._world = world
        self._fluid = fluid
        self._sources = sources
        self._flows: dict[ServiceKey, Flow] = {}
        self._flow_of: dict[ServiceKey, Flow] = {}
        self._handovers: dict[ServiceKey, Handover] = {}
        self._ticks = 0

    @property
    def groups(self) -> list[Flow]:
        """Flows of route groups."""
        return [flow for flow in self._flows.values() if flow.group is not None]

    def join(self, run: ServiceRun, *, announce: bool) -> None:
        """A service is there: it gets a flow of its own, or joins that of its group."""
        route = run.service.route
        key = run.key if route is None else run.key._replace(name=route.group)
        flow_key = key if route is None else key._replace(name=f"group/{route.group}")
        flow = self._flows.get(flow_key)
        if flow is None:
            flow = self._flows[flow_key] = self._new(run, key, grouped=route is not None)
            if not self._fluid:
                self._ticks += 1
                phase = (self._ticks * 0.6180339887498949) % 1.0
                flow.beat = (self._world.now + TICK * phase) % TICK
                self._world.after(TICK * phase, self._tick, flow)
        elif announce:
            self._add_mean(flow, run)
        else:
            together = [*(one for one, _ in flow.members), run]
            flow.workload = self._source(together, flow.group)
        flow.members.append((run, route.weight if route else 1))
        self._flow_of[run.key] = flow
        if not self._fluid:
            self._world.beats[run.key] = flow.beat
        self._weigh(flow, announce=announce)

    def leave(self, run: ServiceRun) -> None:
        """A service is gone; a flow without members ends."""
        flow = self._flow_of.pop(run.key)
        self._world.beats.pop(run.key, None)
        self._handovers.pop(run.key, None)
        flow.members = [one for one in flow.members if one[0] is not run]
        self._weigh(flow, announce=True)

    def flow(self, key: ServiceKey) -> Flow | None:
        """The flow that feeds a service."""
        return self._flow_of.get(key)

    def group(self, namespace: str, name: str) -> Flow | None:
        """The flow of a route group."""
        return next(
            (
                flow
                for flow in self.groups
                if flow.key.namespace == namespace and flow.key.name == name
            ),
            None,
        )

    def handover(self, run: ServiceRun) -> Handover | None:
        """What stands between the halves of a disaggregated service; None where there is one."""
        if self._fluid or len(run.pools) == 1:
            return None
        found = self._handovers.get(run.key)
        if found is None or found.run is not run:
            from mtop_tui.engine.handover import Handover  # noqa: PLC0415 - few are disaggregated

            random = self._world.random(run.key.namespace, run.key.name, "handover")
            found = self._handovers[run.key] = Handover(run, random)
        return found

    def hand_over(self, key: ServiceKey) -> None:
        """Let decode replicas have all that came over by now, before they are advanced."""
        handover = self.handover(self._world.services[key])
        if handover is not None:
            handover.sync(self._world.now)

    def share(self, key: ServiceKey) -> Share | None:
        """What a service receives of which flow."""
        flow = self._flow_of.get(key)
        if flow is None:
            return None
        weight = next(weight for run, weight in flow.members if run.key == key)
        stopped = self._world.services[key].stopped
        return Share(flow, 0.0 if stopped or not flow.total else weight / flow.total)

    def level(self, key: ServiceKey, at: float) -> tuple[float, Lengths]:
        """Mean requests per second that a service receives, and how long they are."""
        flow = self._flow_of.get(key)
        if flow is None:
            return 0.0, _NONE
        if flow.group is None:
            part = 1.0 if flow.total else 0.0
        else:
            share = self.share(key)
            part = share.part if share else 0.0
        workload, lengths = flow.workload, flow.lengths
        prompt, output, hit = workload.mean_lengths(at)
        if prompt != lengths.prompt or output != lengths.output or hit != lengths.hit:
            flow.lengths = Lengths(prompt, output, hit)
        return workload.rate(at) * part, flow.lengths

    def set_weights(self, flow: Flow, weights: dict[str, int]) -> None:
        """Other weights for some members."""
        flow.members = [(run, weights.get(run.key.name, old)) for run, old in flow.members]
        for run, weight in flow.members:
            route = run.service.route
            if route is not None and route.weight != weight:
                run.change(route=type(route)(route.group, weight))
        self._weigh(flow, announce=True)

    def reweigh(self, key: ServiceKey) -> None:
        """A member was stopped or started."""
        flow = self._flow_of.get(key)
        if flow is not None:
            self._weigh(flow, announce=True)

    def change(self, key: ServiceKey, change: LoadChange) -> None:
        """Change the load on a service, or on the group it is in."""
        self._flow_of[key].workload.change(change)

    def stray(self, replica: SimulatedReplica, requests: list[Request]) -> None:
        """A process is gone: what had not reached it goes elsewhere, the rest is lost."""
        world = self._world
        run = world.services[replica.service]
        late = [one for one in requests if one.at > world.now]
        run.lost += len(requests) - len(late)
        if late:
            self._deliver(run, late)

    def release(self, replica: SimulatedReplica) -> None:
        """A replica serves: it gets what waited at the gateway for it."""
        run = self._world.services[replica.service]
        if run.held and all(pool.serving for pool in run.pools):
            waiting = list(run.held)
            run.held.clear()
            self._deliver(run, waiting)

    # The flow of requests

    def _tick(self, flow: Flow) -> None:
        world = self._world
        now = world.now
        requests = flow.workload.requests(now, now + TICK)
        if requests:
            if flow.group is None:
                self._arrive(flow, flow.members[0][0], requests) if flow.members else None
            else:
                for run, part in self._split(flow, requests):
                    self._arrive(flow, run, part)
        if flow.members:
            world.after(TICK, self._tick, flow)

    def _split(self, flow: Flow, requests: list[Request]) -> list[tuple[ServiceRun, list[Request]]]:
        open_members = [(run, weight) for run, weight in flow.members if not run.stopped]
        parts: list[list[Request]] = [[] for _ in open_members]
        total = flow.total
        if not total or flow.random is None:
            return []
        draw = flow.random.random
        for request in requests:
            place = draw() * total
            for index, (_, weight) in enumerate(open_members):
                place -= weight
                if place < 0.0:
                    parts[index].append(request)
                    break
        return [(run, part) for (run, _), part in zip(open_members, parts, strict=True) if part]

    def _arrive(self, flow: Flow, run: ServiceRun, requests: list[Request]) -> None:
        run.arrived += len(requests)
        self._world.work += len(requests)
        self._deliver(run, requests)
        mirror = flow.mirrors.get(run.key)
        shadow = self._world.services.get(mirror) if mirror else None
        if shadow is not None:
            shadow.arrived += len(requests)
            self._deliver(shadow, requests)

    def _deliver(self, run: ServiceRun, requests: list[Request]) -> None:
        for pool in run.pools:
            if not pool.serving:
                self._hold(run, requests)
                return
        if not run.pools:
            run.refused += len(requests)
            return
        if longest := run.longest:
            requests = _within(run, requests, longest)
        handover = self.handover(run)
        if handover is not None:
            handover.sync(self._world.now)
            self._hand_out(handover.prefill, requests)
            handover.watch()
            return
        for pool in run.pools:
            self._hand_out(pool, requests)

    def _hold(self, run: ServiceRun, requests: list[Request]) -> None:
        """Nobody serves: requests wait if an autoscaler may start from zero, else they fail."""
        if not any(pool.scaler and pool.scaler.from_zero for pool in run.pools):
            run.refused += len(requests)
            return
        run.held.extend(requests)
        while len(run.held) > _MOST_HELD:
            run.held.popleft()
            run.refused += 1
        for pool in run.pools:
            if pool.scaler and not pool.serving:
                pool.scaler.asked()

    def _hand_out(self, pool: PoolRun, requests: list[Request]) -> None:
        serving = pool.serving
        count = len(serving)
        if count == 1:
            server = serving[0].server
            if isinstance(server, ReplicaServer):
                for request in requests:
                    server.submit(request)
            return
        now = self._world.now
        servers = [one.server for one in serving if isinstance(one.server, ReplicaServer)]
        count = len(servers)
        for server in servers:
            if server.at < now:
                server.advance(now)
        draw = serving[0].random.random
        for request in requests:
            first = servers[request.group % count if request.cached else int(draw() * count)]
            second = servers[int(draw() * count)]
            if second is not first:
                least = second.load
                if first.load > _OVERLOADED * least + (_SLACK if request.cached else 0):
                    first = second
            first.submit(request)

    # Groups and rates

    def _new(self, run: ServiceRun, key: ServiceKey, *, grouped: bool) -> Flow:
        world = self._world
        group = None
        if grouped:
            ref = ObjectRef(key.cluster, key.namespace, _GROUP_KIND, key.name)
            group = RouteGroup(at=world.now, ref=naming.identified(world.seed, ref), members=())
        source = self._source([run], group)
        # Making a stream takes long, and only groups choose between members.
        random = world.random(key.namespace, key.name, "route") if grouped else None
        return Flow(key, source, random, group)

    def _source(self, runs: Sequence[ServiceRun], group: RouteGroup | None) -> RequestSource:
        """What a service, or the members of a group together, are asked for."""
        for run in runs:
            if run.key in self._sources:
                return self._sources[run.key]
        seed = self._world.seed
        if group is None:
            workload = service_workload(seed, runs[0].service, runs[0].demand)
        else:
            members = [(run.service, run.demand) for run in runs]
            workload = group_workload(seed, group.ref, members)
        if all(run.demand.requests_per_second is None for run in runs):
            workload.set_mean(sum(self._usual(run, workload) for run in runs))
        return workload

    def _add_mean(self, flow: Flow, run: ServiceRun) -> None:
        """A member came later: the stream stays what it is, with a rate for all of them."""
        if not isinstance(flow.workload, Workload):
            return
        stated = [one.demand.requests_per_second for one, _ in [*flow.members, (run, 0)]]
        known = [rate for rate in stated if rate is not None]
        if known:
            flow.workload.set_mean(sum(known))
        else:
            more = self._usual(run, flow.workload)
            flow.workload.set_mean(flow.workload.mean + more)

    def _usual(self, run: ServiceRun, workload: Workload) -> float:
        """Requests per second for a service that does not say: a part of what it can do."""
        prompt, output, cached = workload.mean_lengths(self._world.now)
        found = [
            sum(
                one.profile.capacity(prompt, output, cached)
                for one in pool.live
                if one.profile is not None
            )
            for pool in run.pools
        ]
        random = self._world.random(run.key.namespace, run.key.name, "utilisation")
        return min(found, default=0.0) * random.uniform(*_UTILISATION) / workload.peak

    def _weigh(self, flow: Flow, *, announce: bool) -> None:
        flow.total = sum(weight for run, weight in flow.members if not run.stopped)
        if flow.group is None:
            return
        members = tuple(
            RouteMember(run.key.name, weight, run.stopped)
            for run, weight in sorted(flow.members, key=lambda one: one[0].key.name)
        )
        flow.group = RouteGroup(at=self._world.now, ref=flow.group.ref, members=members)
        if announce:
            self._world.emit(flow.group)


def _within(run: ServiceRun, requests: list[Request], longest: int) -> list[Request]:
    """Requests as vLLM takes them: a prompt without room for an answer is refused with HTTP 400,
    and an answer ends where the longest request does.
    """
    if all(one.prompt + one.output <= longest for one in requests):
        return requests
    taken = [one for one in requests if one.prompt < longest]
    run.too_long += len(requests) - len(taken)
    return [
        one
        if one.prompt + one.output <= longest
        else msgspec.structs.replace(one, output=longest - one.prompt)
        for one in taken
    ]
