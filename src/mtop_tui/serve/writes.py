"""Create, update, patch, delete and scale: what an operator changes, the simulation obeys."""

from __future__ import annotations

from typing import Any

import msgspec

from mtop_tui.engine import naming
from mtop_tui.engine.levers import LeverError
from mtop_tui.observations import ObjectRef, ServiceKey
from mtop_tui.serve.effects import Effects
from mtop_tui.serve.entries import Body, Entry
from mtop_tui.serve.forms import converted
from mtop_tui.serve.objects.services import HINTS, config_entry, new_service_entry
from mtop_tui.serve.overlays import Overlay
from mtop_tui.serve.projection import PODS, SERVICES
from mtop_tui.serve.resources import Registry, Resource
from mtop_tui.serve.simulation import Simulation
from mtop_tui.serve.status import (
    Cause,
    already_exists,
    bad_request,
    conflict,
    invalid,
    modified,
    not_found,
    success,
)
from mtop_tui.serve.surroundings import CONFIGS, NODES
from mtop_tui.serve.validation import scale_causes, validate

WORKLOADS = frozenset({"deployments.apps", "leaderworkersets.leaderworkerset.x-k8s.io"})
AUTOSCALERS = "horizontalpodautoscalers.autoscaling"
_KEPT = ("name", "namespace", "uid", "creationTimestamp")


