"""Label and field selectors: which objects a list or a watch is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from mtop_tui.serve.entries import Entry
from mtop_tui.serve.resources import Resource
from mtop_tui.serve.status import bad_request

Matches = Callable[[Entry], bool]

_SET = re.compile(r"(?P<key>\S+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)")
_KEY = re.compile(
    r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
)
_PARTS = re.compile(r",(?![^()]*\))")
_OPERATOR = re.compile(r"==|!=|=|>|<")

_METADATA: Final = ("metadata.name", "metadata.namespace")
_INVOLVED: Final = (
    "kind",
    "namespace",
    "name",
    "uid",
    "apiVersion",
    "resourceVersion",
    "fieldPath",
)
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "pods": (
        *("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName"),
        *("spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName"),
    ),
    "events": (
        *(f"involvedObject.{name}" for name in _INVOLVED),
        *("reason", "reportingComponent", "source", "type"),
    ),
    "nodes": ("spec.unschedulable",),
    "namespaces": ("status.phase",),
    "replicasets.apps": ("status.replicas",),
    "services": ("spec.clusterIP", "spec.type"),
}


class Requirement(NamedTuple):
    """One condition on one label; operators as Kubernetes names them."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether labels are so."""
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
            case _:
                return value is not None and _compared(value, self.operator, self.values[0])


def label_selector(text: str) -> tuple[Requirement, ...]:
    """What a label selector asks for.

    Raises:
        StatusError: it is none.
    """
    return tuple(_requirement(part.strip()) for part in _PARTS.split(text) if part.strip())


def selector(resource: Resource, namespace: str, labels: str, fields: str) -> Matches | None:
    """Whether an object is asked for; None when all of them are.

    Raises:
        StatusError: a selector is none, or names a field that cannot be selected by.
    """
    requirements = label_selector(labels)
    wanted = _field_selector(resource, fields)
    if not requirements and not wanted and not namespace:
        return None

    def matches(entry: Entry) -> bool:
        if namespace and entry.namespace != namespace:
            return False
        if not all(one.holds(entry.labels) for one in requirements):
            return False
        return all((_field(entry, path) == value) is equal for path, value, equal in wanted)

    return matches


def _requirement(part: str) -> Requirement:
    found = _SET.fullmatch(part)
    if found:
        values = tuple(one.strip() for one in found["values"].split(","))
        return Requirement(_key(found["key"]), found["op"], values)
    if part.startswith("!"):
        return Requirement(_key(part[1:].strip()), "!")
    operator = _OPERATOR.search(part)
    if operator is None:
        return Requirement(_key(part), "exists")
    key, value = part[: operator.start()].strip(), part[operator.end() :].strip()
    match operator.group():
        case "=" | "==":
            return Requirement(_key(key), "in", (value,))
        case "!=":
            return Requirement(_key(key), "notin", (value,))
        case sign:
            return Requirement(_key(key), sign, (value,))


def _key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise bad_request(
            f'unable to parse requirement: <nil>: Invalid value: "{key}": name part must consist of'
            " alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
            " character"
        )
    return key


def _compared(value: str, operator: str, bound: str) -> bool:
    try:
        return int(value) > int(bound) if operator == ">" else int(value) < int(bound)
    except ValueError:
        return False


def _field_selector(resource: Resource, text: str) -> list[tuple[str, str, bool]]:
    known = (*_METADATA, *_FIELDS.get(resource.collection, ()))
    wanted = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        operator = _OPERATOR.search(part)
        if operator is None or operator.group() in "<>":
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        path, value = part[: operator.start()], part[operator.end() :]
        if path not in known:
            raise bad_request(f"field label not supported: {path}")
        wanted.append((path, value, operator.group() != "!="))
    return wanted


def _field(entry: Entry, path: str) -> str:
    if path == "metadata.name":
        return entry.name
    if path == "metadata.namespace":
        return entry.namespace
    value: Any = entry.body
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if path == "source" and isinstance(value, Mapping):
        value = value.get("component")
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
