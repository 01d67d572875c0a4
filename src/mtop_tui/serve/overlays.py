"""Labels and annotations that users set on objects the simulation makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mtop_tui.serve.entries import Body, Entry


class Overlay(msgspec.Struct, frozen=True):
    """What was set (a text) or taken away (None) of an object's labels and annotations."""

    labels: dict[str, str | None] = {}
    annotations: dict[str, str | None] = {}

    def over(self, later: Overlay) -> Overlay:
        """This one with a later one on top."""
        return Overlay(self.labels | later.labels, self.annotations | later.annotations)


class Overlays:
    """Overlays by collection and uid: an object that is made anew has none."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Overlay] = {}

    def add(self, collection: str, uid: str, overlay: Overlay) -> None:
        """Put an overlay on an object, over those it has."""
        before = self._known.get((collection, uid), Overlay())
        self._known[collection, uid] = before.over(overlay)

    def forget(self, collection: str, uid: str) -> None:
        """The object is gone."""
        self._known.pop((collection, uid), None)

    def on(self, collection: str, entry: Entry) -> Entry:
        """An object with its overlay."""
        overlay = self._known.get((collection, entry.uid)) if self._known else None
        if overlay is None:
            return entry

        def make() -> Body:
            body = entry.body
            metadata = dict(body["metadata"])
            for name, changes in (("labels", overlay.labels), ("annotations", overlay.annotations)):
                found = changed(metadata.get(name) or {}, changes)
                if found:
                    metadata[name] = found
                else:
                    metadata.pop(name, None)
            return {**body, "metadata": metadata}

        labels = changed(entry.labels, overlay.labels)
        return Entry(entry.namespace, entry.name, entry.uid, labels, make, identity=entry.identity)


def changed(before: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, Any]:
    """A mapping with some of its values changed, and those that are None gone."""
    found = {**before, **changes}
    return {name: value for name, value in found.items() if value is not None}
