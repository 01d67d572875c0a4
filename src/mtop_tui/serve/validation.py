"""What the API server refuses of an object that is to be stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mtop_tui.kserve.field_errors import FieldError
from mtop_tui.kserve.parse import parse_service
from mtop_tui.serve.entries import Body
from mtop_tui.serve.go_json import GoJsonError, loads
from mtop_tui.serve.resources import KSERVE, Resource
from mtop_tui.serve.status import Cause, bad_request, invalid

_PARALLELISM: Final = ("data", "dataLocal", "dataRPCPort", "pipeline", "tensor")
_LEAST: Final[Mapping[str, int]] = {
    **{f"{half}replicas": 0 for half in ("", "prefill.")},
    **{f"{half}parallelism.{name}": 1 for half in ("", "prefill.") for name in _PARALLELISM},
    **{
        f"{half}scaling.{name}": 1
        for half in ("", "prefill.")
        for name in ("minReplicas", "maxReplicas")
    },
    "router.route.weight": 0,
}
"""Whole numbers of a service's spec with their least values, as its schema declares them."""

_MOST: Final[Mapping[str, int]] = {
    "router.route.weight": 1_000_000,
    "parallelism.dataRPCPort": 65_535,
    "prefill.parallelism.dataRPCPort": 65_535,
}
_EXCLUSIVE = (
    "replicas and scaling are mutually exclusive; use scaling for autoscaled deployments or "
    "replicas for static deployments"
)


def validate(resource: Resource, name: str, body: Body) -> None:
    """Check an object.

    Raises:
        StatusError: it cannot be stored; every field at fault is named.
    """
    causes = list(_causes(resource, body))
    if causes:
        raise invalid(resource, name, causes)


def _causes(resource: Resource, body: Body) -> Iterator[Cause]:
    metadata = body.get("metadata")
    wrong = [
        _type_cause(part, body[part], "object")
        for part in ("metadata", "spec")
        if body.get(part) is not None and not isinstance(body[part], dict)
    ]
    if wrong:
        yield from wrong
        return
    for field in ("labels", "annotations"):
        stated = metadata.get(field) if isinstance(metadata, dict) else None
        if stated is not None and not (
            isinstance(stated, dict) and all(isinstance(one, str) for one in stated.values())
        ):
            yield _type_cause(f"metadata.{field}", stated, "object")
    spec = body.get("spec")
    match resource.collection:
        case name if name == f"llminferenceservices.{KSERVE}":
            yield from _service_causes(body, spec)
        case name if name == f"llminferenceserviceconfigs.{KSERVE}":
            if isinstance(spec, dict):
                yield from _spec_causes(spec)
        case "deployments.apps" | "leaderworkersets.leaderworkerset.x-k8s.io":
            yield from scale_causes(spec)
        case "horizontalpodautoscalers.autoscaling":
            yield from _autoscaler_causes(spec)


def scale_causes(spec: Any) -> Iterator[Cause]:
    """What is wrong with the replicas of a workload."""
    replicas = spec.get("replicas", 0) if isinstance(spec, dict) else 0
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        yield _type_cause("spec.replicas", replicas, "integer")
    elif replicas < 0:
        why = f"Invalid value: {replicas}: must be greater than or equal to 0"
        yield Cause("FieldValueInvalid", why, "spec.replicas")


def _service_causes(body: Body, spec: Any) -> Iterator[Cause]:
    if not isinstance(spec, dict):
        return
    model = spec.get("model")
    if isinstance(model, dict) and "uri" not in model:
        yield Cause("FieldValueRequired", "Required value", "spec.model.uri")
    found = list(_spec_causes(spec))
    yield from found
    if found:
        return
    try:
        parse_service(body)
    except FieldError as error:
        # What the schema does not say is still said by what reads the object.
        field = error.field or "spec"
        yield Cause("FieldValueInvalid", f"Invalid value: {error.message}", field)


def _spec_causes(spec: Mapping[str, Any]) -> Iterator[Cause]:
    for path, least in _LEAST.items():
        value = _value(spec, path)
        field = f"spec.{path}"
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            yield _type_cause(field, value, "integer")
            continue
        most = _MOST.get(path, 2**31 - 1)
        bound = None
        if value < least:
            bound = f"should be greater than or equal to {least}"
        elif value > most:
            bound = f"should be less than or equal to {most}"
        if bound:
            why = f"Invalid value: {value}: {field} in body {bound}"
            yield Cause("FieldValueInvalid", why, field)
    for path, part in (("spec", spec), ("spec.prefill", spec.get("prefill"))):
        if isinstance(part, dict) and "replicas" in part and "scaling" in part:
            why = f"Invalid value: {_EXCLUSIVE}"
            yield Cause("FieldValueInvalid", why, path)


def _autoscaler_causes(spec: Any) -> Iterator[Cause]:
    stated = spec if isinstance(spec, dict) else {}
    least, most = stated.get("minReplicas", 1), stated.get("maxReplicas", 0)
    for field, value in (("minReplicas", least), ("maxReplicas", most)):
        if not isinstance(value, int) or isinstance(value, bool):
            yield _type_cause(f"spec.{field}", value, "integer")
            return
        if value < 1:
            why = f"Invalid value: {value}: must be greater than 0"
            yield Cause("FieldValueInvalid", why, f"spec.{field}")
            return
    if most < least:
        why = f"Invalid value: {most}: must be greater than or equal to `minReplicas`"
        yield Cause("FieldValueInvalid", why, "spec.maxReplicas")


def _value(spec: Mapping[str, Any], path: str) -> Any:
    value: Any = spec
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _type_cause(field: str, value: Any, wanted: str) -> Cause:
    if isinstance(value, bool):
        kind = "boolean"
    elif isinstance(value, int | float):
        kind = "number"
    else:
        kinds: dict[type, str] = {str: "string", list: "array", dict: "object"}
        kind = kinds.get(type(value), "null")
    why = f'Invalid value: "{kind}": {field} in body must be of type {wanted}: "{kind}"'
    return Cause("FieldValueTypeInvalid", why, field)


def read_body(data: bytes, resource: Resource) -> Body:
    """The object in the body of a request.

    Raises:
        StatusError: it is none.
    """
    kind = resource.kind if resource.custom else f"{resource.version}.{resource.kind}"
    try:
        body = loads(data)
    except GoJsonError as error:
        said = "couldn't get version/kind; json parse error: "
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): {said}{error}"
            f" ({data[:24].hex()}{' ...' if len(data) > 24 else ''})"
        ) from error
    if not isinstance(body, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind})")
    for field, name in (("kind", "Kind"), ("apiVersion", "apiVersion")):
        if resource.custom and not body.get(field):
            raise bad_request(f"Object '{name}' is missing in '{data.decode(errors='replace')}'")
    stated = body.get("apiVersion"), body.get("kind")
    if not all(one is None or isinstance(one, str) for one in stated):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind})")
    if stated[0] not in {None, resource.group_version} or stated[1] not in {None, resource.kind}:
        raise bad_request(
            f"the API version in the data ({stated[0]}) does not match the expected API version "
            f"({resource.group_version})"
            if stated[1] == resource.kind
            else f'{stated[1]} in version "{stated[0]}" cannot be handled as a {resource.kind}'
        )
    return body
