"""The lines of one container, kept as what they are made from and written out when read.

What happens every ten seconds is kept as a few numbers, and what happens once as its name and
figures. So a replica that runs for an hour takes 10 to 30 kB, not the 300 kB of its 2,000 lines.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mtop_tui.engine.outputs import logs
from mtop_tui.engine.outputs.container import Container, ContainerFacts
from mtop_tui.engine.outputs.logs import INTERVAL, Interval
from mtop_tui.engine.serving.replica import ReplicaStats
from mtop_tui.observations import LogLine, LogLines, ObjectRef

LINES = 2_000
"""Lines a container keeps."""

_STAGES = 64
_PARTS = 16
_NO_FIGURES: Mapping[str, float | str] = {}
_NO_TIMES, _NO_FLOATS = array("d"), array("f")
_WIDTH = len(Interval._fields)


class Page(NamedTuple):
    """Lines as they were read, oldest first; `dropped` that were asked for are lost."""

    lines: list[LogLine]
    dropped: int


class LogRing:
    """What one container of a pod wrote since it started, and what its predecessor wrote.

    Times are Unix seconds and never go back. Lines of a stage that lasts (weights being read, a
    hang) appear as time passes, and end with the next stage.

    Args:
        ref: the pod, or the node for a kernel.
        container: its name.
        facts: what its figures follow from.
        nodes: where it runs, whose kernels have a word in its troubles.
        limit: lines kept, of this run and of the one before.
    """

    __slots__ = ("_limit", "_previous", "_run", "container", "nodes", "ref")

    def __init__(
        self,
        ref: ObjectRef,
        container: str,
        facts: ContainerFacts,
        *,
        nodes: tuple[str, ...] = (),
        limit: int = LINES,
    ) -> None:
        self.ref, self.container, self.nodes = ref, container, nodes
        self._limit = limit
        self._run = _Run(Container(facts, ref.name), limit)
        self._previous: _Run | None = None

    @property
    def fresh(self) -> bool:
        """Whether this run of the container has written nothing yet."""
        return self._run.fresh

    @property
    def pid(self) -> int:
        """The engine's process, as the kernel would name it."""
        return self._run.container.pid

    def stage(self, at: float, kind: str, **figures: float | str) -> None:
        """The container enters a stage: one of `logs.STAGES` with its figures.

        A failure, and "stop", are its end.

        Raises:
            KeyError: there is no such stage for who writes here.
            TypeError: the stage has no such figure, or needs one that is not given.
        """
        self._run.add_stage(at, kind, figures or _NO_FIGURES)
        if kind in logs.ENDS:
            self.end(at)

    def fail(self, at: float, kind: str, **figures: float | str) -> LogLines:
        """As `stage`, and what is said at that very moment as a record, for those who watch."""
        self.stage(at, kind, **figures)
        container = self._run.container
        lines = tuple(logs.stage_lines(container, at, kind, figures, at))
        return LogLines(at=at, ref=self.ref, container=self.container, lines=lines)

    def write(self, at: float, text: str) -> None:
        """One line as it is."""
        self._run.add_text(at, text)

    def record(
        self,
        at: float,
        stats: ReplicaStats,
        *,
        finished: float = 0.0,
        failed: float = 0.0,
        preemptions: float = 0.0,
    ) -> None:
        """The engine's statistics of the last `INTERVAL` seconds, while its server answers.

        Args:
            at: when they are logged.
            stats: since the last ones.
            finished: requests that ended well in the interval.
            failed: requests that ended in HTTP 500 in the interval.
            preemptions: since the process started.
        """
        self._run.add_interval(at, stats, finished, failed, preemptions)

    def restart(self, at: float, facts: ContainerFacts | None = None) -> None:
        """The container ended at `at`; another takes its place, and its lines become previous."""
        self.end(at)
        self._previous = self._run
        container = self._run.container
        self._run = _Run(container._replace(facts=facts or container.facts), self._limit)

    def end(self, at: float) -> None:
        """The container ended; nothing is written after `at`."""
        self._run.ended = min(self._run.ended, at)

    def read(
        self,
        present: float,
        *,
        since: float | None = None,
        tail: int | None = None,
        previous: bool = False,
    ) -> Page:
        """The lines up to `present`: those from `since` on, and of these the last `tail`."""
        run = self._previous if previous else self._run
        if run is None:
            return Page([], 0)
        return run.read(present, -math.inf if since is None else since, tail)

    def read_after(self, last: float, present: float) -> list[LogLine]:
        """The lines later than `last` and up to `present`, also over a restart."""
        runs = (self._run,) if self._previous is None else (self._previous, self._run)
        return [
            line
            for run in runs
            if run.ended > last
            for line in run.read(present, last, None).lines
            if line.at > last
        ]


