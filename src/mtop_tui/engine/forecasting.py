"""The serving model behind a what-if: the same formulas that the simulated replicas settle by."""

from __future__ import annotations

from typing import Final

from mtop_tui.domain.capacity.answers import NotKnown
from mtop_tui.domain.capacity.forecast import Lengths, Placement, Settled
from mtop_tui.engine.hardware import gpu_named
from mtop_tui.engine.models import Model, model_named
from mtop_tui.engine.serving import steady
from mtop_tui.engine.serving.profiles import ServingProfile, serving_profile

TTFT_ERROR: Final = 0.5
"""Relative: of most published tables, half of all TTFT are within it; see `docs/fidelity.md`."""

_GB = 1e9


def settled(placement: Placement, lengths: Lengths, rate: float) -> Settled | NotKnown:
    """Where one replica settles under `rate` requests per second, or why that cannot be said."""
    model = model_named(*placement.model)
    if not model.known:
        return NotKnown(f"the size and shape of {_first(placement.model)} are not known")
    gpu = gpu_named(placement.gpu)
    if gpu is None:
        return NotKnown(f"nothing is known of a GPU called {placement.gpu}")
    if model.heads % placement.gpus:
        return NotKnown(f"{model.heads} attention heads do not divide by {placement.gpus} GPUs")
    profile = serving_profile(model, gpu, placement.gpus, placement.nodes)
    asked = steady.Lengths(lengths.prompt, max(1.0, lengths.output), lengths.cached)
    if profile.kv_tokens < asked.prompt + asked.output:
        return NotKnown(_no_room(model, profile, placement, gpu.memory))
    found = steady.steady(profile, asked, rate)
    return Settled(
        ttft=profile.request_overhead + found.wait + found.prefill,
        tpot=found.step,
        utilisation=found.utilisation,
        ttft_error=TTFT_ERROR,
        tpot_error=profile.error,
        source=profile.source,
    )


def _no_room(model: Model, profile: ServingProfile, placement: Placement, memory: float) -> str:
    has = f"{placement.gpus} x {placement.gpu} with {placement.gpus * memory / _GB:.0f} GB"
    weights = f"{profile.weights_bytes / _GB:.0f} GB of weights"
    if not profile.weights_fit:
        return f"{model.name} does not fit: {weights}, {has}"
    return f"{model.name} leaves no room for the KV cache: {weights}, {has}"


def _first(names: tuple[str, ...]) -> str:
    return next((name for name in names if name), "the model")
