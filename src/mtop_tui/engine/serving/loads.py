"""What a load does to a replica that is computed by formulas: its step, and who waits how long.

All of it follows from the profile, the lengths of requests and the rate at which they come, which
moves slowly. So the replicas of a pool share it, from one reading to the next.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import exp, log

from mtop_tui.engine import vllm
from mtop_tui.engine.serving.profiles import ServingProfile
from mtop_tui.engine.serving.steady import (
    Lengths,
    full_step,
    loaded_step,
    max_batch,
    queue_wait,
    request_cost,
    role_lengths,
)
from mtop_tui.engine.serving.step_time import StepRates

# Shares of requests with a length, or a length of an answer, against the mean: a log-normal's.
_PROMPTS = (0.30, 0.60, 1.00, 2.10)
_PROMPT_SHARE = 1.0 / len(_PROMPTS)
# What each of them still has of a wait that goes down to nothing, and of one that is exponential.
_LEFT = tuple(1.0 - (index + 0.5) * _PROMPT_SHARE for index in range(len(_PROMPTS)))
_OUTPUTS = ((0.25, 0.40), (0.25, 0.70), (0.25, 1.05), (0.25, 1.85))
# Token intervals against the step time: most are plain steps, some waited for a prompt to be read.
_INTERVALS = ((0.35, 0.92), (0.42, 1.0), (0.15, 1.08), (0.06, 1.2), (0.02, 1.6))

_PARTS = 50.0
"""Rates are told apart as finely as steps at them: by 2 % of what is left of the capacity."""

_BUSIEST = 0.998

_MOST_HELD = 8
"""Loads of one shape that are kept: its rate moves slowly, and most replicas share it."""

_EDGES = tuple(edges for _, edges in vllm.HISTOGRAMS)

Shares = tuple[tuple[int, int, float], ...]
"""Shares of requests, or of tokens: the histogram, its bucket, and the share in that."""


class Load:
    """What a load does to each request and token.

    Attributes:
        step: seconds of one step.
        life: seconds that a request is in the batch.
        started, ended, intervals: how requests that get their first token, those that get their
            last one, and tokens in between fall into buckets.
        wait, reading, latency: mean seconds of those that start, until they are read, while they
            are, and until their first token.
        decoding, whole: mean seconds of those that end.
        interval: mean seconds between tokens.
    """

    __slots__ = (
        "decoding",
        "ended",
        "interval",
        "intervals",
        "latency",
        "life",
        "reading",
        "started",
        "step",
        "wait",
        "whole",
    )

    def __init__(
        self, shape: Shape, step: float, waits: tuple[float, float], *, backlog: bool
    ) -> None:
        """With a backlog, waits go from the first to the second in a straight line, else the
        second is the mean of exponential ones on top of what is left of the first.
        """
        output, added = shape.lengths.output, shape.added
        first, last = waits
        self.step, self.life = step, output * step
        started, ended = _Shares(), _Shares()
        late = added + step * 0.5
        for left, fresh in zip(_LEFT, shape.readings, strict=True):
            wait = first * left + last * ((1.0 - left) if backlog else -log(left))
            started.add(vllm.QUEUE_TIME, wait, _PROMPT_SHARE)
            started.add(vllm.PREFILL_TIME, step + fresh, _PROMPT_SHARE)
            started.add(vllm.TTFT, wait + step + fresh + late, _PROMPT_SHARE)
        before = added + step * 1.5 + shape.reading + (first + last) * 0.5
        for share, size in _OUTPUTS:
            decoding = output * size * step
            ended.add(vllm.DECODE_TIME, decoding, share)
            ended.add(vllm.E2E, before + decoding, share)
        intervals = _Shares()
        for share, size in _INTERVALS:
            intervals.add(vllm.ITL, step * size, share)
        self.started, self.ended, self.intervals = started.all, ended.all, intervals.all
        self.wait, self.reading, self.latency = (
            started.means[one] for one in (vllm.QUEUE_TIME, vllm.PREFILL_TIME, vllm.TTFT)
        )
        self.decoding, self.whole = ended.means[vllm.DECODE_TIME], ended.means[vllm.E2E]
        self.interval = intervals.means[vllm.ITL]


class _Shares:
    """Collects shares by histogram and bucket, and the means of what they are of."""

    __slots__ = ("_found", "means")

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], float] = {}
        self.means: dict[int, float] = {}

    def add(self, histogram: int, seconds: float, share: float) -> None:
        place = histogram, bisect_left(_EDGES[histogram], seconds)
        self._found[place] = self._found.get(place, 0.0) + share
        self.means[histogram] = self.means.get(histogram, 0.0) + share * seconds

    @property
    def all(self) -> Shares:
        return tuple((*place, share) for place, share in self._found.items())


class Shape:
    """What follows from lengths and factors, whatever the rate.

    Attributes:
        lengths: as replicas of the role see them.
        held: tokens that a running request holds.
        batch: requests that can run at once; 0 if the model does not fit.
        capacity: requests per second beyond which the queue grows.
        added: seconds before a first token that are not the engine's.
        full: seconds of a step with the batch full.
        reading: seconds that reading a mean prompt adds; `readings` those of each length.
    """

    __slots__ = (
        "_calm",
        "_cost",
        "_least",
        "_rates",
        "added",
        "batch",
        "capacity",
        "full",
        "held",
        "lengths",
        "reading",
        "readings",
    )

    def __init__(
        self, profile: ServingProfile, rates: StepRates, lengths: Lengths, added: float
    ) -> None:
        self._rates = rates
        self.lengths = lengths = role_lengths(profile, lengths)
        self.held = lengths.held
        self.added = added
        self.batch = max_batch(profile, rates, lengths)
        self.full = full_step(rates, lengths, self.batch) if self.batch else 0.0
        self.capacity = self.batch / (lengths.output * self.full) if self.batch else 0.0
        self.reading = rates.prefill(lengths.prompt, lengths.hit)
        prompts = (lengths.prompt * size for size in _PROMPTS)
        self.readings = tuple(rates.prefill(prompt, lengths.hit) for prompt in prompts)
        self._cost = request_cost(rates, lengths)
        self._least = rates.decode(1.0, self.held)
        self._calm: dict[int, Load] = {}

    def calm(self, rate: float) -> Load:
        """The load of a rate at which nobody is left waiting, or one close to it."""
        part = int(-_PARTS * log(1.0 - min(rate / self.capacity, _BUSIEST)))
        load = self._calm.get(part)
        if load is None:
            rate = (1.0 - exp(-(part + 0.5) / _PARTS)) * self.capacity
            step = self.step(rate)
            load = Load(self, step, (0.0, self.wait(rate, step)), backlog=False)
            if len(self._calm) >= _MOST_HELD:
                self._calm.clear()
            self._calm[part] = load
        return load

    def wait(self, rate: float, step: float) -> float:
        """Mean seconds before a prompt is read, at a rate and a step of this length."""
        utilisation = min(rate / self.capacity, 1.0)
        life = self.lengths.output * step
        return queue_wait(rate, self.reading, utilisation, self.batch, life)

    def step(self, rate: float) -> float:
        """`loaded_step`, with what does not depend on the rate worked out before."""
        if self._rates.experts:
            return loaded_step(self._rates, self.lengths, rate, self.batch)
        step = self._rates.fixed / (1.0 - min(rate * self._cost, 0.999))
        return min(max(step, self._least), max(self.full, self._least))


@lru_cache(maxsize=16_384)
def shape_of(profile: ServingProfile, rates: StepRates, lengths: Lengths, added: float) -> Shape:
    """One for all replicas of a pool."""
    return Shape(profile, rates, lengths, added)
