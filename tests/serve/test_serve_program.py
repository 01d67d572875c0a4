"""`mtop serve` as it is started: the story of a recipe in one terminal, kubectl in another."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tools import tool

MTOP = str(Path(sys.executable).parent / "mtop")
PATIENCE = 60.0


@contextmanager
def serving(kubeconfig: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A server that is ready, ended afterwards."""
    command = [MTOP, "serve", "--port", "0", "--kubeconfig", str(kubeconfig), *arguments]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        said = server.stdout.readline()
        assert " at https://127.0.0.1:" in said, (said, server.poll())
        yield server
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate()


def mtop(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MTOP, *arguments], check=False, capture_output=True, text=True, timeout=PATIENCE
    )


def until(look: Callable[[], bool]) -> None:
    """Look until it is so."""
    end = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.2)


def test_kubectl_sees_the_story_of_a_recipe(tmp_path: Path):
    kubectl = str(tool("kubectl"))
    kubeconfig = tmp_path / "kubeconfig"
    environment = {"KUBECONFIG": str(kubeconfig), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}

    def ask(*arguments: str) -> str:
        command = [kubectl, *arguments]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment, timeout=PATIENCE
        )
        return done.stdout

    def weights() -> dict[str, int]:
        routes = json.loads(ask("get", "httproute", "-n", "shop", "-o", "json"))["items"]
        backends = routes[0]["spec"]["rules"][0]["backendRefs"]
        return {one["name"].removesuffix("-inference-pool"): one["weight"] for one in backends}

    with serving(kubeconfig, "--recipe", "canary-failure", "--speed", "40") as server:
        assert weights() == {"assistant": 100, "assistant-canary": 0}
        until(lambda: weights()["assistant-canary"] == 11)
        shown = ask("get", "llmisvc", "-n", "shop", "assistant-canary", "-o", "json")
        assert json.loads(shown)["spec"]["router"]["route"]["weight"] == 11
        # Nobody tells it about the fault; what watches the canary takes its traffic away.
        until(lambda: weights()["assistant-canary"] == 0)
        assert "httproute/assistant-kserve-group-route" in ask("get", "events", "-n", "shop")
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    assert list(tmp_path.glob("kubeconfig*")) == []


def test_files_are_for_their_owner_only_and_switches_work(tmp_path: Path):
    kubeconfig = tmp_path / "kubeconfig"
    with serving(
        kubeconfig, "--recipe", "canary-failure", "--fault", "cut:resource=pods"
    ) as server:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert len(files) == 7
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        flag = ("--kubeconfig", str(kubeconfig))
        done = mtop("switch", "slow:bytes_per_s=10", "--off", "cut", *flag)
        assert (done.returncode, done.stdout) == (0, "slow:bytes_per_s=10\n")
        assert mtop("switch", "--off", "slow", *flag).stderr == "mtop: no fault is on\n"
        again = mtop("serve", "--port", address_port(kubeconfig), "--kubeconfig", f"{kubeconfig}2")
        assert again.returncode == 1
        assert "cannot be listened on" in again.stderr
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0
    done = mtop("switch", *flag)
    assert done.returncode == 1
    assert "start `mtop serve`" in done.stderr


def address_port(kubeconfig: Path) -> str:
    text = kubeconfig.read_text()
    return text.partition("https://127.0.0.1:")[2].split()[0]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--fault", "nope"], 2, "no such fault"),
        (["--recipe", "nope"], 2, "no such recipe"),
        (["--target", "a/b"], 2, "add --recipe"),
        (["--port", "70000"], 2, "port"),
        (["--kubeconfig", "/proc/none/kubeconfig", "--port", "0"], 1, "cannot be written"),
    ],
)
def test_what_cannot_be_served_is_told(arguments: list[str], code: int, says: str):
    done = mtop("serve", *arguments)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_prometheus_configuration_is_one(tmp_path: Path):
    done = mtop("serve", "--prometheus-config", "--port", "7000", "--kubeconfig", "there")
    path = tmp_path / "prometheus.yml"
    path.write_text(done.stdout)
    assert "https://127.0.0.1:7000/mtop/targets/vllm" in done.stdout
    checked = subprocess.run(
        [str(tool("promtool")), "check", "config", "--syntax-only", str(path)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr
