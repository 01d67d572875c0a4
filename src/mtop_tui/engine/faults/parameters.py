"""Parameters of an action: their kinds, bounds and defaults, and how a value is checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal

import msgspec

from mtop_tui.domain.durations import duration_seconds

Value = float | int | str | bool
Values = Mapping[str, Value]


_LARGEST = 10**18
"""Whole numbers beyond are not looked at any closer: no parameter is as large."""

_SHOWN = 40


class ParameterError(ValueError):
    """A parameter that is not there, is missing, or has a value that cannot be used.

    Attributes:
        name: of the parameter.
        message: what was expected, what stood there.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of an action.

    Attributes:
        name: as written in a recipe.
        about: what it does, with its unit.
        kind: "number" and "whole" have bounds; a "duration" is text such as 90s, or seconds.
        default: taken where nothing is given; None means that it must be given.
        least: smallest value allowed; of text, the characters it must have.
        most: largest value allowed.
        drawn: the range from which a drawn fault takes it; None keeps the default. A choice is
            drawn from all that it may be.
        choices: what a "choice" may be.
    """

    name: str
    about: str
    kind: Literal["number", "whole", "duration", "text", "choice", "flag"] = "number"
    default: Value | None = None
    least: float = 0.0
    most: float = math.inf
    drawn: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if self.kind == "choice":
            return f"one of {', '.join(self.choices)}"
        if self.kind == "flag":
            return "true or false"
        if self.kind == "text":
            return "text that is not empty" if self.least else "text"
        noun = {"whole": "a whole number", "duration": "a duration such as 90s or 10m"}
        what = noun.get(self.kind, "a number")
        if math.isinf(self.most):
            return f"{what} of at least {self.least:g}"
        return f"{what} from {self.least:g} to {self.most:g}"

    def read(self, given: object) -> Value:
        """The value, as the action takes it.

        Raises:
            ParameterError: it is of another kind or out of bounds.
        """
        if self.kind == "flag":
            if isinstance(given, bool):
                return given
        elif self.kind == "choice":
            if isinstance(given, str) and given in self.choices:
                return given
        elif self.kind == "text":
            if isinstance(given, str) and len(given.strip()) >= self.least:
                return given
        else:
            number = self._number(given)
            if self.least <= number <= self.most:
                return int(number) if self.kind == "whole" else number
        raise ParameterError(self.name, f"expected {self.expected}, got {_shown(given)}")

    def draw(self, random: Random) -> Value | None:
        """A value of the range it may be drawn from, one of the choices, or the default."""
        if self.kind == "choice":
            return random.choice(self.choices)
        if self.drawn is None:
            return self.default
        low, high = self.drawn
        return (
            random.randint(round(low), round(high))
            if self.kind == "whole"
            else (random.uniform(low, high))
        )

    def _number(self, given: object) -> float:
        if isinstance(given, bool) or (isinstance(given, int) and abs(given) > _LARGEST):
            return math.nan
        if isinstance(given, int | float):
            whole = self.kind != "whole" or float(given).is_integer()
            return float(given) if whole else math.nan
        if self.kind == "duration" and isinstance(given, str):
            seconds = duration_seconds(given)
            return math.nan if seconds is None else seconds
        return math.nan


def _shown(given: object) -> str:
    """A value in a few words, as YAML writes it."""
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, list | Mapping):
        return "a list" if isinstance(given, list) else "a mapping"
    text = str(given)
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return f'"{text}"' if isinstance(given, str) else text


def read_values(parameters: Sequence[Parameter], given: Mapping[str, object]) -> dict[str, Value]:
    """What was given and the defaults of what was not.

    Raises:
        ParameterError: a name that is not among the parameters, one that is missing, or a value
            that cannot be used.
    """
    known = {one.name: one for one in parameters}
    for name in given:
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "there are none"
            raise ParameterError(name, f"no such parameter; {there}")
    values: dict[str, Value] = {}
    for one in parameters:
        stated = given.get(one.name, one.default)
        if stated is None:
            raise ParameterError(one.name, f"is missing; expected {one.expected}")
        values[one.name] = one.read(stated)
    return values


def drawn_values(parameters: Sequence[Parameter], random: Random) -> dict[str, Value]:
    """A strength for each parameter, drawn in the order in which they are declared."""
    drawn = ((one.name, one.draw(random)) for one in parameters)
    return {name: value for name, value in drawn if value is not None}
