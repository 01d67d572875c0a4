"""Changes by other ways than a merge patch, and what becomes of what was deleted."""

from __future__ import annotations

from typing import Any

from serving import Served

KSERVE = "/apis/serving.kserve.io/v1alpha2"
SPACE = f"{KSERVE}/namespaces/team-01"
ONE = f"{SPACE}/llminferenceservices/llm-00001"
PODS = "/api/v1/namespaces/team-01/pods"
ENGINES = "labelSelector=app.kubernetes.io/name%3Dllm-00001,llm-d.ai/role%3Ddecode"


async def engines(fleet: Served) -> list[str]:
    return await fleet.names(f"{PODS}?{ENGINES}")


async def test_an_update_replaces_the_object(fleet: Served):
    body = await fleet.get(ONE)
    body["spec"]["replicas"] = 3
    code, updated = await fleet.send("PUT", ONE, body)
    assert (code, updated["spec"]["replicas"]) == (200, 3)
    assert len(await engines(fleet)) == 3
    code, refused = await fleet.send("PUT", ONE, body)
    assert (code, refused["reason"]) == (409, "Conflict")


async def test_a_scale_is_updated_as_a_whole(fleet: Served):
    path = "/apis/apps/v1/namespaces/team-01/deployments/llm-00001-kserve/scale"
    scale = await fleet.get(path)
    scale["spec"]["replicas"] = 1
    tried = await fleet.send("PUT", f"{path}?dryRun=All", scale)
    assert (tried[0], tried[1]["spec"]) == (200, {"replicas": 1})
    assert (await fleet.get(path))["spec"] == {"replicas": 2}
    assert (await fleet.send("PUT", path, scale))[0] == 200
    assert (await fleet.get(path))["spec"] == {"replicas": 1}
    assert (await fleet.get(ONE))["spec"]["replicas"] == 1


async def test_evicted_pods_are_replaced(fleet: Served):
    before = await engines(fleet)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": before[0]}}
    code, body = await fleet.send("POST", f"{PODS}/{before[0]}/eviction", eviction)
    assert (code, body["status"]) == (201, "Success")
    await fleet.advance(60)
    after = await engines(fleet)
    assert len(after) == 2
    assert before[0] not in after


async def test_a_collection_is_deleted(fleet: Served):
    before = await engines(fleet)
    code, body = await fleet.send("DELETE", f"{PODS}?{ENGINES}&dryRun=All")
    assert (code, len(body["items"])) == (200, 2)
    await fleet.advance(1)
    assert await engines(fleet) == before
    assert (await fleet.send("DELETE", f"{PODS}?{ENGINES}"))[0] == 200
    await fleet.advance(60)
    assert set(before).isdisjoint(await engines(fleet))


async def test_a_service_that_comes_back_is_another_one(fleet: Served):
    body = await fleet.get(ONE)
    uid = body["metadata"]["uid"]
    code, done = await fleet.send("DELETE", ONE)
    assert (code, done["status"], done["details"]["uid"]) == (200, "Success", uid)
    fresh: dict[str, Any] = {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {"name": "llm-00001"},
        "spec": {"model": {"uri": "hf://org/model"}, "replicas": 1},
    }
    path = f"{SPACE}/llminferenceservices"
    # Its name is free at once, its pods only when those before it are gone.
    code, refused = await fleet.send("POST", path, fresh)
    assert code == 409
    assert "is there already" in refused["message"]
    await fleet.advance(60)
    assert await engines(fleet) == []
    code, made = await fleet.send("POST", path, fresh)
    assert code == 201
    assert made["metadata"]["uid"] != uid
    assert "status" not in made
    await fleet.advance(1)
    assert (await fleet.get(ONE))["status"]["conditions"]


async def test_generated_names_and_configs(fleet: Served):
    config = {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceServiceConfig",
        "metadata": {"generateName": "team-"},
        "spec": {"replicas": 2},
    }
    path = f"{SPACE}/llminferenceserviceconfigs"
    code, made = await fleet.send("POST", path, config)
    name = made["metadata"]["name"]
    assert (code, name.startswith("team-"), len(name)) == (201, True, 10)
    service = {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {"name": "based"},
        "spec": {"model": {"uri": "hf://org/model-7b"}, "baseRefs": [{"name": name}]},
    }
    assert (await fleet.send("POST", f"{SPACE}/llminferenceservices", service))[0] == 201
    await fleet.advance(1)
    based = await fleet.get(f"{SPACE}/llminferenceservices/based")
    ready = next(one for one in based["status"]["conditions"] if one["type"] == "PresetsCombined")
    assert ready["status"] in {"True", "False"}
    assert (await fleet.send("DELETE", f"{path}/{name}"))[0] == 200
    assert name not in await fleet.names(path)


async def test_a_dry_run_changes_nothing(fleet: Served):
    version = (await fleet.get(ONE))["metadata"]["resourceVersion"]
    patch = {"spec": {"replicas": 7}, "metadata": {"labels": {"a": "b"}}}
    code, body = await fleet.patch(f"{ONE}?dryRun=All", patch)
    assert (code, body["spec"]["replicas"], body["metadata"]["labels"]["a"]) == (200, 7, "b")
    assert (await fleet.send("DELETE", f"{ONE}?dryRun=All"))[0] == 200
    assert (await fleet.get(ONE))["metadata"]["resourceVersion"] == version


async def test_an_operator_of_another_kind_can_mark_what_it_has_seen(fleet: Served):
    node = (await fleet.names("/api/v1/nodes"))[0]
    code, body = await fleet.send(
        "PATCH",
        f"/api/v1/nodes/{node}",
        {"metadata": {"labels": {"seen": "yes"}}, "spec": {"unschedulable": True}},
        "application/strategic-merge-patch+json",
    )
    assert (code, body["metadata"]["labels"]["seen"], body["spec"]["unschedulable"]) == (
        200,
        "yes",
        True,
    )
    assert await fleet.names("/api/v1/nodes?labelSelector=seen%3Dyes") == [node]
