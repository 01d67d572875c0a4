"""Kubernetes strategic merge: how one object is laid over another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "resourceClaims": "name",
    "imagePullSecrets": "name",
    "schedulingGates": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "topologySpreadConstraints": "topologyKey",
    "hostAliases": "ip",
}
"""Lists of a pod that are merged entry by entry, and what identifies an entry."""


def strategic_merge(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `patch` laid over it; neither is changed.

    Mappings merge key by key and null deletes a key. The lists in `MERGE_KEYS` merge by identity;
    every other list, `args` and `tolerations` for instance, is replaced whole.
    """
    merged = dict(base)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
            continue
        below = merged.get(key)
        if isinstance(value, dict):
            merged[key] = strategic_merge(below if isinstance(below, dict) else {}, value)
        elif isinstance(value, list):
            merged[key] = _merged_list(below, value, MERGE_KEYS.get(key))
        else:
            merged[key] = value
    return merged


def _merged_list(base: Any, patch: list[Any], identity: str | None) -> list[Any]:
    if identity is None or not isinstance(base, list):
        return patch
    if not all(isinstance(item, dict) and identity in item for item in [*base, *patch]):
        return patch
    places = {_identity(item, identity): place for place, item in enumerate(base)}
    merged = {_identity(item, identity): item for item in base}
    for item in patch:
        name = _identity(item, identity)
        merged[name] = strategic_merge(merged[name], item) if name in merged else item
    patched = list(dict.fromkeys(_identity(item, identity) for item in patch))
    ours = set(patched)
    kept = [name for name in places if name not in ours]
    return [merged[name] for name in _in_order(kept, patched, places)]


def _identity(item: Mapping[str, Any], key: str) -> str:
    # Text, because an entry wrongly identified by a list or mapping must not stop the merge.
    return f"{type(item[key]).__name__}:{item[key]}"


def _in_order(kept: list[str], patched: list[str], places: Mapping[str, int]) -> list[str]:
    """The patch's order, with what only the base has put before the first later entry of it."""
    ordered: list[str] = []
    waiting = iter(kept)
    name = next(waiting, None)
    for other in patched:
        place = places.get(other)
        while name is not None and place is not None and places[name] < place:
            ordered.append(name)
            name = next(waiting, None)
        ordered.append(other)
    while name is not None:
        ordered.append(name)
        name = next(waiting, None)
    return ordered
