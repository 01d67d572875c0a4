"""Fields of documents that somebody wrote: what stands there, or what was expected there."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from mtop_tui.domain.slo.burn_alerts import Catalogue
from mtop_tui.domain.slo.objectives import Objective
from mtop_tui.domain.slo.periods import PeriodError, parse_duration

_SHOWN = 40
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


class Complaint(NamedTuple):
    """What is to be said of one field of a document; documents count from 1."""

    document: int
    field: str
    message: str

    def __str__(self) -> str:
        where = ", ".join(filter(None, (f"document {self.document}", self.field)))
        return f"{where}: {self.message}"


class Imported(NamedTuple):
    """What documents said.

    `catalogues` are alert windows by period in seconds. `warnings` name what mtop does not take or
    takes otherwise; with `errors` the documents are not to be used.
    """

    objectives: tuple[Objective, ...] = ()
    catalogues: Mapping[float, Catalogue] = {}
    warnings: tuple[Complaint, ...] = ()
    errors: tuple[Complaint, ...] = ()


class FieldError(ValueError):
    """A field that cannot be used: which, and what was expected."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class Field:
    """A value in a document, and the path to it such as `spec.objectives[0].target`."""

    path: str
    value: object

    @property
    def is_set(self) -> bool:
        """Whether anything stands there; null is nothing."""
        return self.value is not None

    def get(self, *keys: str) -> Field:
        """The field under the first of the keys that is there, else the unset field of the first.

        Raises:
            FieldError: this is something else than a mapping.
        """
        if self.value is not None and not isinstance(self.value, Mapping):
            self.fail("a mapping")
        body: Mapping[object, object] = self.value or {}
        key = next((key for key in keys if body.get(key) is not None), keys[0])
        return Field(f"{self.path}.{key}" if self.path else key, body.get(key))

    def items(self) -> list[Field]:
        """The fields of a list; none when unset."""
        if self.value is None:
            return []
        if not isinstance(self.value, (list, tuple)):
            self.fail("a list")
        return [Field(f"{self.path}[{index}]", item) for index, item in enumerate(self.value)]

    def text(self) -> str:
        """Text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.fail("text")
        return self.value.strip()

    def number(self) -> float:
        """A finite number."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.fail("a number")
        if not abs(value) < math.inf:
            self.fail("a finite number")
        try:
            return float(value)
        except OverflowError:
            self.fail("a finite number")

    def flag(self, default: bool = False) -> bool:
        """True or false; `default` when unset."""
        if self.value is None:
            return default
        if not isinstance(self.value, bool):
            self.fail("true or false")
        return self.value

    def duration(self) -> float:
        """Seconds of a duration above 0."""
        try:
            return parse_duration(self.text())
        except PeriodError as error:
            raise FieldError(self.path, f"{error}{self._found()}") from error

    def choice(self, options: Sequence[str]) -> str:
        """One of a few words."""
        if not isinstance(self.value, str) or self.value not in options:
            self.fail(f"one of {', '.join(options)}")
        return self.value

    def fail(self, expected: str) -> NoReturn:
        """Complain that something else was expected.

        Raises:
            FieldError: always.
        """
        raise FieldError(self.path, f"expected {expected}{self._found()}")

    def _found(self) -> str:
        """What stands there, never a whole structure: with aliases it could be endless."""
        if self.value is None:
            return ", found nothing"
        if isinstance(self.value, (Mapping, list, tuple)):
            return f", not a {'mapping' if isinstance(self.value, Mapping) else 'list'}"
        if isinstance(self.value, int) and abs(self.value) >= 10**_SHOWN:
            return ", not a number that long"
        shown = repr(self.value)
        return f", not {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '…'}"


def resource_name(text: str) -> str:
    """A name of lower-case letters, digits and dashes, at most 63, as both formats want it."""
    return _NOT_IN_NAMES.sub("-", text.lower()).strip("-")[:63].strip("-") or "objective"


def unique_names(names: Iterable[str]) -> list[str]:
    """The names as `resource_name`, with a number behind those that would stand twice."""
    seen: set[str] = set()
    unique = []
    for name in names:
        plain = chosen = resource_name(name)
        number = 2
        while chosen in seen:
            chosen = f"{plain[:59]}-{number}"
            number += 1
        seen.add(chosen)
        unique.append(chosen)
    return unique
