"""What a change changes: two states of an object side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from mtop_tui.actions.intents import Body

ABSENT: Final = "(not set)"

_SERVERS: Final = frozenset(
    {"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"}
)
"""Fields of metadata that belong to the server."""


class Difference(NamedTuple):
    """One field, as it is and as it would be, both as JSON; `ABSENT` for one that is not there."""

    path: str
    before: str
    after: str


def differences(before: Body, after: Body) -> tuple[Difference, ...]:
    """The fields in which two states of an object differ, its status and bookkeeping left out."""
    return tuple(_compared("", _intended(before), _intended(after)))


def status_differences(before: Body, patch: Body) -> tuple[Difference, ...]:
    """The same for a patch of the status, of which controllers take their orders here and there."""
    old, new = before.get("status") or {}, patch.get("status") or {}
    return tuple(
        Difference(f"status.{name}", _shown(old.get(name)), _shown(value))
        for name, value in new.items()
    )


def not_taken(patch: Body, answer: Body) -> tuple[str, ...]:
    """Fields that a merge patch sets and that are not so in the object the server made of it."""
    return tuple(_lost("", patch, answer))


def merge_patch(before: Body, after: Body) -> dict[str, Any]:
    """The merge patch (RFC 7386) that makes one object of another; empty where they are alike."""
    found: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            if deeper := merge_patch(old, value):
                found[name] = deeper
        elif old != value:
            found[name] = value
    return found


def _intended(body: Body) -> dict[str, Any]:
    """What users decide of an object."""
    metadata = body.get("metadata")
    kept = {name: one for name, one in body.items() if name != "status"}
    if isinstance(metadata, dict):
        kept["metadata"] = {name: one for name, one in metadata.items() if name not in _SERVERS}
    return kept


def _compared(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    # What was nothing and becomes a section is told by the fields in it.
    old = {} if before is None else before
    new = {} if after is None else after
    if isinstance(old, dict) and isinstance(new, dict) and (old or new):
        for name in [*old, *(one for one in new if one not in old)]:
            yield from _compared(_below(path, name), old.get(name), new.get(name))
        return
    yield Difference(path, _shown(before), _shown(after))


def _lost(path: str, wanted: Any, there: Any) -> Iterator[str]:
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            found = there.get(name) if isinstance(there, dict) else None
            yield from _lost(_below(path, name), value, found)
    elif wanted != there:
        yield path


def _below(path: str, name: str) -> str:
    """A path one step further, as jq and kubectl write it."""
    step = name if name.replace("_", "a").isalnum() else f"[{json.dumps(name)}]"
    return f"{path}{step}" if not path or step.startswith("[") else f"{path}.{step}"


def _shown(value: Any) -> str:
    return ABSENT if value is None else json.dumps(value, sort_keys=True)
