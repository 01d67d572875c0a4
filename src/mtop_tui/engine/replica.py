"""One replica as a queue before a batch, advanced from sample to sample.

Requests arrive, wait, run and end; between two samples the running batch moves exponentially
towards where Little's law puts it. What happened is counted into the engine's metrics page, so
the counters agree with each other: every running or ended request has had its first token, and
tokens generated are first tokens plus intervals between tokens.
"""

from __future__ import annotations

import math
from random import Random

import msgspec

from mtop_tui.engine import vllm
from mtop_tui.engine.arrivals import poisson
from mtop_tui.engine.service_time import Load, ServiceTime, held_tokens, queue_wait
from mtop_tui.observations import Role

PATIENCE = 120.0
"""Seconds after which clients give up waiting for a first token."""

_BLOCK = 16
_DRAWS = 6
_LENGTH_SHARE, _ABORT_SHARE, _ERROR_SHARE = 0.08, 0.002, 0.0002

# Token intervals around the step time: most are plain steps, some waited for a prompt to be read.
_INTERVALS = ((0.92, 0.35), (1.0, 0.42), (1.12, 0.15), (1.45, 0.06), (2.4, 0.02))


def _spread(sigma: float, seed: int) -> tuple[float, ...]:
    """Factors with a log-normal spread and a mean of 1, to scale a mean length by."""
    random = Random(seed)
    drawn = [random.lognormvariate(0.0, sigma) for _ in range(256)]
    mean = sum(drawn) / len(drawn)
    return tuple(one / mean for one in drawn)


_PROMPTS = _spread(0.8, 1)
_OUTPUTS = _spread(0.7, 2)


class Profile(msgspec.Struct, frozen=True):
    """What the replicas of one pool have in common.

    Attributes:
        service: the step time of a replica.
        load: mean lengths and prefix hits; its rate is not used.
        role: decode replicas get prompts already read, prefill replicas answer one token.
        capacity: requests per second a replica can sustain.
        batch: requests that run at once at most.
        full_step: seconds of a step with a full batch.
    """

    service: ServiceTime
    load: Load
    role: Role
    capacity: float
    batch: int
    full_step: float


def profile(service: ServiceTime, load: Load, role: Role) -> Profile:
    """The profile of a pool whose requests have the lengths of `load`."""
    if role == "prefill":
        load = Load(load.rate, load.prompt, 1.0, load.hit_ratio)
    elif role == "decode":
        load = Load(load.rate, load.prompt, load.output, 1.0)
    batch = service.max_batch(load)
    full_step = service.full_step(load) if batch else math.inf
    return Profile(service, load, role, service.capacity(load), batch, full_step)


