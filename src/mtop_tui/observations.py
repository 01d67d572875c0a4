"""The records a source emits; nothing else crosses from a source into mtop.

Every provider (simulated, live, replayed) speaks these records and no screen can tell them apart.
They are immutable, carry the time at which the provider observed them (Unix seconds, from the
provider's clock), and survive `encode` and `decode` unchanged.

Numbers are raw: counters, gauges and histogram buckets as an engine exposes them. Rates,
quantiles, money and verdicts are computed by `mtop_tui.domain`. `None` means "not known", never 0.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

Role = Literal["main", "decode", "prefill"]
"""Which pool of a service a replica belongs to; `decode` and `prefill` only when disaggregated."""

Phase = Literal["pending", "starting", "ready", "failed", "terminating"]
"""Where a replica is in its life; `reason` says why."""

SourceState = Literal["connecting", "live", "stale", "forbidden", "disconnected", "error", "ended"]


class ObjectRef(NamedTuple):
    """Identity of one object. Two objects with the same name and another uid are different."""

    cluster: str
    namespace: str
    kind: str
    name: str
    uid: str = ""


class ServiceKey(NamedTuple):
    """What a service is called: the key under which its replicas and samples are joined."""

    cluster: str
    namespace: str
    name: str


class Record(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False):
    """Base of all records. `at` is the observed time in Unix seconds."""

    at: float


class Condition(msgspec.Struct, frozen=True, gc=False):
    """One Kubernetes status condition. `severity` "Info" marks one that does not decide Ready."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str = ""
    message: str = ""
    severity: str = ""
    changed_at: float | None = None
    about: str = ""
    """Kind and name of the object that says it, where that is not the service itself."""


class CanarySteps(msgspec.Struct, frozen=True, kw_only=True):
    """How far a controller has moved requests to a new revision of a pool, step by step.

    `stable` and `canary` are the hashes that end the names of their revisions; the canary is empty
    when nothing new is under way. `share` is the part of the requests, 0 to 1, that the canary is
    to get. `step` counts from 0: at `steps` all are done.
    """

    stable: str = ""
    canary: str = ""
    share: float | None = None
    step: int | None = None
    steps: int | None = None
    state: Literal["progressing", "paused", "overdue", "aborted", "unseen", "complete"] = (
        "progressing"
    )
    said: str = ""


