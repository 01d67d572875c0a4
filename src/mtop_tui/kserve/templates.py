"""Go template expressions in configs: fill in the plain ones, never show the others.

KServe's controller renders the merged spec as one Go template. mtop fills in names only. A value
that still holds an expression afterwards is not known, so it is taken out, and where it stood is
remembered: a field whose value is unknown is not the same as a field nobody set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_MARK = "{{"
_PLAIN = re.compile(r"\{\{ ?(\.[A-Za-z]+(?:\.[A-Za-z]+)*) ?\}\}")


class Filled(NamedTuple):
    """A value without templates, and the paths of what had to be left out."""

    value: Any
    unknown: frozenset[str]


def fill(value: Any, names: Mapping[str, str]) -> Filled:
    """`value` with expressions such as `{{ .Name }}` replaced from `names` (key ".Name").

    Paths look like `template.containers[0].image`, as they are in `value`.
    """
    unknown: list[str] = []
    filled = _filled(value, names, "", unknown)
    return Filled(None if filled is _LEFT_OUT else filled, frozenset(unknown))


def without_templates(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """`body` without the values that hold an expression."""
    value: Mapping[str, Any] = fill(body, {}).value
    return value


_LEFT_OUT: Any = object()


def _filled(value: Any, names: Mapping[str, str], path: str, unknown: list[str]) -> Any:
    if isinstance(value, str):
        if _MARK not in value:
            return value
        text = _PLAIN.sub(lambda match: names.get(match[1], match[0]), value)
        if _MARK not in text:
            return text
        unknown.append(path)
        return _LEFT_OUT
    if isinstance(value, dict):
        items = {}
        for key, item in value.items():
            inner = f"{path}.{key}" if path else str(key)
            if _MARK in str(key):
                unknown.append(inner)
            elif (kept := _filled(item, names, inner, unknown)) is not _LEFT_OUT:
                items[key] = kept
        return items
    if isinstance(value, list):
        kept_items = (
            _filled(item, names, f"{path}[{index}]", unknown) for index, item in enumerate(value)
        )
        return [item for item in kept_items if item is not _LEFT_OUT]
    return value
