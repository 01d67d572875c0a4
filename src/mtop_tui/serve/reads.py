"""Get, list and watch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from mtop_tui.clock import Clock
from mtop_tui.serve.answers import headers, json_answer
from mtop_tui.serve.entries import Entry, head_of
from mtop_tui.serve.forms import (
    Form,
    conversion,
    form_of,
    metadata_of,
    object_encoder,
    padded_encoder,
)
from mtop_tui.serve.listing import Listed, list_objects
from mtop_tui.serve.requests import RequestInfo
from mtop_tui.serve.resources import Resource
from mtop_tui.serve.status import not_found
from mtop_tui.serve.store import Store
from mtop_tui.serve.table import TableMaker
from mtop_tui.serve.watch import Watch

_SLICE = 200
"""Objects that are encoded before others have their turn."""

_LISTS = msgspec.json.Encoder().encode


class Reads:
    """Answers what only looks.

    Args:
        store: where the objects are.
        wall: the machine's clock, which ages count to.
    """

    def __init__(self, store: Store, wall: Clock) -> None:
        self._store, self._wall = store, wall

    def find(self, resource: Resource, info: RequestInfo) -> Entry:
        """The object a request names.

        Raises:
            StatusError: it is not there.
        """
        key = f"{info.namespace}/{info.name}" if resource.namespaced else info.name
        entry = self._store.collection(resource.collection).get(key)
        if entry is None:
            raise not_found(resource, info.name)
        return entry

    def get(
        self, request: web.Request, resource: Resource, info: RequestInfo, padding: int = 0
    ) -> web.Response:
        """One object, larger by so many bytes."""
        entry = self.find(resource, info)
        form = form_of(request.headers.get("Accept", ""))
        if form.shape == "metadata":
            return json_answer(request, metadata_of(entry, form.version))
        if form.shape == "table":
            table = self._table(request.query, resource, form)
            metadata = {"resourceVersion": str(entry.version)}
            return json_answer(request, table.of_list([entry], metadata))
        return json_answer(request, _encoder(resource, padding)(entry))

    async def list(
        self, request: web.Request, resource: Resource, info: RequestInfo, padding: int = 0
    ) -> web.Response:
        """A list, or a page of one."""
        form = form_of(request.headers.get("Accept", ""))
        listed = list_objects(self._store, resource, _namespace(resource, info), request.query)
        if form.shape == "table":
            table = self._table(request.query, resource, form)
            return json_answer(request, table.of_list(listed.entries, listed.metadata))
        if form.shape == "metadata":
            return json_answer(request, _metadata_list(listed, form.version))
        change = conversion(resource)
        encode = padded_encoder(resource, padding) if padding else None
        items = []
        for number, one in enumerate(listed.entries):
            if number % _SLICE == 0:
                # A long list is no reason for others to wait.
                await asyncio.sleep(0)
            items.append(one.listed(resource, change) if encode is None else encode(one))
        return json_answer(request, _list(resource, listed.metadata, items))

    def watch(
        self, request: web.Request, resource: Resource, info: RequestInfo, padding: int = 0
    ) -> tuple[Watch, dict[str, str]]:
        """A watch, and the headers of its answer.

        Raises:
            StatusError: it cannot be.
        """
        form = form_of(request.headers.get("Accept", ""))
        encode, bookmark = self._watch_forms(request.query, resource, form, padding)
        query = dict(request.query)
        if info.name:
            more = f"metadata.name={info.name}"
            query["fieldSelector"] = ",".join(filter(None, (query.get("fieldSelector"), more)))
        namespace = _namespace(resource, info)
        watch = Watch(self._store, resource, namespace, query, encode=encode, bookmark=bookmark)
        return watch, {**headers(), "Content-Type": "application/json"}

    def _watch_forms(
        self, query: Mapping[str, str], resource: Resource, form: Form, padding: int
    ) -> tuple[Callable[[Entry], bytes], Callable[[dict[str, Any]], bytes]]:
        if form.shape == "table":
            table = self._table(query, resource, form)
            return lambda entry: table.of_event(entry, self._wall.now()), table.of_bookmark
        if form.shape == "metadata":
            return (
                lambda entry: metadata_of(entry, form.version),
                lambda metadata: _LISTS(
                    {
                        "kind": "PartialObjectMetadata",
                        "apiVersion": form.version,
                        "metadata": metadata,
                    }
                ),
            )
        return _encoder(resource, padding), lambda metadata: _bookmark(resource, metadata)

    def _table(self, query: Mapping[str, str], resource: Resource, form: Form) -> TableMaker:
        include = query.get("includeObject", "") or "Metadata"
        return TableMaker(resource, form.version, include, self._wall.now())


def _encoder(resource: Resource, padding: int) -> Callable[[Entry], bytes]:
    return padded_encoder(resource, padding) if padding else object_encoder(resource)


def _namespace(resource: Resource, info: RequestInfo) -> str:
    return info.namespace if resource.namespaced else ""


def _bookmark(resource: Resource, metadata: dict[str, Any]) -> bytes:
    body: dict[str, Any] = {"metadata": metadata}
    if resource.kind == "Pod":
        # A typed object has its required fields even if nothing is in it.
        body |= {"spec": {"containers": None}, "status": {}}
    elif not resource.custom and resource.plural not in {"events", "endpoints", "endpointslices"}:
        body |= {"spec": {}, "status": {}}
    return head_of(resource) + _LISTS(body)[1:]


def _list(resource: Resource, metadata: Mapping[str, Any], items: list[bytes]) -> bytes:
    listed = msgspec.structs.replace(resource, kind=f"{resource.kind}List")
    head = head_of(listed)
    joined = b",".join(items)
    if resource.custom:
        start, end = head[1:-1].split(b",", 1)
        # Keys of custom resources are sorted, and the token is there even if it is empty.
        metadata = {"continue": "", **metadata}
        return b'{%b,"items":[%b],%b,"metadata":%b}' % (start, joined, end, _LISTS(metadata))
    return b'%b"metadata":%b,"items":[%b]}' % (head, _LISTS(metadata), joined)


def _metadata_list(listed: Listed, version: str) -> bytes:
    items = b",".join(metadata_of(one, version) for one in listed.entries)
    return b'{"kind":"PartialObjectMetadataList","apiVersion":"%b","metadata":%b,"items":[%b]}' % (
        version.encode(),
        _LISTS(listed.metadata),
        items,
    )
