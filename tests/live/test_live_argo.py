"""Argo Rollouts, which `mtop serve` does not simulate: a server that knows one of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from acting_fleet import PATH, SPACE, intent, prepared
from aiohttp import web

from mtop_tui.actions.differences import Difference
from mtop_tui.clock import WallClock
from mtop_tui.providers.live.acting.actions import LiveActions
from mtop_tui.serve.patch import MERGE, patched
from mtop_tui.serve.resources import Registry

KSERVE, ARGO = "/apis/serving.kserve.io/v1alpha2", "/apis/argoproj.io/v1alpha1"
ROLLOUT = f"{ARGO}/namespaces/{SPACE}/rollouts/roll"


def group(name: str, version: str) -> dict[str, Any]:
    return {"name": name, "versions": [{"groupVersion": f"{name}/{version}", "version": version}]}


class Argo:
    """A Rollout of service plain that is paused at a step, and what was asked of it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, Any]]] = []
        meta = {"namespace": SPACE, "resourceVersion": "1"}
        self.rollout: dict[str, Any] = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": "roll", "uid": "r", **meta},
            "spec": {"workloadRef": {"name": "plain-kserve"}, "paused": True},
            "status": {
                "currentPodHash": "new",
                "stableRS": "old",
                "phase": "Paused",
                "pauseConditions": [{"reason": "CanaryPauseStep"}],
            },
        }
        service = {
            "apiVersion": "serving.kserve.io/v1alpha2",
            "kind": "LLMInferenceService",
            "metadata": {"name": "plain", "uid": "s", **meta},
            "spec": {"model": {"uri": "hf://org/model"}},
        }
        deployment = {"metadata": {"name": "plain-kserve"}, "spec": {"replicas": 1}}
        groups = [group("serving.kserve.io", "v1alpha2"), group("apps", "v1")]
        self.paths: dict[str, Any] = {
            "/apis": {"kind": "APIGroupList", "groups": groups},
            KSERVE: {"resources": [{"name": "llminferenceservices"}]},
            f"{PATH}/plain": service,
            f"{PATH}": {"items": [service]},
            f"/apis/apps/v1/namespaces/{SPACE}/deployments": {"items": [deployment]},
            ARGO: {"resources": [{"name": "rollouts"}]},
        }

    async def answer(self, request: web.Request) -> web.Response:
        listed = {"apiVersion": "argoproj.io/v1alpha1", "items": [self.rollout]}
        paths = {**self.paths, ROLLOUT.rpartition("/")[0]: listed, ROLLOUT: self.rollout}
        if request.method == "PATCH":
            return web.json_response(await self.patch(request))
        found = paths.get(request.path)
        return web.json_response(found or {"kind": "Status"}, status=200 if found else 404)

    async def patch(self, request: web.Request) -> dict[str, Any]:
        assert request.content_type == MERGE
        body = await request.read()
        sent = json.loads(body)
        version = self.rollout["metadata"]["resourceVersion"]
        assert sent["metadata"] == {"resourceVersion": version, "uid": "r"}
        part = request.path.removeprefix(ROLLOUT)
        # What is sent to the status changes nothing else, and the other way round.
        field = "status" if part == "/status" else "spec"
        made = patched(self.rollout, Registry().resources[0], MERGE, body)
        after = {**self.rollout, field: made[field]}
        after["metadata"] = {**self.rollout["metadata"], "resourceVersion": f"{int(version) + 1}"}
        if "dryRun" not in request.query:
            self.sent.append((request.method, part, sent[field]))
            self.rollout = after
            status = after["status"]
            if not after["spec"]["paused"] and not status.get("pauseConditions"):
                status["phase"] = "Progressing"
            if status.get("promoteFull"):
                status["phase"] = "Healthy"
            if status.get("abort"):
                status |= {"phase": "Degraded", "message": "RolloutAborted"}
        return after


@pytest.fixture
async def argo(tmp_path: Path, monkeypatch) -> AsyncIterator[tuple[Argo, LiveActions]]:
    server = Argo()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    config = {
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "admin", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "admin",
    }
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    actions = LiveActions(WallClock(), log=tmp_path / "log", every=0.01)
    yield server, actions
    await actions.close()
    await runner.cleanup()


async def test_a_rollout_goes_on_is_promoted_or_aborted(argo):
    server, actions = argo
    plan = await prepared(actions, intent("resume"))
    assert plan.plan.title == "resume Rollout roll of plain"
    assert plan.tried[0] == (Difference("spec.paused", "true", "false"),)
    assert plan.tried[1][0].path == "status.pauseConditions"
    patch = """-p '{"status":{"pauseConditions":null}}'"""
    assert plan.commands[1].endswith(f"roll --subresource=status --type=merge {patch}")
    assert server.sent == []
    said = [one async for one in actions.carry_out(plan)]
    assert (said[-1].state, said[-1].text) == ("done", "the Rollout is Progressing")
    assert server.sent == [
        ("PATCH", "", {"paused": False}),
        ("PATCH", "/status", {"pauseConditions": None}),
    ]
    promote = await prepared(actions, intent("promote"))
    assert [one async for one in actions.carry_out(promote)][-1].state == "done"
    assert server.sent[-1] == ("PATCH", "/status", {"promoteFull": True})
    abort = await prepared(actions, intent("abort"))
    assert abort.plan.loses == "Rollout roll goes back to what is stable"
    said = [one async for one in actions.carry_out(abort)]
    assert said[-1].text == "the Rollout is Degraded: RolloutAborted"
    assert said[-1].state == "done"