class Writes:
    """Changes objects.

    Args:
        simulation: what obeys.
        registry: names resources in errors.
    """

    def __init__(self, simulation: Simulation, registry: Registry) -> None:
        self._simulation, self._registry = simulation, registry
        self._store = simulation.store
        self._effects = Effects(simulation)
        self._births: dict[tuple[str, str], int] = {}

    def create(
        self, resource: Resource, namespace: str, body: Body, *, manager: str, dry_run: bool
    ) -> Body:
        """A new service or config."""
        metadata = body.get("metadata")
        metadata = dict(metadata) if isinstance(metadata, dict) else {}
        stated = metadata.get("namespace")
        if stated not in {None, "", namespace}:
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the "
                "request"
            )
        if self._store.collection("namespaces").get(namespace) is None:
            raise not_found(self._registry.stored("", "namespaces"), namespace)
        name = str(metadata.get("name") or "")
        if not name and metadata.get("generateName"):
            ending = naming.suffix(5, namespace, str(self._store.version))
            name = f"{metadata['generateName']}{ending}"
        if not name:
            cause = Cause(
                "FieldValueRequired", "Required value: name or generateName is required",
                "metadata.name",
            )  # fmt: skip
            raise invalid(resource, "", [cause])
        body = {
            **body,
            "apiVersion": resource.group_version,
            "kind": resource.kind,
            "metadata": {**metadata, "name": name, "namespace": namespace},
        }
        if self._store.collection(resource.collection).get(f"{namespace}/{name}") is not None:
            raise already_exists(resource, name)
        validate(resource, name, body)
        ref = self._new_ref(resource, namespace, name)
        now = self._simulation.scale.stamp(self._simulation.now)
        if resource.collection == CONFIGS:
            entry = config_entry(body, ref, now)
        else:
            entry = new_service_entry(body, ref, now, manager)
        if dry_run:
            return converted(entry, resource)
        self._births[namespace, name] = self._births.get((namespace, name), 0) + 1
        if resource.collection == CONFIGS:
            self._simulation.set_config(namespace, name, body)
            return converted(self._simulation.projection.put(CONFIGS, entry), resource)
        self._simulation.created(ref, body)
        made = self._simulation.projection.put(SERVICES, entry)
        shown = converted(made, resource)
        try:
            self._effects.create(ref, body)
        except LeverError as error:
            self._simulation.projection.remove(SERVICES, entry.key)
            raise conflict(resource, name, str(error)) from error
        return shown

    def replace(self, resource: Resource, entry: Entry, after: Body, *, dry_run: bool) -> Body:
        """An object as it shall be from now on, by a patch or an update."""
        before = converted(entry, resource)
        self._check_identity(resource, entry, after)
        after = {"kind": resource.kind, "apiVersion": resource.group_version, **after}
        metadata = after.get("metadata") or {}
        if isinstance(metadata, dict):
            named = {name: before["metadata"][name] for name in _KEPT if name in before["metadata"]}
            after["metadata"] = {**metadata, **named}
        validate(resource, entry.name, after)
        if dry_run:
            return _previewed(before, after)
        try:
            self._commit(resource, entry, before, after)
        except LeverError as error:
            raise conflict(resource, entry.name, str(error)) from error
        self._simulation.act()
        return self._shown(resource, entry)

    def scale(self, resource: Resource, entry: Entry, after: Body, *, dry_run: bool) -> Body:
        """The scale of a workload, changed."""
        spec = after.get("spec")
        causes = list(scale_causes(spec))
        if causes:
            raise invalid(
                msgspec.structs.replace(resource, group="autoscaling", kind="Scale"),
                entry.name,
                causes,
            )
        wanted = int(spec.get("replicas") or 0) if isinstance(spec, dict) else 0
        if dry_run:
            found = scale_of(entry)
            return {**found, "spec": {"replicas": wanted}}
        try:
            self._effects.scale(entry, wanted)
        except LeverError as error:
            raise conflict(resource, entry.name, str(error)) from error
        self._simulation.act()
        now = self._store.collection(resource.collection).get(entry.key)
        return scale_of(now or entry)

    def delete(self, resource: Resource, entry: Entry, *, dry_run: bool, uid: str = "") -> Body:
        """An object that shall go, if it is the one with that uid; what is answered."""
        _check_uid(resource, entry, uid)
        done = success(resource, entry.name, entry.uid)
        if dry_run:
            return converted(entry, resource) if resource.collection == PODS else done
        match resource.collection:
            case name if name == SERVICES:
                key = self._key(entry)
                self._simulation.projection.leave(key)
                try:
                    self._effects.delete_service(key)
                except LeverError as error:
                    raise not_found(resource, entry.name) from error
                self._simulation.act()
            case name if name == CONFIGS:
                self._simulation.set_config(entry.namespace, entry.name, None)
                self._simulation.projection.remove(CONFIGS, entry.key)
            case name if name == PODS:
                try:
                    self._effects.delete_pod(entry)
                except LeverError as error:
                    raise conflict(resource, entry.name, str(error)) from error
                self._simulation.act()
                return self._shown(resource, entry)
            case _:
                raise AssertionError(resource.collection)
        return done

    def _commit(self, resource: Resource, entry: Entry, before: Body, after: Body) -> None:
        projection = self._simulation.projection
        match resource.collection:
            case name if name == SERVICES:
                self._commit_service(entry, before, after)
                return
            case name if name == CONFIGS:
                self._simulation.set_config(entry.namespace, entry.name, after)
                ref = ObjectRef(
                    self._simulation.cluster, entry.namespace, resource.kind, entry.name, entry.uid
                )
                created = before["metadata"]["creationTimestamp"]
                projection.put(CONFIGS, config_entry(after, ref, created))
                return
            case name if name in WORKLOADS:
                self._effects.change_workload(entry, before, after)
            case name if name == AUTOSCALERS:
                self._effects.change_autoscaler(entry, after)
            case name if name == NODES:
                self._effects.change_node(entry, before, after)
            case _:
                pass
        overlay = _overlay(before["metadata"], after.get("metadata") or {})
        if overlay != Overlay():
            projection.overlays.add(resource.collection, entry.uid, overlay)
            current = self._store.collection(resource.collection).get(entry.key) or entry
            projection.put(resource.collection, current.again())

    def _commit_service(self, entry: Entry, before: Body, after: Body) -> None:
        projection = self._simulation.projection
        key = self._key(entry)
        known = projection.services[key]
        hints = {
            name: value
            for name, value in ((known.body.get("metadata") or {}).get("annotations") or {}).items()
            if name.startswith(HINTS)
        }
        stated = after.get("metadata") or {}
        metadata = {
            "name": entry.name,
            "namespace": entry.namespace,
            "labels": stated.get("labels") or {},
            "annotations": {**(stated.get("annotations") or {}), **hints},
        }
        body = {
            "apiVersion": known.body.get("apiVersion", after["apiVersion"]),
            "kind": after["kind"],
            "metadata": metadata,
            "spec": after.get("spec") or {},
        }
        generation = known.generation
        self._effects.change_service(key, before, after)
        known.rewritten(body)
        self._simulation.act()
        changed = (before.get("spec") or {}) != (after.get("spec") or {})
        # However many levers it pulled, it was one change.
        known.unseen += generation + changed - known.generation
        projection.show(known)

    def _shown(self, resource: Resource, entry: Entry) -> Body:
        now = self._store.collection(resource.collection).get(entry.key)
        return converted(now or entry, resource)

    def _check_identity(self, resource: Resource, entry: Entry, after: Body) -> None:
        metadata = after.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        stated = str(metadata.get("name", entry.name))
        if stated != entry.name:
            raise bad_request(
                f"the name of the object ({stated}) does not match the name on the URL "
                f"({entry.name})"
            )
        version = str(metadata.get("resourceVersion") or entry.version)
        if version != str(entry.version):
            raise modified(resource, entry.name)
        _check_uid(resource, entry, str(metadata.get("uid") or ""))

    def _new_ref(self, resource: Resource, namespace: str, name: str) -> ObjectRef:
        ref = ObjectRef(self._simulation.cluster, namespace, resource.kind, name)
        births = self._births.get((namespace, name), 0)
        return naming.identified(self._simulation.seed, ref, births + 1)

    def _key(self, entry: Entry) -> ServiceKey:
        return ServiceKey(self._simulation.cluster, entry.namespace, entry.name)


