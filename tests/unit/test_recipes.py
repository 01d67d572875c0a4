"""Recipes: what may stand in one, and what is said of what may not."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from mtop_tui import resources
from mtop_tui.providers.mock.recipes import (
    TOPOLOGIES,
    UnusableRecipeError,
    find_recipe,
    outlines,
    read_recipe,
    shipped,
)
from mtop_tui.providers.mock.story import Story, story_of

FLEET = """\
summary: a test
environment:
  nodes: [{pool: l4, gpu: L4, gpus: 4, count: 2}]
fleet:
  services:
    - {name: shop/chat, model: meta-llama/Llama-3.1-8B-Instruct, gpu: L4, replicas: 2}
    - {name: shop/canary, copy: shop/chat, replicas: 1, route: {group: g, weight: 5}}
workload:
  shop/chat: {rps: 2, prompt: 400, kind: chat}
"""


def story(folder: Path, text: str, **options) -> Story:
    path = folder / "story.yaml"
    path.write_text(text)
    return story_of(read_recipe(path, **options), "mock")


def complaints(folder: Path, text: str, **options) -> list[str]:
    with pytest.raises(UnusableRecipeError) as raised:
        story(folder, text, **options)
    return [str(one).removeprefix(f"{folder}/") for one in raised.value.problems]


def test_a_recipe_becomes_manifests_deeds_and_checks(tmp_path):
    found = story(
        tmp_path,
        FLEET
        + """\
seed: 3
duration: 5m
scenario:
  - {at: 90s, fault: http-abort, on: shop/chat, with: {rate: 0.2}, for: 1m}
expect:
  - {check: c, service: shop/chat, metric: error_ratio, aggregate: max, op: ">", value: 0.1}
""",
    )
    names = [one.parsed.metadata.name for one in found.manifests.services]
    assert names == ["chat", "canary"]
    assert [one.parsed.metadata.name for one in found.manifests.nodes] == ["l4-1", "l4-2"]
    chat, canary = found.manifests.services
    assert (chat.demand.requests_per_second, chat.demand.prompt_tokens) == (2.0, 400.0)
    assert chat.demand.kind is not None
    assert canary.parsed.spec.router.route.weight == 5
    assert canary.parsed.spec.replicas == 1
    (deed,) = found.planned
    assert (deed.at, deed.until, deed.deed.values) == (90.0, 150.0, {"rate": 0.2})
    (check,) = found.checks
    assert (check.start, check.end, check.value) == (0.0, math.inf, 0.1)
    assert (found.seed, found.duration) == (3, 300.0)


def test_what_copies_a_service_leaves_its_identity_and_takes_its_load_apart(tmp_path):
    found = story(tmp_path, FLEET)
    canary = found.manifests.services[1]
    assert canary.demand.requests_per_second == 0.0
    assert canary.parsed.spec.template.node_selector == {"nvidia.com/gpu.product": "NVIDIA-L4"}


def test_ramps_follow_each_other(tmp_path):
    ramps = "ramps: [{at: 10s, times: 4, over: 5s}, {at: 60s, times: 2}]"
    text = FLEET.replace("kind: chat", f"kind: chat, {ramps}")
    found = story(tmp_path, text)
    assert [(one.at, one.deed.values["rate"]) for one in found.planned] == [
        (10.0, 4.0),
        (60.0, 0.5),
    ]


def test_overrides_and_patches_merge_and_null_removes(tmp_path):
    text = FLEET.replace(
        "workload:",
        "  overrides: {shop/chat: {spec: {replicas: 3, template: {nodeSelector: null}}}}\n"
        "workload:",
    )
    chat = story(tmp_path, text).manifests.services[0].parsed
    assert chat.spec.replicas == 3
    assert chat.spec.template.node_selector is None


def test_a_target_is_put_in_and_can_be_another(tmp_path):
    text = """\
