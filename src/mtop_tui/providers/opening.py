"""How another source is asked for and opened while the app runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from mtop_tui.config.settings import SEED, SPEED, Rule, nearest

if TYPE_CHECKING:
    from mtop_tui.clock import Clock
    from mtop_tui.providers.base import FleetProvider
    from mtop_tui.state.fleet import FleetStore
    from mtop_tui.views.sources import SourceChoice, SourceKind

Number = TypeVar("Number", int, float)


class SourceRequest(NamedTuple):
    """Which source is wanted. `seed`, `speed` and `target` are its own where they are None."""

    kind: SourceKind
    name: str
    seed: int | None = None
    speed: float | None = None
    target: str | None = None


class RequestError(ValueError):
    """A line that asks for no source; the message says what was expected."""


class CannotOpenError(Exception):
    """A source that could not be opened; nothing was begun.

    Attributes:
        problems: each with file, line and field, where it has them.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class OpenedSource(NamedTuple):
    """A source that was not observed yet, an empty store for it, its clock, and what it lacks."""

    provider: FleetProvider
    store: FleetStore
    clock: Clock
    complaints: tuple[str, ...]


class Opener(Protocol):
    """Knows which sources there are. Both methods read files: not for the event loop."""

    def choices(self) -> Sequence[SourceChoice]:
        """What can be opened."""
        ...

    def open(self, request: SourceRequest) -> OpenedSource:
        """Another source. It holds nothing that would have to be closed until it is observed.

        Raises:
            CannotOpenError: it cannot be used.
        """
        ...


def request_of(choice: SourceChoice, line: str) -> SourceRequest:
    """What a line such as `canary seed=42 speed=4` asks for.

    Raises:
        RequestError: a field that the source does not have, or a value that is none.
    """
    words = line.split()
    fields: dict[str, str] = {}
    while words and "=" in words[-1]:
        name, _, value = words.pop().partition("=")
        if name not in choice.fields:
            raise RequestError(f"{choice.name} takes no {name}{_hint(name, choice)}")
        fields[name] = value
    name = " ".join(words)
    if choice.kind != "recipe" and name not in {"", choice.name}:
        raise RequestError(f"expected {choice.name}, got {name}; a path is for a recipe")
    if not name:
        raise RequestError(f"which source? expected {choice.name} before what is set of it")
    return SourceRequest(
        choice.kind,
        name,
        seed=_number("seed", int, fields, SEED),
        speed=_number("speed", float, fields, SPEED),
        target=fields.get("target"),
    )


def _hint(name: str, choice: SourceChoice) -> str:
    if not choice.fields:
        return "; nothing can be set of it"
    return nearest(name, choice.fields) or f"; it takes {', '.join(choice.fields)}"


def _number(
    name: str, kind: Callable[[str], Number], fields: dict[str, str], rule: Rule
) -> Number | None:
    """The value of a field as a number within its rule; None when it was not given."""
    if name not in fields:
        return None
    try:
        number = kind(fields[name])
    except ValueError:
        number = None
    if number is None or not (rule.least or 0) <= number <= (rule.most or math.inf):
        raise RequestError(f"{name}: expected {rule.expected}, got {fields[name]}")
    return number
