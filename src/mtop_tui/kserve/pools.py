"""The pools of a service: how many replicas, of how many nodes and GPUs each, running what."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mtop_tui.kserve.gpus import PRODUCT_LABELS, gpu_count, gpu_of, gpu_of_all
from mtop_tui.kserve.merge import Combined, is_stopped
from mtop_tui.kserve.schema import (
    GROUP,
    Container,
    LLMInferenceService,
    Parallelism,
    PodSpec,
    Workload,
    WorkloadsStatus,
    WorkloadStatus,
)
from mtop_tui.observations import Pool, Role

MAIN_CONTAINER = "main"
DRA_CLASS = f"{GROUP}/exp-dra-device-class"
DRA_COUNT = f"{GROUP}/exp-dra-device-count"

_EXTRA_ARGS = "VLLM_ADDITIONAL_ARGS"
_LENGTH_FLAG = re.compile(
    r"(?<!\S)--max[-_]model[-_]len[ =]+(\d{1,9}(?:\.\d{1,3})?)([kKmMgG]?)(?!\S)"
)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "K": 2**10, "M": 2**20, "G": 2**30}
"""vLLM reads 8k as 8,000 and 8K as 8,192 tokens."""

_TENSOR_FLAG = re.compile(r"(?:--tensor[-_]parallel[-_]size|(?<!\S)-tp)[ =]+(\d{1,3})(?!\d)")


def pools_of(service: LLMInferenceService, combined: Combined) -> tuple[Pool, ...]:
    """The main pool, or the decode and prefill pools of a disaggregated service.

    A stopped service has 0 desired replicas. What a complete merge leaves open has Kubernetes'
    default; what an incomplete one leaves open is None.
    """
    spec = combined.typed
    if spec is None:
        return (Pool(role="main"),)
    annotations = service.metadata.annotations or {}
    halves: list[tuple[Role, Workload, str, WorkloadStatus | None]]
    reported = (service.status.workloads if service.status else None) or WorkloadsStatus()
    if spec.prefill is None:
        halves = [("main", spec, "", reported.primary)]
    else:
        halves = [
            ("decode", spec, "", reported.primary),
            ("prefill", spec.prefill, "prefill.", reported.prefill),
        ]
    devices = _claimed_devices(annotations)
    stopped = is_stopped({"annotations": annotations})
    return tuple(
        Pool(
            role=role,
            desired=0 if stopped else _desired(pool, combined, path),
            ready=status.ready_replicas if status else None,
            nodes_per_replica=group_size(pool),
            gpus_per_replica=(gpus := _known_gpus(pool, combined, path, devices)),
            gpu_type=_gpu_type(pool) if gpus != 0 else None,
            tensor_parallel=_tensor_parallel(pool),
            max_model_len=_max_model_len(pool),
            image=main.image if (main := serving_container(pool)) else None,
            max_surge=pool.rollout_strategy.max_surge if pool.rollout_strategy else None,
            max_unavailable=(
                pool.rollout_strategy.max_unavailable if pool.rollout_strategy else None
            ),
        )
        for role, pool, path, status in halves
    )


def serving_container(pool: Workload) -> Container | None:
    """The container that serves the model; the leader's where a replica spans nodes."""
    return _main(pool.template) or _main(pool.worker)


def group_size(pool: Workload) -> int:
    """Nodes per replica: 1 without a worker, else the size of its LeaderWorkerSet."""
    parallelism = pool.parallelism or Parallelism()
    if pool.worker is None:
        return 1
    if parallelism.data or parallelism.data_local:
        return max((parallelism.data or 1) // (parallelism.data_local or 1), 1)
    return parallelism.pipeline or 1


def _desired(pool: Workload, combined: Combined, path: str) -> int | None:
    if pool.replicas is not None:
        return pool.replicas
    if pool.scaling is not None:
        return pool.scaling.min_replicas if pool.scaling.min_replicas is not None else 1
    stated = {f"{path}replicas", f"{path}scaling.minReplicas"} & combined.unknown
    return 1 if combined.complete and not stated else None


def _known_gpus(pool: Workload, combined: Combined, path: str, devices: int | None) -> int | None:
    pods = (f"{path}template.", f"{path}worker.")
    if any(one.startswith(pods) and ".resources" in one for one in combined.unknown):
        return None
    return _gpus(pool, group_size(pool), devices)


def _main(pod: PodSpec | None) -> Container | None:
    containers = (pod.containers if pod else None) or []
    named = (container for container in containers if container.name == MAIN_CONTAINER)
    return next(named, containers[0] if containers else None)


def _gpus(pool: Workload, size: int, devices: int | None) -> int | None:
    if pool.worker is None:
        return _pod_gpus(pool.template, devices)
    per_worker = _pod_gpus(pool.worker, devices)
    leader = _pod_gpus(pool.template, devices) if pool.template is not None else per_worker
    if leader is None or per_worker is None:
        return None
    return leader + (size - 1) * per_worker


def _pod_gpus(pod: PodSpec | None, devices: int | None) -> int | None:
    if devices is not None:
        return devices
    main = _main(pod)
    if pod is None or main is None or not _asks(main):
        return None
    return sum(_container_gpus(container) for container in pod.containers or ())


def _asks(container: Container) -> bool:
    resources = container.resources
    return resources is not None and bool(resources.limits or resources.requests)


def _container_gpus(container: Container) -> int:
    resources = container.resources
    if resources is None:
        return 0
    # Kubernetes wants both equal for GPUs and copies limits to requests when only those are given.
    return gpu_count(resources.limits or {}) or gpu_count(resources.requests or {})


def _claimed_devices(annotations: dict[str, str]) -> int | None:
    """GPUs each pod claims through dynamic resource allocation; None when it does not."""
    if not annotations.get(DRA_CLASS):
        return None
    count = annotations.get(DRA_COUNT, "1")
    return int(count) if count.isdecimal() and 0 < len(count) < 5 else 1


def _gpu_type(pool: Workload) -> str | None:
    for pod in (pool.template, pool.worker):
        if pod is None:
            continue
        if (chosen := gpu_of(pod.node_selector or {})) is not None:
            return chosen
        if (required := gpu_of_all(_required_labels(pod))) is not None:
            return required
    return None


def _required_labels(pod: PodSpec) -> Iterable[dict[str, str]]:
    affinity = pod.affinity.node_affinity if pod.affinity else None
    terms = (
        affinity.required.node_selector_terms if affinity and affinity.required else None
    ) or ()
    for term in terms:
        for expression in term.match_expressions or ():
            if expression.key in PRODUCT_LABELS and expression.operator == "In":
                for value in expression.values or ():
                    yield {expression.key: value}


def _tensor_parallel(pool: Workload) -> int | None:
    if pool.parallelism is not None and pool.parallelism.tensor is not None:
        return pool.parallelism.tensor
    found = _TENSOR_FLAG.search(_arguments(pool))
    return int(found[1]) if found else None


def _max_model_len(pool: Workload) -> int | None:
    """Tokens of the longest request, prompt and answer; None where vLLM takes the model's own."""
    # As argparse does, the last one wins.
    stated = _LENGTH_FLAG.findall(_arguments(pool))
    if not stated:
        return None
    number, unit = stated[-1]
    tokens = int(float(number) * _UNITS[unit])
    return tokens if tokens > 0 else None


def _arguments(pool: Workload) -> str:
    """What the engine is started with, as one line."""
    main = serving_container(pool)
    if main is None:
        return ""
    extra = [one.value or "" for one in main.env or () if one.name == _EXTRA_ARGS]
    return " ".join([*(main.args or ()), *extra])
