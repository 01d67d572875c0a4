"""What the DCGM exporter says of each GPU and MIG instance, under its old and its new names.

Exporter 4.9 renamed its default fields and changed units (MiB to bytes, mJ to J, per cent to
ratios). Source: NVIDIA's field lists (go-dcgm `dcgm_fields.h`, dcgm-exporter `default-counters.csv`
and release notes, Apache-2.0).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

MIB: Final = 2.0**20

_BLANK_FLOATS: Final = frozenset(2.0**47 + kind for kind in range(4))
_BLANK_INTS: Final = frozenset(float(0x7FFFFFF0 + kind) for kind in range(4))
_LEAST_BLANK_LONG: Final = 2.0**63 - 2.0**10
"""What DCGM gives for: no value yet, field unknown, not supported, not permitted. The long ones
are 0x7ffffffffffffff0 and the next three, which are the same as a float."""


class Sample(Protocol):
    """One line of a metrics page."""

    @property
    def name(self) -> str:
        """The field's name."""

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """GPU, host and, if the exporter knows it, the pod."""

    @property
    def value(self) -> float:
        """The value as it stands there."""


class Holder(NamedTuple):
    """A container that has the GPU or the instance; several have it when time is shared."""

    namespace: str
    pod: str
    container: str


@dataclass(frozen=True, slots=True)
class Gpu:
    """A whole GPU, or one MIG instance of it; None where nothing is known.

    Attributes:
        host: the node.
        uuid: of the GPU, the same for all its MIG instances.
        instance: the MIG instance's id; None for a whole GPU.
        profile: of the MIG instance, such as "2g.20gb".
        index: of the GPU on its host.
        model: such as "NVIDIA H100 80GB HBM3".
        holders: containers that have it; empty if none does, or if the exporter was not told.
        utilization: share of time in which anything ran; of MIG, how much of it the engines did.
        memory_used, memory_total: bytes.
        power: W of the whole board, which each MIG instance repeats; see `boards`.
        energy: J of the whole board since the driver was loaded.
        temperature: degrees Celsius.
        last_xid: number of the latest XID error, 0 if there was none.
        sm_active, tensor_active, dram_active: share of cycles.
    """

    host: str
    uuid: str
    instance: str | None
    profile: str | None
    index: str
    model: str | None
    holders: tuple[Holder, ...]
    utilization: float | None
    memory_used: float | None
    memory_total: float | None
    power: float | None
    energy: float | None
    temperature: float | None
    last_xid: int | None
    sm_active: float | None
    tensor_active: float | None
    dram_active: float | None


class Board(NamedTuple):
    """What is had once per GPU, however many MIG instances repeat it: units as in `Gpu`."""

    host: str
    uuid: str
    model: str | None
    power: float | None
    energy: float | None
    temperature: float | None
    last_xid: int | None


class _Field(NamedTuple):
    name: str
    scale: float = 1.0


_DEV = "DCGM_FI_DEV_"
_PROF = "DCGM_FI_PROF_"
_FIELDS: Final[Mapping[str, tuple[_Field, ...]]] = {
    # A MIG instance has no GPU_UTIL.
    "utilization": (
        _Field(f"{_DEV}GPU_UTIL_RATIO"),
        _Field(f"{_DEV}GPU_UTIL", 0.01),
        _Field(f"{_PROF}GR_ENGINE_UTIL_RATIO"),
        _Field(f"{_PROF}GR_ENGINE_ACTIVE"),
    ),
    "used": (_Field(f"{_DEV}FB_USED_BYTES"), _Field(f"{_DEV}FB_USED", MIB)),
    "free": (_Field(f"{_DEV}FB_FREE_BYTES"), _Field(f"{_DEV}FB_FREE", MIB)),
    "reserved": (_Field(f"{_DEV}FB_RESERVED_BYTES"), _Field(f"{_DEV}FB_RESERVED", MIB)),
    "capacity": (_Field(f"{_DEV}FB_CAPACITY_BYTES"), _Field(f"{_DEV}FB_TOTAL", MIB)),
    "power": (_Field(f"{_DEV}BOARD_POWER_WATTS"), _Field(f"{_DEV}POWER_USAGE")),
    "energy": (
        _Field(f"{_DEV}GPU_ENERGY_JOULES_TOTAL"),
        _Field(f"{_DEV}TOTAL_ENERGY_CONSUMPTION", 1e-3),
    ),
    "temperature": (_Field(f"{_DEV}GPU_TEMP_CELSIUS"), _Field(f"{_DEV}GPU_TEMP")),
    "last_xid": (_Field(f"{_DEV}XID_ERROR"), _Field(f"{_DEV}XID_ERRORS")),
    "sm_active": (_Field(f"{_PROF}SM_UTIL_RATIO"), _Field(f"{_PROF}SM_ACTIVE")),
    "tensor_active": (_Field(f"{_PROF}TENSOR_UTIL_RATIO"), _Field(f"{_PROF}PIPE_TENSOR_ACTIVE")),
    "dram_active": (_Field(f"{_PROF}DRAM_UTIL_RATIO"), _Field(f"{_PROF}DRAM_ACTIVE")),
}
_PERCENT_IF_ABOVE_ONE: Final = f"{_DEV}GPU_UTIL_RATIO"
"""In DCGM 4.6 this name was an alias of the field in per cent."""


