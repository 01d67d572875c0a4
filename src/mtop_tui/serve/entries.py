"""One version of one object, and its JSON, made when it is first asked for and then shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mtop_tui.serve.resources import Resource

Body = dict[str, Any]
Make = Callable[[], Body]
Convert = Callable[[Body, Resource], Body]

_encode = msgspec.json.Encoder().encode


class Entry:
    """An object as it is from one resourceVersion on; never changed.

    Args:
        namespace, name, uid: of the object; the namespace is empty where it has none.
        labels: what label selectors look at.
        make: its body but for kind, apiVersion and resourceVersion, the same each time.
        identity: the labels that the simulation gave it, by which it knows it again; users may
            change the others.
    """

    __slots__ = (
        "_body",
        "_encoded",
        "_make",
        "identity",
        "key",
        "labels",
        "name",
        "namespace",
        "uid",
        "version",
    )

    def __init__(
        self,
        namespace: str,
        name: str,
        uid: str,
        labels: Mapping[str, str],
        make: Make,
        *,
        identity: Mapping[str, str] | None = None,
    ) -> None:
        self.namespace, self.name, self.uid = namespace, name, uid
        self.key = f"{namespace}/{name}" if namespace else name
        self.labels = labels
        self.identity = labels if identity is None else identity
        self.version = 0
        self._make = make
        self._body: Body | None = None
        self._encoded: dict[Resource, bytes] = {}

    @property
    def body(self) -> Body:
        """Its fields but kind and apiVersion. Not to be changed."""
        if self._body is None:
            self._body = self._made()
        return self._body

    def _made(self) -> Body:
        made = self._make()
        metadata = {**made["metadata"], "resourceVersion": str(self.version)}
        return {**made, "metadata": metadata}

    def encoded(self, resource: Resource, convert: Convert | None = None) -> bytes:
        """Its JSON in a version of its API, with kind and apiVersion."""
        known = self._encoded.get(resource)
        if known is None:
            # Most objects are only ever sent: of those the JSON is kept, and no body beside it.
            body = self._made() if self._body is None else self._body
            if convert is not None:
                body = convert(body, resource)
            head = head_of(resource)
            known = self._encoded[resource] = head + _encode(body)[1:]
        return known

    def listed(self, resource: Resource, convert: Convert | None = None) -> bytes:
        """Its JSON as an item of a list, where objects of built-in kinds do not say their kind."""
        whole = self.encoded(resource, convert)
        return whole if resource.custom else b"{" + whole[len(head_of(resource)) :]

    def again(self) -> Entry:
        """The same object, for another resourceVersion: what a deletion is told with."""
        body = self.body
        return Entry(
            self.namespace, self.name, self.uid, self.labels, lambda: body, identity=self.identity
        )


def head_of(resource: Resource) -> bytes:
    """The beginning of an object's JSON: an API server has custom resources the other way round."""
    kind, version = f'"kind":"{resource.kind}"', f'"apiVersion":"{resource.group_version}"'
    first, second = (version, kind) if resource.custom else (kind, version)
    return f"{{{first},{second},".encode()
