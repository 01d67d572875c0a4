"""What is wrong with a recipe, field by field, in sentences a person can act on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from mtop_tui.config.recipe import Recipe
from mtop_tui.config.settings import nearest

_NOUNS = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping",
    "model": "a mapping",
}
_LENGTHS = {"string_too_short", "too_short"}
_BOUNDS = {
    "greater_than_equal": ("of at least", "ge"),
    "greater_than": ("above", "gt"),
    "less_than_equal": ("of at most", "le"),
    "less_than": ("below", "lt"),
}
_LONGEST_VALUE = 40


class Fault(NamedTuple):
    """One wrong field, such as `scenario[0].with.rate`; empty for the recipe as a whole."""

    field: str
    message: str


class RecipeError(Exception):
    """A recipe that cannot be used."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{one.field}: {one.message}" for one in self.faults))


def recipe_of(body: object) -> Recipe:
    """The recipe that a YAML document says.

    Raises:
        RecipeError: with all that is wrong with its shape; what its words refer to (services,
            faults and their parameters) is checked by who builds its fleet.
    """
    if not isinstance(body, Mapping):
        raise RecipeError(
            [Fault("", f"expected a recipe, got {_shown(body)}; see docs/recipes.md")]
        )
    try:
        return Recipe.model_validate(dict(body))
    except ValidationError as error:
        raise RecipeError(_faults(error)) from None


def _faults(error: ValidationError) -> list[Fault]:
    found: dict[str, Fault] = {}
    for one in error.errors(include_url=False):
        field = _field(one["loc"])
        found.setdefault(field, Fault(field, _message(one, field)))
    return list(found.values())


def _field(loc: tuple[int | str, ...]) -> str:
    field = ""
    for part in loc:
        if isinstance(part, int):
            field += f"[{part}]"
        elif not _is_shape(part):
            field = f"{field}.{part}" if field else part
    return field


def _is_shape(part: str) -> bool:
    """Whether it is pydantic's word for what is wrong rather than a key of the recipe."""
    return part == "[key]"


def _message(one: Mapping[str, Any], field: str) -> str:
    kind, value, context = one["type"], one["input"], one.get("ctx", {})
    if kind == "missing":
        return "is missing; add it"
    if kind == "extra_forbidden":
        hint = nearest(field.rpartition(".")[2], _keys(one["loc"]))
        return f"no such key{hint or '; remove it'}"
    if kind == "value_error":
        said = str(context["error"])
        return f"{said}, got {_shown(value)}" if said.startswith("expected a duration") else said
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"expected a number {words} {context[name]:g}, got {_shown(value)}"
    if kind == "literal_error":
        return f"expected {context['expected']}, got {_shown(value)}"
    if kind in _LENGTHS:
        return "is empty; write something, or remove it"
    if kind == "string_too_long":
        return f"expected at most {context['max_length']} characters, got {len(value)}"
    if kind == "string_pattern_mismatch":
        return (
            "expected a name of lower-case letters, digits and -, services as NAMESPACE/NAME, "
            f"got {_shown(value)}"
        )
    if kind == "finite_number":
        return f"expected a finite number, got {_shown(value)}"
    noun = _NOUNS.get(kind.removesuffix("_type"))
    if noun is not None:
        return f"expected {noun}, got {_shown(value)}{_number_hint(noun, value)}"
    return f"{one['msg'][:1].lower()}{one['msg'][1:]}, got {_shown(value)}"


def _keys(loc: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys that are known where an unknown one stands."""
    model: type[BaseModel] | None = Recipe
    for part in loc[:-1]:
        if isinstance(part, str) and model is not None and not _is_shape(part):
            model = _below(model, part)
    if model is None:
        return ()
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _below(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    for name, field in model.model_fields.items():
        if key in {name, field.alias}:
            return _model_in(field.annotation)
    return model  # a key of a mapping: its values are what the mapping's annotation named


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found is not None:
            return found
    return None


def _number_hint(noun: str, value: object) -> str:
    """What is meant by text where a number belongs: YAML takes `1e6` for text."""
    if noun not in {_NOUNS["int"], _NOUNS["float"]} or not isinstance(value, str):
        return ""
    try:
        number = float(value)
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    return f"; write {int(number) if number.is_integer() else number} without quotes"


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f'"{_cut(value)}"'
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
