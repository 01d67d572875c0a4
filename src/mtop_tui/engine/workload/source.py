"""What every stream of requests offers, drawn or recorded."""

from __future__ import annotations

from typing import Protocol

from mtop_tui.engine.serving.requests import Request
from mtop_tui.engine.workload.changes import LoadChange


class RequestSource(Protocol):
    """The requests of one service or route group; `Workload` and `TraceWorkload` are such."""

    @property
    def mean(self) -> float:
        """Requests per second in the long run, without changes."""
        ...

    @property
    def changes(self) -> tuple[LoadChange, ...]:
        """The changes it was given that are not over."""
        ...

    def rate(self, at: float) -> float:
        """Mean requests per second at a time in Unix seconds."""
        ...

    def mean_lengths(self, at: float) -> tuple[float, float, float]:
        """Mean tokens of prompt and answer, and mean share of a prompt that was seen before."""
        ...

    def requests(self, start: float, end: float) -> list[Request]:
        """All requests in [start, end), in time order; calls go forward in time."""
        ...

    def change(self, change: LoadChange) -> None:
        """Change the load; a change that began in the past holds from now on."""
        ...

    def clear(self) -> None:
        """End all changes now."""
        ...

    def pause(self, paused: bool = True) -> None:
        """Let nothing come until it is resumed."""
        ...
