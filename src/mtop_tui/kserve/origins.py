"""Which config of a service states what its pools are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mtop_tui.kserve.gpus import gpu_count
from mtop_tui.kserve.pools import serving_container
from mtop_tui.kserve.schema import ServiceSpec, Workload

Stated = frozenset[str]
"""What a spec states of its pools: `image`, `gpus`, `replicas`, `tensor_parallel`, with `prefill.`
before those of the prefill pool."""


def stated(spec: ServiceSpec) -> Stated:
    """What a service, or the part of one that a config is, states of its pools."""
    return frozenset(_stated(spec, "")) | (
        frozenset(_stated(spec.prefill, "prefill.")) if spec.prefill else frozenset()
    )


def origins(own: Stated, layers: Sequence[tuple[str, Stated]]) -> dict[str, str]:
    """The config that each value in force is from; what the service states itself is left out.

    Args:
        own: what the service itself states.
        layers: names of its configs with what each states, lowest precedence first.
    """
    found: dict[str, str] = {}
    for name, states in layers:
        found |= dict.fromkeys(sorted(states - own), name)
    return found


def _stated(pool: Workload, prefix: str) -> Iterator[str]:
    main = serving_container(pool)
    if main is not None and main.image:
        yield f"{prefix}image"
    resources = main.resources if main else None
    if resources is not None and gpu_count(resources.limits or resources.requests or {}):
        yield f"{prefix}gpus"
    if pool.replicas is not None or pool.scaling is not None:
        yield f"{prefix}replicas"
    if pool.parallelism is not None and pool.parallelism.tensor is not None:
        yield f"{prefix}tensor_parallel"
