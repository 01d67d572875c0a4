"""Shipped manifests are what the KServe schema accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mtop_tui import resources
from mtop_tui.kserve.schema import CONFIG_KIND, SERVICE_KIND
from mtop_tui.providers.mock.manifests import load

CRDS = Path(__file__).parents[2].parent / "shared/data/serving/crd"
FILES = {
    SERVICE_KIND: "serving.kserve.io_llminferenceservices.main.yaml",
    CONFIG_KIND: "serving.kserve.io_llminferenceserviceconfigs.main.yaml",
}
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


@pytest.fixture(scope="module", params=list(FILES))
def kind_and_schemas(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    path = CRDS / FILES[request.param]
    if not path.exists():
        pytest.skip("the KServe CRDs are not beside this repository")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    crd = yaml.load(path.read_text(), loader)
    return request.param, {
        f"serving.kserve.io/{version['name']}": version["schema"]["openAPIV3Schema"]
        for version in crd["spec"]["versions"]
    }


def faults(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    """Where `value` is not what a structural schema says."""
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str) or isinstance(value, bool):
            yield f"{path}: no integer and no string"
        return
    kind = schema.get("type")
    if kind and (
        not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")
    ):
        yield f"{path}: expected {kind}, got {value!r}"
        return
    if value not in schema.get("enum", [value]):
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{path}: {value!r} does not match {schema['pattern']}"
    if isinstance(value, int | float) and not (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
    ):
        yield f"{path}: {value} is out of bounds"
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), f"{path}[{index}]")
    if isinstance(value, dict):
        yield from _mapping_faults(value, schema, path)


def _mapping_faults(value: dict[str, Any], schema: dict[str, Any], path: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: missing"
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties")
    free = schema.get("x-kubernetes-preserve-unknown-fields") or not (properties or others)
    for name, item in value.items():
        if name in properties:
            yield from faults(item, properties[name], f"{path}.{name}")
        elif isinstance(others, dict):
            yield from faults(item, others, f"{path}.{name}")
        elif not free:
            yield f"{path}.{name}: no such field"


def test_every_shipped_object_is_accepted(
    kind_and_schemas: tuple[str, dict[str, Any]],
) -> None:
    kind, schemas = kind_and_schemas
    shipped = load(resources.path("mocks"))
    manifests = shipped.services if kind == SERVICE_KIND else shipped.configs
    assert manifests
    found = [
        f"{manifest.file}: {fault}"
        for manifest in manifests
        for fault in faults(manifest.body, schemas[manifest.body["apiVersion"]], "")
    ]
    assert found == []


def test_the_check_finds_faults(kind_and_schemas: tuple[str, dict[str, Any]]) -> None:
    kind, schemas = kind_and_schemas
    schema = schemas["serving.kserve.io/v1alpha2"]
    wrong = {"spec": {"model": {}, "replicas": [], "replica": 1, "prefill": {"scaling": 1}}}
    found = {fault.split(":")[0] for fault in faults(wrong, schema, "")}
    assert found >= {".spec.replica", ".spec.replicas", ".spec.prefill.scaling"}
    if kind == SERVICE_KIND:
        assert ".spec.model.uri" in found
