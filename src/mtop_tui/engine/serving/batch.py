"""The requests that decode together in one engine, and the KV cache they fill.

Steps that only decode take a time that grows by the same amount each, so a run of them is summed
in closed form up to the next end of a request, the step for which the KV cache has no room, or the
time at which somebody else is due. Several runs follow each other here, without asking outside.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from math import ceil, inf, sqrt
from operator import attrgetter

from mtop_tui.engine import vllm
from mtop_tui.engine.serving import counting
from mtop_tui.engine.serving.counting import Latencies
from mtop_tui.engine.serving.prefixes import PrefixCache
from mtop_tui.engine.serving.sequences import Sequence, Served
from mtop_tui.engine.serving.step_time import StepRates

_EDGES = (*vllm.TOKEN_EDGES, inf)
_SERIAL = attrgetter("serial")
# A name of this module is found faster than one of another.
_ITL = vllm.ITL


class Batch:
    """Sequences that decode, from their first token to their last.

    Args:
        page: into which tokens and ends are counted.
        latencies: where those of requests are kept until the page is read.
        at: when it is.
        growth: tokens of KV cache that each new token takes: 0 where room for the whole answer
            was taken at admission, else 1.
        reads: whether prompts are read here.
        answers: whether requests are answered here, not read only.

    Attributes:
        begun: requests that got their first token, ever.
        context: tokens that those who decode attend to.
        clock: when the last step ended, in Unix seconds.
        held: tokens in the KV cache that belong to one request alone.
        prefixes: the shared rest of the cache.
        capacity: tokens that both together may be.
        sequences: those that decode, the one that ends first before the others.
        rates: of a step.
        added: seconds that the front end adds to each latency.
        on_end: called with each request that was answered in full.
    """

    __slots__ = (
        "_answers",
        "_ends",
        "_growth",
        "_held_up",
        "_intervals",
        "_joined",
        "_latencies",
        "_page",
        "_reads",
        "_stall",
        "_steps",
        "added",
        "begun",
        "capacity",
        "clock",
        "context",
        "held",
        "on_end",
        "prefixes",
        "rates",
        "sequences",
    )

    def __init__(
        self,
        page: vllm.Page,
        latencies: Latencies,
        at: float,
        *,
        growth: int,
        reads: bool,
        answers: bool,
    ) -> None:
        self._page, self._latencies, self.clock = page, latencies, at
        self._intervals = page.buckets[_ITL]
        self._growth, self._reads, self._answers = growth, reads, answers
        self.rates: StepRates
        self.capacity = self.added = 0.0
        self.on_end: Callable[[Served], None] | None = None
        self._steps = self._joined = self.begun = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything: the process died."""
        # Side by side, by the step after which a sequence has its last token, soonest first.
        self._ends: list[int] = []
        self.sequences: list[Sequence] = []
        self.prefixes = PrefixCache()
        self.held = self.context = self._held_up = 0
        self._stall = 0.0

    @property
    def crowded(self) -> bool:
        """Whether the KV cache has no room for another token of each."""
        return self.held + self.prefixes.pinned + len(self._ends) > self.capacity

    def join(self, sequence: Sequence) -> None:
        """A sequence has been read: its first token is out, or the next one after an eviction."""
        request, clock = sequence.request, self.clock
        generated = sequence.generated
        if generated:
            counting.interval(self._page, clock - sequence.last, 1)
        else:
            sequence.first = clock
            self.begun += 1
            if self._reads:
                admitted = sequence.admitted
                self._latencies.of_started += (admitted - request.at, clock - admitted)
        generated += 1
        self.held += self._growth
        self.context += request.prompt + generated
        if generated >= request.output or not self._answers:
            self._end(sequence)
            return
        self._joined = sequence.serial = self._joined + 1
        end = self._steps + request.output - generated
        place = bisect_right(self._ends, end)
        self._ends.insert(place, end)
        self.sequences.insert(place, sequence)

    def evict(self) -> Sequence:
        """Take out the newest: its keys and values go, and are computed again."""
        sequence = max(self.sequences, key=_SERIAL)
        place = self.sequences.index(sequence)
        del self.sequences[place]
        left = self._ends.pop(place) - self._steps
        request = sequence.request
        sequence.generated = generated = request.output - left
        sequence.last = self.clock
        self.held -= sequence.own + generated
        self.context -= request.prompt + generated
        sequence.read = request.prompt - sequence.own
        sequence.left = sequence.own + generated
        return sequence

    def decode(self, target: float, *, once: bool) -> None:
        """Decode up to `target`, or until nobody runs or the next step has no room.

        With `once`, up to the first end of a request, since that may let somebody in.
        """
        rates, ends, prefixes, growth = self.rates, self._ends, self.prefixes, self._growth
        fixed, per_sequence, per_context = rates.fixed, rates.per_sequence, rates.per_context
        intervals, sums = self._intervals, self._page.sums
        while running := len(ends):
            clock, context, steps = self.clock, self.context, self._steps
            count = ends[0] - steps
            if growth:
                room = self.capacity - self.held - prefixes.pinned
                if running * count > room:
                    count = max(int(room / running), 1)
                    once = True
            first = fixed + running * per_sequence + context * per_context
            if rates.experts:
                first += rates.experts * (1.0 - rates.expert_miss**running)
            if self._stall:
                count = 1
            slope = running * per_context
            took = count * (first + slope * (count - 1) * 0.5)
            gap = target - clock
            if took > gap:
                # Steps that begin before `target`: the positive root of the sum, rounded up.
                linear = first - slope * 0.5
                whole = ceil(2.0 * gap / (linear + sqrt(linear * linear + 2.0 * slope * gap)))
                if whole < count:
                    count = whole if whole > 0 else 1
                    took = count * (first + slope * (count - 1) * 0.5)
            self.clock = clock = clock + took
            low = bisect_left(_EDGES, first)
            if self._stall or first + slope * (count - 1) > _EDGES[low]:
                self._count(first, slope, count)
            else:
                intervals[low] += running * count
                sums[_ITL] += running * took
            self.context = context + running * count
            self.held += running * count * growth
            self._steps = steps = steps + count
            while ends and ends[0] <= steps:
                del ends[0]
                self._end(self.sequences.pop(0))
            if once or clock >= target:
                return

    def step(self, took: float) -> None:
        """One step of this length, beside prompts that are read, in which all got a token."""
        ends = self._ends
        running = len(ends)
        self._count(took, 0.0, 1)
        self.context += running
        self.held += running * self._growth
        self._steps = steps = self._steps + 1
        while ends and ends[0] <= steps:
            del ends[0]
            self._end(self.sequences.pop(0))

    def _count(self, first: float, slope: float, count: int) -> None:
        """Count the intervals of a run: the first token after `first`, each `slope` later."""
        running = len(self._ends)
        if self._stall:
            # Who ran when everything stood still has waited for that time too.
            held_up = min(self._held_up, running)
            counting.interval(self._page, first + self._stall, held_up)
            counting.interval(self._page, first, running - held_up)
            self._stall = 0.0
        else:
            counting.intervals(self._page, running, first, slope, count)

    def stand_still(self, seconds: float) -> None:
        """No token came out for that long, so those that run get their next one that much later."""
        if not self._stall:
            self._held_up = len(self._ends)
        self._stall += seconds

    def _end(self, sequence: Sequence) -> None:
        """A sequence has its last token."""
        request, clock = sequence.request, self.clock
        produced = request.output if self._answers else 1
        self.context -= request.prompt + produced
        self.held -= sequence.own + (produced if self._growth else request.output)
        if sequence.prefix is not None:
            self.prefixes.release(sequence.prefix)
        if self._answers:
            self._latencies.of_ended += (clock - request.at + self.added, clock - sequence.first)
        if self.on_end is not None:
            self.on_end(Served(request, sequence.admitted, sequence.first, clock))
