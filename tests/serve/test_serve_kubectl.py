"""Debian's kubectl 1.20 against the simulated cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from serving import Served, recipe, served
from tools import Kubectl

from mtop_tui.engine.levers import Selector

IN_SHOP = ("-n", "shop")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[tuple[Served, Kubectl]]:
    """The cluster of a recipe, with time standing still, and kubectl for it."""
    kubectl = Kubectl(tmp_path / "kubeconfig", tmp_path)
    story = recipe("canary-failure")
    async with served(
        story.manifests, story=story, kubeconfig=tmp_path / "kubeconfig", namespace="shop"
    ) as fleet:
        yield fleet, kubectl


async def pods(kubectl: Kubectl, app: str) -> dict[str, list[str]]:
    """Rows of a service's engines, by name."""
    selector = f"app.kubernetes.io/name={app},kserve.io/component=workload"
    found = await kubectl.rows("get", "pods", *IN_SHOP, "-l", selector)
    return {row[0]: list(row[1:]) for row in found}


async def test_get_shows_the_fleet(shop: tuple[Served, Kubectl]):
    _, kubectl = shop
    rows = await kubectl.rows("get", "llmisvc", "-A")
    assert [row[:2] + row[3:4] for row in rows] == [
        ["shop", "assistant", "True"],
        ["shop", "assistant-canary", "True"],
    ]
    wide = await kubectl("get", "pods", *IN_SHOP, "-o", "wide")
    assert "READINESS GATES" in wide.splitlines()[0]
    body = yaml.safe_load(await kubectl("get", "llmisvc", "assistant", *IN_SHOP, "-o", "yaml"))
    assert body["apiVersion"] == "serving.kserve.io/v1alpha2"
    assert body["spec"]["replicas"] == 3
    assert not any(name.startswith("sim.") for name in body["metadata"]["annotations"])
    old = await kubectl("get", "llmisvc.v1alpha1.serving.kserve.io", *IN_SHOP, "-o", "json")
    assert all("workloads" not in one["status"] for one in json.loads(old)["items"])
    everything = await kubectl(
        "get", "all,lws,hpa,infpool,httproute,gtw,ev,no,ep,endpointslices", "-A"
    )
    for kind in ("pod/", "service/", "deployment.apps/", "replicaset.apps/", "node/", "httproute"):
        assert kind in everything


async def test_a_scaled_deployment_starts_replicas(shop: tuple[Served, Kubectl]):
    fleet, kubectl = shop
    await kubectl("scale", "deployment/assistant-kserve", "--replicas=5", *IN_SHOP)
    before = await pods(kubectl, "assistant")
    assert len(before) == 5
    assert sum(row[1] == "Running" for row in before.values()) == 3
    assert sum(row[1] == "Init:0/1" for row in before.values()) == 2
    spec = json.loads(await kubectl("get", "llmisvc", "assistant", *IN_SHOP, "-o", "json"))["spec"]
    assert spec["replicas"] == 5
    await fleet.advance(120)
    assert [row[0] for row in (await pods(kubectl, "assistant")).values()] == ["1/1"] * 5
    assert "5/5" in await kubectl("get", "deployment", "assistant-kserve", *IN_SHOP)
    said = await kubectl("get", "events", *IN_SHOP)
    assert "SuccessfulCreate" in said
    assert "LLMInferenceServiceReady" in said


async def test_a_patched_service_is_obeyed(shop: tuple[Served, Kubectl]):
    fleet, kubectl = shop
    patch = json.dumps({"spec": {"replicas": 1}})
    await kubectl("patch", "llmisvc", "assistant", *IN_SHOP, "--type=merge", "-p", patch)
    await fleet.advance(60)
    assert len(await pods(kubectl, "assistant")) == 1
    items = json.dumps([{"op": "replace", "path": "/spec/replicas", "value": 2}])
    await kubectl("patch", "llmisvc", "assistant", *IN_SHOP, "--type=json", "-p", items)
    assert len(await pods(kubectl, "assistant")) == 2


async def test_watch_prints_what_changes(shop: tuple[Served, Kubectl]):
    _, kubectl = shop
    watching = await kubectl.start("get", "llmisvc", *IN_SHOP, "-w")
    assert watching.stdout is not None
    lines = [await asyncio.wait_for(watching.stdout.readline(), 20) for _ in range(3)]
    assert lines[0].startswith(b"NAME")
    await kubectl("annotate", "llmisvc", "assistant", *IN_SHOP, "note=one")
    changed = await asyncio.wait_for(watching.stdout.readline(), 20)
    assert changed.startswith(b"assistant ")
    watching.kill()
    await watching.wait()
    body = await kubectl("get", "llmisvc", "assistant", *IN_SHOP, "-o", "jsonpath={..note}")
    assert body == "one"


async def test_logs_and_describe_of_a_pod_that_crashed(shop: tuple[Served, Kubectl]):
    fleet, kubectl = shop
    name = next(iter(await pods(kubectl, "assistant-canary")))
    assert "is not found" not in await kubectl("logs", name, *IN_SHOP, "--tail=3")
    assert "not found" in await kubectl.fails("logs", name, *IN_SHOP, "--previous")
    following = await kubectl.start("logs", "-f", "--tail=1", name, *IN_SHOP)
    assert following.stdout is not None
    assert await asyncio.wait_for(following.stdout.readline(), 20)
    fleet.simulation.levers.crash_pods(Selector(pods=(name,)), "OOMKilled", 137)
    fleet.simulation.act()
    assert (await pods(kubectl, "assistant-canary"))[name][1] == "CrashLoopBackOff"
    await fleet.advance(15)
    # Its container is another one by now, so what was followed has ended.
    assert await asyncio.wait_for(following.wait(), 20) == 0
    assert len((await kubectl("logs", name, *IN_SHOP, "--previous")).splitlines()) > 3
    told = await kubectl("describe", "pod", name, *IN_SHOP)
    assert "OOMKilled" in told
    assert "Exit Code:    137" in told
    assert "Back-off restarting failed container main" in told