@dataclass(slots=True)
class _Lines:
    """All lines of one GPU or MIG instance."""

    labels: dict[str, str]
    values: dict[str, float] = field(default_factory=dict)
    holders: dict[Holder, None] = field(default_factory=dict)

    def figure(self, name: str) -> float | None:
        for one in _FIELDS[name]:
            value = self.values.get(one.name)
            if value is not None:
                return value * one.scale
        return None


def gpus(samples: Iterable[Sample]) -> tuple[Gpu, ...]:
    """The GPUs and MIG instances of DCGM exporter pages, in the order of their first lines.

    Lines without a GPU (switches, links, CPUs) and of other exporters are passed over. A value
    that is NaN, infinite, negative or one of DCGM's blanks is not known. Where the exporter was
    scraped by Prometheus, the pod is in `exported_pod` and `pod` is the exporter's own.
    """
    lines = list(samples)
    behind_prometheus = any(key == "exported_pod" for one in lines for key, _ in one.labels)
    prefix = "exported_" if behind_prometheus else ""
    found: dict[tuple[str, str, str], _Lines] = {}
    for one in lines:
        labels = dict(one.labels)
        uuid = labels.get("UUID") or labels.get("gpu")
        if not one.name.startswith("DCGM_FI_") or not uuid:
            continue
        key = _host(labels), uuid, labels.get("GPU_I_ID", "")
        mine = found.setdefault(key, _Lines(labels))
        if _is_known(one.value):
            mine.values[one.name] = _percent_as_ratio(one.name, one.value)
        pod = labels.get(f"{prefix}pod")
        if pod:
            holder = Holder(
                labels.get(f"{prefix}namespace", ""), pod, labels.get(f"{prefix}container", "")
            )
            mine.holders[holder] = None
    return tuple(_gpu(*key, one) for key, one in found.items())


def boards(gpus: Iterable[Gpu]) -> tuple[Board, ...]:
    """One record per GPU, with the highest of what its MIG instances repeat, not their sum."""
    grouped: dict[tuple[str, str], list[Gpu]] = {}
    for gpu in gpus:
        grouped.setdefault((gpu.host, gpu.uuid), []).append(gpu)
    return tuple(
        Board(
            host=host,
            uuid=uuid,
            model=parts[0].model,
            power=_highest(part.power for part in parts),
            energy=_highest(part.energy for part in parts),
            temperature=_highest(part.temperature for part in parts),
            last_xid=max((one.last_xid for one in parts if one.last_xid is not None), default=None),
        )
        for (host, uuid), parts in grouped.items()
    )


def _highest(figures: Iterator[float | None]) -> float | None:
    return max((one for one in figures if one is not None), default=None)


def _host(labels: Mapping[str, str]) -> str:
    return labels.get("hostname") or labels.get("Hostname") or ""


def _is_known(value: float) -> bool:
    blank = value in _BLANK_FLOATS or value in _BLANK_INTS or value >= _LEAST_BLANK_LONG
    return value >= 0 and not blank  # False for NaN


def _percent_as_ratio(name: str, value: float) -> float:
    return value / 100 if name == _PERCENT_IF_ABOVE_ONE and value > 1 else value


def _gpu(host: str, uuid: str, instance: str, lines: _Lines) -> Gpu:
    xid = lines.figure("last_xid")
    return Gpu(
        host=host,
        uuid=uuid,
        instance=instance or None,
        profile=lines.labels.get("GPU_I_PROFILE") or None,
        index=lines.labels.get("gpu", ""),
        model=lines.labels.get("modelName") or None,
        holders=tuple(lines.holders),
        utilization=lines.figure("utilization"),
        memory_used=lines.figure("used"),
        memory_total=_memory_total(lines),
        power=lines.figure("power"),
        energy=lines.figure("energy"),
        temperature=lines.figure("temperature"),
        last_xid=None if xid is None else int(xid),
        sm_active=lines.figure("sm_active"),
        tensor_active=lines.figure("tensor_active"),
        dram_active=lines.figure("dram_active"),
    )


def _memory_total(lines: _Lines) -> float | None:
    """The capacity; before exporter 4.9 the sum of its parts, of which one may not be exposed."""
    capacity = lines.figure("capacity")
    used, free = lines.figure("used"), lines.figure("free")
    if capacity is not None or used is None or free is None:
        return capacity
    return math.fsum((used, free, lines.figure("reserved") or 0.0))
