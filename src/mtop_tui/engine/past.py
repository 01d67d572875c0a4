"""What services did before anybody looked, by formulas: hours of days, and the last hour finely.

Made from the mean rate that a workload has at each time of the past and the replicas that serve
when the simulation begins; where an autoscaler is, as many as the rate asks for. Faults of the past
are not invented, and a service without a drawn workload, or of which nothing serves, has no past.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from copy import copy

import msgspec

from mtop_tui.domain import vocabulary as names
from mtop_tui.engine import vllm
from mtop_tui.engine.fleet import SimulatedFleet
from mtop_tui.engine.service_run import PoolRun, ServiceRun
from mtop_tui.engine.serving.fluid import FluidServer
from mtop_tui.engine.serving.steady import Lengths
from mtop_tui.engine.workload.workload import Workload
from mtop_tui.observations import Annotation, Past, PastStep, PoolStep, SampleLayout, ServiceKey

HOUR = 3_600.0
LONGEST = 720 * HOUR
"""30 days: what the budget of an objective asks for."""

STEP, WINDOW = 15.0, 60.0
"""Seconds between two moments of the last hour, and those that each of them is about."""

_QUARTER = 900.0
"""Seconds for which a rate is taken to be level, before the last hour."""

_HOURS, _MOMENTS = 16, 40
"""In one record at most: a few milliseconds of work each."""

_BUSY = 0.7
"""Share of its capacity that a replica is used to where an autoscaler keeps it so."""

_KEPT = [one.name for one in vllm.LAYOUT.histograms].index(names.E2E) + 1
LAYOUT = SampleLayout(
    vllm.LAYOUT.engine, vllm.LAYOUT.counters, vllm.LAYOUT.gauges, vllm.LAYOUT.histograms[:_KEPT]
)
"""The first part of what a sample holds: times that objectives are about."""

_WIDTH = len(LAYOUT.counters) + sum(one.width for one in LAYOUT.histograms)
_SHARES = tuple(name == names.KV_USAGE for name in LAYOUT.gauges)


def pasts(fleet: SimulatedFleet, span: float, at: float) -> Iterator[Past | Annotation]:
    """The past of each service up to where the fleet begins, in slices of a few milliseconds.

    Args:
        fleet: as it is at its beginning; what happens to it while slices are taken changes nothing.
        span: seconds before its beginning, `LONGEST` at most.
        at: when this is observed.
    """
    begin = fleet.begin
    fleet.describe_first()
    found = [
        one
        for run in fleet.world.services.values()
        if (one := _of(fleet, run, begin - min(span, LONGEST))) is not None
    ]
    return _all(found, begin, at)


def _all(found: Sequence[_Service], begin: float, at: float) -> Iterator[Past | Annotation]:
    if found:
        yield Annotation(at=begin, text="simulated past until here")
    for one in found:
        yield from one.slices(begin, at)


class _Pool(msgspec.Struct, frozen=True):
    """A pool of the past: one replica stands for all of them.

    Attributes:
        server: that replica.
        count: how many there are, without an autoscaler.
        bounds: those of the autoscaler.
        comfortable: requests per second for one replica of an autoscaled pool.
    """

    run: PoolRun
    server: FluidServer
    count: int
    bounds: tuple[int, int] | None
    comfortable: float

    def replicas(self, rate: float) -> int:
        """How many serve when so many requests come in a second."""
        if self.bounds is None or not self.comfortable:
            return self.count
        low, high = self.bounds
        return max(low, min(high, math.ceil(rate / self.comfortable)))

    def seen(self) -> tuple[float, ...]:
        """What its replica has counted so far."""
        return vllm.TRANSLATION.cumulative(self.server.page.values())[:_WIDTH]

    def step(self, now: Sequence[float], before: Sequence[float], count: int) -> PoolStep:
        """What all replicas counted between two looks."""
        values = vllm.TRANSLATION.gauge_values(self.server.page.values())
        gauges = (
            value if share else value * count for value, share in zip(values, _SHARES, strict=True)
        )
        added = tuple([(new - old) * count for new, old in zip(now, before, strict=True)])
        return PoolStep(self.run.role, added, tuple(gauges))


def _of(fleet: SimulatedFleet, run: ServiceRun, since: float) -> _Service | None:
    share = fleet.router.share(run.key)
    if share is None or not share.part or not isinstance(share.flow.workload, Workload):
        return None
    if not run.pools or not all(pool.serving for pool in run.pools):
        return None
    # A copy of what never changes in place: a story may change the load meanwhile.
    workload = copy(share.flow.workload)
    lengths = Lengths(*workload.mean_lengths(since))
    first = max(since, run.created_at)
    pools = []
    for pool in run.pools:
        profile = pool.serving[0].profile
        if profile is None:
            return None
        random = fleet.world.random(run.key.namespace, run.key.name, pool.role, "past")
        bounds = None
        if pool.scaler is not None:
            record = pool.scaler.record
            low = max(1, record.minimum or 1)
            bounds = low, max(low, record.maximum or low)
        comfortable = _BUSY * profile.capacity(lengths.prompt, lengths.output, lengths.hit)
        server = FluidServer(profile, random, first)
        pools.append(_Pool(pool, server, len(pool.serving), bounds, comfortable))
    return _Service(run.key, workload, share.part, lengths, first, pools)


class _Service(msgspec.Struct, frozen=True):
    """Walks through the past of one service, from `first` on; `part` of the workload is its own."""

    key: ServiceKey
    workload: Workload
    part: float
    lengths: Lengths
    first: float
    pools: list[_Pool]

    def slices(self, begin: float, at: float) -> Iterator[Past]:
        """Its past up to `begin`, oldest first."""
        moments: list[PastStep] = []
        hours: list[PastStep] = []
        for step, is_moment in self._steps(begin):
            (moments if is_moment else hours).append(step)
            if len(moments) >= _MOMENTS or len(hours) >= _HOURS:
                yield self._record(at, moments, hours)
                moments, hours = [], []
        if moments or hours:
            yield self._record(at, moments, hours)

    def _record(self, at: float, moments: list[PastStep], hours: list[PastStep]) -> Past:
        return Past(
            at=at, service=self.key, layout=LAYOUT, moments=tuple(moments), hours=tuple(hours)
        )

    def _steps(self, begin: float) -> Iterator[tuple[PastStep, bool]]:
        """Steps in the order of time, and whether each is a moment rather than an hour."""
        pools, now = self.pools, self.first
        fine_from = (begin - HOUR - WINDOW) // STEP * STEP
        hour_from, counts = now, self._replicas(now)
        hour_seen = [pool.seen() for pool in pools]
        looks: deque[tuple[float, list[tuple[float, ...]]]] = deque(maxlen=round(WINDOW / STEP) + 1)
        while now < begin:
            is_fine = now >= fine_from
            length = STEP if is_fine else _QUARTER
            until = (now // length + 1.0) * length
            until = min(until, begin if is_fine else fine_from)
            rate = self._rate((now + until) / 2)
            for pool, count in zip(pools, counts, strict=True):
                pool.server.advance(until, rate / count, self.lengths)
            now = until
            is_hour = now % HOUR == 0.0 or now >= begin
            if not (is_hour or is_fine):
                continue
            seen = [pool.seen() for pool in pools]
            if is_fine:
                looks.append((now, seen))
                if len(looks) == looks.maxlen:
                    yield self._between(*looks[0], now, seen, counts), True
            if is_hour:
                yield self._between(hour_from, hour_seen, now, seen, counts), False
                hour_from, hour_seen = now, seen
                counts = self._replicas(now)

    def _between(
        self,
        start: float,
        before: list[tuple[float, ...]],
        end: float,
        now: list[tuple[float, ...]],
        counts: list[int],
    ) -> PastStep:
        added = zip(self.pools, now, before, counts, strict=True)
        steps = tuple(pool.step(new, old, count) for pool, new, old, count in added)
        return PastStep(end, end - start, steps)

    def _rate(self, at: float) -> float:
        return self.workload.rate(at) * self.part

    def _replicas(self, at: float) -> list[int]:
        """How many replicas of each pool serve in the hour of a time."""
        rate = self._rate(at + HOUR / 2)
        return [pool.replicas(rate) for pool in self.pools]