async def test_a_deleted_pod_is_replaced(shop: tuple[Served, Kubectl]):
    fleet, kubectl = shop
    before = await pods(kubectl, "assistant")
    gone = next(iter(before))
    await kubectl("delete", "pod", gone, *IN_SHOP, "--wait=false")
    await fleet.advance(40)
    after = await pods(kubectl, "assistant")
    assert gone not in after
    assert len(after) == 3


async def test_a_rollout_replaces_all_replicas(shop: tuple[Served, Kubectl]):
    fleet, kubectl = shop
    before = await pods(kubectl, "assistant")
    deployment = "deployment/assistant-kserve"
    await kubectl("set", "image", deployment, "main=ghcr.io/llm-d/llm-d-cuda:v1", *IN_SHOP)
    await fleet.advance(600)
    assert "successfully rolled out" in await kubectl("rollout", "status", deployment, *IN_SHOP)
    after = await pods(kubectl, "assistant")
    assert before.keys().isdisjoint(after)
    images = await kubectl(
        *("get", "pods", *IN_SHOP, "-o", "jsonpath={.items[*].spec.containers[0].image}"),
        *("-l", "app.kubernetes.io/name=assistant,kserve.io/component=workload"),
    )
    assert set(images.split()) == {"ghcr.io/llm-d/llm-d-cuda:v1"}
    await kubectl("rollout", "restart", deployment, *IN_SHOP)
    assert len(await kubectl.rows("get", "rs", *IN_SHOP, "-l", "kserve.io/component=workload")) == 4


async def test_services_come_and_go(shop: tuple[Served, Kubectl], tmp_path: Path):
    fleet, kubectl = shop
    manifest = {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {"name": "fresh", "namespace": "shop"},
        "spec": {
            "model": {"uri": "hf://Qwen/Qwen2.5-7B-Instruct", "name": "Qwen/Qwen2.5-7B-Instruct"},
            "replicas": 2,
            "router": {"route": {}, "gateway": {}, "scheduler": {}},
        },
    }
    path = tmp_path / "fresh.yaml"
    path.write_text(yaml.safe_dump(manifest))
    await kubectl("create", "-f", str(path), "--validate=false")
    await fleet.advance(120)
    assert [row[0] for row in (await pods(kubectl, "fresh")).values()] == ["1/1", "1/1"]
    assert "AlreadyExists" in await kubectl.fails("create", "-f", str(path), "--validate=false")
    await kubectl("delete", "llmisvc", "fresh", *IN_SHOP)
    assert "NotFound" in await kubectl.fails("get", "llmisvc", "fresh", *IN_SHOP)
    await fleet.advance(40)
    assert await pods(kubectl, "fresh") == {}
    assert "fresh" not in await kubectl("get", "all,infpool,httproute,ep", *IN_SHOP)


async def test_nodes_can_be_cordoned(shop: tuple[Served, Kubectl]):
    _, kubectl = shop
    await kubectl("cordon", "h100-2")
    assert "Ready,SchedulingDisabled" in await kubectl("get", "node", "h100-2")
    told = await kubectl("describe", "node", "h100-2")
    assert "node.kubernetes.io/unschedulable:NoSchedule" in told
    await kubectl("uncordon", "h100-2")
    assert "Disabled" not in await kubectl("get", "node", "h100-2")


async def test_users_may_do_what_is_theirs(shop: tuple[Served, Kubectl]):
    _, kubectl = shop
    refused = await kubectl.fails("--context=nobody", "get", "pods", "-A")
    assert 'User "mtop-nobody" cannot list resource "pods"' in refused
    assert await kubectl.rows("--context=nsviewer", "get", "pods", *IN_SHOP)
    await kubectl.fails("--context=nsviewer", "get", "pods", "-A")
    assert await kubectl("--context=viewer", "auth", "can-i", "list", "pods") == "yes\n"
    await kubectl.fails("--context=viewer", "auth", "can-i", "delete", "pods")
    assert await kubectl.rows("--context=exec", "get", "namespaces")


async def test_apply_works_without_validation(shop: tuple[Served, Kubectl], tmp_path: Path):
    _, kubectl = shop
    path = tmp_path / "one.yaml"
    path.write_text(await kubectl("get", "llmisvc", "assistant", *IN_SHOP, "-o", "yaml"))
    # There is no OpenAPI document: what needs one is told so.
    said = await kubectl.fails("apply", "-f", str(path))
    assert "could not find the requested resource" in said
    body = yaml.safe_load(path.read_text())
    body["spec"]["replicas"] = 4
    body["metadata"] = {"name": "assistant", "namespace": "shop"}
    path.write_text(yaml.safe_dump(body))
    await kubectl("apply", "-f", str(path), "--validate=false")
    assert len(await pods(kubectl, "assistant")) == 4
