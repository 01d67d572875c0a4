"""Everything known of one service."""

from __future__ import annotations

from collections import deque

from mtop_tui.domain import vocabulary as names
from mtop_tui.observations import (
    Autoscaler,
    KubeEvent,
    MetricSample,
    ObjectRef,
    Replica,
    Revision,
    SampleLayout,
    Service,
    ServiceKey,
)
from mtop_tui.state.history import HourlyCounts, ServiceHistory
from mtop_tui.state.metrics import NO_METRICS, WINDOW, ServiceMetrics, derive
from mtop_tui.state.totals import Member, PoolTotals, WindowedTotals

EVENTS_KEPT = 50

SHORTEST_STALE = 15.0
STALE_ROUNDS = 3.0
"""A service is stale when this many of its own scrape intervals passed without a sample."""


class ServiceState:
    """One service: what it is, its replicas, and its figures now and lately.

    `revision` rises with every change, so a view knows whether to look again.
    """

    def __init__(self, key: ServiceKey) -> None:
        self.key = key
        self.service: Service | None = None
        self.replicas: dict[ObjectRef, Replica] = {}
        self.revisions: dict[ObjectRef, Revision] = {}
        self.autoscalers: dict[ObjectRef, Autoscaler] = {}
        self.events: deque[KubeEvent] = deque(maxlen=EVENTS_KEPT)
        self.history: ServiceHistory | None = None
        self.requests = HourlyCounts()
        self.revision = 0
        self.topology_revision = 0
        self.last_at: float | None = None
        self._pools: dict[tuple[bool, str, SampleLayout], PoolTotals] = {}
        self._round = 0
        self._round_at: float | None = None
        self._interval = 0.0
        self._metrics = NO_METRICS
        self._underived = False
        self._was_quiet = False

    def join(self, sample: MetricSample) -> Member:
        """Begin to count a replica (or whatever else a sample is of)."""
        replica = self.replicas.get(sample.ref)
        prefill = replica is not None and replica.role == "prefill"
        key = (prefill, sample.form, sample.layout)
        pool = self._pools.get(key)
        if pool is None:
            kind = PoolTotals if sample.form == "cumulative" else WindowedTotals
            pool = self._pools[key] = kind(sample.layout)
        if self.history is None:
            self.history = ServiceHistory()
        member = pool.join(sample.ref, sample)
        self._underived = True
        self._heard(member, sample.at)
        return member

    def take(self, member: Member, sample: MetricSample) -> None:
        """Take the next sample of a replica that is counted already."""
        if sample.at < member.at:
            return
        if member.round == self._round:
            self._close_round()
        if member.pool.update(member, sample):
            self._underived = True
        self._heard(member, sample.at)

    def leave(self, member: Member) -> None:
        """Stop counting a replica and keep what it served."""
        member.pool.leave(member.ref)
        self._underived = True

    def _heard(self, member: Member, at: float) -> None:
        member.round = self._round
        if self.last_at is None or at > self.last_at:
            self.last_at = at
        self.revision += 1

    def _close_round(self) -> None:
        """Every replica has been heard of: derive, remember, begin again.

        A round ends when a replica speaks for the second time, so history grows at the pace at
        which new information comes in, whatever the scrape interval is.
        """
        at = self.last_at
        if at is not None and self.history is not None:
            pools = self._pools
            quiet = all(pool.is_quiet(at, WINDOW) for pool in pools.values())
            if not (quiet and self._was_quiet):
                self._underived = True  # even without news, the window has moved on
            self._was_quiet = quiet
            self.history.record(at, self.metrics())
            for (prefill, *_), pool in pools.items():
                added = pool.close_round(at, WINDOW)
                if added is not None and not prefill:
                    self._count_requests(at, pool, added)
            if self._round_at is not None:
                self._interval = at - self._round_at
            self._round_at = at
        self._round += 1

    def _count_requests(self, at: float, pool: PoolTotals, added: list[float]) -> None:
        positions = pool.index.counters
        good = positions.get(names.FINISHED_REQUESTS)
        bad = positions.get(names.FAILED_REQUESTS)
        if good is not None and bad is not None:
            self.requests.add(at, added[good], added[good] + added[bad])

    def metrics(self) -> ServiceMetrics:
        """The figures at the time of the latest sample."""
        if self._underived and self.last_at is not None:
            pools = self._pools.items()
            self._metrics = derive(
                [pool for (prefill, *_), pool in pools if not prefill],
                [pool for (prefill, *_), pool in pools if prefill],
                self.last_at,
                self.last_at - self.stale_after,
            )
            self._underived = False
        return self._metrics

    @property
    def last_metrics(self) -> ServiceMetrics:
        """The figures as last derived: at most one scrape round old, and free."""
        return self._metrics

    @property
    def stale_after(self) -> float:
        """Seconds without a sample after which the figures are no longer current."""
        return max(SHORTEST_STALE, STALE_ROUNDS * self._interval)

    def is_stale(self, now: float) -> bool:
        """Whether samples came once and have stopped."""
        return self.last_at is not None and now - self.last_at > self.stale_after

    def object_refs(self) -> list[ObjectRef]:
        """Identities of the objects that belong to this service."""
        return [*self.replicas, *self.revisions, *self.autoscalers]

    def sample_refs(self) -> list[ObjectRef]:
        """Identities of what this service has samples of."""
        return [ref for pool in self._pools.values() for ref in pool.members]

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept for this service."""
        history = 0 if self.history is None else self.history.nbytes
        return history + self.requests.nbytes + sum(pool.nbytes for pool in self._pools.values())
