"""One service made by hand with all that its screen shows: calm, or burning."""

from __future__ import annotations

from collections.abc import Sequence

from fleet_source import START, health, key, node, replica
from mtop_tui.domain import vocabulary as names
from mtop_tui.observations import (
    Annotation,
    Autoscaler,
    Condition,
    GpuReading,
    HistogramLayout,
    KubeEvent,
    MetricSample,
    ObjectRef,
    Observation,
    Pool,
    Replica,
    Revision,
    SampleLayout,
    Service,
)

NAME = "gpt-oss-120b"
KEY = key(NAME)
BOUNDS = {
    names.TTFT: (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    names.ITL: (0.01, 0.025, 0.05, 0.1, 0.2),
    names.E2E: (1.0, 5.0, 20.0, 60.0),
    names.QUEUE_TIME: (0.1, 0.5, 1.0, 5.0),
    names.PREFILL_TIME: (0.1, 0.5, 1.0, 5.0),
    names.DECODE_TIME: (0.5, 1.0, 5.0, 20.0),
}
LAYOUT = SampleLayout(
    engine="vllm",
    counters=names.COUNTERS,
    gauges=names.GAUGES,
    histograms=tuple(HistogramLayout(name, bounds) for name, bounds in BOUNDS.items()),
)
TREE = (
    ("Ready", "WorkloadsReady"),
    ("WorkloadsReady", "MainWorkloadReady"),
    ("MainWorkloadReady", ""),
    ("RouterReady", ""),
    ("HTTPRoutesReady", ""),
    ("InferencePoolReady", ""),
)


def sample(
    of: Replica, at: float, requests: float, times: dict[str, float], levels: Sequence[float]
) -> MetricSample:
    """A sample of a replica that has served `requests` of 100 tokens, all with the same times."""
    counters = dict.fromkeys(names.COUNTERS, 0.0)
    counters[names.FINISHED_REQUESTS] = requests
    counters[names.GENERATION_TOKENS] = 100 * requests
    counters[names.PREFIX_QUERIES] = 100 * requests
    counters[names.PREFIX_HITS] = 60 * requests
    cumulative = [counters[name] for name in LAYOUT.counters]
    for histogram in LAYOUT.histograms:
        value = times[histogram.name]
        count = 100 * requests if histogram.name == names.ITL else requests
        cumulative.append(value * count)
        cumulative += [count if value <= bound else 0.0 for bound in histogram.bounds]
        cumulative.append(count)
    return MetricSample(
        at=at,
        ref=of.ref,
        service=of.service,
        layout=LAYOUT,
        cumulative=tuple(cumulative),
        gauges=tuple(levels),
    )


def times(ttft: float, itl: float, queue: float) -> dict[str, float]:
    return {
        names.TTFT: ttft,
        names.ITL: itl,
        names.E2E: queue + 0.05 + 100 * itl,
        names.QUEUE_TIME: queue,
        names.PREFILL_TIME: 0.05,
        names.DECODE_TIME: 100 * itl,
    }


def service(*, ready: bool = True, at: float = START, roles: Sequence[str] = ("main",)) -> Service:
    broken = {"Ready", "WorkloadsReady", "MainWorkloadReady"} if not ready else set()
    return Service(
        at=at,
        ref=ObjectRef("test", "production", "LLMInferenceService", NAME, "uid-1"),
        model="openai/gpt-oss-120b",
        model_uri="hf://openai/gpt-oss-120b",
        created_at=START - 7200,
        generation=3,
        observed_generation=3,
        pools=tuple(
            Pool(
                role=role,  # type: ignore[arg-type]
                desired=4,
                gpus_per_replica=2,
                gpu_type="H100",
                tensor_parallel=2,
                image="ghcr.io/llm-d/llm-d-cuda:v0.9.0",
            )
            for role in roles
        ),
        applied_configs=("kserve-config-llm-template", "kserve-config-llm-scheduler"),
        conditions=tuple(
            Condition(
                kind,
                "False" if kind in broken else "True",
                "MinimumReplicasUnavailable" if kind in broken else "",
                "Deployment does not have minimum availability." if kind in broken else "",
                changed_at=START - 190,
            )
            for kind, _ in TREE
        ),
    )


def event(
    reason: str, message: str, at: float, *, warns: bool = False, count: int = 1
) -> KubeEvent:
    return KubeEvent(
        at=at,
        ref=ObjectRef("test", "production", "Event", f"{reason}-{at}", f"{reason}-{at}"),
        involved=ObjectRef("test", "production", "LLMInferenceService", NAME, "uid-1"),
        severity="Warning" if warns else "Normal",
        reason=reason,
        message=message,
        count=count,
    )


def pods(count: int = 4, *, roles: Sequence[str] = ("main",)) -> list[Replica]:
    return [
        replica(
            KEY,
            index,
            at=START - 600,
            gpus=2,
            role=roles[index % len(roles)],
            node=f"node-{index % 2}",
        )
        for index in range(count)
    ]


def calm(count: int = 4, seconds: int = 300) -> list[Observation]:
    """Steady traffic, far from any limit."""
    return _served(pods(count), seconds, lambda _at, _index: (0.2, 0.012, 0.01, (6.0, 0.0, 0.41)))


def burning() -> list[Observation]:
    """Overloaded since a minute and a half, one replica slower than its peers, one not there."""

    def figures(at: float, index: int) -> tuple[float, float, float, tuple[float, ...]]:
        late = at > START - 90
        itl = 0.09 if index == 2 else 0.02
        if late:
            return 2.4, itl, 1.9, (32.0, 36.0 + index, 0.98)
        return 0.3, itl, 0.02, (12.0, 0.0, 0.6)

    owned = pods(5)
    owned[4] = replica(
        KEY,
        4,
        at=START - 600,
        phase="pending",
        reason="Unschedulable",
        node=None,
        message="0/2 nodes are available: 2 Insufficient nvidia.com/gpu.",
        gpus=2,
    )
    main = ObjectRef("test", "production", "HorizontalPodAutoscaler", f"{NAME}-hpa", "hpa")
    return [
        *_served(owned, 300, figures),
        service(ready=False),
        Revision(
            at=START - 200,
            ref=ObjectRef("test", "production", "ReplicaSet", f"{NAME}-1", "rs-1"),
            service=KEY,
            role="main",
            number=8,
            created_at=START - 200,
        ),
        Autoscaler(
            at=START - 60,
            ref=main,
            service=KEY,
            role="main",
            minimum=2,
            maximum=5,
            desired=5,
            current=4,
            conditions=(Condition("ScalingLimited", "True", "TooManyReplicas"),),
        ),
        event("SuccessfulRescale", "New size: 5; reason: queue above target", START - 80),
        event(
            "FailedScheduling",
            "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.",
            START - 70,
            warns=True,
            count=7,
        ),
        Annotation(at=START - 95, text="traffic x3"),
    ]


def _served(owned: Sequence[Replica], seconds: int, figures: object) -> list[Observation]:
    records: list[Observation] = [health(), node("node-0"), node("node-1"), service(), *owned]
    for index, one in enumerate(owned):
        if one.phase != "ready":
            continue
        served = 0.0
        for at in range(int(START) - seconds, int(START) + 1, 5):
            ttft, itl, queue, levels = figures(at, index)  # type: ignore[operator]
            served += 5 * (18.0 if at > START - 90 else 12.0)
            records.append(sample(one, float(at), served, times(ttft, itl, queue), levels))
        records += [
            GpuReading(
                at=START,
                ref=ObjectRef("test", "", "GPU", f"{one.ref.name}-gpu-{gpu}"),
                node=one.nodes[0],
                service=KEY,
                pod=one.ref.name,
                utilization=0.9,
                xid=0,
            )
            for gpu in range(2)
        ]
    return records