summary: t
target: production/mistral-7b-instruct
fleet: {mocks: ["${target}"]}
scenario: [{do: restart, on: "${target}"}]
"""
    names = [one.parsed.metadata.name for one in story(tmp_path, text).manifests.services]
    assert names == ["mistral-7b-instruct"]
    other = story(tmp_path, text, target="research/qwen3-32b")
    assert other.planned[0].deed.target.services[0].name == "qwen3-32b"
    (said,) = complaints(tmp_path, text, target="research/qwen3")
    assert said == (
        "story.yaml:2: target: no service research/qwen3 is there; did you mean research/qwen3-32b?"
    )
    (said,) = complaints(tmp_path, FLEET, target="a/b")
    assert said == "story.yaml: target: this recipe has no target; leave --target out"


def test_a_value_can_be_set_from_outside(tmp_path):
    text = FLEET + "scenario: [{fault: http-abort, on: shop/chat, with: {rate: 0.2}}]\n"
    found = story(tmp_path, text, settings=[("scenario[0].with.rate", 0.0), ("seed", 9)])
    assert found.planned[0].deed.values == {"rate": 0.0}
    assert found.seed == 9
    (said,) = complaints(tmp_path, text, settings=[("scenario[3].with.rate", 0.0)])
    assert said == "story.yaml: scenario[3].with.rate: cannot be set: it is not in the recipe"


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("scenari: []", "story.yaml:10: scenari: no such key; did you mean scenario?"),
        ("seed: ten", 'story.yaml:10: seed: expected a whole number, got "ten"'),
        (
            "duration: -5m",
            "story.yaml:10: duration: expected a duration such as 90s, 10m or 1h30m, 0s to 30d, "
            'got "-5m"',
        ),
        ("duration: 0s", 'story.yaml:10: duration: expected a number above 0, got "0s"'),
        (
            "scenario:\n- fault: pod-kil\n  on: shop/chat",
            "story.yaml:11: scenario[0].fault: no fault pod-kil; did you mean pod-kill?",
        ),
        (
            "scenario:\n- at: 1s\n  fault: pod-kill\n  on: shop/chta",
            "story.yaml:13: scenario[0].on.services[0]: no service shop/chta is there; did you "
            "mean shop/chat?",
        ),
        (
            "scenario:\n- fault: http-abort\n  on: shop/chat\n  with:\n    rate: 3",
            "story.yaml:14: scenario[0].with.rate: http-abort: expected a number from 0 to 1, "
            "got 3",
        ),
        (
            "scenario:\n- fault: pod-kill",
            "story.yaml:11: scenario[0].on: is missing: pod-kill acts on replicas",
        ),
        (
            "scenario:\n- fault: node-stop\n  on: {nodes: [h9]}",
            "story.yaml:12: scenario[0].on.nodes[0]: no node h9 is there",
        ),
        (
            "scenario:\n- do: set-weight\n  on: shop/chat\n  with: {weight: 3}",
            "story.yaml:12: scenario[0].on.services[0]: shop/chat is in no route group",
        ),
        (
            "scenario:\n- at: 1h\n  fault: pod-kill\n  on: shop/chat",
            "story.yaml:11: scenario[0].at: is after the end; the recipe lasts 600 s",
        ),
        (
            "scenario:\n- suspend: 3s\n  on: shop/chat",
            "story.yaml:11: scenario[0]: suspend takes no on; remove it",
        ),
        (
            "scenario:\n- serial:\n  - {fault: pod-kill, on: shop/x}",
            "story.yaml:12: scenario[0].serial[0].on.services[0]: no service shop/x is there; "
            "there are shop/canary, shop/chat",
        ),
        (
            "expect:\n- {check: a, metric: ttft_p95, op: <, value: 1}",
            "story.yaml:11: expect[0].metric: ttft_p95 is a service's",
        ),
        (
            "expect:\n- {check: a, service: shop/chat, metric: ttft_p96, op: <, value: 1}",
            "story.yaml:11: expect[0].metric: no metric ttft_p96; did you mean ttft_p95?",
        ),
        (
            "expect:\n- {check: a, service: shop/chat, metric: queue}",
            "story.yaml:11: expect[0]: metric needs op and value",
        ),
        (
            "expect:\n- {check: a, service: shop/chat, event: Killing, from: 5m, to: 3m}",
            "story.yaml:11: expect[0]: expected `to` after `from`",
        ),
        ("seed: 1\nseed: 2", "story.yaml:11: key 'seed' stands here twice; remove one"),
        ("a: [", "story.yaml:11: not YAML"),
        ("---\nsummary: two", "story.yaml: expected one recipe, got 2 documents"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_field(tmp_path, added, said):
    (found, *more) = complaints(tmp_path, f"{FLEET}{added}\n")
    assert found.startswith(said)
    assert not more


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    text = FLEET + "scenario:\n- {fault: pod-kill, on: shop/x}\n- {fault: pod-kil, on: shop/chat}\n"
    assert len(complaints(tmp_path, text)) == 2


def test_a_field_of_a_manifest_that_is_wrong_is_told_where_the_service_stands(tmp_path):
    text = FLEET.replace("replicas: 1,", "replicas: 1, patch: {spec: {replicas: many}},")
    (said,) = complaints(tmp_path, text)
    assert said.startswith("story.yaml:7: fleet.services[1]: shop/canary: spec.replicas: expected")


@pytest.mark.parametrize("rows", ["1,2,3\nx,2,3", "1,-2,3", "1,2"])
def test_a_broken_row_of_a_trace_is_told_with_its_own_file_and_line(tmp_path, rows):
    (tmp_path / "mine.csv").write_text(f"at,prompt,output\n{rows}\n")
    text = FLEET.replace("kind: chat", "trace: {file: mine.csv}")
    (said,) = complaints(tmp_path, text)
    assert said.startswith(f"mine.csv:{3 if 'x' in rows else 2}: ")


def test_a_trace_that_is_not_there_is_told(tmp_path):
    (said,) = complaints(tmp_path, FLEET.replace("kind: chat", "trace: {file: no.csv}"))
    assert said.startswith("story.yaml:9: workload.shop/chat.trace.file: ")


def test_a_file_that_is_no_recipe_is_told(tmp_path):
    path = tmp_path / "story.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UnusableRecipeError, match="not UTF-8"):
        read_recipe(path)
    with pytest.raises(UnusableRecipeError, match="No such file"):
        read_recipe(tmp_path / "none.yaml")
    assert complaints(tmp_path, "- a") == [
        "story.yaml:1: expected a recipe, got a list; see docs/recipes.md"
    ]


def test_a_shipped_recipe_is_found_by_name_and_a_near_one_suggested():
    assert find_recipe("canary-failure") == resources.path("recipes") / "canary-failure.yaml"
    with pytest.raises(UnusableRecipeError, match="did you mean canary-failure"):
        find_recipe("canary-failur")


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_every_shipped_recipe_can_be_run_and_has_checks_that_can_fail(path):
    found = story_of(read_recipe(path), "mock")
    assert found.checks
    assert found.planned
    assert path.read_text().startswith("# yaml-language-server: $schema=recipe.schema.json\n# ")


def test_the_stories_and_topologies_are_there():
    named = {one.name: one.summary for one in outlines()}
    stories = {"startup", "enterprise", "canary-failure", "cost-optimization", "research-lab"}
    stories |= {"traffic-spike", "node-loss", "kv-saturation", "prefix-collapse"}
    assert stories | {"slo-convergence", "gpu-sharing", *TOPOLOGIES} == named.keys()
    assert all(named.values())


def test_the_shipped_schema_is_that_of_the_models():
    from mtop_tui.config.recipe_schema import recipe_schema

    stands = json.loads((resources.path("recipes") / "recipe.schema.json").read_text())
    assert stands == recipe_schema(), "run `mtop recipes --schema > recipes/recipe.schema.json`"


def test_the_page_of_faults_is_that_of_the_tables():
    from mtop_tui.config.fault_page import fault_page

    page = Path(__file__).parents[2] / "docs" / "faults.md"
    assert page.read_text() == fault_page(), "run `mtop recipes --faults > docs/faults.md`"


def test_the_recipe_in_the_docs_can_be_run_and_all_figures_are_listed(tmp_path):
    from mtop_tui.views.check_metrics import FLEET_METRICS, SERVICE_METRICS

    page = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
    assert story(tmp_path, page.split("```yaml\n")[1].split("```")[0]).checks
    assert all(f"`{name}`" in page for name in [*SERVICE_METRICS, *FLEET_METRICS])
