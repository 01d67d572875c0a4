"""What Go's JSON decoder says of a text that is not JSON; clients show it to people."""

from __future__ import annotations

import json
from typing import Any

_AFTER = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": (
        "looking for beginning of object key string"
    ),
    "Expecting ':' delimiter": "after object key",
    "Extra data": "after top-level value",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
}


class GoJsonError(ValueError):
    """The text is not JSON; the message is Go's."""


def loads(data: bytes) -> Any:
    """The value a JSON text stands for.

    Raises:
        GoJsonError: it is none.
    """
    text = data.decode("utf-8", "surrogateescape")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise GoJsonError(_said(text, error)) from error
    except RecursionError as error:
        raise GoJsonError("exceeded max depth") from error


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError("Expecting value", name, 0)


def _said(text: str, error: json.JSONDecodeError) -> str:
    position = error.pos
    if error.msg.startswith("Unterminated string") or not text[position:].strip():
        return "unexpected end of JSON input"
    while text[position] in " \t\r\n":
        position += 1
    if error.msg == "Expecting ',' delimiter":
        opened = _innermost(text[:position])
        after = "after array element" if opened == "[" else "after object key:value pair"
    else:
        after = _AFTER.get(error.msg, "looking for beginning of value")
    return f"invalid character {_quoted(text[position])} {after}"


def _innermost(text: str) -> str:
    """The bracket that is open at the end of a valid beginning."""
    opened: list[str] = []
    quoted = escaped = False
    for char in text:
        if quoted:
            quoted = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            quoted = True
        elif char in "[{":
            opened.append(char)
        elif char in "]}" and opened:
            opened.pop()
    return opened[-1] if opened else ""


def _quoted(char: str) -> str:
    if char == "'":
        return r"'\''"
    if char == '"':
        return "'\"'"
    if "\udc80" <= char <= "\udcff":
        return f"'\\x{ord(char) - 0xDC00:02x}'"
    return f"'{char}'" if char.isprintable() else repr(char)
