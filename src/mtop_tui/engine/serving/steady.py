"""Where a replica settles under a steady load: formulas instead of single requests.

In a step of length T arrive `rate * T` prompts, and by Little's law `rate * output * T` requests
decode, so T stands on both sides of its own equation; solved for T.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from mtop_tui.engine.serving.requests import UNCHANGED, Factors
from mtop_tui.engine.serving.step_time import StepRates, step_rates

if TYPE_CHECKING:
    from mtop_tui.engine.serving.profiles import ServingProfile


class Lengths(msgspec.Struct, frozen=True):
    """Mean lengths of a service's requests in tokens, and the share of a prompt found cached."""

    prompt: float
    output: float
    hit: float = 0.0

    @property
    def held(self) -> float:
        """Tokens a running request holds in the KV cache, on average over its life."""
        return self.prompt + self.output / 2


class Steady(msgspec.Struct, frozen=True):
    """What a replica settles at. Times in seconds, `kv_usage` 0 to 1.

    `utilisation` is the load over the capacity; above 1 the queue grows by `growth` requests a
    second, and `wait` is that of an empty queue.
    """

    step: float
    prefill: float
    wait: float
    running: float
    kv_usage: float
    utilisation: float
    growth: float
    capacity: float


def role_lengths(profile: ServingProfile, lengths: Lengths) -> Lengths:
    """The lengths that replicas of this role see."""
    if profile.role == "prefill":
        return Lengths(lengths.prompt, 1.0, lengths.hit)
    if profile.role == "decode":
        return Lengths(lengths.prompt, lengths.output, 1.0)
    return lengths


def max_batch(profile: ServingProfile, rates: StepRates, lengths: Lengths) -> float:
    """Requests that can run at once: bounded by the KV cache and by the scheduler."""
    if rates.kv_tokens <= 0:
        return 0.0
    kept = lengths.output if profile.policy.reserves_output else lengths.output / 2
    room = rates.kv_tokens / (lengths.prompt + kept)
    return max(1.0, min(float(profile.policy.sequences), room))


def full_step(rates: StepRates, lengths: Lengths, batch: float) -> float:
    """Seconds per step with this batch when each request that ends is replaced at once."""
    admitted = batch / lengths.output
    return rates.decode(batch, batch * lengths.held) + admitted * rates.prefill(
        lengths.prompt, lengths.hit
    )


def request_cost(rates: StepRates, lengths: Lengths) -> float:
    """Seconds of steps that one request takes for itself, whatever else is in them."""
    return (
        rates.prefill(lengths.prompt, lengths.hit)
        + lengths.output * rates.per_sequence
        + lengths.output * lengths.held * rates.per_context
    )


def loaded_step(rates: StepRates, lengths: Lengths, rate: float, batch: float) -> float:
    """Seconds per step at a rate below capacity.

    What experts add is not linear in the batch and is iterated.
    """
    share = min(rate * request_cost(rates, lengths), 0.999)
    least = rates.decode(1.0, lengths.held)
    step = least
    for _ in range(8 if rates.experts else 1):
        running = max(1.0, rate * lengths.output * step)
        base = rates.fixed + rates.experts * (1.0 - rates.expert_miss**running)
        step = max(base / (1.0 - share), least)
    return min(step, max(full_step(rates, lengths, batch), least))


def capacity(profile: ServingProfile, lengths: Lengths, factors: Factors = UNCHANGED) -> float:
    """Requests per second at which the queue starts to grow; 0 when the model does not fit."""
    rates = profile.rates if factors is UNCHANGED else step_rates(profile.costs, factors)
    lengths = role_lengths(profile, lengths)
    batch = max_batch(profile, rates, lengths)
    return batch / (lengths.output * full_step(rates, lengths, batch)) if batch else 0.0


def steady(
    profile: ServingProfile, lengths: Lengths, rate: float, factors: Factors = UNCHANGED
) -> Steady:
    """Where a replica settles under `rate` requests per second."""
    rates = profile.rates if factors is UNCHANGED else step_rates(profile.costs, factors)
    lengths = role_lengths(profile, lengths)
    batch = max_batch(profile, rates, lengths)
    if not batch:
        return Steady(math.inf, math.inf, 0.0, 0.0, 0.0, math.inf, rate, 0.0)
    full = full_step(rates, lengths, batch)
    most = batch / (lengths.output * full)
    utilisation = rate / most
    step = full if utilisation >= 1.0 else loaded_step(rates, lengths, rate, batch)
    running = min(batch, rate * lengths.output * step)
    reading = rates.prefill(lengths.prompt, lengths.hit)
    return Steady(
        step=step,
        prefill=step + reading,
        wait=queue_wait(rate, reading, utilisation, batch, lengths.output * step),
        running=running,
        kv_usage=min(1.0, running * lengths.held / rates.kv_tokens),
        utilisation=utilisation,
        growth=max(0.0, rate - most),
        capacity=most,
    )


def queue_wait(rate: float, reading: float, utilisation: float, batch: float, life: float) -> float:
    """Seconds a request waits: for prompts before it to be read, and for a place in the batch.

    The first is an M/G/1 queue with exponential variation, the second Sakasegawa's approximation
    of M/M/c (1977), which matters where the batch is nearly full.
    """
    busy = min(rate * reading, 0.95)
    full = min(utilisation, 0.98)
    taken = math.pow(full, math.sqrt(2.0 * (batch + 1.0)) - 1.0)
    place = taken / (batch * (1.0 - full)) * life
    return busy * reading / (1.0 - busy) + place
