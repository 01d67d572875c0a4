"""What DCGM would read of simulated GPUs, from what the engines on them do.

Shares of time follow from the terms of an engine's steps (arithmetic, streaming, overheads), power
from the shares, temperature from the power with a delay. All of it is closed form: the same load at
the same times gives the same readings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from mtop_tui.engine import naming
from mtop_tui.engine.outputs.cards import Card
from mtop_tui.engine.outputs.gpu_work import Work
from mtop_tui.observations import GpuReading, ObjectRef, ServiceKey

AMBIENT: Final = 32.0
"""Degrees Celsius of a GPU that draws nothing: the air of a cold aisle and what stays of it."""

RISE: Final = 45.0
"""Degrees above that at full power. Assumed: 70 to 80 degrees at TDP are usual for such boards."""

TIME_CONSTANT: Final = 45.0
"""Seconds in which a temperature makes 63 % of its way. Assumed."""

HOT: Final = 88.0
"""Degrees of a GPU that is throttled for its heat."""

_BUSY, _STREAMING, _ARITHMETIC = 0.1, 0.6, 0.9
"""Shares of the power between idle and TDP for a kernel that runs, for time in which memory holds
it up, and for time in which arithmetic does. Assumed, so that decoding draws about 0.6 of the TDP
and reading prompts nearly all of it, as Splitwise measured (MIT: 0.59 to 0.64 on A100), and ranks
that wait for one another draw little."""

_CAPPED: Final = 0.6
"""Share of the TDP that a board with a power cap may draw."""

_REACHED: Final = 0.78
"""Share of the peak bandwidth at which weights stream, hence DCGM's DRAM_ACTIVE while they do."""

_SLICES: Final = 7
_PROFILE: Final = re.compile(r"(\d)g\.")
_FEW_GPUS: Final = 2_000
_GPUS_HELD: Final = 500_000
"""Nodes come and go under ever new names; this bounds what is kept of them."""


def gpu_interval(gpus: int) -> float:
    """Seconds between two readings of one GPU; the exporter itself reads every 30 s by default."""
    return 15.0 if gpus <= _FEW_GPUS else 30.0


class Slot(msgspec.Struct, frozen=True):
    """A GPU, a MIG instance or a time slice of one, and who has it.

    Attributes:
        gpu: index of the GPU on its node.
        profile: of the MIG instance ("1g.10gb"); empty otherwise.
        part: number of the MIG instance or of the time slice; None for a GPU that is not shared.
        memory: bytes of the MIG instance; of any other slot it is the board's.
        work: None while nobody has it.
    """

    gpu: int
    profile: str = ""
    part: int | None = None
    memory: float | None = None
    work: Work | None = None


class Ailment(msgspec.Struct, frozen=True):
    """What is wrong with a GPU.

    Attributes:
        xid: its latest XID error until it is reset; 0 for none.
        throttled: why its clock is held down, as DCGM says it; empty if it is not.
        lost: it does not answer any more (XID 79).
    """

    xid: int = 0
    throttled: str = ""
    lost: bool = False


_WELL: Final = Ailment()


