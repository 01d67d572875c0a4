"""What a simulated service is asked to do, as annotations on its manifest say it.

They are hints for the simulation only, so a manifest without any is complete: the engine then
chooses its own load for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

import msgspec

PREFIX = "sim.mtop.dev/"
REQUEST_RATE = f"{PREFIX}requests-per-second"
MEAN_PROMPT = f"{PREFIX}prompt-tokens"
MEAN_OUTPUT = f"{PREFIX}output-tokens"
AGE = f"{PREFIX}age"
FAULT = f"{PREFIX}fault"

_KNOWN = (AGE, FAULT, MEAN_OUTPUT, MEAN_PROMPT, REQUEST_RATE)

IMAGE_PULL = "image-pull"

_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_PERIOD = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_PERIOD_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


class Demand(msgspec.Struct, frozen=True):
    """The load on a service and how it starts. None leaves the choice to the engine.

    Attributes:
        requests_per_second: mean arrival rate over all replicas; 0 is a service nobody calls.
        prompt_tokens: mean prompt length of a request, in tokens.
        output_tokens: mean length of an answer, in tokens.
        age: seconds since the service was created when the simulation starts.
        image_pull_fails: its image cannot be pulled, so no replica ever starts.
    """

    requests_per_second: float | None = None
    prompt_tokens: float | None = None
    output_tokens: float | None = None
    age: float | None = None
    image_pull_fails: bool = False


UNSTATED = Demand()
"""No hint at all."""


def demand_of(annotations: Mapping[str, str]) -> tuple[Demand, dict[str, str]]:
    """The hints among a service's annotations, and what is wrong with those that are not usable.

    The latter by annotation: a hint mtop does not know, or a value it cannot read, with what was
    expected and what stood there. Annotations that are no hints are ignored.
    """
    wrong: dict[str, str] = {}

    def read(name: str, parse: Callable[[str], float]) -> float | None:
        stated = annotations.get(name)
        if stated is None:
            return None
        try:
            return parse(stated.strip())
        except ValueError as error:
            wrong[name] = f"expected {error}, got {stated!r}"
            return None

    demand = Demand(
        requests_per_second=read(REQUEST_RATE, _rate),
        prompt_tokens=read(MEAN_PROMPT, _tokens),
        output_tokens=read(MEAN_OUTPUT, _tokens),
        age=read(AGE, _seconds),
        image_pull_fails=bool(read(FAULT, _pull_fault)),
    )
    for name in annotations:
        if name.startswith(PREFIX) and name not in _KNOWN:
            wrong[name] = f"no such hint; known are {', '.join(_KNOWN)}"
    return demand, wrong


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _rate(text: str) -> float:
    rate = _number(text)
    if not rate >= 0:
        raise ValueError('requests per second of 0 or more, such as "2.5"')
    return rate


def _tokens(text: str) -> float:
    tokens = _number(text)
    if not tokens >= 1:
        raise ValueError('a mean number of tokens of 1 or more, such as "900"')
    return tokens


def _seconds(text: str) -> float:
    if not _PERIOD.fullmatch(text):
        raise ValueError('a period such as "190s", "15m", "36h" or "2d"')
    age = sum(float(size) * _UNIT_SECONDS[unit] for size, unit in _PERIOD_PART.findall(text))
    if not math.isfinite(age):
        raise ValueError("a period shorter than that")
    return age


def _pull_fault(text: str) -> float:
    if text != IMAGE_PULL:
        raise ValueError(f'"{IMAGE_PULL}"')
    return 1.0
