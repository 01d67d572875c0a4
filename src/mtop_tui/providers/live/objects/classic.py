"""Classic InferenceServices as services, as far as they and their pods tell."""

from __future__ import annotations

from collections.abc import Iterator

from mtop_tui.kserve.gpus import gpu_count
from mtop_tui.kserve.merge import is_stopped
from mtop_tui.kserve.records import OWN_DOMAIN, condition, unix_time
from mtop_tui.observations import Pool, Service
from mtop_tui.providers.live import kinds
from mtop_tui.providers.live.objects.schema_serving import (
    LiveInferenceService,
    ModelStatus,
    Predictor,
)
from mtop_tui.providers.live.objects.services import reference

_FINE = frozenset({"", "UpToDate", "InProgress"})


def classic_service(
    found: LiveInferenceService, *, ready: int, image: str, cluster: str, at: float
) -> Service:
    """A classic service; how many replicas are wanted only its autoscaler knows.

    Args:
        found: as its owner wrote it, with its status.
        ready: pods of its predictor that serve.
        image: that these run; empty where none is there.
        cluster: its cluster.
        at: the observed time.
    """
    metadata, status, predictor = found.metadata, found.status, found.spec.predictor
    annotations = metadata.annotations or {}
    stopped = is_stopped({"annotations": annotations})
    model = predictor.model
    worker = predictor.worker_spec
    return Service(
        at=at,
        ref=reference(cluster, kinds.CLASSIC, metadata),
        model=metadata.name,
        model_uri=(model.storage_uri if model else None) or "",
        labels=metadata.labels or {},
        annotations={
            name: value for name, value in annotations.items() if name.startswith(OWN_DOMAIN)
        },
        created_at=unix_time(metadata.creation_timestamp),
        generation=metadata.generation,
        observed_generation=status.observed_generation,
        stopped=stopped,
        pools=(
            Pool(
                role="main",
                desired=0 if stopped else _fixed(predictor),
                ready=ready,
                nodes_per_replica=(worker.pipeline_parallel_size if worker else None) or 1,
                gpus_per_replica=_gpus(predictor),
                tensor_parallel=worker.tensor_parallel_size if worker else None,
                image=image or None,
            ),
        ),
        conditions=tuple(condition(one) for one in status.conditions or ()),
        notes=tuple(_notes(found)),
    )


def _fixed(predictor: Predictor) -> int | None:
    """The number of replicas where its bounds leave no choice."""
    least, most = predictor.min_replicas, predictor.max_replicas
    return least if least is not None and least == most else None


def _gpus(predictor: Predictor) -> int | None:
    """GPUs of a replica on one node, where the service says so and not its runtime."""
    if predictor.worker_spec is not None:
        return None
    stated = [predictor.model.resources] if predictor.model else []
    stated += [one.resources for one in predictor.containers or ()]
    asked = [one.limits or one.requests for one in stated if one is not None]
    found = [gpu_count(one) for one in asked if one]
    return sum(found) if found else None


def _notes(found: LiveInferenceService) -> Iterator[str]:
    yield "a classic InferenceService"
    runtime = found.spec.predictor.model.runtime if found.spec.predictor.model else None
    if runtime:
        yield f"runtime {runtime}"
    loading = found.status.model_status or ModelStatus()
    if (loading.transition_status or "") not in _FINE:
        why = loading.last_failure_info
        said = (": ".join(filter(None, (why.reason, why.message)))) if why else ""
        yield f"model {loading.transition_status}{f': {said}' if said else ''}"
