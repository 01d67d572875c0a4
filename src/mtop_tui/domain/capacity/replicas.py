"""How many replicas a load needs, and how far the GPUs held are from that.

The lower bound is that of llm-d-autoscaling issue 1499: an autoscaler that sees the future and
starts replicas in no time runs ceil(load / goodput) of them at every moment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from mtop_tui.domain.capacity.answers import FigureError, non_negative, positive, whole_up

SECONDS_PER_HOUR = 3600


def replicas_needed(
    load: float, goodput_per_replica: float, headroom: float = 0.0, minimum: int = 0
) -> int:
    """Replicas that meet the SLO: ceil(load x (1 + headroom) / goodput per replica).

    Args:
        load: requests per second; 0 needs no replica, so `minimum` are kept.
        goodput_per_replica: requests per second within the SLO, measured on one replica.
        headroom: what to keep free, as a fraction of the load.
        minimum: replicas the autoscaler never goes below.

    Raises:
        FigureError: a figure is NaN, infinite or negative, or the goodput is 0.
    """
    needed = non_negative("load", load) * (1 + non_negative("headroom", headroom))
    exact = needed / positive("goodput per replica", goodput_per_replica)
    if not math.isfinite(exact):
        raise FigureError(f"no number of replicas serves {load} at {goodput_per_replica} each")
    return max(minimum, whole_up(exact))


class Stretch(NamedTuple):
    """A stretch of time over which one service did not change.

    Replicas are `busy` (ready, with requests running), `idle` (ready, none running) or `loading`
    (hold GPUs and cannot serve yet). `free_gpus` are those of its nodes that nobody requested and
    that are put to its account. `load` is in requests per second, None if it is not known.
    """

    seconds: float
    load: float | None
    busy: int
    idle: int = 0
    loading: int = 0
    free_gpus: float = 0.0


class Gap(NamedTuple):
    """GPU-hours held above the lower bound, by cause; `shortfall` are those missing below it.

    used - lower bound = node_idle + loading + service_idle + headroom - shortfall, exactly.
    """

    node_idle: float = 0.0
    loading: float = 0.0
    service_idle: float = 0.0
    headroom: float = 0.0
    shortfall: float = 0.0


class AutoscalingLine(NamedTuple):
    """The GPUs a perfect autoscaler would have used against those that were.

    `peak_gpus`, `mean_gpus` and `gpu_hours` are the lower bound over the time with a known load;
    `used_gpu_hours` is what was held in that time. `ratio` is used / bound, 1 at best (below 1
    the service was short of replicas); None if nothing was needed. `unknown_hours` is time whose
    load is not known: it is left out of everything else.
    """

    peak_gpus: int
    mean_gpus: float
    gpu_hours: float
    used_gpu_hours: float
    ratio: float | None
    gap: Gap
    unknown_hours: float


def autoscaling_line(
    stretches: Iterable[Stretch],
    goodput_per_replica: float,
    gpus_per_replica: int,
    headroom: float = 0.0,
    minimum: int = 0,
) -> AutoscalingLine | None:
    """The perfect-autoscaler line of a service, and where the GPU-hours above it went.

    A ready replica above the need is service idle if nothing runs on it, else headroom. An idle
    replica that the load needs is neither: gauges are samples, it may have just finished. None
    without any time of known load.

    Args:
        stretches: what was there when; parts without a valid load count as unknown time.
        goodput_per_replica: requests per second within the SLO, measured on one replica.
        gpus_per_replica: GPUs of all nodes of one replica.
        headroom: fraction of the load the SLO is to keep free.
        minimum: replicas the autoscaler must not go below.

    Raises:
        FigureError: a negative time or count, or figures as in `replicas_needed`.
    """
    positive("GPUs per replica", gpus_per_replica)
    peak = 0
    known = unknown = bound = used = 0.0
    parts: list[Gap] = []
    for stretch in stretches:
        _check(stretch)
        hours = stretch.seconds / SECONDS_PER_HOUR
        if stretch.load is None or not math.isfinite(stretch.load):
            unknown += hours
            continue
        needed = replicas_needed(stretch.load, goodput_per_replica, headroom, minimum)
        held = stretch.busy + stretch.idle + stretch.loading
        known += hours
        bound += needed * gpus_per_replica * hours
        used += (held * gpus_per_replica + stretch.free_gpus) * hours
        peak = max(peak, needed * gpus_per_replica)
        parts.append(_gap(stretch, needed, gpus_per_replica, hours))
    if known == 0:
        return None
    return AutoscalingLine(
        peak_gpus=peak,
        mean_gpus=bound / known,
        gpu_hours=bound,
        used_gpu_hours=used,
        ratio=used / bound if bound > 0 else None,
        gap=Gap(*map(math.fsum, zip(*parts, strict=True))),
        unknown_hours=unknown,
    )


def _gap(stretch: Stretch, needed: int, gpus_per_replica: int, hours: float) -> Gap:
    ready = stretch.busy + stretch.idle
    above = max(0, ready - needed)
    idle = min(stretch.idle, above)
    gpu_hours = gpus_per_replica * hours
    return Gap(
        node_idle=stretch.free_gpus * hours,
        loading=stretch.loading * gpu_hours,
        service_idle=idle * gpu_hours,
        headroom=(above - idle) * gpu_hours,
        shortfall=max(0, needed - ready) * gpu_hours,
    )


def _check(stretch: Stretch) -> None:
    for name, value in stretch._asdict().items():
        if name != "load":
            non_negative(name.replace("_", " "), value)
