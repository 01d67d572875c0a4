"""Whether two sides of a rollout serve under like circumstances, so that comparing them is fair."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Circumstance(StrEnum):
    """What must be alike."""

    LOAD = "load per replica"
    PROMPTS = "prompt length"
    ANSWERS = "answer length"
    CACHE = "prefix-cache hit ratio"
    QUEUE = "queue per replica"
    AGE = "pod age"


@dataclass(frozen=True)
class Side:
    """How one side served in a window; None where it is not known.

    Requests per second per replica, mean prompt and answer tokens, hit ratio 0 to 1, waiting
    requests per replica, and seconds since its youngest serving pod became ready.
    """

    load: float | None = None
    prompt_tokens: float | None = None
    answer_tokens: float | None = None
    hit_ratio: float | None = None
    queue: float | None = None
    ready_for: float | None = None


@dataclass(frozen=True)
class Limits:
    """From where on circumstances are unlike.

    Loads and lengths by the ratio of the larger to the smaller, hit ratios and queues by their
    difference; a pod is compared from `warm_up` seconds after Ready, as its cache is cold before.
    """

    load: float = 1.5
    tokens: float = 1.25
    hit_ratio: float = 0.15
    queue: float = 2.0
    warm_up: float = 300.0


def differences(
    baseline: Side, canary: Side, limits: Limits | None = None
) -> dict[Circumstance, str]:
    """The circumstances in which the sides differ too much, each with a sentence.

    What is not known (None or NaN) of either side is not held against the comparison. A load or
    length of 0 on one side only is unlike.
    """
    limits = limits or Limits()
    found = (
        (Circumstance.LOAD, _by_ratio(baseline.load, canary.load, limits.load, "req/s")),
        (
            Circumstance.PROMPTS,
            _by_ratio(baseline.prompt_tokens, canary.prompt_tokens, limits.tokens, "tokens"),
        ),
        (
            Circumstance.ANSWERS,
            _by_ratio(baseline.answer_tokens, canary.answer_tokens, limits.tokens, "tokens"),
        ),
        (Circumstance.CACHE, _by_distance(baseline.hit_ratio, canary.hit_ratio, limits.hit_ratio)),
        (Circumstance.QUEUE, _by_distance(baseline.queue, canary.queue, limits.queue)),
        (Circumstance.AGE, _by_age(baseline.ready_for, canary.ready_for, limits.warm_up)),
    )
    return {what: f"{what}: {how}" for what, how in found if how is not None}


def _by_ratio(base: float | None, new: float | None, limit: float, unit: str) -> str | None:
    if base is None or new is None or not max(base, new) > limit * min(base, new):
        return None
    return (
        f"canary {new:.3g} {unit}, baseline {base:.3g} {unit}; "
        f"compared up to {limit:g} times one another"
    )


def _by_distance(base: float | None, new: float | None, limit: float) -> str | None:
    if base is None or new is None or not abs(base - new) > limit:
        return None
    return f"canary {new:.2f}, baseline {base:.2f}; compared up to {limit:g} apart"


def _by_age(base: float | None, new: float | None, warm_up: float) -> str | None:
    young = [
        f"youngest pod of the {side} ready for {age:.0f} s"
        for side, age in (("canary", new), ("baseline", base))
        if age is not None and age < warm_up
    ]
    if not young:
        return None
    return f"{' and '.join(young)}; compared from {warm_up:.0f} s, once its cache is warm"
