"""Folders of manifests, good and bad."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtop_tui import resources
from mtop_tui.kserve.merge import combine
from mtop_tui.kserve.records import node_record, service_record
from mtop_tui.observations import Service
from mtop_tui.providers.mock.documents import documents
from mtop_tui.providers.mock.manifests import Manifests, load

REAL = Path(__file__).parents[2].parent / "shared/data/serving/manifests"
PRESETS = Path(__file__).parents[2].parent / "shared/data/serving/presets"

GOOD = """\
apiVersion: serving.kserve.io/v1alpha2
kind: LLMInferenceService
metadata:
  name: good
spec:
  model:
    uri: hf://org/good
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(GOOD)
    return tmp_path


def names(manifests: Manifests) -> list[str]:
    return [manifest.parsed.metadata.name for manifest in manifests.services]


def only_problem(manifests: Manifests) -> str:
    """The one problem, on one line, with the good service still there."""
    assert names(manifests)[:1] == ["good"] or "good" in names(manifests)
    (problem,) = manifests.problems
    line = str(problem)
    assert line.isprintable()
    return line


def records(manifests: Manifests) -> list[Service]:
    return [
        service_record(one.parsed, combine(one.body, manifests.find_config), cluster="sim", at=0.0)
        for one in manifests.services
    ]


