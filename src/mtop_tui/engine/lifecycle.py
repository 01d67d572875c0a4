"""What a replica goes through from its creation until it serves, fails, or ends.

Durations follow from sizes: the image and the weights have to come over the network, the weights
have to be read into the GPUs, and the engine compiles and captures its graphs. Rates may change
while something is on its way. Reasons, probe and back-off are those of the kubelet.
"""

from __future__ import annotations

import math

import msgspec

from mtop_tui.observations import ContainerExit, Phase

PROBE_LIMIT = 600.0
"""Seconds KServe's start-up probe waits: 60 tries, 10 seconds apart."""

PULL_RATE = 2.0e8
"""Bytes per second at which a node pulls an image, unpacking included."""

DOWNLOAD_RATE = 1.0e9
"""Bytes per second at which the storage initializer fetches weights."""

LOAD_RATE = 2.0e9
"""Bytes per second at which one node reads weights from its disk into its GPUs."""

STEADY = 600.0
"""Seconds after which a container that ran so long is restarted without an earlier back-off."""

_PROCESS_START = 12.0
_COMPILE = 14.0
_COMPILE_PER_LAYER = 0.4
_RESOLVE = 2.0
_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 10.0, 300.0
_FAULT_AT = 0.9

UNSCHEDULABLE = "Unschedulable"
CREATING = "ContainerCreating"
PULL_ERROR = "ErrImagePull"
PULL_BACK_OFF = "ImagePullBackOff"
DOWNLOADING = "Downloading"
LOADING = "Loading"
COMPILING = "Compiling"
CRASH_LOOP = "CrashLoopBackOff"
SERVING = "Running"
LOST = "NodeLost"
TERMINATING = "Terminating"

PROBE_FAILED = "Container main failed startup probe, will be restarted"


class Stage(msgspec.Struct, frozen=True):
    """From `at` on a replica is in this phase. `deadline` is when the start-up probe gives up."""

    at: float
    phase: Phase
    reason: str
    message: str = ""
    deadline: float | None = None


class Start(msgspec.Struct, frozen=True):
    """What one replica has to do to serve.

    Attributes:
        image: bytes to pull; 0 when the node has it.
        weights: bytes of the model's weights.
        layers: of the model; more take longer to compile.
        downloads: whether weights have to be fetched first; not from a volume or an image.
        nodes: nodes that read their part of the weights at the same time.
        load_fault: what the engine says when it ends while it loads, or empty.
    """

    image: float
    weights: float
    layers: int
    downloads: bool = True
    nodes: int = 1
    load_fault: str = ""


class Limits(msgspec.Struct, frozen=True):
    """What holds a start up: bounds on rates in bytes per second, and why a pull fails.

    None bounds nothing; a rate of 0 hangs.
    """

    pull: float | None = None
    weights: float | None = None
    pull_fault: str = ""


NO_LIMITS = Limits()


