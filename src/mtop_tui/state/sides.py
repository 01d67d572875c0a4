"""What serves on either side of a comparison: a member of a route group, or one revision."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from mtop_tui.domain.cost.money import Dollars, total
from mtop_tui.domain.rollouts.comparable import Side
from mtop_tui.observations import ObjectRef, Replica, Revision
from mtop_tui.state.metrics import NO_METRICS, ServiceMetrics, figures_of
from mtop_tui.state.service import ServiceState
from mtop_tui.state.totals import LayoutIndex, Member

CostOf = Callable[[Replica], Dollars]
"""USD per hour of a replica."""


class Counted(NamedTuple):
    """What one side has counted so far, and with which layout; it never falls."""

    layout: LayoutIndex
    values: Sequence[float]


class SideFigures(NamedTuple):
    """What one side came to at a time; NaN where it is not known.

    Rates are per second, durations seconds, `error_ratio` 0 to 1; dollars are NaN while a part of
    them has no price.
    """

    request_rate: float = math.nan
    token_rate: float = math.nan
    error_ratio: float = math.nan
    ttft_p95: float = math.nan
    tpot: float = math.nan
    usd_per_hour: float = math.nan


class Serving(Protocol):
    """One side of a comparison."""

    @property
    def name(self) -> str:
        """What it is called: the service, or `revision 8`."""

    @property
    def identity(self) -> tuple[ServiceState, str]:
        """What it is, whatever it is called by now."""

    def counted(self) -> Counted | None:
        """What its replicas counted; None unless all count the same things in one place."""

    def metrics(self) -> ServiceMetrics:
        """Its figures now."""

    def replicas(self) -> Sequence[Replica]:
        """What it consists of."""


class MemberSide:
    """A whole service."""

    def __init__(self, state: ServiceState) -> None:
        self.state = state
        self.name = state.key.name
        self.identity = (state, "")

    def counted(self) -> Counted | None:
        """The sum over its replicas."""
        pools = self.state.serving_pools()
        return Counted(pools[0].index, pools[0].total()) if len(pools) == 1 else None

    def metrics(self) -> ServiceMetrics:
        """Those of the service."""
        return self.state.last_metrics

    def replicas(self) -> Sequence[Replica]:
        """All of them."""
        return list(self.state.replicas.values())


class RevisionSide:
    """The replicas of one revision; what those counted that are gone is kept."""

    def __init__(self, state: ServiceState, revision: Revision) -> None:
        self.state = state
        self.revision = hash_of(revision)
        self.name = f"revision {revision.number}"
        self.identity = (state, self.revision)
        self._last: dict[ObjectRef, Sequence[float]] = {}
        self._sum: list[float] = []
        self._layout: LayoutIndex | None = None

    def counted(self) -> Counted | None:
        """The sum over the replicas that have this revision, since the comparison began."""
        members = self._members()
        layouts = {member.pool.index for member in members}
        if len(layouts) > 1 or (not layouts and self._layout is None):
            return None
        layout = next(iter(layouts), self._layout)
        if layout is None:
            return None
        if self._layout is not layout:
            self._layout, self._last, self._sum = layout, {}, [0.0] * layout.width
        self._add(members)
        return Counted(layout, list(self._sum))

    def _add(self, members: Iterable[Member]) -> None:
        seen: dict[ObjectRef, Sequence[float]] = {}
        for member in members:
            now = seen[member.ref] = member.last
            before = self._last.get(member.ref)
            if before is None:
                continue  # what it counted before it was looked at is not part of the comparison
            if any(new < old for new, old in zip(now, before, strict=True)):
                before = (0.0,) * len(now)
            self._sum = [
                value + new - old for value, new, old in zip(self._sum, now, before, strict=True)
            ]
        self._last = seen

    def metrics(self) -> ServiceMetrics:
        """Those of its replicas over the last one to two minutes."""
        return figures_of(self._members())

    def replicas(self) -> Sequence[Replica]:
        """Those that have this revision."""
        return [one for one in self.state.replicas.values() if one.revision == self.revision]

    def _members(self) -> list[Member]:
        members = self.state.members()
        return [members[one.ref] for one in self.replicas() if one.ref in members]


def hash_of(revision: Revision) -> str:
    """What its replicas call it: the end of its name."""
    return revision.ref.name.rpartition("-")[2]


def side_of(serving: Serving, at: float) -> Side:
    """Under which circumstances a side serves at a time."""
    metrics = serving.metrics()
    ready = [replica for replica in serving.replicas() if replica.phase == "ready"]
    ages = [at - replica.since for replica in ready if replica.since is not None]
    count = len(ready) or math.nan
    return Side(
        load=metrics.request_rate / count,
        prompt_tokens=_per_request(metrics.prompt_token_rate, metrics),
        answer_tokens=_per_request(metrics.generation_token_rate, metrics),
        hit_ratio=metrics.prefix_hit_ratio,
        queue=metrics.queue / count,
        ready_for=min(ages, default=None),
    )


def figures_now(serving: Serving, cost_of: CostOf, at: float) -> SideFigures:
    """What a side comes to at a time; without fresh samples, what it costs is all that is known."""
    metrics = NO_METRICS if serving.identity[0].is_stale(at) else serving.metrics()
    cost = total(map(cost_of, serving.replicas()))
    return SideFigures(
        request_rate=metrics.request_rate,
        token_rate=metrics.token_rate,
        error_ratio=metrics.error_ratio,
        ttft_p95=metrics.ttft_p95,
        tpot=metrics.tpot,
        usd_per_hour=math.nan if cost.unpriced else float(cost.usd),
    )


def _per_request(rate: float, metrics: ServiceMetrics) -> float | None:
    return rate / metrics.request_rate if metrics.request_rate > 0 else None
