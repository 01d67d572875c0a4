"""The objects of the shipped cluster hang together, and are what they say they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from serving import TABLE, Served, served

from mtop_tui import resources
from mtop_tui.engine.levers import Selector
from mtop_tui.kserve.parse import parse_config, parse_node, parse_service
from mtop_tui.providers.mock.manifests import load

HELD = "/apis/leaderworkerset.x-k8s.io/v1/namespaces/research/leaderworkersets"


@pytest.fixture
async def shipped() -> AsyncIterator[Served]:
    """The shipped cluster; its time stands still."""
    folder = resources.path("mocks")
    async with served(load(folder, folder), namespace="development") as found:
        yield found


async def everything(fleet: Served) -> dict[tuple[str, str, str], dict[str, Any]]:
    """All objects, by apiVersion, kind and uid."""
    found = {}
    for resource in fleet.api.registry.resources:
        if "list" not in resource.verbs:
            continue
        root = f"/apis/{resource.group}" if resource.group else "/api"
        listed = await fleet.get(f"{root}/{resource.version}/{resource.plural}")
        assert listed["kind"] == f"{resource.kind}List"
        for item in listed["items"]:
            version, kind = resource.group_version, resource.kind
            found[version, kind, item["metadata"]["uid"]] = item
    return found


async def test_every_owner_is_there_and_in_the_same_namespace(shipped: Served):
    found = await everything(shipped)
    owned = 0
    for (_, kind, _), body in found.items():
        metadata = body["metadata"]
        assert metadata["resourceVersion"]
        for owner in metadata.get("ownerReferences", ()):
            owned += 1
            parent = found.get((owner["apiVersion"], owner["kind"], owner["uid"]))
            assert parent is not None, (kind, metadata["name"], owner)
            assert parent["metadata"]["name"] == owner["name"]
            assert parent["metadata"]["namespace"] == metadata["namespace"]
    assert owned > 300
    assert {kind for _, kind, _ in found} >= {
        *("LLMInferenceService", "LLMInferenceServiceConfig", "Deployment", "ReplicaSet"),
        *("LeaderWorkerSet", "StatefulSet", "ControllerRevision", "Pod", "Node", "Namespace"),
        *("Service", "Endpoints", "EndpointSlice", "InferencePool", "HTTPRoute", "Gateway"),
        *("HorizontalPodAutoscaler", "ScaledObject", "Event"),
    }


async def test_selectors_select_the_pods_that_are_counted(shipped: Served):
    found = await everything(shipped)
    pods = [body for (_, kind, _), body in found.items() if kind == "Pod"]
    for (_, kind, _), body in found.items():
        if kind not in {"Deployment", "ReplicaSet"}:
            continue
        wanted = body["spec"]["selector"]["matchLabels"].items()
        namespace = body["metadata"]["namespace"]
        mine = [
            pod
            for pod in pods
            if pod["metadata"]["namespace"] == namespace
            and wanted <= pod["metadata"]["labels"].items()
        ]
        status = body["status"]
        ready = sum(
            one["status"] == "True"
            for pod in mine
            for one in pod["status"]["conditions"]
            if one["type"] == "Ready"
        )
        name = body["metadata"]["name"]
        assert len(mine) == status.get("replicas", 0), name
        assert ready == status.get("readyReplicas", 0), name


async def test_mtop_reads_back_what_it_serves(shipped: Served):
    for version in ("v1alpha1", "v1alpha2"):
        path = f"/apis/serving.kserve.io/{version}"
        services = (await shipped.get(f"{path}/llminferenceservices"))["items"]
        assert len(services) == 30
        for body in services:
            assert body["apiVersion"] == f"serving.kserve.io/{version}"
            assert parse_service(body).status is not None
        for body in (await shipped.get(f"{path}/llminferenceserviceconfigs"))["items"]:
            parse_config(body)
    for body in (await shipped.get("/api/v1/nodes"))["items"]:
        parse_node({"apiVersion": "v1", "kind": "Node", **body})


async def test_every_kind_has_a_table(shipped: Served):
    for resource in shipped.api.registry.resources:
        if "list" not in resource.verbs:
            continue
        root = f"/apis/{resource.group}" if resource.group else "/api"
        path = f"{root}/{resource.version}/{resource.plural}"
        table = await shipped.get(path, headers={"Accept": TABLE})
        titles = table["columnDefinitions"]
        assert all(len(row["cells"]) == len(titles) for row in table["rows"]), path
        assert all(row["object"]["metadata"]["name"] for row in table["rows"])


async def test_no_hint_of_the_simulation_is_in_an_object(shipped: Served):
    for (_, kind, _), body in (await everything(shipped)).items():
        annotations = body["metadata"].get("annotations", {})
        assert not [name for name in annotations if name.startswith("sim.")], kind


async def test_autoscalers_have_other_bounds(shipped: Served):
    path = "/apis/autoscaling/v2/namespaces/production/horizontalpodautoscalers"
    name = (await shipped.names(path))[0]
    code, body = await shipped.patch(f"{path}/{name}", {"spec": {"minReplicas": 3}})
    assert (code, body["spec"]["minReplicas"]) == (200, 3)
    await shipped.advance(90)
    service = "/apis/serving.kserve.io/v1alpha2/namespaces/production/llminferenceservices"
    deployed = await shipped.get(
        "/apis/apps/v1/namespaces/production/deployments/gpt-oss-120b-kserve"
    )
    assert deployed["spec"]["replicas"] >= 3
    # The bounds are its controller's; the service says as before what its owner wrote.
    assert "replicas" not in (await shipped.get(f"{service}/gpt-oss-120b"))["spec"]
    code, body = await shipped.patch(f"{path}/{name}", {"spec": {"minReplicas": 9}})
    assert code == 422


async def test_groups_of_pods_are_scaled_and_replaced_together(shipped: Served):
    pods = "/api/v1/namespaces/research/pods?labelSelector=leaderworkerset.sigs.k8s.io/name"
    before = await shipped.names(pods)
    assert {"deepseek-r1-kserve-mn-0", "deepseek-r1-kserve-mn-0-1"} <= set(before)
    one = f"{HELD}/deepseek-r1-kserve-mn"
    assert (await shipped.get(f"{one}/scale"))["spec"] == {"replicas": 1}
    code, body = await shipped.patch(f"{one}/scale", {"spec": {"replicas": 2}})
    assert (code, body["spec"]) == (200, {"replicas": 2})
    assert "deepseek-r1-kserve-mn-1-1" in await shipped.names(pods)
    uids = {
        item["metadata"]["name"]: item["metadata"]["uid"]
        for item in (await shipped.get(pods))["items"]
    }
    worker = "/api/v1/namespaces/research/pods/deepseek-r1-kserve-mn-0-1"
    code, body = await shipped.send("DELETE", worker)
    assert (code, "deletionTimestamp" in body["metadata"]) == (200, True)
    await shipped.advance(60)
    for item in (await shipped.get(pods))["items"]:
        name, uid = item["metadata"]["name"], item["metadata"]["uid"]
        assert (uid == uids[name]) == (not name.startswith("deepseek-r1-kserve-mn-0")), name


async def test_stopping_and_starting_by_annotation(shipped: Served):
    path = "/apis/serving.kserve.io/v1alpha2/namespaces/staging/llminferenceservices/gemma-2-27b-it"
    key = "serving.kserve.io/stop"
    code, body = await shipped.patch(path, {"metadata": {"annotations": {key: "true"}}})
    assert (code, body["metadata"]["annotations"][key]) == (200, "true")
    ready = next(one for one in body["status"]["conditions"] if one["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Stopped")
    await shipped.advance(40)
    pods = "/api/v1/namespaces/staging/pods?labelSelector=app.kubernetes.io/name%3Dgemma-2-27b-it"
    assert not [name for name in await shipped.names(pods) if "scheduler" not in name]
    code, body = await shipped.patch(path, {"metadata": {"annotations": {key: None}}})
    assert key not in body["metadata"]["annotations"]
    assert [name for name in await shipped.names(pods) if "scheduler" not in name]


async def test_one_patch_is_one_generation(shipped: Served):
    path = "/apis/serving.kserve.io/v1alpha2/namespaces/production/llminferenceservices"
    one = f"{path}/qwen2-5-72b-pd"
    before = (await shipped.get(one))["metadata"]["generation"]
    both = {"spec": {"replicas": 2, "prefill": {"replicas": 2}}}
    _, body = await shipped.patch(f"{one}?dryRun=All", both)
    assert body["metadata"]["generation"] == before + 1
    assert (await shipped.get(one))["spec"]["replicas"] == 1
    _, body = await shipped.patch(one, both)
    assert body["metadata"]["generation"] == before + 1
    assert (body["spec"]["replicas"], body["spec"]["prefill"]["replicas"]) == (2, 2)
    _, body = await shipped.patch(one, {"spec": {"storageInitializer": {"enabled": True}}})
    assert body["metadata"]["generation"] == before + 2
    _, body = await shipped.patch(one, {"metadata": {"labels": {"a": "b"}}})
    assert body["metadata"]["generation"] == before + 2


async def test_labels_that_users_set_stay(shipped: Served):
    path = "/api/v1/namespaces/production/pods"
    name = (await shipped.names(f"{path}?labelSelector=llm-d.ai/role"))[0]
    code, _ = await shipped.patch(f"{path}/{name}", {"metadata": {"labels": {"mine": "yes"}}})
    assert code == 200
    assert await shipped.names(f"{path}?labelSelector=mine%3Dyes") == [name]
    shipped.simulation.levers.crash_pods(Selector(pods=(name,)))
    shipped.simulation.act()
    assert await shipped.names(f"{path}?labelSelector=mine%3Dyes") == [name]


async def test_what_has_no_workload_can_be_changed_too(shipped: Served):
    space = "/apis/serving.kserve.io/v1alpha2/namespaces/development/llminferenceservices"
    one = f"{space}/llama-3-2-3b-instruct"
    ready = (await shipped.get(one))["status"]["conditions"]
    assert {condition["reason"] for condition in ready} == {"ConfigNotFound"}
    code, body = await shipped.patch(one, {"spec": {"replicas": 2}})
    assert (code, body["spec"]["replicas"]) == (200, 2)
    # A prefill pool is more than a running service can be given: it is stored, no more.
    code, body = await shipped.patch(
        f"{space}/gemma-2-2b-it", {"spec": {"prefill": {"replicas": 1}}}
    )
    assert (code, body["spec"]["prefill"]) == (200, {"replicas": 1})
    code, body = await shipped.patch(f"{space}/gemma-2-2b-it", {"spec": {"prefill": None}})
    assert (code, "prefill" in body["spec"]) == (200, False)
