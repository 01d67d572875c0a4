"""The installed program on the simulated cluster."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from cli_runs import MTOP, run_installed

from mtop_tui import __version__
from mtop_tui.cli.errors import Exit


def test_the_version():
    done = run_installed("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"mtop {__version__}\n", "")


def test_the_shipped_cluster_is_listed(tmp_path):
    done = run_installed("list", "-o", "json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    services = json.loads(done.stdout)["services"]
    assert len(services) >= 24
    assert len({one["namespace"] for one in services}) == 4
    assert any((one["requests_per_second"] or 0) > 0 for one in services)
    assert any(one["ttft_p95_seconds"] is not None for one in services)
    assert any(one["cost_usd_per_hour"] for one in services)


def test_the_same_seed_lists_the_same_services(tmp_path):
    first, second = (run_installed("list", "-o", "name", "--seed", "3") for _ in range(2))
    assert first.stdout == second.stdout
    assert first.stdout


def test_services_can_be_cloned():
    done = run_installed("list", "-o", "name", "--services", "100", "--sort", "name")
    assert len(set(done.stdout.splitlines())) == 100


def test_fewer_services_than_shipped_are_the_first_of_them():
    few, more = (
        run_installed("list", "-o", "name", "--services", str(count), "--sort", "name")
        for count in (3, 4)
    )
    assert few.stderr == ""
    assert len(set(few.stdout.splitlines())) == 3
    assert set(few.stdout.splitlines()) < set(more.stdout.splitlines())
    left_out = (set(more.stdout.splitlines()) - set(few.stdout.splitlines())).pop()
    assert run_installed("get", left_out, "--services", "3").returncode == Exit.NOT_FOUND
    kept = few.stdout.splitlines()[0]
    assert run_installed("get", kept, "--services", "3").returncode == 0


def test_an_object_of_the_shipped_cluster_reads_back():
    name = run_installed("list", "-o", "name", "--sort", "name").stdout.splitlines()[0]
    done = run_installed("get", name)
    assert (done.returncode, done.stderr) == (0, "")
    body = yaml.safe_load(done.stdout)
    assert f"{body['metadata'].get('namespace')}/{body['metadata']['name']}" == name
    assert body["kind"] == "LLMInferenceService"
    assert list(body)[:3] == ["apiVersion", "kind", "metadata"]
    as_json = json.loads(run_installed("get", name, "-o", "json").stdout)
    assert as_json["spec"] == body["spec"]


def test_a_folder_without_services_fails(tmp_path):
    done = run_installed("list", "--mocks", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "no LLMInferenceService could be loaded" in done.stderr


def test_a_bad_manifest_is_a_line_and_the_others_are_listed(tmp_path):
    good = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "LLMInferenceService",
        "metadata": {"name": "good", "namespace": "default"},
        "spec": {"model": {"uri": "hf://org/good", "name": "good"}, "replicas": 1},
    }
    (tmp_path / "good.yaml").write_text(yaml.safe_dump(good))
    (tmp_path / "bad.yaml").write_text("a: [\n")
    done = run_installed("list", "-o", "name", "--mocks", str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "default/good\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mtop: {tmp_path / 'bad.yaml'}")


def test_a_reader_that_leaves_is_no_error():
    with subprocess.Popen(
        [MTOP, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == Exit.BROKEN_PIPE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_device_is_an_error():
    with Path("/dev/full").open("w") as full:
        done = run_installed("list", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == "mtop: cannot write to stdout: No space left on device\n"


def test_a_closed_stdout_is_an_error():
    done = subprocess.run(
        ["sh", "-c", '"$0" list -o name >&-', MTOP], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("mtop: stdout is closed")


def test_a_terminal_that_cannot_show_a_character_gets_its_escape():
    done = run_installed("list", env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
