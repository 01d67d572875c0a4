"""What is promised of a service, and where the promise was written.

Objectives come from three places, and the first that has any for a service wins as a whole: the
file given with `--slo`, the annotation `mtop.dev/slo` on the service, the settings. A service
without any has no objective, which is not the same as one of 0 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from mtop_tui.domain.slo.periods import DAY, MINUTE, RollingWindow, Window

ANNOTATION: Final = "mtop.dev/slo"
DEFAULT_WINDOW: Final = RollingWindow(30 * DAY)
ANY_SERVICE: Final = "*"


class ObjectiveError(ValueError):
    """An objective that cannot be one; the message says what was expected and why."""


class Kind(StrEnum):
    """What is measured. The latencies are named like the histograms in `domain.vocabulary`."""

    TTFT = "ttft"
    """Time to first token, per request."""
    TPOT = "tpot"
    """Mean time per output token of a request after its first one; each request counts once."""
    ITL = "itl"
    """Time between two tokens; each token counts once, so long answers weigh more."""
    E2E = "e2e"
    """Whole request, from its start to its last token."""
    AVAILABILITY = "availability"
    """Requests that ended well."""
    TOKENS_PER_SECOND = "tokens_per_second"
    """Generated tokens per second of the whole service."""


LATENCIES: Final = frozenset({Kind.TTFT, Kind.TPOT, Kind.ITL, Kind.E2E})


class Method(StrEnum):
    """How the budget is counted, in OpenSLO's words."""

    OCCURRENCES = "Occurrences"
    """Good events of all events."""
    TIMESLICES = "Timeslices"
    """Good slices of time of all slices."""
    RATIO_TIMESLICES = "RatioTimeslices"
    """The mean of the slices' shares of good events."""


IdleSlices = Literal["skip", "good"]
"""What a slice without traffic is: not counted, or good."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """What is measured and from where on it is good.

    `threshold` is in seconds for latencies (as much is still good) and in tokens per second for
    the throughput floor (as much is good); availability has none. A client that cancels is no
    error: with `count_aborts` it is, and that is shown.
    """

    kind: Kind
    threshold: float | None = None
    count_aborts: bool = False

    def __post_init__(self) -> None:
        if self.kind is Kind.AVAILABILITY:
            if self.threshold is not None:
                raise ObjectiveError("availability has no threshold; leave it out")
            return
        if self.count_aborts:
            raise ObjectiveError("only availability can count aborts; leave it out")
        if self.threshold is None or not 0 < self.threshold < math.inf:
            unit = "seconds" if self.kind in LATENCIES else "tokens per second"
            raise ObjectiveError(
                f"expected a threshold for {self.kind} above 0 {unit}, not {self.threshold}"
            )


@dataclass(frozen=True, slots=True)
class Budgeting:
    """How the budget is counted. Slices have a length in seconds.

    With Timeslices, a slice is good when at least `slice_target` (above 0, at most 1) of it is.
    """

    method: Method = Method.OCCURRENCES
    slice_seconds: float | None = None
    slice_target: float | None = None
    idle: IdleSlices = "skip"

    def __post_init__(self) -> None:
        sliced = self.method is not Method.OCCURRENCES
        if sliced != (self.slice_seconds is not None):
            raise ObjectiveError(
                f"{self.method} {'needs' if sliced else 'has no'} length of a time slice"
            )
        if self.slice_seconds is not None and not 0 < self.slice_seconds < math.inf:
            raise ObjectiveError("expected a time slice above 0 seconds")
        targeted = self.method is Method.TIMESLICES
        if targeted != (self.slice_target is not None):
            raise ObjectiveError(
                f"{self.method} {'needs' if targeted else 'has no'} target of a time slice"
            )
        if self.slice_target is not None and not 0 < self.slice_target <= 1:
            raise ObjectiveError("expected a target of a time slice above 0 and at most 1")


OCCURRENCES: Final = Budgeting()
MINUTE_SLICES: Final = Budgeting(Method.TIMESLICES, MINUTE, 1.0)
"""Throughput has no events, so its budget is counted in minutes."""


class Origin(NamedTuple):
    """Where an objective was written: the layer, and the file or setting."""

    layer: Literal["file", "annotation", "settings"]
    where: str = ""

    @property
    def text(self) -> str:
        """In words: `--slo team.yaml, document 2`, `annotation mtop.dev/slo`, `settings`."""
        if self.layer == "file":
            return f"--slo {self.where}"
        return f"annotation {ANNOTATION}" if self.layer == "annotation" else "settings"


@dataclass(frozen=True, slots=True)
class BurnCondition:
    """One alert condition of an OpenSLO document: fires while the burn rate is too high.

    Attributes:
        name: of the condition.
        severity: in the document's words.
        threshold: burn rate above which it fires; at it already when `inclusive`.
        lookback: seconds over which the burn rate is taken.
        alert_after: seconds that it must hold.
        when_no_data: whether unknown fires too; a switch of its own, off by default.
    """

    name: str
    severity: str
    threshold: float
    inclusive: bool
    lookback: float
    alert_after: float = 0.0
    when_no_data: bool = False


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise: this share of events is good over this window.

    Attributes:
        indicator: what is measured.
        target: share of good events, above 0 and below 1.
        window: over which time.
        budgeting: how the budget is counted.
        name: as the document calls it, else its kind.
        service: `name` or `namespace/name` it is for; `*` for all.
        origin: where it was written.
        conditions: alert conditions of its document, beside the multi-window alerts.
    """

    indicator: Indicator
    target: float
    window: Window = DEFAULT_WINDOW
    budgeting: Budgeting = OCCURRENCES
    name: str = ""
    service: str = ANY_SERVICE
    origin: Origin = field(default=Origin("settings"))
    conditions: tuple[BurnCondition, ...] = ()

    def __post_init__(self) -> None:
        check_target(self.target)
        sliced = self.budgeting.method is Method.TIMESLICES
        if self.indicator.kind is Kind.TOKENS_PER_SECOND and not sliced:
            raise ObjectiveError(
                "tokens_per_second has no events to count; expected the method Timeslices, "
                f"not {self.budgeting.method}"
            )

    @property
    def error_budget(self) -> float:
        """Share of events that may be bad: 1 - target."""
        return 1 - self.target

    def is_for(self, namespace: str, name: str) -> bool:
        """Whether it is for this service."""
        return self.service in (ANY_SERVICE, name, f"{namespace}/{name}")


def check_target(target: float) -> None:
    """Refuse a target without an error budget, or without a promise.

    Raises:
        ObjectiveError: it is not above 0 and below 1 (100 %), or NaN.
    """
    if target == 1:
        raise ObjectiveError(
            "a target of 100 % leaves no error budget, so no burn rate can be computed; "
            "expected below 100 %, for instance 99.9 %"
        )
    if not 0 < target < 1:
        raise ObjectiveError(f"expected a target above 0 % and below 100 %, not {100 * target:g} %")


def objectives_for(
    namespace: str,
    name: str,
    *,
    file: Sequence[Objective] = (),
    annotation: Sequence[Objective] = (),
    settings: Sequence[Objective] = (),
) -> tuple[Objective, ...]:
    """The objectives of one service: those of the first layer that has any for it.

    Layers are not mixed, so what a file says of a service is all that holds for it. Empty means
    "no objective".
    """
    for layer in (file, annotation, settings):
        chosen = tuple(objective for objective in layer if objective.is_for(namespace, name))
        if chosen:
            return chosen
    return ()