class GpuMeters:
    """The meters of a cluster's GPUs, whose temperatures lag behind their power.

    Args:
        cluster: of the GPUs' identities.
        seed: of the fleet, which gives them their UIDs.
    """

    __slots__ = ("_cluster", "_heat", "_refs", "_seed")

    def __init__(self, cluster: str, seed: int) -> None:
        self._cluster, self._seed = cluster, seed
        self._heat: dict[tuple[str, int], tuple[float, float]] = {}
        self._refs: dict[tuple[str, int, int | None, bool], ObjectRef] = {}

    def readings(
        self,
        at: float,
        node: str,
        card: Card,
        slots: Sequence[Slot],
        ailments: Mapping[int, Ailment] | None = None,
    ) -> list[GpuReading]:
        """One reading for each slot of a node, as the exporter has them.

        A board's power, temperature, XID and throttling are repeated for all its slots; time
        slices repeat the utilisation of the whole GPU too. Of a GPU that is lost only the XID is
        known. `ailments` are by the GPU's index.
        """
        boards: dict[int, list[Slot]] = {}
        for slot in slots:
            boards.setdefault(slot.gpu, []).append(slot)
        found: list[GpuReading] = []
        for gpu, mine in boards.items():
            ailment = (ailments or {}).get(gpu, _WELL)
            found += self._board(at, node, card, gpu, mine, ailment)
        return found

    def _board(  # noqa: PLR0917 - the parts of one board
        self, at: float, node: str, card: Card, gpu: int, slots: list[Slot], ailment: Ailment
    ) -> list[GpuReading]:
        if ailment.lost:
            self._heat.pop((node, gpu), None)
            return [self._unknown(at, node, card, slot, ailment.xid) for slot in slots]
        whole = _together(slots)
        power = _power(card, whole, ailment.throttled)
        temperature = self._temperature(at, (node, gpu), card, power, ailment.throttled)
        readings = []
        for slot in slots:
            work = slot.work
            mine = (work or _IDLE) if slot.profile else whole
            readings.append(
                GpuReading(
                    at=at,
                    ref=self._ref(node, slot),
                    node=node,
                    model=card.model,
                    profile=slot.profile,
                    service=work.service if work else None,
                    pod=work.pod if work else "",
                    utilization=mine.busy,
                    sm_active=mine.arithmetic,
                    dram_active=mine.streaming * _REACHED,
                    memory_used=min(mine.memory, slot.memory or card.memory),
                    memory_total=slot.memory or card.memory,
                    power=power,
                    temperature=temperature,
                    xid=ailment.xid,
                    throttled=ailment.throttled,
                )
            )
        return readings

    def _unknown(self, at: float, node: str, card: Card, slot: Slot, xid: int) -> GpuReading:
        work = slot.work
        return GpuReading(
            at=at,
            ref=self._ref(node, slot),
            node=node,
            model=card.model,
            profile=slot.profile,
            service=work.service if work else None,
            pod=work.pod if work else "",
            xid=xid,
        )

    def _temperature(
        self, at: float, key: tuple[str, int], card: Card, power: float, throttled: str
    ) -> float:
        target = AMBIENT + RISE * power / card.tdp
        if throttled and throttled != "SwPowerCap":
            target = HOT
        before = self._heat.get(key)
        found = target
        if before is not None:
            found += (before[1] - target) * math.exp((before[0] - at) / TIME_CONSTANT)
        self._heat[key] = (at, found)
        return round(found, 1)

    def _ref(self, node: str, slot: Slot) -> ObjectRef:
        key = (node, slot.gpu, slot.part, bool(slot.profile))
        ref = self._refs.get(key)
        if ref is None:
            if len(self._refs) >= _GPUS_HELD:
                self._refs.clear()
                self._heat.clear()
            name = f"{node}-gpu-{slot.gpu}"
            if slot.part is not None:
                # Time slices are named as NVIDIA's device plugin does.
                name += f"-mig-{slot.part}" if slot.profile else f"::{slot.part}"
            ref = naming.identified(self._seed, ObjectRef(self._cluster, "", "GPU", name))
            self._refs[key] = ref
        return ref


_IDLE: Final = Work(ServiceKey("", "", ""), "")


def _together(slots: Sequence[Slot]) -> Work:
    """What all holders do on one board; a MIG instance is its share of it."""
    if len(slots) == 1 and not slots[0].profile:
        return slots[0].work or _IDLE
    busy = arithmetic = streaming = memory = 0.0
    for slot in slots:
        if slot.work is not None:
            part = _fraction(slot.profile)
            busy += slot.work.busy * part
            arithmetic += slot.work.arithmetic * part
            streaming += slot.work.streaming * part
            memory += slot.work.memory
    scale = 1.0 / max(1.0, busy)
    return Work(_IDLE.service, "", min(1.0, busy), arithmetic * scale, streaming * scale, memory)


def _fraction(profile: str) -> float:
    found = _PROFILE.match(profile)
    return int(found[1]) / _SLICES if found else 1.0


def _power(card: Card, work: Work, throttled: str) -> float:
    """W; what runs at a lower clock already shows in the work."""
    load = _BUSY * work.busy + _STREAMING * work.streaming + _ARITHMETIC * work.arithmetic
    power = card.idle + (card.tdp - card.idle) * min(1.0, load)
    if throttled == "SwPowerCap":
        power = min(power, _CAPPED * card.tdp)
    return round(power, 1)
