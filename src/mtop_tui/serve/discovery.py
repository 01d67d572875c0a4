"""What the server says about itself: its version, its groups and their resources."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

from mtop_tui.serve.resources import Registry, Resource

VERSION: Final = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2+mtop",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
"""The version whose behaviour is simulated; `+mtop` says that it is."""


def core_versions(address: str) -> dict[str, Any]:
    """`/api`: versions of the core group."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def groups(registry: Registry) -> dict[str, Any]:
    """`/apis`: all groups but the core one."""
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name, versions) for name, versions in registry.groups.items() if name],
    }


def group(registry: Registry, name: str) -> dict[str, Any] | None:
    """`/apis/<group>`; None when it is not installed."""
    versions = registry.groups.get(name) if name else None
    if versions is None:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}


def resources(registry: Registry, name: str, version: str) -> dict[str, Any] | None:
    """`/apis/<group>/<version>` or `/api/v1`; None when there is no such version."""
    if version not in registry.groups.get(name, ()):
        return None
    found = registry.of_version(name, version)
    listed = [entry for one in found for entry in _entries(one)]
    head = {"kind": "APIResourceList"}
    if name:
        head["apiVersion"] = "v1"
    return {
        **head,
        "groupVersion": f"{name}/{version}" if name else version,
        "resources": listed,
    }


def _group(name: str, versions: list[str]) -> dict[str, Any]:
    named = [{"groupVersion": f"{name}/{one}", "version": one} for one in versions]
    return {"name": name, "versions": named, "preferredVersion": named[0]}


def _entries(one: Resource) -> list[dict[str, Any]]:
    entry: dict[str, Any] = {
        "name": one.plural,
        "singularName": one.singular,
        "namespaced": one.namespaced,
        "kind": one.kind,
        "verbs": list(one.verbs),
    }
    if one.short:
        entry["shortNames"] = list(one.short)
    if one.categories:
        entry["categories"] = list(one.categories)
    if "list" in one.verbs:
        entry["storageVersionHash"] = _hash(one)
    entries = [entry]
    for name, kind, verbs in one.subresources:
        below: dict[str, Any] = {
            "name": f"{one.plural}/{name}",
            "singularName": "",
            "namespaced": one.namespaced,
            "kind": kind,
            "verbs": list(verbs),
        }
        if kind == "Scale":
            below |= {"group": "autoscaling", "version": "v1"}
        if kind == "Eviction":
            below |= {"group": "policy", "version": "v1"}
        entries.append(below)
    return entries


def _hash(one: Resource) -> str:
    digest = hashlib.sha256(f"{one.group}/{one.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()
