"""The objects, their one counter of versions, and what was changed lately, for watches.

As in etcd, each change of any object is the next version of the whole store. Watches begin at a
version that is still in the log of their collection; what is older is compacted.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from mtop_tui.serve.entries import Entry

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]

LOG = 4_096
"""Changes a collection keeps for watches, at least."""

SNAPSHOTS = 16
"""Lists a collection keeps for clients that read them in pages."""

FIRST_VERSION = 1_000


class Change(NamedTuple):
    """One change of one object.

    Attributes:
        version: of the store, from then on.
        type: as watches say it.
        entry: the object after it; the last one where it is deleted.
        before: the object before it, or None.
    """

    version: int
    type: ChangeType
    entry: Entry
    before: Entry | None


class Collection:
    """The objects of one resource, in the order of their keys.

    Attributes:
        compacted: the version up to which changes are forgotten.
    """

    def __init__(self, compacted: int) -> None:
        self.compacted = compacted
        self._entries: dict[str, Entry] = {}
        self._order: list[str] = []
        self._log: list[Change] = []
        self._ordered: tuple[Entry, ...] | None = None
        self._snapshots: dict[int, tuple[Entry, ...]] = {}
        self._listeners: dict[object, Callable[[], None]] = {}

    def get(self, key: str) -> Entry | None:
        """The object of a key: namespace and name, or the name alone."""
        return self._entries.get(key)

    def __len__(self) -> int:
        return len(self._entries)

    def ordered(self) -> tuple[Entry, ...]:
        """All objects by key."""
        if self._ordered is None:
            self._ordered = tuple(self._entries[key] for key in self._order)
        return self._ordered

    def keep(self, version: int, entries: tuple[Entry, ...]) -> None:
        """Keep a list as it is at a version, for its further pages."""
        self._snapshots[version] = entries
        while len(self._snapshots) > SNAPSHOTS:
            del self._snapshots[next(iter(self._snapshots))]

    def kept(self, version: int) -> tuple[Entry, ...] | None:
        """The list as it was at a version, while it is kept."""
        return self._snapshots.get(version)

    def since(self, version: int) -> list[Change]:
        """Changes after a version that is not compacted."""
        return self._log[bisect_right(self._log, version, key=_version) :]

    def compact(self, version: int) -> None:
        """Forget changes up to a version, and lists that are being read in pages."""
        self.compacted = max(self.compacted, version)
        del self._log[: bisect_right(self._log, self.compacted, key=_version)]
        self._snapshots.clear()
        for told in self._listeners.values():
            told()

    def listen(self, owner: object, told: Callable[[], None]) -> None:
        """Call `told` after each change, until `ignore`."""
        self._listeners[owner] = told

    def ignore(self, owner: object) -> None:
        """Take `listen` back."""
        self._listeners.pop(owner, None)

    def apply(self, change: Change) -> None:
        """Note a change; only the store calls this."""
        key = change.entry.key
        if change.type == "DELETED":
            del self._entries[key]
            self._order.remove(key)
        else:
            if key not in self._entries:
                insort(self._order, key)
            self._entries[key] = change.entry
        self._ordered = None
        self._log.append(change)
        if len(self._log) > 2 * LOG:
            self.compacted = self._log[-LOG - 1].version
            del self._log[:-LOG]
        for told in self._listeners.values():
            told()


class Store:
    """All collections, by name.

    Attributes:
        version: the present one.
    """

    def __init__(self) -> None:
        self.version = FIRST_VERSION
        self._collections: dict[str, Collection] = {}

    def collection(self, name: str) -> Collection:
        """The collection of a name; an empty one where nothing was put yet."""
        found = self._collections.get(name)
        if found is None:
            found = self._collections[name] = Collection(self.version)
        return found

    def __iter__(self) -> Iterator[Collection]:
        return iter(self._collections.values())

    def put(self, name: str, entry: Entry) -> Entry:
        """Create or replace an object; one of another uid takes the place of a deleted one."""
        collection = self.collection(name)
        before = collection.get(entry.key)
        if before is not None and before.uid != entry.uid:
            self.remove(name, entry.key)
            before = None
        self.version += 1
        entry.version = self.version
        kind: ChangeType = "ADDED" if before is None else "MODIFIED"
        collection.apply(Change(self.version, kind, entry, before))
        return entry

    def remove(self, name: str, key: str, uid: str = "") -> Entry | None:
        """Delete an object, if it is there and has this uid; the last one of it."""
        collection = self.collection(name)
        before = collection.get(key)
        if before is None or (uid and uid != before.uid):
            return None
        self.version += 1
        last = before.again()
        last.version = self.version
        collection.apply(Change(self.version, "DELETED", last, before))
        return last

    def compact(self) -> None:
        """Forget every change until now: watches must begin with a list again, all of them."""
        self.version += 1
        for collection in self:
            collection.compact(self.version)


def _version(change: Change) -> int:
    return change.version
