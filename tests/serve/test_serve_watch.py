"""What watches tell of what changes, by selector, version and form."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from serving import TABLE, Served

from mtop_tui.engine.levers import Selector
from mtop_tui.serve.entries import Entry
from mtop_tui.serve.store import LOG, Store

ALL = "/apis/serving.kserve.io/v1alpha2/llminferenceservices"
ONE = "/apis/serving.kserve.io/v1alpha2/namespaces/team-01/llminferenceservices/llm-00001"
PODS = "/api/v1/namespaces/team-01/pods"
ENGINES = "labelSelector=app.kubernetes.io/name%3Dllm-00001,kserve.io/component%3Dworkload"


async def version(fleet: Served, path: str = ALL) -> str:
    found: str = (await fleet.get(f"{path}?limit=1"))["metadata"]["resourceVersion"]
    return found


async def heard(fleet: Served, path: str, **more: Any) -> list[tuple[str, str]]:
    """Types and names of what a watch of a second tells."""
    async with fleet.watch(f"{path}&watch=1&timeoutSeconds=1", **more) as events:
        return [(one["type"], one["object"]["metadata"]["name"]) async for one in events]


async def label(fleet: Served, path: str, value: str | None) -> None:
    assert (await fleet.patch(path, {"metadata": {"labels": {"tier": value}}}))[0] == 200


async def test_objects_come_and_go_with_their_labels(fleet: Served):
    since = await version(fleet)
    await label(fleet, ONE, "bronze")
    await label(fleet, ONE, "bronze-too")
    await label(fleet, ONE, None)
    path = f"{ALL}?resourceVersion={since}"
    assert await heard(fleet, f"{path}&labelSelector=tier%3Dbronze") == [
        ("ADDED", "llm-00001"),
        ("DELETED", "llm-00001"),
    ]
    assert await heard(fleet, f"{path}&labelSelector=!tier") == [("ADDED", "llm-00001")]
    assert await heard(fleet, f"{path}&fieldSelector=metadata.name%3Dllm-00002") == []
    assert len(await heard(fleet, path)) == 3


async def test_a_watch_of_one_object(fleet: Served):
    since = await version(fleet)
    await label(fleet, ONE, "bronze")
    await label(fleet, ONE.replace("llm-00001", "llm-00001"), "gold")
    assert await heard(fleet, f"{ONE}?resourceVersion={since}") == [("MODIFIED", "llm-00001")] * 2
    other = ONE.replace("team-01", "team-02").replace("00001", "00002")
    assert await heard(fleet, f"{other}?resourceVersion={since}") == []


async def test_the_life_of_a_pod_is_told_in_order(fleet: Served):
    since = await version(fleet, PODS)
    name = (await fleet.names(f"{PODS}?{ENGINES}"))[0]
    path = f"{PODS}?watch=1&resourceVersion={since}&{ENGINES}&timeoutSeconds=20"
    async with fleet.watch(path) as events:
        fleet.simulation.levers.kill_pods(Selector(pods=(name,)))
        fleet.simulation.act()
        await fleet.advance(400)
        told = []
        async for one in events:
            pod = one["object"]
            phase = pod["status"]["phase"]
            ready = any(
                c["type"] == "Ready" and c["status"] == "True" for c in pod["status"]["conditions"]
            )
            told.append((one["type"], pod["metadata"]["name"] == name, phase, ready))
            if told[-1][1:] == (False, "Running", True):
                break
    gone = [one[0] for one in told if one[1]]
    assert gone == ["MODIFIED", "DELETED"]
    new = [one for one in told if not one[1]]
    assert new[0][0] == "ADDED"
    assert [one[2] for one in new] == sorted(
        (one[2] for one in new), key=["Pending", "Running"].index
    )


async def test_all_watchers_see_the_same_versions(fleet: Served):
    since = await version(fleet)

    async def follow() -> list[str]:
        path = f"{ALL}?watch=1&resourceVersion={since}"
        seen: list[str] = []
        async with fleet.watch(path) as events:
            while len(seen) < 20:
                seen.append((await anext(events))["object"]["metadata"]["resourceVersion"])
        return seen

    following = [asyncio.create_task(follow()) for _ in range(5)]
    for number in range(20):
        await label(fleet, ONE, f"tier-{number}")
    seen = await asyncio.gather(*following)
    assert sorted(seen[0], key=int) == seen[0]
    assert all(one == seen[0] for one in seen)


async def test_what_was_watched_adds_up_to_a_fresh_list(fleet: Served):
    listed = await fleet.get("/api/v1/pods")
    known = {one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in listed["items"]}
    path = f"/api/v1/pods?watch=1&resourceVersion={listed['metadata']['resourceVersion']}"
    for number in range(4):
        await fleet.patch(ONE, {"spec": {"replicas": number}})
        await fleet.advance(20)
    async with fleet.watch(f"{path}&timeoutSeconds=1") as events:
        async for one in events:
            metadata = one["object"]["metadata"]
            if one["type"] == "DELETED":
                del known[metadata["uid"]]
            else:
                known[metadata["uid"]] = metadata["resourceVersion"]
    fresh = await fleet.get("/api/v1/pods")
    assert known == {
        one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in fresh["items"]
    }


async def test_a_watch_in_tables_names_the_columns_once(fleet: Served):
    since = await version(fleet)
    await label(fleet, ONE, "bronze")
    await label(fleet, ONE, "gold")
    path = f"{ALL}?watch=1&resourceVersion={since}&timeoutSeconds=1"
    async with fleet.watch(path, headers={"Accept": TABLE}) as events:
        tables = [one["object"] async for one in events]
    assert [table["kind"] for table in tables] == ["Table", "Table"]
    assert tables[0]["columnDefinitions"][0]["name"] == "Name"
    assert tables[1]["columnDefinitions"] is None
    assert [row["cells"][0] for table in tables for row in table["rows"]] == ["llm-00001"] * 2


async def test_metadata_only(fleet: Served):
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    found = await fleet.get(f"{ALL}?limit=2", headers={"Accept": accept})
    assert found["kind"] == "PartialObjectMetadataList"
    assert [set(one) for one in found["items"]] == [{"kind", "apiVersion", "metadata"}] * 2


async def test_both_groups_of_events_have_the_same_ones(fleet: Served):
    await fleet.patch(ONE, {"spec": {"replicas": 3}})
    await fleet.advance(2)
    old = await fleet.get("/api/v1/events")
    new = await fleet.get("/apis/events.k8s.io/v1/events")
    assert [one["message"] for one in old["items"]] == [one["note"] for one in new["items"]]
    assert [one["involvedObject"] for one in old["items"]] == [
        one["regarding"] for one in new["items"]
    ]
    kept = await fleet.get("/api/v1/events?fieldSelector=involvedObject.kind%3DPod,type%3DNormal")
    assert kept["items"]
    assert {one["involvedObject"]["kind"] for one in kept["items"]} == {"Pod"}


def test_a_long_log_is_compacted():
    store = Store()

    def entry(number: int) -> Entry:
        return Entry("a", "b", "u", {}, lambda: {"metadata": {"n": number}})

    first = store.put("things", entry(0)).version
    for number in range(3 * LOG):
        store.put("things", entry(number))
    collection = store.collection("things")
    assert collection.compacted > first
    assert len(collection.since(collection.compacted)) >= LOG
    assert collection.since(store.version) == []


@pytest.mark.parametrize("query", ["resourceVersion=0&limit=1", "resourceVersion=", "limit=0"])
async def test_lists_from_any_version(fleet: Served, query: str):
    assert (await fleet.get(f"{ALL}?{query}"))["items"]
