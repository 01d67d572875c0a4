"""One replica as levels and rates instead of single requests, for fleets too large for those.

It knows how many requests wait and run, not which; between two readings the running batch moves
exponentially to where Little's law puts it, and the queue by what comes in less what the replica
can sustain. Latencies are drawn around the formulas of `steady`. Its numbers are analytic: means
agree with the simulation of single requests, tails near saturation and in short bursts do not.
"""

from __future__ import annotations

from math import exp, floor, sqrt
from random import Random

from mtop_tui.engine import vllm
from mtop_tui.engine.serving.counting import Meter, ReplicaStats
from mtop_tui.engine.serving.loads import Load, Shape, Shares, shape_of
from mtop_tui.engine.serving.profiles import ServingProfile
from mtop_tui.engine.serving.replica import PATIENCE
from mtop_tui.engine.serving.requests import UNCHANGED, Factors, Request
from mtop_tui.engine.serving.steady import Lengths
from mtop_tui.engine.serving.step_time import step_rates

_BLOCK = 16
_LENGTH_SHARE, _ABORT_SHARE = 0.08, 0.002


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
        self._shape: Shape | None = None

    @property
    def running(self) -> int:
        """Requests in the batch."""
        return round(self._running)

    @property
    def waiting(self) -> int:
        """Requests that are not admitted yet."""
        return round(self._queue)

    def waiting_at(self, at: float) -> int:
        """The same at any time: there are no single requests that could come later."""
        del at
        return self.waiting

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
            added = self._profile.request_overhead + self._factors.network
            shape = self._shape = shape_of(self._profile, self._rates, found, added)
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
            self._serve(shape, elapsed, arrived, rate)
        held = self._running * shape.held
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

    def _serve(self, shape: Shape, elapsed: float, arrived: int, expected: float) -> None:
        page, queued, before = self.page, self._queue, self._running
        room = shape.capacity * elapsed + max(0.0, shape.batch - before)
        admitted = min(queued + arrived, float(floor(room)))
        left = queued + arrived - admitted
        rate = admitted / elapsed
        if queued or left:
            gone = max(0.0, float(floor(left - shape.capacity * self._patience)))
            self._queue = left - gone
            page.counters[vllm.ABORT] += gone
            step = shape.full if left else shape.step(rate)
            last = self._queue / shape.capacity if left else shape.wait(rate, step)
            load = Load(shape, step, (queued / shape.capacity, last), backlog=left > 0)
        else:
            load = shape.calm(expected)

        life = load.life
        level = min(rate * life, shape.batch)
        decay = exp(-min(elapsed / life, 50.0))
        self._running = level + (before - level) * decay
        mean_running = level + (before - level) * (1.0 - decay) * life / elapsed
        ended = min(
            self._whole(2, max(0.0, before + admitted - self._running)), int(before + admitted)
        )
        role = self._profile.role
        if admitted and role != "decode":
            self._count_started(shape, load, int(admitted))
        if role != "prefill":
            self._count_intervals(load, mean_running * elapsed / load.step)
            if ended:
                self._count_ended(load, ended)
        if left and shape.batch < self._profile.policy.sequences:
            page.counters[vllm.PREEMPTIONS] += self._whole(3, 0.05 * ended)

    def _count_started(self, shape: Shape, load: Load, admitted: int) -> None:
        self._count(load.started, admitted)
        sums, counters, lengths = self.page.sums, self.page.counters, shape.lengths
        sums[vllm.QUEUE_TIME] += load.wait * admitted
        sums[vllm.PREFILL_TIME] += load.reading * admitted
        sums[vllm.TTFT] += load.latency * admitted
        tokens = float(round(lengths.prompt * admitted))
        counters[vllm.PROMPT_TOKENS] += tokens
        counters[vllm.PREFIX_QUERIES] += tokens
        counters[vllm.PREFIX_HITS] += tokens * lengths.hit // _BLOCK * _BLOCK
        counters[vllm.GENERATION_TOKENS] += admitted

    def _count_intervals(self, load: Load, tokens: float) -> None:
        page = self.page
        whole = self._whole(4, tokens)
        if self._stood and whole:
            times = min(whole, self.running)
            page.observe(vllm.ITL, self._stood, times)
            page.counters[vllm.GENERATION_TOKENS] += times
            self._stood = 0.0
        self._count(load.intervals, whole)
        page.sums[vllm.ITL] += load.interval * whole
        page.counters[vllm.GENERATION_TOKENS] += whole

    def _count_ended(self, load: Load, ended: int) -> None:
        self._count(load.ended, ended)
        sums, counters = self.page.sums, self.page.counters
        sums[vllm.DECODE_TIME] += load.decoding * ended
        sums[vllm.E2E] += load.whole * ended
        length, abort = _LENGTH_SHARE * ended, _ABORT_SHARE * ended
        counters[vllm.LENGTH] += length
        counters[vllm.ABORT] += abort
        counters[vllm.STOP] += ended - length - abort

    def _count(self, shares: Shares, times: int) -> None:
        buckets = self.page.buckets
        for histogram, bucket, share in shares:
            buckets[histogram][bucket] += share * times

    def _whole(self, what: int, amount: float) -> int:
        """Whole units of an amount; what is left over counts with the next."""
        total = self._carry[what] + amount
        whole = max(0, floor(total))
        self._carry[what] = total - whole
        return whole
