"""A fleet made by hand: records, and a provider that emits what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from mtop_tui.domain import vocabulary as names
from mtop_tui.observations import (
    Condition,
    HistogramLayout,
    LogLines,
    MetricSample,
    Node,
    ObjectRef,
    Observation,
    Pool,
    RawObject,
    Replica,
    RouteShare,
    SampleLayout,
    Service,
    ServiceKey,
    SourceHealth,
)
from mtop_tui.providers.base import LogQuery, Offer

START = 1_800_000_000.0
"""A Friday, 08:00 UTC: the moment at which tests begin."""

TTFT_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ITL_BOUNDS = (0.01, 0.025, 0.05, 0.1)

LAYOUT = SampleLayout(
    engine="vllm",
    counters=names.COUNTERS,
    gauges=names.GAUGES,
    histograms=(HistogramLayout(names.TTFT, TTFT_BOUNDS), HistogramLayout(names.ITL, ITL_BOUNDS)),
)


def key(name: str, namespace: str = "production") -> ServiceKey:
    return ServiceKey("test", namespace, name)


def service(
    name: str,
    namespace: str = "production",
    *,
    at: float = START,
    ready: bool = True,
    desired: int = 1,
    gpus: int | None = 1,
    gpu_type: str | None = "H100",
    model: str = "",
    stopped: bool = False,
    reason: str = "",
    message: str = "",
    route: RouteShare | None = None,
    uid: str = "",
) -> Service:
    return Service(
        at=at,
        ref=ObjectRef("test", namespace, "LLMInferenceService", name, uid or f"uid-{name}"),
        model=model or f"org/{name}",
        stopped=stopped,
        pools=(Pool(role="main", desired=desired, gpus_per_replica=gpus, gpu_type=gpu_type),),
        conditions=(Condition("Ready", "True" if ready else "False", reason, message),),
        route=route,
    )


def replica(
    owner: ServiceKey,
    index: int = 0,
    *,
    at: float = START,
    phase: str = "ready",
    node: str | None = "node-0",
    gpus: int = 1,
    reason: str = "",
    message: str = "",
    since: float | None = None,
    deadline: float | None = None,
    role: str = "main",
    revision: str = "1",
) -> Replica:
    return Replica(
        at=at,
        ref=ObjectRef(
            "test", owner.namespace, "Pod", f"{owner.name}-{index}", f"{owner.name}-{index}"
        ),
        service=owner,
        role=role,  # type: ignore[arg-type]
        phase=phase,  # type: ignore[arg-type]
        reason=reason,
        message=message,
        since=since,
        deadline=deadline,
        nodes=() if node is None else (node,),
        gpus=gpus,
        gpu_type="H100" if node else None,
        revision=revision,
    )


def node(name: str = "node-0", gpus: int = 8, instance_type: str | None = "p5.48xlarge") -> Node:
    return Node(
        at=START,
        ref=ObjectRef("test", "", "Node", name, name),
        ready=True,
        gpus=gpus,
        gpu_type="H100",
        instance_type=instance_type,
        region="us-east-1",
        capacity="on-demand",
    )


def sample(
    of: Replica,
    at: float,
    *,
    requests: float = 0,
    failed: float = 0,
    tokens: float = 0,
    prompts: float = 0,
    ttft: float = 0.2,
    itl: float = 0.02,
    running: float = 0,
    waiting: float = 0,
    kv: float = 0,
    layout: SampleLayout = LAYOUT,
) -> MetricSample:
    """A sample of a replica that has served `requests`, all with one TTFT and one ITL."""
    counters = dict.fromkeys(names.COUNTERS, 0.0)
    counters[names.FINISHED_REQUESTS] = float(requests)
    counters[names.FAILED_REQUESTS] = float(failed)
    counters[names.GENERATION_TOKENS] = float(tokens)
    counters[names.PROMPT_TOKENS] = float(prompts)
    cumulative = [counters[name] for name in layout.counters]
    for histogram, value, count in zip(
        layout.histograms, (ttft, itl), (requests, tokens), strict=True
    ):
        cumulative.append(value * count)
        cumulative += [float(count) if value <= bound else 0.0 for bound in histogram.bounds]
        cumulative.append(float(count))
    return MetricSample(
        at=at,
        ref=of.ref,
        service=of.service,
        layout=layout,
        cumulative=tuple(cumulative),
        gauges=(float(running), float(waiting), float(kv)),
    )


def traffic(
    of: Replica,
    rate: float,
    *,
    until: float = START,
    seconds: int = 120,
    step: int = 5,
    per_request: float = 100,
    per_prompt: float = 0,
    **levels: float,
) -> list[MetricSample]:
    """Samples of steady traffic, `rate` requests per second, over the seconds before `until`."""
    return [
        sample(
            of,
            until - seconds + t,
            requests=rate * t,
            tokens=rate * t * per_request,
            prompts=rate * t * per_prompt,
            **levels,  # type: ignore[arg-type]
        )
        for t in range(0, seconds + 1, step)
    ]


def health(at: float = START, state: str = "live", **more: object) -> SourceHealth:
    return SourceHealth(at=at, source="scripted", state=state, last_contact=at, **more)  # type: ignore[arg-type]


class ScriptedProvider:
    """Emits the batches it is given, at the time it is given them."""

    def __init__(self, *batches: Sequence[Observation]) -> None:
        self.name = "scripted"
        self.offers: frozenset[Offer] = frozenset({"pause"})
        self.paused = False
        self.closed = False
        self.failure: Exception | None = None
        self._queue: asyncio.Queue[Sequence[Observation] | None] = asyncio.Queue()
        for batch in batches:
            self._queue.put_nowait(batch)

    def emit(self, *observations: Observation) -> None:
        self._queue.put_nowait(observations)

    def end(self) -> None:
        self._queue.put_nowait(None)

    async def observe(self) -> AsyncIterator[Sequence[Observation]]:
        while (batch := await self._queue.get()) is not None:
            yield batch
        if self.failure is not None:
            raise self.failure

    async def read_logs(self, query: LogQuery) -> AsyncIterator[LogLines]:
        for lines in ():
            yield lines

    async def read_object(self, ref: ObjectRef) -> RawObject | None:
        return None

    def pause(self, paused: bool) -> None:
        self.paused = paused

    async def close(self) -> None:
        self.closed = True
