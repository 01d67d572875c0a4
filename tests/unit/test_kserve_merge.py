"""What a service is once its configs are merged in."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.kserve.merge import Combined, FindConfig, combine, presets
from mtop_tui.kserve.parse import parse_service
from mtop_tui.kserve.records import service_record
from mtop_tui.kserve.strategic import strategic_merge

Body = dict[str, Any]


def service(spec: Body, **metadata: Any) -> Body:
    return {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {"name": "chat", "namespace": "production", **metadata},
        "spec": spec,
    }


def configs(**bodies: Body) -> FindConfig:
    """Configs by `namespace__name`, underscores for dashes; every preset exists unless given."""
    stored = {tuple(key.replace("_", "-").split("--")): spec for key, spec in bodies.items()}

    def find(namespace: str, name: str) -> Body | None:
        spec = stored.get((namespace, name))
        if spec is None and namespace == "kserve" and name.startswith("kserve-config-llm-"):
            spec = {}
        return None if spec is None else {"metadata": {"name": name}, "spec": spec}

    return find


def container(name: str = "main", **fields: Any) -> Body:
    return {"name": name, **fields}


def image_of(combined: Combined, pool: str = "template") -> Any:
    pod = combined.spec[pool]
    return pod["containers"][0].get("image")


class TestStrategicMerge:
    def test_containers_and_their_environment_merge_by_name(self) -> None:
        base = {
            "initContainers": [container("storage-initializer", image="init:latest")],
            "containers": [
                container(image="base:0.1", env=[{"name": "A", "value": "1"}]),
            ],
        }
        patch = {
            "containers": [
                container(image="override:1.0", env=[{"name": "FOO", "value": "bar"}]),
                container("transformer", image="transformer:latest"),
            ],
        }
        merged = strategic_merge(base, patch)
        assert merged["initContainers"] == base["initContainers"]
        main, transformer = merged["containers"]
        assert main["image"] == "override:1.0"
        assert {one["name"]: one["value"] for one in main["env"]} == {"A": "1", "FOO": "bar"}
        assert transformer["name"] == "transformer"

    @pytest.mark.parametrize(
        ("field", "key"),
        [
            ("env", "name"),
            ("volumes", "name"),
            ("volumeMounts", "mountPath"),
            ("ports", "containerPort"),
        ],
    )
    def test_keyed_lists_change_one_entry_and_keep_the_others(self, field: str, key: str) -> None:
        base = {field: [{key: "a", "x": 1, "y": 1}, {key: "b", "x": 2}]}
        merged = strategic_merge(base, {field: [{key: "a", "x": 9}]})
        assert merged == {field: [{key: "a", "x": 9, "y": 1}, {key: "b", "x": 2}]}

    def test_other_lists_are_replaced_whole(self) -> None:
        base = {"tolerations": [{"key": "team"}], "args": ["--a", "--b"]}
        merged = strategic_merge(base, {"tolerations": [{"key": "gpu"}], "args": ["--c"]})
        assert merged == {"tolerations": [{"key": "gpu"}], "args": ["--c"]}

    def test_null_deletes_and_an_empty_mapping_does_not(self) -> None:
        assert strategic_merge({"a": {"b": 1}, "c": 2}, {"a": {}, "c": None}) == {"a": {"b": 1}}

    def test_new_entries_stand_before_what_only_the_base_has(self) -> None:
        base = {"containers": [container("main"), container("sidecar")]}
        merged = strategic_merge(base, {"containers": [container("proxy"), container("sidecar")]})
        assert [one["name"] for one in merged["containers"]] == ["proxy", "main", "sidecar"]


values = st.one_of(st.integers(0, 9), st.text("abc", max_size=3), st.booleans())
names = st.sampled_from(["main", "init", "proxy"])
keyed = st.dictionaries(names, st.dictionaries(st.sampled_from("xyz"), values), max_size=3).map(
    lambda entries: [{**entry, "name": name} for name, entry in entries.items()]
)
specs = st.recursive(
    st.dictionaries(st.sampled_from(["replicas", "image", "args", "kind"]), values),
    lambda inner: (
        st.dictionaries(st.sampled_from(["template", "router", "labels"]), inner)
        | st.fixed_dictionaries({"containers": keyed, "args": st.lists(values)})
    ),
    max_leaves=6,
)


def assert_states(merged: Any, patch: Any) -> None:
    """Whatever `patch` states stands in `merged`."""
    if isinstance(patch, dict):
        for key, value in patch.items():
            assert_states(merged[key], value)
    elif isinstance(patch, list) and all(isinstance(one, dict) for one in patch + merged):
        by_name = {one["name"]: one for one in merged}
        for one in patch:
            assert_states(by_name[one["name"]], one)
    else:
        assert merged == patch


@given(specs, specs)
def test_the_upper_object_wins_everywhere_and_neither_is_changed(base: Body, patch: Body) -> None:
    before = copy.deepcopy((base, patch))
    merged = strategic_merge(base, patch)
    assert (base, patch) == before
    assert_states(merged, patch)


@given(specs, specs)
def test_merging_twice_is_merging_once(base: Body, patch: Body) -> None:
    once = strategic_merge(base, patch)
    assert strategic_merge(once, patch) == once


MANAGED = {"route": {}, "gateway": {}, "scheduler": {}}
POD = {"containers": [container()]}
PREDICTOR = {"type": "predicted-latency-producer"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ("template",)),
        ({"router": MANAGED}, ("scheduler", "router-route", "template")),
        ({"router": {"scheduler": {"pool": {"ref": {"name": "mine"}}}}}, ("template",)),
        ({"router": {"route": {"http": {"refs": [{"name": "mine"}]}}}}, ("template",)),
        (
            {"worker": POD, "parallelism": {"data": 16, "dataLocal": 8}},
            ("worker-data-parallel",),
        ),
        ({"worker": POD, "parallelism": {"pipeline": 2}}, ("worker-pipeline-parallel",)),
        ({"prefill": {}}, ("prefill-template", "decode-template")),
        (
            {
                "prefill": {"worker": POD, "parallelism": {"data": 8, "dataLocal": 8}},
                "worker": POD,
                "parallelism": {"pipeline": 4},
            },
            ("prefill-worker-data-parallel", "decode-worker-pipeline-parallel"),
        ),
        (
            {"router": {"scheduler": {"tokenizer": {}}}, "tracing": {}},
            ("scheduler", "tokenizer", "tracing", "template"),
        ),
        (
            {"router": {"scheduler": {"config": {"inline": {"plugins": [PREDICTOR]}}}}},
            ("scheduler", "scheduler-latency-predictor", "template"),
        ),
    ],
)
def test_the_shape_of_a_deployment_decides_its_presets(
    spec: Body, expected: tuple[str, ...]
) -> None:
    assert presets(spec) == tuple(f"config-llm-{name}" for name in expected)


def test_image_and_gpus_that_only_a_preset_states_are_shown() -> None:
    preset = {
        "template": {
            "containers": [
                container(image="engine:1", resources={"limits": {"nvidia.com/gpu": 2}}),
            ]
        }
    }
    body = service({"model": {"uri": "hf://org/m"}})
    combined = combine(body, configs(kserve__kserve_config_llm_template=preset))
    record = service_record(parse_service(body), combined, cluster="c", at=0.0)
    assert record.pools[0].image == "engine:1"
    assert record.pools[0].gpus_per_replica == 2
    assert record.pools[0].desired == 1
    assert record.applied_configs == ("kserve-config-llm-template",)


def test_what_no_config_gives_is_unknown_and_not_zero() -> None:
    body = service({"model": {"uri": "hf://org/m"}})
    record = service_record(parse_service(body), combine(body, configs()), cluster="c", at=0.0)
    assert record.pools[0].image is None
    assert record.pools[0].gpus_per_replica is None


def test_presets_lose_to_base_refs_in_their_order_and_these_to_the_service() -> None:
    def stating(image: str) -> Body:
        return {"template": {"containers": [container(image=image)]}}

    find = configs(
        kserve__kserve_config_llm_template=stating("preset"),
        production__first=stating("first"),
        kserve__second=stating("second"),
    )
    references = [{"name": "first"}, {"name": "second"}]
    assert image_of(combine(service({"template": POD}), find)) == "preset"
    assert image_of(combine(service({"baseRefs": references}), find)) == "second"
    assert image_of(combine(service({"baseRefs": references[::-1]}), find)) == "first"
    own = service({"baseRefs": references, **stating("own")})
    assert image_of(combine(own, find)) == "own"
    assert [config.source for config in combine(own, find).applied] == [
        "Preset",
        "UserRef",
        "UserRef",
    ]


def test_a_config_of_the_own_namespace_hides_that_of_kserve() -> None:
    find = configs(production__shared={"replicas": 2}, kserve__shared={"replicas": 5})
    assert combine(service({"baseRefs": [{"name": "shared"}]}), find).spec["replicas"] == 2
    elsewhere = service({"baseRefs": [{"name": "shared"}]}, namespace="staging")
    assert combine(elsewhere, find).spec["replicas"] == 5


def test_a_base_ref_decides_which_presets_apply() -> None:
    find = configs(production__disaggregated={"prefill": {"replicas": 2}})
    combined = combine(service({"baseRefs": [{"name": "disaggregated"}]}), find)
    assert [config.name for config in combined.applied] == [
        "kserve-config-llm-prefill-template",
        "kserve-config-llm-decode-template",
        "disaggregated",
    ]


def test_a_model_name_from_a_base_ref_wins_as_the_controller_lets_it() -> None:
    find = configs(production__named={"model": {"name": "shared-name"}})
    spec = {"model": {"uri": "hf://org/m"}, "baseRefs": [{"name": "named"}]}
    typed = combine(service(spec), find).typed
    assert typed is not None
    assert typed.model is not None
    assert (typed.model.name, typed.model.uri) == ("shared-name", "hf://org/m")


def test_null_in_a_service_does_not_take_away_what_a_config_states() -> None:
    find = configs(production__team={"template": {"nodeSelector": {"a": "b"}}})
    spec = {"baseRefs": [{"name": "team"}], "template": {"nodeSelector": None}}
    assert combine(service(spec), find).spec["template"]["nodeSelector"] == {"a": "b"}


def test_zero_replicas_are_stated_replicas() -> None:
    find = configs(kserve__kserve_config_llm_template={"replicas": 3})
    assert combine(service({"replicas": 0}), find).spec["replicas"] == 0


def test_a_config_that_is_not_there_has_the_controllers_outcome() -> None:
    body = service({"model": {"uri": "hf://org/m"}, "baseRefs": [{"name": "gone"}]})
    combined = combine(body, configs())
    assert combined.reason == "ConfigNotFound"
    record = service_record(parse_service(body), combined, cluster="c", at=0.0)
    outcome = {one.type: (one.status, one.reason, one.message) for one in record.conditions}
    message = 'LLMInferenceServiceConfig "gone" not found in namespaces [production kserve]'
    assert outcome["PresetsCombined"] == ("False", "ConfigNotFound", message)
    assert outcome["Ready"] == ("False", "ConfigNotFound", message)
    assert record.model_uri == "hf://org/m"
    assert record.pools[0].desired is None


def test_a_stopped_service_says_so_even_when_its_config_is_gone() -> None:
    stop = {"serving.kserve.io/stop": "true"}
    body = service({"baseRefs": [{"name": "gone"}]}, annotations=stop)
    assert combine(body, configs()).reason == "Stopped"


def test_replicas_beside_scaling_of_a_config_make_an_invalid_service() -> None:
    scaling = {"scaling": {"maxReplicas": 3, "wva": {"hpa": {}}}}
    spec = {"replicas": 1, "baseRefs": [{"name": "scaled"}]}
    combined = combine(service(spec), configs(production__scaled=scaling))
    assert combined.reason == "InvalidRenderedConfig"
    assert "spec.scaling" in combined.message


def test_a_pinned_preset_is_used_and_the_current_one_where_it_is_gone() -> None:
    body = service({})
    pin = {"serving.kserve.io/config-llm-template": "v0-18-kserve-config-llm-template"}
    body["status"] = {"annotations": pin}
    pinned = configs(kserve__v0_18_kserve_config_llm_template={"replicas": 7})
    assert combine(body, pinned).spec["replicas"] == 7
    assert (
        combine(body, configs(kserve__kserve_config_llm_template={"replicas": 4})).spec["replicas"]
        == 4
    )


class TestTemplates:
    def test_names_are_filled_in(self) -> None:
        preset = {
            "template": {
                "containers": [container(image="r/{{ .Namespace }}/{{ .Spec.Model.Name }}:1")]
            }
        }
        spec = {"model": {"uri": "hf://o/m", "name": "m"}}
        combined = combine(service(spec), configs(kserve__kserve_config_llm_template=preset))
        assert image_of(combined) == "r/production/m:1"

    def test_an_expression_mtop_does_not_evaluate_is_unknown(self) -> None:
        preset = {
            "replicas": "{{ .Foo }}",
            "template": {
                "containers": [
                    container(
                        image="{{ if .X }}a{{ else }}b{{ end }}",
                        args=["--port=8000", "--tp={{ .Spec.Parallelism.Tensor }}"],
                        resources={"limits": {"nvidia.com/gpu": "{{ .Gpus }}"}},
                    ),
                ]
            },
        }
        body = service({"model": {"uri": "hf://o/m"}})
        combined = combine(body, configs(kserve__kserve_config_llm_template=preset))
        assert "{{" not in repr(combined.spec)
        pool = service_record(parse_service(body), combined, cluster="c", at=0.0).pools[0]
        assert (pool.desired, pool.image, pool.gpus_per_replica) == (None, None, None)
