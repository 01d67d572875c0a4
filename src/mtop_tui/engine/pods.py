"""Simulated replicas: their identity, the stage they are in, and the engine that serves."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from mtop_tui.engine import vllm
from mtop_tui.engine.cluster import Ask, Seat
from mtop_tui.engine.lifecycle import Life, Start
from mtop_tui.engine.serving.replica import ReplicaServer
from mtop_tui.engine.serving.requests import Factors, combine
from mtop_tui.observations import MetricSample, ObjectRef, Replica, Role, ServiceKey

if TYPE_CHECKING:
    from mtop_tui.engine.service_run import RevisionRun
    from mtop_tui.engine.serving.fluid import FluidServer
    from mtop_tui.engine.serving.profiles import ServingProfile
    from mtop_tui.engine.serving.transfers import Transfers


class SimulatedReplica:
    """One replica from its creation on: a pod, or a group of pods over several nodes.

    Attributes:
        number: in the order of creation over the whole fleet; spreads what is done in turns.
        ref, service, role: as observed.
        revision: that it is of.
        ask: what it needs of the cluster.
        priority: who goes first when there is room.
        seats: its places; none while it waits for one.
        gpu_type: of its nodes, where it has GPUs.
        profile: how it serves on these GPUs; None while it has no place.
        start: what it has to do to serve.
        life: where it is in its life.
        server: the engine; None while there is no process that serves.
        transfers: KV caches it fetched, where it decodes what others read.
        factors: what is wrong with it, by name.
        unreachable: whether its node does not answer, so that nothing can be read of it.
        plan: tells which of the planned stages is still meant.
        throttled: DCGM's reason for lower clocks, by the name of the change.
        sampled: whether it has its turn in the sampling.
        gauges: of its last sample, with its time: what an autoscaler sees.
    """

    __slots__ = (
        "ask",
        "factors",
        "gauges",
        "gpu_type",
        "life",
        "number",
        "plan",
        "priority",
        "profile",
        "random",
        "ref",
        "revision",
        "role",
        "sampled",
        "seats",
        "server",
        "service",
        "start",
        "throttled",
        "transfers",
        "unreachable",
    )

    def __init__(
        self,
        ref: ObjectRef,
        service: ServiceKey,
        role: Role,
        *,
        number: int,
        revision: RevisionRun,
        ask: Ask,
        created_at: float,
        random: Random,
    ) -> None:
        self.ref, self.service, self.role = ref, service, role
        self.number, self.revision, self.ask = number, revision, ask
        self.random = random
        self.priority = 0
        self.seats: tuple[Seat, ...] = ()
        self.gpu_type: str | None = None
        self.profile: ServingProfile | None = None
        self.start: Start | None = None
        self.life = Life(created_at)
        self.server: ReplicaServer | FluidServer | None = None
        self.transfers: Transfers | None = None
        self.factors: dict[str, Factors] = {}
        self.throttled: dict[str, str] = {}
        self.unreachable = False
        self.plan = 0
        self.sampled = False
        self.gauges: tuple[float, MetricSample] | None = None

    @property
    def ready(self) -> bool:
        """Whether it serves."""
        return self.life.stage.phase == "ready"

    @property
    def ending(self) -> bool:
        """Whether it was told to end."""
        return self.life.stage.phase == "terminating"

    @property
    def nodes(self) -> tuple[str, ...]:
        """Where it is."""
        return tuple(seat.node for seat in self.seats)

    @property
    def gpus(self) -> int:
        """GPUs it has or asks for, on all its nodes."""
        return self.ask.gpus * self.ask.nodes

    def change(self, name: str, factors: Factors | None) -> None:
        """Change what it can do, under a name; None takes that change back."""
        if factors is None:
            self.factors.pop(name, None)
        else:
            self.factors[name] = factors
        self.tell_server()

    @property
    def hung(self) -> bool:
        """Whether a collective of its ranks blocks."""
        return any(one.hung for one in self.factors.values())

    def tell_server(self) -> None:
        """Let the engine know what is wrong with it by now."""
        if self.server is not None:
            self.server.factors = combine((self.revision.factors, *self.factors.values()))

    def record(self, at: float) -> Replica:
        """The replica as it is."""
        stage = self.life.stage
        return Replica(
            at=at,
            ref=self.ref,
            service=self.service,
            role=self.role,
            phase=stage.phase,
            reason=stage.reason,
            message=stage.message,
            since=stage.at,
            deadline=stage.deadline,
            created_at=self.life.created_at,
            revision=self.revision.hash,
            nodes=self.nodes,
            gpus=self.gpus,
            gpu_type=self.gpu_type if self.gpus else None,
            restarts=self.life.restarts,
            last_exit=self.life.last_exit,
        )

    def sample(self, at: float, analytic: bool) -> MetricSample | None:
        """Its metrics page at a time up to which it was advanced."""
        server = self.server
        if server is None:
            return None
        values = server.page.values()
        layout, translation = vllm.LAYOUT, vllm.TRANSLATION
        if self.transfers is not None:
            from mtop_tui.engine.serving import transfers  # noqa: PLC0415 - few are disaggregated

            layout, translation = transfers.LAYOUT, transfers.TRANSLATION
            values += self.transfers.values()
        sample = MetricSample(
            at=at,
            ref=self.ref,
            service=self.service,
            layout=layout,
            cumulative=translation.cumulative(values),
            gauges=translation.gauge_values(values),
            analytic=analytic,
        )
        self.gauges = at, sample
        return sample
