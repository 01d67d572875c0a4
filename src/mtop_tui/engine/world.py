"""What all parts of the simulated cluster share: its time, what is to happen, what is observed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from math import floor
from random import Random
from typing import Any

from mtop_tui.engine.cluster import Cluster, Quotas
from mtop_tui.engine.kube_events import Recorder, Said
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.randomness import stream
from mtop_tui.engine.service_run import PoolRun, ServiceRun
from mtop_tui.observations import Node, ObjectRef, Observation, ServiceKey

_Due = tuple[float, int, Callable[..., object], tuple[Any, ...]]


class World:
    """A simulated cluster: nodes, services, the present, and the agenda.

    Attributes:
        seed: of every draw.
        now: Unix seconds; moves with `run_next` and `wait_until`.
        cluster: nodes and free GPUs.
        quotas: of namespaces.
        services: that exist.
        on_node: replicas by node, in the order they came.
        beats: when in a second a service gets its requests, 0 to 1; none where formulas serve.
        work: requests that were handed out so far, which is what takes most of the time.
        decisions: what controllers decided on their own: time and text, oldest first.
    """

    _DECISIONS = 10_000

    def __init__(self, seed: int, begin: float, nodes: Sequence[Node]) -> None:
        self.seed = seed
        self.now = begin
        self.cluster = Cluster(nodes)
        self.quotas = Quotas()
        self.services: dict[ServiceKey, ServiceRun] = {}
        self.on_node: dict[str, dict[SimulatedReplica, None]] = {}
        self.decisions: list[tuple[float, str]] = []
        self.beats: dict[ServiceKey, float] = {}
        self.work = 0
        self._recorder = Recorder(seed)
        self._agenda: list[_Due] = []
        self._planned = 0
        self._seen: list[Observation] = []

    # Time

    def at(self, when: float, action: Callable[..., object], *facts: Any) -> None:
        """Call `action(*facts)` when it is `when`; next, if that is past."""
        self._planned += 1
        heappush(self._agenda, (max(when, self.now), self._planned, action, facts))

    def after(self, seconds: float, action: Callable[..., object], *facts: Any) -> None:
        """Call `action(*facts)` so many seconds from now."""
        self.at(self.now + seconds, action, *facts)

    def beat(self, service: ServiceKey, when: float) -> float:
        """When a service gets requests next, from `when` on; `when` itself if that is not known.

        Whoever looks at its replicas then finds them served up to now, and need not wake them.
        """
        beat = self.beats.get(service)
        if beat is None:
            return when
        found = floor(when) + beat
        return found if found >= when else found + 1.0

    @property
    def next_at(self) -> float | None:
        """When something happens next."""
        return self._agenda[0][0] if self._agenda else None

    def run_next(self) -> None:
        """Do what is next on the agenda, at its time."""
        self.now, _, action, facts = heappop(self._agenda)
        action(*facts)

    def wait_until(self, when: float) -> None:
        """Nothing more happens until then."""
        self.now = max(self.now, when)

    # What is observed

    def emit(self, *records: Observation) -> None:
        """Let records be observed now."""
        self._seen.extend(records)

    def say(self, involved: ObjectRef, said: Said, first_at: float | None = None) -> None:
        """Record an Event now."""
        self._seen.append(self._recorder.record(involved, said, self.now, first_at))

    def decide(self, text: str) -> None:
        """Note what a controller decided, for checks."""
        self.decisions.append((self.now, text))
        del self.decisions[: -self._DECISIONS]

    def take(self) -> list[Observation]:
        """What was observed since the last call."""
        seen, self._seen = self._seen, []
        return seen

    # Access

    def random(self, *purpose: str) -> Random:
        """The stream of draws of one purpose."""
        return stream(self.seed, *purpose)

    def pool_of(self, replica: SimulatedReplica) -> PoolRun:
        """The pool a replica belongs to."""
        return self.services[replica.service].pool(replica.role)
