"""Everything a diagnosis may know about one service at one time.

`None` and empty mean "not known": no rule may conclude from them. Figures that are NaN, infinite or
beyond any measurement become None, so that the state layer can hand over its own. Times are Unix
seconds, durations seconds, ratios 0 to 1, rates per second over the window the caller derives
figures for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from mtop_tui.domain.records import (
    AutoscalerRecord,
    ConditionRecord,
    EventRecord,
    PoolRecord,
    ReplicaRecord,
)

LARGEST = 1e15
"""What no figure of a service reaches: beyond it somebody counted wrongly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not abs(value) <= LARGEST:
                object.__setattr__(self, field.name, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaFigures(_Figures):
    """Windowed figures of one replica.

    `fresh_prompt_rate` is of prompt tokens that no cache had. `stalled` is for how many seconds
    requests have run without a single token, and `sample_age` that of its last sample.
    """

    request_rate: float | None = None
    generation_rate: float | None = None
    fresh_prompt_rate: float | None = None
    stalled: float | None = None
    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    preemption_rate: float | None = None
    error_ratio: float | None = None
    ttft_p95: float | None = None
    tpot: float | None = None
    sample_age: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFigures(_Figures):
    """Windowed figures of a service.

    A `*_baseline` is what the figure was before, by the caller's choice of before. `kv_usage` is
    that of the fullest replica. `waiting_growth` is the slope of `waiting` in requests per second.
    `*_least` is the least it was for long enough that a single burst is over; what is not known to
    last is taken as it is now. `prompt_rate` is of prompt tokens, cached or not.
    `ttft_mean` contains `queue_time` and `prefill_time`, means of the same requests.
    `*_objective` is the threshold somebody set. `kv_transfer_*` are of prefill to decode.
    """

    request_rate: float | None = None
    request_rate_baseline: float | None = None
    prompt_rate: float | None = None
    prompt_rate_baseline: float | None = None
    generation_rate: float | None = None
    generation_rate_baseline: float | None = None
    running: float | None = None
    waiting: float | None = None
    waiting_least: float | None = None
    waiting_growth: float | None = None
    kv_usage: float | None = None
    preemption_rate: float | None = None
    prefix_hit_ratio: float | None = None
    prefix_hit_ratio_baseline: float | None = None
    ttft_p95: float | None = None
    ttft_least: float | None = None
    ttft_baseline: float | None = None
    ttft_objective: float | None = None
    ttft_mean: float | None = None
    queue_time: float | None = None
    prefill_time: float | None = None
    tpot: float | None = None
    tpot_least: float | None = None
    tpot_baseline: float | None = None
    tpot_objective: float | None = None
    error_ratio: float | None = None
    gpu_utilisation: float | None = None
    kv_transfer_time: float | None = None
    kv_transfer_time_baseline: float | None = None
    kv_transfer_failure_rate: float | None = None

    @property
    def fresh_prompt_rate(self) -> float | None:
        """Prompt tokens that no cache had."""
        return _fresh(self.prompt_rate, self.prefix_hit_ratio)

    @property
    def fresh_prompt_rate_baseline(self) -> float | None:
        """The same, before."""
        return _fresh(self.prompt_rate_baseline, self.prefix_hit_ratio_baseline)


def _fresh(prompts: float | None, hits: float | None) -> float | None:
    return None if prompts is None else prompts * (1.0 - (hits or 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class LastExit:
    """How the container of a replica ended the last time."""

    reason: str = ""
    exit_code: int | None = None
    message: str = ""
    finished_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaFacts:
    """One replica: its record, its figures, and how its container last ended."""

    record: ReplicaRecord
    figures: ReplicaFigures = ReplicaFigures()
    last_exit: LastExit | None = None

    @property
    def name(self) -> str:
        """The name of its pod."""
        return self.record.ref.name


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHit:
    """A log signature (see `signatures`) that was seen.

    `origin` is the replica, or the node for a kernel log; empty when not known. `values` are what
    the signature captured, of its latest line.
    """

    signature: str
    text: str = ""
    origin: str = ""
    count: int = 1
    at: float | None = None
    values: tuple[tuple[str, str], ...] = ()

    def value(self, name: str) -> str | None:
        """One captured value, or None when the line did not hold it."""
        return dict(self.values).get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildFacts:
    """An object that belongs to the service: Deployment, ReplicaSet, Rollout, PVC, ..."""

    kind: str
    name: str
    phase: str = ""
    conditions: Sequence[ConditionRecord] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionFacts(_Figures):
    """Windowed figures of one revision; `requests` were finished in the window."""

    requests: float | None = None
    error_ratio: float | None = None
    ttft_p95: float | None = None
    tpot: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutFacts:
    """A rollout under way: the revision that comes and the one that goes.

    The verdicts are those of the rollout analysis ("PASS", "WORSE", ...), None when there is none;
    of latency, the gravest.
    `new_revision` is the hash its replicas carry. `stuck_reason` says why, once it is `stuck`.
    """

    new_revision: str = ""
    new: RevisionFacts = RevisionFacts()
    old: RevisionFacts = RevisionFacts()
    error_verdict: str | None = None
    latency_verdict: str | None = None
    stuck: bool | None = None
    stuck_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleChange:
    """One change of the number of replicas an autoscaler asked for."""

    at: float
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalerFacts:
    """An autoscaler and its recent changes, oldest first."""

    record: AutoscalerRecord
    changes: Sequence[ScaleChange] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """A node this service runs on. `xid` is its latest GPU error, `throttle` why clocks are low."""

    name: str
    ready: bool | None = None
    xid: int | None = None
    xid_at: float | None = None
    throttle: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFacts:
    """Free GPUs by type, and the nodes of this service."""

    free_gpus: tuple[tuple[str, int], ...] | None = None
    nodes: Sequence[NodeFacts] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """One service of a route group."""

    service: str
    weight: int
    stopped: bool | None = None
    ready: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFacts:
    """The route group this service is in, and which share of its requests came here.

    `share_least` and `share_most` are between what the share lay for long enough that neither a
    burst nor a change of the weights makes it; what is not known to last is taken as it is now.
    """

    group: str
    members: Sequence[MemberFacts] = ()
    observed_share: float | None = None
    share_least: float | None = None
    share_most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """How far the source can be trusted: its state, and the age of its last contact."""

    state: str | None = None
    age: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """One service at the time `now`; `resource` is what kubectl calls its kind."""

    name: str
    namespace: str
    now: float
    resource: str = "llmisvc"
    stopped: bool | None = None
    generation: int | None = None
    observed_generation: int | None = None
    conditions: Sequence[ConditionRecord] = ()
    children: Sequence[ChildFacts] = ()
    pools: Sequence[PoolRecord] = ()
    replicas: Sequence[ReplicaFacts] = ()
    events: Sequence[EventRecord] = ()
    logs: Sequence[LogHit] = ()
    figures: ServiceFigures = ServiceFigures()
    rollout: RolloutFacts | None = None
    autoscalers: Sequence[AutoscalerFacts] = ()
    cluster: ClusterFacts = ClusterFacts()
    route: RouteFacts | None = None
    source: SourceFacts = SourceFacts()

    def replica(self, name: str) -> ReplicaFacts | None:
        """The replica of that name, or None when there is none (any more)."""
        return next((one for one in self.replicas if one.name == name), None)

    def condition(self, kind: str) -> ConditionRecord | None:
        """The condition of that type, or None when it is absent: not configured."""
        return next((one for one in self.conditions if one.type == kind), None)


def total(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; None when nothing is."""
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None