class _Run:
    """One run of a container, from its start to its end."""

    __slots__ = (
        "_before",
        "_figures",
        "_kept",
        "_limit",
        "_lost",
        "_lost_until",
        "_stages",
        "_texts",
        "_times",
        "container",
        "ended",
    )

    def __init__(self, container: Container, limit: int) -> None:
        self.container = container
        self.ended = math.inf
        self._limit = limit
        self._stages: list[tuple[float, str, Mapping[str, float | str]]] = []
        self._texts: deque[tuple[float, str]] | None = None
        self._times = _NO_TIMES
        self._figures = _NO_FLOATS
        self._kept = 0
        self._lost, self._lost_until = 0, -math.inf
        self._before: Interval | None = None

    @property
    def fresh(self) -> bool:
        return not (self._stages or self._texts or self._times)

    def add_stage(self, at: float, kind: str, figures: Mapping[str, float | str]) -> None:
        logs.stage_lines(self.container, at, kind, figures, at)  # so that a mistake shows at once
        self._stages.append((at, kind, figures))
        if len(self._stages) > _STAGES:
            first, then = self._stages[0], self._stages[1][0]
            self._lost += sum(1 for _ in self._lines_of(*first, then))
            self._lost_until = max(self._lost_until, then)
            del self._stages[0]

    def add_text(self, at: float, text: str) -> None:
        if self._texts is None:
            self._texts = deque()
        self._texts.append((at, text))
        if len(self._texts) > self._limit:
            self._lost += 1
            self._lost_until = max(self._lost_until, self._texts.popleft()[0])

    def add_interval(
        self, at: float, stats: ReplicaStats, finished: float, failed: float, preemptions: float
    ) -> None:
        if not self._times:
            self._times, self._figures = array("d"), array("f")
        interval = Interval(
            stats.running,
            stats.waiting,
            stats.kv_usage,
            stats.prompt_rate,
            stats.generation_rate,
            stats.prefix_hit_rate,
            finished,
            failed,
            preemptions,
        )
        self._kept += logs.interval_count(
            self.container, self._interval(len(self._times) - 1), interval
        )
        self._times.append(at)
        self._figures.extend(interval)
        if self._kept > self._limit:
            self._evict()

    def read(self, present: float, since: float, tail: int | None) -> Page:
        until = min(present, self.ended)
        wanted = self._limit if tail is None else min(tail, self._limit)
        found = [LogLine(at, text) for at, text in self._texts or () if at <= until]
        found += self._staged(until, since)
        periodic: list[LogLine] = []
        index = bisect_right(self._times, until)
        while index > 0 and len(periodic) <= wanted:
            index -= 1
            start = self._times[index]
            if start + INTERVAL < since:
                break
            interval = self._interval(index)
            assert interval is not None
            before = self._interval(index - 1)
            lines = logs.interval_lines(self.container, start, before, interval)
            periodic += [line for line in reversed(lines) if line.at <= until]
        found += reversed(periodic)
        found.sort(key=_time)
        start = bisect_left(found, since, key=_time)
        whole = bisect_right(found, self._lost_until, key=_time)
        first = max(start, whole, len(found) - wanted)
        if tail is not None and len(found) - first >= tail:
            return Page(found[first:], 0)
        lost = self._lost + max(0, whole - start) if since <= self._lost_until else 0
        return Page(found[first:], lost + first - max(start, whole))

    def _interval(self, index: int) -> Interval | None:
        if index < 0:
            return self._before
        return Interval(*self._figures[index * _WIDTH : (index + 1) * _WIDTH])

    def _staged(self, until: float, since: float) -> Iterator[LogLine]:
        """Lines of the stages that last beyond `since`, each up to where the next one begins."""
        ends = [at for at, _, _ in self._stages[1:]] + [math.inf]
        for stage, end in zip(self._stages, ends, strict=False):
            if stage[0] > until:
                return
            if end >= since:
                yield from self._lines_of(*stage, min(until, end))

    def _lines_of(
        self, at: float, kind: str, figures: Mapping[str, float | str], stop: float
    ) -> Iterator[LogLine]:
        for line in logs.stage_lines(self.container, at, kind, figures, stop):
            if line.at <= stop:
                yield line

    def _evict(self) -> None:
        """Let go of the oldest intervals, a part at once, since an array is moved by it."""
        many = max(1, len(self._times) // _PARTS)
        gone = 0
        for index in range(many):
            interval = self._interval(index)
            assert interval is not None
            gone += logs.interval_count(self.container, self._interval(index - 1), interval)
        self._lost += gone
        self._kept -= gone
        self._lost_until = max(self._lost_until, self._times[many - 1])
        self._before = self._interval(many - 1)
        del self._times[:many]
        del self._figures[: many * _WIDTH]


def _time(line: LogLine) -> float:
    return line.at
