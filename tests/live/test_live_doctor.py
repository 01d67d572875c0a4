"""`mtop doctor` says what may be read, and what to ask for."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from serving import Served
from test_live_access import edited

from mtop_tui.providers.live.kinds import RIGHTS
from mtop_tui.providers.live.preflight import POD_PROXY, extra_role
from mtop_tui.serve.faults import read_fault

ABSENT = {
    "inferenceservices.serving.kserve.io",
    "inferencepools.inference.networking.x-k8s.io",
    "rollouts.argoproj.io",
    "resourceslices.resource.k8s.io",
}
"""What the served cluster has none of."""

REPOSITORY = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> tuple[int, str, str]:
    from mtop_tui.cli.main import cli

    done = CliRunner().invoke(cli, ["doctor", *arguments])
    return done.exit_code, done.stdout, done.stderr


async def asked(kubeconfig: Path, monkeypatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return await asyncio.to_thread(run, "--mode", "live", *arguments)


def rows(out: str) -> dict[str, list[str]]:
    """The rest of each line of the table by its first word."""
    return {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}


async def test_who_may_do_all_is_told_so(cluster: Served, kubeconfig: Path, monkeypatch):
    code, out, said = await asked(kubeconfig, monkeypatch)
    assert (code, said) == (0, "")
    assert out.startswith("context admin: https://127.0.0.1:")
    found = rows(out)
    absent = {
        kind.qualified for kind in RIGHTS if found[kind.qualified][1:3] == ["not", "installed"]
    }
    assert absent == ABSENT
    assert {found[kind.qualified][1] for kind in RIGHTS if kind.qualified not in absent} == {"yes"}
    role, strong = yaml.safe_load_all(out.partition("\n# ")[2].partition("\n")[2])
    assert (role["metadata"]["name"], role["kind"]) == ("mtop", "ClusterRole")
    assert strong["rules"] == [{"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]}]


async def test_what_is_lacking_is_told_with_what_is_lost(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    code, out, said = await asked(kubeconfig, monkeypatch, "--context", "nobody")
    assert code == 1
    assert "no service can be shown of nobody" in said
    assert " ".join(rows(out)["nodes"]) == (
        "cluster no: get, list, watch GPU types, prices and idle GPUs"
    )


async def test_the_strong_right_is_optional_and_says_why(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    code, out, _ = await asked(kubeconfig, monkeypatch, "--context", "viewer")
    assert code == 0
    found = rows(out)["pods/proxy"]
    assert found[:4] == ["all", "no:", "get", "optional:"]
    assert "any GET to any port of any pod" in out
    assert "name a Prometheus with --prometheus" in out
    _, out, _ = await asked(kubeconfig, monkeypatch)
    assert rows(out)["pods/proxy"][:2] == ["all", "yes"]


async def test_who_may_read_one_namespace_is_asked_about_that(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    edited(kubeconfig, context={"namespace": "team-00"})
    code, out, _ = await asked(kubeconfig, monkeypatch, "--context", "nsviewer")
    assert code == 0
    assert rows(out)["llminferenceservices.serving.kserve.io"][:2] == ["team-00", "yes"]
    code, _, _ = await asked(kubeconfig, monkeypatch, "--context", "nsviewer", "-n", "team-01")
    assert code == 1


async def test_what_is_not_installed_is_no_matter_of_rights(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    await cluster.server.switch_on(read_fault("absent:group=keda.sh"))
    _, out, _ = await asked(kubeconfig, monkeypatch, "--context", "viewer")
    assert rows(out)["scaledobjects.keda.sh"][1:3] == ["not", "installed"]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [("unauthorized", "log in again"), ("bad-gateway", "an HTML page, not Kubernetes JSON")],
)
async def test_who_gets_no_answer_is_told_why(
    cluster: Served, kubeconfig: Path, monkeypatch, fault: str, sentence: str
):
    await cluster.server.switch_on(read_fault(fault))
    code, out, said = await asked(kubeconfig, monkeypatch)
    assert (code, out) == (1, "")
    assert sentence in said


async def test_who_wants_to_act_is_told_what_they_may_do(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    code, out, _ = await asked(kubeconfig, monkeypatch, "--allow-actions", "--context", "viewer")
    assert code == 0
    for line in (
        r"^patch llminferenceservices.serving.kserve.io +all +no +scale, ",
        r"^delete pods +all +no +delete a pod$",
        r"^patch rollouts.argoproj.io/status +all +not installed ",
    ):
        assert re.search(line, out, re.MULTILINE)
    _, out, _ = await asked(kubeconfig, monkeypatch, "--allow-actions")
    assert re.search(r"^delete pods +all +yes +delete a pod$", out, re.MULTILINE)
    roles = list(yaml.safe_load_all(out.partition("\n# ")[2].partition("\n")[2]))
    names = [one["metadata"]["name"] for one in roles]
    assert names == ["mtop", "mtop-actions", "mtop-pod-metrics"]


def test_the_role_for_actions_that_ships_is_the_one_that_is_printed():
    _, printed, _ = run("--role", "--allow-actions")
    role, binding = yaml.safe_load_all((REPOSITORY / "deploy" / "rbac-actions.yaml").read_text())
    assert role == list(yaml.safe_load_all(printed))[1]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_the_role_that_ships_is_the_one_that_is_printed():
    _, printed, _ = run("--role")
    shipped = list(yaml.safe_load_all((REPOSITORY / "deploy" / "rbac.yaml").read_text()))
    role, binding, strong = shipped
    assert role == yaml.safe_load(printed)
    assert strong == extra_role(POD_PROXY)
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}


def test_the_simulated_cluster_needs_no_rights():
    code, out, said = run()
    assert (code, out) == (2, "")
    assert "add --mode live" in said
