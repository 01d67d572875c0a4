"""Objects as rows of a table: what `kubectl get` asks for and prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from mtop_tui.serve.cells import Context
from mtop_tui.serve.columns import COLUMNS, Column
from mtop_tui.serve.entries import Entry
from mtop_tui.serve.resources import Resource

NAME: Final = (
    "Name must be unique within a namespace. Is required when creating resources, although some"
    " resources may allow a client to request the generation of an appropriate name automatically."
    " Name is primarily intended for creation idempotence and configuration definition. Cannot be"
    " updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
_CREATED: Final = Column("Age", ".metadata.creationTimestamp", "date")
_encode = msgspec.json.Encoder().encode


class TableMaker:
    """Makes tables of one resource.

    Args:
        resource: whose objects they hold.
        version: of the group meta.k8s.io that the table is in.
        include: which part of each object goes with its row: "Metadata", "Object" or "None".
        now: the machine's Unix seconds, which ages count to.
    """

    def __init__(self, resource: Resource, version: str, include: str, now: float) -> None:
        self._resource, self._version, self._include = resource, version, include
        self._columns = COLUMNS.get(resource.collection, (_CREATED,))
        self._context = Context(now)
        self._told = False

    def of_list(self, entries: Sequence[Entry], metadata: Mapping[str, Any]) -> bytes:
        """A table of objects."""
        return self._table([self._row(one) for one in entries], metadata)

    def of_event(self, entry: Entry, now: float) -> bytes:
        """The table of one row that a watch sends; only the first one names the columns."""
        self._context = Context(now)
        metadata = {"resourceVersion": str(entry.version)}
        return self._table([self._row(entry)], metadata)

    def of_bookmark(self, metadata: Mapping[str, Any]) -> bytes:
        """The table of a bookmark, which has no row that means anything."""
        return self._table([], metadata)

    def _table(self, rows: list[Any], metadata: Mapping[str, Any]) -> bytes:
        definitions = None if self._told else self._definitions()
        self._told = True
        return _encode(
            {
                "kind": "Table",
                "apiVersion": self._version,
                "metadata": metadata,
                "columnDefinitions": definitions,
                "rows": rows,
            }
        )

    def _definitions(self) -> list[dict[str, Any]]:
        named = [] if self._columns[0].first else [_definition("Name", "string", "name", NAME, 0)]
        for one in self._columns:
            described = one.description
            if self._resource.custom:
                described = f"Custom resource definition column (in JSONPath format): {one.path}"
            named.append(_definition(one.name, one.kind, one.format, described, one.priority))
        return named

    def _row(self, entry: Entry) -> dict[str, Any]:
        body, context = entry.body, self._context
        cells = [] if self._columns[0].first else [entry.name]
        cells += [one.cell(body, context) for one in self._columns]
        row: dict[str, Any] = {"cells": cells}
        if self._include == "Object":
            row["object"] = {
                "kind": self._resource.kind,
                "apiVersion": self._resource.group_version,
                **body,
            }
        elif self._include != "None":
            row["object"] = {
                "kind": "PartialObjectMetadata",
                "apiVersion": self._version,
                "metadata": body["metadata"],
            }
        return row


def _definition(name: str, kind: str, form: str, said: str, priority: int) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "format": form,
        "description": said,
        "priority": priority,
    }
