"""What a GPU can do: memory, bandwidth, arithmetic, and how fast it talks to its neighbours.

Figures are the vendors' (dense, without sparsity). Peak arithmetic of parts limited by their power
is lowered by `flops_reach`.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec


class Gpu(msgspec.Struct, frozen=True):
    """One accelerator.

    Attributes:
        name: short name, as people say it.
        memory_gib: memory of one GPU. Vendors' "80 GB" are binary gigabytes, less a few per cent.
        bandwidth: memory bandwidth in bytes per second.
        flops16: dense 16-bit floating point operations per second.
        flops8: the same for 8 bits, or None where the GPU has none.
        flops4: the same for 4 bits, or None.
        high_bandwidth: HBM rather than GDDR memory, which decides the efficiency reached.
        link_latency: seconds one all-reduce between GPUs takes at least.
        link_bandwidth: effective all-reduce bandwidth in bytes per second.
        flops_reach: share of the peak arithmetic usual kernels can get at all.
    """

    name: str
    memory_gib: float
    bandwidth: float
    flops16: float
    flops8: float | None
    high_bandwidth: bool
    link_latency: float
    link_bandwidth: float
    flops_reach: float = 1.0
    flops4: float | None = None

    @property
    def memory(self) -> float:
        """Memory of one GPU in bytes."""
        return self.memory_gib * 2**30

    def can_be_cut(self, profile: str) -> bool:
        """Whether it has slices of a MIG profile such as 1g.10gb."""
        memory = float(profile.partition(".")[2].removesuffix("gb") or "inf")
        return self.name.startswith(_CUTTABLE) and memory <= self.memory_gib


_NVLINK_LATENCY = 15e-6
_PCIE_LATENCY = 30e-6
_PCIE = 10e9


def _hbm(  # noqa: PLR0917 - the columns of the table
    name: str,
    memory: float,
    gbps: float,
    tf16: float,
    tf8: float | None,
    link: float,
    reach: float = 1.0,
    tf4: float | None = None,
) -> Gpu:
    return Gpu(
        name,
        memory,
        gbps * 1e9,
        tf16 * 1e12,
        tf8 * 1e12 if tf8 else None,
        True,
        _NVLINK_LATENCY,
        link * 1e9,
        reach,
        tf4 * 1e12 if tf4 else None,
    )


def _gddr(name: str, memory: float, gbps: float, tf16: float, tf8: float | None = None) -> Gpu:
    return Gpu(
        name,
        memory,
        gbps * 1e9,
        tf16 * 1e12,
        tf8 * 1e12 if tf8 else None,
        False,
        _PCIE_LATENCY,
        _PCIE,
    )


H100 = _hbm("H100", 80, 3350, 989.5, 1979, 200)
A100_80 = _hbm("A100-80", 80, 2039, 312, None, 110)

GPUS = (
    _gddr("T4", 16, 320, 65),
    _gddr("L4", 24, 300, 121, 242),
    _gddr("A10G", 24, 600, 70),
    _gddr("A10", 24, 600, 125),
    _gddr("L40S", 48, 864, 362, 733),
    _gddr("L40", 48, 864, 181, 362),
    _gddr("A6000", 48, 768, 155),
    # GeForce parts sum in 32 bits at half the rate.
    _gddr("RTX3090", 24, 936, 71),
    _gddr("RTX4090", 24, 1008, 165, 330),
    _gddr("RTXPRO6000", 96, 1792, 504, 1007),
    _hbm("V100S", 32, 1134, 130, None, 60),
    _hbm("A100-40", 40, 1555, 312, None, 110),
    A100_80,
    H100,
    _hbm("H200", 141, 4800, 989.5, 1979, 200),
    # The card has 400 W for the same chip, and loses prefill to it.
    _hbm("H100NVL", 94, 3938, 835, 1671, 60, 0.7),
    _hbm("H100PCIe", 80, 2039, 756, 1513, 20, 0.8),
    _hbm("H20", 96, 4000, 148, 296, 200),
    _hbm("GH200", 96, 4000, 989.5, 1979, 200),
    _hbm("B200", 180, 8000, 2250, 4500, 400, tf4=9000),
    _hbm("GB200", 186, 8000, 2500, 5000, 400, tf4=10000),
    # Measured MI300X runs get far less of their peak than the same kernels on an H100.
    _hbm("MI300X", 192, 5300, 1307, 2615, 200, 0.6),
)

UNKNOWN_GPU = H100
"""Stands in where neither the spec nor the node says which GPU it is."""

CPU = Gpu("CPU", 64, 80e9, 2e12, None, False, _PCIE_LATENCY, _PCIE)
"""A server without a GPU: two sockets' worth of memory bandwidth, for the smallest models."""

_A100_40 = next(gpu for gpu in GPUS if gpu.name == "A100-40")
_BY_WORD = {gpu.name.lower(): gpu for gpu in GPUS if not gpu.name.startswith("A100")}
_BY_WORD |= {"3090": _BY_WORD["rtx3090"], "4090": _BY_WORD["rtx4090"]}
_CUTTABLE = ("A100", "H100", "H200", "H20", "GH200", "B200", "GB200", "RTXPRO6000")
"""GPUs that have MIG (NVIDIA's MIG user guide, supported GPUs)."""
_SLICE = re.compile(r"\bmig-(\d)g\.(\d+)gb")
_SLICES = 7
_A100_40_GIB = frozenset({"40", "40gb", "39", "40960", "40536"})


@lru_cache(maxsize=1024)
def gpu_named(name: str | None) -> Gpu | None:
    """The GPU that a label, an instance list or a person calls `name`, or None.

    Understands the product labels of the GPU operator ("NVIDIA-A100-SXM4-40GB"), short names and
    MIG slices ("A100-40GB MIG-1g.5gb"), which have their share of arithmetic and memory.
    """
    if not name:
        return None
    cut = _SLICE.search(name.lower())
    if cut:
        whole = gpu_named(name[: cut.start()] + name[cut.end() :])
        return whole and _slice_of(whole, int(cut[1]), float(cut[2]))
    words = name.lower().replace("_", "-").split("-")
    parts = [part for word in words for part in word.split()]
    for part in parts:
        if part == "a100":
            small = any(other.removesuffix("gib") in _A100_40_GIB for other in parts)
            return _A100_40 if small else A100_80
        if part == "h100" and "nvl" in parts:
            return _BY_WORD["h100nvl"]
        if part == "h100" and "pcie" in parts:
            return _BY_WORD["h100pcie"]
        if part == "pro" and "6000" in parts:
            return _BY_WORD["rtxpro6000"]
        if part in _BY_WORD:
            return _BY_WORD[part]
    return None


def _slice_of(whole: Gpu, slices: int, memory_gib: float) -> Gpu:
    return msgspec.structs.replace(
        whole,
        memory_gib=memory_gib,
        bandwidth=whole.bandwidth * memory_gib / whole.memory_gib,
        flops16=whole.flops16 * slices / _SLICES,
        flops8=whole.flops8 * slices / _SLICES if whole.flops8 else None,
    )
