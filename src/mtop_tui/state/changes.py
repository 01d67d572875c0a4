"""What something was at a time: changes in order, so many of them, and what held before those."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Change(NamedTuple, Generic[Key, Value]):
    """What a key was from a time on; None when it was gone."""

    at: float
    key: Key
    value: Value | None


class ChangeLog(Generic[Key, Value]):
    """The last `most` changes; what is older is folded into where they begin.

    Attributes:
        since: from when on it can be told what held; None before the first change.
    """

    __slots__ = ("_base", "_changes", "_most", "since")

    def __init__(self, most: int) -> None:
        self._most = most
        self._base: dict[Key, Value] = {}
        self._changes: list[Change[Key, Value]] = []
        self.since: float | None = None

    def __iter__(self) -> Iterator[Change[Key, Value]]:
        """The changes that are kept, oldest first."""
        return iter(self._changes)

    def __len__(self) -> int:
        return len(self._changes)

    def note(self, at: float, key: Key, value: Value | None) -> None:
        """Remember what a key is from now on; a time before the last change counts as that."""
        if self._changes:
            at = max(at, self._changes[-1].at)
        if self.since is None:
            self.since = at
        self._changes.append(Change(at, key, value))
        if len(self._changes) > self._most:
            oldest = self._changes.pop(0)
            _set(self._base, oldest)
            self.since = self._changes[0].at

    def held(self, at: float) -> dict[Key, Value] | None:
        """What each key was at a time; None for a time that is not kept."""
        if self.since is None or at < self.since:
            return None
        found = dict(self._base)
        for change in self._changes:
            if change.at > at:
                break
            _set(found, change)
        return found


def _set(values: dict[Key, Value], change: Change[Key, Value]) -> None:
    if change.value is None:
        values.pop(change.key, None)
    else:
        values[change.key] = change.value