class ReplicaQueue:
    """One replica that serves. `page` is what its metrics endpoint shows at `at`."""

    __slots__ = ("_owed", "_profile", "_random", "_step", "at", "page", "running", "waiting")

    def __init__(self, shape: Profile, random: Random, at: float) -> None:
        self._profile = shape
        self._random = random
        self._owed = [random.random() for _ in range(3)]
        self._step: float | None = None
        self.at = at
        self.page = vllm.Page()
        self.running = 0
        self.waiting = 0

    def advance(self, until: float, rate: float) -> None:
        """Serve from `at` until then, with requests arriving at `rate` per second."""
        elapsed = until - self.at
        self.at = until
        if elapsed <= 0.0:
            return
        shape, random = self._profile, self._random
        arrived = poisson(random, rate * elapsed)
        if not (arrived or self.running or self.waiting):
            self._show(0.0)
            return

        room = shape.capacity * elapsed + shape.batch - self.running + random.random()
        queued = self.waiting
        admitted = min(queued + arrived, max(0, int(room)))
        left = queued + arrived - admitted
        given_up = max(0, left - max(1, int(shape.capacity * PATIENCE)))
        self.waiting = left - given_up

        rate_in = admitted / elapsed
        step, mean_running, target = self._settle(rate_in, elapsed)
        before = self.running
        self.running = min(int(target + random.random()), shape.batch, before + admitted)
        ended = before + admitted - self.running

        serving = step + shape.service.prefill(shape.load.prompt, shape.load.hit_ratio)
        if left:
            wait = (queued / shape.capacity, self.waiting / shape.capacity)
        else:
            mean = queue_wait(min(rate_in / shape.capacity, 0.95), serving)
            wait = (queued / shape.capacity, mean)
        if admitted and shape.role != "decode":
            self._start(admitted, wait, step, backlog=bool(left))
        if shape.role != "prefill":
            self._decode(mean_running * elapsed / step, step)
            self._end(ended, step, wait)
        counters = self.page.counters
        counters[vllm.ABORT] += given_up
        if left and shape.batch * held_tokens(shape.load) > 0.97 * shape.service.kv_tokens:
            counters[vllm.PREEMPTIONS] += poisson(random, 0.05 * ended)
        self._show(0.0 if left else rate_in * wait[1])

    def _settle(self, rate_in: float, elapsed: float) -> tuple[float, float, float]:
        """Step time, mean of the running requests, and where they are at the end."""
        shape = self._profile
        load, service = shape.load, shape.service
        steady = Load(rate_in, load.prompt, load.output, load.hit_ratio)
        step = self._step or service.loaded_step(steady)
        held = held_tokens(load)
        share = min(rate_in * service.prefill(load.prompt, load.hit_ratio), 0.95)
        mean, target = 0.0, 0.0
        for _ in range(2):
            life = load.output * step
            level = min(rate_in * life, float(shape.batch))
            decay = math.exp(-min(elapsed / life, 50.0))
            target = level + (self.running - level) * decay
            mean = level + (self.running - level) * (1.0 - decay) * life / elapsed
            step = service.step(0.0, max(mean, 1.0), max(mean, 1.0) * held) / (1.0 - share)
            step = min(step, shape.full_step)
        self._step = step
        return step, mean, target

    def _start(
        self, admitted: int, wait: tuple[float, float], step: float, *, backlog: bool
    ) -> None:
        """Count requests whose first token came: after the queue, and steps that read it."""
        shape, random, page = self._profile, self._random, self.page
        mean_prompt, hits = shape.load.prompt, shape.load.hit_ratio
        prompt_tokens = 0.0
        for times, position in _groups(admitted):
            prompt = max(1.0, mean_prompt * _PROMPTS[int(random.random() * 256)])
            if backlog:
                queued = wait[0] + (wait[1] - wait[0]) * position
            else:
                queued = wait[0] * (1.0 - position) - wait[1] * math.log(1.0 - random.random())
            prefill = step + shape.service.prefill(prompt, hits)
            prompt_tokens += prompt * times
            page.observe(vllm.QUEUE_TIME, queued, times)
            page.observe(vllm.PREFILL_TIME, prefill, times)
            page.observe(vllm.TTFT, queued + prefill + step * random.random(), times)
        counters = page.counters
        tokens = float(int(prompt_tokens))
        counters[vllm.PROMPT_TOKENS] += tokens
        counters[vllm.PREFIX_QUERIES] += tokens
        counters[vllm.PREFIX_HITS] += float(int(tokens * hits / _BLOCK) * _BLOCK)
        counters[vllm.GENERATION_TOKENS] += admitted

    def _decode(self, tokens: float, step: float) -> None:
        """Count the intervals between tokens."""
        whole = int(tokens + self._random.random())
        left = whole
        for factor, share in _INTERVALS:
            times = min(left, round(whole * share))
            if times:
                self.page.observe(vllm.ITL, step * factor, times)
                left -= times
        if left:
            self.page.observe(vllm.ITL, step, left)
        self.page.counters[vllm.GENERATION_TOKENS] += whole

    def _end(self, ended: int, step: float, wait: tuple[float, float]) -> None:
        """Count requests that ended."""
        if not ended:
            return
        shape, random, page = self._profile, self._random, self.page
        first = step + shape.service.prefill(shape.load.prompt, shape.load.hit_ratio)
        for times, position in _groups(ended):
            output = max(1.0, shape.load.output * _OUTPUTS[int(random.random() * 256)])
            decode = output * step
            queued = wait[0] + (wait[1] - wait[0]) * position
            page.observe(vllm.DECODE_TIME, decode, times)
            page.observe(vllm.E2E, queued + first + decode, times)
        counters, rest = page.counters, ended
        for index, (reason, share) in enumerate(
            ((vllm.ABORT, _ABORT_SHARE), (vllm.ERROR, _ERROR_SHARE), (vllm.LENGTH, _LENGTH_SHARE))
        ):
            self._owed[index] += ended * share
            times = min(int(self._owed[index]), rest)
            self._owed[index] -= times
            counters[reason] += times
            rest -= times
        counters[vllm.STOP] += rest

    def _show(self, about_to_start: float) -> None:
        """Set the gauges. Even without a backlog a reading may catch someone in the queue."""
        shape, page = self._profile, self.page
        page.running = float(self.running)
        page.waiting = float(self.waiting + poisson(self._random, about_to_start))
        if shape.service.kv_tokens > 0:
            held = self.running * held_tokens(shape.load)
            page.kv_usage = min(1.0, held / shape.service.kv_tokens)


def _groups(requests: int) -> list[tuple[int, float]]:
    """Requests in at most `_DRAWS` groups that share one drawn length, and each one's place."""
    draws = min(requests, _DRAWS)
    base, extra = divmod(requests, draws)
    return [(base + (index < extra), (index + 0.5) / draws) for index in range(draws)]
