"""In which form an answer is wanted: whole objects, a table, or metadata only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from mtop_tui.serve.entries import Body, Convert, Entry
from mtop_tui.serve.objects.autoscalers import convert_autoscaler
from mtop_tui.serve.objects.events import convert_event
from mtop_tui.serve.objects.services import convert
from mtop_tui.serve.resources import KSERVE, Resource
from mtop_tui.serve.status import not_acceptable

OFFERED = ("application/json",)
_JSON = frozenset({"application/json", "application/*", "*/*"})

Shape = Literal["object", "table", "metadata"]


class Form(NamedTuple):
    """The form of an answer; `version` is that of a table or of metadata."""

    shape: Shape
    version: str = ""


def form_of(accept: str) -> Form:
    """The first form a client accepts that can be made.

    Raises:
        StatusError: there is none.
    """
    if not accept.strip():
        return Form("object")
    for part in accept.split(","):
        media, *parameters = (one.strip() for one in part.split(";"))
        if media not in _JSON:
            continue
        stated = dict(one.partition("=")[::2] for one in parameters)
        version = f"{stated.get('g', '')}/{stated.get('v', '')}"
        known = version in {"meta.k8s.io/v1", "meta.k8s.io/v1beta1"}
        match stated.get("as"):
            case None:
                return Form("object")
            case "Table" if known:
                return Form("table", version)
            case "PartialObjectMetadata" | "PartialObjectMetadataList" if known:
                return Form("metadata", version)
            case _:
                continue
    raise not_acceptable(OFFERED)


_CONVERSIONS: dict[str, Convert] = {
    "events": convert_event,
    "horizontalpodautoscalers.autoscaling": convert_autoscaler,
    f"llminferenceservices.{KSERVE}": convert,
}


def conversion(resource: Resource) -> Convert | None:
    """How a stored object becomes one of this version; None where there is but one."""
    return _CONVERSIONS.get(resource.collection)


def object_encoder(resource: Resource) -> Callable[[Entry], bytes]:
    """Makes the JSON of objects, which is kept with them."""
    change = conversion(resource)
    return lambda entry: entry.encoded(resource, change)


def padded_encoder(resource: Resource, padding: int) -> Callable[[Entry], bytes]:
    """Makes the JSON of objects that are larger by so many bytes."""
    encode = msgspec.json.Encoder().encode

    def padded(entry: Entry) -> bytes:
        body = converted(entry, resource)
        metadata = body["metadata"]
        annotations = {**(metadata.get("annotations") or {}), "mtop.dev/padding": "x" * padding}
        return encode({**body, "metadata": {**metadata, "annotations": annotations}})

    return padded


def converted(entry: Entry, resource: Resource) -> Body:
    """An object in this version, with kind and apiVersion."""
    change = conversion(resource)
    body = entry.body if change is None else change(entry.body, resource)
    return {"kind": resource.kind, "apiVersion": resource.group_version, **body}


def metadata_of(entry: Entry, version: str) -> bytes:
    """An object with nothing but its metadata."""
    return msgspec.json.encode(
        {
            "kind": "PartialObjectMetadata",
            "apiVersion": version,
            "metadata": entry.body["metadata"],
        }
    )
