"""The facts of a serving container, from its model, its GPUs and its profile."""

from __future__ import annotations

from mtop_tui.engine.hardware import Gpu
from mtop_tui.engine.models import Model
from mtop_tui.engine.outputs.container import ContainerFacts, speaker_of, version_of
from mtop_tui.engine.serving.profiles import ServingProfile
from mtop_tui.engine.serving.step_time import GPU_MEMORY_UTILISATION

USUAL_LENGTH = 8192
"""Tokens of the longest request, where nobody says: vLLM itself would take the model's."""


def serving_facts(
    model: Model,
    gpu: Gpu,
    gpus: int,
    profile: ServingProfile,
    *,
    name: str,
    uri: str = "",
    image: str = "",
    max_model_len: int = USUAL_LENGTH,
) -> ContainerFacts:
    """What the lines of a pool's main containers are about.

    Args:
        model, gpu, gpus, profile: what serves, on so many of which GPU each.
        name: of the model, as it is served.
        uri: where its weights come from.
        image: of the container; tells the engine and its version.
        max_model_len: longest request in tokens.
    """
    ranks = max(1, gpus)
    tokens = max(0, int(profile.kv_tokens))
    return ContainerFacts(
        speaker=speaker_of(image),
        model=name,
        uri=uri,
        version=version_of(image),
        weights=profile.weights_bytes,
        layers=model.layers,
        ranks=ranks,
        kv_tokens=tokens,
        kv_bytes=tokens * model.kv_bytes_per_token / ranks,
        max_model_len=max_model_len,
        gpu_memory=gpu.memory,
        gpu_memory_utilization=GPU_MEMORY_UTILISATION,
    )


def storage_facts(facts: ContainerFacts) -> ContainerFacts:
    """The same for the storage initializer of such a pod."""
    return ContainerFacts(
        speaker="storage-initializer", model=facts.model, uri=facts.uri, weights=facts.weights
    )
