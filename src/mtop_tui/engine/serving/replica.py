"""One replica, request by request: a discrete-event simulation of a continuously batching engine.

Time moves from step to step. A step that reads prompts is simulated by itself; steps that only
decode follow each other in closed form, see `batch`. What happens is counted into the engine's
metrics page, so its counters agree.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random

from mtop_tui.engine import vllm
from mtop_tui.engine.serving.batch import Batch
from mtop_tui.engine.serving.counting import Latencies, Meter, ReplicaStats
from mtop_tui.engine.serving.prefixes import BLOCK
from mtop_tui.engine.serving.profiles import ServingProfile
from mtop_tui.engine.serving.requests import UNCHANGED, Factors, Request
from mtop_tui.engine.serving.sequences import Sequence, Served
from mtop_tui.engine.serving.step_time import step_rates

__all__ = ["PATIENCE", "WARM_UP", "ReplicaServer", "ReplicaStats", "Served"]

PATIENCE = 120.0
"""Seconds after which clients give up waiting for a first token."""

WARM_UP = 2.0
"""Seconds that the first step of a new process takes longer: kernels are still being built."""


class ReplicaServer:
    """One replica that serves.

    Args:
        profile: how it serves.
        random: its own stream.
        at: when its process began to serve, in Unix seconds.
        warm: whether it has served before; the first step of a process is slow.
        patience: seconds after which a waiting client gives up.

    Attributes:
        at: up to when it has served.
    """

    __slots__ = (
        "_batch",
        "_factors",
        "_growth",
        "_latencies",
        "_meter",
        "_page",
        "_partial",
        "_patience",
        "_policy",
        "_preempted",
        "_profile",
        "_queued_tokens",
        "_random",
        "_reads",
        "_waiting",
        "_warm_up",
        "at",
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
        self.at = at
        self._page = vllm.Page()
        self._latencies = Latencies((random.random(), random.random()))
        self._growth = 0 if profile.policy.reserves_output else 1
        self._batch = Batch(
            self._page,
            self._latencies,
            at,
            growth=self._growth,
            reads=profile.role != "decode",
            answers=profile.role != "prefill",
        )
        self._waiting: deque[Request] = deque()
        self._preempted: list[Sequence] = []
        # The one whose prompt did not fit into one step.
        self._partial: Sequence | None = None
        self._queued_tokens = 0
        self._reads = profile.role != "decode"
        self._warm_up = 0.0 if warm else WARM_UP
        self._patience = patience
        self._meter = Meter(at)
        self.factors = UNCHANGED

    @property
    def factors(self) -> Factors:
        """What is wrong with it; may be set at any time and holds from the next step on."""
        return self._factors

    @factors.setter
    def factors(self, factors: Factors) -> None:
        batch = self._batch
        self._latencies.count(self._page, batch.added)
        self._factors = factors
        # The usual constants are shared by all replicas of a profile, and so stay in the cache.
        usual = factors == UNCHANGED
        batch.rates = self._profile.rates if usual else step_rates(self._profile.costs, factors)
        batch.capacity = batch.rates.kv_tokens
        batch.added = self._profile.request_overhead + factors.network

    @property
    def on_end(self) -> Callable[[Served], None] | None:
        """Called with each request that was answered in full."""
        return self._batch.on_end

    @on_end.setter
    def on_end(self, on_end: Callable[[Served], None]) -> None:
        self._batch.on_end = on_end

    @property
    def page(self) -> vllm.Page:
        """What its metrics endpoint shows at `at`."""
        page, at = self._page, self.at
        self._latencies.count(page, self._batch.added)
        page.running = len(self._batch.sequences) + (self._partial is not None)
        page.waiting = self.waiting_at(at)
        page.kv_usage = self.kv_usage
        # Each token of an answer is its first or comes after an interval.
        page.counters[vllm.GENERATION_TOKENS] = self._batch.begun + sum(page.buckets[vllm.ITL])
        # Every prompt token is looked for in the prefix cache.
        page.counters[vllm.PREFIX_QUERIES] = page.counters[vllm.PROMPT_TOKENS]
        return page

    @property
    def running(self) -> int:
        """Requests that decode."""
        return len(self._batch.sequences)

    @property
    def waiting(self) -> int:
        """Requests that are not admitted yet, evicted ones included."""
        return len(self._waiting) + len(self._preempted)

    def waiting_at(self, at: float) -> int:
        """Those of them that have come by then, if nothing moves until then."""
        waiting = self.waiting
        if self._waiting and self._waiting[-1].at > at:
            waiting -= sum(one.at > at for one in self._waiting)
        return waiting

    @property
    def kv_usage(self) -> float:
        """Share of the KV cache in use, 0 to 1."""
        batch = self._batch
        if batch.capacity <= 0:
            return 0.0
        return min(1.0, (batch.held + batch.prefixes.pinned) / batch.capacity)

    @property
    def load(self) -> int:
        """Tokens it holds or has still to read, for whoever chooses between replicas."""
        return self._batch.held + self._queued_tokens

    def submit(self, request: Request) -> None:
        """Take a request, which waits from `request.at` on. First come, first served."""
        if self._factors.error_rate and self._random.random() < self._factors.error_rate:
            self._page.counters[vllm.ERROR] += 1.0
            return
        self._queued_tokens += request.prompt
        self._waiting.append(request)

    def advance(self, until: float) -> None:
        """Serve from `at` until then."""
        if self._factors.hung:
            batch = self._batch
            if until > batch.clock:
                batch.stand_still(until - batch.clock)
                batch.clock = until
        else:
            self._serve(until)
        self.at = until
        if self._waiting and self._waiting[0].at < until - self._patience:
            self._give_up(until - self._patience)

    def drop_all(self) -> list[Request]:
        """The process died: every request it had, oldest first. It starts over empty."""
        begun = self._batch.sequences + self._preempted
        if self._partial is not None:
            begun.append(self._partial)
        lost = [one.request for one in begun] + list(self._waiting)
        lost.sort(key=lambda one: one.at)
        self._waiting.clear()
        self._preempted, self._partial = [], None
        self._batch.clear()
        self._queued_tokens = 0
        self._warm_up = WARM_UP
        return lost

    def flush_prefixes(self) -> None:
        """Forget every prefix that no running request uses."""
        self._batch.prefixes.shrink(0.0)

    def stats(self) -> ReplicaStats:
        """Its state, with rates since the last call."""
        return self._meter.read(self.page, self.at)

    def _serve(self, until: float) -> None:
        waiting, batch, most = self._waiting, self._batch, self._policy.sequences
        decoding, watched = batch.sequences, batch.on_end is not None
        while (clock := batch.clock) < until:
            # Like vLLM, a step that had to evict admits nobody.
            evicted = self._growth and len(decoding) > 1 and batch.crowded
            if evicted:
                self._preempt()
            admits = not evicted and (self._preempted or (waiting and waiting[0].at <= clock))
            if (admits or self._partial) and self._read_step(admits=bool(admits)):
                continue
            if decoding:
                # Whoever waits already may be let in by the first that ends.
                target, once = until, watched or bool(self._preempted)
                if waiting and not self._preempted:
                    if waiting[0].at <= clock or len(decoding) >= most:
                        once = True
                    elif waiting[0].at < until:
                        target = waiting[0].at
                batch.decode(target, once=once)
            elif waiting and waiting[0].at < until:
                batch.clock = max(clock, waiting[0].at)
            else:
                batch.clock = until

    def _preempt(self) -> None:
        """Evict the newest until the next step has room."""
        batch = self._batch
        while len(batch.sequences) > 1 and batch.crowded:
            self._preempted.append(batch.evict())
            self._page.counters[vllm.PREEMPTIONS] += 1.0

    def _read_step(self, *, admits: bool) -> bool:
        """One step that reads prompts; what decodes goes on beside them, if the engine can.

        False when there is nothing to read, because nobody was let in.
        """
        batch, policy = self._batch, self._policy
        rates, decoding = batch.rates, len(batch.sequences)
        running = 0 if policy.prefill_alone else decoding
        budget = policy.batched_tokens - running
        tokens, pairs = 0, 0.0
        done: list[Sequence] = []
        sequence, self._partial = self._partial, None
        while sequence is not None or (
            admits
            and budget > 0
            and decoding + len(done) < policy.sequences
            and (sequence := self._admit(budget, done))
        ):
            take = sequence.left
            if take > budget and policy.chunked:
                take = max(budget, 1)
            tokens += take
            pairs += take * (sequence.read + take * 0.5)
            budget -= take
            if take < sequence.left:
                sequence.read += take
                sequence.left -= take
                self._partial = sequence
                break
            done.append(sequence)
            sequence = None
        if not tokens:
            return False
        took = rates.fixed + tokens * rates.per_prompt_token + pairs * rates.per_pair
        if running:
            took += running * rates.per_sequence + batch.context * rates.per_context
        if rates.experts:
            took += rates.experts * (1.0 - rates.expert_miss ** (tokens + running))
        if self._warm_up:
            took += self._warm_up
            self._warm_up = 0.0
        batch.clock += took
        if running:
            batch.step(took)
        elif decoding:
            batch.stand_still(took)
        for one in done:
            batch.join(one)
        return True

    def _admit(self, budget: int, admitted: list[Sequence]) -> Sequence | None:
        """The next one for whom there is room, evicted requests first; None if there is none.

        `budget` is what the step can still read beside those `admitted` to it before.
        """
        batch, policy, waiting = self._batch, self._policy, self._waiting
        if not (self._preempted or (waiting and waiting[0].at <= batch.clock)):
            return None
        prefixes = batch.prefixes
        # Where nobody else is, there never will be more room.
        alone = not (admitted or batch.sequences)
        room = batch.capacity - batch.held - prefixes.pinned
        room -= policy.reserve * len(batch.sequences)
        if self._preempted:
            sequence = self._preempted[-1]
            need = sequence.own + sequence.generated
            if need > room and not alone:
                return None
            batch.held += need
            return self._preempted.pop()
        while waiting and (request := waiting[0]).at <= batch.clock:
            if batch.clock - request.at > self._patience:
                self._give_up(batch.clock - self._patience)
                continue
            prompt = request.prompt
            need = prompt if self._growth else prompt + request.output
            shared = request.cached and min(request.cached, prompt) // BLOCK * BLOCK
            # What a prefix pins is looked up only where it matters.
            if shared and need + prefixes.tokens > room:
                need += prefixes.room(request.group, shared) - shared
            if need > room:
                if not alone:
                    return None
                if need > batch.capacity:
                    self._refuse()
                    continue
            if not policy.chunked and prompt > budget and admitted:
                return None
            waiting.popleft()
            self._queued_tokens -= prompt
            return self._start(request, shared)
        return None

    def _start(self, request: Request, shared: int) -> Sequence:
        """Give a request its place in the KV cache, with what the prefix cache has of it."""
        batch, counters, prompt = self._batch, self._page.counters, request.prompt
        own, found, prefix = prompt, 0, None
        if shared:
            prefix, found = batch.prefixes.use(request.group, shared)
            own -= shared
            # The last prompt token is always computed, for the first answer token comes of it.
            found = min(int(found * self._factors.hit), prompt - 1) // BLOCK * BLOCK
        batch.held += own if self._growth else own + request.output
        if batch.held + batch.prefixes.tokens > batch.capacity:
            batch.prefixes.shrink(batch.capacity - batch.held)
        if self._reads:
            counters[vllm.PROMPT_TOKENS] += prompt
            if found:
                counters[vllm.PREFIX_HITS] += found
        else:
            found = prompt - 1
        return Sequence(request, batch.clock, own, prompt - found, found, prefix)

    def _give_up(self, before: float) -> None:
        """Clients that have waited since `before` go away."""
        waiting = self._waiting
        while waiting and waiting[0].at < before:
            self._queued_tokens -= waiting.popleft().prompt
            self._page.counters[vllm.ABORT] += 1.0

    def _refuse(self) -> None:
        """The next request can never fit."""
        self._queued_tokens -= self._waiting.popleft().prompt
        self._page.counters[vllm.ERROR] += 1.0