def scale_of(entry: Entry) -> Body:
    """The scale of a workload."""
    body = entry.body
    spec, status = body["spec"], body["status"]
    labels = (spec.get("selector") or {}).get("matchLabels") or {}
    selector = ",".join(f"{name}={labels[name]}" for name in sorted(labels))
    metadata = {name: body["metadata"].get(name) for name in (*_KEPT[:3], "resourceVersion")}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {**metadata, "creationTimestamp": body["metadata"]["creationTimestamp"]},
        "spec": {"replicas": spec.get("replicas", 0)},
        "status": {
            "replicas": status.get("replicas", 0),
            "selector": selector or status.get("hpaPodSelector", ""),
        },
    }


def _check_uid(resource: Resource, entry: Entry, uid: str) -> None:
    if uid not in {"", entry.uid}:
        raise conflict(
            resource,
            entry.name,
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: {entry.uid}",
        )


def _previewed(before: Body, after: Body) -> Body:
    """What a change would lead to: nobody may set what belongs to the server."""
    metadata = {**(after.get("metadata") or {})}
    for name in (*_KEPT, "resourceVersion", "generation", "managedFields"):
        if name in before["metadata"]:
            metadata[name] = before["metadata"][name]
    if (before.get("spec") or {}) != (after.get("spec") or {}) and "generation" in metadata:
        metadata["generation"] += 1
    status = {"status": before["status"]} if "status" in before else {}
    kept = {name: one for name, one in after.items() if name != "status"}
    return {**kept, "metadata": metadata, **status}


def _overlay(before: Body, after: Body) -> Overlay:
    def changes(name: str) -> dict[str, str | None]:
        old, new = before.get(name) or {}, after.get(name) or {}
        found: dict[str, Any] = {key: new.get(key) for key in {**old, **new}}
        return {key: value for key, value in found.items() if old.get(key) != value}

    return Overlay(changes("labels"), changes("annotations"))
