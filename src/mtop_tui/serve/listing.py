"""Lists: whole or in pages, at one version of the store."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from mtop_tui.serve.entries import Entry
from mtop_tui.serve.go_json import GoJsonError, loads
from mtop_tui.serve.resources import Resource
from mtop_tui.serve.selectors import selector
from mtop_tui.serve.status import (
    StatusError,
    bad_options,
    bad_request,
    expired,
    too_large_version,
)
from mtop_tui.serve.store import Collection, Store

_TOKEN_VERSION = "meta.k8s.io/v1"
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start"
    " a new list without the continue parameter, or use the continue token in this response to"
    " retrieve the remainder of the results. Continuing with the provided token results in an"
    " inconsistent list - objects that were created, modified, or deleted between the time the"
    " first chunk was returned and now may show up in the list."
)


class Listed(NamedTuple):
    """A list, or a page of one.

    Attributes:
        entries: of this page.
        metadata: resourceVersion, continue and remainingItemCount.
    """

    entries: Sequence[Entry]
    metadata: dict[str, Any]


def list_objects(
    store: Store, resource: Resource, namespace: str, query: Mapping[str, str]
) -> Listed:
    """What a list request asks for.

    Raises:
        StatusError: a parameter makes no sense, or what it names is no longer kept.
    """
    collection = store.collection(resource.collection)
    labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
    matches = selector(resource, namespace, labels, fields)
    limit = _limit(query.get("limit", ""))
    token = query.get("continue", "")
    if token:
        version, start = _read_token(token)
        entries = _at(collection, store, version, start, namespace)
        if version < 0:
            version = store.version
    else:
        start = ""
        version = store.version
        entries = _asked(collection, store, query)
    rest = [one for one in entries if one.key > start] if start else entries
    found = rest if matches is None else [one for one in rest if matches(one)]
    metadata: dict[str, Any] = {"resourceVersion": str(version)}
    if limit and len(found) > limit:
        page = found[:limit]
        collection.keep(version, tuple(entries))
        metadata["continue"] = _make_token(version, page[-1].key, namespace)
        if not labels and not fields:
            metadata["remainingItemCount"] = len(found) - limit
        return Listed(page, metadata)
    return Listed(found, metadata)


def version_of(text: str) -> int:
    """The number of a resourceVersion.

    Raises:
        StatusError: it is none.
    """
    if not text:
        return 0
    if text.isascii() and text.isdigit():
        return int(text)
    # An API server fails to read it too late to call it a bad request.
    raise StatusError(
        500,
        "",
        f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": '
        "invalid syntax",
    )


def _asked(collection: Collection, store: Store, query: Mapping[str, str]) -> Sequence[Entry]:
    stated, match = query.get("resourceVersion", ""), query.get("resourceVersionMatch", "")
    if match and not stated:
        raise bad_options(
            "ListOptions",
            "resourceVersionMatch",
            "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
            "FieldValueForbidden",
        )
    if match not in {"", "Exact", "NotOlderThan"}:
        problem = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan"'
        raise bad_options("ListOptions", "resourceVersionMatch", problem, "FieldValueNotSupported")
    version = version_of(stated)
    if version > store.version:
        raise too_large_version(version, store.version)
    if match == "Exact" and version != store.version:
        kept = collection.kept(version)
        if kept is None:
            raise expired("The resourceVersion for the provided list is too old.")
        return kept
    return collection.ordered()


def _at(
    collection: Collection, store: Store, version: int, start: str, namespace: str
) -> Sequence[Entry]:
    if version < 0 or version == store.version:
        return collection.ordered()
    kept = collection.kept(version)
    if kept is None:
        raise expired(_TOO_OLD, continue_token=_make_token(-1, start, namespace))
    return kept


def _limit(text: str) -> int:
    if not text:
        return 0
    try:
        return max(0, int(text))
    except ValueError as error:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from error


def _make_token(version: int, key: str, namespace: str) -> str:
    """A token for what comes after a key, which the server it is modelled on counts from "/"."""
    start = key.removeprefix(f"{namespace}/") if namespace else f"/{key}"
    token = {"v": _TOKEN_VERSION, "rv": version, "start": f"{start}\0"}
    if namespace:
        token["ns"] = namespace
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")


def _read_token(text: str) -> tuple[int, str]:
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        said = "illegal base64 data at input byte 0"
        raise bad_request(f"invalid continue token: continue key is not valid: {said}") from error
    try:
        token = loads(decoded)
    except GoJsonError as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error
    if not isinstance(token, dict) or token.get("v") != _TOKEN_VERSION:
        said = "server does not recognize this encoded version"
        raise bad_request(f'invalid continue token: continue key is not valid: {said} ""')
    start, version = token.get("start"), token.get("rv")
    if not isinstance(start, str) or not isinstance(version, int) or not start:
        said = "incorrect encoded start resourceVersion"
        raise bad_request(f"invalid continue token: continue key is not valid: {said}")
    namespace = token.get("ns")
    key = start.rstrip("\0").lstrip("/")
    return version, f"{namespace}/{key}" if namespace else key
