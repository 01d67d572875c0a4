"""Patches of objects: merge patches, strategic ones for built-in kinds, and JSON patches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

from mtop_tui.kserve.strategic import strategic_merge
from mtop_tui.providers.mock.inline import merged
from mtop_tui.serve.entries import Body
from mtop_tui.serve.go_json import GoJsonError, loads
from mtop_tui.serve.resources import Resource
from mtop_tui.serve.status import StatusError, bad_request, unsupported_media_type

MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
JSON: Final = "application/json-patch+json"


def patched(current: Body, resource: Resource, media_type: str, data: bytes) -> Body:
    """An object with a patch applied; `current` stays as it is.

    Raises:
        StatusError: the patch is in a format that is not known here, or makes no sense.
    """
    accepted = [JSON, MERGE] if resource.custom else [JSON, MERGE, STRATEGIC]
    if media_type not in accepted:
        raise unsupported_media_type(accepted)
    try:
        patch = loads(data)
    except GoJsonError as error:
        said = "" if media_type == JSON else "error decoding patch: "
        raise bad_request(f"{said}{error}") from error
    if media_type == JSON:
        return _json_patched(current, patch)
    if not isinstance(patch, dict):
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {_go_kind(patch)} into Go value of type "
            "map[string]interface {}"
        )
    if media_type == MERGE:
        return dict(merged(current, patch))
    return strategic_merge(current, _without_directives(patch))


def _without_directives(value: Any) -> Any:
    """A strategic patch without the order of lists that clients add to it."""
    if isinstance(value, dict):
        kept = {
            name: one for name, one in value.items() if not name.startswith("$setElementOrder/")
        }
        return {name: _without_directives(one) for name, one in kept.items()}
    return [_without_directives(one) for one in value] if isinstance(value, list) else value


# JSON Patch, RFC 6902


def _json_patched(current: Body, patch: Any) -> Body:
    if not isinstance(patch, list) or not all(isinstance(one, dict) for one in patch):
        raise bad_request(
            f"json: cannot unmarshal {_go_kind(patch)} into Go value of type jsonpatch.Patch"
        )
    document: Body = deepcopy(current)
    for one in patch:
        operation = _OPERATIONS.get(str(one.get("op")))
        if operation is None:
            raise _unprocessable(f"Unexpected kind: {one.get('op')}")
        try:
            operation(document, one)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            path = one.get("path")
            raise _unprocessable(
                f"{one['op']} operation does not apply: doc is missing path: {path}: missing value"
            ) from error
    return document


def _unprocessable(message: str) -> StatusError:
    said = f"the server rejected our request due to an error in our request: {message}"
    return StatusError(422, "Invalid", said, details={})


def _steps(pointer: Any) -> list[str]:
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise ValueError(pointer)
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]


def _place(document: Any, pointer: Any) -> tuple[Any, Any]:
    """What holds the value at a pointer, and under which key."""
    *way, last = _steps(pointer)
    for step in way:
        document = document[int(step)] if isinstance(document, list) else document[step]
    if isinstance(document, list):
        return document, len(document) if last == "-" else int(last)
    if not isinstance(document, dict):
        raise TypeError(last)
    return document, last


def _add(document: Body, one: Mapping[str, Any]) -> None:
    _put(document, one["path"], one["value"])


def _put(document: Body, pointer: Any, value: Any) -> None:
    holder, key = _place(document, pointer)
    if isinstance(holder, list):
        if not 0 <= key <= len(holder):
            raise IndexError(key)
        holder.insert(key, value)
    else:
        holder[key] = value


def _take(document: Body, pointer: Any) -> Any:
    holder, key = _place(document, pointer)
    return holder.pop(key)


def _replace(document: Body, one: Mapping[str, Any]) -> None:
    holder, key = _place(document, one["path"])
    holder[key]
    holder[key] = one["value"]


def _test(document: Body, one: Mapping[str, Any]) -> None:
    holder, key = _place(document, one["path"])
    if holder[key] != one["value"]:
        raise _unprocessable(f"testing value {one['path']} failed: test failed")


def _move(document: Body, one: Mapping[str, Any]) -> None:
    _put(document, one["path"], _take(document, one["from"]))


def _copy(document: Body, one: Mapping[str, Any]) -> None:
    holder, key = _place(document, one["from"])
    _put(document, one["path"], deepcopy(holder[key]))


_OPERATIONS: Final[Mapping[str, Callable[[Body, Mapping[str, Any]], object]]] = {
    "add": _add,
    "remove": lambda document, one: _take(document, one["path"]),
    "replace": _replace,
    "test": _test,
    "move": _move,
    "copy": _copy,
}


def _go_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "object"
