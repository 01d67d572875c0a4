"""What all objects share: metadata, owners, and who manages which of their fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mtop_tui.engine import naming
from mtop_tui.observations import ObjectRef

_KEYS = ("name", "uid", "ip", "type", "containerPort")
"""Fields that tell the items of a list apart, as the API's schema declares it."""


def owner(api_version: str, ref: ObjectRef) -> dict[str, Any]:
    """A reference to the controller of an object."""
    return {
        "apiVersion": api_version,
        "kind": ref.kind,
        "name": ref.name,
        "uid": ref.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def metadata(
    ref: ObjectRef,
    created: str,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    owners: Sequence[Mapping[str, Any]] = (),
    generation: int | None = None,
    managed: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The metadata of an object; what is empty is left out."""
    found: dict[str, Any] = {"name": ref.name}
    if ref.namespace:
        found["namespace"] = ref.namespace
    found["uid"] = ref.uid
    if generation is not None:
        found["generation"] = generation
    found["creationTimestamp"] = created
    parts = {
        "labels": labels,
        "annotations": annotations,
        "ownerReferences": owners,
        "managedFields": managed,
    }
    return found | {name: value for name, value in parts.items() if value}


def child(seed: int, parent: ObjectRef, kind: str, name: str) -> ObjectRef:
    """The identity of an object that belongs to another one."""
    return naming.identified(seed, parent._replace(kind=kind, name=name, uid=""))


def managed(
    manager: str, api_version: str, time: str, fields: Mapping[str, Any], subresource: str = ""
) -> dict[str, Any]:
    """An entry of managedFields: who set these fields, and when."""
    return managed_set(manager, api_version, time, fields_of(fields), subresource)


def managed_set(
    manager: str, api_version: str, time: str, fields: Mapping[str, Any], subresource: str = ""
) -> dict[str, Any]:
    """The same, where the field set is known already."""
    entry = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": api_version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return entry | {"subresource": subresource} if subresource else entry


def fields_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """The field set of an object's part, as server-side apply writes it down."""
    return {f"f:{name}": field_of(item) for name, item in value.items()}


def field_of(value: Any) -> dict[str, Any]:
    """The field set of one field with what is below it."""
    if isinstance(value, dict):
        return {".": {}, **fields_of(value)} if value else {}
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        key = next((name for name in _KEYS if all(name in one for one in value)), None)
        if key is not None:
            return {".": {}, **dict(_item(key, one) for one in value)}
    return {}


def _item(key: str, one: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    stated = one[key]
    written = f'"{stated}"' if isinstance(stated, str) else str(stated)
    return f'k:{{"{key}":{written}}}', {".": {}, **fields_of(one)}


def address(uid: str, first: int = 10) -> str:
    """An IP address of its own for an object with this uid."""
    digits = uid.replace("-", "")
    second, third, last = (int(digits[i : i + 2], 16) for i in (0, 2, 4))
    return f"{first}.{second}.{third}.{1 + last % 254}"


def told(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A mapping of what is known: None, "" and empty collections are left out, 0 stays."""
    return {name: value for name, value in pairs if value not in (None, "", [], {}, ())}
