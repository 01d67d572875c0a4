"""One replica as levels and rates instead of single requests, for fleets too large for those.

It knows how many requests wait and run, not which; between two readings the running batch moves
exponentially to where Little's law puts it, and the queue by what comes in less what the replica
can sustain. Latencies are drawn around the formulas of `steady`. Its numbers are analytic: means
agree with the simulation of single requests, tails near saturation and in short bursts do not.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import exp, floor, log, sqrt
from random import Random

from mtop_tui.engine import vllm
from mtop_tui.engine.serving.counting import Meter, ReplicaStats
from mtop_tui.engine.serving.profiles import ServingProfile
from mtop_tui.engine.serving.replica import PATIENCE
from mtop_tui.engine.serving.requests import UNCHANGED, Factors, Request
from mtop_tui.engine.serving.steady import (
    Lengths,
    full_step,
    loaded_step,
    max_batch,
    queue_wait,
    request_cost,
    role_lengths,
)
from mtop_tui.engine.serving.step_time import StepRates, step_rates

_BLOCK = 16
_LENGTH_SHARE, _ABORT_SHARE = 0.08, 0.002

# Shares of requests with a length, or a length of an answer, against the mean: a log-normal's.
_PROMPTS = (0.30, 0.60, 1.00, 2.10)
_PROMPT_SHARE = 1.0 / len(_PROMPTS)
# What each of them still has of a wait that goes down to nothing, and of one that is exponential.
_LEFT = tuple(1.0 - (index + 0.5) * _PROMPT_SHARE for index in range(len(_PROMPTS)))
_WAITS = tuple((left, -log(left)) for left in _LEFT)
_OUTPUTS = ((0.25, 0.40), (0.25, 0.70), (0.25, 1.05), (0.25, 1.85))
_MEAN_OUTPUT = sum(share * size for share, size in _OUTPUTS)
_EDGES = vllm.REQUEST_EDGES
# Token intervals against the step time: most are plain steps, some waited for a prompt to be read.
_INTERVALS = ((0.35, 0.92), (0.42, 1.0), (0.15, 1.08), (0.06, 1.2), (0.02, 1.6))
_SHORTEST, _LONGEST = _INTERVALS[0][1], _INTERVALS[-1][1]
_MEAN_INTERVAL = sum(share * size for share, size in _INTERVALS)


class _Shape:
    """What follows from lengths and factors, kept as long as both stay the same."""

    __slots__ = (
        "batch",
        "capacity",
        "cost",
        "full",
        "least",
        "lengths",
        "rates",
        "reading",
        "readings",
    )

    def __init__(self, profile: ServingProfile, rates: StepRates, lengths: Lengths) -> None:
        self.rates = rates
        self.lengths = role_lengths(profile, lengths)
        self.batch = max_batch(profile, rates, self.lengths)
        self.full = full_step(rates, self.lengths, self.batch) if self.batch else 0.0
        self.capacity = self.batch / (self.lengths.output * self.full) if self.batch else 0.0
        prompt, hit = self.lengths.prompt, self.lengths.hit
        self.reading = rates.prefill(prompt, hit)
        self.cost = request_cost(rates, self.lengths)
        self.least = rates.decode(1.0, self.lengths.held)
        self.readings = tuple(rates.prefill(prompt * size, hit) for size in _PROMPTS)

    def step(self, rate: float) -> float:
        """`loaded_step`, with what does not depend on the rate worked out before."""
        if self.rates.experts:
            return loaded_step(self.rates, self.lengths, rate, self.batch)
        least = self.least
        step = self.rates.fixed / (1.0 - min(rate * self.cost, 0.999))
        return min(max(step, least), max(self.full, least))


@lru_cache(maxsize=16_384)
def _shape(profile: ServingProfile, rates: StepRates, lengths: Lengths) -> _Shape:
    """One for all replicas of a pool."""
    return _Shape(profile, rates, lengths)


class FluidServer:
    """One replica that serves, analytically. `page` is what its metrics endpoint shows at `at`.

    Takes the arguments of `ReplicaServer`; `advance` takes a rate and mean lengths in place of
    single requests.
    """

    __slots__ = (
        "_carry",
        "_factors",
        "_lengths",
        "_meter",
        "_patience",
        "_profile",
        "_queue",
        "_random",
        "_rates",
        "_running",
        "_shape",
        "_stood",
        "at",
        "page",
    )

    def __init__(
        self, profile: ServingProfile, random: Random, at: float, *, patience: float = PATIENCE
    ) -> None:
        self._profile, self._random = profile, random
        self.at = at
        self.page = vllm.Page()
        self._patience = patience
        self._queue = self._running = self._stood = 0.0
        self._carry = [random.random() for _ in range(5)]
        self._meter = Meter(at)
        self._lengths: Lengths | None = None
        self.factors = UNCHANGED

    @property
    def factors(self) -> Factors:
        """What is wrong with it; may be set at any time."""
        return self._factors

    @factors.setter
    def factors(self, factors: Factors) -> None:
        self._factors = factors
        # The usual constants are shared by all replicas of a profile, and so stay in the cache.
        usual = factors == UNCHANGED
        self._rates = self._profile.rates if usual else step_rates(self._profile.costs, factors)
        self._shape: _Shape | None = None

    @property
    def running(self) -> int:
        """Requests in the batch."""
        return round(self._running)

    @property
    def waiting(self) -> int:
        """Requests that are not admitted yet."""
        return round(self._queue)

    @property
    def kv_usage(self) -> float:
        """Share of the KV cache in use, 0 to 1."""
        return self.page.kv_usage

    @property
    def load(self) -> int:
        """Tokens it holds or has still to read."""
        lengths = self._lengths
        if lengths is None:
            return 0
        return round(self._running * lengths.held + self._queue * lengths.prompt)

    def drop_all(self) -> list[Request]:
        """The process died. What it had is gone; there are no single requests to hand over."""
        self._queue = self._running = 0.0
        return []

    def flush_prefixes(self) -> None:
        """Nothing to forget: the hit ratio is an argument of `advance`."""

    def stats(self) -> ReplicaStats:
        """Its state, with rates since the last call."""
        return self._meter.read(self.page, self.at)

    def advance(self, until: float, rate: float, lengths: Lengths) -> None:
        """Serve from `at` until then, with requests of mean `lengths` arriving at `rate`."""
        elapsed = until - self.at
        if elapsed <= 0.0:
            return
        self.at = until
        shape, page = self._shape, self.page
        if shape is None or self._lengths is not lengths:
            self._lengths = lengths
            hit = lengths.hit * self._factors.hit
            found = Lengths(lengths.prompt, lengths.output, hit)
            shape = self._shape = _shape(self._profile, self._rates, found)
        mean = rate * elapsed
        noise = self._random.gauss(0.0, sqrt(mean)) if mean > 0.0 else 0.0
        arrived = self._whole(0, mean + noise)
        if self._factors.error_rate and arrived:
            failed = min(arrived, self._whole(1, arrived * self._factors.error_rate))
            page.counters[vllm.ERROR] += failed
            arrived -= failed
        if self._factors.hung or not shape.capacity:
            self._stand_still(elapsed, arrived)
        elif arrived or self._running > 0.01 or self._queue:
            self._serve(shape, elapsed, arrived)
        held = self._running * shape.lengths.held
        page.running, page.waiting = float(round(self._running)), float(round(self._queue))
        page.kv_usage = min(1.0, held / self._rates.kv_tokens) if self._rates.kv_tokens else 0.0

    def _stand_still(self, elapsed: float, arrived: int) -> None:
        """A blocked collective: everything waits, and clients go away after a while."""
        self._stood += elapsed
        self._queue += arrived
        gone = floor(self._queue * min(1.0, elapsed / self._patience))
        if self._stood > self._patience and gone:
            self._queue -= gone
            self.page.counters[vllm.ABORT] += gone

    def _serve(self, shape: _Shape, elapsed: float, arrived: int) -> None:
        lengths, page = shape.lengths, self.page
        queued, before = self._queue, self._running
        room = shape.capacity * elapsed + max(0.0, shape.batch - before)
        admitted = min(queued + arrived, float(floor(room)))
        left = queued + arrived - admitted
        gone = max(0.0, float(floor(left - shape.capacity * self._patience)))
        self._queue = left - gone
        page.counters[vllm.ABORT] += gone

        rate_in = admitted / elapsed
        utilisation = min(rate_in / shape.capacity, 1.0)
        step = shape.full if left else shape.step(rate_in)
        life = lengths.output * step
        level = min(rate_in * life, shape.batch)
        decay = exp(-min(elapsed / life, 50.0))
        self._running = level + (before - level) * decay
        mean_running = level + (before - level) * (1.0 - decay) * life / elapsed
        ended = min(
            self._whole(2, max(0.0, before + admitted - self._running)), int(before + admitted)
        )

        if left:
            waits = (queued / shape.capacity, self._queue / shape.capacity)
        else:
            wait = queue_wait(rate_in, shape.reading, utilisation, shape.batch, life)
            waits = (queued / shape.capacity, wait)
        role = self._profile.role
        if admitted and role != "decode":
            self._count_started(shape, int(admitted), waits, step, backlog=left > 0)
        if role != "prefill":
            self._count_intervals(mean_running * elapsed / step, step)
            if ended:
                self._count_ended(shape, ended, waits, step)
        if left and shape.batch < self._profile.policy.sequences:
            page.counters[vllm.PREEMPTIONS] += self._whole(3, 0.05 * ended)

    def _count_started(
        self,
        shape: _Shape,
        admitted: int,
        waits: tuple[float, float],
        step: float,
        *,
        backlog: bool,
    ) -> None:
        # Counted in place: a large fleet does this more often than anything else.
        page, lengths = self.page, shape.lengths
        buckets, sums = page.buckets, page.sums
        queued, read, firsts = (
            buckets[vllm.QUEUE_TIME],
            buckets[vllm.PREFILL_TIME],
            buckets[vllm.TTFT],
        )
        added = self._profile.request_overhead + self._factors.network + step * 0.5
        first, last = waits
        times = _PROMPT_SHARE * admitted
        all_waits = all_readings = 0.0
        for (left, spread), fresh in zip(_WAITS, shape.readings, strict=True):
            wait = first * left + last * ((1.0 - left) if backlog else spread)
            reading = step + fresh
            queued[bisect_left(_EDGES, wait)] += times
            read[bisect_left(_EDGES, reading)] += times
            firsts[bisect_left(vllm.TTFT_EDGES, wait + reading + added)] += times
            all_waits += wait
            all_readings += reading
        sums[vllm.QUEUE_TIME] += all_waits * times
        sums[vllm.PREFILL_TIME] += all_readings * times
        sums[vllm.TTFT] += (all_waits + all_readings + len(_PROMPTS) * added) * times
        tokens = float(round(lengths.prompt * admitted))
        page.counters[vllm.PROMPT_TOKENS] += tokens
        page.counters[vllm.PREFIX_QUERIES] += tokens
        page.counters[vllm.PREFIX_HITS] += tokens * lengths.hit // _BLOCK * _BLOCK
        page.counters[vllm.GENERATION_TOKENS] += admitted

    def _count_intervals(self, tokens: float, step: float) -> None:
        page = self.page
        whole = self._whole(4, tokens)
        if self._stood and whole:
            times = min(whole, self.running)
            page.observe(vllm.ITL, self._stood, times)
            page.counters[vllm.GENERATION_TOKENS] += times
            self._stood = 0.0
        buckets, edges = page.buckets[vllm.ITL], vllm.TOKEN_EDGES
        low = bisect_left(edges, step * _SHORTEST)
        if low == len(edges) or step * _LONGEST <= edges[low]:
            buckets[low] += whole
        else:
            for share, size in _INTERVALS:
                buckets[bisect_left(edges, step * size)] += whole * share
        page.sums[vllm.ITL] += step * _MEAN_INTERVAL * whole
        page.counters[vllm.GENERATION_TOKENS] += whole

    def _count_ended(
        self, shape: _Shape, ended: int, waits: tuple[float, float], step: float
    ) -> None:
        page = self.page
        first, last = waits
        base = self._profile.request_overhead + self._factors.network + step * 1.5 + shape.reading
        base += (first + last) * 0.5
        decoded, whole = page.buckets[vllm.DECODE_TIME], page.buckets[vllm.E2E]
        for share, size in _OUTPUTS:
            decode, times = shape.lengths.output * size * step, share * ended
            decoded[bisect_left(_EDGES, decode)] += times
            whole[bisect_left(_EDGES, base + decode)] += times
        spent = shape.lengths.output * _MEAN_OUTPUT * step * ended
        page.sums[vllm.DECODE_TIME] += spent
        page.sums[vllm.E2E] += spent + base * ended
        counters = page.counters
        length, abort = _LENGTH_SHARE * ended, _ABORT_SHARE * ended
        counters[vllm.LENGTH] += length
        counters[vllm.ABORT] += abort
        counters[vllm.STOP] += ended - length - abort

    def _whole(self, what: int, amount: float) -> int:
        """Whole units of an amount; what is left over counts with the next."""
        total = self._carry[what] + amount
        whole = max(0, floor(total))
        self._carry[what] = total - whole
        return whole
