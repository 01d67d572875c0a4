"""Recipes that somebody got wrong, or wrote to do harm: each is refused before anything begins."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mtop_tui.cli.main import main
from mtop_tui.providers.mock.recipes import UnusableRecipeError, read_recipe
from mtop_tui.providers.mock.story import Story, story_of

RECIPE = """\
summary: a test
environment:
  nodes:
  - {pool: l4, gpu: L4, gpus: 4}
fleet:
  services:
  - {name: shop/chat, model: meta-llama/Llama-3.1-8B-Instruct, gpu: L4, replicas: 2}
  - {name: shop/canary, copy: shop/chat, replicas: 1, route: {group: g, weight: 5}}
workload:
  shop/chat: {rps: 2}
"""
HUGE = "9" * 400


def story(folder: Path, text: str) -> Story:
    path = folder / "story.yaml"
    path.write_text(text)
    return story_of(read_recipe(path), "mock")


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(UnusableRecipeError) as raised:
        story(folder, text)
    (said,) = raised.value.problems
    assert len(str(said)) < 400
    return str(said).removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("gpu: L4, rep", "gpu: H1OO, rep", "7: fleet.services[0].gpu: no GPU H1OO is known; there"),
        ("gpu: L4, rep", "gpu: L44, rep", "7: fleet.services[0].gpu: no GPU L44 is known; did you"),
        ("gpu: L4, gpus", "gpu: Z9, gpus", "4: environment.nodes[0].gpu: no GPU Z9 is known"),
        ("gpus: 4}", "gpus: 4, mig: half}", "4: environment.nodes[0].mig: expected a MIG profile"),
        ("gpus: 4}", "gpus: 4, mig: 1g.5gb}", "4: environment.nodes[0].mig: L4 cannot be cut"),
        ("  nodes:", "  nodes:\n  - {pool: l4}", "5: environment.nodes[1].pool: pool l4 is al"),
        ("meta-llama/Llama-3.1-8B-Instruct", "' '", "7: fleet.services[0]: needs a model, a serv"),
        ("replicas: 2", "manifest: {}", "7: fleet.services[0]: manifest already says gpu, model"),
        ("replicas: 2", "slo: fast", "7: fleet.services[0].slo: cannot be read: position 1: exp"),
        ("replicas: 2", "replicas: 2.5", "7: fleet.services[0].replicas: expected a whole number"),
        (
            "replicas: 2",
            "patch: {spec: {replicas: 2000000000}}",
            "7: fleet.services[0]: shop/chat: spec.replicas: expected 10000 at most",
        ),
        (
            "replicas: 2",
            "patch: {metadata: {name: other}}",
            "7: fleet.services[0]: shop/chat: is renamed to shop/other; leave its name as it is",
        ),
        ("replicas: 1", "gpus: 4", "8: fleet.services[1]: copy already says gpus; change it with"),
        ("group: g", "group: ''", "8: fleet.services[1].route.group: is empty; write something"),
        ("workload:", "  clones: 1\nworkload:", "9: fleet.clones: expected at least the 2 servi"),
        ("rps: 2", "rps: .nan", "10: workload.shop/chat.rps: expected a finite number, got nan"),
        ("rps: 2", "rps: .inf", "10: workload.shop/chat.rps: expected a finite number, got inf"),
        ("rps: 2", "rps: 100001", "10: workload.shop/chat.rps: expected a number of at most 1000"),
        ("rps: 2", f"rps: {HUGE}", "10: workload.shop/chat.rps: expected a number, got 9999"),
        (
            "rps: 2",
            "rps: 2e3",
            '10: workload.shop/chat.rps: expected a number, got "2e3"; write 20',
        ),
        ("rps: 2", "rps: 2, rps: 3", "10: key 'rps' stands here twice; remove one"),
        ("rps: 2", "cv: .nan", "10: workload.shop/chat.cv: expected a finite number, got nan"),
        ("rps: 2", "cv: 0.01", "10: workload.shop/chat.cv: expected a number of at least 0.1"),
        (
            "rps: 2",
            "ramps: [{at: 11m, times: 2}]",
            "10: workload.shop/chat.ramps[0].at: is after the end; the recipe lasts 600 s",
        ),
    ],
)
def test_a_cluster_or_a_load_that_cannot_be(tmp_path, was, becomes, said):
    assert RECIPE.count(was) == 1
    assert complaint(tmp_path, RECIPE.replace(was, becomes)).startswith(f"story.yaml:{said}")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("fault: pod-kill, on: {labels: {no: such}}", "on.labels: fits none of the services"),
        ("fault: pod-kill, on: {services: [shop/chat], role: prefill}", "on.role: fits none of"),
        ("fault: pod-kill, on: {services: [shop/chat], revision: nonsense}", "on.revision: expect"),
        (
            "fault: pod-kill, on: {services: [shop/chat], mode: fixed, value: 1.5}",
            "on: mode fixed needs a whole number, got 1.5",
        ),
        ("fault: pod-kill, on: {services: [shop/chat], mode: fixed, value: 0}", "on.value: expect"),
        ("every: 1ms, fault: pod-kill, on: shop/chat", "every: expected a number of at least 1"),
        (f"at: {HUGE}, fault: pod-kill, on: shop/chat", "at: expected a duration such as 90s"),
        ("serial: []", "serial: is empty; write something, or remove it"),
        (
            "serial: [{suspend: 20m}, {fault: pod-kill, on: shop/chat}]",
            "serial[1]: would begin at 1200 s, when what it is part of is over",
        ),
        (
            "at: 6m, parallel: [{at: 5m, fault: pod-kill, on: shop/chat}]",
            "parallel[0]: would begin at 660 s, when what it is part of is over",
        ),
        (
            "deadline: 5s, serial: [{suspend: 6s}, {fault: pod-kill, on: shop/chat}]",
            "serial[1]: would begin at 6 s, when what it is part of is over",
        ),
        (f"fault: http-abort, on: shop/chat, with: {{rate: {HUGE}}}", "with.rate: http-abort: exp"),
        ("fault: http-abort, on: shop/chat, with: {rate: .nan}", "with.rate: http-abort: expected"),
        ("do: roll-out, on: shop/chat, with: {image: ' '}", "with.image: roll-out: expected text"),
        ("do: mirror, on: shop/chat, with: {to: shop/chat}", "with.to: shop/chat would mirror its"),
        (
            "do: autoscale, on: shop/chat, with: {min: 5, max: 2}",
            "with.min: autoscale: expected at most max, 2, got 5",
        ),
        (
            "do: autoscale, on: shop/chat, with: {min: 0, max: 2}",
            "with.min: autoscale: 0 needs KEDA; add keda: true, or expect 1 or more",
        ),
    ],
)
def test_a_step_that_cannot_be_taken(tmp_path, step, said):
    found = complaint(tmp_path, f"{RECIPE}scenario:\n- {{{step}}}\n")
    field = found.partition("scenario[0]")[2]
    assert found.startswith("story.yaml:12: scenario[0]")
    assert field.lstrip(".: ").startswith(said)


def test_more_steps_than_anybody_waits_for_are_not_laid_out(tmp_path):
    step = "{every: 1s, fault: pod-kill, on: shop/chat}"
    for _ in range(3):
        step = f"{{every: 1s, parallel: [{step}]}}"
    found = complaint(tmp_path, f"{RECIPE}scenario:\n- {step}\n")
    assert found.startswith("story.yaml:11: scenario: comes to 129,600,000,000 steps; expected 100")


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("service: shop/chat, metric: queue, op: <, value: 1, from: 10m", ".from: is after the e"),
        ("service: shop/chat, metric: queue, op: <, value: 1, to: 11m", ".to: is after the end"),
        ("service: shop/chat, metric: queue, op: <, value: .nan", ".value: expected a finite num"),
        ("service: shop/chat, metric: weight_share, op: <, value: 1", ".service: shop/chat is in "),
        ("metric: services, op: <, value: 1, times_of: shop/chat", ": times_of compares the metr"),
        ("service: shop/chat, event: Killing, times_of: shop/chat", ": times_of compares the met"),
        ("service: shop/chat, event: Killing, aggregate: max", ": event takes no aggregate; rem"),
        ("service: shop/chat, event: ''", ".event: is empty; write something, or remove it"),
        ("service: shop/chat, diagnosis: queue-grow", ".diagnosis: no cause queue-grow; did you "),
        ("service: shop/chat, event: Killing, since: 3m", ".since: no such key"),
    ],
)
def test_a_check_that_could_never_tell(tmp_path, check, said):
    found = complaint(tmp_path, f"{RECIPE}expect:\n- {{check: a, {check}}}\n")
    assert found.startswith(f"story.yaml:12: expect[0]{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "story.yaml: is empty"),
        ("# nothing yet\n", "story.yaml: is empty"),
        ("42", "story.yaml:1: expected a recipe, got 42"),
        ("summary: a\0b", "story.yaml:1: not YAML"),
        (f"{RECIPE}scenario: &a [*a]", "story.yaml:11: an alias refers to what it stands in"),
        (f"{RECIPE}seed: !!python/name:os.system 1", "story.yaml:11: tag "),
        (f"summary: {'[' * 5000}{']' * 5000}", "story.yaml:1: more than 100 levels deep"),
        (f"{RECIPE}history: yesterday", "story.yaml:11: history: expected a duration"),
        (f"{RECIPE}history: -1h", "story.yaml:11: history: expected a duration"),
        (f"{RECIPE}history: .nan", "story.yaml:11: history: expected a duration"),
        (f"{RECIPE}duration: .inf", "story.yaml:11: duration: expected a duration"),
        (f"{RECIPE}seed: {'9' * 5000}", "story.yaml:11: '9999999999"),
        (f"{RECIPE}target: 3", "story.yaml:11: target: expected text, got 3"),
        (f"{RECIPE}target: '../..'", "story.yaml:11: target: expected a name of lower-case"),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path, text, said):
    assert complaint(tmp_path, text).startswith(said)


def test_a_small_file_cannot_become_a_large_one(tmp_path):
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "more than 500,000 values" in complaint(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("trace", ["/dev/zero", "pipe", "."])
def test_a_trace_that_would_never_end_is_not_begun(tmp_path, trace):
    os.mkfifo(tmp_path / "pipe")
    found = complaint(tmp_path, RECIPE.replace("rps: 2", f"trace: {{file: {trace}}}"))
    assert found.startswith("story.yaml:10: workload.shop/chat.trace.file: ")
    assert "cannot be read: it is no regular file" in found


def test_a_trace_is_not_begun_after_its_end(tmp_path):
    (tmp_path / "mine.csv").write_text("at,prompt,output\n0,10,10\n30,10,10\n")
    text = RECIPE.replace("rps: 2", "trace: {file: mine.csv, start: 2m}")
    assert complaint(tmp_path, text) == (
        "story.yaml:10: workload.shop/chat.trace.start: is after its end; the trace lasts 60 s"
    )


def test_a_copy_with_another_image_keeps_all_else_that_its_pods_have(tmp_path):
    pods = "prefill: 2, gpus: 4, replicas: 2"
    image = "copy: shop/chat, image: 'vllm:2',"
    text = RECIPE.replace("replicas: 2", pods).replace("copy: shop/chat,", image)
    chat, canary = (one.parsed.spec for one in story(tmp_path, text).manifests.services)
    assert canary.prefill.template.containers[0].image == "vllm:2"
    assert canary.template.containers[0].image == "vllm:2"
    assert chat.template.containers[0].resources.limits == {"nvidia.com/gpu": "4"}
    assert canary.template.containers[0].resources == chat.template.containers[0].resources


@pytest.mark.parametrize("command", [["simulate"], ["--recipe"]])
def test_a_recipe_that_is_wrong_ends_with_2_and_runs_nothing(tmp_path, monkeypatch, capfd, command):
    path = tmp_path / "story.yaml"
    path.write_text(RECIPE.replace("gpu: L4, rep", "gpu: H1OO, rep"))
    monkeypatch.setattr("mtop_tui.cli.main._require_terminal", lambda: None)
    monkeypatch.setattr(sys, "argv", ["mtop", *command, str(path)])
    assert main() == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"mtop: {path}:7: fleet.services[0].gpu: no GPU H1OO is known")
    assert len(err.splitlines()) == 1


def test_a_step_that_could_not_be_done_is_no_success(tmp_path, monkeypatch, capfd):
    path = tmp_path / "story.yaml"
    step = "scenario: [{do: undo, on: shop/chat}]\n"
    check = "expect: [{check: a, metric: services, op: ==, value: 2}]\n"
    path.write_text(f"{RECIPE}duration: 20s\n{step}{check}")
    monkeypatch.setattr(sys, "argv", ["mtop", "simulate", str(path), "--assert"])
    assert main() == 1
    assert "NOT DONE  undo: shop/chat has no earlier revision" in capfd.readouterr().out
