"""What was spent on what: kept by the minute, so that a period can be added up afterwards.

Replicas of one service, revision and GPU type cost the same each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from mtop_tui.domain.cost.bill import Spend
from mtop_tui.domain.cost.money import Dollars, total
from mtop_tui.domain.cost.prices import PriceBook
from mtop_tui.domain.cost.tokens import TokenUse
from mtop_tui.observations import Node, Replica, ServiceKey
from mtop_tui.state.metrics import figures_of
from mtop_tui.state.rings import SumRing
from mtop_tui.state.service import ServiceState
from mtop_tui.state.spend import NodeKey, replica_cost
from mtop_tui.state.totals import Member

HOUR = 3600.0
RECENT_STEP = 300.0
HOURS_KEPT = 168
LONGEST_STEP = 120.0
"""Seconds without news after which nobody knows what was going on."""


class AccountKey(NamedTuple):
    """Whose money it was."""

    service: ServiceKey
    revision: str
    gpu_type: str


class Account(NamedTuple):
    """Sums over a period.

    USD in all, USD while idle, USD while nobody looked; tokens and requests served; requests are
    those that ended. `unpriced` is replica-seconds without a price, `seconds` all of them.
    """

    usd: float = 0.0
    idle: float = 0.0
    unobserved: float = 0.0
    unpriced: float = 0.0
    seconds: float = 0.0
    prompt: float = 0.0
    generated: float = 0.0
    requests: float = 0.0

    @property
    def spend(self) -> Spend:
        """In the words of a bill; what the SLO needs is not known here."""
        usd, idle, unseen = (Decimal(value) for value in (self.usd, self.idle, self.unobserved))
        return Spend(max(Decimal(0), usd - idle), Decimal(0), idle, unseen, 1)

    @property
    def use(self) -> TokenUse:
        """Tokens served."""
        return TokenUse(self.prompt, self.generated, requests=self.requests)


class NodeAccount(NamedTuple):
    """Sums over all nodes with GPUs: USD, and node-seconds with and without a price."""

    usd: float = 0.0
    priced: float = 0.0
    unpriced: float = 0.0
    observed: float = 0.0


class _Book:
    """The last hour by five minutes, and the last week by the hour."""

    __slots__ = ("_asked", "_sums", "hours", "recent")

    def __init__(self, width: int) -> None:
        # One step more than is asked for: the first is mostly asked for in part.
        self.recent = SumRing(width, round(HOUR / RECENT_STEP) + 1, RECENT_STEP)
        self.hours = SumRing(width, HOURS_KEPT + 1, HOUR)
        self._asked: tuple[float, float, float] | None = None
        self._sums: tuple[float, ...] = ()

    def add(self, at: float, values: tuple[float, ...]) -> None:
        self._asked = None
        self.recent.add(at, values)
        self.hours.add(at, values)

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept."""
        return self.recent.nbytes + self.hours.nbytes

    @property
    def until(self) -> float:
        """When the last hour ends that anything was written for."""
        return self.hours.until

    def since(self, start: float, at: float) -> tuple[float, ...]:
        """Sums of the steps from one time to another; added up again only after a writing."""
        step = _step(start, at)
        asked = (step, start // step, at // step)
        if asked != self._asked:
            ring = self.recent if step == RECENT_STEP else self.hours
            self._sums = ring.over((asked[2] - asked[1] + 1) * step, at)
            self._asked = asked
        return self._sums


def _step(start: float, at: float) -> float:
    return RECENT_STEP if at - start <= HOUR else HOUR


class Accounts:
    """The money of a fleet: each service is written down once a minute, in turn."""

    def __init__(self) -> None:
        self._books: dict[AccountKey, _Book] = {}
        self._nodes = _Book(len(NodeAccount._fields))
        self._last: dict[ServiceKey, float] = {}
        self._labels: dict[ServiceKey, Mapping[str, str]] = {}
        self._nodes_last: float | None = None
        self._pruned = -math.inf

    def write_service(
        self,
        at: float,
        state: ServiceState,
        usd_per_hour: Dollars,
        nodes: dict[NodeKey, Node],
        prices: PriceBook,
    ) -> None:
        """Write down what a service held since the last writing.

        A gap too long to know stays unknown. `usd_per_hour` is what all its replicas cost now.
        """
        if state.service is not None:
            self._labels[state.key] = state.service.labels
        last = self._last.get(state.key)
        self._last[state.key] = at
        if last is None or not 0 < at - last <= LONGEST_STEP:
            return
        for key, account in _accounts(state, usd_per_hour, nodes, prices, at - last):
            book = self._books.get(key)
            if book is None:
                book = self._books[key] = _Book(len(Account._fields))
            book.add(at, account)

    def write_nodes(self, at: float, bill: Dollars, nodes: int) -> None:
        """Write down what all nodes with GPUs cost; `nodes` is how many there are."""
        self._forget_old(at)
        last, self._nodes_last = self._nodes_last, at
        if last is None or not 0 < at - last <= LONGEST_STEP:
            return
        elapsed = at - last
        unpriced = bill.unpriced * elapsed
        self._nodes.add(
            at,
            NodeAccount(
                float(bill.usd) * elapsed / HOUR, nodes * elapsed - unpriced, unpriced, elapsed
            ),
        )

    def _forget_old(self, at: float) -> None:
        """Once an hour, drop the accounts of what held nothing for as long as any is kept."""
        if at < self._pruned + HOUR:
            return
        self._pruned = at
        oldest = at - HOURS_KEPT * HOUR
        self._books = {key: book for key, book in self._books.items() if book.until > oldest}
        self._last = {key: last for key, last in self._last.items() if at - last <= LONGEST_STEP}
        held = {key.service for key in self._books} | self._last.keys()
        self._labels = {key: labels for key, labels in self._labels.items() if key in held}

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept."""
        return sum(book.nbytes for book in (self._nodes, *self._books.values()))

    def since(self, start: float, at: float) -> dict[AccountKey, Account]:
        """Sums from `begin(start, at)` to a time; what held nothing is left out."""
        sums = {key: Account(*book.since(start, at)) for key, book in self._books.items()}
        return {key: account for key, account in sums.items() if account.seconds > 0}

    def nodes_since(self, start: float, at: float) -> NodeAccount:
        """The same of all nodes."""
        return NodeAccount(*self._nodes.since(start, at))

    def begin(self, start: float, at: float) -> float:
        """When the step begins that a time falls into: 5 minutes, or an hour beyond the last."""
        step = _step(start, at)
        return start // step * step

    def observed(self, start: float, at: float) -> float:
        """Share of the time from `begin(start, at)` to the last writing that is accounted for."""
        last = self._nodes_last
        if last is None:
            return 0.0
        whole = min(at, last) - self.begin(start, at)
        return min(1.0, self.nodes_since(start, at).observed / whole) if whole > 0 else 0.0

    def labels(self, key: ServiceKey) -> Mapping[str, str]:
        """The labels that a service has, or had when it was last seen."""
        return self._labels.get(key, {})


def _accounts(
    state: ServiceState,
    usd_per_hour: Dollars,
    nodes: dict[NodeKey, Node],
    prices: PriceBook,
    elapsed: float,
) -> Iterator[tuple[AccountKey, Account]]:
    groups: dict[AccountKey, list[Replica]] = {}
    for replica in state.replicas.values():
        if replica.nodes:
            key = AccountKey(state.key, replica.revision, replica.gpu_type or "")
            groups.setdefault(key, []).append(replica)
    members = state.members()
    for key, replicas in groups.items():
        if len(groups) == 1:
            cost, metrics = usd_per_hour, state.last_metrics
        else:
            cost = total(replica_cost(replica, nodes, prices) for replica in replicas)
            metrics = figures_of(members[one.ref] for one in replicas if one.ref in members)
        spent = float(cost.usd) * elapsed / HOUR
        found = [members.get(replica.ref) for replica in replicas]
        idle = sum(member is not None and _is_idle(member) for member in found)
        share = spent / len(replicas)
        prompt, generated, requests = (
            rate * elapsed if rate > 0 else 0.0  # NaN and 0 alike add nothing
            for rate in (
                metrics.prompt_token_rate,
                metrics.generation_token_rate,
                metrics.request_rate,
            )
        )
        yield (
            key,
            Account(
                usd=spent,
                idle=idle * share,
                unobserved=found.count(None) * share,
                unpriced=elapsed * cost.unpriced,
                seconds=elapsed * len(replicas),
                prompt=prompt,
                generated=generated,
                requests=requests,
            ),
        )


def _is_idle(member: Member) -> bool:
    running, waiting, _ = member.pool.index.levels(member.gauges)
    return running == 0 and not waiting > 0
