"""What a request is about: verb, resource and object, read from method and path."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

_WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_TRUE = frozenset({"1", "true", "True", "TRUE", "t", "T"})
_CORE, _GROUPED = 2, 3


class RequestInfo(msgspec.Struct, frozen=True):
    """A request as an API server's authorisation sees it.

    Attributes:
        verb: get, list, watch, create, update, patch, delete or deletecollection; for a path that
            is no resource, the method in lower case.
        path: as it was asked for.
        resource: whether it is about resources at all.
        group, version, plural: of the resource; plural is empty for discovery.
        namespace, name, subresource: of the object; empty where not stated.
        rest: the path after the subresource "proxy".
    """

    verb: str
    path: str
    resource: bool = False
    group: str = ""
    version: str = ""
    plural: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""


def read_request(method: str, path: str, query: Mapping[str, str]) -> RequestInfo:
    """What a request is about."""
    parts = [part for part in path.split("/") if part]
    plain = RequestInfo(method.lower(), path)
    if not parts or parts[0] not in {"api", "apis"}:
        return plain
    head = _CORE if parts[0] == "api" else _GROUPED
    if len(parts) <= head:
        return plain
    group, version = ("", parts[1]) if head == _CORE else (parts[1], parts[2])
    left = parts[head:]
    namespace = ""
    if left[0] == "namespaces" and len(left) > 1:
        namespace = left[1]
        # A namespace is an object too, and is in itself.
        if len(left) > 2 and left[2] not in {"status", "finalize"}:
            left = left[2:]
    plural, name, subresource = (*left[:3], "", "", "")[:3]
    return RequestInfo(
        verb=_verb(method, name, query),
        path=path,
        resource=True,
        group=group,
        version=version,
        plural=plural,
        namespace=namespace,
        name=name,
        subresource=subresource,
        rest="/".join(left[3:]),
    )


def flag(query: Mapping[str, str], name: str) -> bool:
    """Whether a parameter is set to a Boolean true."""
    return query.get(name, "") in _TRUE


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    if method in {"GET", "HEAD"}:
        if flag(query, "watch"):
            return "watch"
        return "get" if name else "list"
    if method == "DELETE" and not name:
        return "deletecollection"
    return _WRITES.get(method, method.lower())