class Pool(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One workload of a service: all of it, or its prefill or decode half.

    `nodes_per_replica` is above 1 for multi-node replicas; `gpus_per_replica` is summed over
    those nodes. `gpu_type` is what the spec asks for, if it does.
    """

    role: Role
    desired: int | None = None
    ready: int | None = None
    nodes_per_replica: int = 1
    gpus_per_replica: int | None = None
    gpu_type: str | None = None
    tensor_parallel: int | None = None
    image: str | None = None
    max_model_len: int | None = None
    """Tokens of the longest request, prompt and answer together, where the engine is told so."""
    max_surge: int | str | None = None
    """Replicas that its rolling updates may have too many, or a share such as "25%"."""
    max_unavailable: int | str | None = None
    workload: str = ""
    """Name of its Deployment or LeaderWorkerSet; empty where it is not known."""
    conditions: tuple[Condition, ...] = ()
    """Of that: whether it is available, and how its rollout gets on."""
    canary: CanarySteps | None = None
    """Of what moves its requests in steps, where something does."""


class RouteShare(msgspec.Struct, frozen=True, gc=False):
    """Membership in a route group. Weights are proportional (9 and 1 are 90 % and 10 %)."""

    group: str
    weight: int


class Service(Record, frozen=True, tag=True):
    """One LLMInferenceService, or classic InferenceService, as it is now."""

    ref: ObjectRef
    model: str
    model_uri: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    """Those of mtop's own domain (`mtop.dev/`): what users tell it about the service."""
    created_at: float | None = None
    generation: int | None = None
    observed_generation: int | None = None
    stopped: bool = False
    pools: tuple[Pool, ...] = ()
    conditions: tuple[Condition, ...] = ()
    route: RouteShare | None = None
    mirrors_to: str = ""
    """The service of its namespace that gets a copy of each of its requests."""
    applied_configs: tuple[str, ...] = ()
    origins: dict[str, str] = {}
    """Which config states the `image`, `gpus`, `replicas` or `tensor_parallel` in force, with
    `prefill.` before those of that pool; what is absent the service states itself, or nobody."""
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> ServiceKey:
        """The name its replicas and samples refer to."""
        return ServiceKey(self.ref.cluster, self.ref.namespace, self.ref.name)


class ContainerExit(msgspec.Struct, frozen=True, gc=False):
    """How a container last ended: the kubelet's reason, exit code, message and time."""

    container: str
    reason: str = ""
    code: int | None = None
    message: str = ""
    at: float | None = None


class Replica(Record, frozen=True, tag=True):
    """One replica: a pod, or a group of pods when it spans several nodes.

    `since` is when the phase began, `deadline` when the start-up probe gives up. `revision` is the
    hash that also ends the name of its `Revision`. `gpu_type` and
    `nodes` are known once it is scheduled; GPUs are paid for from then on.
    """

    ref: ObjectRef
    service: ServiceKey
    role: Role
    phase: Phase
    reason: str = ""
    message: str = ""
    since: float | None = None
    deadline: float | None = None
    created_at: float | None = None
    revision: str = ""
    nodes: tuple[str, ...] = ()
    gpus: int | None = None
    gpu_type: str | None = None
    restarts: int = 0
    last_exit: ContainerExit | None = None


class Revision(Record, frozen=True, tag=True):
    """One revision of a service's workload, as its Deployment or LeaderWorkerSet numbers them."""

    ref: ObjectRef
    service: ServiceKey
    role: Role
    number: int
    image: str = ""
    created_at: float | None = None
    desired: int | None = None
    ready: int | None = None


class RouteMember(msgspec.Struct, frozen=True, gc=False):
    """One service of a route group. A stopped member keeps its weight and receives nothing."""

    service: str
    weight: int
    stopped: bool = False


class RouteGroup(Record, frozen=True, tag=True):
    """Services that share one route by proportional weights, for instance stable and canary."""

    ref: ObjectRef
    members: tuple[RouteMember, ...]


class Node(Record, frozen=True, tag=True):
    """One cluster node with its GPUs. Instance type, region and capacity type find its price."""

    ref: ObjectRef
    ready: bool
    gpus: int
    gpu_type: str | None = None
    instance_type: str | None = None
    region: str | None = None
    capacity: Literal["on-demand", "spot"] | None = None
    labels: dict[str, str] = {}
    opencost_usd_per_hour: float | None = None
    """Of the whole node, as OpenCost has it, where that is there to say."""


class Autoscaler(Record, frozen=True, tag=True):
    """The autoscaler of one pool: its bounds, what it wants, what is there, and why."""

    ref: ObjectRef
    service: ServiceKey
    role: Role
    minimum: int | None = None
    maximum: int | None = None
    desired: int | None = None
    current: int | None = None
    conditions: tuple[Condition, ...] = ()


class Removed(Record, frozen=True, tag=True):
    """The object is gone."""

    ref: ObjectRef


class RawObject(Record, frozen=True, tag=True):
    """An object as received, unchecked: never shown except through a YAML or JSON emitter."""

    ref: ObjectRef
    body: dict[str, Any]


class HistogramLayout(msgspec.Struct, frozen=True):
    """Name and finite upper bounds, ascending; the +Inf bucket is implied and always present."""

    name: str
    bounds: tuple[float, ...]

    @property
    def width(self) -> int:
        """Values it takes in a sample: the sum, each finite bucket, the +Inf bucket."""
        return len(self.bounds) + 2


class SampleLayout(msgspec.Struct, frozen=True):
    """What the numbers of a sample are, in order, in neutral names (see `domain.vocabulary`).

    One layout is shared by all samples of an engine build, so a sample is little more than one
    flat tuple of floats. A family the engine does not expose is absent here, not 0.
    """

    engine: str
    counters: tuple[str, ...]
    gauges: tuple[str, ...]
    histograms: tuple[HistogramLayout, ...]


class MetricSample(Record, frozen=True, tag=True):
    """One reading of a replica, or of a service's endpoint picker.

    `cumulative` holds the counters, then for each histogram its sum and its cumulative bucket
    counts. In form "cumulative" these count since the process started; in form "windowed" they are
    the increase over (at - window, at], as Prometheus returns it.
    """

    ref: ObjectRef
    service: ServiceKey
    layout: SampleLayout
    cumulative: tuple[float, ...]
    gauges: tuple[float, ...]
    form: Literal["cumulative", "windowed"] = "cumulative"
    window: float | None = None
    subject: Literal["replica", "picker"] = "replica"
    role: Role | None = None
    """Of which pool it is, where it is of a whole pool and of no replica."""
    analytic: bool = False
    """Whether a formula made the numbers instead of simulated or real requests."""


class PoolStep(msgspec.Struct, frozen=True):
    """What one pool of a service did in a step of the past.

    `added` is the increase of what a sample holds in `cumulative`; `gauges` are those at its end,
    summed over the pool but for shares, or empty.
    """

    role: Role
    added: tuple[float, ...]
    gauges: tuple[float, ...] = ()


class PastStep(msgspec.Struct, frozen=True):
    """What was counted in (at - seconds, at], by pool."""

    at: float
    seconds: float
    pools: tuple[PoolStep, ...]


class Past(Record, frozen=True, tag=True):
    """What a service did before it was observed, told afterwards, in part or whole.

    `moments` overlap: each is one point of its series. `hours` do not: each lies within one full
    hour and counts towards objectives once. At most `PAST_MOMENTS` and `PAST_HOURS` are taken.
    """

    service: ServiceKey
    layout: SampleLayout
    moments: tuple[PastStep, ...] = ()
    hours: tuple[PastStep, ...] = ()
    simulated: bool = True
    """Whether formulas made it up rather than somebody having measured it."""


PAST_MOMENTS, PAST_HOURS = 240, 720
"""Steps in one `Past` at most: an hour of 15 s, and 30 days."""


class GpuReading(Record, frozen=True, tag=True):
    """One reading of a GPU or MIG instance, as DCGM has it; see `domain.gpus`.

    Shares are 0 to 1, memory bytes, power W, temperature degrees Celsius. `xid` is the number of
    the latest XID error, 0 when there was none. `throttled` says why the clock is held down.
    """

    ref: ObjectRef
    node: str
    model: str = ""
    profile: str = ""
    service: ServiceKey | None = None
    pod: str = ""
    utilization: float | None = None
    sm_active: float | None = None
    dram_active: float | None = None
    memory_used: float | None = None
    memory_total: float | None = None
    power: float | None = None
    temperature: float | None = None
    xid: int | None = None
    throttled: str = ""


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """One line; `at` is the time the container runtime gave it."""

    at: float
    text: str


class LogLines(Record, frozen=True, tag=True):
    """Lines of one container, oldest first, and how many were lost or cut on the way.

    A record without lines tells what there is to say of that log instead: why there is none yet,
    or what is missing. It holds until the next one, which may say nothing; one about the service
    with no container is about all its logs.
    """

    ref: ObjectRef
    container: str
    lines: tuple[LogLine, ...]
    dropped: int = 0
    cut: int = 0
    said: str = ""
    failed: bool = False
    """Whether what is said is that lines could not be read."""


class KubeEvent(Record, frozen=True, tag=True):
    """One Kubernetes event, either API."""

    ref: ObjectRef
    involved: ObjectRef
    severity: Literal["Normal", "Warning"]
    reason: str
    message: str
    count: int = 1
    first_at: float | None = None


class SourceHealth(Record, frozen=True, tag=True):
    """How far a source can be trusted just now, in its own words."""

    source: str
    state: SourceState
    detail: str = ""
    last_contact: float | None = None
    errors: int = 0
    dropped: int = 0
    skipped: int = 0
    forbidden: tuple[str, ...] = ()
    is_part: bool = False
    """Whether others tell of the rest of the fleet: what ails it makes nothing else untrue."""
    is_extra: bool = False
    """Whether what it adds is missed by few: only the screen about sources tells how it fares."""


class Annotation(Record, frozen=True, tag=True):
    """A mark on the time axis, such as an injected fault: drawn, never given to the domain."""

    text: str
    target: ObjectRef | None = None
    until: float | None = None


Observation = (
    Service
    | Replica
    | Revision
    | RouteGroup
    | Node
    | Autoscaler
    | Removed
    | RawObject
    | MetricSample
    | Past
    | GpuReading
    | LogLines
    | KubeEvent
    | SourceHealth
    | Annotation
)


class ObservationError(ValueError):
    """Bytes that are no observation; the message says which field and what was expected."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Observation)


def encode(observation: Observation) -> bytes:
    """One record as MessagePack, which keeps NaN and infinities (JSON does not)."""
    return _encoder.encode(observation)


def decode(data: bytes) -> Observation:
    """The record `encode` wrote.

    Raises:
        ObservationError: the bytes are cut, or a field is missing or of a wrong type.
    """
    try:
        decoded: Observation = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ObservationError(f"not an observation: {error}") from error
    return decoded
