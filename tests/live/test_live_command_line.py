"""Live mode on the command line: which kubeconfig, which namespaces, and how soon it prints."""

from __future__ import annotations

import asyncio
from pathlib import Path

import yaml
from click.testing import CliRunner
from recorded_fleet import node, service
from serving import Served, folder_of, served

from mtop_tui.cli import source


def run(*arguments: str) -> tuple[int, str, str]:
    from mtop_tui.cli.main import cli

    done = CliRunner().invoke(cli, ["--mode", "live", *arguments])
    return done.exit_code, done.stdout, done.stderr


async def asked(*arguments: str) -> tuple[int, str, str]:
    return await asyncio.to_thread(run, *arguments)


async def namespaces(*arguments: str) -> set[str]:
    code, out, _ = await asked(*arguments, "list", "-o", "name")
    assert code == 0
    return {name.partition("/")[0] for name in out.split()}


async def test_the_kubeconfig_and_namespaces_are_those_that_are_named(
    cluster: Served, kubeconfig: Path, monkeypatch, tmp_path: Path
):
    absent, named = tmp_path / "absent", ("--kubeconfig", str(kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(absent))
    everywhere = await namespaces(*named)
    assert len(everywhere) == 6
    assert await namespaces(*named, "-n", "team-00,team-01") == {"team-00", "team-01"}
    assert await namespaces(*named, "-n", "team-00", "-A") == everywhere
    monkeypatch.setenv("MTOP_NAMESPACES", "team-02")
    monkeypatch.setenv("MTOP_KUBECONFIG", str(kubeconfig))
    assert await namespaces() == {"team-02"}
    assert await namespaces("--all-namespaces") == everywhere

    # Where there is nothing to measure, nothing is waited for.
    monkeypatch.setattr(source, "LONGEST_LOOK", 1_000.0)
    async with asyncio.timeout(20):
        code, out, said = await asked("list", "-n", "team-99", "-o", "name", *named)
        assert (code, out) == (0, "")
        code, _, said = await asked("list", "-n", "team-99", *named)
    assert (code, "no services in namespace team-99" in said) == (0, True)

    code, out, said = await asked("doctor", "--context", "viewer", "-A")
    assert (code, said) == (0, "")
    assert out.startswith("context viewer: https://127.0.0.1:")

    code, out, said = await asked("list", "--kubeconfig", str(absent))
    assert (code, out) == (1, "")
    assert f"there is no {absent}" in said
    code, out, said = await asked("doctor", "--kubeconfig", str(absent))
    assert (code, out) == (1, "")
    assert f"there is no {absent}" in said


async def test_it_prints_without_waiting_for_figures_that_will_not_come(
    tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(source, "LONGEST_LOOK", 1_000.0)
    kubeconfig = tmp_path / "kubeconfig"
    pending = service(1)
    pending["spec"]["replicas"] = 1
    # No node has GPUs for it, so nothing ever serves.
    manifests = folder_of(tmp_path / "manifests", [pending, _without_gpus(node(0))])
    async with served(manifests, kubeconfig=kubeconfig), asyncio.timeout(20):
        code, out, said = await asked("list", "--kubeconfig", str(kubeconfig))
    assert (code, said) == (0, "")
    assert "llm-00001" in out


async def test_it_says_what_is_not_measured(cluster: Served, kubeconfig: Path, monkeypatch):
    monkeypatch.setattr(source, "LONGEST_LOOK", 1_000.0)
    body = yaml.safe_load(kubeconfig.read_text())
    assert "viewer" in [one["name"] for one in body["contexts"]]
    async with asyncio.timeout(20):
        code, out, said = await asked(
            "list", "--kubeconfig", str(kubeconfig), "--context", "viewer"
        )
    assert code == 0
    assert "llm-00001" in out
    assert "pods/proxy" in said
    assert "no figures of " in said


def _without_gpus(body: dict) -> dict:
    del body["status"]["allocatable"]["nvidia.com/gpu"]
    return body
