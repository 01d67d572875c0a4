"""`mtop serve` in one process, live mode in another, kubectl in a third, through a restart."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from serving import PATIENCE
from tools import Kubectl
from watching import Watching, watching

from mtop_tui.providers.live import session

MTOP = str(Path(sys.executable).parent / "mtop")


@asynccontextmanager
async def running(kubeconfig: Path, port: str) -> AsyncIterator[str]:
    """The story as it is served until it is killed; its port."""
    process = await asyncio.create_subprocess_exec(
        *(MTOP, "serve", "--recipe", "canary-failure", "--port", port),
        *("--kubeconfig", str(kubeconfig)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            said = (await process.stdout.readline()).decode()
            # The second line comes once the kubeconfig is there.
            await process.stdout.readline()
        yield said.strip().rpartition(":")[2]
    finally:
        process.kill()
        await process.communicate()


async def as_kubectl_says(kubectl: Kubectl, live: Watching) -> None:
    """Services and pods are those that kubectl lists, by their uids, with their weights."""
    listed = json.loads(await kubectl("get", "llmisvc,pods", "-A", "-o", "json"))["items"]
    services = {
        one["metadata"]["uid"]: one["spec"]["router"]["route"]["weight"]
        for one in listed
        if one["kind"] == "LLMInferenceService"
    }
    pods = {
        one["metadata"]["uid"]
        for one in listed
        if one["metadata"].get("labels", {}).get("kserve.io/component") == "workload"
    }

    def known() -> tuple[object, object]:
        states = live.store.services()
        found = {one.service.ref.uid: one.service.route.weight for one in states}
        return found, {ref.uid for one in states for ref in one.replicas}

    await live.until(lambda: known() == (services, pods), f"{services}, {pods}")


async def test_a_server_that_is_started_anew_is_watched_on(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(session, "AGAIN", 0.2)
    kubeconfig = tmp_path / "config"
    kubectl = Kubectl(kubeconfig, tmp_path)
    async with watching(kubeconfig, monkeypatch) as live:
        async with running(kubeconfig, "0") as port:
            await live.live()
            await as_kubectl_says(kubectl, live)
            shown = {state.key for state in live.store.services()}
        await live.until(lambda: live.state == "disconnected")
        assert {state.key for state in live.store.services()} == shown
        # It has another certificate and other tokens; its story begins anew.
        async with running(kubeconfig, port):
            await live.live()
            await as_kubectl_says(kubectl, live)
            assert {state.key for state in live.store.services()} == shown
