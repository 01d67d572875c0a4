"""Saturation of replicas, and what llm-d's workload variant autoscaler (WVA) makes of it.

Source of rules and default values: llm-d/llm-d-workload-variant-autoscaler, Apache-2.0,
docs/saturation-analyzer.md and docs/saturation-scaling-config.md, at b08b1c77.

WVA compares floats as they are, so 0.8 - 0.7 is not quite 0.1 for it. Here a value within `NOISE`
of a bound is at the bound: at 0.80 of KV cache a replica is saturated, and a mean spare of 0.10 is
not below a trigger of 0.10, however the sum was rounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from mtop_tui.domain.capacity.answers import NOISE, FigureError

FEWEST_FOR_SCALE_DOWN = 2
"""Replicas that are not saturated: with fewer, none is left to take the load."""


class Thresholds(NamedTuple):
    """Where a replica is saturated: fraction of KV cache in use, requests waiting."""

    kv: float
    queue: float


class Spare(NamedTuple):
    """Room left before saturation: fraction of KV cache, requests in the queue."""

    kv: float
    queue: float


WVA_THRESHOLDS: Final = Thresholds(kv=0.80, queue=5)
EPP_THRESHOLDS: Final = Thresholds(kv=0.8, queue=5)
"""What the endpoint picker has for `kvCacheUtilThreshold` and `queueDepthThreshold` if not set."""

WVA_TRIGGERS: Final = Spare(kv=0.10, queue=3)
"""Mean spare below which WVA scales up."""


class ReplicaLoad(NamedTuple):
    """A replica's peak of the last minute: KV cache in use (0 to 1) and requests waiting."""

    kv: float
    queue: float = 0


class Saturation(NamedTuple):
    """What WVA sees over all replicas of a model.

    `unread` replicas had no valid figures and are counted nowhere else. `spare` is the mean over
    the replicas that are not saturated, 0 if all are, None without replicas. `after_removal` is
    that mean if one of them left and the others took its load; None with fewer than two.
    """

    replicas: int
    saturated: int
    unread: int
    spare: Spare | None
    after_removal: Spare | None
    scale_up: bool
    scale_down_safe: bool


class Variant(NamedTuple):
    """One way to run the model: `cost` as declared, replicas that exist and that are wanted.

    `desired` is None or 0 if nothing was decided yet. `pending` replicas exist and are not ready.
    """

    name: str
    cost: float
    current: int
    desired: int | None = None
    pending: int = 0


class ThresholdDifference(NamedTuple):
    """A threshold that autoscaler and endpoint picker do not share, and what comes of it."""

    name: str
    wva: float
    epp: float
    consequence: str


def is_saturated(load: ReplicaLoad, thresholds: Thresholds = WVA_THRESHOLDS) -> bool:
    """Whether KV cache or queue has reached its threshold."""
    return _reaches(load.kv, thresholds.kv) or _reaches(load.queue, thresholds.queue)


def saturation(
    loads: Iterable[ReplicaLoad],
    thresholds: Thresholds = WVA_THRESHOLDS,
    triggers: Spare = WVA_TRIGGERS,
) -> Saturation:
    """Spare capacity of a model and what WVA would want: more replicas, or one less.

    Spare is threshold less value, averaged over the replicas that are not saturated. Scale up if
    the mean of KV cache or queue is below its trigger. One less is safe if the load of the
    replicas that are not saturated, spread over all of them but one, leaves both triggers met.

    Replicas whose figures are NaN, infinite or negative are left out and counted as `unread`.
    Without any replica nothing is wanted: there is no signal.
    """
    every = list(loads)
    read = [load for load in every if _is_valid(load)]
    with_room = [load for load in read if not is_saturated(load, thresholds)]
    spare = _spare(with_room, len(with_room), thresholds)
    if spare is None and read:
        spare = Spare(0.0, 0.0)
    after = None
    if len(with_room) >= FEWEST_FOR_SCALE_DOWN:
        after = _spare(with_room, len(with_room) - 1, thresholds)
    return Saturation(
        replicas=len(read),
        saturated=len(read) - len(with_room),
        unread=len(every) - len(read),
        spare=spare,
        after_removal=after,
        scale_up=spare is not None and not _meets(spare, triggers),
        scale_down_safe=after is not None and _meets(after, triggers),
    )


def targets(variants: Sequence[Variant], seen: Saturation) -> dict[str, int]:
    """Replicas WVA would want of each variant of a model.

    A variant still on its way to `desired` keeps that target. Otherwise the cheapest variant
    grows by one if more is needed (the first by name among equals), or the dearest shrinks by one
    if that is safe (the last by name), never below one replica. A variant with pending replicas
    does not grow, or each look would add another while the first still loads; others may.

    Raises:
        FigureError: two variants of one name, or a cost or count that is negative or NaN.
    """
    _check(variants)
    wanted = {variant.name: _settled_target(variant) for variant in variants}
    settled = [variant for variant in variants if not _is_underway(variant)]
    if seen.scale_up:
        able = [variant for variant in settled if variant.pending == 0]
        if able:
            wanted[min(able, key=_cost_and_name).name] += 1
    elif seen.scale_down_safe:
        able = [variant for variant in settled if wanted[variant.name] > 1]
        if able:
            wanted[max(able, key=_cost_and_name).name] -= 1
    return wanted


def threshold_differences(
    wva: Thresholds = WVA_THRESHOLDS, epp: Thresholds = EPP_THRESHOLDS
) -> list[ThresholdDifference]:
    """Where the autoscaler's idea of a full replica is not that of the endpoint picker.

    Both should agree: llm-d's documentation asks for it, and their default values do.
    """
    pairs = (("KV cache", wva.kv, epp.kv), ("queue", wva.queue, epp.queue))
    return [
        ThresholdDifference(
            name,
            autoscaler,
            picker,
            "requests are still sent to replicas that the autoscaler holds for saturated"
            if autoscaler < picker
            else "requests are turned away before the autoscaler sees a saturated replica",
        )
        for name, autoscaler, picker in pairs
        if not math.isclose(autoscaler, picker, rel_tol=0, abs_tol=NOISE)
    ]


def _reaches(value: float, bound: float) -> bool:
    return value >= bound - NOISE


def _meets(spare: Spare, triggers: Spare) -> bool:
    return _reaches(spare.kv, triggers.kv) and _reaches(spare.queue, triggers.queue)


def _is_valid(load: ReplicaLoad) -> bool:
    return 0 <= load.kv < math.inf and 0 <= load.queue < math.inf


def _spare(loads: Sequence[ReplicaLoad], over: int, thresholds: Thresholds) -> Spare | None:
    """Mean spare if `over` replicas carry these loads; None if there are none."""
    if over == 0:
        return None
    kv = sum(load.kv for load in loads) / over
    queue = sum(load.queue for load in loads) / over
    return Spare(thresholds.kv - kv, thresholds.queue - queue)


def _is_underway(variant: Variant) -> bool:
    return bool(variant.desired) and variant.desired != variant.current


def _settled_target(variant: Variant) -> int:
    """What stays wanted if nothing is decided now, replicas that still load included."""
    return variant.desired or variant.current


def _cost_and_name(variant: Variant) -> tuple[float, str]:
    return variant.cost, variant.name


def _check(variants: Sequence[Variant]) -> None:
    if len({variant.name for variant in variants}) < len(variants):
        raise FigureError("two variants have the same name")
    for variant in variants:
        counts = (variant.current, variant.desired or 0, variant.pending)
        if not 0 <= variant.cost < math.inf or min(counts) < 0:
            raise FigureError(f"variant {variant.name} has a cost or count below 0, or NaN")
