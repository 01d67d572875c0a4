"""One replica, request by request: a discrete-event simulation of a continuously batching engine.

Time moves from step to step. A step that reads prompts is simulated by itself; steps that only
decode take a time that grows by the same amount each, so a run of them is summed in closed form up
to the next arrival, the next end of a request, or the step for which the KV cache has no room.
What happens is counted into the engine's metrics page as it happens, so its counters agree.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil, inf, sqrt
from operator import itemgetter
from random import Random

from mtop_tui.engine import vllm
from mtop_tui.engine.serving import counting
from mtop_tui.engine.serving.counting import Meter, ReplicaStats
from mtop_tui.engine.serving.prefixes import BLOCK, PrefixCache
from mtop_tui.engine.serving.profiles import ServingProfile
from mtop_tui.engine.serving.requests import UNCHANGED, Factors, Request
from mtop_tui.engine.serving.sequences import GONE, Place, Sequence, Served
from mtop_tui.engine.serving.step_time import step_rates

__all__ = ["PATIENCE", "WARM_UP", "ReplicaServer", "ReplicaStats", "Served"]

PATIENCE = 120.0
"""Seconds after which clients give up waiting for a first token."""

WARM_UP = 2.0
"""Seconds that the first step of a new process takes longer: kernels are still being built."""

_LENGTH_SHARE, _ABORT_SHARE = 0.08, 0.002
_EDGES = (*vllm.TOKEN_EDGES, inf)
_NUMBER = itemgetter(1)
# Names of this module are found faster than those of another, and these are looked up most.
_ITL, _GENERATED = vllm.ITL, vllm.GENERATION_TOKENS


class ReplicaServer:
    """One replica that serves. `page` is what its metrics endpoint shows at `at`.

    Args:
        profile: how it serves.
        random: its own stream.
        at: when its process began to serve, in Unix seconds.
        warm: whether it has served before; the first step of a process is slow.
        patience: seconds after which a waiting client gives up.

    Attributes:
        running, waiting: requests at `at`.
        kv_usage: share of the KV cache in use, 0 to 1.
        on_end: called with each request that was answered in full.
    """

    __slots__ = (
        "_added",
        "_answers",
        "_capacity",
        "_clock",
        "_context",
        "_factors",
        "_growth",
        "_heap",
        "_held",
        "_held_up",
        "_meter",
        "_owed_abort",
        "_owed_length",
        "_patience",
        "_policy",
        "_preempted",
        "_prefixes",
        "_profile",
        "_queued_tokens",
        "_random",
        "_rates",
        "_reading",
        "_reads",
        "_serial",
        "_stall",
        "_steps",
        "_void",
        "_waiting",
        "_warm_up",
        "at",
        "on_end",
        "page",
        "running",
    )

    def __init__(
        self,
        profile: ServingProfile,
        random: Random,
        at: float,
        *,
        warm: bool = True,
        patience: float = PATIENCE,
    ) -> None:
        self._profile, self._policy, self._random = profile, profile.policy, random
        self.at = self._clock = at
        self.page = vllm.Page()
        self.running = 0
        self.on_end: Callable[[Served], None] | None = None
        self._waiting: deque[Request] = deque()
        self._preempted: list[Sequence] = []
        self._reading: list[Sequence] = []
        self._heap: list[Place] = []
        self._prefixes = PrefixCache()
        self._steps = self._serial = self._void = 0
        self._held = self._context = self._queued_tokens = 0
        self._reads, self._answers = profile.role != "decode", profile.role != "prefill"
        self._growth = 0 if profile.policy.reserves_output else 1
        self._held_up = 0
        self._stall, self._warm_up = 0.0, 0.0 if warm else WARM_UP
        self._patience = patience
        self._owed_length, self._owed_abort = random.random(), random.random()
        self._meter = Meter(at)
        self.factors = UNCHANGED

    @property
    def factors(self) -> Factors:
        """What is wrong with it; may be set at any time and holds from the next step on."""
        return self._factors

    @factors.setter
    def factors(self, factors: Factors) -> None:
        self._factors = factors
        # The usual constants are shared by all replicas of a profile, and so stay in the cache.
        usual = factors == UNCHANGED
        self._rates = self._profile.rates if usual else step_rates(self._profile.costs, factors)
        self._capacity = self._rates.kv_tokens
        self._added = self._profile.request_overhead + factors.network

    @property
    def waiting(self) -> int:
        """Requests that are not admitted yet, evicted ones included."""
        return len(self._waiting) + len(self._preempted)

    @property
    def kv_usage(self) -> float:
        """Share of the KV cache in use, 0 to 1."""
        if self._capacity <= 0:
            return 0.0
        return min(1.0, (self._held + self._prefixes.pinned) / self._capacity)

    @property
    def load(self) -> int:
        """Tokens it holds or has still to read, for whoever chooses between replicas."""
        return self._held + self._queued_tokens

    def submit(self, request: Request) -> None:
        """Take a request, which waits from `request.at` on. First come, first served."""
        if self._factors.error_rate and self._random.random() < self._factors.error_rate:
            self.page.counters[vllm.ERROR] += 1
            return
        self._queued_tokens += request.prompt
        self._waiting.append(request)

    def advance(self, until: float) -> None:
        """Serve from `at` until then."""
        if self._factors.hung:
            if until > self._clock:
                self._stand_still(until - self._clock)
                self._clock = until
        else:
            self._serve(until)
        self.at = until
        page, waiting = self.page, self._waiting
        page.running = self.running + len(self._reading)
        page.waiting = len(self._preempted)
        page.kv_usage = self.kv_usage
        # Every prompt token is looked for in the prefix cache.
        page.counters[vllm.PREFIX_QUERIES] = page.counters[vllm.PROMPT_TOKENS]
        if waiting:
            if waiting[0].at < until - self._patience:
                self._give_up(until - self._patience)
            page.waiting += len(waiting)
            if waiting and waiting[-1].at > until:
                page.waiting -= sum(one.at > until for one in waiting)

    def drop_all(self) -> list[Request]:
        """The process died: every request it had, oldest first. It starts over empty."""
        begun = [place[2] for place in self._heap if place[1] == place[2].serial]
        begun += self._reading + self._preempted
        lost = [one.request for one in begun] + list(self._waiting)
        lost.sort(key=lambda one: one.at)
        self._waiting.clear()
        self._preempted, self._reading = [], []
        self._heap, self._void = [], 0
        self._prefixes = PrefixCache()
        self._held = self._context = self._queued_tokens = 0
        self.running, self._stall, self._warm_up = 0, 0.0, WARM_UP
        return lost

    def flush_prefixes(self) -> None:
        """Forget every prefix that no running request uses."""
        self._prefixes.shrink(0.0)

    def stats(self) -> ReplicaStats:
        """Its state, with rates since the last call."""
        return self._meter.read(self.page, self.at)

    def _serve(self, until: float) -> None:
        waiting, prefixes, most = self._waiting, self._prefixes, self._policy.sequences
        while self._clock < until:
            evicted = False
            while (
                self._held + prefixes.pinned + self.running > self._capacity
                and self.running > 1
                and self._growth
            ):
                self._preempt()
                evicted = True
            # Like vLLM, a step that had to evict admits nobody.
            if not evicted and (self._preempted or (waiting and waiting[0].at <= self._clock)):
                self._admit()
            if self._reading:
                self._read_step()
            elif self.running:
                target = until
                if (
                    waiting
                    and not self._preempted
                    and self._clock < waiting[0].at < until
                    and self.running < most
                ):
                    target = waiting[0].at
                self._decode(target)
            elif waiting and waiting[0].at < until:
                self._clock = max(self._clock, waiting[0].at)
            else:
                self._clock = until

    def _admit(self) -> None:
        """Let in whom there is room for, evicted requests first."""
        policy, reading, waiting = self._policy, self._reading, self._waiting
        clock, running = self._clock, self.running
        budget = policy.batched_tokens - (0 if policy.prefill_alone else running)
        for one in reading:
            budget -= one.left
        while budget > 0 and running + len(reading) < policy.sequences:
            taken = self._held + self._prefixes.pinned + policy.reserve * running
            room = self._capacity - taken
            empty = not (running or reading)
            if self._preempted:
                sequence = self._preempted[-1]
                need = sequence.own + sequence.generated
                if need > room and not empty:
                    return
                self._preempted.pop()
                self._held += need
                reading.append(sequence)
                budget -= sequence.left
                continue
            if not waiting or waiting[0].at > clock:
                return
            request = waiting[0]
            if clock - request.at > self._patience:
                self._give_up(clock - self._patience)
                continue
            shared = request.cached and min(request.cached, request.prompt) // BLOCK * BLOCK
            need = request.prompt if self._growth else request.prompt + request.output
            if shared:
                need += self._prefixes.room(request.group, shared) - shared
            if need > room:
                if not empty:
                    return
                if need > self._capacity:
                    self._refuse()
                    continue
            if not policy.chunked and request.prompt > budget and reading:
                return
            waiting.popleft()
            self._queued_tokens -= request.prompt
            sequence = Sequence(request, clock, request.prompt, request.prompt)
            self._start(sequence, shared)
            reading.append(sequence)
            budget -= sequence.left

    def _start(self, sequence: Sequence, shared: int) -> None:
        """Give a new sequence its place in the KV cache, with what the prefix cache has of it."""
        request, counters = sequence.request, self.page.counters
        prompt = request.prompt
        found = 0
        if shared:
            sequence.prefix, found = self._prefixes.use(request.group, shared)
            sequence.own = prompt - shared
            # The last prompt token is always computed, for the first answer token comes of it.
            found = min(int(found * self._factors.hit), prompt - 1) // BLOCK * BLOCK
        self._held += sequence.own if self._growth else sequence.own + request.output
        if self._held + self._prefixes.tokens > self._capacity:
            self._prefixes.shrink(self._capacity - self._held)
        if self._reads:
            counters[vllm.PROMPT_TOKENS] += prompt
            if found:
                counters[vllm.PREFIX_HITS] += found
        else:
            found = prompt - 1
        sequence.read = found
        sequence.left = prompt - found

    def _read_step(self) -> None:
        """One step that reads prompts; what decodes goes on beside them, if the engine can."""
        rates, policy, reading = self._rates, self._policy, self._reading
        running = 0 if policy.prefill_alone else self.running
        budget = policy.batched_tokens - running
        tokens, pairs, done = 0, 0.0, 0
        for one in reading:
            take = one.left
            if take > budget and policy.chunked:
                take = max(budget, 1)
            tokens += take
            pairs += take * (one.read + take * 0.5)
            budget -= take
            if take < one.left:
                one.read += take
                one.left -= take
                break
            done += 1
            if budget <= 0:
                break
        took = rates.fixed + tokens * rates.per_prompt_token + pairs * rates.per_pair
        if running:
            took += running * rates.per_sequence + self._context * rates.per_context
        if rates.experts:
            took += rates.experts * (1.0 - rates.expert_miss ** (tokens + running))
        if self._warm_up:
            took += self._warm_up
            self._warm_up = 0.0
        self._clock += took
        if running:
            self._intervals(took, 0.0, 1)
        elif self.running:
            self._stand_still(took)
        self._reading = reading[done:]
        for one in reading[:done]:
            self._join(one)

    def _join(self, sequence: Sequence) -> None:
        """A sequence has been read: its first token is out, or the next one after an eviction."""
        page, clock, request = self.page, self._clock, sequence.request
        if sequence.generated:
            counting.interval(page, clock - sequence.last, 1)
        else:
            sequence.first = clock
            if self._reads:
                waited, read = sequence.admitted - request.at, clock - sequence.admitted
                counting.first_token(page, waited, read, waited + read + self._added)
        sequence.generated += 1
        page.counters[vllm.GENERATION_TOKENS] += 1
        self.running += 1
        self._held += self._growth
        self._context += request.prompt + sequence.generated
        left = request.output - sequence.generated
        if left <= 0 or not self._answers:
            self._end(sequence)
            return
        self._serial += 1
        sequence.serial = self._serial
        sequence.end = self._steps + left
        heappush(self._heap, (sequence.end, self._serial, sequence))

    def _decode(self, target: float) -> None:
        """Decode up to `target`, the next end of a request, or a full KV cache."""
        rates, running, heap = self._rates, self.running, self._heap
        while self._void and heap[0][1] != heap[0][2].serial:
            heappop(heap)
            self._void -= 1
        count = heap[0][0] - self._steps
        if self._growth:
            room = int((self._capacity - self._held - self._prefixes.pinned) / running)
            if count > room:
                count = max(room, 1)
        first = rates.fixed + running * rates.per_sequence + self._context * rates.per_context
        if rates.experts:
            first += rates.experts * (1.0 - rates.expert_miss**running)
        slope = running * rates.per_context
        took = count * (first + slope * (count - 1) * 0.5)
        gap = target - self._clock
        if took > gap:
            # Steps that begin before `target`: the positive root of the sum, rounded up.
            linear = first - slope * 0.5
            steps = ceil(2.0 * gap / (linear + sqrt(linear * linear + 2.0 * slope * gap)))
            if steps < count:
                count = steps if steps > 0 else 1
                took = count * (first + slope * (count - 1) * 0.5)
        if self._stall:
            count, took = 1, first
        self._clock += took
        self._intervals(first, slope, count)

    def _intervals(self, first: float, slope: float, count: int) -> None:
        """Every running sequence got `count` tokens, each `slope` later than the one before."""
        running, page, heap = self.running, self.page, self._heap
        grown = running * count
        if self._stall:
            # Who ran when everything stood still has waited for that time too.
            held_up = min(self._held_up, running)
            counting.interval(page, first + self._stall, held_up)
            counting.interval(page, first, running - held_up)
            self._stall = 0.0
        else:
            last = first + slope * (count - 1)
            low = bisect_left(_EDGES, first)
            if last <= _EDGES[low]:
                page.buckets[_ITL][low] += grown
                page.sums[_ITL] += grown * (first + last) * 0.5
            else:
                counting.intervals(page, running, first, slope, count)
        page.counters[_GENERATED] += grown
        self._context += grown
        if self._growth:
            self._held += grown
        self._steps = steps = self._steps + count
        while heap and heap[0][0] <= steps:
            _, serial, sequence = heappop(heap)
            if serial == sequence.serial:
                self._end(sequence)
            else:
                self._void -= 1

    def _stand_still(self, seconds: float) -> None:
        """No token came out for that long, so those that run get their next one that much later."""
        if not self._stall:
            self._held_up = self.running
        self._stall += seconds

    def _end(self, sequence: Sequence) -> None:
        """A sequence has its last token."""
        request, page, clock = sequence.request, self.page, self._clock
        produced = request.output if self._answers else 1
        sequence.serial = GONE
        self.running -= 1
        self._context -= request.prompt + produced
        self._held -= sequence.own + (produced if self._growth else request.output)
        if sequence.prefix is not None:
            self._prefixes.release(sequence.prefix)
        if self._answers:
            total = clock - request.at + self._added
            counting.last_token(page, total, clock - sequence.first)
            self._owed_length += _LENGTH_SHARE
            self._owed_abort += _ABORT_SHARE
            reason = vllm.STOP
            if self._owed_length >= 1.0:
                self._owed_length -= 1.0
                reason = vllm.LENGTH
            elif self._owed_abort >= 1.0:
                self._owed_abort -= 1.0
                reason = vllm.ABORT
            page.counters[reason] += 1
        if self.on_end is not None:
            self.on_end(Served(request, sequence.admitted, sequence.first, clock))

    def _preempt(self) -> None:
        """Evict the newest running request: its keys and values go, and are computed again."""
        # Its place stays in the heap and is void from now on.
        running = (one for one in self._heap if one[1] == one[2].serial)
        sequence = max(running, key=_NUMBER)[2]
        self._void += 1
        left = sequence.end - self._steps
        sequence.generated = request_tokens = sequence.request.output - left
        sequence.serial = GONE
        sequence.last = self._clock
        self.running -= 1
        self._held -= sequence.own + request_tokens
        self._context -= sequence.request.prompt + request_tokens
        sequence.read = sequence.request.prompt - sequence.own
        sequence.left = sequence.own + request_tokens
        self.page.counters[vllm.PREEMPTIONS] += 1
        self._preempted.append(sequence)

    def _give_up(self, before: float) -> None:
        """Clients that have waited since `before` go away."""
        waiting = self._waiting
        while waiting and waiting[0].at < before:
            self._queued_tokens -= waiting.popleft().prompt
            self.page.counters[vllm.ABORT] += 1

    def _refuse(self) -> None:
        """The next request can never fit."""
        self._queued_tokens -= self._waiting.popleft().prompt
        self.page.counters[vllm.ERROR] += 1
