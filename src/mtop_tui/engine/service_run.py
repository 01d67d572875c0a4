"""Services while the simulation runs: their pools, revisions, and the status that is reported."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from mtop_tui.engine import status
from mtop_tui.engine.control.progress import Progress, workload_conditions
from mtop_tui.engine.demand import Demand
from mtop_tui.engine.levers import USUAL
from mtop_tui.engine.lifecycle import NO_LIMITS, Limits
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.serving.requests import UNCHANGED, Factors, Request
from mtop_tui.observations import Condition, ObjectRef, Pool, Revision, Role, Service, ServiceKey

if TYPE_CHECKING:
    from mtop_tui.engine.control.autoscaling import Scaler
    from mtop_tui.engine.models import Model


class RevisionRun:
    """One revision of a pool: a ReplicaSet, or what a LeaderWorkerSet was at one time.

    Attributes:
        number: from 1.
        hash: ends its name, and is on its replicas.
        factors: how its replicas differ from what their profile says.
        weights: bytes, None for those of the model.
        start_fails: what its engine says when it ends while loading, or empty.
        replicas: that exist, in the order of creation.
        created: replicas it ever had.
        preview: whether its replicas get no requests: those of a blue-green rollout before it
            switches, and the old ones after.
        record: as last observed.
    """

    __slots__ = (
        "created",
        "created_at",
        "factors",
        "hash",
        "image",
        "number",
        "preview",
        "record",
        "ref",
        "replicas",
        "start_fails",
        "weights",
    )

    def __init__(
        self,
        ref: ObjectRef,
        number: int,
        *,
        image: str,
        created_at: float,
        factors: Factors = UNCHANGED,
        weights: float | None = None,
        start_fails: str = "",
    ) -> None:
        self.ref, self.number, self.image, self.created_at = ref, number, image, created_at
        self.hash = ref.name.rpartition("-")[2]
        self.factors, self.weights, self.start_fails = factors, weights, start_fails
        self.replicas: list[SimulatedReplica] = []
        self.created = 0
        self.preview = False
        self.record: Revision | None = None

    @property
    def live(self) -> list[SimulatedReplica]:
        """Replicas that were not told to end."""
        return [one for one in self.replicas if not one.ending]

    def report(self, at: float, pool: PoolRun) -> Revision | None:
        """Its record when that has changed, else None."""
        live = self.live
        record = Revision(
            at=at,
            ref=self.ref,
            service=pool.service,
            role=pool.role,
            number=self.number,
            image=self.image,
            created_at=self.created_at,
            desired=max(len(live), pool.desired if self is pool.newest and pool.settled else 0),
            ready=sum(one.ready for one in live),
        )
        before = self.record
        if before is not None and msgspec.structs.replace(before, at=at) == record:
            return None
        self.record = record
        return record


class PoolRun:
    """One workload of a service: a Deployment or a LeaderWorkerSet.

    Attributes:
        spec: as the service states it.
        workload: its name.
        ref: of its Deployment or LeaderWorkerSet.
        model: that it serves.
        desired: replicas it should have.
        revisions: oldest first.
        plan: of the rollout under way or last made.
        switched_at: when all requests moved to the new replicas of a blue-green rollout.
        paused: whether a rollout is held.
        serving: replicas that are ready and get requests.
        standby: replicas that are ready and get none.
        progress: how far its rollout has come.
        limits: on starts of its replicas.
        scaler: its autoscaler.
        refused: why the last pod was not created, or empty.
        changed_at: when its availability last changed.
    """

    def __init__(
        self,
        service: ServiceKey,
        spec: Pool,
        ref: ObjectRef,
        model: Model,
        *,
        created_at: float,
        desired: int,
    ) -> None:
        self.service, self.spec, self.ref, self.model = service, spec, ref, model
        self.role: Role = spec.role
        self.workload = ref.name
        self.desired = desired
        self.revisions: list[RevisionRun] = []
        self.plan = USUAL
        self.switched_at: float | None = None
        self.paused = False
        self.progress = Progress(created_at)
        self.limits: Limits = NO_LIMITS
        self.scaler: Scaler | None = None
        self.refused = ""
        self.retrying = False
        self.changed_at = created_at
        self.serving: list[SimulatedReplica] = []
        self.standby: list[SimulatedReplica] = []
        self.available = desired == 0

    @property
    def grouped(self) -> bool:
        """Whether a replica spans several nodes."""
        return self.spec.nodes_per_replica > 1

    @property
    def newest(self) -> RevisionRun:
        """The revision all replicas should have."""
        return self.revisions[-1]

    @property
    def settled(self) -> bool:
        """Whether no other revision has replicas."""
        return all(not one.live for one in self.revisions[:-1])

    @property
    def replicas(self) -> list[SimulatedReplica]:
        """All that exist, those that end included."""
        if len(self.revisions) == 1:
            return self.revisions[0].replicas
        return [replica for one in self.revisions for replica in one.replicas]

    @property
    def live(self) -> list[SimulatedReplica]:
        """Replicas that were not told to end."""
        return [one for one in self.replicas if not one.ending]

    @property
    def ready(self) -> int:
        """Replicas that can serve."""
        return len(self.serving) + len(self.standby)

    def join(self, replica: SimulatedReplica) -> bool:
        """A replica can serve; whether that is new."""
        if replica in self.serving or replica in self.standby:
            return False
        (self.standby if replica.revision.preview else self.serving).append(replica)
        return True

    def leave(self, replica: SimulatedReplica) -> None:
        """A replica cannot serve any more."""
        for ready in (self.serving, self.standby):
            if replica in ready:
                ready.remove(replica)

    def settle(self) -> None:
        """It was there before anybody looked: it has been available, or not, from its beginning."""
        self.available = status.is_available(self.pool_status())

    def pool_status(self) -> status.PoolStatus:
        """What its conditions depend on."""
        return status.PoolStatus(
            self.spec,
            self.ready,
            self.desired,
            self.changed_at,
            self.newest.ref.name if self.progress.stage == "overdue" else "",
            self.scaler.broken if self.scaler else None,
            self.scaler is not None,
        )

    def reroute(self) -> None:
        """Sort replicas that can serve anew, by whether their revision gets requests."""
        ready = [*self.serving, *self.standby]
        self.serving[:] = [one for one in ready if not one.revision.preview]
        self.standby[:] = [one for one in ready if one.revision.preview]


class ServiceRun:
    """A service with the status it has now.

    Attributes:
        service: as last reported.
        demand: what its manifest asks of the simulation.
        created_at: Unix seconds.
        pools: its workloads; none when its presets could not be combined.
        held: requests that wait at the gateway for a first replica.
        refused: requests that found no replica.
        lost: requests that were under way when a process ended.
        too_long: requests that the engine refused, for their prompts exceed its longest request.
        arrived: requests so far.
        finished: answered or failed ones of replicas that are gone, by reason as vLLM counts.
    """

    def __init__(self, service: Service, demand: Demand, created_at: float) -> None:
        self.service, self.demand, self.created_at = service, demand, created_at
        self.key = service.key
        self.pools: list[PoolRun] = []
        self.held: deque[Request] = deque()
        self.refused = self.lost = self.arrived = self.too_long = 0
        self.finished = [0.0] * 5
        self._conditions: dict[str, Condition] = {}
        self._reported: Service | None = None

    def pool(self, role: Role) -> PoolRun:
        """The pool of a role."""
        for one in self.pools:
            if one.role == role:
                return one
        raise LookupError(f"{self.key.name} has no {role} pool")

    @property
    def longest(self) -> int:
        """Tokens of prompt and answer that all of its pools take; 0 where nothing bounds them."""
        stated = [one.spec.max_model_len for one in self.pools if one.spec.max_model_len]
        return min(stated, default=0)

    @property
    def ready(self) -> bool:
        """Whether the service was last reported ready."""
        condition = self._conditions.get(status.READY)
        return condition is not None and condition.status == "True"

    @property
    def stopped(self) -> bool:
        """Whether it was stopped on purpose."""
        return self.service.stopped

    def change(self, **facts: object) -> None:
        """Change its spec: its generation counts up, and the controller sees it at once."""
        generation = (self.service.generation or 1) + 1
        self.service = msgspec.structs.replace(
            self.service, generation=generation, observed_generation=generation, **facts
        )

    def report(self, at: float) -> Service | None:
        """The service with the status its pools have now, or None if it is as before."""
        found = status.conditions(
            [_status(one, at) for one in self.pools],
            given=self.service.conditions,
            stopped=self.stopped,
            created_at=self.created_at,
        )
        found = status.unchanged_kept(found, self._conditions)
        self._conditions = {one.type: one for one in found}
        pools = tuple(
            msgspec.structs.replace(
                one.spec,
                desired=one.desired,
                ready=one.ready,
                image=one.newest.image or None,
                workload=one.workload,
                conditions=workload_conditions(one),
            )
            for one in self.pools
        )
        self.service = msgspec.structs.replace(
            self.service, at=at, conditions=found, pools=pools or self.service.pools
        )
        before = self._reported
        if before is not None and msgspec.structs.replace(before, at=at) == self.service:
            return None
        self._reported = self.service
        return self.service


def _status(pool: PoolRun, at: float) -> status.PoolStatus:
    found = pool.pool_status()
    available = status.is_available(found)
    if available != pool.available:
        pool.available, pool.changed_at = available, at
        found = msgspec.structs.replace(found, changed_at=at)
    return found
