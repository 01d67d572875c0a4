"""`mtop simulate` and `mtop recipes`: stories without a screen, and their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mtop_tui import resources
from mtop_tui.cli.main import main

SMALL = """\
summary: half of the requests fail for a minute
environment: {nodes: [{pool: l4, gpu: L4, gpus: 4}]}
fleet:
  services:
    - {name: shop/chat, model: meta-llama/Llama-3.1-8B-Instruct, gpu: L4, replicas: 2}
workload: {shop/chat: {rps: 2, prompt: 300, output: 60}}
scenario: [{at: 30s, fault: http-abort, on: shop/chat, with: {rate: 0.5}, for: 1m}]
duration: 3m
expect:
  - {check: errors, service: shop/chat, metric: error_ratio, aggregate: max, op: ">", value: 0.3}
"""


@pytest.fixture
def mtop(monkeypatch, capfd):
    """Runs a command line in this process: its exit code, stdout and stderr."""

    def run(*arguments: str):
        monkeypatch.setattr(sys, "argv", ["mtop", *arguments])
        code = main()
        shown = capfd.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def test_the_engine_finds_out_a_bad_canary_and_rolls_it_back(mtop):
    code, out, err = mtop("simulate", "canary-failure", "--assert")
    assert code == 0, out
    assert "5 of 5 checks passed" in out
    assert "watch the canary" in err


def test_without_the_fault_the_same_checks_fail(mtop):
    nothing = "scenario[0].with.error_rate=0"
    code, out, _ = mtop("simulate", "canary-failure", "--assert", "--set", nothing)
    assert code == 1
    assert "FAIL  its traffic was taken away" in out


def test_a_check_that_fails_is_said_and_only_asserted_on_request(mtop, recipe):
    harmless = ("--set", "scenario[0].with.rate=0")
    code, out, _ = mtop("simulate", str(recipe), *harmless)
    assert code == 0
    assert "0 of 1 checks passed; with --assert this would exit with 1" in out
    code, out, _ = mtop("simulate", str(recipe), *harmless, "--assert")
    assert code == 1


def test_the_report_has_checks_marks_and_the_fleet_at_the_end(mtop, recipe, tmp_path):
    report = tmp_path / "out.json"
    code, _, _ = mtop("simulate", str(recipe), "--seed", "3", "--report", str(report), "--assert")
    assert code == 0
    found = json.loads(report.read_text())
    assert (found["recipe"], found["seed"], found["passed"]) == ("small", 3, True)
    (check,) = found["checks"]
    assert check["observed"] == pytest.approx(0.5, abs=0.15)
    assert [one["at_seconds"] for one in found["annotations"]] == [30.0, 90.0]
    assert found["end"]["services"][0]["name"] == "chat"
    assert found["analytic"] is False


def test_a_seed_gives_the_same_report_in_every_process(recipe, tmp_path):
    reports = []
    for salt in ("1", "2"):
        path = tmp_path / f"{salt}.json"
        code = "import sys; from mtop_tui.cli.main import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "simulate", str(recipe), "--report", str(path)]
        subprocess.run(command, check=True, capture_output=True, env={"PYTHONHASHSEED": salt})
        reports.append(path.read_bytes())
    assert reports[0] == reports[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-story"], "mtop: no-such-story: no such recipe; there are"),
        (["canary", "--target", "a/b"], "target: no service a/b is there"),
        (["canary-failure", "--target", "a/b"], "this recipe has no target"),
        (["canary", "--for", "-3m"], "--for expected a duration such as 90s or 10m"),
        (["canary", "--for", "31d"], "--for expected a duration such as 90s or 10m, up to 30d"),
        (["canary", "--speed", "0"], "--speed expected a number above 0"),
        (["canary", "--set", "scenario"], "--set expected FIELD=VALUE"),
        (["canary", "--set", "scenario[0].at=-1s"], "canary.yaml:18: scenario[0].at: expected"),
        (["canary", "--report", "/no/such/folder/x"], "cannot be written"),
        (["canary", "--fluid", "--assert"], "--assert wants single requests"),
        ([], "missing argument"),
    ],
)
def test_bad_input_ends_with_2_before_anything_runs(mtop, arguments, said):
    code, out, err = mtop("simulate", *arguments)
    assert code == 2
    assert said in err
    assert out == ""
    assert "0:00" not in err


def test_a_recipe_without_checks_cannot_be_asserted(mtop, recipe):
    recipe.write_text(SMALL.partition("expect:")[0])
    code, out, err = mtop("simulate", str(recipe), "--assert")
    assert (code, out) == (2, "")
    assert "nothing to assert" in err
    code, out, _ = mtop("simulate", str(recipe), "--for", "20s")
    assert code == 0
    assert "chat" in out


def test_recipes_are_listed_with_a_line_each(mtop):
    code, out, _ = mtop("recipes")
    assert code == 0
    assert "canary-failure     A canary that fails requests is found out" in out
    assert len(out.splitlines()) == len(list(resources.path("recipes").glob("*.yaml")))


def test_schema_and_faults_are_printed_as_they_ship(mtop):
    code, out, _ = mtop("recipes", "--schema")
    assert code == 0
    assert out == (resources.path("recipes") / "recipe.schema.json").read_text()
    code, out, _ = mtop("recipes", "--faults")
    assert out.startswith("# Faults and operations")


def test_simulating_never_loads_textual(recipe):
    probe = (
        "import sys; from mtop_tui.cli.main import main; code = main();"
        "assert code == 0, code; assert not {'textual', 'rich'} & sys.modules.keys()"
    )
    command = [sys.executable, "-c", probe, "simulate", str(recipe), "--for", "10s"]
    subprocess.run(command, check=True, capture_output=True)