class TestBadInput:
    @pytest.mark.parametrize(
        ("text", "line", "field", "words"),
        [
            ("a: [1\nb: }\n", 2, "", "not YAML"),
            ("metadata:\n  name: x\n", 1, "kind", "is missing"),
            ("- 1\n- 2\n", 1, "", "expected a mapping"),
            ("just text\n", 1, "", "expected a mapping"),
            ("kind: [x]\n", 1, "kind", "is no text"),
            (GOOD.replace("good", "b").replace("v1alpha2", "v9"), 1, "apiVersion", "v1alpha2"),
            (GOOD.replace("name: good", "name: Good_1"), 4, "metadata.name", "'Good_1'"),
            (GOOD.replace("good", "b") + '  replicas: "3"\n', 8, "spec.replicas", "whole number"),
            (GOOD.replace("good", "b") + "  replicas: 1\n  replicas: 2\n", 9, "", "twice"),
            (GOOD.replace("name: good", "name: 12"), 4, "metadata.name", "put it in quotes"),
            (
                GOOD.replace("    uri: hf://org/good\n", "    name: m\n"),
                6,
                "spec.model.uri",
                "missing",
            ),
            ("kind: !!python/object:os.system x\n", 1, "", "tag"),
            ("? [a, b]\n: 1\n", 1, "", "a key must be text"),
            ("a: &a [*a]\n", 1, "", "refers to what it stands in"),
            ("a: 0x\nb: 0b2\n", 0, "kind", "is missing"),
            ("a: \x07\n", 1, "", "not YAML"),
        ],
    )
    def test_one_line_names_file_line_and_field(
        self, folder: Path, text: str, line: int, field: str, words: str
    ) -> None:
        (folder / "bad.yaml").write_text(text)
        manifests = load(folder)
        shown = only_problem(manifests)
        (problem,) = manifests.problems
        assert problem.field == field
        assert words in problem.message
        if line:
            assert problem.line == line
            assert f"bad.yaml:{line}: document 1" in shown
        if field:
            assert field in shown

    def test_the_line_is_that_of_the_field_in_its_document(self, folder: Path) -> None:
        bad = GOOD.replace("name: good", "name: other") + (
            "  template:\n    containers:\n      - name: main\n        image: [x]\n"
        )
        (folder / "two.yaml").write_text(f"# first\n---\nkind: Secret\n---\n{bad}")
        problem = load(folder).problems[0]
        assert (problem.line, problem.document) == (15, 2)
        assert problem.field == "spec.template.containers[0].image"

    def test_documents_around_a_bad_one_are_still_read(self, folder: Path) -> None:
        texts = [GOOD.replace("good", "a"), "nonsense", GOOD.replace("good", "b"), "a: [", GOOD]
        (folder / "many.yaml").write_text("\n---\n".join(texts))
        manifests = load(folder)
        assert names(manifests) == ["good", "a", "b"]
        assert len(manifests.problems) == 2

    def test_a_field_with_dots_in_its_name_is_found(self, folder: Path) -> None:
        bad = GOOD.replace(
            "  name: good\n", "  name: x\n  annotations:\n    sim.mtop.dev/age: 2 days\n"
        )
        (folder / "hint.yaml").write_text(bad)
        manifests = load(folder)
        assert "hint.yaml:6: document 1, metadata.annotations.sim.mtop.dev/age: " in only_problem(
            manifests
        )
        assert names(manifests) == ["good", "x"]
        assert manifests.services[1].demand.age is None

    def test_wrong_hints_are_named_one_by_one_and_the_others_hold(self, folder: Path) -> None:
        hints = """\
  annotations:
    sim.mtop.dev/requests-per-second: "4"
    sim.mtop.dev/prompt-tokens: "0"
    sim.mtop.dev/age: 2 days
    sim.mtop.dev/speed: fast
"""
        (folder / "hint.yaml").write_text(GOOD.replace("  name: good\n", f"  name: x\n{hints}"))
        manifests = load(folder)
        assert [(one.line, one.field.rpartition("/")[2]) for one in manifests.problems] == [
            (7, "prompt-tokens"),
            (8, "age"),
            (9, "speed"),
        ]
        assert all(one.message.endswith("; the hint is ignored") for one in manifests.problems)
        demand = manifests.services[1].demand
        assert (demand.requests_per_second, demand.prompt_tokens, demand.age) == (4.0, None, None)

    def test_a_duplicate_names_both_places_and_the_first_stays(self, folder: Path) -> None:
        (folder / "same.yaml").write_text(GOOD.replace("hf://org/good", "hf://org/other"))
        manifests = load(folder)
        shown = only_problem(manifests)
        assert "same.yaml:4" in shown
        assert f"{folder / 'good.yaml'}:1" in shown
        assert manifests.services[0].body["spec"]["model"]["uri"] == "hf://org/good"

    def test_the_same_name_in_another_namespace_is_no_duplicate(self, folder: Path) -> None:
        (folder / "same.yaml").write_text(GOOD.replace("metadata:", "metadata:\n  namespace: b"))
        assert load(folder).problems == ()

    def test_a_large_file_is_refused_by_its_size(self, folder: Path) -> None:
        with (folder / "huge.yaml").open("wb") as huge:
            huge.truncate(10_000_000)
        assert "huge.yaml: 10.0 MB is too large" in only_problem(load(folder))

    def test_aliases_that_expand_hugely_are_refused(self, folder: Path) -> None:
        bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
        for below, here in zip("abcdefgh", "bcdefghi", strict=True):
            bomb += f"{here}: &{here} [{', '.join([f'*{below}'] * 9)}]\n"
        (folder / "bomb.yaml").write_text(bomb)
        assert "values with its aliases written out" in only_problem(load(folder))

    @pytest.mark.parametrize("text", ["[" * 200_000, "- " * 200_000, "? " * 100_000, "{a: " * 999])
    def test_deep_nesting_is_refused_and_ends_nothing(self, folder: Path, text: str) -> None:
        (folder / "deep.yaml").write_text(text)
        assert "deep.yaml" in only_problem(load(folder))

    def test_bytes_that_are_no_text_are_named_with_their_line(self, folder: Path) -> None:
        (folder / "binary.yaml").write_bytes(b"kind: x\nname: \xff\xfe\n")
        assert "binary.yaml:2: not UTF-8 text: byte 0xff" in only_problem(load(folder))

    def test_hostile_names_and_values_come_out_on_one_safe_line(self, folder: Path) -> None:
        bad = GOOD.replace("name: good", 'name: "a\\e[31m\\nb"')
        (folder / "bad.yaml").write_text(bad)
        assert "\x1b" not in only_problem(load(folder))

    def test_links_that_lead_nowhere_or_round_in_circles(self, folder: Path) -> None:
        (folder / "loop").symlink_to(folder)
        (folder / "self.yaml").symlink_to(folder / "self.yaml")
        (folder / "gone.yaml").symlink_to(folder / "nowhere.yaml")
        manifests = load(folder)
        assert names(manifests) == ["good"]
        assert sorted(Path(problem.file).name for problem in manifests.problems) == [
            "gone.yaml",
            "self.yaml",
        ]

    def test_a_pipe_is_not_waited_for(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe.yaml")
        assert "pipe.yaml: cannot be read: not a regular file" in only_problem(load(folder))

    def test_a_file_one_may_not_read(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "secret.yaml").write_text(GOOD)
        read = Path.read_bytes

        def refuse(path: Path) -> bytes:
            if path.name == "secret.yaml":
                raise PermissionError(13, "Permission denied")
            return read(path)

        monkeypatch.setattr(Path, "read_bytes", refuse)
        assert "secret.yaml: cannot be read: Permission denied" in only_problem(load(folder))

    def test_without_libyaml_the_same_is_read(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with_libyaml = load(folder, resources.path("mocks"))
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
        assert load(folder, resources.path("mocks")) == with_libyaml

    def test_a_missing_folder_and_a_file_instead_of_one(self, folder: Path) -> None:
        missing = load(folder / "nowhere")
        assert missing.services == ()
        assert "nowhere: expected a folder: it does not exist" in str(missing.problems[0])
        file = load(folder / "good.yaml")
        assert file.services == ()
        assert "is a file; give the folder it is in" in str(file.problems[0])

    def test_empty_files_and_folders_are_no_problem(self, folder: Path) -> None:
        (folder / "empty.yaml").write_text("")
        (folder / "comment.yml").write_text("# nothing\n---\n---\n")
        (folder / "sub").mkdir()
        assert load(folder).problems == ()


class TestWhatIsRead:
    def test_other_kinds_are_counted(self, folder: Path) -> None:
        (folder / "others.yaml").write_text("kind: Secret\n---\nkind: Secret\n---\nkind: Gateway\n")
        (folder / "kustomization.yaml").write_text("resources: [good.yaml]\n")
        manifests = load(folder)
        assert manifests.problems == ()
        assert manifests.skipped == {"Gateway": 1, "Kustomization": 1, "Secret": 2}

    def test_a_list_as_kubectl_writes_it(self, tmp_path: Path) -> None:
        item = "\n".join(f"  {line}" for line in GOOD.splitlines())
        bad = item.replace("good", "b") + "\n    replicas: x"
        text = f"kind: List\nitems:\n- \n{item}\n- \n{bad}\n"
        (tmp_path / "list.yaml").write_text(text)
        manifests = load(tmp_path)
        assert names(manifests) == ["good"]
        (problem,) = manifests.problems
        assert problem.field == "items[1].spec.replicas"
        assert text.splitlines()[problem.line - 1].strip() == "replicas: x"

    def test_times_stay_text_and_sixties_are_not_counted(self) -> None:
        (document,) = documents("at: 2025-12-09T10:01:42Z\nport: 12:30\noctal: 010\nyes: on\n")
        assert document.body == {
            "at": "2025-12-09T10:01:42Z",
            "port": "12:30",
            "octal": 8,
            "yes": True,
        }

    def test_merge_keys_lay_the_own_mapping_over_the_named_one(self) -> None:
        (document,) = documents("a: &a {x: 1, y: 1}\nb:\n  <<: *a\n  y: 2\n")
        assert document.body["b"] == {"x": 1, "y": 2}

    def test_a_namespace_that_is_not_stated_is_default(self, folder: Path) -> None:
        assert records(load(folder))[0].ref.namespace == "default"

    def test_presets_and_nodes_that_are_missing_come_from_the_fallback(self, folder: Path) -> None:
        shipped = resources.path("mocks")
        manifests = load(folder, shipped)
        assert names(manifests) == ["good"]
        (shown,) = records(manifests)
        assert shown.conditions[0].status == "True"
        assert shown.pools[0].image is not None
        assert len(manifests.nodes) == len(load(shipped).nodes)

    def test_what_the_folder_has_hides_the_fallback(self, folder: Path) -> None:
        preset = GOOD.replace("Service", "ServiceConfig").replace(
            "good", "kserve-config-llm-template"
        )
        (folder / "preset.yaml").write_text(preset + "  replicas: 9\n")
        (folder / "node.yaml").write_text("apiVersion: v1\nkind: Node\nmetadata: {name: mine}\n")
        manifests = load(folder, resources.path("mocks"))
        assert records(manifests)[0].pools[0].desired == 9
        assert [node.parsed.metadata.name for node in manifests.nodes] == ["mine"]


@given(st.binary(max_size=300))
def test_any_text_is_documents_or_problems(data: bytes) -> None:
    for document in documents(data.decode("latin-1")):
        assert document.line >= 0
        assert document.line_of("spec.replicas") >= 0


@given(
    st.binary(max_size=200)
    | st.text("abkind:-[]{}&*!|>'\"\n \t#", max_size=200).map(str.encode)
    | st.lists(st.sampled_from(GOOD.splitlines()), max_size=12).map(
        lambda lines: "\n".join(lines).encode()
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_stops_the_others(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "junk.yaml").write_bytes(data)
    manifests = load(tmp_path)
    assert "good" in names(manifests)
    assert all(str(problem).isprintable() for problem in manifests.problems)


class TestShippedCluster:
    @pytest.fixture(scope="class")
    def shipped(self) -> Manifests:
        return load(resources.path("mocks"))

    def test_it_loads_without_a_problem(self, shipped: Manifests) -> None:
        assert shipped.problems == ()
        assert shipped.skipped == {}
        assert len(shipped.services) >= 24
        assert {one.parsed.metadata.namespace for one in shipped.services} == {
            "production",
            "staging",
            "development",
            "research",
        }

    def test_the_one_missing_config_is_meant_to_be_missing(self, shipped: Manifests) -> None:
        failed = [one.ref.name for one in records(shipped) if one.conditions[0].status != "True"]
        assert failed == ["llama-3-2-3b-instruct"]

    def test_every_other_service_says_what_it_runs_on(self, shipped: Manifests) -> None:
        for service in records(shipped):
            if service.conditions[0].status == "True":
                for pool in service.pools:
                    assert pool.image, service.ref
                    assert pool.gpus_per_replica is not None, service.ref
                    assert (pool.gpu_type is None) == (pool.gpus_per_replica == 0), service.ref

    def test_it_shows_every_shape(self, shipped: Manifests) -> None:
        shown = records(shipped)
        assert any(service.stopped for service in shown)
        assert any(len(service.pools) == 2 for service in shown)
        assert any(pool.nodes_per_replica > 1 for service in shown for pool in service.pools)
        assert any(pool.gpus_per_replica == 0 for service in shown for pool in service.pools)
        groups = Counter(service.route.group for service in shown if service.route)
        assert groups == {"llama-3-70b": 2, "granite-3-8b": 2}

    def test_what_runs_fits_the_nodes_and_one_service_fits_no_node(
        self, shipped: Manifests
    ) -> None:
        nodes = [node_record(one.parsed, cluster="sim", at=0.0) for one in shipped.nodes]
        have: Counter[str] = Counter()
        largest: dict[str, int] = {}
        for node in nodes:
            if node.gpu_type:
                have[node.gpu_type] += node.gpus
                largest[node.gpu_type] = max(largest.get(node.gpu_type, 0), node.gpus)
        wanted: Counter[str] = Counter()
        too_big = []
        for service in records(shipped):
            for pool in service.pools:
                gpus = pool.gpus_per_replica or 0
                if pool.gpu_type is None:
                    continue
                if gpus // pool.nodes_per_replica > largest[pool.gpu_type]:
                    too_big.append(service.ref.name)
                else:
                    wanted[pool.gpu_type] += gpus * (pool.desired or 0)
        assert too_big == ["mixtral-8x22b-instruct"]
        assert sum(have.values()) == 160
        assert all(wanted[gpu] < have[gpu] for gpu in have)
        assert {node.capacity for node in nodes} == {"on-demand"}  # no spot price is bundled


@pytest.mark.skipif(not REAL.exists(), reason="the real manifests are not beside this repository")
class TestRealManifests:
    def test_every_service_is_listed_and_the_rest_counted(self) -> None:
        import re

        texts = [path.read_text() for path in sorted(REAL.rglob("*.yaml"))]
        kinds = Counter(
            kind for text in texts for kind in re.findall(r"^kind: (\w+)", text, re.MULTILINE)
        )
        manifests = load(REAL, resources.path("mocks"))
        repeated = [one for one in manifests.problems if "is already in" in one.message]
        assert len(manifests.services) + len(repeated) == kinds.pop("LLMInferenceService")
        kinds.pop("LLMInferenceServiceConfig")
        assert manifests.skipped == {**kinds, "Kustomization": 1}
        assert list(manifests.problems) == repeated

    def test_known_figures_of_known_services(self) -> None:
        shown = {one.ref.name: one for one in records(load(REAL, resources.path("mocks")))}
        wide = shown["deepseek-r1-0528"].pools[0]
        assert (wide.nodes_per_replica, wide.gpus_per_replica) == (4, 32)
        roles = [(one.role, one.desired) for one in shown["qwen2-7b-instruct-pd"].pools]
        assert roles == [("decode", 1), ("prefill", 2)]
        assert shown["lora-hf-test"].pools[0].gpus_per_replica == 0
        assert shown["qwen2-7b-instruct-dra-minimal"].pools[0].gpus_per_replica == 1

    @pytest.mark.skipif(not PRESETS.exists(), reason="the real presets are not there")
    def test_real_presets_merge_and_no_template_is_shown(self, tmp_path: Path) -> None:
        (tmp_path / "services").symlink_to(REAL)
        (tmp_path / "presets").symlink_to(PRESETS)
        manifests = load(tmp_path)
        for service in manifests.services:
            combined = combine(service.body, manifests.find_config)
            assert "{{" not in repr(combined.spec)
        single = {one.ref.name: one for one in records(manifests)}["qwen2-7b-instruct-single"]
        assert single.conditions[0].status == "True"
        assert single.pools[0].image == "ghcr.io/llm-d/llm-d-cuda:v0.9.0"
