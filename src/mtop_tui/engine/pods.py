"""Simulated replicas: their identity, the stage they are in, and the queue they serve."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from mtop_tui.engine import vllm
from mtop_tui.engine.lifecycle import Stage
from mtop_tui.engine.replica import Profile, ReplicaQueue
from mtop_tui.observations import MetricSample, ObjectRef, Replica, Role, ServiceKey


class SimulatedReplica:
    """One replica from its creation on. `next_sample` is kept by who samples it."""

    __slots__ = (
        "_queue",
        "_random",
        "_stages",
        "created_at",
        "gpu_type",
        "gpus",
        "image",
        "next_sample",
        "next_stage",
        "nodes",
        "profile",
        "ref",
        "revision",
        "role",
        "service",
        "skew",
        "stage",
    )

    def __init__(
        self,
        ref: ObjectRef,
        service: ServiceKey,
        role: Role,
        *,
        revision: str,
        image: str,
        nodes: tuple[str, ...],
        gpus: int | None,
        gpu_type: str | None,
        profile: Profile | None,
        stages: Iterator[Stage],
        random: Random,
    ) -> None:
        self.ref, self.service, self.role = ref, service, role
        self.revision, self.image = revision, image
        self.nodes, self.gpus, self.gpu_type = nodes, gpus, gpu_type
        self.profile = profile
        self.skew = random.uniform(0.92, 1.08)
        self._random = random
        self._stages = stages
        self._queue: ReplicaQueue | None = None
        self.stage = next(stages)
        self.created_at = self.stage.at
        self.next_stage = next(stages, None)
        self.next_sample: float | None = None

    @property
    def ready(self) -> bool:
        """Whether it serves."""
        return self.stage.phase == "ready"

    def enter_next_stage(self) -> None:
        """Go on to the next stage, whose time has come."""
        if self.next_stage is not None:
            self.stage = self.next_stage
            self.next_stage = next(self._stages, None)
        if not self.ready:
            # The process is gone, and with it its queue and its counters.
            self._queue, self.next_sample = None, None

    def settle(self, now: float) -> None:
        """Be in the stage that holds at `now`."""
        while self.next_stage is not None and self.next_stage.at <= now:
            self.enter_next_stage()

    def record(self, at: float) -> Replica:
        """The replica as it is."""
        stage = self.stage
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
            created_at=self.created_at,
            revision=self.revision,
            nodes=self.nodes,
            gpus=self.gpus,
            gpu_type=self.gpu_type,
            restarts=stage.restarts,
        )

    def sample(self, at: float, rate: float) -> MetricSample | None:
        """Serve until `at` at `rate` requests per second, and read the metrics page."""
        queue = self._queue
        if queue is None:
            if self.profile is None:
                return None
            # Counters count from the start of the process, however long before the first reading.
            queue = self._queue = ReplicaQueue(self.profile, self._random, self.stage.at)
        queue.advance(at, rate * self.skew)
        values = queue.page.values()
        return MetricSample(
            at=at,
            ref=self.ref,
            service=self.service,
            layout=vllm.LAYOUT,
            cumulative=vllm.TRANSLATION.cumulative(values),
            gauges=vllm.TRANSLATION.gauge_values(values),
        )
