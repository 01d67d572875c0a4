"""What a simulated service is asked to do, as annotations on its manifest say it.

They are hints for the simulation only, so a manifest without any is complete: the engine then
chooses its own load for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from mtop_tui.engine.workload.kinds import KINDS, Kind

PREFIX = "sim.mtop.dev/"
REQUEST_RATE = f"{PREFIX}requests-per-second"
MEAN_PROMPT = f"{PREFIX}prompt-tokens"
MEAN_OUTPUT = f"{PREFIX}output-tokens"
KIND = f"{PREFIX}kind"
BURSTINESS = f"{PREFIX}cv"
DIURNAL = f"{PREFIX}diurnal"
TENANTS = f"{PREFIX}tenants"
CACHED = f"{PREFIX}cached-share"
AGE = f"{PREFIX}age"
FAULT = f"{PREFIX}fault"

_KNOWN = (
    AGE,
    CACHED,
    BURSTINESS,
    DIURNAL,
    FAULT,
    KIND,
    MEAN_OUTPUT,
    MEAN_PROMPT,
    REQUEST_RATE,
    TENANTS,
)

IMAGE_PULL = "image-pull"

_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_PERIOD = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_MOST_RATE, _MOST_TOKENS, _MOST_TENANTS, _MOST_CV = 100_000, 1_000_000, 1_000, 30.0

_Value = TypeVar("_Value")

_PERIOD_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


class Demand(msgspec.Struct, frozen=True):
    """The load on a service and how it starts. None leaves the choice to the engine.

    Attributes:
        requests_per_second: mean arrival rate over all replicas; 0 is a service nobody calls.
        prompt_tokens: mean prompt length of a request, in tokens.
        output_tokens: mean length of an answer, in tokens.
        age: seconds since the service was created when the simulation starts.
        image_pull_fails: its image cannot be pulled, so no replica ever starts.
        kind: what it is used for, which decides all that is left open here.
        cv: standard deviation of the time between two requests over its mean; 1 is Poisson's.
        diurnal: how much the rate follows the hours of the day, 0 (level) to 1.
        tenants: how many send requests.
        cached: share of prompt tokens that some earlier request had, on average, 0 to 1.
    """

    requests_per_second: float | None = None
    prompt_tokens: float | None = None
    output_tokens: float | None = None
    age: float | None = None
    image_pull_fails: bool = False
    kind: Kind | None = None
    cv: float | None = None
    diurnal: float | None = None
    tenants: int | None = None
    cached: float | None = None


UNSTATED = Demand()
"""No hint at all."""


def demand_of(annotations: Mapping[str, str]) -> tuple[Demand, dict[str, str]]:
    """The hints among a service's annotations, and what is wrong with those that are not usable.

    The latter by annotation: a hint mtop does not know, or a value it cannot read, with what was
    expected and what stood there. Annotations that are no hints are ignored.
    """
    wrong: dict[str, str] = {}

    def read(name: str, parse: Callable[[str], _Value]) -> _Value | None:
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
        kind=read(KIND, _kind),
        cv=read(BURSTINESS, _burstiness),
        diurnal=read(DIURNAL, _share),
        tenants=read(TENANTS, _tenants),
        cached=read(CACHED, _share),
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
    if not 0 <= rate <= _MOST_RATE:
        raise ValueError(f'requests per second from 0 to {_MOST_RATE}, such as "2.5"')
    return rate


def _tokens(text: str) -> float:
    tokens = _number(text)
    if not 1 <= tokens <= _MOST_TOKENS:
        raise ValueError(f'a mean number of tokens from 1 to {_MOST_TOKENS}, such as "900"')
    return tokens


def _seconds(text: str) -> float:
    if not _PERIOD.fullmatch(text):
        raise ValueError('a period such as "190s", "15m", "36h" or "2d"')
    age = sum(float(size) * _UNIT_SECONDS[unit] for size, unit in _PERIOD_PART.findall(text))
    if not math.isfinite(age):
        raise ValueError("a period shorter than that")
    return age


def _kind(text: str) -> Kind:
    kind = KINDS.get(text)
    if kind is None:
        raise ValueError(f"one of {', '.join(KINDS)}")
    return kind


def _burstiness(text: str) -> float:
    cv = _number(text)
    if not 0.1 <= cv <= _MOST_CV:
        raise ValueError(f'a coefficient of variation from 0.1 to {_MOST_CV:g}, such as "3"')
    return cv


def _share(text: str) -> float:
    share = _number(text)
    if not 0.0 <= share <= 1.0:
        raise ValueError('a share from 0 to 1, such as "0.4"')
    return share


def _tenants(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= _MOST_TENANTS):
        raise ValueError(f'a whole number from 1 to {_MOST_TENANTS}, such as "20"')
    return int(text)


def _pull_fault(text: str) -> float:
    if text != IMAGE_PULL:
        raise ValueError(f'"{IMAGE_PULL}"')
    return 1.0
