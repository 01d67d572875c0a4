"""What a replica is asked for, and what faults change about it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Request(msgspec.Struct, gc=False):
    """One request to a model.

    Attributes:
        at: when it reaches the replica, in Unix seconds.
        prompt: tokens of the prompt.
        output: tokens of the answer, at least 1.
        cached: leading prompt tokens that requests of the same group share, so that they may be
            in the prefix cache; whether they are depends on what the replica served before.
        group: who shares that prefix: a tenant, a system prompt, a conversation.
        tenant: for accounting; empty when nobody asks.
    """

    at: float
    prompt: int
    output: int
    cached: int = 0
    group: int = 0
    tenant: str = ""


class Factors(msgspec.Struct, frozen=True):
    """What a fault or a revision changes about one replica.

    Attributes:
        compute: arithmetic reached, against the usual; a throttled GPU has less than 1.
        bandwidth: memory bandwidth reached, against the usual.
        overhead: host time per step, layer and sequence, against the usual.
        kv: size of the KV cache, against the usual.
        hit: share of the usual prefix hits that are still found.
        error_rate: share of requests that fail at once, 0 to 1.
        hung: a collective blocks: no token comes out, and what runs stays.
        network: seconds added before a first token.
        link: bandwidth reached between prefill and decode, against the usual.
        transfer_errors: share of KV transfers that fail, 0 to 1.
    """

    compute: float = 1.0
    bandwidth: float = 1.0
    overhead: float = 1.0
    kv: float = 1.0
    hit: float = 1.0
    error_rate: float = 0.0
    hung: bool = False
    network: float = 0.0
    link: float = 1.0
    transfer_errors: float = 0.0


UNCHANGED = Factors()
"""Nothing wrong."""


def combine(factors: Iterable[Factors]) -> Factors:
    """Several changes at once: rates multiply, delays add, and any one error makes a failure."""
    compute = bandwidth = overhead = kv = hit = succeeds = link = arrives = 1.0
    hung, network = False, 0.0
    for one in factors:
        compute *= one.compute
        bandwidth *= one.bandwidth
        overhead *= one.overhead
        kv *= one.kv
        hit *= one.hit
        succeeds *= 1.0 - one.error_rate
        hung = hung or one.hung
        network += one.network
        link *= one.link
        arrives *= 1.0 - one.transfer_errors
    return Factors(
        *(compute, bandwidth, overhead, kv, hit),
        error_rate=1.0 - succeeds,
        hung=hung,
        network=network,
        link=link,
        transfer_errors=1.0 - arrives,
    )
