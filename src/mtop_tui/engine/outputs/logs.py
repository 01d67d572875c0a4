"""Who writes what: lines of a container's stages and of its regular doings, in true formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mtop_tui.engine.outputs import failures, kernel_lines, sglang_lines, storage_lines, vllm_lines
from mtop_tui.engine.outputs.container import Container, Speaker
from mtop_tui.engine.outputs.interval import INTERVAL, Interval
from mtop_tui.observations import LogLine

__all__ = [
    "ENDS",
    "INTERVAL",
    "STAGES",
    "Interval",
    "interval_count",
    "interval_lines",
    "stage_lines",
]

Stage = Callable[..., Iterator[LogLine]]

STAGES: Final[Mapping[Speaker, Mapping[str, Stage]]] = {
    "vllm": {**vllm_lines.STAGES, **failures.SERVING},
    "sglang": {**sglang_lines.STAGES, **failures.SERVING},
    "storage-initializer": {**storage_lines.STAGES},
    "kernel": {**kernel_lines.STAGES},
}
"""What a container can enter or suffer, by who writes. Each is a function of the container, when
it begins, when it is cut short (`stop`), and its figures."""

ENDS: Final = frozenset({"stop", *failures.SERVING})
"""Stages after which a container writes nothing more."""


def stage_lines(
    container: Container, at: float, kind: str, figures: Mapping[str, Any], stop: float
) -> Iterator[LogLine]:
    """The lines of a stage, oldest first; those later than `stop` do not count.

    Raises:
        KeyError: there is no such stage for who writes here.
        TypeError: the stage has no such figure, or needs one that is not given.
    """
    return STAGES[container.facts.speaker][kind](container, at, stop, **figures)


def interval_lines(
    container: Container, at: float, before: Interval | None, interval: Interval
) -> list[LogLine]:
    """What is written in the `INTERVAL` seconds from `at` on, oldest first.

    The statistics say what was before `at`; requests that ended before it are told after it, so
    that a reader never sees a line come late.
    """
    if container.facts.speaker == "sglang":
        return sglang_lines.interval_lines(container, at, before, interval)
    return vllm_lines.interval_lines(container, at, before, interval)


def interval_count(container: Container, before: Interval | None, interval: Interval) -> int:
    """How many lines `interval_lines` gives."""
    if container.facts.speaker == "sglang":
        return sglang_lines.interval_count(before, interval)
    return vllm_lines.interval_count(before, interval)
