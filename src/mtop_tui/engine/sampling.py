"""When which replica is read, and how far its engine has come by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.service_run import PoolRun
from mtop_tui.engine.serving.replica import ReplicaServer
from mtop_tui.engine.serving.steady import Lengths
from mtop_tui.engine.turns import Turns

if TYPE_CHECKING:
    from mtop_tui.engine.router import Router
    from mtop_tui.engine.world import World

_HISTORY_SAMPLES = 600
_INTERVALS = ((300, 2.0), (5_000, 5.0))
_LONGEST_INTERVAL = 15.0
_GOLDEN = 0.6180339887498949


def sample_interval(replicas: int) -> float:
    """Seconds between two samples of one replica in a fleet of this many."""
    for most, interval in _INTERVALS:
        if replicas <= most:
            return interval
    return _LONGEST_INTERVAL


class Sampler:
    """Reads every replica that serves, in turns spread over an interval.

    Args:
        replicas: of the fleet, about.
        start: Unix seconds; before, replicas are read less often.
        history: seconds before `start` at which reading begins, if the fleet is small enough.
        fluid: whether engines are advanced by formulas.

    Attributes:
        begin: when reading begins.
    """

    def __init__(self, replicas: int, *, start: float, history: float, fluid: bool) -> None:
        self._start, self._fluid = start, fluid
        self._interval = sample_interval(replicas)
        self._coarse = max(self._interval, history * replicas / _HISTORY_SAMPLES)
        self.begin = start - history if self._coarse * 2 <= history else start
        self._world: World
        self._router: Router
        self._turns: Turns[SimulatedReplica]
        # The load that was asked for last.
        self._asked: tuple[PoolRun, float] | None = None
        self._answer = 0.0, Lengths(1.0, 1.0)

    def attach(self, world: World, router: Router) -> None:
        """Read the replicas of this world."""
        self._world, self._router = world, router
        self._turns = Turns(world, self._read)

    def join(self, replica: SimulatedReplica) -> None:
        """A replica has begun to serve."""
        if not replica.sampled:
            replica.sampled = True
            now = self._world.now
            step = self._coarse if now < self._start else self._interval
            self._world.at(now + step * self._stagger(replica), self._read, replica)

    def _read(self, replica: SimulatedReplica) -> None:
        world, server = self._world, replica.server
        if server is None:
            replica.sampled = False
            return
        now = world.now
        if server.at < now:
            if isinstance(server, ReplicaServer):
                if replica.transfers is not None:
                    self._router.hand_over(replica.service)
                server.advance(now)
            else:
                rate, lengths = self._load(replica, now)
                idle = replica.ending or replica.revision.preview
                server.advance(now, 0.0 if idle else rate, lengths)
        sample = replica.sample(now, self._fluid)
        if sample is not None:
            world.emit(sample)
        self._turns.at(self._after(now, replica), replica)

    def _load(self, replica: SimulatedReplica, now: float) -> tuple[float, Lengths]:
        """Requests per second of each replica of the pool, and their lengths."""
        pool = self._world.pool_of(replica)
        if self._asked != (pool, now):
            self._asked = pool, now
            rate, lengths = self._router.level(replica.service, now)
            self._answer = rate / max(1, len(pool.serving)), lengths
        return self._answer

    def _after(self, at: float, replica: SimulatedReplica) -> float:
        if at >= self._start:
            return self._world.beat(replica.service, at + self._interval)
        if at + self._coarse <= self._start:
            return at + self._coarse
        return self._start + self._interval * self._stagger(replica)

    def _stagger(self, replica: SimulatedReplica) -> float:
        """A place in [0, 1) that spreads replicas evenly over an interval, however many there are.

        Where formulas serve, a pool is read at once: what is known of its load holds for all.
        """
        first = self._world.pool_of(replica).replicas[0] if self._fluid else replica
        return (first.number * _GOLDEN) % 1.0
