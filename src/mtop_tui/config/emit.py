"""Objects as YAML and JSON text that is safe to print: the only way out for a raw object.

Nothing is lost: what a terminal would obey is escaped inside quoted strings, so reading the text
back gives the object. Newlines and tabs stay, in block style.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

from mtop_tui.text import UNSAFE

_FIRST = ("apiVersion", "kind", "metadata")
_LAST = ("status",)
_KEPT = re.compile(r"[\n\t]")


class EmitError(ValueError):
    """The object cannot be written, for instance because it contains itself."""


def as_yaml(body: Mapping[str, Any]) -> str:
    """One object as a YAML document, keys as Kubernetes orders them.

    Raises:
        EmitError: the object contains itself or something YAML has no word for.
    """
    try:
        return str(
            yaml.dump(
                in_kubernetes_order(body),
                Dumper=_Dumper,
                sort_keys=False,
                allow_unicode=True,
                width=100,
            )
        )
    except RecursionError as error:
        raise EmitError("the object contains itself") from error
    except yaml.YAMLError as error:
        raise EmitError(str(error)) from error


def as_json(value: object) -> str:
    """A value as one JSON document, indented; NaN and infinities, which JSON lacks, become null.

    Raises:
        EmitError: the value contains itself or something JSON has no word for.
    """
    try:
        text = json.dumps(_finite(value), indent=2, ensure_ascii=False, default=str)
    except (RecursionError, ValueError) as error:
        raise EmitError("the object contains itself") from error
    # In JSON text such characters can only stand inside strings, except the newlines between.
    return UNSAFE.sub(lambda match: _json_escape(match.group()), text) + "\n"


def in_kubernetes_order(body: Mapping[str, Any]) -> dict[str, Any]:
    """apiVersion, kind and metadata first, status last, the rest as received."""
    middle = [key for key in body if key not in _FIRST + _LAST]
    return {key: body[key] for key in (*_FIRST, *middle, *_LAST) if key in body}


def _json_escape(character: str) -> str:
    return "\n" if character == "\n" else json.dumps(character)[1:-1]


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


class _Dumper(yaml.SafeDumper):
    """Escapes what PyYAML would print as it is (NEL, bidi overrides, zero-width characters)."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def analyze_scalar(self, scalar: str) -> Any:
        # Tabs and line feeds are fine in a block; PyYAML refuses it for the tabs.
        analysis = super().analyze_scalar(scalar.replace("\t", "x") if "\n" in scalar else scalar)
        analysis.scalar = scalar
        if UNSAFE.search(_KEPT.sub("", scalar)):
            analysis.allow_flow_plain = False
            analysis.allow_block_plain = False
            analysis.allow_single_quoted = False
            analysis.allow_block = False
        return analysis

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        self.allow_unicode = not UNSAFE.search(text)
        super().write_double_quoted(text, split)
        self.allow_unicode = True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
