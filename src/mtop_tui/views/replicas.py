"""The replicas of one service as a table: what each does, on what, and which is unlike the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import takewhile

import msgspec

from mtop_tui.domain.diagnosis.findings import Finding
from mtop_tui.domain.durations import short_duration
from mtop_tui.domain.readiness import status_of
from mtop_tui.observations import GpuReading, ObjectRef, Replica
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.metrics import NO_METRICS, ServiceMetrics, figures_of
from mtop_tui.state.service import ServiceState
from mtop_tui.state.totals import Member
from mtop_tui.views import format as fmt
from mtop_tui.views.cells import KV_NEARLY_FULL, is_queueing
from mtop_tui.views.table import Cell, Column, SortValue

QUIET_UNKNOWN = Cell(fmt.UNKNOWN, "quiet")
LONGEST_STATE = 20
GPU_STALE_SECONDS = 60.0
"""Longer than the slowest exporter: what a GPU did before that says nothing of what it does."""

_RANK = {"failed": 0, "pending": 1, "starting": 3, "terminating": 4, "ready": 5}
_ODD_RANK = 2


class ReplicaFacts(msgspec.Struct, frozen=True):
    """All that a row is made of. `name` leaves out what all replicas have in common."""

    replica: Replica
    name: str
    metrics: ServiceMetrics
    gpus: tuple[GpuReading, ...]
    odd: bool
    number: int | None
    now: float


class Replicas(msgspec.Struct, frozen=True):
    """What is the same for all rows, put together once per look."""

    members: Mapping[ObjectRef, Member]
    gpus: Mapping[str, tuple[GpuReading, ...]]
    numbers: Mapping[str, int]
    prefix: int
    odd: frozenset[str]
    fresh_since: float
    now: float

    def facts(self, replica: Replica) -> ReplicaFacts:
        """What the row of one replica is made of."""
        member = self.members.get(replica.ref)
        fresh = member is not None and member.at >= self.fresh_since
        cut = replica.ref.name[self.prefix :]
        return ReplicaFacts(
            replica,
            f"..{cut}" if self.prefix else cut,
            figures_of([member]) if member is not None and fresh else NO_METRICS,
            self.gpus.get(replica.ref.name, ()),
            replica.ref.name in self.odd,
            self.numbers.get(replica.revision),
            self.now,
        )


def replicas_of(
    store: FleetStore, state: ServiceState, odd: Collection[str], now: float
) -> Replicas:
    """What all rows have in common."""
    gpus: dict[str, tuple[GpuReading, ...]] = {}
    for reading in store.gpus.values():
        if reading.service == state.key and now - reading.at <= GPU_STALE_SECONDS:
            gpus[reading.pod] = (*gpus.get(reading.pod, ()), reading)
    names = [ref.name for ref in state.replicas]
    return Replicas(
        members=state.members(),
        gpus=gpus,
        numbers={ref.name.rpartition("-")[2]: one.number for ref, one in state.revisions.items()},
        prefix=_prefix(state.key.name, names),
        odd=frozenset(odd),
        fresh_since=now - state.stale_after,
        now=now,
    )


def _prefix(service: str, names: Iterable[str]) -> int:
    """Length of what all names begin with, up to a hyphen; it says nothing that the title lacks."""
    names = list(names)
    if len(names) == 1:  # its revision and its own end, as Kubernetes names pods
        common = "-".join(names[0].split("-")[:-2]) + "-"
    else:
        first, last = min(names, default=""), max(names, default="")
        same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
        common = "".join(char for char, _ in same)
        common = common[: common.rfind("-") + 1]
    return len(common) - 1 if len(common) > 4 and common.startswith(service[:4]) else 0


def odd_ones(findings: Iterable[Finding]) -> frozenset[str]:
    """Names of the replicas that a finding, or what it explains, calls unlike their peers."""
    return frozenset(
        subject
        for finding in findings
        for one in (finding, *finding.symptoms)
        if one.id == "slow-replica"
        for subject in one.subjects
    )


def order_of(state: ServiceState, odd: Collection[str]) -> list[ObjectRef]:
    """What is wrong first, then by name: an order that stands still while figures move."""

    def rank(replica: Replica) -> tuple[int, str, str]:
        number = _RANK[replica.phase]
        if replica.phase == "ready" and replica.ref.name in odd:
            number = _ODD_RANK
        return number, replica.role, replica.ref.name

    return [replica.ref for replica in sorted(state.replicas.values(), key=rank)]


# Cells


def _mark(facts: ReplicaFacts) -> Cell:
    if facts.replica.phase in ("failed", "pending"):
        return Cell("!", "bad")
    if facts.odd:
        return Cell("*", "warn")
    if facts.replica.phase == "starting":
        return Cell("~", "warn")
    return Cell(" ")


def state_cell(facts: ReplicaFacts) -> Cell:
    """What it does, or why it does not serve."""
    replica = facts.replica
    if replica.phase == "ready":
        return Cell("odd one out", "warn") if facts.odd else Cell("ready")
    if replica.phase == "terminating":
        return Cell("terminating", "quiet")
    status = status_of((), [replica], stopped=False, now=facts.now)
    return Cell(status.text, "warn" if replica.phase == "starting" else "bad")


def _age(facts: ReplicaFacts) -> Cell:
    created = facts.replica.created_at
    return QUIET_UNKNOWN if created is None else Cell(short_duration(facts.now - created))


def _gpu(facts: ReplicaFacts) -> Cell:
    count = facts.replica.gpus
    if count is None:
        return QUIET_UNKNOWN
    if count == 0:
        return Cell("cpu", "quiet")
    name = (facts.replica.gpu_type or "GPU").removesuffix("GB")
    return Cell(f"{name} x{count}")


def _utilisation(facts: ReplicaFacts) -> Cell:
    known = [one.utilization for one in facts.gpus if one.utilization is not None]
    return Cell(fmt.whole_percent(sum(known) / len(known))) if known else QUIET_UNKNOWN


def _xid(facts: ReplicaFacts) -> Cell:
    known = [one.xid for one in facts.gpus if one.xid is not None]
    if not known:
        return QUIET_UNKNOWN
    worst = max(known)
    return Cell(str(worst), "bad") if worst else Cell("0", "quiet")


def _restarts(facts: ReplicaFacts) -> Cell:
    count = facts.replica.restarts
    return Cell(fmt.whole(count), "warn" if count else "quiet")


def _revision(facts: ReplicaFacts) -> Cell:
    if facts.number is not None:
        return Cell(f"rev {facts.number}", "quiet")
    return Cell(facts.replica.revision or fmt.UNKNOWN, "quiet")


def _node(facts: ReplicaFacts) -> Cell:
    return Cell("+".join(facts.replica.nodes) or fmt.UNKNOWN, "quiet")


def _metric(text: str, *, warn: bool = False) -> Cell:
    return QUIET_UNKNOWN if text == fmt.UNKNOWN else Cell(text, "warn" if warn else "normal")


def _ttft(facts: ReplicaFacts) -> Cell:
    metrics = facts.metrics
    return _metric(
        fmt.seconds(metrics.ttft_p95, at_least=bool(metrics.ttft_at_least)), warn=facts.odd
    )


def _sort(_facts: ReplicaFacts) -> SortValue:
    return None  # the order is `order_of`


def _column(  # noqa: PLR0917 - it spells out a Column
    id: str,  # noqa: A002 - the field's name
    title: str,
    help: str,  # noqa: A002 - the field's name
    width: int,
    priority: int,
    cell: object,
    **more: bool,
) -> Column[ReplicaFacts]:
    return Column(id, title, help, width, priority, cell, _sort, **more)  # type: ignore[arg-type]


COLUMNS: tuple[Column[ReplicaFacts], ...] = (
    _column("mark", "", "! failing, * unlike its peers, ~ starting", 1, 0, _mark),
    _column(
        "name",
        "REPLICA",
        "Name of the pod, without what all have in common",
        13,
        0,
        lambda facts: Cell(facts.name),
        right=False,
        grows=True,
        keep_end=True,
    ),
    _column(
        "role",
        "POOL",
        "Which half of the service it belongs to",
        7,
        1,
        lambda facts: Cell(facts.replica.role, "quiet"),
        right=False,
    ),
    _column(
        "state", "STATE", "What it does, or why not", 11, 1, state_cell, right=False, grows=True
    ),
    _column("age", "AGE", "Since it was created", 5, 8, _age),
    _column(
        "requests",
        "REQ/S",
        "Requests ended per second, over one to two minutes",
        5,
        2,
        lambda facts: _metric(fmt.count(facts.metrics.request_rate)),
    ),
    _column("ttft", "TTFT p95", "Time to first token, 95th percentile", 8, 2, _ttft),
    _column(
        "tpot",
        "TPOT",
        "Time per output token, mean over tokens",
        6,
        4,
        lambda facts: _metric(fmt.seconds(facts.metrics.tpot), warn=facts.odd),
    ),
    _column(
        "running",
        "RUN",
        "Requests that run",
        4,
        5,
        lambda facts: _metric(fmt.whole(facts.metrics.running)),
    ),
    _column(
        "waiting",
        "WAIT",
        "Requests that wait",
        4,
        3,
        lambda facts: _metric(fmt.whole(facts.metrics.queue), warn=is_queueing(facts.metrics)),
    ),
    _column(
        "kv",
        "KV",
        "KV cache in use",
        4,
        3,
        lambda facts: _metric(
            fmt.whole_percent(facts.metrics.kv_usage),
            warn=facts.metrics.kv_usage >= KV_NEARLY_FULL,
        ),
    ),
    _column(
        "preemptions",
        "PREEMPT/S",
        "Requests per second that lost their place in the KV cache",
        9,
        9,
        lambda facts: _metric(
            fmt.count(facts.metrics.preemption_rate), warn=facts.metrics.preemption_rate > 0
        ),
    ),
    _column("gpu", "GPU", "GPU type and count", 7, 7, _gpu, right=False, exact=True),
    _column("util", "GPU%", "GPU utilisation, mean of its GPUs", 4, 4, _utilisation),
    _column("xid", "XID", "Number of the latest XID error, 0 without one", 3, 6, _xid),
    _column("restarts", "RST", "Restarts of its containers", 3, 5, _restarts),
    _column("revision", "REVISION", "Which revision it is of", 8, 10, _revision, right=False),
    _column(
        "node",
        "NODE",
        "Where it runs",
        10,
        11,
        _node,
        right=False,
        grows=True,
        keep_end=True,
    ),
)

POOLED = COLUMNS
"""Columns of a service with a prefill and a decode half; others need no POOL."""

SINGLE = tuple(column for column in COLUMNS if column.id != "role")


def longest(state: ServiceState, shared: Replicas) -> dict[str, int]:
    """Length of the longest value of columns whose width follows it; states count as fixed."""
    replicas = state.replicas.values()
    return {
        "name": max((len(one.ref.name) - shared.prefix + 2 for one in replicas), default=0),
        "state": LONGEST_STATE,
        "gpu": max((len(one.gpu_type or "GPU") + 4 for one in replicas), default=0),
        "node": max((len("+".join(one.nodes)) for one in replicas), default=0),
    }
