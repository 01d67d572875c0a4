"""Deployments and LeaderWorkerSets: keeps the replicas there should be, and rolls out revisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from mtop_tui.engine import deployment
from mtop_tui.engine.control.progress import DEADLINE, Reached
from mtop_tui.engine.control.rolling import (
    SCALE_DOWN_DELAY,
    Counts,
    Moves,
    bluegreen_moves,
    bounds,
    recreate_moves,
    rolling_moves,
)
from mtop_tui.engine.kube_events import Said
from mtop_tui.engine.kubelet import Kubelet
from mtop_tui.engine.levers import USUAL, Plan
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.service_run import PoolRun, RevisionRun, ServiceRun
from mtop_tui.engine.world import World
from mtop_tui.observations import ObjectRef, Removed

_QUOTA_RETRY = 30.0
_KEPT_REVISIONS = 10


class Workloads:
    """The workload controllers of all services.

    `kubelet` is set once it is made, since each needs the other.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._dirty: dict[PoolRun, None] = {}
        self._numbers = 0
        self.kubelet: Kubelet
        self.settled: Callable[[ServiceRun], None] = lambda _: None

    def found(self, run: ServiceRun, pool: PoolRun) -> None:
        """Make the replicas of a pool that was there before anybody looked."""
        for _ in range(pool.desired):
            if not self._create(pool, pool.newest, run.created_at):
                break

    def changed(self, pool: PoolRun) -> None:
        """Something about a pool or its replicas is new: look after it, once, at this time."""
        if pool not in self._dirty:
            self._dirty[pool] = None
            self._world.at(self._world.now, self._look, pool)

    def roll_out(self, pool: PoolRun, revision: RevisionRun, plan: Plan = USUAL) -> None:
        """Replace the replicas of a pool by those of a new revision."""
        pool.revisions.append(revision)
        pool.plan, pool.paused, pool.switched_at = plan, False, None
        revision.preview = plan.strategy == "bluegreen"
        pool.reroute()
        pool.progress.begin(self._world.now, again=revision.created > 0)
        self._watch(pool)
        self.changed(pool)

    def undo(self, pool: PoolRun) -> None:
        """Go back to the revision before, if there is one."""
        if len(pool.revisions) > 1:
            earlier = pool.revisions.pop(-2)
            # Kubernetes takes the old ReplicaSet up again, as the newest revision.
            earlier.number = pool.newest.number + 1
            self.roll_out(pool, earlier)

    def scale(self, pool: PoolRun, replicas: int) -> None:
        """Set how many replicas a pool should have."""
        if pool.desired != replicas:
            pool.desired = replicas
            self.changed(pool)

    def hold(self, pool: PoolRun, *, paused: bool) -> None:
        """Hold a rollout where it is, or let it go on."""
        pool.paused = paused
        pool.progress.hold(self._world.now, paused=paused)
        self.report(pool)
        self._watch(pool)
        self.changed(pool)

    def settle(self, pool: PoolRun) -> None:
        """How a pool that was there before anybody looked has come to where it is.

        Where some replica serves, its rollout was complete at some time. Where none ever did, it
        began with the pool.
        """
        progress, desired = pool.progress, pool.desired
        pool.settle()
        if not desired or any(one.ready for one in pool.live):
            progress.look(progress.at, Reached(desired, 0, desired), desired)
            return
        progress.look(progress.at, self._reached(pool), desired)
        if progress.at + DEADLINE <= self._world.now:
            progress.expire(progress.at + DEADLINE)
        else:
            self._watch(pool)

    def report(self, pool: PoolRun) -> None:
        """Let be observed what has changed about a pool and its service."""
        world = self._world
        run = world.services[pool.service]
        for revision in pool.revisions:
            record = revision.report(world.now, pool)
            if record is not None:
                world.emit(record)
        was_ready = run.ready
        service = run.report(world.now)
        if service is None:
            return
        world.emit(service)
        if run.ready != was_ready:
            name = f"LLMInferenceService [{service.ref.name}]"
            if run.ready:
                said = Said("Normal", "LLMInferenceServiceReady", f"{name} is Ready")
            else:
                text = f"{name} is no longer Ready"
                said = Said("Warning", "LLMInferenceServiceNotReady", text)
            world.say(service.ref, said)

    def delete(self, run: ServiceRun) -> None:
        """A service is deleted: its replicas end, and its objects go."""
        for pool in run.pools:
            pool.desired = 0
            self.changed(pool)

    def _look(self, pool: PoolRun) -> None:
        self._dirty.pop(pool, None)
        world = self._world
        run = world.services.get(pool.service)
        if run is None:
            return
        if pool.plan.strategy == "bluegreen" and pool.switched_at is None:
            self._switch(pool)
        moves = self._moves(pool)
        self._end(pool, moves)
        for _ in range(moves.add):
            if not self._create(pool, pool.newest, world.now):
                break
        self._progress(pool)
        self._prune(pool)
        self.report(pool)
        self.settled(run)

    def _switch(self, pool: PoolRun) -> None:
        """Move all requests to the new replicas of a blue-green rollout once all of them serve."""
        ready = sum(one.ready for one in pool.newest.live)
        if pool.paused or ready < pool.desired:
            return
        now = self._world.now
        if pool.plan.hold:
            pool.plan = msgspec.structs.replace(pool.plan, hold=False)
            pool.paused = True
            pool.progress.hold(now, paused=True)
            return
        pool.switched_at = now
        for revision in pool.revisions:
            revision.preview = revision is not pool.newest
        pool.reroute()
        self._world.decide(f"all requests of {pool.workload} go to revision {pool.newest.number}")
        self._world.at(now + SCALE_DOWN_DELAY, self.changed, pool)

    def _moves(self, pool: PoolRun) -> Moves:
        new = pool.newest.live
        old = [one for revision in pool.revisions[:-1] for one in revision.live]
        counts = Counts(
            pool.desired,
            len(new),
            sum(one.ready for one in new),
            len(old),
            sum(one.ready for one in old),
        )
        plan = pool.plan
        if plan.strategy == "bluegreen" and old:
            switched = pool.switched_at
            over = switched is not None and self._world.now >= switched + SCALE_DOWN_DELAY
            return bluegreen_moves(counts, over=over)
        if pool.paused and old:
            return self._held(counts)
        if plan.strategy == "recreate" and (old or len(pool.revisions) > 1):
            ending = sum(one.ending for rev in pool.revisions[:-1] for one in rev.replicas)
            return recreate_moves(counts, ending)
        spec = pool.spec
        limits = bounds(
            pool.desired,
            grouped=pool.grouped,
            surge=spec.max_surge if plan.surge is None else plan.surge,
            unavailable=spec.max_unavailable if plan.unavailable is None else plan.unavailable,
        )
        moves = rolling_moves(counts, limits)
        if pool.grouped and moves.add:
            # A group's name, and its GPUs, are free only once the one before it is gone.
            ending = sum(one.ending for one in pool.replicas)
            moves = moves._replace(
                add=max(0, min(moves.add, pool.desired - len(pool.live) - ending))
            )
        return moves

    @staticmethod
    def _held(counts: Counts) -> Moves:
        """While a rollout is held, scaling changes the old revision, which is the larger."""
        excess = counts.new + counts.old - counts.desired
        if excess > 0:
            unready = min(excess, counts.old - counts.old_ready)
            return Moves(
                end_old_unready=unready, end_old_ready=min(excess - unready, counts.old_ready)
            )
        return Moves(add=-excess)

    def _end(self, pool: PoolRun, moves: Moves) -> None:
        old = [one for revision in pool.revisions[:-1] for one in revision.live]
        chosen = _last(pool.newest.live, moves.end_new)
        chosen += _last([one for one in old if not one.ready], moves.end_old_unready)
        chosen += _last([one for one in old if one.ready], moves.end_old_ready)
        for replica in chosen:
            self._scaled(pool, replica.revision, -1)
            text = f"Deleted pod: {replica.ref.name}"
            self._world.say(
                _owner(pool, replica.revision), Said("Normal", "SuccessfulDelete", text)
            )
            self.kubelet.end(replica)

    def _create(self, pool: PoolRun, revision: RevisionRun, created_at: float) -> bool:
        world = self._world
        ask = deployment.ask_of(pool.spec)
        name = deployment.pod_name(pool, revision, world.seed)
        namespace = pool.service.namespace
        refusal = world.quotas.request(namespace, ask.gpus * ask.nodes)
        if refusal:
            pool.refused = f'Error creating: pods "{name}" is forbidden: {refusal}'
            world.say(_owner(pool, revision), Said("Warning", "FailedCreate", pool.refused))
            if not pool.retrying:
                pool.retrying = True
                world.after(_QUOTA_RETRY, self._retry, pool)
            return False
        pool.refused = ""
        ref = self.kubelet.next_ref(pool, name)
        replica = SimulatedReplica(
            ref,
            pool.service,
            pool.role,
            number=self._numbers,
            revision=revision,
            ask=ask,
            created_at=created_at,
            random=world.random(ref.namespace, ref.name, str(revision.created)),
        )
        self._numbers += 1
        revision.created += 1
        revision.replicas.append(replica)
        if created_at >= world.now:
            self._scaled(pool, revision, 1)
            text = f"Created pod: {name}"
            world.say(_owner(pool, revision), Said("Normal", "SuccessfulCreate", text))
        self.kubelet.create(replica)
        return True

    def _retry(self, pool: PoolRun) -> None:
        pool.retrying = False
        self.changed(pool)

    def _scaled(self, pool: PoolRun, revision: RevisionRun, by: int) -> None:
        if pool.grouped:
            return
        count = len(revision.live)
        before, after = (count - 1, count) if by > 0 else (count, count - 1)
        way = "up" if by > 0 else "down"
        text = f"Scaled {way} replica set {revision.ref.name} from {before} to {after}"
        self._world.say(pool.ref, Said("Normal", "ScalingReplicaSet", text))

    # Progress

    def _progress(self, pool: PoolRun) -> None:
        if pool.progress.look(self._world.now, self._reached(pool), pool.desired):
            self._watch(pool)

    @staticmethod
    def _reached(pool: PoolRun) -> Reached:
        live = pool.live
        updated = len(pool.newest.live)
        return Reached(updated, len(live) - updated, sum(one.ready for one in live))

    def _watch(self, pool: PoolRun) -> None:
        at = pool.progress.at
        self._world.at(at + DEADLINE, self._deadline, pool, at)

    def _deadline(self, pool: PoolRun, since: float) -> None:
        progress = pool.progress
        over = progress.stage in {"complete", "paused", "overdue"}
        if since != progress.at or over or pool.grouped or not pool.desired:
            return
        if pool.service in self._world.services:
            progress.expire(self._world.now)
            self.report(pool)
            if pool.plan.auto_undo:
                self._world.decide(f"the rollout of {pool.workload} is overdue and undone")
                self.undo(pool)

    def _prune(self, pool: PoolRun) -> None:
        """Revisions without replicas are kept for an undo, ten at most."""
        idle = [one for one in pool.revisions[:-1] if not one.replicas]
        for revision in idle[: max(0, len(idle) - _KEPT_REVISIONS)]:
            pool.revisions.remove(revision)
            self._world.emit(Removed(at=self._world.now, ref=revision.ref))


def _owner(pool: PoolRun, revision: RevisionRun) -> ObjectRef:
    return pool.ref if pool.grouped else revision.ref


def _last(replicas: Iterable[SimulatedReplica], count: int) -> list[SimulatedReplica]:
    """Which replicas go first: without a place, then not ready, then the youngest."""
    if count <= 0:
        return []
    order = sorted(
        replicas, key=lambda one: (bool(one.seats), one.ready, -one.life.created_at, -one.number)
    )
    return order[:count]
