"""Objects that are not what the schema says, and the sentence that tells so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.kserve.field_errors import FieldError
from mtop_tui.kserve.parse import parse_config, parse_node, parse_service

Body = dict[str, Any]


def service(spec: Body | None = None, **metadata: Any) -> Body:
    return {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {"name": "chat", **metadata},
        "spec": {"model": {"uri": "hf://org/m"}, **(spec or {})},
    }


def pod(**container: Any) -> Body:
    return {"template": {"containers": [{"name": "main", **container}]}}


def fault(body: Body) -> FieldError:
    with pytest.raises(FieldError) as caught:
        parse_service(body)
    return caught.value


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        (service({"replicas": "3"}), "spec.replicas", "expected a whole number"),
        (service({"replicas": "two"}), "spec.replicas", 'got the text "two"'),
        (service({"replicas": -1}), "spec.replicas", "of at least 0"),
        (service({"replicas": 2.5}), "spec.replicas", "got the number 2.5"),
        (service({"replicas": True}), "spec.replicas", "got true"),
        (service({"replicas": 10**12}), "spec.replicas", "of at most"),
        (service({"template": []}), "spec.template", "expected a mapping, got a list"),
        (
            service({"rolloutStrategy": {"maxSurge": "25"}}),
            "spec.rolloutStrategy.maxSurge",
            'text such as "25%", got the text "25"',
        ),
        (
            service({"rolloutStrategy": {"maxUnavailable": -1}}),
            "spec.rolloutStrategy.maxUnavailable",
            "of at least 0",
        ),
        (service(pod(args=["-p", 8000])), "spec.template.containers[0].args[1]", "in quotes"),
        (
            service(pod(resources={"limits": {"cpu": 1, "nvidia.com/gpu": ["x"]}})),
            "spec.template.containers[0].resources.limits.nvidia.com/gpu",
            "expected a quantity",
        ),
        (
            service({"template": {"containers": [{"image": "x"}]}}),
            "spec.template.containers[0].name",
            "is missing",
        ),
        (service(labels={"a": "b", "tier": 1}), "metadata.labels.tier", "put it in quotes"),
        (
            service({"router": {"route": {"weight": 2_000_000}}}),
            "spec.router.route.weight",
            "at most 1000000",
        ),
        (service({"model": {"name": "x"}}), "spec.model.uri", "is missing"),
        (service({"model": None, "prefill": 3}), "spec.prefill", "expected a mapping"),
        (
            service({"replicas": 1, "scaling": {"maxReplicas": 2, "wva": {}}}),
            "spec.scaling",
            "beside replicas",
        ),
        (service({"scaling": {"wva": {}}}), "spec.scaling.maxReplicas", "is missing"),
        (service({"scaling": {"maxReplicas": 2}}), "spec.scaling", "exactly one of wva and keda"),
        (
            service({"scaling": {"minReplicas": 4, "maxReplicas": 2, "keda": {}}}),
            "spec.scaling.minReplicas",
            "above maxReplicas 2",
        ),
        (service(name="Chat_1"), "metadata.name", "'Chat_1'"),
        (service(name="1chat"), "metadata.name", "start with a letter"),
        (service(name="x" * 64), "metadata.name", "at most 63"),
        (service(namespace="team.a"), "metadata.namespace", "'team.a'"),
        ({**service(), "spec": None}, "spec", "got nothing"),
    ],
)
def test_a_field_that_is_wrong_is_named_with_what_stood_there(
    body: Body, field: str, words: str
) -> None:
    error = fault(body)
    assert error.field == field
    assert words in error.message


@pytest.mark.parametrize("version", ["serving.kserve.io/v1beta1", "v1", 2, None])
def test_an_unknown_api_version_names_the_known_ones(version: object) -> None:
    error = fault({**service(), "apiVersion": version})
    assert error.field == "apiVersion"
    assert "serving.kserve.io/v1alpha1" in error.message
    assert "serving.kserve.io/v1alpha2" in error.message


def test_both_versions_and_every_way_to_write_a_quantity_are_read() -> None:
    for version in ("serving.kserve.io/v1alpha1", "serving.kserve.io/v1alpha2"):
        spec = pod(resources={"limits": {"nvidia.com/gpu": 1, "cpu": 0.5, "memory": "8Gi"}})
        read = parse_service({**service(spec), "apiVersion": version}).spec
        assert read.template is not None


def test_an_empty_mapping_is_not_an_absent_one() -> None:
    router = parse_service(service({"router": {"route": {}, "gateway": None}})).spec.router
    assert router is not None
    assert router.route is not None
    assert router.gateway is None


def test_a_config_may_leave_out_anything_and_hold_templates() -> None:
    body = {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "metadata": {"name": "kserve-config-llm-template"},
        "spec": {"replicas": "{{ .Replicas }}", "model": {"name": "x"}},
    }
    assert parse_config(body).spec.replicas is None
    with pytest.raises(FieldError, match=r"spec\.replicas"):
        parse_config({**body, "spec": {"replicas": "x"}})


def test_a_node_of_a_wrong_shape_is_named() -> None:
    with pytest.raises(FieldError, match=r"metadata\.labels\.a"):
        parse_node({"apiVersion": "v1", "metadata": {"name": "n", "labels": {"a": 1}}})


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
places = st.sampled_from(
    ["replicas", "template", "worker", "prefill", "router", "model", "scaling", "parallelism"]
)


@given(st.dictionaries(places, json_like))
def test_any_spec_is_read_or_refused_with_the_field(spec: Body) -> None:
    try:
        parse_service(service(spec))
    except FieldError as error:
        assert error.field.startswith("spec")  # noqa: PT017
