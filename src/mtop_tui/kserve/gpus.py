"""GPUs by their Kubernetes names: which resources count them, which labels say what they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mtop_tui.kserve.schema import Quantity

PRODUCT_LABELS = (
    "nvidia.com/gpu.product",
    "amd.com/gpu.product-name",
    "karpenter.k8s.aws/instance-gpu-name",
    "cloud.google.com/gke-accelerator",
)
"""Node labels that name the GPU model, most exact first."""

MEMORY_LABEL = "nvidia.com/gpu.memory"
"""Memory of one GPU in MiB; tells apart models whose product name does not."""

_COUNTED = frozenset(
    {
        "nvidia.com/gpu",
        "nvidia.com/gpu.shared",
        "amd.com/gpu",
        "gpu.intel.com/i915",
        "gpu.intel.com/xe",
        "habana.ai/gaudi",
    }
)
_MIG_PREFIX = "nvidia.com/mig-"

_MIG = re.compile(r"[- ](mig-\d+g\.\d+gb(?:\.\S+)?)", re.IGNORECASE)
_MEMORY = re.compile(r"(\d+) ?GB", re.IGNORECASE)
_MODEL = re.compile(
    r"(?<![A-Z0-9])("
    r"[BHL]\d{1,3}S?|GB?[BH]?\d{3}|A\d{1,4}G?|T4G?|V100|P100|MI\d{3}[A-Z]?|"
    r"RTX[- _]?(?:PRO[- _]?)?[A-Z]?\d{4}|GAUDI[- _]?\d?"
    r")(?![A-Z0-9])",
    re.IGNORECASE,
)
_VENDOR = re.compile(r"^(?:nvidia|amd|intel|tesla|instinct|radeon|quadro)[-_ ]+", re.IGNORECASE)


def is_gpu(resource: str) -> bool:
    """Whether a Kubernetes resource name counts GPUs or MIG slices of one."""
    return resource in _COUNTED or resource.startswith(_MIG_PREFIX)


def gpu_count(resources: Mapping[str, Quantity]) -> int:
    """GPUs (and MIG slices) in a resource list; a quantity that is no whole number counts 0."""
    return sum(_whole(amount) for name, amount in resources.items() if is_gpu(name))


def mig_profiles(resources: Mapping[str, Quantity]) -> tuple[str, ...]:
    """MIG profiles asked for, such as "1g.5gb"."""
    return tuple(
        name.removeprefix(_MIG_PREFIX)
        for name, amount in resources.items()
        if name.startswith(_MIG_PREFIX) and _whole(amount)
    )


def gpu_name(product: str, memory_mib: float | None = None) -> str:
    """The short name of a GPU product, as price lists and people call it.

    "NVIDIA-H100-80GB-HBM3" is "H100" and "NVIDIA-A100-SXM4-40GB" is "A100-40GB"; a MIG slice keeps
    its profile. A product mtop does not know keeps its name, without the vendor's.

    Args:
        product: as a node label has it.
        memory_mib: memory of one GPU, which decides where the product name does not.
    """
    name = product.strip()
    slice_of = _MIG.search(name)
    if slice_of:
        whole = name[: slice_of.start()] + name[slice_of.end() :]
        return f"{gpu_name(whole, memory_mib)} {slice_of[1].lower().replace('mig', 'MIG')}"
    found = _MODEL.search(name)
    if not found:
        return _without_vendor(name)
    model = re.sub(r"[-_ ]+", " ", found[1].upper())
    if model != "A100":
        return model
    size = _MEMORY.search(name)
    gigabytes = float(size[1]) if size else (memory_mib or 0.0) / 1024
    if not gigabytes:
        return "A100-40GB" if name.lower() == "nvidia-tesla-a100" else "A100"
    return "A100-80GB" if gigabytes > 60 else "A100-40GB"


def gpu_of(labels: Mapping[str, str]) -> str | None:
    """The GPU that node labels name, or None when they name none."""
    for label in PRODUCT_LABELS:
        if product := labels.get(label):
            return gpu_name(product, _number(labels.get(MEMORY_LABEL)))
    return None


def gpu_of_all(choices: Iterable[Mapping[str, str]]) -> str | None:
    """The GPU that every one of several label choices names; None when they differ."""
    named = {gpu_of(labels) for labels in choices}
    return named.pop() if len(named) == 1 else None


def _without_vendor(name: str) -> str:
    while (shorter := _VENDOR.sub("", name)) != name:
        name = shorter
    return name


def _whole(amount: Quantity) -> int:
    try:
        number = float(amount)
    except ValueError:
        return 0
    return int(number) if number.is_integer() and number > 0 else 0


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
