"""What is wrong with one field of an object, in a sentence a person can act on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Compiled when something is wrong: most start-ups never need them.
_AT = r"(?s)^(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?$"
_EXPECTED = r"Expected `(?P<types>[^`]+)`(?P<rule>[^,]*)(?:, got `(?P<got>[^`]+)`)?"
_MISSING = r"Object missing required field `(?P<name>[^`]+)`"
_STEP = r"\[(\d+)\]|\[(\.\.\.)\]|([^.\[\]]+)"
_LONGEST_VALUE = 40

_QUANTITY = 'a quantity such as 1 or "500m"'
_NOUNS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "object": "a mapping",
    "array": "a list",
}


class FieldError(ValueError):
    """A field that cannot be read.

    Attributes:
        field: where, such as `spec.template.containers[0].name`.
        message: what was expected, what stood there, what to do.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def field_error(validation: str, body: Mapping[str, Any]) -> FieldError:
    """msgspec's message about `body`, turned into a sentence about the field it names."""
    parts = re.match(_AT, validation)
    what, path = (parts["what"], parts["path"] or "") if parts else (validation, "")
    missing = re.match(_MISSING, what)
    if missing:
        field, _ = _found(path, body, "")
        return FieldError(f"{field}.{missing['name']}".lstrip("."), "is missing; add it")
    expected = re.match(_EXPECTED, what)
    if not expected:
        return FieldError(_found(path, body, "")[0] or "document", what)
    field, value = _found(path, body, expected["types"])
    kinds = [name for name in expected["types"].split(" | ") if name != "null"]
    types = [_QUANTITY] if len(kinds) > 1 else [_NOUNS.get(name, name) for name in kinds]
    noun = types[0] + _rule(expected["rule"])
    return FieldError(
        field or "document", f"expected {noun}, got {shown(value)}; {_advice(types, value)}"
    )


def shown(value: Any) -> str:
    """A value in a few words, for a message: its kind, and the value where it is short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        text = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
        return f'the text "{text}"'
    return f"the number {value}"


def _rule(rule: str) -> str:
    if rule.startswith(" matching regex"):
        return ' such as "25%"'  # the one pattern that the schema has
    return rule.replace(" >= ", " of at least ").replace(" <= ", " of at most ")


def _advice(nouns: list[str], value: Any) -> str:
    scalar = isinstance(value, bool | int | float)
    if "text" in nouns and scalar:
        return "put it in quotes"
    if "a whole number" in nouns and isinstance(value, str) and value.strip().isdigit():
        return "remove the quotes"
    return "correct or remove it"


def _found(path: str, body: Any, types: str) -> tuple[str, Any]:
    """The path in words, and the value there; `[...]` becomes the key that is at fault."""
    field, value = "", body
    for index, anything, name in re.findall(_STEP, path):
        if index:
            field += f"[{index}]"
            value = value[int(index)] if isinstance(value, list) else None
            continue
        key = _culprit(value, types) if anything else name
        field = f"{field}.{key}" if field else str(key)
        value = value.get(key) if isinstance(value, Mapping) else None
    return field, value


def _culprit(mapping: Any, types: str) -> str:
    fits = (str, int, float) if "int" in types or "float" in types else (str,)
    if isinstance(mapping, Mapping):
        for key, value in mapping.items():
            if isinstance(value, bool) or not isinstance(value, fits):
                return str(key)
    return "*"
