"""GPU boards as DCGM names them, with what they draw idle and at most."""

from __future__ import annotations

from typing import Final

import msgspec

from mtop_tui.engine.hardware import Gpu


class Card(msgspec.Struct, frozen=True):
    """One board: DCGM's `modelName`, memory in bytes, W at idle and at most (TDP)."""

    model: str
    memory: float
    idle: float
    tdp: float


_BOARDS: Final = {
    "T4": ("Tesla T4", 10, 70),
    "L4": ("NVIDIA L4", 16, 72),
    "A10G": ("NVIDIA A10G", 18, 300),
    "A10": ("NVIDIA A10", 16, 150),
    "L40S": ("NVIDIA L40S", 35, 350),
    "L40": ("NVIDIA L40", 35, 300),
    "A6000": ("NVIDIA RTX A6000", 20, 300),
    "RTX3090": ("NVIDIA GeForce RTX 3090", 20, 350),
    "RTX4090": ("NVIDIA GeForce RTX 4090", 20, 450),
    "RTXPRO6000": ("NVIDIA RTX PRO 6000 Blackwell Server Edition", 35, 600),
    "V100S": ("Tesla V100S-PCIE-32GB", 25, 250),
    "A100-40": ("NVIDIA A100-SXM4-40GB", 50, 400),
    "A100-80": ("NVIDIA A100-SXM4-80GB", 60, 400),
    "H100": ("NVIDIA H100 80GB HBM3", 70, 700),
    "H100NVL": ("NVIDIA H100 NVL", 60, 400),
    "H100PCIe": ("NVIDIA H100 PCIe", 50, 350),
    "H200": ("NVIDIA H200", 75, 700),
    "H20": ("NVIDIA H20", 70, 500),
    "GH200": ("NVIDIA GH200 480GB", 90, 700),
    "B200": ("NVIDIA B200", 140, 1000),
    "GB200": ("NVIDIA GB200", 150, 1200),
    "MI300X": ("AMD Instinct MI300X", 140, 750),
}
"""W at idle are assumed: usual readings of boards with a driver loaded. TDP are the vendors'."""

_UNKNOWN = ("", 50, 400)


def card_of(gpu: Gpu) -> Card:
    """The board of a GPU; an unnamed one of 400 W for a GPU that is not in the table."""
    model, idle, tdp = _BOARDS.get(gpu.name, _UNKNOWN)
    return Card(model or gpu.name, gpu.memory, idle, tdp)
