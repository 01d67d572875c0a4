"""Scheduler and kubelet: give replicas their places, start, restart and end their containers."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mtop_tui.engine import deployment, lifecycle
from mtop_tui.engine.kube_events import PodFacts, stage_events
from mtop_tui.engine.lifecycle import Stage
from mtop_tui.engine.outputs.chronicle import Chronicle
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.service_run import PoolRun
from mtop_tui.engine.serving.fluid import FluidServer
from mtop_tui.engine.serving.replica import ReplicaServer
from mtop_tui.engine.serving.requests import Factors, Request
from mtop_tui.engine.world import World
from mtop_tui.observations import ObjectRef, Removed

GRACE = 30.0
"""Seconds a pod has to end by itself (Kubernetes' default)."""

WATCHDOG = 600.0
"""Seconds after which a blocked collective ends its process (NCCL's watchdog in PyTorch)."""

_TIMEOUT = (
    "[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=203441, "
    "OpType=ALLREDUCE, NumelIn=8192, NumelOut=8192, Timeout(ms)=600000) ran for 600013 milliseconds"
)
_SCHEDULER_RETRY = 300.0
_DRAIN_LOOK = 2.0
_SHARED = "time-slice"


class Kubelet:
    """What happens to replicas on their nodes.

    Args:
        world: where it happens.
        chronicle: where containers write.
        changed: called with a pool when its replicas have changed.
        stray: called with a replica and the requests that it will not answer any more.
        fluid: whether formulas take the place of single requests.
    """

    def __init__(
        self,
        world: World,
        chronicle: Chronicle,
        changed: Callable[[PoolRun], None],
        stray: Callable[[SimulatedReplica, list[Request]], None],
        *,
        fluid: bool,
    ) -> None:
        self._world = world
        self._chronicle = chronicle
        self._changed = changed
        self._stray = stray
        self._fluid = fluid
        self._images: set[tuple[str, str]] = set()
        self._waiting: dict[SimulatedReplica, None] = {}
        self._retrying = False
        self._generations: dict[tuple[str, str], int] = {}
        self.serve: Callable[[SimulatedReplica], None] = lambda _: None

    # Scheduling

    def create(self, replica: SimulatedReplica) -> None:
        """A new replica looks for a place; one that was created in the past is as it is by now."""
        if self._seat(replica):
            if replica.life.created_at < self._world.now:
                replica.life.settle(self._world.now)
            self._enter(replica, None)
        else:
            self._refuse(replica, replica.life.created_at)

    def room_may_be(self) -> None:
        """Something has changed in the cluster: let those that wait try again, soon."""
        if self._waiting and not self._retrying:
            self._retrying = True
            self._world.after(1.0, self._retry)

    def _retry(self) -> None:
        self._retrying = False
        waiting = sorted(self._waiting, key=lambda one: (-one.priority, one.number))
        for replica in waiting:
            if self._seat(replica):
                del self._waiting[replica]
                self._enter(replica, None)

    def _seat(self, replica: SimulatedReplica) -> bool:
        world = self._world
        pool = world.pool_of(replica)
        seats = deployment.place(world.cluster, replica.ask, pool.model)
        if seats is None:
            return False
        replica.seats = seats
        for seat in seats:
            world.on_node.setdefault(seat.node, {})[replica] = None
        run = world.services[replica.service]
        volume = deployment.has_volume(run.service)
        deployment.equip(replica, pool, world.cluster, volume=volume)
        self._pull(replica, pool)
        at = world.now if replica in self._waiting else replica.life.created_at
        if replica.start is not None:
            replica.life.place(at, replica.start, pool.limits)
        self._share(replica)
        return True

    def _pull(self, replica: SimulatedReplica, pool: PoolRun) -> None:
        image = self._image(replica)
        missing = [node for node in replica.nodes if (node, image) not in self._images]
        if (missing or pool.limits.pull_fault) and replica.start is not None:
            size = deployment.image_bytes(image)
            replica.start = msgspec.structs.replace(replica.start, image=size)

    def _refuse(self, replica: SimulatedReplica, since: float) -> None:
        world = self._world
        self._waiting[replica] = None
        replica.life.refuse(world.cluster.refusal(replica.ask))
        world.emit(replica.record(world.now))
        times = int((world.now - since) // _SCHEDULER_RETRY) + 1
        for said in stage_events(replica.life.stage, None, self._facts(replica)):
            world.say(replica.ref, said._replace(times=times), since)
        world.after(_SCHEDULER_RETRY, self._still_refused, replica)

    def _still_refused(self, replica: SimulatedReplica) -> None:
        if replica not in self._waiting:
            return
        world = self._world
        before = replica.life.stage.message
        replica.life.refuse(world.cluster.refusal(replica.ask))
        if replica.life.stage.message != before:
            world.emit(replica.record(world.now))
        for said in stage_events(replica.life.stage, None, self._facts(replica)):
            world.say(replica.ref, said)
        world.after(_SCHEDULER_RETRY, self._still_refused, replica)

    # Stages

    def plan(self, replica: SimulatedReplica) -> None:
        """Put the next stage of a replica on the agenda; what was planned before is void."""
        replica.plan += 1
        if replica.life.due is not None:
            self._world.at(replica.life.due, self._step, replica, replica.plan)

    def _step(self, replica: SimulatedReplica, plan: int) -> None:
        if plan != replica.plan:
            return
        before = replica.life.stage
        restarts = replica.life.restarts
        replica.life.step()
        if replica.life.grouped and replica.life.restarts > restarts:
            self._renew(replica)
        self._enter(replica, before)

    def _renew(self, replica: SimulatedReplica) -> None:
        """All pods of a group are deleted and made anew when a container of it restarts."""
        world = self._world
        pool = world.pool_of(replica)
        world.emit(Removed(at=world.now, ref=replica.ref))
        replica.ref = self.next_ref(pool, replica.ref.name)

    def next_ref(self, pool: PoolRun, name: str) -> ObjectRef:
        """The identity of a new pod, which differs from that of an earlier one of the name."""
        key = (pool.service.namespace, name)
        generation = self._generations.get(key, -1) + 1
        if pool.grouped:
            self._generations[key] = generation
        else:
            generation = 0
        return deployment.ref_of(pool, name, self._world.seed, generation)

    def _enter(self, replica: SimulatedReplica, before: Stage | None) -> None:
        """A replica is in another stage than it was: serve or stop serving, and say so."""
        world, life = self._world, replica.life
        stage = life.stage
        if stage.reason not in {lifecycle.CREATING, lifecycle.PULL_ERROR}:
            image = self._image(replica)
            self._images.update((node, image) for node in replica.nodes)
        settled = before is None and stage.phase == "ready"
        if stage.phase == "ready":
            self._start_serving(replica, warm=before is None)
        else:
            self._stop_serving(replica)
        self._chronicle.entered(replica, before)
        world.emit(replica.record(world.now))
        self.plan(replica)
        if not settled:
            self._say(replica, before)
            self._changed(world.pool_of(replica))

    def _say(self, replica: SimulatedReplica, before: Stage | None) -> None:
        world, life = self._world, replica.life
        repeats = life.restarts + 1 if before is None and life.restarts else 1
        first = life.created_at if repeats > 1 else life.stage.at
        for said in stage_events(life.stage, before, self._facts(replica)):
            world.say(replica.ref, said._replace(times=repeats), first)

    def _facts(self, replica: SimulatedReplica) -> PodFacts:
        size = replica.start.image if replica.start else 0.0
        image = self._image(replica)
        return PodFacts(replica.ref, replica.nodes, image, replica.life.restarts, size)

    @staticmethod
    def _image(replica: SimulatedReplica) -> str:
        return replica.revision.image or deployment.DEFAULT_IMAGE

    def _start_serving(self, replica: SimulatedReplica, *, warm: bool) -> None:
        world = self._world
        if replica.server is None and replica.profile is not None:
            profile, random = replica.profile, replica.random
            if self._fluid:
                replica.server = FluidServer(profile, random, world.now)
            else:
                replica.server = ReplicaServer(profile, random, world.now, warm=warm)
                if replica.role == "decode":
                    from mtop_tui.engine.serving.transfers import Transfers  # noqa: PLC0415 - few

                    replica.transfers = Transfers()
            replica.tell_server()
        pool = world.pool_of(replica)
        if pool.join(replica):
            self.serve(replica)

    def _stop_serving(self, replica: SimulatedReplica) -> None:
        self._world.pool_of(replica).leave(replica)
        if replica.server is not None and not replica.ending:
            self._end_process(replica)

    def _end_process(self, replica: SimulatedReplica) -> None:
        server, replica.server = replica.server, None
        replica.gauges = replica.transfers = None
        if server is not None:
            run = self._world.services[replica.service]
            for index, count in enumerate(server.page.counters[5:]):
                run.finished[index] += count
            self._stray(replica, server.drop_all())

    # What is done to replicas

    def crash(self, replica: SimulatedReplica, reason: str, code: int, message: str) -> None:
        """The container of a replica ends."""
        before = replica.life.stage
        replica.life.crash(self._world.now, reason, code, message)
        self._enter(replica, before)

    def lose(self, replica: SimulatedReplica, message: str) -> None:
        """The node of a replica does not answer: it is not ready any more."""
        before = replica.life.stage
        replica.life.lose(self._world.now, message)
        self._enter(replica, before)

    def kill_process(self, replica: SimulatedReplica) -> None:
        """The process is gone, and nobody knows yet."""
        replica.unreachable = True
        replica.plan += 1
        self._world.pool_of(replica).leave(replica)
        self._end_process(replica)

    def reboot(self, replica: SimulatedReplica) -> None:
        """The node of a replica is back, and starts it anew."""
        before = replica.life.stage
        replica.unreachable = False
        replica.life.reboot(self._world.now)
        self._enter(replica, before)

    def limit(self, replica: SimulatedReplica) -> None:
        """Other limits hold for starts in its pool."""
        replica.life.limit(self._world.now, self._world.pool_of(replica).limits)
        self.plan(replica)
        self._chronicle.paced(replica)

    def changed_factors(self, replica: SimulatedReplica, was_hung: bool) -> None:
        """Something is wrong with a replica, or is not any more; a hang ends by the watchdog."""
        if replica.hung == was_hung or replica.server is None:
            return
        if replica.hung:
            self._world.after(WATCHDOG, self._watchdog, replica, replica.server)

    def _watchdog(self, replica: SimulatedReplica, server: object) -> None:
        if replica.server is not server or not replica.hung:
            return
        for name in [name for name, one in replica.factors.items() if one.hung]:
            replica.factors.pop(name)
        self.crash(replica, "Error", 1, _TIMEOUT)

    def end(self, replica: SimulatedReplica, message: str = "", *, at_once: bool = False) -> None:
        """Tell a replica to end; it finishes what it is at for `GRACE` seconds, unless at once."""
        if replica.ending:
            return
        world = self._world
        before = replica.life.stage
        self._waiting.pop(replica, None)
        replica.life.end(world.now, message)
        self._enter(replica, before)
        gone = replica.unreachable and not at_once
        if at_once or (replica.server is None and not gone):
            world.after(0.0 if at_once else 1.0, self._remove, replica)
        elif not gone:
            world.after(_DRAIN_LOOK, self._drain, replica, world.now + GRACE)

    def _drain(self, replica: SimulatedReplica, until: float) -> None:
        world, server = self._world, replica.server
        if isinstance(server, ReplicaServer) and world.now < until:
            server.advance(max(world.now, server.at))
            if server.page.running or server.page.waiting:
                world.after(_DRAIN_LOOK, self._drain, replica, until)
                return
        self._remove(replica)

    def _remove(self, replica: SimulatedReplica) -> None:
        world = self._world
        pool = world.pool_of(replica)
        if replica not in replica.revision.replicas:
            return
        self._end_process(replica)
        replica.plan += 1
        replica.revision.replicas.remove(replica)
        for node in replica.nodes:
            world.on_node.get(node, {}).pop(replica, None)
        world.cluster.release(replica.seats)
        world.quotas.give_back(replica.service.namespace, replica.gpus)
        self._share(replica)
        self._chronicle.removed(replica)
        world.emit(Removed(at=world.now, ref=replica.ref))
        self.room_may_be()
        self._changed(pool)

    def forget(self, replica: SimulatedReplica) -> None:
        """A replica whose node is gone for good is gone too."""
        self._remove(replica)

    def _share(self, replica: SimulatedReplica) -> None:
        """Replicas on the same physical GPU by time slices have what is left of it each."""
        world = self._world
        for seat in replica.seats:
            host = world.cluster.hosts.get(seat.node)
            if host is None or host.shares == 1:
                continue
            users: dict[int, list[SimulatedReplica]] = {}
            for other in world.on_node.get(seat.node, {}):
                for theirs in other.seats:
                    if theirs.node == seat.node:
                        for index in theirs.gpus:
                            users.setdefault(host.gpu_of(index), []).append(other)
            for sharing in users.values():
                part = 1.0 / len(sharing)
                factors = Factors(compute=part, bandwidth=part, kv=1.0 / host.shares)
                for one in sharing:
                    one.change(_SHARED, factors)
