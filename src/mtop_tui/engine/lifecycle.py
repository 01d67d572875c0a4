"""What a replica goes through from its creation until it serves, or fails to.

Durations follow from sizes: the image and the weights have to come over the network, the weights
have to be read into the GPUs, and the engine compiles and captures its graphs.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mtop_tui.observations import Phase

PROBE_LIMIT = 600.0
"""Seconds KServe's start-up probe waits: 60 tries, 10 seconds apart."""

DOWNLOAD_RATE = 1.0e9
"""Bytes per second at which the storage initializer fetches weights."""

LOAD_RATE = 2.0e9
"""Bytes per second at which one node reads weights from its disk into its GPUs."""

_PROCESS_START = 12.0
_COMPILE = 14.0
_COMPILE_PER_LAYER = 0.4
_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 10.0, 300.0

UNSCHEDULABLE = "Unschedulable"
CREATING = "ContainerCreating"
PULL_ERROR = "ErrImagePull"
PULL_BACK_OFF = "ImagePullBackOff"
DOWNLOADING = "Downloading"
LOADING = "Loading"
COMPILING = "Compiling"
CRASH_LOOP = "CrashLoopBackOff"
SERVING = "Running"


class Stage(msgspec.Struct, frozen=True):
    """From `at` on a replica is in this phase. `deadline` is when the start-up probe gives up."""

    at: float
    phase: Phase
    reason: str
    message: str = ""
    deadline: float | None = None
    restarts: int = 0


class Start(msgspec.Struct, frozen=True):
    """What one replica has to do to serve.

    Attributes:
        pull: seconds to pull the image; 0 when the node has it.
        pull_fault: why it cannot be pulled, or empty.
        weights: bytes of the model's weights.
        downloads: whether they have to be fetched first; not from a volume or an image.
        nodes: nodes that read their part of the weights at the same time.
        layers: of the model; more take longer to compile.
        load_fault: how loading fails, or empty.
    """

    pull: float
    weights: float
    layers: int
    pull_fault: str = ""
    downloads: bool = True
    nodes: int = 1
    load_fault: str = ""

    @property
    def loading(self) -> float:
        """Seconds from the start of the process until the weights are in the GPUs."""
        return _PROCESS_START + self.weights / self.nodes / LOAD_RATE

    @property
    def compiling(self) -> float:
        """Seconds to profile memory, compile and capture graphs."""
        return _COMPILE + _COMPILE_PER_LAYER * self.layers


def waiting_for_gpus(created: float, message: str) -> Iterator[Stage]:
    """A replica that finds no place."""
    yield Stage(created, "pending", UNSCHEDULABLE, message)


def stages(created: float, start: Start, *, since: float) -> Iterator[Stage]:
    """The stages of a scheduled replica in order; the last one, if any, lasts.

    A replica that crashes does so for ever. Its cycles that ended before `since` are only counted.
    """
    yield Stage(created, "starting", CREATING, "pulling image" if start.pull else "")
    at = created + start.pull
    if start.pull_fault:
        yield Stage(at, "failed", PULL_ERROR, start.pull_fault)
        yield Stage(at + _FIRST_BACK_OFF, "failed", PULL_BACK_OFF, start.pull_fault)
        return
    if start.downloads:
        yield Stage(at, "starting", DOWNLOADING, f"{start.weights / 1e9:.1f} GB of weights")
        at += start.weights / DOWNLOAD_RATE
    fault, until_fault = _fault(start)
    if fault:
        yield from _crashes(at, fault, until_fault, since)
        return
    deadline = at + PROBE_LIMIT
    yield Stage(at, "starting", LOADING, _weights(start), deadline)
    at += start.loading
    yield Stage(at, "starting", COMPILING, "torch.compile and CUDA graphs", deadline)
    yield Stage(at + start.compiling, "ready", SERVING)


def start_up_seconds(start: Start) -> float:
    """Seconds from creation until a replica serves, when nothing fails."""
    download = start.weights / DOWNLOAD_RATE if start.downloads else 0.0
    return start.pull + download + start.loading + start.compiling


def _fault(start: Start) -> tuple[str, float]:
    if start.load_fault:
        return start.load_fault, 0.9 * start.loading
    if start.loading + start.compiling > PROBE_LIMIT:
        return "Container main failed startup probe, will be restarted", PROBE_LIMIT
    return "", 0.0


def _crashes(at: float, fault: str, until_fault: float, since: float) -> Iterator[Stage]:
    restarts, back_off = 0, _FIRST_BACK_OFF
    while True:
        cycle = until_fault + back_off
        if back_off >= _LONGEST_BACK_OFF and at + cycle < since:
            cycles = int((since - at) // cycle)
            at += cycles * cycle
            restarts += cycles
        yield Stage(at, "starting", LOADING, "", at + PROBE_LIMIT, restarts)
        at += until_fault
        message = f"back-off {_go_duration(back_off)} restarting failed container=main: {fault}"
        yield Stage(at, "failed", CRASH_LOOP, message, None, restarts)
        at += back_off
        restarts += 1
        back_off = min(back_off * 2, _LONGEST_BACK_OFF)


def _weights(start: Start) -> str:
    return f"{start.weights / 1e9:.1f} GB of weights into GPU memory"


def _go_duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
