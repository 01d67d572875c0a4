"""A recorded trace as the stream of requests to a service."""

from __future__ import annotations

import math
from bisect import bisect_left

from mtop_tui.engine.serving.requests import Request
from mtop_tui.engine.workload.changes import LoadChange, Scales, scales_at
from mtop_tui.engine.workload.traces import Trace

_WINDOW = 60.0
_PLAIN = Scales(1.0, 1.0, 1.0, 1.0)


class TraceWorkload:
    """The requests of a trace, with the surface of a `Workload`.

    The trace runs by the clock: what falls into a pause is lost. A change of the rate repeats or
    leaves out requests evenly and keeps their times, as more or fewer users would.

    Args:
        trace: what to replay.
        start: Unix seconds of its first request.
        speed: seconds of the trace per second, above 0.
        repeat: begin anew at its end.

    Raises:
        ValueError: the speed is not above 0.
    """

    def __init__(
        self, trace: Trace, start: float, *, speed: float = 1.0, repeat: bool = False
    ) -> None:
        if not 0.0 < speed < math.inf:
            raise ValueError(f"expected a speed above 0, got {speed:g}")
        self.trace = trace
        self._start = start
        self._speed = speed
        self._repeat = repeat
        self._span = trace.span / speed
        self._lengths = trace.mean_lengths()
        self._changes: tuple[LoadChange, ...] = ()
        self._paused = False
        self._now = -math.inf
        self._loop = 0
        self._next = 0
        self._owed = 0.0

    @property
    def mean(self) -> float:
        """Requests per second over the whole trace, without changes."""
        return len(self.trace.at) / self._span

    @property
    def changes(self) -> tuple[LoadChange, ...]:
        """All changes it was given."""
        return self._changes

    def rate(self, at: float) -> float:
        """Requests per second in the minute of the trace around a time in Unix seconds."""
        if self._paused:
            return 0.0
        loop, offset = divmod(at - self._start, self._span)
        if loop < 0 or (loop > 0 and not self._repeat):
            return 0.0
        half = min(_WINDOW, self._span) / 2
        low = min(max(offset - half, 0.0), self._span - 2 * half)
        times = self.trace.at
        count = bisect_left(times, (low + 2 * half) * self._speed) - bisect_left(
            times, low * self._speed
        )
        return count / (2 * half) * scales_at(self._changes, at).rate

    def mean_lengths(self, at: float) -> tuple[float, float, float]:
        """Mean tokens of prompt and answer, and share of prompt tokens seen before."""
        prompt, output, cached = self._lengths
        scales = scales_at(self._changes, at)
        return prompt * scales.prompt, output * scales.output, min(1.0, cached * scales.cached)

    def change(self, change: LoadChange) -> None:
        """Change the load; a change that began in the past holds from now on."""
        kept = (one for one in self._changes if one.until + one.fall > self._now)
        self._changes = (*kept, change)

    def clear(self) -> None:
        """End all changes now."""
        self._changes = ()

    def pause(self, paused: bool = True) -> None:
        """Let nothing come until it is resumed; the trace goes on meanwhile."""
        self._paused = paused

    def requests(self, start: float, end: float) -> list[Request]:
        """All requests in [start, end), in time order; later calls go on where this one ended."""
        if start != self._now:
            self._seek(start)
        self._now = end
        trace, speed = self.trace, self._speed
        rows = len(trace.at)
        found: list[Request] = []
        while self._next < rows:
            index = self._next
            at = self._start + self._loop * self._span + trace.at[index] / speed
            if at >= end:
                break
            self._next += 1
            if self._next == rows and self._repeat:
                self._next = 0
                self._loop += 1
            if not self._paused:
                self._send(index, at, found)
        return found

    def _send(self, index: int, at: float, found: list[Request]) -> None:
        trace = self.trace
        scales = scales_at(self._changes, at) if self._changes else _PLAIN
        self._owed += scales.rate
        while self._owed >= 1.0:
            self._owed -= 1.0
            prompt = max(1, int(trace.prompt[index] * scales.prompt))
            tenant = trace.tenant[index]
            found.append(
                Request(
                    at,
                    prompt,
                    max(1, int(trace.output[index] * scales.output)),
                    min(prompt - 1, int(trace.cached[index] * scales.prompt * scales.cached)),
                    tenant + 1,
                    trace.tenants[tenant],
                )
            )

    def _seek(self, start: float) -> None:
        """Go to the first request that is not before `start`."""
        loop, offset = divmod(max(start - self._start, 0.0), self._span)
        if not self._repeat:
            loop, offset = 0.0, start - self._start
        self._loop = int(loop)
        # One back, and on from there: the very comparison that `requests` makes decides.
        self._next = max(0, bisect_left(self.trace.at, offset * self._speed) - 1)
        rows = len(self.trace.at)
        while self._next < rows and self._time() < start:
            self._next += 1
            if self._next == rows and self._repeat:
                self._next = 0
                self._loop += 1

    def _time(self) -> float:
        return self._start + self._loop * self._span + self.trace.at[self._next] / self._speed
