"""The stream of requests to one service or route group."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import msgspec

from mtop_tui.engine.demand import Demand
from mtop_tui.engine.randomness import stream
from mtop_tui.engine.serving.requests import Request
from mtop_tui.engine.workload import rhythm
from mtop_tui.engine.workload.changes import LoadChange, Scales, scales_at
from mtop_tui.engine.workload.gaps import Gaps, gaps_of
from mtop_tui.engine.workload.kinds import Kind
from mtop_tui.engine.workload.lengths import ENTRIES, Table, table
from mtop_tui.engine.workload.tenants import MOST_SHARED, TENANTS, Tenants, tenants_of
from mtop_tui.observations import ServiceKey

CELL = 30.0
"""Seconds for which a rate stays the same, unless a change of the load is on its way."""

_SLOPE_CELL = 1.0
_BLOCKS = -16
"""Clears what is less than a block of 16 tokens."""

_LENGTH_SPREAD = 0.25
_DAY_SPREAD = 7_200.0
_PLAIN = Scales(1.0, 1.0, 1.0, 1.0)


class Shape(msgspec.Struct, frozen=True):
    """What the requests of one stream look like.

    Attributes:
        gaps: between two requests.
        diurnal: how much of the daily curve it follows, 0 to 1; 0 is a level rate.
        prompt: lengths of prompts, to be multiplied by `prompt_scale`.
        output: lengths of answers, to be multiplied by `output_scale`.
        tenants: who sends them.
        cached: share of prompt tokens that some earlier request had, on average.
    """

    gaps: Gaps
    diurnal: float
    prompt: Table
    prompt_scale: float
    output: Table
    output_scale: float
    tenants: Tenants
    cached: float


class Workload:
    """Requests over time: the same whatever the slices in which they are asked for.

    The n-th request has the same lengths and sender whatever the rate; the rate decides when it
    comes. Calls go forward in time and follow each other: a pause between two calls is a pause in
    the arrivals.

    Args:
        mean: requests per second over a day.
        shape: what they look like.
        key: tells its rhythm from those of others.
        begin: makes the stream of its draws, which is done when the first request is due.
        offset: seconds by which its day is ahead.
    """

    __slots__ = (
        "_at",
        "_begin",
        "_cell",
        "_changes",
        "_course",
        "_due",
        "_end",
        "_gap",
        "_key",
        "_mean",
        "_now",
        "_offset",
        "_paused",
        "_random",
        "_rate",
        "_scales",
        "shape",
    )

    def __init__(
        self,
        mean: float,
        shape: Shape,
        *,
        key: int,
        begin: Callable[[], Random],
        offset: float = 0.0,
    ) -> None:
        self.shape = shape
        self._mean = mean
        self._key = key
        self._begin = begin
        self._offset = offset
        self._changes: tuple[LoadChange, ...] = ()
        self._paused = False
        self._random: Random | None = None
        # `_at` is where the walk stands, `_gap` what is left of the gap there (in units of its
        # mean), `_rate` what holds up to `_end`; nothing comes before `_due`.
        self._now = self._at = self._end = self._due = -math.inf
        self._gap = self._rate = 0.0
        self._scales = _PLAIN
        # The course of the rate in the cell that was asked about last.
        self._cell, self._course = math.nan, 0.0

    @property
    def mean(self) -> float:
        """Requests per second over a day, without changes."""
        return self._mean

    @property
    def peak(self) -> float:
        """Times its mean that the rate reaches in busy hours, bursts included: about the size a
        service needs to answer in time."""
        return rhythm.peak(self.shape.diurnal) * self.shape.gaps.crowd

    @property
    def changes(self) -> tuple[LoadChange, ...]:
        """All changes it was given."""
        return self._changes

    def rate(self, at: float) -> float:
        """Mean requests per second at a time in Unix seconds, past or to come."""
        if self._paused:
            return 0.0
        rate = self._usual(at)
        return rate * scales_at(self._changes, at).rate if self._changes else rate

    def mean_lengths(self, at: float) -> tuple[float, float, float]:
        """Mean tokens of prompt and answer, and mean share of a prompt that was seen before."""
        shape = self.shape
        scales = scales_at(self._changes, at) if self._changes else _PLAIN
        return (
            max(1.0, shape.prompt.mean * shape.prompt_scale * scales.prompt),
            max(1.0, shape.output.mean * shape.output_scale * scales.output),
            min(1.0, shape.cached * scales.cached),
        )

    def change(self, change: LoadChange) -> None:
        """Change the load; a change that began in the past holds from now on."""
        self._changes = (*(one for one in self._changes if not self._over(one)), change)
        self._settle()

    def clear(self) -> None:
        """End all changes now."""
        self._changes = ()
        self._settle()

    def pause(self, paused: bool = True) -> None:
        """Let nothing come until it is resumed."""
        self._paused = paused
        self._settle()

    def set_mean(self, mean: float) -> None:
        """Another mean rate from now on, such as when a route group's members change."""
        self._mean = mean
        self._settle()

    def requests(self, start: float, end: float) -> list[Request]:
        """All requests in [start, end), in time order."""
        if start != self._now:
            self._restart(start)
        self._now = end
        if end <= self._due:
            return []
        return self._draw(end)

    def _draw(self, end: float) -> list[Request]:
        if self._paused or self._mean <= 0.0:
            self._due = math.inf
            return []
        if self._random is None:
            self._random = self._begin()
            self._gap = self.shape.gaps.first(self._random)
        found: list[Request] = []
        draw, gamma = self._random.random, self._random.gammavariate
        shape, tenants = self.shape, self.shape.tenants
        gaps, silences = shape.gaps, shape.gaps.silences
        gap_shape, gap_scale = gaps.shape, gaps.scale
        prompts, outputs = shape.prompt.tokens, shape.output.tokens
        senders, later, repeated = tenants.draws, tenants.later, tenants.repeated
        add = found.append
        at, gap = self._at, self._gap
        while True:
            # One turn of this loop is one cell, in which the rate and all factors stay the same.
            rate, until = self._rate, self._end
            scales = self._scales
            cached_scale = scales.cached
            prompt_scale = shape.prompt_scale * scales.prompt
            output_scale = shape.output_scale * scales.output
            mean_gap = 1.0 / rate if rate > 0.0 else math.inf
            stop = min(until, end)
            arrival = at + gap * mean_gap if gap > 0.0 or rate > 0.0 else math.inf
            while arrival < stop:
                at = arrival
                prompt = int(prompts[int(draw() * ENTRIES)] * prompt_scale) or 1
                output = int(outputs[int(draw() * ENTRIES)] * output_scale) or 1
                group, tenant, cached = senders[int(draw() * ENTRIES)]
                if draw() < later:
                    cached += (1.0 - cached) * repeated[int(draw() * ENTRIES)]
                if cached_scale != 1.0:
                    cached = min(cached * cached_scale, MOST_SHARED)
                # Engines find whole blocks only.
                add(Request(at, prompt, output, int(prompt * cached) & _BLOCKS, group, tenant))
                if silences and draw() < silences:
                    gap = gamma(gaps.silence_shape, gaps.silence_scale)
                else:
                    gap = gamma(gap_shape, gap_scale)
                arrival = at + gap * mean_gap
            if until >= end:
                break
            if rate > 0.0:
                gap = max(0.0, gap - (until - at) * rate)
            at = until
            self._enter(until)
        self._at, self._gap = at, gap
        self._due = min(arrival, until)
        return found

    def _usual(self, at: float) -> float:
        """The rate without changes: that in the middle of the cell around `at`."""
        cell = at // CELL
        if cell != self._cell:
            self._cell = cell
            middle = (cell + 0.5) * CELL
            self._course = rhythm.course(self._key, middle + self._offset, self.shape.diurnal)
        return self._mean * self._course

    def _enter(self, at: float) -> None:
        """Set the rate, and until when it holds."""
        self._end = (at // CELL + 1.0) * CELL
        self._rate, self._scales = 0.0 if self._paused else self._usual(at), _PLAIN
        if not self._changes:
            return
        if any(one.slopes_at(at) for one in self._changes):
            self._end = min(self._end, (at // _SLOPE_CELL + 1.0) * _SLOPE_CELL)
        edges = [edge for one in self._changes for edge in one.edges() if at < edge < self._end]
        self._end = min(edges, default=self._end)
        self._scales = scales_at(self._changes, at)
        self._rate *= self._scales.rate

    def _settle(self) -> None:
        """Take the walk up to now at the old rate, and go on at the new one."""
        if self._now == -math.inf:
            return
        if self._rate > 0.0:
            self._gap = max(0.0, self._gap - (self._now - self._at) * self._rate)
        self._at = self._now
        self._enter(self._now)
        self._due = self._now

    def _restart(self, start: float) -> None:
        self._at = self._now = start
        self._enter(start)
        self._due = start
        if self._random is not None:
            self._gap = self.shape.gaps.first(self._random)

    def _over(self, change: LoadChange) -> bool:
        return change.until + change.fall <= self._now


def workload_of(
    seed: int, key: ServiceKey, demand: Demand, usual_rate: float, kind: Kind
) -> Workload:
    """The workload of a service, or of a route group under the group's name.

    What the demand leaves open is that of the kind, or drawn from the seed.

    Args:
        seed: of the simulation.
        key: of the service; for a group, its name in place of the service's.
        demand: what its manifest states.
        usual_rate: requests per second where the demand states none.
        kind: what it is used for, where the demand states none.
    """
    kind = demand.kind or kind
    random = stream(seed, key.namespace, key.name, "workload")
    cv = random.uniform(*kind.cv)
    rhythm_key = random.getrandbits(64)
    offset = random.uniform(-_DAY_SPREAD, _DAY_SPREAD)
    prompt, output = table(kind.prompt), table(kind.output)
    scales = [random.lognormvariate(0.0, _LENGTH_SPREAD) for _ in range(2)]
    if demand.prompt_tokens is not None:
        scales[0] = demand.prompt_tokens / prompt.mean
    if demand.output_tokens is not None:
        scales[1] = demand.output_tokens / output.mean
    cached = kind.cached if demand.cached is None else demand.cached
    shape = Shape(
        gaps=gaps_of(round(cv, 2) if demand.cv is None else demand.cv),
        diurnal=kind.diurnal if demand.diurnal is None else demand.diurnal,
        prompt=prompt,
        prompt_scale=scales[0],
        output=output,
        output_scale=scales[1],
        tenants=tenants_of(random, demand.tenants or TENANTS, kind.turns, cached),
        cached=cached,
    )
    stated = demand.requests_per_second
    return Workload(
        usual_rate if stated is None else stated,
        shape,
        key=rhythm_key,
        begin=lambda: stream(seed, key.namespace, key.name, "requests"),
        offset=offset,
    )