class Life:
    """The stages of one replica; each begins when `due` has come, or when something happens.

    Args:
        at: when it was created, Unix seconds.
        refusal: why it has no place yet, in the scheduler's words.

    Attributes:
        stage: where it is.
        due: when the next stage begins by itself; None when none does.
        created_at: Unix seconds.
        restarts: of its container.
        last_exit: how its container last ended.
    """

    __slots__ = (
        "_back_off",
        "_downloaded",
        "_left",
        "_limits",
        "_pull_back_off",
        "_rate",
        "_start",
        "_work_at",
        "created_at",
        "due",
        "last_exit",
        "restarts",
        "stage",
    )

    def __init__(self, at: float, refusal: str = "") -> None:
        self.created_at = at
        self.stage = Stage(at, "pending", UNSCHEDULABLE, refusal)
        self.due: float | None = None
        self.restarts = 0
        self.last_exit: ContainerExit | None = None
        self._start = Start(0.0, 0.0, 0)
        self._limits = NO_LIMITS
        self._back_off = self._pull_back_off = _FIRST_BACK_OFF
        self._downloaded = False
        self._work_at = at
        self._left = self._rate = 0.0

    def refuse(self, message: str) -> None:
        """It has no place, for this reason."""
        self.stage = msgspec.structs.replace(self.stage, message=message)

    def place(self, at: float, start: Start, limits: Limits = NO_LIMITS) -> None:
        """It has a place, and begins to start there."""
        self._start, self._limits = start, limits
        self._pull(at)

    def step(self) -> None:
        """Go on to the stage that begins at `due`."""
        at = self.due
        if at is None:
            return
        match self.stage.reason:
            case "ContainerCreating":
                self._after_pull(at)
            case "ErrImagePull":
                fault = self._limits.pull_fault or self.stage.message
                self._enter(Stage(at, "failed", PULL_BACK_OFF, fault), at + self._pull_back_off)
                self._pull_back_off = min(self._pull_back_off * 2, _LONGEST_BACK_OFF)
            case "ImagePullBackOff":
                self._pull(at)
            case "Downloading":
                self._downloaded = True
                self._load(at)
            case "Loading" | "Compiling":
                self._after_loading(at)
            case "CrashLoopBackOff":
                self._start_again(at)
            case _:
                self.due = None

    def limit(self, at: float, limits: Limits) -> None:
        """Other limits hold from now on, also for what is under way."""
        self._limits = limits
        rate = {
            CREATING: _bounded(PULL_RATE, limits.pull),
            DOWNLOADING: _bounded(DOWNLOAD_RATE, limits.weights),
            LOADING: self._load_rate,
        }.get(self.stage.reason)
        if rate is None or rate == self._rate or (self.due is None and self._rate):
            return
        done = (at - self._work_at) * self._rate
        self._work(at, max(0.0, self._left - done), rate)

    def crash(self, at: float, reason: str, code: int, message: str) -> None:
        """Its container ended; the kubelet starts it again after a back-off.

        A replica of several nodes is made anew as a whole when one of its containers restarts, so
        it never gets to a longer back-off.
        """
        ran = at - self.stage.at if self.stage.phase == "ready" else 0.0
        if ran >= STEADY or self.grouped:
            self._back_off = _FIRST_BACK_OFF
        self.last_exit = ContainerExit("main", reason, code, message, at)
        wait, self._back_off = self._back_off, min(self._back_off * 2, _LONGEST_BACK_OFF)
        text = f"back-off {_go_duration(wait)} restarting failed container=main"
        self._enter(Stage(at, "failed", CRASH_LOOP, f"{text}: {message}"), at + wait)

    def reboot(self, at: float) -> None:
        """Its node came back: the container starts anew, at once."""
        self.restarts += 1
        self.last_exit = ContainerExit("main", "Unknown", 255, "", at)
        self._load(at)

    def lose(self, at: float, message: str) -> None:
        """Its node does not answer any more."""
        self._enter(Stage(at, "failed", LOST, message), None)

    def end(self, at: float, message: str = "") -> None:
        """It was told to end."""
        self._enter(Stage(at, "terminating", TERMINATING, message), None)

    def settle(self, now: float) -> None:
        """Be in the stage that holds at `now`; years of crash loops are only counted."""
        while self.due is not None and self.due <= now:
            self._skip_cycles(now)
            self.step()

    @property
    def grouped(self) -> bool:
        """Whether it spans several nodes."""
        return self._start.nodes > 1

    def _skip_cycles(self, now: float) -> None:
        steady = self.grouped or self._back_off >= _LONGEST_BACK_OFF
        if self.stage.reason != CRASH_LOOP or not steady:
            return
        cycle = self._cycle
        cycles = int((now - (self.due or now)) // cycle) if math.isfinite(cycle) else 0
        if cycles > 1 and self.last_exit is not None:
            self.restarts += cycles - 1
            shift = (cycles - 1) * cycle
            self.stage = msgspec.structs.replace(self.stage, at=self.stage.at + shift)
            self.due = (self.due or now) + shift
            ended = (self.last_exit.at or 0.0) + shift
            self.last_exit = msgspec.structs.replace(self.last_exit, at=ended)

    @property
    def _load_rate(self) -> float:
        return _bounded(LOAD_RATE * self._start.nodes, self._limits.weights)

    @property
    def _loading_bytes(self) -> float:
        """What loading comes to, with the start of the process counted as bytes."""
        return self._start.weights + _PROCESS_START * LOAD_RATE * self._start.nodes

    @property
    def _compiling(self) -> float:
        return _COMPILE + _COMPILE_PER_LAYER * self._start.layers

    @property
    def _cycle(self) -> float:
        """Seconds from one end of its container to the next, where it does not come up."""
        fault_after = PROBE_LIMIT
        if self._start.load_fault and self._load_rate:
            fault_after = min(PROBE_LIMIT, _FAULT_AT * self._loading_bytes / self._load_rate)
        if not self.grouped:
            return fault_after + _LONGEST_BACK_OFF
        again = self._start.image / _bounded(PULL_RATE, self._limits.pull)
        if self._start.downloads:
            again += self._start.weights / _bounded(DOWNLOAD_RATE, self._limits.weights)
        return fault_after + _FIRST_BACK_OFF + again

    def _enter(self, stage: Stage, due: float | None) -> None:
        self.stage, self.due = stage, due

    def _work(self, at: float, units: float, rate: float) -> None:
        """Plan `due` by what is left to do, bounded by the start-up probe."""
        self._work_at, self._left, self._rate = at, units, rate
        due = at + units / rate if rate > 0.0 else None
        deadline = self.stage.deadline
        if deadline is not None:
            due = deadline if due is None else min(due, deadline)
        self.due = due

    def _pull(self, at: float) -> None:
        pulls = self._start.image > 0.0
        self._enter(Stage(at, "starting", CREATING, "pulling image" if pulls else ""), at)
        if self._limits.pull_fault and pulls:
            self.due = at + _RESOLVE
        else:
            self._work(at, self._start.image, _bounded(PULL_RATE, self._limits.pull))

    def _after_pull(self, at: float) -> None:
        fault = self._limits.pull_fault
        if fault and self._start.image:
            self._enter(Stage(at, "failed", PULL_ERROR, fault), at + _RESOLVE)
        else:
            self._fetch(at)

    def _start_again(self, at: float) -> None:
        self.restarts += 1
        if self.grouped:
            self._downloaded = False
            self._pull(at)
        else:
            self._load(at)

    def _fetch(self, at: float) -> None:
        # The node has the image from now on.
        start = self._start = msgspec.structs.replace(self._start, image=0.0)
        if not start.downloads or self._downloaded:
            self._load(at)
            return
        size = f"{start.weights / 1e9:.1f} GB of weights"
        self._enter(Stage(at, "starting", DOWNLOADING, size), at)
        self._work(at, start.weights, _bounded(DOWNLOAD_RATE, self._limits.weights))

    def _load(self, at: float) -> None:
        size = f"{self._start.weights / 1e9:.1f} GB of weights into GPU memory"
        self._enter(Stage(at, "starting", LOADING, size, at + PROBE_LIMIT), at)
        share = _FAULT_AT if self._start.load_fault else 1.0
        self._work(at, share * self._loading_bytes, self._load_rate)

    def _after_loading(self, at: float) -> None:
        deadline = self.stage.deadline
        if deadline is not None and at >= deadline:
            self.crash(at, "Error", 143, PROBE_FAILED)
        elif self.stage.reason == COMPILING:
            self._enter(Stage(at, "ready", SERVING), None)
        elif self._start.load_fault:
            self.crash(at, "Error", 1, self._start.load_fault)
        else:
            text = "torch.compile and CUDA graphs"
            self._enter(Stage(at, "starting", COMPILING, text, deadline), at)
            self._work(at, self._compiling, 1.0)


def start_up_seconds(start: Start) -> float:
    """Seconds from having a place until a replica serves, when nothing fails or is slowed."""
    download = start.weights / DOWNLOAD_RATE if start.downloads else 0.0
    loading = _PROCESS_START + start.weights / start.nodes / LOAD_RATE
    compiling = _COMPILE + _COMPILE_PER_LAYER * start.layers
    return start.image / PULL_RATE + download + loading + compiling


def _bounded(rate: float, bound: float | None) -> float:
    return rate if bound is None else min(rate, bound)


def _go_duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
