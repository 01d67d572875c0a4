"""Where a recipe happens and what runs there: nodes and services."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mtop_tui.config.recipe_values import (
    Duration,
    GpuName,
    MigProfile,
    Name,
    Objectives,
    Part,
    Text,
    Weight,
)


class NodePool(Part):
    """Nodes of one kind."""

    pool: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    """The nodes are called POOL-1, POOL-2 and so on."""
    count: Annotated[int, Field(ge=1, le=20_000)] = 1
    gpu: GpuName = ""
    """Short name such as H100 or L4, or a product label; empty: nodes without GPUs."""
    gpus: Annotated[int, Field(ge=0, le=64)] = 8
    """GPUs, or MIG slices, of one node."""
    mig: MigProfile = ""
    """MIG profile that each GPU is cut into, such as 1g.10gb."""
    instance: str = ""
    """Instance type, which finds the price; empty takes the usual one for the GPU."""
    region: str = "us-east-1"
    capacity: Literal["on-demand", "spot"] = "on-demand"


class Environment(Part):
    """Where services run: the nodes shipped with mtop, or pools of one's own."""

    mocks: str = ""
    """Folder with manifests, relative to the recipe; empty: those shipped with mtop."""
    nodes: list[NodePool] = []
    """Instead of the nodes of the folder."""


class Route(Part):
    """A share of a route group; weights are proportional."""

    group: Text
    weight: Weight = 0


class Scaling(Part):
    """Bounds of an autoscaler, and what drives it."""

    least: Annotated[int, Field(alias="min", ge=1, le=10_000)] = 1
    most: Annotated[int, Field(alias="max", ge=1, le=10_000)]
    by: Literal["hpa", "keda"] = "hpa"


_OF_THE_MODEL = frozenset({"model", "gpu", "gpus", "mig", "prefill"})
_FIXED_BY = {
    "copy": _OF_THE_MODEL,
    "manifest": _OF_THE_MODEL | {"copy_of", "replicas", "scaling", "image", "route"},
}
"""What a service cannot say beside where it is from."""


class ServiceSpec(Part):
    """A service in a few words; `patch` or `manifest` say what they do not."""

    name: Name
    model: str = ""
    """Such as meta-llama/Llama-3.1-8B-Instruct."""
    gpu: GpuName = ""
    gpus: Annotated[int, Field(ge=0, le=64)] = 1
    """GPUs of one replica, over which the model is spread."""
    mig: MigProfile = ""
    """Ask for slices of this MIG profile instead of whole GPUs."""
    replicas: Annotated[int, Field(ge=0, le=10_000)] | None = None
    scaling: Scaling | None = None
    prefill: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Replicas of a prefill pool of its own."""
    image: str = ""
    route: Route | None = None
    age: Duration | None = None
    """Since when it is there when the recipe begins; 0s has it start then."""
    labels: dict[str, str] = {}
    slo: Objectives = ""
    """Objectives, such as ttft<=2s@95%; see docs/slo.md."""
    copy_of: Annotated[Name | None, Field(alias="copy")] = None
    """Take the manifest of this service, with what is said here changed."""
    patch: dict[str, Any] = {}
    """Merged over the manifest (RFC 7386)."""
    manifest: dict[str, Any] | None = None
    """A whole LLMInferenceService in place of all this."""

    @model_validator(mode="after")
    def _one_source(self) -> ServiceSpec:
        sources = {"manifest": self.manifest, "copy": self.copy_of, "model": self.model.strip()}
        if not any(value is not None and value != "" for value in sources.values()):
            raise ValueError("needs a model, a service to copy, or a manifest")
        for source, fixed in _FIXED_BY.items():
            if sources[source] is not None and (beside := fixed & self.model_fields_set):
                said = ", ".join(sorted(beside))
                raise ValueError(f"{source} already says {said}; change it with patch instead")
        if self.scaling is not None and self.replicas is not None:
            raise ValueError("scaling cannot stand beside replicas; keep one of the two")
        return self


class Fleet(Part):
    """Which services there are."""

    mocks: list[str] = []
    """Patterns of services to take from the environment's folder, such as production/*."""
    clones: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Copy all services, and nodes in proportion, until there are so many."""
    services: list[ServiceSpec] = []
    overrides: dict[Name, dict[str, Any]] = {}
    """Merged over manifests (RFC 7386), by service."""
